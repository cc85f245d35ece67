"""The database joins reports exactly as `counters.join` does."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from hotspot.db import Database
from hotspot.usage.counters import Identity, Report, join_all, marks
from hotspot.usage.ingest import COLUMNS, record, session_key
from hotspot.usage.models import GuestSession, UsageDirty, UsageMark
from hotspot.usage.service import find_session_of, forget_sessions
from tests.conftest import NOW
from tests.usage.reports import some_reports
from tests.world import World, make_report

HOUR = timedelta(hours=1)


def stored(db: Session) -> dict[Identity, Report]:
    rows = db.exec(select(GuestSession)).all()
    found = [Report(**{name: getattr(row, name) for name in COLUMNS}) for row in rows]
    return {report.identity: report for report in sorted(found, key=lambda report: report.identity)}


def stored_marks(db: Session) -> set[tuple[UUID, object, int, int]]:
    found = db.exec(select(GuestSession.session_key, UsageMark).where(GuestSession.id == UsageMark.session_id))
    return {(key, mark.hour, mark.octets_from_device, mark.octets_to_device) for key, mark in found}


@given(
    some_reports(sessions=2, other_site_id=2),
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
        assert stored_marks(db) == {
            (mark.identity[1], mark.hour, mark.octets_from_device, mark.octets_to_device) for mark in marks(found)
        }
        db.rollback()


def test_every_hour_that_a_report_touches_is_noted_for_the_roll_up(database: Database, world: World) -> None:
    with database.writing() as db:
        record(db, [make_report(started_at=NOW + HOUR / 2, seen_after=2 * HOUR)])

        note = db.exec(select(UsageDirty)).one()
        assert (note.since, note.until) == (NOW, NOW + 2 * HOUR)


def test_a_batch_with_an_unknown_router_is_refused_as_a_whole(database: Database, world: World) -> None:
    good = make_report(started_at=NOW)

    with database.writing() as db, pytest.raises(IntegrityError):
        record(db, [good, replace(good, router_id=999)])

    with database.reading() as db:
        assert stored(db) == {}


def test_the_same_session_id_after_a_reboot_is_another_session() -> None:
    facts = {"acct_session_id": "80000001", "user_name": "gina", "device_id": UUID(int=1)}
    keys = [
        session_key(class_=None, **facts),  # type: ignore[arg-type]
        session_key(class_=b"", **{**facts, "user_name": "other"}),  # type: ignore[arg-type]
        session_key(class_=None, **{**facts, "device_id": UUID(int=2)}),  # type: ignore[arg-type]
        session_key(class_=b"1", **facts),  # type: ignore[arg-type]
        session_key(class_=b"2", **facts),  # type: ignore[arg-type]
        session_key(class_=b"1", **{**facts, "acct_session_id": "80000002"}),  # type: ignore[arg-type]
        session_key(class_=b"11", **{**facts, "acct_session_id": "8000000"}),  # type: ignore[arg-type]
    ]

    assert len(set(keys)) == len(keys)
    assert session_key(class_=b"1", **{**facts, "user_name": "x"}) == keys[3], "our Class is enough"  # type: ignore[arg-type]


# --- what is known of a device now ---------------------------------------------------------------------------------------


def test_the_session_of_a_credential_is_found_by_its_device_at_its_site_alone(database: Database, world: World) -> None:
    credential = UUID(int=7)
    here = {"site_id": world.alun_alun, "device_id": world.device()}
    with database.writing() as db:
        for hours in (1, 3, 2):
            record(
                db,
                [
                    replace(
                        make_report(started_at=NOW + hours * HOUR, device_id=world.device()), credential_id=credential
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
            record(db, [make_report(started_at=NOW + hours * HOUR, down=5)])

        assert forget_sessions(db, before=NOW + HOUR) == 1

        assert db.scalar(text("SELECT count(*) FROM guest_session")) == 1
        assert db.scalar(text("SELECT count(*) FROM usage_mark")) == 1
