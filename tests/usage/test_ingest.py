"""The database joins reports exactly as `counters.join` does."""

from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, select

from hotspot.db import Database
from hotspot.usage.counters import Identity, Report, join_all
from hotspot.usage.ingest import KINDS, session_key
from hotspot.usage.models import GuestSession, UsageDirty, UsageMark
from hotspot.usage.service import find_session_of, forget_sessions
from tests.conftest import NOW
from tests.usage.by_hand import marks
from tests.usage.reports import record, some_reports
from tests.world import World, make_report

HOUR = timedelta(hours=1)
Grown = dict[tuple[UUID, datetime], tuple[int, int]]


def stored(db: Session) -> dict[Identity, Report]:
    rows = db.exec(select(GuestSession)).all()
    found = [Report(**{name: getattr(row, name) for name in KINDS}) for row in rows]
    return {report.identity: report for report in sorted(found, key=lambda report: report.identity)}


def stored_marks(db: Session) -> Grown:
    """The counters that each session had grown to by each hour: the marks of earlier hours, and the row for its latest."""
    grown: Grown = {}
    for session in db.exec(select(GuestSession)):
        latest = session.last_seen_at.replace(minute=0)
        if session.octets_from_device is not None or session.octets_to_device is not None:
            grown[session.session_key, latest] = (session.octets_from_device or 0, session.octets_to_device or 0)
        for mark in db.exec(select(UsageMark).where(UsageMark.session_id == session.id)):
            assert mark.hour < latest
            grown[session.session_key, mark.hour] = (mark.octets_from_device, mark.octets_to_device)
    return running(grown)


def running(grown: Grown) -> Grown:
    """What counts of an hour's mark: never less than the hours before it; an hour without growth says nothing."""
    highest: Grown = {}
    so_far: dict[UUID, tuple[int, int]] = {}
    for (key, hour), (up, down) in sorted(grown.items(), key=lambda item: item[0][1]):
        before = so_far.get(key, (0, 0))
        so_far[key] = now = (max(before[0], up), max(before[1], down))
        if now != before:
            highest[key, hour] = now
    return highest


@given(
    some_reports(sessions=2, other_site_id=2, judged=True),
    st.randoms(use_true_random=False),
    st.lists(st.integers(1, 5), max_size=12),
)
@example([], None, [])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_batches_in_any_order_end_in_the_row_that_joining_gives(
    database: Database, world: World, found: list[Report], random: object, sizes: list[int]
) -> None:
    shuffled = [*found, *found[::3]]
    if random is not None:
        random.shuffle(shuffled)  # type: ignore[attr-defined]

    with Session(database.engine) as db:
        rest = shuffled
        for size in [*sizes, len(rest)]:
            record(db, rest[:size])
            rest = rest[size:]

        assert stored(db) == join_all(found)
        assert stored_marks(db) == running(
            {(mark.identity[1], mark.hour): (mark.octets_from_device, mark.octets_to_device) for mark in marks(found)}
        )
        db.rollback()


def test_every_hour_that_a_report_touches_is_noted_for_the_roll_up(database: Database, world: World) -> None:
    with database.writing() as db:
        record(db, [make_report(started_at=NOW + HOUR / 2, seen_after=2 * HOUR)])

        note = db.exec(select(UsageDirty)).one()
        assert (note.since, note.until) == (NOW, NOW + 2 * HOUR)


def test_a_batch_with_an_unknown_router_is_refused_as_a_whole(database: Database, world: World) -> None:
    good = make_report(started_at=NOW)

    with database.writing() as db, pytest.raises(psycopg.IntegrityError):
        record(db, [good, good._replace(router_id=999)])

    with database.reading() as db:
        assert stored(db) == {}


def test_the_same_session_id_with_another_class_is_another_session() -> None:
    keys = [
        session_key("80000001", b"1"),
        session_key("80000001", b"2"),
        session_key("80000001", b"", b"1"),
        session_key("80000002", b"1"),
        session_key("8000000", b"11"),
    ]

    assert len(set(keys)) == len(keys)


# --- what is known of a device now ---------------------------------------------------------------------------------------


def test_the_session_of_a_credential_is_found_by_its_device_at_its_site_alone(database: Database, world: World) -> None:
    credential = UUID(int=7)
    here = {"site_id": world.alun_alun, "device_id": world.device()}
    with database.writing() as db:
        for hours in (1, 3, 2):
            record(
                db,
                [
                    make_report(started_at=NOW + hours * HOUR, device_id=world.device())._replace(
                        admission_id=credential
                    )
                ],
            )

        found = find_session_of(db, credential, **here)  # type: ignore[arg-type]
        assert found is not None
        assert found.started_at == NOW + 3 * HOUR, "the newest"
        assert find_session_of(db, credential, site_id=world.alun_alun, device_id=UUID(int=9)) is None
        assert find_session_of(db, credential, site_id=world.perpustakaan, device_id=world.device()) is None
        assert find_session_of(db, UUID(int=8), **here) is None  # type: ignore[arg-type]


def test_sessions_past_their_time_are_forgotten_with_their_marks(database: Database, world: World) -> None:
    with database.writing() as db:
        for hours in (0, 10):
            began = make_report(started_at=NOW + hours * HOUR, down=5)
            grown = began._replace(last_seen_at=began.started_at + HOUR, octets_to_device=9)
            record(db, [began, grown])

        assert forget_sessions(db, before=NOW + 2 * HOUR) == 1

        assert db.scalar(text("SELECT count(*) FROM guest_session")) == 1
        assert db.scalar(text("SELECT count(*) FROM usage_mark")) == 1
