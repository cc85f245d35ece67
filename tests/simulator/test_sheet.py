"""The portal on a phone's screen: what each system does with it, and what its owner may do at any moment."""

import httpx
import pytest

from hotspot.radius.attributes import Attr, make
from hotspot.simulator.capport import MEDIA_TYPE, NetworkState
from hotspot.simulator.kinds import ANDROID, APPLE, FIREFOX_LAPTOP, KINDS, NEW_ANDROID, WINDOWS_LAPTOP, Kind, Verdict
from tests.simulator.configured import configured
from tests.simulator.scene import Portal, scenario
from tests.simulator.test_phones import walk

BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def pressed(city: Portal) -> int:
    return sum(request.method == "POST" for request in city.seen)


@scenario
@BY_NAME
async def test_closing_it_before_the_end_leaves_the_network_only_where_the_sheet_holds_it(kind: Kind) -> None:
    async with walk(kind) as (phone, _here, _city):
        await phone.open_sheet()
        await phone.close_sheet()

        assert phone.is_associated is (kind is not APPLE)


@scenario
async def test_closing_it_when_online_changes_nothing() -> None:
    async with walk(APPLE) as (phone, _here, _city):
        visit = await phone.get_online()
        await phone.close_sheet()

        assert visit.is_online
        assert phone.is_associated
        assert await phone.probe() is Verdict.ONLINE


@scenario
@BY_NAME
async def test_a_closed_sheet_has_forgotten_its_cookies(kind: Kind) -> None:
    async with walk(kind) as (phone, _here, city):
        await phone.open_sheet()
        await phone.close_sheet()
        city.seen.clear()
        if not phone.is_associated:
            return
        await phone.open_sheet()

        assert [request.headers.get("cookie") for request in city.seen] == [None]


@scenario
@pytest.mark.parametrize(
    ("kind", "closes"), [(APPLE, False), (ANDROID, True), (NEW_ANDROID, True), (WINDOWS_LAPTOP, False)]
)
async def test_android_takes_it_away_as_soon_as_the_device_is_online(kind: Kind, closes: bool) -> None:
    async with walk(kind) as (phone, _here, city):
        sheet = await phone.open_sheet()
        await sheet.press(sheet.shown.forms[0])

        assert sheet.is_open is not closes
        assert [request.target.endswith("/online") for request in city.seen][-1] is not closes
        assert await phone.probe() is Verdict.ONLINE


@scenario
@pytest.mark.parametrize(("kind", "looks"), [(APPLE, 2), (ANDROID, 2), (WINDOWS_LAPTOP, 0), (FIREFOX_LAPTOP, 0)])
async def test_sheets_look_again_after_a_page_and_browsers_do_not(kind: Kind, looks: int) -> None:
    """The router's own page is one, the portal's the other."""
    async with walk(kind) as (phone, _here, _city):
        await phone.open_sheet()

        assert [step.url for step in phone.browser.steps[1:]].count(kind.probe_url) == looks


@scenario
async def test_reload_and_back_ask_again() -> None:
    async with walk(FIREFOX_LAPTOP) as (phone, _here, city):
        sheet = await phone.open_sheet()
        await sheet.reload()
        assert sheet.shown.title == "Welcome"
        await sheet.press(sheet.shown.forms[0])
        assert sheet.shown.title == "Online"

        await sheet.back()

        assert sheet.shown.title == "Welcome"
        assert pressed(city) == 1


@scenario
async def test_two_taps_press_twice() -> None:
    async with walk(FIREFOX_LAPTOP) as (phone, _here, city):
        sheet = await phone.open_sheet()
        await sheet.press_twice(sheet.shown.forms[0])

        assert sheet.shown.title == "Online"
        assert pressed(city) == 2


@scenario
async def test_who_looks_away_has_pressed_and_did_not_get_to_the_router() -> None:
    async with walk(ANDROID) as (phone, here, city):
        sheet = await phone.open_sheet()
        await sheet.press_and_look_away(sheet.shown.forms[0])
        await phone.close_sheet()

        assert pressed(city) == 1
        assert here.radius.asked == []


# --- the network's own API (RFC 8908) ----------------------------------------------------------------------------------------

OWN_API = "http://{host}/api"


@scenario
@BY_NAME
async def test_only_newer_androids_ask_it_and_open_what_it_names(kind: Kind) -> None:
    async with walk(kind, api=OWN_API) as (phone, here, _city):
        visit = await phone.get_online()

        assert visit.is_online
        asked = [step for step in visit.steps if step.url == here.gateway.captive_api]
        captured = [step for step in visit.steps if step.url == kind.opens and step.status == 302]
        assert (bool(asked), bool(captured)) == (kind is NEW_ANDROID, kind is not NEW_ANDROID)
        assert (phone.network_state is None) is (kind is not NEW_ANDROID)


@scenario
async def test_after_the_log_in_it_says_how_long_and_that_nothing_is_in_the_way() -> None:
    async with walk(NEW_ANDROID, api=OWN_API) as (phone, here, _city):
        here.radius.accept = (make(Attr.SESSION_TIMEOUT, 3600),)
        await phone.get_online()

        assert phone.network_state is not None
        assert not phone.network_state.is_captive
        assert phone.network_state.seconds_remaining == 3600


@scenario
async def test_an_api_that_is_away_leaves_the_probe_to_decide() -> None:
    async with walk(NEW_ANDROID, api="https://{host}/api") as (phone, _here, _city):
        assert await phone.probe() is Verdict.CAPTIVE
        assert phone.network_state is None
        assert (await phone.get_online()).is_online


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ('{"captive": true', MEDIA_TYPE, 200),
        ("[]", MEDIA_TYPE, 200),
        ("{}", MEDIA_TYPE, 200),
        ('{"captive": "yes"}', MEDIA_TYPE, 200),
        ('{"captive": true}', "application/json", 200),
        ('{"captive": true}', MEDIA_TYPE, 503),
    ],
)
def test_an_answer_that_is_not_well_formed_counts_for_nothing(body: str, kind: str, status: int) -> None:
    assert NetworkState.read(httpx.Response(status, text=body, headers={"content-type": kind})) is None


def test_what_is_of_another_type_is_as_good_as_not_said() -> None:
    said = (
        '{"captive": true, "user-portal-url": 7, "venue-info-url": "https://kota.example/", "seconds-remaining": "x"}'
    )
    answer = httpx.Response(200, text=said, headers={"content-type": f"{MEDIA_TYPE}; charset=utf-8"})

    assert NetworkState.read(answer) == NetworkState(True, "", "https://kota.example/")


@scenario
async def test_option_114_is_read_from_what_dhcp_gives_out() -> None:
    async with configured("http://127.0.0.1:8/p/alun-alun") as place:
        assert place.box.gateway.captive_api == ""
        await place.run("""/ip dhcp-server option add name=api code=114 value="'https://wifi.example/api'"
/ip dhcp-server option sets add name=guests options=api
/ip dhcp-server set guests dhcp-option-set=guests""")
        assert place.box.gateway.captive_api == "https://wifi.example/api"

        await place.run("/ip dhcp-server set guests dhcp-option-set=none")
        assert place.box.gateway.captive_api == ""
        await place.run("/ip dhcp-server network set 0 dhcp-option=api")
        assert place.box.gateway.captive_api == "https://wifi.example/api"
