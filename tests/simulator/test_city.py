"""The live city: routers in a thread of their own, phones that come and go, misfortune."""

import asyncio
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
from tests.simulator.scene import SECRET, Radius, portal, radius_server, scenario

ZONE = ZoneInfo("Asia/Jakarta")
SATURDAY_EVENING = datetime(2026, 3, 7, 18, 0, tzinfo=ZONE)
MONDAY_NIGHT = datetime(2026, 3, 2, 3, 0, tzinfo=ZONE)


def sites(portal_url: str, count: int = 2, *, address: str = "127.64.0.1") -> list[SimulatedSite]:
    """Sites whose routers share one address, as behind one NAT."""
    return [
        SimulatedSite(f"site-{number}", place, f"router-{number}", address, SECRET.decode(), portal_url)
        for number, place in enumerate(PLACES[:count])
    ]


@asynccontextmanager
async def living(monkeypatch: pytest.MonkeyPatch, *, misfortune: float = 1e9) -> AsyncIterator[tuple[City, Radius]]:
    """A city in which everything is quick."""
    for name, seconds in {"ARRIVAL_EVERY": 0.02, "HEARTBEAT": 0.02, "LOOK_AGAIN": 0.1, "DARK_FOR": 0.05}.items():
        monkeypatch.setattr(cities, name, seconds)
    monkeypatch.setattr(cities, "MISFORTUNE_EVERY", misfortune)
    monkeypatch.setattr(cities, "REGULARS", 20)
    async with portal() as town_hall, radius_server(make(Attr.SESSION_TIMEOUT, 1)) as radius:
        town_hall.pages["/p/wait"] = "<title>Online</title>"
        city = City(
            sites(town_hall.url), radius_auth=radius.address, radius_acct=radius.address, zone=ZONE, now=evening
        )
        await asyncio.to_thread(city.start)
        try:
            yield city, radius
        finally:
            await asyncio.to_thread(city.stop)


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
        assert {str(told.address(Attr.NAS_IP_ADDRESS)) for told in radius.told} == {"127.64.0.1"}


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


def a_city(count: int, at: datetime, *, address: str = "127.64.0.1") -> City:
    nowhere = ("127.0.0.1", 1)
    found = sites("http://127.0.0.1:1/p", count, address=address)
    return City(found, radius_auth=nowhere, radius_acct=nowhere, zone=ZONE, now=lambda _: at)


@pytest.mark.parametrize(
    ("count", "at", "fewest", "most"),
    [(44, SATURDAY_EVENING, 50, 80), (44, MONDAY_NIGHT, 40, 45), (2, SATURDAY_EVENING, 1, 12)],
)
def test_the_load_is_bounded_day_and_night(count: int, at: datetime, fewest: int, most: int) -> None:
    city = a_city(count, at)

    assert fewest <= city._wanted() <= most
    city.stop()


def test_a_city_that_can_not_be_switched_on_says_so() -> None:
    city = a_city(1, MONDAY_NIGHT, address="198.51.100.1")  # not an address of this machine

    with pytest.raises(CityDark):
        city.start()
