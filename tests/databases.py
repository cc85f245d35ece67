"""Fresh databases for tests, without making one for each.

Making a database copies some three hundred files; emptying one costs a tenth of that. So a database that a test has used goes to
the next test as the migrations left it: no other session in it, every table empty, every sequence at its start. One whose schema
the test changed is thrown away.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

TEMPLATE = "template_hotspot"
VERSIONS = "alembic_version"  # the only table with rows of its own

# Whether every other session has ended.
END_OTHER_SESSIONS = """
    SELECT coalesce(bool_and(pg_terminate_backend(pid, 10000)), true)
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# The catalogs that a schema is written in, and what tells their rows apart. Each row also knows the transaction that wrote it:
# whatever is made, changed or taken away, the sum of a catalog is another one.
CATALOGS = {
    "pg_class": "oid",
    "pg_attribute": "attrelid, attnum",
    "pg_attrdef": "oid",
    "pg_constraint": "oid",
    "pg_trigger": "oid",
    "pg_proc": "oid",
    "pg_type": "oid",
    "pg_enum": "oid",
    "pg_namespace": "oid",
    "pg_description": "objoid, classoid, objsubid",
    "pg_database": "oid",
    "pg_db_role_setting": "setdatabase, setrole",
}
# Two catalogs tell of the other databases too, one of where temporary tables were.
OF_THIS_ONE = {
    "pg_namespace": r"WHERE nspname NOT LIKE 'pg\_%'",
    "pg_database": "WHERE datname = current_database()",
    "pg_db_role_setting": "WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))",
}
SCHEMA = " UNION ALL ".join(
    f"SELECT sum(hashtextextended(concat_ws(',', {key}, xmin), 0)) FROM {catalog} {OF_THIS_ONE.get(catalog, '')}"
    for catalog, key in CATALOGS.items()
)
FILLED = f"""
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> '{VERSIONS}'
    AND query_to_xml(format('SELECT FROM %s LIMIT 1', oid::regclass), true, true, '')::text <> ''
"""
RESTART_SEQUENCES = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""


class Databases:
    """The databases of one server that are made from its template, each lent to one test at a time."""

    def __init__(self, server: str, prefix: str = "test") -> None:
        self._server = server
        self._admin = psycopg.connect(server, autocommit=True)
        self._names = (f"{prefix}_{number}" for number in count(1))
        self._free: list[str] = []
        self._schemas: dict[str, list[Any]] = {}

    def take(self) -> str:
        """The name of a database that is as the migrations make it."""
        return self._free.pop() if self._free else self._make()

    def give_back(self, name: str) -> None:
        if self._is_clean_again(name):
            self._free.append(name)
        else:
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.close()

    def _make(self) -> str:
        name = next(self._names)
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        with self._connect(name) as connection:
            self._schemas[name] = list(what_is_made(connection))
        return name

    def _is_clean_again(self, name: str) -> bool:
        with self._connect(name) as connection:
            if connection.execute(END_OTHER_SESSIONS).fetchone() != (True,):
                return False
            if any(found != made for found, made in zip(what_is_made(connection), self._schemas[name], strict=True)):
                return False
            _empty(connection)
            return True

    def _connect(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(make_conninfo(self._server, dbname=name), autocommit=True)


def what_is_made(connection: psycopg.Connection[Any]) -> Iterator[Any]:
    """What the catalogs say, then (they may say that there is none) the table of versions."""
    yield connection.execute(SCHEMA).fetchall()
    yield connection.execute(f"SELECT version_num, xmin FROM {VERSIONS}").fetchall()


def _empty(connection: psycopg.Connection[Any]) -> None:
    """With DELETE, for TRUNCATE makes files too, and VACUUM, so that the next test does not walk over what is dead."""
    filled = [name for (name,) in connection.execute(FILLED)]
    if filled:
        connection.execute("SET session_replication_role = replica")  # no trigger fires, no reference is looked up
        connection.execute("; ".join(f"DELETE FROM {name}" for name in filled))
        connection.execute(f"VACUUM (INDEX_CLEANUP ON) {', '.join(filled)}")
    connection.execute(RESTART_SEQUENCES)
