"""Reports that were captured and are replayed, or made up by another router, change nothing that this router has reported."""

import random
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Address

import pytest
from sqlalchemy import text

from benchmarks import wire
from benchmarks.radius_packets import Reporter
from benchmarks.radius_sessions import sessions
from hotspot.radius.attributes import Attr, StatusType, TerminateCause, make
from hotspot.radius.packet import Code, Packet, sign_request
from hotspot.radius.server import RadiusServer
from hotspot.settings import Settings
from hotspot.usage.rollup import rebuild_dirty
from tests.radius.radius_city import ALUN_ALUN, PERPUSTAKAAN, SECRETS, City, Clock, Router

SESSIONS = 1_035  # of ten reports each; a third of them without Stop yet: 10,005 reports
AT_ONCE = 128  # fits into any socket's buffer
LATER = [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=2)]

TOTALS = """
    SELECT router_id, acct_session_id, started_at, octets_from_device, octets_to_device, packets_from_device,
           packets_to_device, seconds
    FROM guest_session ORDER BY router_id, acct_session_id, session_key
"""
ENDS = (
    "SELECT acct_session_id, ended_at, end_cause FROM guest_session WHERE ended_at IS NOT NULL ORDER BY acct_session_id"
)
DAYS = """
    SELECT scope, scope_id, day, octets_from_device, octets_to_device FROM usage_day
    WHERE octets_from_device > 0 OR octets_to_device > 0 ORDER BY scope, scope_id, day
"""


def stored(city: City, question: str, **values: object) -> list[tuple[object, ...]]:
    with city.database.reading() as db:
        return [tuple(row) for row in db.execute(text(question), values)]


def capture(clock: Clock, count: int, *, without_class: float) -> list[bytes]:
    """Reports of many sessions as they lie on the wire, one after the other; every third session is still going on."""
    alun_alun = Reporter(ALUN_ALUN, "alun-alun-1", SECRETS[ALUN_ALUN].encode())
    now, chance = int(clock.now.timestamp()), random.Random(19_71)
    told = list(sessions([alun_alun], count, 8, chance, now=now, without_class=without_class))
    bodies = []
    for step in range(len(told[0].reports)):
        for number, session in enumerate(told):
            if step < len(session.reports) - 1 or number % 3:
                session.step = step
                bodies.append(session.body(clock.now.timestamp()))
    return [wire.accounting_request(number % 256, body, alun_alun.secret) for number, body in enumerate(bodies)]


def send(router: Router, packets: Sequence[bytes]) -> None:
    """Send them and wait until all are acknowledged, which is when they are stored."""
    router.socket.settimeout(5)
    for start in range(0, len(packets), AT_ONCE):
        some = packets[start : start + AT_ONCE]
        for packet in some:
            router.socket.sendto(packet, router.server.acct_address)
        assert {router.socket.recv(4096)[1] for _ in some} == {packet[1] for packet in some}


@pytest.mark.parametrize(
    ("count", "without_class", "times"),
    [
        (SESSIONS, 0.0, LATER),
        (50, 1.0, LATER),
    ],
    ids=["class", "no-class"],
)
def test_captured_reports_that_are_replayed_later_change_no_total(
    city: City,
    router: Router,
    clock: Clock,
    settings: Settings,
    count: int,
    without_class: float,
    times: Sequence[timedelta],
) -> None:
    packets = capture(clock, count, without_class=without_class)
    send(router, packets)
    with city.database.writing() as db:
        rebuild_dirty(db, settings.zone)
    totals, ends, days = stored(city, TOTALS), stored(city, ENDS), stored(city, DAYS)
    sent_at = clock.now

    for number, later in enumerate(times):
        clock.now = sent_at + later
        send(router, packets[number :: len(times)])

    with city.database.writing() as db:
        rebuild_dirty(db, settings.zone)
    assert len(totals) == count
    assert None not in {value for row in totals for value in row}
    assert stored(city, TOTALS) == totals
    assert stored(city, ENDS) == ends
    assert stored(city, DAYS) == days


POISON = {
    "on": StatusType.ACCOUNTING_ON,
    "off": StatusType.ACCOUNTING_OFF,
    "stop": StatusType.STOP,
    "interim": StatusType.INTERIM_UPDATE,
}


@pytest.mark.parametrize("status", POISON.values(), ids=POISON)
@pytest.mark.parametrize("with_class", [True, False], ids=["class", "no-class"])
def test_a_router_can_not_touch_what_another_one_reported(
    city: City, radius: RadiusServer, router: Router, clock: Clock, status: StatusType, with_class: bool
) -> None:
    login = city.credential()
    class_ = (make(Attr.CLASS, login.credential_id.bytes),) if with_class else ()
    for kind, session in ((StatusType.START, "80100014"), (StatusType.INTERIM_UPDATE, "80100014")):
        assert router.ask(router.report(kind, session, *class_, *counters(1_000), user=login.user_name)) is not None
    victim = "SELECT guest_session.* FROM guest_session JOIN site ON site.id = site_id WHERE site.slug = 'alun-alun'"
    before = stored(city, victim)
    clock.advance(timedelta(minutes=5))

    with Router(radius, PERPUSTAKAAN, name="alun-alun-1") as poisoner:
        claims = (
            make(Attr.NAS_IP_ADDRESS, IPv4Address(ALUN_ALUN)),
            make(Attr.CALLED_STATION_ID, "hs-alun-alun"),
            make(Attr.ACCT_TERMINATE_CAUSE, TerminateCause.NAS_REBOOT),
        )
        poison = poisoner.report(status, "80100014", *class_, *claims, *counters(9_999_999), user=login.user_name)
        take_in(poisoner, poison)

    assert len(before) == 1
    assert stored(city, victim) == before


def counters(octets: int) -> tuple[tuple[int, bytes], ...]:
    return (
        make(Attr.ACCT_INPUT_OCTETS, octets),
        make(Attr.ACCT_OUTPUT_OCTETS, octets),
        make(Attr.ACCT_SESSION_TIME, 300),
    )


def take_in(router: Router, packet: Packet) -> None:
    """Let the server take the packet in, whether it acknowledges it or not: it does so in order."""
    status = Packet(Code.STATUS_SERVER, 255, b"was it taken in?", (make(Attr.NAS_IDENTIFIER, router.name),))
    router.socket.settimeout(5)
    for octets in (sign_request(packet, router.secret), sign_request(status, router.secret)):
        router.socket.sendto(octets, router.server.acct_address)
    while router.socket.recv(4096)[1] != 255:
        pass
