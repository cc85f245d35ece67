"""The live city: routers in a thread of their own, phones that come and go, misfortune."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.simulator import city as cities
from hotspot.simulator.city import City, CityDark, SimulatedSite
from hotspot.simulator.places import PLACES
from tests.simulator.configured import bring_up
from tests.simulator.scene import Radius, portal, radius_server, scenario

ZONE = ZoneInfo("Asia/Jakarta")
TUNNEL = """
/interface wireguard add name=hotspot
/interface wireguard peers add interface=hotspot public-key="IWQ0YzE5ZDUxN2Y4YjYwMDAwMDAwMDAwMDAwMDAwMDA=" allowed-address=127.66.0.1/32
/ip address add address={address}/32 interface=hotspot
"""
SATURDAY_EVENING = datetime(2026, 3, 7, 18, 0, tzinfo=ZONE)
MONDAY_NIGHT = datetime(2026, 3, 2, 3, 0, tzinfo=ZONE)


def sites(portal_url: str, count: int = 2) -> list[SimulatedSite]:
    return [
        SimulatedSite(f"site-{number}", place, portal_url, serial=f"SIM{number}", uplink=f"127.64.0.{number + 1}")
        for number, place in enumerate(PLACES[:count])
    ]


@asynccontextmanager
async def living(monkeypatch: pytest.MonkeyPatch, *, misfortune: float = 1e9) -> AsyncIterator[tuple[City, Radius]]:
    """A city in which everything is quick."""
    for name, seconds in {
        "ARRIVAL_EVERY": 0.02,
        "HEARTBEAT": 0.02,
        "LOOK_AGAIN": 0.1,
        "DARK_FOR": 0.05,
        "QUIET_FOR": 0.0,
    }.items():
        monkeypatch.setattr(cities, name, seconds)
    monkeypatch.setattr(cities, "MISFORTUNE_EVERY", misfortune)
    monkeypatch.setattr(cities, "REGULARS", 20)
    async with portal() as town_hall, radius_server(make(Attr.SESSION_TIMEOUT, 1)) as radius:
        town_hall.pages["/p/wait"] = "<title>Online</title>"
        city = City(sites(town_hall.url), zone=ZONE, now=evening)
        await asyncio.to_thread(city.start)
        await asyncio.to_thread(configure, city, town_hall.url, radius)
        try:
            yield city, radius
        finally:
            await asyncio.to_thread(city.stop)


def configure(city: City, portal_url: str, radius: Radius) -> None:
    """Configure all boxes but those that are left as they came."""

    async def there() -> None:
        for number, box in enumerate(city.boxes.values()):
            port = radius.address[1]
            bring_up(box.router, box.run, radius=port, portal_url=portal_url, name=f"router-{number}")
            box.run("/ip hotspot profile set guests login-by=mac,http-pap")
            await box.settled()

    city.do(there())


def evening(_: ZoneInfo) -> datetime:
    return SATURDAY_EVENING


@scenario
async def test_phones_come_get_online_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(monkeypatch) as (city, radius):
        assert city.online == 0
        city.start_phones()
        await radius.until(lambda: {StatusType.START, StatusType.STOP} <= set(radius.statuses))

        names = {told.text(Attr.NAS_IDENTIFIER) for told in radius.told}
        assert names <= {"router-0", "router-1"}
        devices = {told.text(Attr.CALLING_STATION_ID) for told in radius.told}
        assert len(devices) > 1
        assert {str(told.address(Attr.NAS_IP_ADDRESS)) for told in radius.told} <= {"127.64.0.1", "127.64.0.2"}


@scenario
async def test_after_misfortune_phones_log_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(monkeypatch, misfortune=0.2) as (city, radius):
        city.start_phones()

        await radius.until(lambda: any((told.text(Attr.ACCT_SESSION_ID) or "") >= "80300000" for told in radius.told))


@scenario
async def test_routers_answer_before_the_first_phone_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(monkeypatch) as (city, radius):
        for slug in ("site-0", "site-1"):
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://{city.login_host(slug)}/login")
            assert "A simulated MikroTik router" in answer.text
        assert len(set(city.login_hosts.values())) == 2
        assert [asked.text(Attr.NAS_IDENTIFIER) for asked in radius.asked] == ["router-0", "router-1"], "about us"


def a_city(count: int, at: datetime) -> City:
    return City(sites("http://127.0.0.1:1/p", count), zone=ZONE, now=lambda _: at)


@pytest.mark.parametrize(
    ("count", "at", "fewest", "most"),
    [(44, SATURDAY_EVENING, 50, 80), (44, MONDAY_NIGHT, 40, 45), (2, SATURDAY_EVENING, 1, 12)],
)
def test_the_load_is_bounded_day_and_night(count: int, at: datetime, fewest: int, most: int) -> None:
    city = a_city(count, at)

    assert fewest <= city._wanted() <= most
    city.stop()


@scenario
async def test_nobody_comes_where_nobody_has_configured_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(monkeypatch) as (city, radius):
        fresh = city.boxes["site-1"]
        await asyncio.to_thread(city.paste, "site-1", "/interface wifi set wifi1 disabled=yes")
        city.start_phones()
        await radius.until(lambda: len(radius.told) >= 4)

        assert {told.text(Attr.NAS_IDENTIFIER) for told in radius.told} == {"router-0"}
        assert len(fresh.gateway.router.hosts) == 0


@scenario
async def test_a_script_that_fails_and_a_tunnel_that_can_not_be_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(monkeypatch) as (city, _radius):
        with pytest.raises(CityDark, match="site-0: no such item"):
            await asyncio.to_thread(city.paste, "site-0", "/ip hotspot remove nobody")
        with pytest.raises(CityDark, match="loopback"):
            await asyncio.to_thread(city.paste, "site-0", TUNNEL.format(address="198.51.100.1"))
        with pytest.raises(CityDark, match="address"), socket.create_server(("127.66.9.9", 8728)):
            await asyncio.to_thread(city.paste, "site-1", TUNNEL.format(address="127.66.9.9"))


def test_a_city_that_can_not_be_switched_on_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    city = a_city(1, MONDAY_NIGHT)
    monkeypatch.setattr(city.boxes["site-0"].gateway, "open", refusing)

    with pytest.raises(CityDark):
        city.start()


async def refusing() -> None:
    raise OSError("no such device")
