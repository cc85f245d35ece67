"""/radius/incoming: what a simulated router ends, changes, refuses and does not hear."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest

from hotspot.radius.attributes import (
    Attr,
    Attributes,
    ErrorCause,
    MikroTik,
    StatusType,
    TerminateCause,
    VendorAttr,
    Wispr,
    make,
    make64,
)
from hotspot.radius.packet import (
    NO_AUTHENTICATOR,
    Code,
    Packet,
    RawAttribute,
    Secret,
    flaw_in_reply,
    parse,
    sign_request,
)
from hotspot.simulator.incoming import MOST_REMEMBERED, REMEMBERED, WINDOW, Incoming
from hotspot.simulator.listener import NotLoopback
from tests.simulator.scene import GINA, HADI, HADIS_PHONE, SECRET, Scene, scenario, scene

ROUTER = "127.0.0.9"
NAME = make(Attr.USER_NAME, "gina")
NUMBER = make(Attr.ACCT_SESSION_ID, "80100001")
ADDRESS = make(Attr.FRAMED_IP_ADDRESS, IPv4Address("10.5.48.10"))
SLOWER = make(MikroTik.RATE_LIMIT, "80k/800k")
SIGNED = make(Attr.MESSAGE_AUTHENTICATOR, NO_AUTHENTICATOR)
DISCONNECT, COA = Code.DISCONNECT_REQUEST, Code.COA_REQUEST


@dataclass
class Server:
    """The RADIUS server's end, octet by octet; the router answers in order."""

    scene: Scene
    socket: socket.socket
    identifier: int = 0

    def octets(self, code: Code, *attributes: RawAttribute, secret: bytes = SECRET) -> bytes:
        self.identifier = (self.identifier + 1) % 256
        return sign_request(Packet(code, self.identifier, NO_AUTHENTICATOR, attributes), Secret(secret))

    async def send(self, octets: bytes) -> None:
        await asyncio.get_running_loop().sock_sendto(self.socket, octets, self.scene.gateway.incoming.address)

    async def hear(self) -> bytes:
        data, sender = await asyncio.get_running_loop().sock_recvfrom(self.socket, 4096)
        assert sender == self.scene.gateway.incoming.address
        assert sender[0] == ROUTER
        return data

    async def ask(self, code: Code, *attributes: RawAttribute) -> Packet:
        octets = self.octets(code, *attributes)
        await self.send(octets)
        reply = parse(await self.hear())
        assert flaw_in_reply(reply, parse(octets), Secret(SECRET)) is None
        return reply

    async def refusal(self, code: Code, *attributes: RawAttribute) -> int | None:
        """The Error-Cause of the NAK that this must meet."""
        reply = await self.ask(code, *attributes)
        assert reply.code == {DISCONNECT: Code.DISCONNECT_NAK, COA: Code.COA_NAK}[code]
        return Attributes(reply.attributes).integer(Attr.ERROR_CAUSE)

    async def is_met_with_silence(self, octets: bytes) -> bool:
        """Whether the first thing to come back answers what is asked next."""
        await self.send(octets)
        after = self.octets(DISCONNECT, make(Attr.ACCT_SESSION_ID, "none"), NAME)
        await self.send(after)
        return flaw_in_reply(parse(await self.hear()), parse(after), Secret(SECRET)) is None


@asynccontextmanager
async def online(*accept: RawAttribute, asker: str = "127.0.0.1") -> AsyncIterator[Server]:
    """Gina is online at a router with an address of its own."""
    async with scene(*accept, source=ROUTER) as here:
        await here.log_in()
        await here.gateway.router.told()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.setblocking(False)
            end.bind((asker, 0))
            yield Server(here, end)


def is_online(here: Scene) -> bool:
    return GINA in here.gateway.router.sessions


def stamped(here: Scene, seconds: float) -> RawAttribute:
    return make(Attr.EVENT_TIMESTAMP, int(here.clock.wall() + seconds))


@scenario
async def test_a_disconnect_ends_the_session_with_a_stop_as_admin_reset() -> None:
    async with online(make(Attr.CLASS, b"credential")) as server:
        here = server.scene
        here.gateway.router.device_used(GINA, 5_000, 70_000)
        here.clock.at += 90

        reply = await server.ask(DISCONNECT, NUMBER, NAME, ADDRESS)
        await here.gateway.router.told()

        assert reply.code == Code.DISCONNECT_ACK
        assert reply.attributes == ()
        assert (await here.ask("/", host="example.com")).status_code == 302
        stop = here.radius.told[1]
        assert stop.integer(Attr.ACCT_STATUS_TYPE) == StatusType.STOP
        assert stop.integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.ADMIN_RESET
        assert stop.integer(Attr.ACCT_SESSION_TIME) == 90
        assert stop.integer(Attr.ACCT_INPUT_OCTETS) == 5_000
        assert stop.integer(Attr.ACCT_OUTPUT_OCTETS) == 70_000
        assert stop.octets(Attr.CLASS) == b"credential"


@scenario
async def test_only_the_session_that_is_meant_ends() -> None:
    async with online() as server:
        await server.scene.log_in(source=HADIS_PHONE)  # under the same user name

        await server.ask(DISCONNECT, NAME, NUMBER)

        assert list(server.scene.gateway.router.sessions) == [HADI]


@scenario
@pytest.mark.parametrize(
    "names",
    [
        (NAME, ADDRESS),
        (NUMBER, ADDRESS),
        (make(Attr.CALLING_STATION_ID, str(GINA)), make(Attr.NAS_PORT, 0x80100001)),
        (NAME, NUMBER, make(Attr.NAS_IDENTIFIER, "alun-alun-1"), make(Attr.NAS_IP_ADDRESS, IPv4Address(ROUTER))),
    ],
)
async def test_any_two_attributes_find_the_session(names: tuple[RawAttribute, ...]) -> None:
    async with online() as server:
        assert (await server.ask(DISCONNECT, *names)).code == Code.DISCONNECT_ACK
        assert not is_online(server.scene)


@scenario
@pytest.mark.parametrize(
    ("cause", "attributes"),
    [
        (ErrorCause.MISSING_ATTRIBUTE, (NAME,)),
        (ErrorCause.MISSING_ATTRIBUTE, (NAME, make(Attr.NAS_IDENTIFIER, "alun-alun-1"))),
        (ErrorCause.SESSION_CONTEXT_NOT_FOUND, (make(Attr.USER_NAME, "hadi"), NUMBER, ADDRESS)),
        (ErrorCause.SESSION_CONTEXT_NOT_FOUND, (NAME, make(Attr.ACCT_SESSION_ID, "80100002"))),
        (ErrorCause.SESSION_CONTEXT_NOT_FOUND, (NAME, make(Attr.FRAMED_IP_ADDRESS, IPv4Address("10.5.48.11")))),
        (ErrorCause.NAS_IDENTIFICATION_MISMATCH, (NAME, NUMBER, make(Attr.NAS_IDENTIFIER, "perpus-1"))),
        (
            ErrorCause.NAS_IDENTIFICATION_MISMATCH,
            (NAME, NUMBER, make(Attr.NAS_IP_ADDRESS, IPv4Address("127.0.0.1"))),
        ),
        (ErrorCause.UNSUPPORTED_ATTRIBUTE, (NAME, NUMBER, SLOWER)),
        (ErrorCause.UNSUPPORTED_ATTRIBUTE, (NAME, NUMBER, make(Attr.SESSION_TIMEOUT, 60))),
        (ErrorCause.INVALID_REQUEST, (NAME, NUMBER, NUMBER)),
    ],
)
async def test_what_a_disconnect_lacks_or_has_too_much_is_named(
    cause: ErrorCause, attributes: tuple[RawAttribute, ...]
) -> None:
    async with online() as server:
        assert await server.refusal(DISCONNECT, *attributes) == cause
        assert is_online(server.scene)


@scenario
async def test_a_change_of_the_rate_holds_at_once() -> None:
    async with online(make(MikroTik.RATE_LIMIT, "800k/8M")) as server:
        here, router = server.scene, server.scene.gateway.router
        router.device_used(GINA, 10**9, 10**9)
        here.clock.at += 1

        assert (await server.ask(COA, NAME, NUMBER, SLOWER)).code == Code.COA_ACK

        usage = router.sessions[GINA].usage(here.clock.at)
        assert (usage.octets_from_device, usage.octets_to_device) == (100_000, 1_000_000), "the second before"
        await here.forward(10)
        usage = router.sessions[GINA].usage(here.clock.at)
        assert (usage.octets_from_device, usage.octets_to_device) == (200_000, 2_000_000), (
            "ten seconds, ten times slower"
        )


@scenario
async def test_changed_timeouts_count_as_those_of_an_accept() -> None:
    async with online(make(Attr.SESSION_TIMEOUT, 3600), make(Attr.IDLE_TIMEOUT, 900)) as server:
        here = server.scene
        await here.forward(100)
        await server.ask(COA, NAME, NUMBER, make(Attr.SESSION_TIMEOUT, 600), make(Attr.IDLE_TIMEOUT, 0))

        await here.forward(499)
        assert is_online(here)
        await here.forward(1)

        assert here.radius.told[1].integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.SESSION_TIMEOUT
        assert here.radius.told[1].integer(Attr.ACCT_SESSION_TIME) == 600


@scenario
async def test_a_changed_idle_timeout_holds() -> None:
    async with online() as server:
        await server.ask(COA, NAME, NUMBER, make(Attr.IDLE_TIMEOUT, 60))
        await server.scene.forward(60)

        stop = server.scene.radius.told[1]
        assert stop.integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.IDLE_TIMEOUT


@scenario
@pytest.mark.parametrize(
    ("low", "high", "moved"),
    [
        (MikroTik.RECV_LIMIT, MikroTik.RECV_LIMIT_GIGAWORDS, (2**32 + 5, 2**33)),
        (MikroTik.XMIT_LIMIT, MikroTik.XMIT_LIMIT_GIGAWORDS, (2**33, 2**32 + 5)),
    ],
)
async def test_a_limit_of_one_direction_ends_the_session(
    low: VendorAttr, high: VendorAttr, moved: tuple[int, int]
) -> None:
    async with online() as server:
        here = server.scene
        await server.ask(COA, NAME, NUMBER, *make64(low, high, 2**32 + 5))
        here.gateway.router.device_used(GINA, 2**33, 2**33)
        await here.forward(1)

        stop = here.radius.told[1]
        assert stop.integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.NAS_REQUEST
        assert stop.integer64(Attr.ACCT_INPUT_OCTETS, Attr.ACCT_INPUT_GIGAWORDS) == moved[0]
        assert stop.integer64(Attr.ACCT_OUTPUT_OCTETS, Attr.ACCT_OUTPUT_GIGAWORDS) == moved[1]


@scenario
async def test_what_the_simulator_does_not_model_is_taken_as_routeros_takes_it() -> None:
    async with online(SLOWER) as server:
        others = (
            make(MikroTik.GROUP, "slow"),
            make(MikroTik.MARK_ID, "m"),
            make(MikroTik.ADVERTISE_URL, "http://example.org/"),
            make(MikroTik.ADVERTISE_INTERVAL, 60),
            make(Attr.FILTER_ID, "f"),
            make(Attr.PORT_LIMIT, 1),
        )

        assert (await server.ask(COA, NAME, NUMBER, *others)).code == Code.COA_ACK
        assert server.scene.gateway.router.sessions[GINA].accept.rate_limit == "80k/800k", "it stays"


@scenario
@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        (ErrorCause.UNSUPPORTED_ATTRIBUTE, (make(Attr.FRAMED_POOL, "other"),)),
        (ErrorCause.UNSUPPORTED_ATTRIBUTE, (make(MikroTik.TOTAL_LIMIT, 1),)),
        (ErrorCause.UNSUPPORTED_ATTRIBUTE, (make(MikroTik.ADDRESS_LIST, "slow"),)),
        (ErrorCause.UNSUPPORTED_ATTRIBUTE, (make(Wispr.BANDWIDTH_MAX_UP, 1),)),
        (ErrorCause.UNSUPPORTED_ATTRIBUTE, ((26, b"\0\0\2\x11\1\6abcd"),)),  # of a vendor nobody here speaks
        (ErrorCause.UNSUPPORTED_SERVICE, (make(Attr.SERVICE_TYPE, 17),)),  # Authorize Only (RFC 5176 §3.2)
        (ErrorCause.INVALID_ATTRIBUTE_VALUE, (make(Attr.SESSION_TIMEOUT, 1), make(MikroTik.RATE_LIMIT, "fast"))),
        (ErrorCause.MISSING_ATTRIBUTE, ()),
    ],
)
async def test_a_change_is_made_wholly_or_not_at_all(cause: ErrorCause, changes: tuple[RawAttribute, ...]) -> None:
    async with online() as server:
        session = server.scene.gateway.router.sessions[GINA]
        before = session.accept
        slower = () if cause in (ErrorCause.MISSING_ATTRIBUTE, ErrorCause.INVALID_ATTRIBUTE_VALUE) else (SLOWER,)

        assert await server.refusal(COA, NAME, NUMBER, *slower, *changes) == cause
        assert session.accept is before
        assert session.rate is None


@scenario
async def test_a_repeated_or_replayed_request_gets_the_same_answer_and_is_not_carried_out_again() -> None:
    async with online() as server:
        here = server.scene
        octets = server.octets(DISCONNECT, SIGNED, NUMBER, NAME)
        await server.send(octets)
        first = await server.hear()
        assert parse(first).code == Code.DISCONNECT_ACK
        await here.log_in()
        here.gateway.router.sessions[GINA].login = replace(
            here.gateway.router.sessions[GINA].login, session_number=0x80100001
        )

        await server.send(octets)

        assert await server.hear() == first
        assert is_online(here), "the same request would have ended this session too"


@scenario
async def test_an_answer_is_kept_until_its_request_is_too_old_to_be_replayed() -> None:
    async with online() as server:
        here = server.scene
        octets = server.octets(DISCONNECT, NUMBER, NAME, stamped(here, WINDOW))
        await server.send(octets)
        first = await server.hear()

        here.clock.at += REMEMBERED
        await server.send(octets)
        assert await server.hear() == first
        here.clock.at += 1
        assert await server.is_met_with_silence(octets)


@scenario
async def test_what_is_remembered_has_a_bound_and_ends_with_the_power() -> None:
    async with online() as server:
        incoming = server.scene.gateway.incoming
        incoming._answered = {number.to_bytes(16, "big"): (0.0, b"") for number in range(MOST_REMEMBERED)}
        await server.refusal(DISCONNECT, NAME)
        assert len(incoming._answered) == MOST_REMEMBERED

        server.scene.gateway.reboot()

        assert incoming._answered == {}


@scenario
@pytest.mark.parametrize("seconds", [-WINDOW - 1, WINDOW + 1])
async def test_a_request_of_another_time_meets_silence(seconds: float) -> None:
    async with online() as server:
        octets = server.octets(DISCONNECT, NUMBER, NAME, stamped(server.scene, seconds))

        assert await server.is_met_with_silence(octets)
        assert is_online(server.scene)


@scenario
async def test_what_is_not_authentic_meets_silence(caplog: pytest.LogCaptureFixture) -> None:
    async with online() as server:
        signed = server.octets(DISCONNECT, SIGNED, NUMBER, NAME)
        timeless = (Attr.EVENT_TIMESTAMP, b"\0\0\0\1")
        for octets in (
            server.octets(DISCONNECT, NUMBER, NAME, secret=b"the secret of another router"),
            signed[:22] + bytes(16) + signed[38:],
            signed[:-1],
            b"",
            server.octets(Code.ACCOUNTING_REQUEST, NUMBER, NAME),
            server.octets(Code.DISCONNECT_REQUEST, NUMBER, NAME, timeless, timeless),
        ):
            assert await server.is_met_with_silence(octets)
        assert is_online(server.scene)
        assert caplog.records == [], "silence was meant, no accident"


@scenario
async def test_only_the_radius_server_is_heard() -> None:
    async with online(asker="127.0.0.7") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as known:
            known.setblocking(False)
            known.bind(("127.0.0.1", 0))
            await server.send(server.octets(DISCONNECT, NUMBER, NAME))
            await Server(server.scene, known, identifier=100).refusal(DISCONNECT, NAME)

        with pytest.raises(BlockingIOError):
            server.socket.recv(4096)
        assert is_online(server.scene)


@scenario
async def test_state_and_proxy_state_come_back_unchanged() -> None:
    async with online() as server:
        echoed = (make(Attr.PROXY_STATE, b"one"), make(Attr.STATE, b"s"), make(Attr.PROXY_STATE, b"two"))

        refused = await server.ask(DISCONNECT, NAME, *echoed)
        done = await server.ask(DISCONNECT, NAME, NUMBER, *echoed)

        assert refused.attributes[1:] == echoed
        assert done.attributes == echoed


@scenario
async def test_a_router_on_the_network_hears_nothing() -> None:
    async with online() as server:
        router = server.scene.gateway.router
        router.radius.nas = replace(router.radius.nas, address=IPv4Address("192.0.2.1"))

        with pytest.raises(NotLoopback):
            await Incoming(router).open()
