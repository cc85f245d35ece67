"""The simulated router's RADIUS client against a server whose every reply the test chooses."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from hotspot.radius.attributes import Attr, Attributes, MikroTik, StatusType, TerminateCause, make, make64
from hotspot.radius.packet import (
    Code,
    Packet,
    Secret,
    chap_matches,
    encode,
    flaw_in_request,
    parse,
    sign_reply,
    unhide_password,
)
from hotspot.simulator.radius_client import Accept, Chap, Login, Nas, Pap, RadiusClient, Reject, Timeout, Usage

SECRET = b"the secret of the Alun-Alun site"
NAS = Nas("alun-alun-1", IPv4Address("127.0.0.1"), logoff_url="http://10.5.50.1/logout")
GINA = Login("gina", "BC:24:11:EB:56:4D", IPv4Address("10.5.50.2"), 0x80100014)

Replies = Callable[[Packet], list[bytes]]


class ScriptedServer(asyncio.DatagramProtocol):
    """Answers each request with whatever the script makes of it, and remembers all it saw."""

    def __init__(self, replies: Replies) -> None:
        self.seen: list[Packet] = []
        self._replies = replies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = parse(data)
        self.seen.append(packet)
        for reply in self._replies(packet):
            self.transport.sendto(reply, addr)  # type: ignore[attr-defined]


def converse(replies: Replies, conversation, *, tries: int = 3, source: str = "127.0.0.1", seconds: float = 5):
    """Run a conversation with a scripted server; give its result, the client's counters and the requests seen."""

    async def run():
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(
            lambda: ScriptedServer(replies), local_addr=("127.0.0.1", 0)
        )
        address = transport.get_extra_info("sockname")
        client = RadiusClient(
            NAS, SECRET, auth=address, acct=address, source=source, timeout=timedelta(seconds=seconds), tries=tries
        )
        async with client:
            result = await conversation(client)
        transport.close()
        await asyncio.sleep(0)
        return result, client.monitor, server.seen

    return asyncio.run(run())


def signed(code: Code, *attributes: tuple[int, bytes], secret: bytes = SECRET) -> Replies:
    return lambda request: [sign_reply(request, code, attributes, Secret(secret))]


def test_an_accept_carries_the_allowance() -> None:
    accept = signed(
        Code.ACCESS_ACCEPT,
        make(Attr.SESSION_TIMEOUT, 3600),
        make(Attr.IDLE_TIMEOUT, 600),
        make(Attr.ACCT_INTERIM_INTERVAL, 300),
        make(MikroTik.RATE_LIMIT, "2M/10M"),
        make(Attr.CLASS, b"credential"),
        *make64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS, 5_000_000_000),
    )

    answer, monitor, seen = converse(accept, lambda client: client.authenticate(GINA, Pap("s3sam")))

    assert isinstance(answer, Accept)
    assert answer.session_timeout == timedelta(hours=1)
    assert answer.idle_timeout == timedelta(minutes=10)
    assert answer.interim_interval == timedelta(minutes=5)
    assert answer.rate_limit == "2M/10M"
    assert answer.total_limit == 5_000_000_000
    assert answer.klass == b"credential"
    assert (monitor.requests, monitor.accepts, monitor.resends) == (1, 1, 0)
    assert monitor.last_request_rtt is not None
    asked = Attributes(seen[0].attributes)
    hidden = asked.octets(Attr.USER_PASSWORD)
    assert hidden is not None
    assert unhide_password(hidden, seen[0].authenticator, Secret(SECRET)) == b"s3sam"


def test_a_request_has_the_shape_of_a_real_hotspot() -> None:
    _, _, seen = converse(
        signed(Code.ACCESS_REJECT),
        lambda client: client.authenticate(GINA, Chap.of("s3sam", chap_id=7, challenge=bytes(range(16)))),
    )

    request = seen[0]
    assert flaw_in_request(request, Secret(SECRET)) is None
    kinds = [kind for kind, _ in request.attributes]
    assert kinds == [61, 31, 30, 87, 1, 5, 44, 8, 26, 60, 3, 6, 26, 32, 4, 80]
    attributes = Attributes(request.attributes)
    assert attributes.text(Attr.ACCT_SESSION_ID) == "80100014"
    assert attributes.integer(Attr.NAS_PORT) == 0x80100014
    response = attributes.octets(Attr.CHAP_PASSWORD)
    assert response is not None
    assert chap_matches(response, b"s3sam", bytes(range(16)))


def test_a_reject_brings_the_servers_words() -> None:
    reject = signed(Code.ACCESS_REJECT, make(Attr.REPLY_MESSAGE, "Kode sudah dipakai"))

    answer, monitor, _ = converse(reject, lambda client: client.authenticate(GINA, Pap("x")))

    assert answer == Reject("Kode sudah dipakai")
    assert monitor.rejects == 1


def test_silence_is_asked_again_with_the_same_bytes_and_then_a_timeout() -> None:
    answer, monitor, seen = converse(lambda _: [], lambda client: client.authenticate(GINA, Pap("x")), seconds=0.05)

    assert answer == Timeout()
    assert len({packet.octets for packet in seen}) == 1
    assert len(seen) == 3
    assert (monitor.requests, monitor.resends, monitor.timeouts) == (1, 2, 1)


def test_replies_that_cannot_be_verified_are_dropped_and_counted() -> None:
    def forgeries(request: Packet) -> list[bytes]:
        right = sign_reply(request, Code.ACCESS_ACCEPT, (), Secret(SECRET))
        unkeyed = Packet(Code.ACCOUNTING_REQUEST, request.identifier, request.authenticator)
        return [
            b"\x02",
            sign_reply(request, Code.ACCESS_ACCEPT, (), Secret(b"another")),
            right[:30] + bytes(8),
            sign_reply(unkeyed, Code.ACCESS_ACCEPT, (), Secret(SECRET)),  # right, but without Message-Authenticator
            sign_reply(request, Code.ACCOUNTING_RESPONSE, (), Secret(SECRET)),
            encode(Packet(Code.ACCESS_ACCEPT, (request.identifier + 1) % 256, bytes(16))),
        ]

    answer, monitor, _ = converse(forgeries, lambda client: client.authenticate(GINA, Pap("x")), tries=1, seconds=0.2)

    assert answer == Timeout()
    assert monitor.bad_replies == 6


def test_a_good_reply_after_a_forged_one_still_counts() -> None:
    def both(request: Packet) -> list[bytes]:
        return [
            sign_reply(request, Code.ACCESS_ACCEPT, (), Secret(b"another")),
            *signed(Code.ACCESS_REJECT)(request),
            *signed(Code.ACCESS_ACCEPT)(request),  # too late: the first verified answer stands
        ]

    answer, _, _ = converse(both, lambda client: client.authenticate(GINA, Pap("x")))

    assert answer == Reject(None)


def test_accounting_tells_counters_with_gigawords_and_is_acknowledged() -> None:
    usage = Usage(90, 5_000_000_000, 2**33 + 7, 11, 12)

    acknowledged, _, seen = converse(
        signed(Code.ACCOUNTING_RESPONSE),
        lambda client: client.account(
            GINA, StatusType.STOP, usage=usage, cause=TerminateCause.IDLE_TIMEOUT, klass=b"c", event_at=1_700_000_000
        ),
    )

    assert acknowledged
    assert flaw_in_request(seen[0], Secret(SECRET)) is None
    told = Attributes(seen[0].attributes)
    assert told.integer(Attr.ACCT_STATUS_TYPE) == StatusType.STOP
    assert told.integer64(Attr.ACCT_INPUT_OCTETS, Attr.ACCT_INPUT_GIGAWORDS) == 5_000_000_000
    assert told.integer64(Attr.ACCT_OUTPUT_OCTETS, Attr.ACCT_OUTPUT_GIGAWORDS) == 2**33 + 7
    assert told.integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.IDLE_TIMEOUT
    assert told.octets(Attr.CLASS) == b"c"
    assert told.integer(Attr.EVENT_TIMESTAMP) == 1_700_000_000
    assert Attr.SERVICE_TYPE not in told


def test_an_accounting_retransmission_is_a_new_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    identifiers = iter([3, 200, 7])  # the client draws them at random
    monkeypatch.setattr("hotspot.simulator.radius_client.secrets.randbelow", lambda _: next(identifiers))

    acknowledged, monitor, seen = converse(
        lambda _: [], lambda client: client.account(GINA, StatusType.START), seconds=0.05
    )

    assert not acknowledged
    assert len(seen) == 3
    assert [packet.identifier for packet in seen] == [3, 200, 7]
    assert len({packet.authenticator for packet in seen}) == 3
    assert all(Attr.ACCT_DELAY_TIME in Attributes(packet.attributes) for packet in seen)
    assert (monitor.timeouts, monitor.resends) == (1, 2)


def test_many_log_ins_at_once_share_the_socket() -> None:
    async def crowd(client: RadiusClient) -> list[object]:
        return await asyncio.gather(*(client.authenticate(GINA, Pap("x")) for _ in range(300)))

    answers, monitor, _ = converse(signed(Code.ACCESS_REJECT), crowd)

    assert answers == [Reject(None)] * 300
    assert monitor.bad_replies == 0


def test_the_source_address_can_be_chosen() -> None:
    _, monitor, _ = converse(
        signed(Code.ACCESS_REJECT), lambda client: client.authenticate(GINA, Pap("x")), source="127.0.0.9"
    )

    assert monitor.rejects == 1
