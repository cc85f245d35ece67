"""The API on the wire: bytes in, bytes out, and nothing that a client does ends the server."""

import asyncio
import contextlib
import random
import ssl

import pytest

from hotspot.simulator.listener import NotLoopback
from hotspot.simulator.routeros.server import ApiServer
from tests.simulator.routeros.scene import Box, Client
from tests.simulator.scene import scenario


def test_it_listens_on_loopback_only() -> None:
    with pytest.raises(NotLoopback):
        ApiServer(Box().router, host="0.0.0.0")


@scenario
async def test_a_client_logs_in_asks_and_quits() -> None:
    async with ApiServer(Box().router) as server:
        client = await Client.open(server)

        assert await client.ask("/system/identity/print") == [["!re", "=name=MikroTik"], ["!done"]]
        added = await client.ask("/ip/pool/add", "=name=hs", "=ranges=10.0.0.1")
        assert added == [["!done", "=ret=*1"]]
        assert await client.ask("/ip/pool/print", "=count-only=") == [["!done", "=ret=1"]]
        assert await client.ask("/quit") == [["!fatal", "session terminated on request"]]
        assert await client.hear() == []
        await client.close()


@scenario
@pytest.mark.parametrize(("version", "answer"), [("7.17.1", [["!done"]]), ("7.18", [["!empty"], ["!done"]])])
async def test_no_rows_are_worth_a_word_since_7_18(version: str, answer: list[list[str]]) -> None:
    async with ApiServer(Box(version=version).router) as server:
        client = await Client.open(server)

        assert await client.ask("/ip/pool/print") == answer
        await client.close()


@scenario
async def test_traps_carry_their_category_and_tag() -> None:
    async with ApiServer(Box().router) as server:
        client = await Client.open(server)

        assert await client.ask("/ip/hotspot/add", "=interface=x", ".tag=9") == [
            ["!trap", ".tag=9", "=category=1", "=message=input does not match any value of interface"],
            ["!done", ".tag=9"],
        ]
        await client.close()


@scenario
@pytest.mark.parametrize(
    "words", [["=name=admin", "=password=x"], ["=name=nobody"], [], ["=name=admin", "=response=00"]]
)
async def test_who_does_not_know_the_password_gets_nothing(words: list[str]) -> None:
    async with ApiServer(Box(password="secret").router) as server:
        client = await Client.open(server, user=None)

        heard = await client.ask("/login", *words)
        assert heard[0][0] == "!trap"
        assert "log" in heard[0][1] or "invalid user name or password (6)" in heard[0][1]
        assert (await client.ask("/system/identity/print"))[0] == ["!trap", "=message=not logged in"]
        await client.close()


@scenario
async def test_what_takes_time_goes_on_beside_the_rest_until_it_is_cancelled() -> None:
    box = Box()
    async with ApiServer(box.router) as server:
        client = await Client.open(server)
        client.say("/ip/pool/listen", ".tag=1")
        client.say("/ip/pool/add", "=name=a", "=ranges=10.0.0.1", ".tag=2")

        heard = [await client.hear(), await client.hear()]
        assert sorted(words[0] for words in heard) == ["!done", "!re"]
        assert await client.ask("/cancel", "=tag=1", ".tag=3") == [
            ["!trap", ".tag=1", "=category=2", "=message=interrupted"],
            ["!done", ".tag=1"],
        ]
        assert await client.hear() == ["!done", ".tag=3"]
        client.say("/ip/pool/listen", ".tag=4")
        client.say("/cancel")
        assert (await client.hear())[0] == "!trap"
        await client.close()


@scenario
async def test_an_update_of_the_device_mode_blocks_until_the_button_and_the_reboot_cuts() -> None:
    box = Box(mode="home")
    async with ApiServer(box.router, heartbeat=False) as server:
        client = await Client.open(server)
        client.say("/system/device-mode/update", "=hotspot=yes")
        assert "button" in (await client.hear())[1]

        box.router.press_button()

        assert await client.hear() == ["!done"]
        assert await client.hear() == []
        again = await Client.open(server)
        assert (await again.ask("/system/device-mode/print", "=.proplist=hotspot"))[0] == ["!re", "=hotspot=true"]
        await again.close()
        await client.close()


@scenario
async def test_a_cut_connection_rolls_safe_mode_back() -> None:
    box = Box()
    async with ApiServer(box.router, heartbeat=False) as server:
        client = await Client.open(server)
        await client.ask("/safe-mode/take")
        await client.ask("/ip/pool/add", "=name=a", "=ranges=10.0.0.1")
        connection = next(iter(server.connections))

        client.writer.transport.abort()
        await connection.ended.wait()

        assert box.rows("/ip/pool") == []


async def is_hung_up_on(server: ApiServer) -> bool:
    client = await Client.open(server, user=None)
    try:
        return await client.hear() == []
    finally:
        await client.close()


@scenario
async def test_a_service_lets_in_whom_it_should() -> None:
    box = Box()
    seen = "10.99.0.1"
    async with ApiServer(box.router, seen_as=lambda _: seen, heartbeat=False) as server:
        box.do("/ip/service/set", numbers="api", address="10.99.0.1/32", max_sessions="1")
        client = await Client.open(server)
        assert await is_hung_up_on(server)  # one too many
        await client.ask("/quit")
        await client.close()

        seen = "10.99.0.2"
        assert await is_hung_up_on(server)
        seen = "10.99.0.1"
        box.do("/ip/service/disable", numbers="api")
        assert await is_hung_up_on(server)


@scenario
async def test_garbage_ends_its_own_connection_only() -> None:
    chance = random.Random(7)
    box = Box()
    async with ApiServer(box.router, heartbeat=False) as server:
        alive = await Client.open(server)
        for _ in range(50):
            reader, writer = await asyncio.open_connection(*server.endpoint())
            writer.write(chance.randbytes(chance.randrange(1, 200)))
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        reader, writer = await asyncio.open_connection(*server.endpoint())
        writer.write(b"\xff")
        assert b"!fatal" in await reader.read()
        writer.close()
        assert (await alive.ask("/system/identity/print"))[-1] == ["!done"]
        assert (await alive.ask("junk"))[0][0] == "!trap"
        await alive.close()


@scenario
async def test_somebody_thrown_out_is_cut_off() -> None:
    box = Box()
    async with ApiServer(box.router) as server:
        client = await Client.open(server)
        number = box.rows("/user/active")[0][".id"]

        box.do("/user/active/remove", numbers=number)

        assert await client.hear() == []
        await client.close()


@scenario
async def test_the_heartbeat_lets_schedules_fire() -> None:
    box = Box()
    box.do("/system/scheduler/add", name="beat", interval="2", on_event="x")
    async with ApiServer(box.router):
        for _ in range(50):
            await asyncio.sleep(0)

    assert box.script.ran


@scenario
async def test_api_ssl_without_a_certificate_is_anonymous_and_garbage_there_is_hung_up_on() -> None:
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname = False
    anonymous.verify_mode = ssl.CERT_NONE
    anonymous.maximum_version = ssl.TLSVersion.TLSv1_2
    anonymous.set_ciphers("ADH:@SECLEVEL=0")
    async with ApiServer(Box().router, heartbeat=False) as server:
        reader, writer = await asyncio.open_connection(*server.endpoint("api-ssl"))
        writer.write(b"no TLS at all\r\n\r\n")
        assert len(await reader.read()) < 100  # at most an alert
        writer.close()
        client = Client(*await asyncio.open_connection(*server.endpoint("api-ssl"), ssl=anonymous))

        assert await client.ask("/login", "=name=admin", "=password=") == [["!done"]]
        await client.close()
