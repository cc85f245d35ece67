"""What gives way when there is more than can be done: strangers first, then the oldest log-ins, reports last."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from hotspot.db import Database, open_database
from hotspot.radius import metrics, reception
from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.radius.nases import Candidates
from hotspot.radius.packet import Code, Packet, sign_request
from hotspot.radius.reject_delay import RejectDelay
from hotspot.settings import load
from tests.radius.radius_city import ALUN_ALUN, SILENCE, City, Clock, Router, build_city, dropped, serving


@contextmanager
def hanging(database: Database, table: str) -> Iterator[None]:
    """Let every write to the table wait."""
    with database.engine.begin() as holder:
        holder.execute(text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
        yield


def test_while_the_database_hangs_the_oldest_log_ins_give_way_and_every_report_is_kept(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "LOGIN_CAPACITY", 8)
    log_ins, reports = dropped("overload_logins"), dropped("overload_accounting")
    answered: dict[int, set[int]] = {Code.ACCESS_ACCEPT: set(), Code.ACCOUNTING_RESPONSE: set()}
    with serving(city) as server, Router(server, ALUN_ALUN, name="alun-alun-1") as router:
        logins = [router.access_request(city.credential()) for _ in range(20)]
        with hanging(city.database, "credential"), hanging(city.database, "guest_session"):
            for number, packet in enumerate(logins):
                router.socket.sendto(sign_request(packet, router.secret), server.auth_address)
                if number == 0:
                    router.hears_nothing(b"")  # the first is being committed when the others come
            for number in range(100):
                packet = router.report(StatusType.START, f"8010{number:04d}")
                router.socket.sendto(sign_request(packet, router.secret), server.acct_address)
            router.hears_nothing(b"")

        router.socket.settimeout(5)
        for _ in range(1 + 8 + 100):
            reply = router.socket.recv(4096)
            answered[reply[0]].add(reply[1])

    assert dropped("overload_logins") == log_ins + 20 - 1 - 8
    assert dropped("overload_accounting") == reports
    assert answered[Code.ACCESS_ACCEPT] == {packet.identifier for packet in (logins[0], *logins[-8:])}
    assert len(answered[Code.ACCOUNTING_RESPONSE]) == 100


def test_reports_wait_while_postgresql_is_stopped_and_are_stored_when_it_is_back(data_dir: Path, clock: Clock) -> None:
    settings = load(data_dir=data_dir)
    database = open_database(settings)
    city = build_city(database, settings.keys, clock)
    try:
        with serving(city) as server, Router(server, ALUN_ALUN, name="alun-alun-1") as router:
            assert router.ask(router.report(StatusType.START, "80100000")) is not None
            assert database._embedded is not None
            database._embedded._stop()
            packets = [router.report(StatusType.START, f"8010{number:04d}") for number in range(1, 51)]
            for packet in packets:
                router.socket.sendto(sign_request(packet, router.secret), server.acct_address)
            assert router.hears_nothing(b""), "nothing is acknowledged that isn't stored"

            again = open_database(settings, migrate=False)
            router.socket.settimeout(20)
            acknowledged = {router.socket.recv(4096)[1] for _ in packets}

            assert acknowledged == {packet.identifier for packet in packets}
            with again.reading() as db:
                assert db.scalar(text("SELECT count(*) FROM guest_session")) == 51
            again.close()
    finally:
        database.close()


class Counted(dict[str, Candidates]):
    """A table that counts how often it is asked."""

    looked_up = 0

    def get(self, source: str, default: None = None) -> None:  # type: ignore[override]
        self.looked_up += 1


@pytest.mark.parametrize("octets", [b"", b"no packet at all", bytes(4096), bytes(9000)])
def test_a_stranger_costs_one_look_up_and_is_not_even_parsed(city: City, octets: bytes) -> None:
    before = {reason: dropped(reason) for reason in ("unknown_source", "malformed")}
    with serving(city) as server, Router(server, ALUN_ALUN, name="alun-alun-1") as stranger:
        server._nases.by_address = counted = Counted()

        assert stranger.hears_nothing(octets)

    assert counted.looked_up == 1
    assert dropped("unknown_source") == before["unknown_source"] + 1
    assert dropped("malformed") == before["malformed"]


@pytest.mark.parametrize(("attributes", "is_answered"), [(200, True), (201, False)])
def test_a_packet_has_200_attributes_at_most(router: Router, attributes: int, is_answered: bool) -> None:
    packet = router.report(StatusType.START, "80100014")
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in packet.attributes)
    body += bytes((Attr.PORT_LIMIT, 6, 0, 0, 0, 1)) * (attributes - len(packet.attributes))
    head = bytes((Code.ACCOUNTING_REQUEST, 1)) + (20 + len(body)).to_bytes(2, "big")
    signature = hashlib.md5(head + bytes(16) + body + router.secret.octets).digest()
    before = dropped("malformed")

    reply = router.ask_octets(head + signature + body, wait=5 if is_answered else SILENCE, check=False)

    assert (reply is not None) is is_answered
    assert dropped("malformed") == before + (not is_answered)


@pytest.mark.parametrize(("size", "is_answered"), [(4096, True), (4097, False)])
def test_a_packet_has_4096_octets_at_most(router: Router, size: int, is_answered: bool) -> None:
    status = Packet(Code.STATUS_SERVER, 1, b"is anybody there", (make(Attr.NAS_IDENTIFIER, router.name),))
    octets = sign_request(status, router.secret)
    before = dropped("malformed")

    reply = router.ask_octets(octets.ljust(size, b"\0"), wait=5 if is_answered else SILENCE, check=False)

    assert (reply is not None) is is_answered
    assert dropped("malformed") == before + (not is_answered)


class TestRejectDelay:
    def test_a_reject_waits_and_asking_again_meanwhile_changes_nothing(self, city: City) -> None:
        before = dropped("in_progress")
        with serving(city, reject_delay=2 * SILENCE) as server, Router(server, ALUN_ALUN, name="alun-alun-1") as router:
            octets = sign_request(router.access_request(city.credential(), password="guess"), router.secret)

            assert router.ask_octets(octets, wait=SILENCE) is None
            reply = router.ask_octets(octets)
            assert reply is not None
            assert reply.code == Code.ACCESS_REJECT
            assert dropped("in_progress") == before + 1

            again = router.ask_octets(octets, wait=SILENCE)
            assert again is not None, "it has waited once"
            assert again.octets == reply.octets

    def test_nothing_else_waits_and_a_server_that_stops_keeps_no_answer_back(self, city: City) -> None:
        with serving(city, reject_delay=3600) as server, Router(server, ALUN_ALUN, name="alun-alun-1") as router:
            login = city.credential()
            assert router.hears_nothing(sign_request(router.access_request(login, password="guess"), router.secret))
            accept = router.ask(router.access_request(login))
            alive = router.ask(router.access_request(login, code=Code.STATUS_SERVER))

            server.stop()
            last = router.socket.recv(4096)

        assert accept is not None
        assert accept.code == Code.ACCESS_ACCEPT
        assert alive is not None
        assert last[0] == Code.ACCESS_REJECT

    def test_beyond_the_bound_a_reject_leaves_at_once_and_is_counted(self) -> None:
        before = metrics.UNDELAYED._value.get()

        async def rejects() -> list[int]:
            sent: list[int] = []
            delay = RejectDelay(asyncio.get_running_loop(), 3600, most=2)
            for number in range(4):
                delay.hold(partial(sent.append, number))
            assert sent == [2, 3]
            delay.flush()
            return sent

        assert asyncio.run(rejects()) == [2, 3, 0, 1]
        assert metrics.UNDELAYED._value.get() == before + 2
