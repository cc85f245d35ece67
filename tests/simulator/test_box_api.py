"""Where a box is reached: its API is really at its address in the tunnel."""

import asyncio

import pytest

from hotspot.simulator.routeros.wire import encode_sentence
from tests.simulator.configured import fresh
from tests.simulator.scene import scenario

TUNNEL = """
/interface wireguard add name=hotspot
/interface wireguard peers add interface=hotspot public-key="IWQ0YzE5ZDUxN2Y4YjYwMDAwMDAwMDAwMDAwMDAwMDA=" allowed-address=127.66.0.1/32
/ip service set api address=127.66.0.1/32
/ip address add address=127.66.8.8/32 interface=hotspot
"""


async def answer_at(address: str) -> bytes:
    """Log in by the API there; nothing when it hangs up."""
    reader, writer = await asyncio.open_connection(address, 8728)
    writer.write(encode_sentence(["/login", "=name=admin", "=password="]))
    try:
        return await reader.read(100)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@scenario
async def test_the_api_is_at_the_address_in_the_tunnel_and_only_while_there_is_power() -> None:
    async with fresh() as place:
        assert place.box.api is None
        await place.run(TUNNEL)

        assert b"!done" in await answer_at("127.66.8.8")  # the caller seems to be the tunnel's peer

        place.box.power_cut()
        assert await answer_at("127.66.8.8") == b""
        place.box.power_back()
        assert b"!done" in await answer_at("127.66.8.8")

        await place.run("/ip address set [find interface=hotspot] address=127.66.8.9/32")
        assert b"!done" in await answer_at("127.66.8.9")
        with pytest.raises(ConnectionRefusedError):
            await answer_at("127.66.8.8")
