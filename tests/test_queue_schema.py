"""The queue's tables: laid down with our own, brought up to date when the library is newer, refused when it is older."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from hotspot import queue_schema
from hotspot.db import Database, bring_up_to_date
from hotspot.queue_schema import NOTE, Note, QueueTooNew, migrations

EARLIER = "03.03.00_01_pre_priority_lock_fetch_job"


def note(engine: Engine) -> Note:
    with engine.connect() as connection:
        return Note.parse(connection.scalar(text(NOTE)))


def leave(engine: Engine, words: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{words}'"))


def script(engine: Engine, statements: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statements, execution_options={"no_parameters": True})


def shape(engine: Engine) -> dict[str, set[str]]:
    """The functions, triggers, indexes, columns and words of the queue's tables."""
    of_ours = "WHERE {} LIKE '%procrastinate%'"
    questions = {
        "functions": "SELECT proname FROM pg_proc " + of_ours.format("proname"),
        "triggers": "SELECT tgname FROM pg_trigger " + of_ours.format("tgname"),
        "indexes": "SELECT indexname FROM pg_indexes " + of_ours.format("tablename"),
        "words": "SELECT enumlabel FROM pg_enum",
        "columns": "SELECT table_name || '.' || column_name FROM information_schema.columns "
        + of_ours.format("table_name"),
    }
    with engine.connect() as connection:
        return {name: set(connection.scalars(text(question))) for name, question in questions.items()}


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    engine = create_engine(database.engine.url)
    yield engine
    engine.dispose()


def test_the_note_names_the_newest_of_the_librarys_migrations(engine: Engine) -> None:
    assert note(engine).migration == max(migrations())


def test_tables_of_an_older_library_become_those_of_a_new_installation(engine: Engine) -> None:
    fresh = shape(engine)
    script(engine, "DROP SCHEMA public CASCADE")
    script(engine, "CREATE SCHEMA public")
    for name in sorted(name for name in migrations() if name <= EARLIER):
        script(engine, migrations()[name].read_text())
    leave(engine, f"3.3.0 {EARLIER}")
    assert shape(engine) != fresh

    with engine.begin() as connection:
        queue_schema.bring_up_to_date(connection)

    assert shape(engine) == fresh
    assert note(engine).migration == max(migrations())


def test_a_library_of_another_version_with_the_same_tables_changes_only_the_note(engine: Engine) -> None:
    leave(engine, f"99.0.0 {max(migrations())}")

    bring_up_to_date(engine)

    assert note(engine).version != "99.0.0"


def test_tables_of_a_newer_library_are_refused_with_a_clear_line(engine: Engine) -> None:
    leave(engine, "99.0.0 99.00.00_01_future")

    with pytest.raises(QueueTooNew, match=r"99\.0\.0 99\.00\.00_01_future.*upgrade the program"):
        bring_up_to_date(engine)
