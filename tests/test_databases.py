"""The database that a test gets is as the migrations make it, whatever the test before did."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from hotspot.db import Database
from tests.databases import Databases, what_is_made


@pytest.fixture(scope="module")
def lent(server: Database) -> Iterator[Databases]:
    databases = Databases(server.dsn, prefix="lent")
    yield databases
    databases.close()


def at(server: Database, name: str) -> psycopg.Connection:
    return psycopg.connect(make_conninfo(server.dsn, dbname=name), autocommit=True)


def test_rows_and_numbers_are_gone_and_the_database_is_lent_again(server: Database, lent: Databases) -> None:
    name = lent.take()
    with at(server, name) as connection:
        connection.execute("SELECT nextval('area_id_seq')")
        connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    lent.give_back(name)

    assert lent.take() == name
    with at(server, name) as connection:
        assert connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone() == (0,)
        assert connection.execute("SELECT nextval('area_id_seq')").fetchone() == (1,)
        assert connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id").fetchone() == (1,)


def test_who_still_works_in_it_is_shown_out(server: Database, lent: Databases) -> None:
    name = lent.take()
    with at(server, name) as left:
        left.execute("BEGIN; LOCK TABLE area")
        lent.give_back(name)

        with pytest.raises(psycopg.errors.AdminShutdown):
            left.execute("SELECT")


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE another (n int)",
        "DROP SCHEMA public CASCADE",
        "ALTER TABLE area ADD CHECK (id > 0)",
        "ALTER TABLE area ALTER COLUMN id DROP DEFAULT",
        "ALTER TABLE area RENAME TO place; ALTER TABLE place RENAME TO area",
        "CREATE FUNCTION rule() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "COMMENT ON TABLE procrastinate_jobs IS 'of another version'",
        "UPDATE alembic_version SET version_num = '9999'",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); END $$",
    ],
)
def test_a_change_of_the_schema_is_noticed(server: Database, lent: Databases, change: str) -> None:
    name = lent.take()
    with at(server, name) as connection, connection.transaction(force_rollback=True):
        made = list(what_is_made(connection))
        connection.execute(change)

        assert any(found != was for found, was in zip(what_is_made(connection), made, strict=True))
    lent.give_back(name)


def test_one_whose_schema_was_changed_is_thrown_away(server: Database, lent: Databases) -> None:
    name = lent.take()
    with at(server, name) as connection:
        connection.execute("CREATE TABLE another (n int)")
    lent.give_back(name)

    assert lent.take() != name
