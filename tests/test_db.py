"""The database: embedded or at an address, shared, restarted, refused."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InternalError

from hotspot.db import Database, DatabaseAway, open_database
from hotspot.settings import Settings, load

OPEN_AND_HOLD = """
import sys
from hotspot.db import open_database
from hotspot.settings import load
database = open_database(load(data_dir=sys.argv[1]), migrate=False)
print("open", flush=True)
sys.stdin.read()
if "close" in sys.argv:
    database.close()
"""


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """One data directory for the whole module: making one takes seconds, starting its server does not."""
    with TemporaryDirectory(prefix="hotspot-test-") as folder:
        yield Path(folder)


@pytest.fixture
def embedded(directory: Path) -> Settings:
    return load(data_dir=directory)


def postmaster(settings: Settings) -> int | None:
    pid_file = settings.data_dir / "postgres" / "postmaster.pid"
    return int(pid_file.read_text().splitlines()[0]) if pid_file.exists() else None


def is_up(database: Database) -> bool:
    with database.reading() as db:
        return bool(db.scalar(text("SELECT 1")))


def hold_open(settings: Settings, *words: str) -> subprocess.Popen[str]:
    """Another process that has the database open until its input ends."""
    command = [sys.executable, "-c", OPEN_AND_HOLD, str(settings.data_dir), *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


# --- embedded ------------------------------------------------------------------------------------------------------------


def test_without_an_address_a_server_is_started_and_stopped_at_the_end(embedded: Settings) -> None:
    with closing(open_database(embedded)) as database:
        server = psutil.Process(postmaster(embedded) or 0)
        assert is_up(database)
        with database.reading() as db:
            assert db.scalar(text("SHOW TimeZone")) == "UTC"
            assert db.scalar(text("SELECT count(*) FROM area")) == 0
            assert db.scalar(text("SHOW listen_addresses")) == "", "nobody but this machine's users reaches it"

    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    assert postmaster(embedded) is None
    database.close()  # twice is no error


def test_two_openings_in_one_process_share_the_server(embedded: Settings) -> None:
    with closing(open_database(embedded, migrate=False)) as first:
        with closing(open_database(embedded, migrate=False)) as second:
            server = postmaster(embedded)
            assert is_up(second)

        assert postmaster(embedded) == server
        assert is_up(first)
    assert postmaster(embedded) is None


def test_the_last_process_that_leaves_stops_the_server(embedded: Settings) -> None:
    with closing(open_database(embedded, migrate=False)) as database:
        server = postmaster(embedded)
        with hold_open(embedded, "close") as other:
            assert postmaster(embedded) == server
            other.communicate()
        assert other.returncode == 0
        assert is_up(database)

        staying = hold_open(embedded, "close")
    assert postmaster(embedded) == server, "the other one still has it open"

    with staying:
        staying.communicate()
    assert postmaster(embedded) is None


def test_a_server_that_outlived_its_killed_process_is_found_again_and_stopped(embedded: Settings) -> None:
    with hold_open(embedded) as other:
        other.kill()
    server = postmaster(embedded)
    assert server is not None
    assert psutil.pid_exists(server)

    with closing(open_database(embedded, migrate=False)) as database:
        assert postmaster(embedded) == server
        assert is_up(database)
    assert postmaster(embedded) is None


@pytest.mark.parametrize("remains", ["a dead process", "another program", "nothing"])
def test_a_pid_file_left_by_a_dead_server_does_not_stop_the_next(embedded: Settings, remains: str) -> None:
    with closing(open_database(embedded, migrate=False)):
        pid_file = embedded.data_dir / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    first = {"a dead process": dead.pid, "another program": os.getpid(), "nothing": ""}[remains]
    pid_file.write_text("\n".join([str(first), *lines[1:]]) + "\n" if first else "")
    an_hour_ago = time.time() - 3600
    os.utime(pid_file, (an_hour_ago, an_hour_ago))

    with closing(open_database(embedded, migrate=False, patience=timedelta(seconds=20))) as database:
        assert is_up(database)


def test_after_the_server_was_killed_the_next_opening_serves_within_five_seconds(embedded: Settings) -> None:
    with closing(open_database(embedded, migrate=False)) as database:
        with database.writing() as db:
            db.execute(text("CREATE TABLE IF NOT EXISTS kept (n int)"))
            db.execute(text("INSERT INTO kept VALUES (1)"))
        os.kill(postmaster(embedded) or 0, signal.SIGKILL)

        started = time.monotonic()
        with closing(open_database(embedded, migrate=False)) as again:
            took = time.monotonic() - started

            with again.reading() as db:
                assert db.scalar(text("SELECT count(*) FROM kept")) == 1, "what was committed is there"
            assert took < 5
    assert postmaster(embedded) is None


def test_a_server_that_can_not_start_is_said_with_its_directory(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(DatabaseAway, match=f"the embedded server in {tmp_path}/postgres does not start"):
        open_database(load(data_dir=tmp_path), patience=timedelta())


# --- at an address -------------------------------------------------------------------------------------------------------


def test_nobody_at_the_address_is_said_without_the_password(tmp_path: Path) -> None:
    away = load(data_dir=tmp_path, database_url="postgresql://hotspot:a-real-password@127.0.0.1:1/hotspot")

    with pytest.raises(DatabaseAway, match=r"refused.*check HOTSPOT_DATABASE_URL") as caught:
        open_database(away, patience=timedelta(seconds=0.3))

    assert "a-real-password" not in str(caught.value)
    assert not list(tmp_path.iterdir()), "no embedded server in its place"


def test_a_database_that_does_not_exist_is_said_at_once(server: Database, tmp_path: Path) -> None:
    url = server.engine.url.set(drivername="postgresql", database="nowhere").render_as_string(hide_password=False)
    started = time.monotonic()

    with pytest.raises(DatabaseAway, match='database "nowhere" does not exist'):
        open_database(load(data_dir=tmp_path, database_url=url))

    assert time.monotonic() - started < 5


# --- transactions --------------------------------------------------------------------------------------------------------


def test_a_reading_transaction_writes_nothing(database: Database) -> None:
    with database.reading() as db, pytest.raises((InternalError, DBAPIError), match="read-only transaction"):
        db.execute(text("INSERT INTO terms (name) VALUES ('x')"))

    with database.writing() as db:
        db.execute(text("CREATE TABLE after_reading (n int)"))  # the same connection writes again


def test_a_writing_transaction_is_undone_when_its_block_fails(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as db:
            db.execute(text("CREATE TABLE half_done (n int)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    with database.reading() as db:
        assert db.scalar(text("SELECT to_regclass('half_done')")) is None
