"""The express way into the database ends in the same rows as the long one, or says that it can't be taken."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import pq
from sqlalchemy import text
from sqlmodel import Session, select

from hotspot.db import Database
from hotspot.statements import prepared
from hotspot.usage.counters import Counting, EndedBy, Report
from hotspot.usage.express import MOST_KNOWN, STATEMENTS, Express
from hotspot.usage.models import GuestSession, UsageDirty
from tests.conftest import NOW
from tests.usage.reports import record
from tests.world import World, make_report

MINUTE = timedelta(minutes=1)


def express(db: Session, way: Express, reports: Sequence[Report]) -> str:
    """Store a batch as the server does: the express way if it can be taken, else the long one; say which it was."""
    batch = way.plan(reports)
    if batch is None:
        way.forget(reports)
        record(db, reports)
        return "long"
    db.execute(text("SELECT 1"))  # begins the test's transaction
    connection = db.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    results = []
    for step in batch.steps:
        result = connection.pgconn.exec_params(STATEMENTS[step.statement].sql, step.values)
        assert result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK), result.error_message
        columns = range(result.nfields)
        results.append([[result.get_value(row, column) or b"" for column in columns] for row in range(result.ntuples)])
    if way.judge(batch, results):
        return "+".join(step.statement for step in batch.steps)
    record(db, reports)
    return "long after all"


def rows(db: Session) -> tuple[list[dict[str, object]], list[tuple[object, ...]]]:
    own = {"id", "aside_hour", "aside_from_device", "aside_to_device"}
    sessions = [one.model_dump(exclude=own) for one in db.exec(select(GuestSession))]
    sessions.sort(key=lambda one: str(one["session_key"]))
    marks = db.execute(
        text("SELECT session_key, hour, m.* FROM usage_mark AS m JOIN guest_session AS s ON s.id = session_id")
    )
    return sessions, sorted((str(mark[0]), mark[1], mark[4], mark[5]) for mark in marks)


@st.composite
def story(draw: st.DrawFn) -> list[Report]:
    """Reports of three sessions of two devices over some hours, in any order: what a router says is consistent."""
    told = []
    for number, minutes in draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 150)), min_size=1, max_size=14)):
        at = timedelta(minutes=minutes)
        report = make_report(
            started_at=NOW + number * 7 * MINUTE,
            session_key=UUID(int=number),
            device_id=UUID(int=number % 2 + 1),
            seen_after=at,
            down=minutes * 1_000_000,
            up=minutes * 1_000,
            stopped=draw(st.integers(0, 9)) == 0,
        )
        told.append(report._replace(start_seen_at=report.started_at if minutes == 0 else None))
    return told


@given(story(), st.lists(st.integers(1, 4), max_size=14))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_express_way_ends_in_the_same_rows(
    database: Database, world: World, told: list[Report], sizes: list[int]
) -> None:
    found = []
    for is_express in (True, False):
        way = Express()
        with Session(database.engine) as db:
            rest = told
            for size in [*sizes, len(rest)]:
                if batch := rest[:size]:
                    _ = express(db, way, batch) if is_express else record(db, batch)
                rest = rest[size:]
            found.append(rows(db))
            db.rollback()

    assert found[0] == found[1]


def test_a_known_session_only_grows_and_its_hour_is_noted_again(database: Database, world: World) -> None:
    way, start = Express(), make_report(started_at=NOW, session_key=UUID(int=1))
    with Session(database.engine) as db:
        assert express(db, way, [start._replace(start_seen_at=NOW)]) == "save+supersede"
        db.execute(text("DELETE FROM usage_dirty"))

        grown = make_report(started_at=NOW, session_key=UUID(int=1), seen_after=5 * MINUTE, down=70, up=7)
        assert express(db, way, [grown]) == "grow"

        session = db.exec(select(GuestSession)).one()
        assert (session.octets_to_device, session.octets_from_device, session.seconds) == (70, 7, 300)
        assert session.last_seen_at == NOW + 5 * MINUTE
        assert db.exec(select(UsageDirty)).one().since == NOW
        db.rollback()


def test_a_session_that_was_given_up_meanwhile_lives_again(database: Database, world: World) -> None:
    way, began = Express(), make_report(started_at=NOW, session_key=UUID(int=1))
    with Session(database.engine) as db:
        express(db, way, [began])
        db.execute(text(f"UPDATE guest_session SET ended_at = last_seen_at, ended_by = '{EndedBy.LOST}'"))

        later = make_report(started_at=NOW, session_key=UUID(int=1), seen_after=5 * MINUTE, down=70)
        assert express(db, way, [later]) == "long after all"

        assert db.exec(select(GuestSession)).one().ended_at is None
        db.rollback()


def test_what_needs_more_than_growing_does_not_just_grow(database: Database, world: World) -> None:
    way, began = Express(), make_report(started_at=NOW, session_key=UUID(int=1))
    later = make_report(started_at=NOW, session_key=UUID(int=1), seen_after=5 * MINUTE, down=70)
    with Session(database.engine) as db:
        express(db, way, [began])
        assert express(db, way, [later._replace(last_seen_at=NOW + 61 * MINUTE)]) == "save", "another hour"
        assert express(db, way, [later._replace(started_at=NOW - MINUTE)]) == "save", "an earlier start"
        assert express(db, way, [later._replace(is_classed=False)]) == "long"
        assert express(db, way, [later._replace(counting=Counting.OCTETS_ONLY)]) == "long"
        assert express(db, way, [began, later._replace(last_seen_at=NOW + 61 * MINUTE)]) == "long", "two hours at once"
        db.rollback()


def test_two_routers_may_have_sessions_of_one_key(database: Database, world: World) -> None:
    way = Express()
    mine = make_report(started_at=NOW, session_key=UUID(int=1), router_id=world.router)
    theirs = make_report(started_at=NOW, session_key=UUID(int=1), router_id=world.other_router)
    with Session(database.engine) as db:
        express(db, way, [mine, theirs])
        grown = [one._replace(last_seen_at=NOW + MINUTE, octets_to_device=one.router_id * 10) for one in (mine, theirs)]
        assert express(db, way, grown) == "grow"

        stored = {one.router_id: one.octets_to_device for one in db.exec(select(GuestSession))}
        assert stored == {world.router: world.router * 10, world.other_router: world.other_router * 10}
        db.rollback()


def test_what_is_remembered_is_bounded() -> None:
    way, report = Express(), make_report(started_at=NOW)
    way._known = {(1, number): object() for number in range(MOST_KNOWN)}  # type: ignore[misc]  # only counted
    batch = way.plan([report])
    assert batch is not None

    way.learn(batch, [(report.router_id, 1, str(report.session_key))])

    assert len(way._known) == 1


def test_a_value_that_is_named_twice_is_one_number() -> None:
    assert prepared("SELECT %(a)s, %(b)s::int, %(a)s") == (b"SELECT $1, $2::int, $1", ("a", "b"))
