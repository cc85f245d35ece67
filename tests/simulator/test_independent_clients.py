"""radclient (FreeRADIUS) and pyrad end and change sessions at a simulated router: they know nothing of our codec."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pyrad import packet as peer  # type: ignore[import-untyped]
from pyrad.client import Client  # type: ignore[import-untyped]
from pyrad.dictionary import Dictionary  # type: ignore[import-untyped]

from hotspot.radius.attributes import Attr, TerminateCause
from tests.simulator.scene import GINA, SECRET, Scene, scenario, scene

RADCLIENT = shutil.which("radclient")
needs_radclient = pytest.mark.skipif(RADCLIENT is None, reason="radclient (Debian: freeradius-utils) is not installed")
ROUTER = "127.0.0.9"
NAMES = 'Acct-Session-Id = "80100001", User-Name = "gina", Framed-IP-Address = 10.5.48.10'
SIGNED = "Message-Authenticator = 0x00"


@asynccontextmanager
async def online() -> AsyncIterator[Scene]:
    async with scene(source=ROUTER) as here:
        await here.log_in()
        await here.gateway.router.told()
        yield here


async def radclient(here: Scene, kind: str, *attributes: str, secret: str = SECRET.decode()) -> tuple[int | None, str]:
    """Send one request, once, and give radclient's exit code and what it printed."""
    assert RADCLIENT is not None
    assert here.gateway.incoming.address is not None
    address = f"{ROUTER}:{here.gateway.incoming.address[1]}"
    run = await asyncio.create_subprocess_exec(
        RADCLIENT,
        *("-x", "-r", "1", "-t", "1", address, kind, secret),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate((", ".join(attributes) + "\n").encode())
    return run.returncode, said.decode()


@needs_radclient
@scenario
@pytest.mark.parametrize("signed", [(), (SIGNED,)])
async def test_radclient_disconnects(signed: tuple[str, ...]) -> None:
    async with online() as here:
        code, said = await radclient(here, "disconnect", NAMES, *signed)
        await here.gateway.router.told()

        assert code == 0, said
        assert "Received Disconnect-ACK Id" in said
        assert f"from {ROUTER}:" in said
        assert here.radius.told[1].integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.ADMIN_RESET


@needs_radclient
@scenario
@pytest.mark.parametrize("signed", [(), (SIGNED,)])
async def test_radclient_changes_the_rate(signed: tuple[str, ...]) -> None:
    async with online() as here:
        rate = 'Mikrotik-Rate-Limit = "80k/800k"'
        at = f"Event-Timestamp = {int(here.clock.wall())}"

        code, said = await radclient(here, "coa", NAMES, rate, at, *signed)
        here.gateway.router.device_used(GINA, 10**9, 10**9)
        await here.forward(1)

        assert code == 0, said
        assert "Received CoA-ACK Id" in said
        assert here.gateway.router.sessions[GINA].octets_to_device == 100_000


@needs_radclient
@scenario
@pytest.mark.parametrize(
    ("kind", "attributes", "answer"),
    [
        ("disconnect", 'User-Name = "gina"', "Disconnect-NAK|Missing-Attribute"),
        (
            "disconnect",
            'User-Name = "hadi", Framed-IP-Address = 10.5.48.10',
            "Disconnect-NAK|Session-Context-Not-Found",
        ),
        ("coa", f"{NAMES}, Framed-Pool = x", "CoA-NAK|Unsupported-Attribute"),
        ("coa", f'{NAMES}, Mikrotik-Rate-Limit = "fast"', "CoA-NAK|Invalid-Attribute-Value"),
    ],
)
async def test_radclient_reads_why_it_is_refused(kind: str, attributes: str, answer: str) -> None:
    async with online() as here:
        code, said = await radclient(here, kind, attributes, SIGNED)

        received, cause = answer.split("|")
        assert code == 1
        assert f"Received {received} Id" in said
        assert f"Error-Cause = {cause}" in said
        assert GINA in here.gateway.router.sessions


@needs_radclient
@scenario
async def test_a_wrong_secret_of_radclient_meets_silence() -> None:
    async with online() as here:
        code, said = await radclient(here, "disconnect", NAMES, secret="the-secret-of-another-router")

        assert code == 1
        assert "No reply" in said
        assert GINA in here.gateway.router.sessions


@scenario
@pytest.mark.parametrize("is_signed", [True, False])
async def test_pyrad_disconnects_and_then_finds_no_session(is_signed: bool) -> None:
    async with online() as here:
        assert here.gateway.incoming.address is not None
        client = Client(
            ROUTER, coaport=here.gateway.incoming.address[1], secret=SECRET, dict=Dictionary(), retries=1, timeout=5
        )

        def ask() -> peer.Packet:
            packet = client.CreateCoAPacket(code=peer.DisconnectRequest, message_authenticator=is_signed)
            packet[Attr.USER_NAME], packet[Attr.ACCT_SESSION_ID] = [b"gina"], [b"80100001"]
            return client.SendPacket(packet)

        first = await asyncio.to_thread(ask)
        second = await asyncio.to_thread(ask)
        client._CloseSocket()

        assert first.code == peer.DisconnectACK
        assert second.code == peer.DisconnectNAK
        assert second[Attr.ERROR_CAUSE] == [(503).to_bytes(4, "big")]
        assert (80 in first) is is_signed
