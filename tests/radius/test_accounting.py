"""Accounting through real UDP and a real database: stored, then acknowledged, whatever order and how often."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlmodel import select

from hotspot.db import Database
from hotspot.radius.attributes import Attr, StatusType, TerminateCause, make
from hotspot.radius.packet import Code, MalformedPacket, Packet, Secret, parse, sign_request
from hotspot.radius.reports import read_report, said_in
from hotspot.radius.server import RadiusServer
from hotspot.routers.service import KnownRouter
from hotspot.security import Keys
from hotspot.usage.endings import Boot
from hotspot.usage.models import GuestSession
from tests.radius.radius_city import GINA_MAC, PERPUSTAKAAN, City, Clock, Router, dropped, serving

GIGAWORD = 1 << 32


def sessions(city: City) -> list[GuestSession]:
    with city.database.reading() as db:
        return list(db.exec(select(GuestSession).order_by(GuestSession.acct_session_id)))  # type: ignore[arg-type]


def counters(up: int, down: int, seconds: int) -> tuple[tuple[int, bytes], ...]:
    return (
        make(Attr.ACCT_INPUT_OCTETS, up % GIGAWORD),
        make(Attr.ACCT_INPUT_GIGAWORDS, up // GIGAWORD),
        make(Attr.ACCT_OUTPUT_OCTETS, down % GIGAWORD),
        make(Attr.ACCT_OUTPUT_GIGAWORDS, down // GIGAWORD),
        make(Attr.ACCT_INPUT_PACKETS, 11),
        make(Attr.ACCT_OUTPUT_PACKETS, 12),
        make(Attr.ACCT_SESSION_TIME, seconds),
    )


@contextmanager
def rule(database: Database, body: str) -> Iterator[None]:
    """A trigger that runs at commit for each new session."""
    with database.engine.begin() as connection:
        connection.execute(text(f"CREATE FUNCTION rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"))
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER rule AFTER INSERT ON guest_session DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION rule()"
            )
        )
    yield
    with database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER rule ON guest_session; DROP FUNCTION rule()"))


def test_a_session_from_start_to_stop(city: City, router: Router, clock: Clock) -> None:
    login = city.credential()
    mine = make(Attr.CLASS, login.credential_id.bytes)
    began = clock.now

    router.ask(router.report(StatusType.START, "80100014", mine))
    clock.advance(timedelta(minutes=5))
    router.ask(router.report(StatusType.INTERIM_UPDATE, "80100014", mine, *counters(100, 5 * GIGAWORD + 7, 300)))
    clock.advance(timedelta(minutes=1))
    cause = make(Attr.ACCT_TERMINATE_CAUSE, TerminateCause.IDLE_TIMEOUT)
    reply = router.ask(router.report(StatusType.STOP, "80100014", mine, cause, *counters(200, 6 * GIGAWORD, 360)))

    assert reply is not None
    assert reply.code == Code.ACCOUNTING_RESPONSE
    (session,) = sessions(city)
    assert session.admission_id == login.credential_id
    assert session.device_id == city.device(GINA_MAC)
    assert session.site_id == city.sites["alun-alun"]
    assert (session.started_at, session.ended_at) == (began, clock.now)
    assert (session.octets_from_device, session.octets_to_device, session.seconds) == (200, 6 * GIGAWORD, 360)
    assert session.end_cause == TerminateCause.IDLE_TIMEOUT


def test_a_repeated_report_is_acknowledged_again_and_changes_nothing(city: City, router: Router) -> None:
    octets = sign_request(router.report(StatusType.INTERIM_UPDATE, "80100014", *counters(1, 2, 3)), router.secret)

    replies = [router.ask_octets(octets) for _ in range(3)]

    assert all(reply is not None for reply in replies)
    (session,) = sessions(city)
    assert (session.octets_from_device, session.octets_to_device) == (1, 2)


def test_a_late_retransmission_keeps_its_time(city: City, router: Router, clock: Clock) -> None:
    router.ask(router.report(StatusType.START, "80100014", make(Attr.ACCT_DELAY_TIME, 90)))

    assert sessions(city)[0].started_at == clock.now - timedelta(seconds=90)


def test_a_router_speaks_only_of_its_own_sessions(city: City, radius: RadiusServer, router: Router) -> None:
    router.ask(router.report(StatusType.INTERIM_UPDATE, "80100014", *counters(10, 10, 10)))

    with Router(radius, PERPUSTAKAAN, name="alun-alun-1") as other:
        other.ask(other.report(StatusType.STOP, "80100014", *counters(9_999, 9_999, 9_999)))

    mine, theirs = sorted(sessions(city), key=lambda session: session.router_id)
    assert (mine.octets_from_device, mine.ended_at) == (10, None)
    assert theirs.site_id == city.sites["perpustakaan"]


def test_a_commit_that_fails_is_not_acknowledged_until_it_succeeds(city: City, router: Router) -> None:
    octets = sign_request(router.report(StatusType.START, "80100014"), router.secret)

    with rule(city.database, "RAISE EXCEPTION 'no' USING ERRCODE = 'disk_full';"):
        assert router.hears_nothing(octets)
        assert sessions(city) == []

    router.socket.settimeout(5)
    assert parse(router.socket.recv(4096)).code == Code.ACCOUNTING_RESPONSE  # nobody asked again
    assert len(sessions(city)) == 1


def test_nothing_is_acknowledged_before_its_commit(city: City, router: Router) -> None:
    octets = sign_request(router.report(StatusType.START, "80100014"), router.secret)
    with (
        rule(city.database, "PERFORM pg_advisory_xact_lock(42); RETURN NULL;"),
        city.database.engine.connect() as holder,
    ):
        holder.execute(text("SELECT pg_advisory_lock(42)"))

        assert router.hears_nothing(octets)

        holder.execute(text("SELECT pg_advisory_unlock(42)"))
        router.socket.settimeout(5)
        assert parse(router.socket.recv(4096)).code == Code.ACCOUNTING_RESPONSE
    assert len(sessions(city)) == 1


def test_a_report_the_database_refuses_does_not_sink_its_batch(city: City, router: Router) -> None:
    with city.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE guest_session ADD CHECK (acct_session_id <> 'poison')"))
    with (
        rule(
            city.database,
            "IF NEW.acct_session_id = 'slow' THEN PERFORM pg_advisory_xact_lock(42); END IF; RETURN NULL;",
        ),
        city.database.engine.connect() as holder,
    ):
        holder.execute(text("SELECT pg_advisory_lock(42)"))
        good = [f"8010{number:04d}" for number in range(12)]
        reports = ["slow", *good[:6], "poison", *good[6:]]  # while "slow" commits, the others become one batch
        for session_id in reports:
            packet = router.report(StatusType.START, session_id)
            router.socket.sendto(sign_request(packet, router.secret), router.server.acct_address)
        assert router.hears_nothing(b"")
        holder.execute(text("SELECT pg_advisory_unlock(42)"))

        router.socket.settimeout(5)
        replies = [router.socket.recv(4096) for _ in range(len(reports) - 1)]

    assert len({reply[1] for reply in replies}) == 13
    assert {session.acct_session_id for session in sessions(city)} == {"slow", *good}
    assert router.hears_nothing(b"")


def test_while_the_database_is_away_there_is_silence_and_then_it_goes_on(city: City, router: Router) -> None:
    octets = sign_request(router.report(StatusType.START, "80100014"), router.secret)
    asked = sign_request(router.access_request(city.credential()), router.secret)
    url = city.database.engine.url
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": url.database}
        )

        assert router.hears_nothing(octets)
        assert router.hears_nothing(asked)

        connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))
    admin.dispose()
    router.socket.settimeout(10)
    assert router.socket.recv(4096)[0] == Code.ACCOUNTING_RESPONSE  # the report waited; nobody asked again
    reply = router.ask_octets(asked)
    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT


def test_many_reports_are_committed_together_and_each_is_acknowledged(city: City, router: Router) -> None:
    packets = [router.report(StatusType.START, f"8010{number:04d}") for number in range(200)]
    for packet in packets:
        router.socket.sendto(sign_request(packet, router.secret), router.server.acct_address)

    router.socket.settimeout(5)
    answered = {router.socket.recv(4096)[1] for _ in packets}

    assert len(answered) == 200
    assert len(sessions(city)) == 200


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        ([make(Attr.ACCT_STATUS_TYPE, 15)], "unusable_report"),
        ([make(Attr.ACCT_STATUS_TYPE, StatusType.START), make(Attr.ACCT_SESSION_ID, "1")], "unusable_report"),
        ([make(Attr.ACCT_STATUS_TYPE, StatusType.START), make(Attr.CALLING_STATION_ID, GINA_MAC)], "unusable_report"),
        ([make(Attr.ACCT_STATUS_TYPE, 2), make(Attr.ACCT_SESSION_ID, b"\xff"), (31, GINA_MAC.encode())], "malformed"),
        ([make(Attr.ACCT_STATUS_TYPE, 2), make(Attr.ACCT_SESSION_ID, b"a\0b"), (31, GINA_MAC.encode())], "malformed"),
        ([make(Attr.ACCT_STATUS_TYPE, 1), make(Attr.ACCT_STATUS_TYPE, 2)], "malformed"),
    ],
)
def test_what_says_nothing_of_a_session_is_met_with_silence(
    router: Router, packet: list[tuple[int, bytes]], reason: str
) -> None:
    before = dropped(reason)

    assert router.hears_nothing(
        sign_request(Packet(Code.ACCOUNTING_REQUEST, 1, bytes(16), tuple(packet)), router.secret)
    )

    assert dropped(reason) == before + 1


def test_what_is_being_committed_when_the_server_stops_is_still_acknowledged(city: City) -> None:
    with (
        serving(city) as radius,
        Router(radius, PERPUSTAKAAN, name="perpus-1") as router,
        rule(city.database, "PERFORM pg_advisory_xact_lock(42); RETURN NULL;"),
        city.database.engine.connect() as holder,
    ):
        holder.execute(text("SELECT pg_advisory_lock(42)"))
        octets = sign_request(router.report(StatusType.START, "80100014"), router.secret)
        assert router.hears_nothing(octets)
        stopping = threading.Thread(target=radius.stop)
        stopping.start()
        holder.execute(text("SELECT pg_advisory_unlock(42)"))
        stopping.join(10)

        router.socket.settimeout(5)
        assert parse(router.socket.recv(4096)).code == Code.ACCOUNTING_RESPONSE


HERE = KnownRouter(1, "alun-alun-1", 1, "127.0.0.2", "", b"the-secret-of-alun-alun-32-chars")


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.sampled_from([40, 41, 42, 43, 46, 47, 48, 49, 52, 53, 55, 8]), st.binary(min_size=4, max_size=4)
            ),
            st.tuples(st.sampled_from([1, 25, 31, 44]), st.binary(min_size=1, max_size=30)),
            st.just(make(Attr.CALLING_STATION_ID, GINA_MAC)),
            st.just(make(Attr.ACCT_STATUS_TYPE, StatusType.STOP)),
            st.just(make(Attr.ACCT_SESSION_ID, "80100014")),
        ),
        max_size=12,
    ),
    st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_whatever_an_authentic_router_says_is_a_report_or_malformed(
    attributes: list[tuple[int, bytes]], received_at: datetime
) -> None:
    packet = parse(sign_request(Packet(4, 1, bytes(16), tuple(attributes)), Secret(HERE.secret)))

    try:
        report = read_report(said_in(packet.attributes), HERE, Keys.derive("x" * 32), received_at=received_at)
    except MalformedPacket:
        return

    assert report.router_id == HERE.id
    if isinstance(report, Boot):
        return
    assert report.started_at <= report.last_seen_at
    assert report.octets_from_device is None or 0 <= report.octets_from_device < 1 << 63
