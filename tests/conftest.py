"""One embedded PostgreSQL for the whole run, a database as the migrations make it for each test that asks for one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
import structlog
from sqlalchemy import create_engine, make_url, text

from hotspot.db import Database, bring_up_to_date, open_database
from hotspot.settings import Settings, load
from tests.databases import TEMPLATE, Databases
from tests.world import World, build

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)  # a Monday noon in Pangkalpinang
SECRET_KEY = "tests-only-" + "0123456789abcdefghijklmnopqrstuv"

hypothesis.settings.register_profile("hotspot", deadline=None)  # a busy machine is not a wrong answer
hypothesis.settings.load_profile("hotspot")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command under test sets logging up with the streams it runs with, which are closed when it ends."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory for an embedded server; not in pytest's own, which closes to other users whenever a run starts."""
    with TemporaryDirectory(prefix="hotspot-test-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    """The embedded server, with a migrated template to copy databases from. Nothing in it outlives the run, nor a power cut."""
    directory = TemporaryDirectory(prefix="hotspot-test-")
    database = open_database(load(data_dir=Path(directory.name)), migrate=False)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text(f"CREATE DATABASE {TEMPLATE}"))
    template = create_engine(database.engine.url.set(database=TEMPLATE))
    bring_up_to_date(template)
    template.dispose()
    yield database
    database.close()
    directory.cleanup()


@pytest.fixture(scope="session")
def databases(server: Database) -> Iterator[Databases]:
    databases = Databases(server.dsn)
    yield databases
    databases.close()


@pytest.fixture
def database_url(server: Database, databases: Databases) -> Iterator[str]:
    """The address of a migrated, empty database."""
    name = databases.take()
    yield make_url(server.dsn).set(database=name).render_as_string(hide_password=False)
    databases.give_back(name)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path / "data", database_url=database_url, secret_key=SECRET_KEY, http_port=8080)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A fresh, migrated, empty database."""
    database = open_database(settings, migrate=False)
    yield database
    database.close()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    """The cast of tests/world.py, in `database`."""
    with database.writing() as db:
        return build(db, settings.keys, NOW)
