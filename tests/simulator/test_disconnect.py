"""The product's Disconnect and CoA against a simulated router, over UDP, up to the phone that feels it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from hotspot.radius.attributes import ErrorCause, MikroTik, StatusType, make
from hotspot.radius.disconnect import (
    Done,
    Evidence,
    Gone,
    NoAnswer,
    Refused,
    Target,
    Unreachable,
    change,
    disconnect,
    disconnect_and_verify,
)
from hotspot.radius.packet import RawAttribute, Secret
from hotspot.simulator.incoming import WINDOW
from hotspot.simulator.kinds import ANDROID, Verdict
from hotspot.simulator.phones import Phone
from tests.simulator.scene import GINA, GINAS_PHONE, SECRET, Scene, portal, scenario, scene

ROUTER = "127.0.0.9"
WRONG = Secret(b"the secret of another router")
QUICK = (0.05, 0.05)


@asynccontextmanager
async def online(*accept: RawAttribute) -> AsyncIterator[Scene]:
    """Gina is online at a router with an address of its own."""
    async with scene(*accept, source=ROUTER) as here:
        await here.log_in()
        await here.gateway.router.told()
        yield here


@dataclass
class Relay(asyncio.DatagramProtocol):
    """A link that loses the first replies."""

    router: tuple[str, int]
    lose: int
    requests: int = 0
    port: int = 0
    replies: list[bytes] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr != self.router:
            self.asker = addr
            self.requests += 1
            self.transport.sendto(data, self.router)  # type: ignore[attr-defined]
            return
        self.replies.append(data)
        if len(self.replies) > self.lose:
            self.transport.sendto(data, self.asker)  # type: ignore[attr-defined]


@asynccontextmanager
async def losing_replies(here: Scene, lose: int) -> AsyncIterator[Relay]:
    assert here.gateway.incoming.address is not None
    relay = Relay(here.gateway.incoming.address, lose)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: relay, local_addr=("127.0.0.1", 0))
    try:
        yield relay
    finally:
        transport.close()
        await asyncio.sleep(0)


def gina(here: Scene) -> Target:
    """Gina's session as the product would have stored it."""
    host, port = here.gateway.incoming.address or ("", 0)
    login = here.gateway.router.sessions[GINA].login
    number = f"{login.session_number:08x}"
    return Target(
        IPv4Address(host), Secret(SECRET), number, login.user_name, login.address, here.gateway.router.setup.name, port
    )


def now(here: Scene) -> datetime:
    return datetime.fromtimestamp(here.clock.wall(), UTC)


def is_online(here: Scene) -> bool:
    return GINA in here.gateway.router.sessions


@scenario
async def test_a_phone_that_is_online_is_captive_again_after_a_disconnect() -> None:
    async with portal() as pages, scene(source=ROUTER, portal_url=pages.url, login_by=("http-pap",)) as here:
        phone = Phone(ANDROID, GINA, GINAS_PHONE, pages.url, clock=here.clock)
        await phone.join(here.gateway)
        try:
            assert (await phone.get_online()).is_online

            ending = await asyncio.to_thread(disconnect_and_verify, gina(here), now=now(here), is_gone=lambda: False)

            assert ending == Gone(Evidence.ROUTER)
            assert await phone.probe() is Verdict.CAPTIVE
            assert (await phone.get_online()).is_online, "it may come back"
        finally:
            await phone.close()


@scenario
async def test_the_stop_confirms_a_disconnect_whose_answers_are_lost() -> None:
    async with online() as here, losing_replies(here, 100) as relay:
        target = replace(gina(here), address=IPv4Address("127.0.0.1"), port=relay.port)
        loop = asyncio.get_running_loop()

        def is_gone() -> bool:
            heard = here.radius.until(lambda: StatusType.STOP in here.radius.statuses)
            asyncio.run_coroutine_threadsafe(heard, loop).result()
            return True

        ending = await asyncio.to_thread(disconnect_and_verify, target, now=now(here), is_gone=is_gone, waits=QUICK)

        assert ending == Gone(Evidence.ACCOUNTING)


@scenario
async def test_a_change_of_the_rate_slows_the_phone_down() -> None:
    async with online(make(MikroTik.RATE_LIMIT, "8M/80M")) as here:
        here.gateway.router.device_used(GINA, 10**9, 10**9)
        hour = timedelta(hours=1)

        outcome = await asyncio.to_thread(
            change, gina(here), rate_limit="80k/800k", session_timeout=hour, now=now(here)
        )
        await here.forward(10)

        assert outcome == Done()
        session = here.gateway.router.sessions[GINA]
        assert (session.octets_from_device, session.octets_to_device) == (100_000, 1_000_000)
        assert session.seconds_left(here.clock.at) == 3590


@scenario
async def test_a_session_that_the_router_does_not_know_is_refused_with_its_cause() -> None:
    async with online() as here:
        stranger = replace(gina(here), acct_session_id="80100099")

        outcome = await asyncio.to_thread(disconnect, stranger, now=now(here))

        assert outcome == Refused(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
        assert is_online(here)


@scenario
async def test_a_wrong_secret_a_wrong_clock_and_no_power_are_no_answer() -> None:
    async with online() as here:
        target, at = gina(here), now(here)

        stranger = await asyncio.to_thread(disconnect, replace(target, secret=WRONG), now=at, waits=QUICK)
        late = await asyncio.to_thread(disconnect, target, now=at + timedelta(seconds=WINDOW + 1), waits=QUICK)
        assert is_online(here)
        here.gateway.power_cut()
        dark = await asyncio.to_thread(disconnect, target, now=at, waits=QUICK)
        here.gateway.power_back()
        after = await asyncio.to_thread(disconnect, target, now=at)

        assert stranger == late == dark == NoAnswer()
        assert after == Refused(ErrorCause.SESSION_CONTEXT_NOT_FOUND)


@scenario
async def test_a_router_that_does_not_accept_incoming_is_unreachable() -> None:
    async with online() as here:
        target, at = gina(here), now(here)
    async with scene(source=ROUTER, coa_port=None) as here:
        assert here.gateway.incoming.address is None

        outcome = await asyncio.to_thread(disconnect, target, now=at)

        assert outcome == Unreachable("Connection refused")


@scenario
async def test_a_lost_reply_is_made_good_by_the_repetition_and_the_router_acts_once() -> None:
    async with online() as here, losing_replies(here, 1) as relay:
        target = replace(gina(here), address=IPv4Address("127.0.0.1"), port=relay.port)

        outcome = await asyncio.to_thread(disconnect, target, now=now(here), waits=(0.1, 5.0))
        await here.gateway.router.told()

        assert outcome == Done()
        assert relay.requests == 2
        assert len(set(relay.replies)) == 1
        assert here.radius.statuses.count(StatusType.STOP) == 1
