"""One embedded PostgreSQL for the whole run, a fresh database for each test that asks for one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
import structlog
from sqlalchemy import create_engine, make_url, text

from hotspot.db import Database, bring_up_to_date, open_database
from hotspot.settings import Settings, load
from tests.world import World, build

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)  # a Monday noon in Pangkalpinang
SECRET_KEY = "tests-only-" + "0123456789abcdefghijklmnopqrstuv"
names = count(1)

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
    """The embedded server, with a migrated template to copy fresh databases from."""
    directory = TemporaryDirectory(prefix="hotspot-test-")
    database = open_database(load(data_dir=Path(directory.name)), migrate=False)
    admin = create_engine(database.engine.url, isolation_level="AUTOCOMMIT", pool_size=1)
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE template_hotspot"))
    template = create_engine(database.engine.url.set(database="template_hotspot"))
    bring_up_to_date(template)
    template.dispose()
    yield database
    admin.dispose()
    database.close()
    directory.cleanup()


@pytest.fixture
def database_url(server: Database) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    name = f"test_{next(names)}"
    admin = create_engine(server.engine.url, isolation_level="AUTOCOMMIT", pool_size=1)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template_hotspot"))
    yield make_url(server.dsn).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


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
