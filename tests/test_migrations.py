"""The schema that the migrations make is the schema that the models describe."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from hotspot.db import Database, SchemaTooNew, bring_up_to_date, upgrade
from hotspot.migrations.models import metadata
from hotspot.routers.backups import backups_of

COPY = """
INSERT INTO router_backup (router_id, taken_at, reason, version, size, sha256, content)
VALUES (1, now(), 'before-change', '7.20.8', 1, '', '')
"""


AREA = "INSERT INTO area (id, code, name, level) VALUES (1, '19.71', 'Kota', 'kota')"
BANNER = """
INSERT INTO banner (area_id, texts, priority, starts_at) VALUES (1, '{"id": {"title": "Satu", "text": "Dua"}}', 0, now())
"""


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """The queue's tables are the library's own."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def test_models_and_migrations_describe_the_same_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_ours})

        assert compare_metadata(context, metadata) == []


def test_bringing_an_up_to_date_database_up_to_date_changes_nothing(database: Database) -> None:
    bring_up_to_date(database.engine)
    bring_up_to_date(database.engine)


def test_a_schema_newer_than_the_program_is_refused_with_a_clear_line(database: Database) -> None:
    with database.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaTooNew, match=r"schema 9999.*upgrade the program"):
        bring_up_to_date(database.engine)


def test_copies_of_before_the_nights_are_kept_and_can_not_be_loaded(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        upgrade(connection, "0004")
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # the router itself doesn't matter
        connection.execute(text(COPY))

    bring_up_to_date(database.engine)

    with database.reading() as db:
        (copy,) = backups_of(db, 1)
    assert (copy.model, copy.serial, copy.login, copy.image) == ("", "", "", None)
    test_models_and_migrations_describe_the_same_schema(database)


@pytest.mark.parametrize("revision", ["0008", "0009", "0010", "0011"])
def test_what_the_city_said_before_stays_from_whatever_schema_one_comes(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        upgrade(connection, revision)
        connection.execute(text(AREA))
        connection.execute(text(BANNER))

    bring_up_to_date(database.engine)

    with database.reading() as db:
        assert db.execute(text("SELECT count(*) FROM banner WHERE approved_at IS NOT NULL")).scalar_one() == 1
