"""Sessions as routers really report them: out of order, twice, late, and again when they seemed lost."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, select

from hotspot.radius.attributes import Attr, StatusType, TerminateCause, make
from hotspot.radius.packet import Packet, RawAttribute, Secret, parse, sign_request
from hotspot.radius.reports import read_report, said_in
from hotspot.routers.service import KnownRouter
from hotspot.security import Keys
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from hotspot.usage.counters import Report
from hotspot.usage.endings import reap_all
from hotspot.usage.models import GuestSession
from tests.radius.radius_city import ALUN_ALUN, GINA_MAC, OTHER_MAC, SECRETS, City, Clock, Router
from tests.radius.session_words import (
    ID,
    INTERIM,
    MINUTE,
    START,
    STOP,
    counted,
    klass,
    only,
    since,
    stored,
    tell,
)
from tests.usage.reports import record
from tests.world import World

# --- any order, any number of times -------------------------------------------------------------------------------------

BEGAN = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # an hour before local midnight: the story crosses a day
ROUTER = KnownRouter(1, "alun-alun-1", 1, ALUN_ALUN, "", SECRETS[ALUN_ALUN].encode())
KEYS = Keys.derive("x" * 32)


def story() -> list[tuple[int, tuple[RawAttribute, ...]]]:
    """A session of ten reports over more than two hours, its download crossing 2³² twice: when, and what."""
    counters = [(minutes * 60, minutes * 70_000_000, minutes * 3_000_000) for minutes in range(15, 135, 15)]
    facts = [(0, (make(Attr.ACCT_STATUS_TYPE, START),))]
    facts += [
        (at, (make(Attr.ACCT_STATUS_TYPE, INTERIM), since(at), *counted(down, up), make(Attr.ACCT_OUTPUT_PACKETS, at)))
        for at, down, up in counters
    ]
    cause = make(Attr.ACCT_TERMINATE_CAUSE, TerminateCause.IDLE_TIMEOUT)
    at, down, up = 8_100, 9_500_000_000, 420_000_000
    facts.append((at, (make(Attr.ACCT_STATUS_TYPE, STOP), since(at), *counted(down, up), cause)))
    return facts


def as_received(at: int, said: tuple[RawAttribute, ...], *, delay: int) -> Report:
    """The report as it is read when the router needed `delay` seconds of retransmissions to bring it across."""
    attributes = (
        *said,
        klass(),
        make(Attr.ACCT_SESSION_ID, ID),
        make(Attr.CALLING_STATION_ID, GINA_MAC),
        make(Attr.EVENT_TIMESTAMP, int(BEGAN.timestamp()) + at),
        make(Attr.ACCT_DELAY_TIME, delay),
    )
    octets = sign_request(Packet(4, 1, bytes(16), attributes), Secret(ROUTER.secret))
    report = read_report(
        said_in(parse(octets).attributes), ROUTER, KEYS, received_at=BEGAN + timedelta(seconds=at + delay)
    )
    assert isinstance(report, Report)
    return report


def row_and_hours(db: Session) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    (session,) = db.exec(select(GuestSession)).all()
    row = session.model_dump(exclude={"id", "aside_hour", "aside_from_device", "aside_to_device"})
    marks = db.execute(text("SELECT hour, octets_from_device, octets_to_device FROM usage_mark ORDER BY hour"))
    return row, [tuple(mark) for mark in marks]


@given(
    st.permutations(range(10)),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0, 3, 6, 60, 600])), max_size=12),
    st.lists(st.integers(1, 6), max_size=10),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_order_repetition_and_retransmission_of_a_session_ends_in_the_same_row(
    database: Any, world: World, order: Sequence[int], again: list[tuple[int, int]], sizes: list[int]
) -> None:
    told = story()
    heard = [as_received(*told[number], delay=0) for number in order]
    heard += [as_received(*told[number], delay=delay) for number, delay in again]

    rows = []
    for batches in (sizes, [len(told)]):
        with Session(database.engine) as db:
            rest = heard if batches is sizes else [as_received(*one, delay=0) for one in told]
            for size in [*batches, len(rest)]:
                record(db, rest[:size])
                rest = rest[size:]
            rows.append(row_and_hours(db))
            db.rollback()

    assert rows[0] == rows[1]
    row, marks = rows[0]
    assert (row["octets_to_device"], row["octets_from_device"]) == (9_500_000_000, 420_000_000)
    assert (row["seconds"], row["ended_by"], row["suspicion"]) == (8_100, "stop", None)
    assert row["started_at"] == row["start_seen_at"] == BEGAN
    assert [mark[2] for mark in marks] == [45 * 70_000_000, 105 * 70_000_000]


def test_every_order_of_a_short_session_ends_in_the_same_row(database: Any, world: World) -> None:
    told = [story()[number] for number in (0, 3, 6, 9)]
    found = []
    for order in itertools.permutations(told):
        with Session(database.engine) as db:
            for one in order:
                record(db, [as_received(*one, delay=0)])
            found.append(row_and_hours(db))
            db.rollback()

    assert all(one == found[0] for one in found)


# --- what is known stays known ------------------------------------------------------------------------------------------


def test_a_download_is_what_went_to_the_device(city: City, router: Router) -> None:
    """The router's Output is the guest's download (RFC 2866 §5.4); swapped, every report of the city would be wrong."""
    tell(router, INTERIM, klass(), since(300), *counted(down=50_000_000, up=1_000_000))

    assert (only(city).octets_to_device, only(city).octets_from_device) == (50_000_000, 1_000_000)


def test_an_interim_before_its_start_opens_the_session(city: City, router: Router, clock: Clock) -> None:
    tell(router, INTERIM, klass(), since(300), *counted(7))

    assert only(city).started_at == clock.now - timedelta(seconds=300)
    assert only(city).ended_at is None


def test_a_stop_without_counters_keeps_what_is_known_and_missing_is_not_zero(city: City, router: Router) -> None:
    tell(router, INTERIM, klass(), since(300), *counted(7, 3))
    tell(router, STOP, klass())
    tell(router, START, klass(2), session="80100015", mac=OTHER_MAC)
    tell(router, STOP, klass(2), session="80100015", mac=OTHER_MAC)

    first, second = stored(city)
    assert (first.octets_to_device, first.octets_from_device, first.seconds) == (7, 3, 300)
    assert (second.octets_to_device, second.octets_from_device, second.seconds) == (None, None, None)


def test_an_interim_after_the_stop_does_not_reopen_the_session(city: City, router: Router, clock: Clock) -> None:
    tell(router, STOP, klass(), since(600), *counted(9))
    ended_at = only(city).ended_at
    clock.advance(MINUTE)
    tell(router, INTERIM, klass(), since(300), *counted(7))

    assert (only(city).ended_at, only(city).ended_by, only(city).octets_to_device) == (ended_at, "stop", 9)


def test_a_stop_alone_is_a_whole_session(city: City, router: Router, clock: Clock) -> None:
    tell(router, STOP, klass(), since(600), *counted(9))

    assert only(city).started_at == clock.now - timedelta(seconds=600)
    assert only(city).ended_at == clock.now


def test_a_router_clock_that_is_wrong_changes_no_total(city: City, router: Router, clock: Clock) -> None:
    tell(router, START, klass(), make(Attr.EVENT_TIMESTAMP, 0))
    clock.advance(5 * MINUTE)
    tell(router, STOP, klass(), since(300), *counted(9), make(Attr.EVENT_TIMESTAMP, 2**32 - 1))

    session = only(city)
    assert (session.seconds, session.octets_to_device, session.ended_at) == (300, 9, clock.now)
    assert session.router_time == datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)
    assert session.suspicion is None


# --- lost, and found ----------------------------------------------------------------------------------------------------


def test_a_session_is_lost_after_three_missed_reports_and_lives_again_when_one_comes(
    city: City, router: Router, clock: Clock
) -> None:
    with city.database.writing() as db:
        give(db, db.get_one(Site, city.sites["alun-alun"]), "interim_seconds", 60)
    tell(router, INTERIM, klass(), since(60), *counted(5))
    seen_at = clock.now

    for later, is_lost in ((3 * MINUTE, False), (timedelta(seconds=1), True)):
        clock.advance(later)
        with city.database.writing() as db:
            assert reap_all(db, now=clock.now) == is_lost
    assert (only(city).ended_at, only(city).ended_by) == (seen_at, "lost")

    tell(router, INTERIM, klass(), since(300), *counted(8))
    assert (only(city).ended_at, only(city).ended_by, only(city).octets_to_device) == (None, None, 8)


def test_an_old_report_that_comes_late_does_not_bring_a_lost_session_back(
    city: City, router: Router, clock: Clock
) -> None:
    tell(router, INTERIM, klass(), since(600), *counted(5))
    clock.advance(timedelta(hours=1))
    with city.database.writing() as db:
        assert reap_all(db, now=clock.now) == 1

    tell(router, INTERIM, klass(), since(300), *counted(3), make(Attr.ACCT_DELAY_TIME, 3_900))
    assert only(city).ended_by == "lost"

    tell(router, STOP, klass(), since(600), *counted(6), make(Attr.ACCT_DELAY_TIME, 3_600))
    assert (only(city).ended_by, only(city).octets_to_device) == ("stop", 6)


# --- scope --------------------------------------------------------------------------------------------------------------


def test_nothing_a_router_says_touches_the_sessions_of_another(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    """T5: with the other's Acct-Session-Id, Class, device and name, by every kind of report."""
    admission = uuid4()
    said = make(Attr.CLASS, admission.bytes)
    tell(router, START, said)
    tell(router, INTERIM, said, since(60), *counted(5))
    before = [one.model_dump() for one in stored(city)]
    clock.advance(MINUTE)

    named = make(Attr.NAS_IDENTIFIER, "alun-alun-1")
    for status in (StatusType.ACCOUNTING_ON, StatusType.ACCOUNTING_OFF):
        library.ask(Packet(4, 200 + status, bytes(16), (make(Attr.ACCT_STATUS_TYPE, status), named)))
    for status in (INTERIM, STOP, START):
        tell(library, status, said, since(120), *counted(10**9))

    assert [one.model_dump() for one in stored(city) if one.router_id == 1] == before
