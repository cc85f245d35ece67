"""The tools of the campaigns: the misbehaving network, the octets made without our codec, and what is bent out of them."""

import random
import socket

import pytest

from benchmarks import wire
from benchmarks.chaos import Chance, Proxy, Weather
from benchmarks.fuzzer import Fuzzer
from benchmarks.mutations import Original, forge, mutate
from benchmarks.radius_packets import Reporter
from hotspot.radius.attributes import Attr, make
from hotspot.radius.packet import (
    Code,
    MalformedPacket,
    Packet,
    Secret,
    flaw_in_request,
    parse,
    sign_reply,
    sign_request,
)

SECRET = b"the-secret-of-alun-alun-32-chars"
FAIR = Weather(0, 0, 0, 0, longest_delay=0.0)


class TestNetwork:
    def fates(self, weather: Weather, seed: int) -> list[list[tuple[float, bytes]]]:
        chance = Chance(weather, random.Random(seed))
        return [chance.copies_of(b"a report of some octets") for _ in range(10_000)]

    def test_fair_weather_changes_nothing(self) -> None:
        assert self.fates(FAIR, 1) == [[(0.0, b"a report of some octets")]] * 10_000

    def test_the_same_seed_has_the_same_fates(self) -> None:
        assert self.fates(Weather(), 1) == self.fates(Weather(), 1)
        assert self.fates(Weather(), 1) != self.fates(Weather(), 2)

    def test_each_fate_has_its_share(self) -> None:
        arrived = self.fates(Weather(), 1971)
        copies = [copy for all_copies in arrived for copy in all_copies]

        assert sum(not copies for copies in arrived) == pytest.approx(1_000, rel=0.15)
        assert sum(len(copies) == 2 for copies in arrived) == pytest.approx(900, rel=0.15)
        assert sum(delay > 0 for delay, _ in copies) == pytest.approx(0.10 * len(copies), rel=0.15)
        assert sum(octets != b"a report of some octets" for _, octets in copies) == pytest.approx(
            0.05 * len(copies), rel=0.15
        )

    def test_routers_keep_their_addresses_and_get_their_own_answers(self) -> None:
        server, *routers = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3))
        server.bind(("127.0.0.1", 0))
        for number, router in enumerate(routers, 1):
            router.bind((f"127.0.11.{number}", 0))
        for sock in (server, *routers):
            sock.settimeout(5)

        with Proxy(server.getsockname(), FAIR, seed=1) as proxy:
            for number, router in enumerate(routers, 1):
                router.sendto(f"report {number}".encode(), proxy.address)
                report, sender = server.recvfrom(100)
                assert (report, sender[0]) == (f"report {number}".encode(), f"127.0.11.{number}")
                server.sendto(b"to " + report, sender)
                assert router.recvfrom(100) == (b"to " + report, proxy.address)
            fates = proxy.stop()

        assert (fates.received, fates.delivered) == (4, 4)
        for sock in (server, *routers):
            sock.close()


IDENTITY = (make(Attr.NAS_IDENTIFIER, "alun-alun-1"), make(Attr.USER_NAME, "gina"))
REPORT = (make(Attr.ACCT_STATUS_TYPE, 1), make(Attr.ACCT_SESSION_ID, "80100014"))


def originals() -> list[Original]:
    attributes = [wire.attribute(kind, value) for kind, value in (*IDENTITY, *REPORT)]
    return [Original(code, attributes) for code in (wire.ACCESS_REQUEST, wire.ACCOUNTING_REQUEST, wire.STATUS_SERVER)]


ANSWERS = {
    Code.ACCESS_REQUEST: [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT],
    Code.STATUS_SERVER: [Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE],
    Code.ACCOUNTING_REQUEST: [Code.ACCOUNTING_RESPONSE],
}


class TestTwoCodecs:
    """The product's and the campaigns' know nothing of each other."""

    @pytest.mark.parametrize("code", ANSWERS)
    def test_each_takes_the_others_packets(self, code: Code) -> None:
        attributes = IDENTITY + REPORT
        body = b"".join(wire.attribute(kind, value) for kind, value in attributes)
        theirs = (
            wire.accounting_request(7, body, SECRET)
            if code == Code.ACCOUNTING_REQUEST
            else wire.keyed_request(code, 7, bytes(range(16)), body, SECRET)
        )
        ours = sign_request(Packet(code, 7, bytes(range(16)), attributes), Secret(SECRET))

        assert ours == theirs
        assert wire.is_authentic(ours, SECRET)
        assert not wire.is_authentic(ours, b"another secret")
        for answer in ANSWERS[code]:
            reply = sign_reply(parse(theirs), answer, IDENTITY, Secret(SECRET))
            assert wire.is_reply(reply, 7, theirs[4:20], SECRET)
            assert not wire.is_reply(reply, 8, theirs[4:20], SECRET)
            assert not wire.is_reply(reply, 7, bytes(16), SECRET)
            assert not wire.is_reply(reply[:-1] + b"x", 7, theirs[4:20], SECRET)

    def test_the_product_takes_nothing_for_authentic_that_is_not(self) -> None:
        chance, authentic = random.Random(19_71), 0
        for _ in range(20_000):
            datagram = mutate(originals(), SECRET, chance)
            try:
                is_taken = flaw_in_request(parse(datagram), Secret(SECRET)) is None
            except MalformedPacket:
                continue
            is_authentic = wire.is_authentic(datagram, SECRET)
            authentic += is_authentic
            if datagram[0] in (wire.ACCESS_REQUEST, wire.ACCOUNTING_REQUEST, wire.STATUS_SERVER):
                assert is_taken == is_authentic, datagram.hex()

        assert authentic > 2_000

    def test_what_is_forged_is_never_authentic(self) -> None:
        chance = random.Random(19_71)

        assert not any(wire.is_authentic(forge(originals()[0], SECRET, chance), SECRET) for _ in range(5_000))


class TestFuzzer:
    ROUTER = Reporter("127.0.11.1", "alun-alun-1", SECRET)
    BODY = wire.attribute(32, b"alun-alun-1")

    def replies(self, datagram: bytes, reply_to: bytes, times: int = 1) -> Fuzzer:
        """What a fuzzer makes of a server that answers `datagram` as if it had been `reply_to`."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(5)
            fuzzer = Fuzzer([self.ROUTER], server.getsockname(), ("127.0.0.1", 1))
            fuzzer.throw(datagram, fuzzer.lines[0], at_accounting=False)
            _, sender = server.recvfrom(4096)
            for _ in range(times):
                server.sendto(sign_reply(parse(reply_to), Code.ACCESS_REJECT, (), Secret(SECRET)), sender)
            fuzzer.take()
            fuzzer.close()
        return fuzzer

    def request(self, authenticator: bytes) -> bytes:
        return wire.keyed_request(wire.ACCESS_REQUEST, 7, authenticator, self.BODY, SECRET)

    def test_the_answer_to_an_authentic_one_is_right(self) -> None:
        right = self.request(bytes(16))

        fuzzer = self.replies(right, right)

        assert (fuzzer.answered, fuzzer.wrong) == (1, [])

    def test_a_second_answer_an_answer_to_a_forged_one_and_a_made_up_answer_are_wrong(self) -> None:
        right = self.request(bytes(16))
        forged = right[:-1] + bytes((right[-1] ^ 1,))

        assert len(self.replies(right, right, times=2).wrong) == 1
        assert len(self.replies(forged, forged).wrong) == 1
        assert len(self.replies(right, self.request(b"x" * 16)).wrong) == 1
