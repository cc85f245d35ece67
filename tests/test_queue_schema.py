"""The queue's tables: laid down with our own, brought up to date when the library is newer, refused when it is older."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from hotspot.db import Database, bring_up_to_date
from hotspot.queue_schema import NOTE, Note, QueueTooNew, migrations

EARLIER = "03.03.00_01_pre_priority_lock_fetch_job"


def note(engine: Engine) -> Note:
    with engine.connect() as connection:
        return Note.parse(connection.scalar(text(NOTE)))


def leave(engine: Engine, words: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{words}'"))


def retries(engine: Engine) -> bool:
    """Whether the function is there that came after `EARLIER`."""
    with engine.connect() as connection:
        return connection.scalar(text("SELECT to_regproc('procrastinate_retry_job_v2') IS NOT NULL"))


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    engine = create_engine(database.engine.url)
    yield engine
    engine.dispose()


def test_the_note_names_the_newest_of_the_librarys_migrations(engine: Engine) -> None:
    assert note(engine).migration == max(migrations())


def test_tables_of_an_older_library_get_the_migrations_they_lack_and_no_other(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP FUNCTION procrastinate_retry_job_v2"))
    leave(engine, f"3.3.0 {EARLIER}")

    bring_up_to_date(engine)

    assert retries(engine)
    assert note(engine).migration == max(migrations())


def test_a_library_of_another_version_with_the_same_tables_changes_only_the_note(engine: Engine) -> None:
    leave(engine, f"99.0.0 {max(migrations())}")

    bring_up_to_date(engine)

    assert note(engine).version != "99.0.0"


def test_tables_of_a_newer_library_are_refused_with_a_clear_line(engine: Engine) -> None:
    leave(engine, "99.0.0 99.00.00_01_future")

    with pytest.raises(QueueTooNew, match=r"99\.0\.0 99\.00\.00_01_future.*upgrade the program"):
        bring_up_to_date(engine)
