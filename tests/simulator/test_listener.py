"""The HTTP server under a gateway: loopback only, strict, and alive whatever arrives."""

import asyncio
import random

import pytest
from structlog.testing import capture_logs

from hotspot.simulator.gateway import Gateway
from hotspot.simulator.listener import BODY_OCTETS, HEAD_OCTETS, Answer, Listener, NotLoopback, Request
from hotspot.simulator.setup import RouterSetup
from tests.simulator.scene import PORTAL, Scene, scenario, scene


async def send(here: Scene, octets: bytes) -> bytes:
    """Send bytes as they are and read until the gateway hangs up."""
    reader, writer = await asyncio.open_connection(*here.gateway.address)
    try:
        writer.write(octets)
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.5.50.1", "192.168.88.1", "example.com", "", "127.0.0.1.example"])
def test_it_refuses_to_listen_where_others_could_reach_it(host: str) -> None:
    async def handle(_: Request) -> Answer:
        return Answer(200)

    with pytest.raises(NotLoopback):
        Listener(handle, host=host)


def test_a_gateway_can_not_be_opened_to_the_world_either() -> None:
    setup = RouterSetup("alun-alun-1", ())

    with pytest.raises(NotLoopback):
        Gateway(setup, portal_url=PORTAL, host="0.0.0.0")


@scenario
@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),  # HTTP/1.1 wants a Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"400"),  # a TLS ClientHello
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * HEAD_OCTETS + b"\r\n\r\n", b"431"),
        (b"GET /" + b"a" * HEAD_OCTETS, b"431"),
        (b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (
            b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (BODY_OCTETS + 1)
            + b"a" * (BODY_OCTETS + 1),
            b"413",
        ),
        (b"GET / HTTP/1.0\r\n\r\n", b"302"),
    ],
)
async def test_what_is_not_http_is_refused(octets: bytes, status: bytes) -> None:
    async with scene() as here:
        said = await send(here, octets)

        assert said.startswith(b"HTTP/1.1 " + status)
        assert b"X-Simulation" in said
        assert (await here.ask("/login")).status_code == 200


@scenario
@pytest.mark.parametrize("octets", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"])
async def test_who_hangs_up_in_the_middle_gets_no_login(octets: bytes) -> None:
    async with scene() as here:
        said = await send(here, octets)

        assert said == b"" or said.startswith(b"HTTP/1.1 400")
        assert here.radius.asked == []


@scenario
@pytest.mark.parametrize("seed", range(20))
async def test_garbage_never_crashes_it(seed: int) -> None:
    chance = random.Random(seed)
    request = b"POST /login?dst=%41 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello"
    async with scene() as here:
        with capture_logs() as logs:
            for _ in range(20):
                mutated = bytearray(request)
                for _ in range(chance.randrange(1, 6)):
                    mutated[chance.randrange(len(mutated))] = chance.randrange(256)
                await send(here, bytes(mutated))
                await send(here, chance.randbytes(chance.randrange(1, 300)))

        assert [entry for entry in logs if entry["log_level"] == "error"] == []
        assert (await here.ask("/login")).status_code == 200


@scenario
@pytest.mark.parametrize(
    "query", ["%", "%zz", "username=%ff&password=%fe", "dst=%0d%0aX:+y", "a=1;b=2", "&&&=", "username=x" * 500]
)
async def test_odd_queries_never_crash_it(query: str) -> None:
    async with scene() as here:
        for path in ("/login", "/logout", "/status", "/", "/api"):
            with capture_logs() as logs:
                assert (await here.ask(f"{path}?{query}")).status_code in (200, 302)
            assert [entry for entry in logs if entry["log_level"] == "error"] == []


@scenario
async def test_one_connection_serves_many_requests() -> None:
    async with scene() as here:
        ask = f"GET /login HTTP/1.1\r\nHost: {here.gateway.login_host}\r\n\r\n".encode()
        said = await send(here, ask * 3)

        assert said.count(b"HTTP/1.1 200") == 3


@scenario
async def test_a_form_may_wait_for_leave_to_be_sent() -> None:
    async with scene() as here:
        reader, writer = await asyncio.open_connection(*here.gateway.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 100 \r\n"
        writer.write(b"x")
        writer.write_eof()
        assert b"HTTP/1.1 302" in await reader.read()
        writer.close()


@scenario
async def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotspot.simulator.listener.PATIENCE", 0.01)
    async with scene() as here:
        reader, writer = await asyncio.open_connection(*here.gateway.address)

        assert await reader.read() == b""
        writer.close()


@scenario
async def test_too_many_connections_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotspot.simulator.listener.MOST_CONNECTIONS", 1)
    async with scene() as here:
        reader, writer = await asyncio.open_connection(*here.gateway.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readline()

        assert await send(here, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == b""
        writer.close()


@scenario
async def test_a_failure_of_its_own_is_a_500_and_logged() -> None:
    async def fail(_: Request) -> Answer:
        raise RuntimeError

    listener = Listener(fail)
    await listener.start()
    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 500")
        writer.close()
    await listener.stop()

    assert [entry["event"] for entry in logs] == ["a simulated gateway failed"]


def test_a_listener_that_never_started_frees_its_port() -> None:
    async def handle(_: Request) -> Answer:
        return Answer(200)

    async def make_and_stop() -> tuple[str, int]:
        listener = Listener(handle)
        await listener.stop()
        return listener.address

    host, port = asyncio.run(make_and_stop())

    async def take() -> None:
        again = Listener(handle, host=host, port=port)
        await again.stop()

    asyncio.run(take())
