"""The tables of Procrastinate, which queues the work on routers: laid down and brought up to date beside our own.

They are the library's own files, applied inside the caller's transaction. A note on its table of jobs says how far they went: the
library's version and the last of its migrations. Only where the version differs are the files looked at.
"""

from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text

from hotspot.errors import Unavailable

NOTE = "SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"


class QueueTooNew(Unavailable):
    """The queue of work was migrated by a newer hotspot ({found}, this program knows {known}); upgrade the program"""


class Note(NamedTuple):
    """How far the tables are: which version of the library laid them down, and its last migration then."""

    version: str
    migration: str

    @classmethod
    def parse(cls, words: str) -> "Note":
        version, _, migration = words.partition(" ")
        return cls(version, migration)

    def __str__(self) -> str:
        return f"{self.version} {self.migration}"


def bring_up_to_date(connection: Connection) -> None:
    """Lay the tables down, or run those of the library's migrations that came after the noted one.

    Raises:
        QueueTooNew: a library newer than ours has migrated them.
    """
    words = connection.scalar(text(NOTE))
    found = None if words is None else Note.parse(words)
    installed = version("procrastinate")
    if found is not None and found.version == installed:
        return
    files = migrations()
    known = Note(installed, max(files))
    if found is None:
        _run(connection, _whole())
    elif found.migration > known.migration:
        raise QueueTooNew(found=found, known=known)
    else:
        for name in sorted(name for name in files if name > found.migration):
            _run(connection, files[name].read_text())
    _run(connection, f"COMMENT ON TABLE procrastinate_jobs IS '{known}'")


def migrations() -> dict[str, Path]:
    """Return the library's migrations by name; the names begin with the version, so that they sort in their order."""
    from procrastinate.schema import SchemaManager  # noqa: PLC0415  (only where its version changed: commands stay quick)

    return {path.stem: path for path in Path(SchemaManager.get_migrations_path()).glob("*.sql")}


def _whole() -> str:
    from procrastinate.schema import SchemaManager  # noqa: PLC0415  (as above)

    return SchemaManager.get_schema()


def _run(connection: Connection, script: str) -> None:
    connection.exec_driver_sql(script, execution_options={"no_parameters": True})  # many statements; a % is a %
