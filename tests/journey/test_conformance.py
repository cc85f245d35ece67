"""Phones' conformance: whatever the system, its owner and the place do, it ends online or at a page that says why and what to do."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count, cycle

import httpx
import pytest

from hotspot.db import open_database
from hotspot.guests.service import block_device
from hotspot.languages import translations
from hotspot.portal import attempts, teller
from hotspot.portal import explanations as say
from hotspot.settings import load
from hotspot.simulator.gateway import Gateway
from hotspot.simulator.kinds import KINDS, Kind, Verdict
from hotspot.simulator.phones import Phone, Visit
from tests import world
from tests.conftest import SECRET_KEY
from tests.databases import Databases
from tests.journey.conformance import LANGUAGES, WAYS, WORKER, City, Obstacle, Place, Way, city

BY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
BY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.value)
Act = Callable[[Phone, Gateway], Awaitable[None]]
NUMBERS = count(10_000_000 * (WORKER + 1) + 7)
SUPPORT_CODE = re.compile(r"\b[2-9A-HJ-NP-Y]{5}\b")


@pytest.fixture(scope="module")
def here(databases: Databases, server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """One city for all tests of a worker; each phone is new to it."""
    name = databases.take()
    url = server.engine.url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    settings = load(data_dir=tmp_path_factory.mktemp("city"), database_url=url, secret_key=SECRET_KEY)
    database = open_database(settings, migrate=False)
    with database.writing() as db:
        world.build(db, settings.keys, datetime.now(UTC))
    with pytest.MonkeyPatch.context() as patch, city(settings, database) as made:
        for module in (attempts, teller):  # who presses again though they are online is sent to look after this time
            patch.setattr(module, "IMPATIENCE", timedelta(seconds=1))
        yield made
    database.close()
    databases.give_back(name)


def said(message: str, phone: Phone) -> str:
    """The words of a message id in the language of the phone's owner."""
    return translations(phone.language).gettext(message)


async def come_back(phone: Phone, gateway: Gateway) -> None:
    """Join again where closing the sheet has left the network."""
    if not phone.is_associated:
        await phone.join(gateway)


async def get_online(phone: Phone, gateway: Gateway) -> Visit:
    """Come, open the sheet if there is one, press, wait; the phone stays."""
    await come_back(phone, gateway)
    return await phone.get_online()


def walk(here: City, phone: Phone, place: Place, *acts: Act) -> Visit:
    """Let the phone come, its owner do something odd, and then what everybody does."""
    gateway = here.gateways[place]

    async def whole() -> Visit:
        await phone.join(gateway)
        try:
            for act in acts:
                await act(phone, gateway)
            return await get_online(phone, gateway)
        finally:
            await phone.close()

    return here.run(whole())


# --- everybody gets online ---------------------------------------------------------------------------------------------------


@BY_WAY
@BY_KIND
def test_each_system_gets_online_in_both_languages_with_and_without_cookies(here: City, kind: Kind, way: Way) -> None:
    for language, cookies in zip(LANGUAGES, (False, True), strict=True):
        phone = here.phone(kind, Place(way), language=language, cookies=cookies)

        visit = walk(here, phone, Place(way))

        assert visit.is_online, visit
        assert visit.page is not None
        titles = [said("You are online", phone)] + ([said("Connecting…", phone)] if kind.closes_when_online else [])
        assert visit.page.title.split(" · ")[0] in titles
        took_it_there = any("/login?username=" in step.url for step in visit.steps)
        assert took_it_there is (way is not Way.TOLD)


@BY_KIND
def test_a_router_that_the_controller_does_not_reach_is_reached_by_the_browser(here: City, kind: Kind) -> None:
    phone = here.phone(kind, Place(Way.TOLD_IN_VAIN))

    visit = walk(here, phone, Place(Way.TOLD_IN_VAIN))

    assert visit.is_online, visit


@BY_KIND
def test_another_made_up_address_meets_the_page_again_and_gets_online(here: City, kind: Kind) -> None:
    place = Place(Way.CHAP, remembers=True)
    assert walk(here, here.phone(kind, place), place).is_online

    visit = walk(here, here.phone(kind, place), place)  # the same person as far as anybody can tell

    assert visit.is_online
    assert visit.page is not None


@BY_KIND
def test_a_device_that_was_here_is_online_without_a_page(here: City, kind: Kind) -> None:
    place = Place(Way.CHAP, remembers=True)
    phone, gateway = here.phone(kind, place), here.gateways[place]

    async def leave_and_come_back() -> Visit:
        await phone.join(gateway)
        assert (await phone.get_online()).is_online
        await phone.leave(logout=True)
        gateway.router.hosts.drop(phone.mac)  # so long ago that the router has forgotten it
        return await get_online(phone, gateway)

    visit = here.run(leave_and_come_back())
    here.run(phone.close())
    assert visit.is_online
    assert visit.page is None


@pytest.mark.parametrize("way", [Way.PAP, Way.TOLD], ids=lambda way: way.value)
@BY_KIND
def test_a_printed_code_gets_each_system_online_after_one_that_was_mistyped(here: City, kind: Kind, way: Way) -> None:
    place, gateway = Place(way, sign_in="voucher"), here.gateways[Place(way, sign_in="voucher")]
    phone, code = here.phone(kind, place), here.voucher()

    async def type_it() -> None:
        await phone.join(gateway)
        sheet = await phone.open_sheet()
        await sheet.press(sheet.shown.forms[0].filled(code="2222-2222-2222"))
        assert sheet.is_open
        await sheet.reload()  # whoever looks away comes back to the form
        await sheet.open(phone.kind.opens)
        await sheet.press(sheet.shown.forms[0].filled(code=code))

    here.run(type_it())
    assert here.run(phone.probe()) is Verdict.ONLINE
    here.run(phone.close())


@pytest.mark.parametrize("way", [Way.PAP, Way.TOLD], ids=lambda way: way.value)
@BY_KIND
def test_who_leaves_the_sheet_to_read_the_message_comes_back_to_where_the_code_is_entered(
    here: City, kind: Kind, way: Way
) -> None:
    """On an iPhone that drops the Wi-Fi."""
    place = Place(way, sign_in="phone")
    phone, gateway = here.phone(kind, place), here.gateways[place]
    number = f"0812{next(NUMBERS):08}"

    async def give_the_number_and_leave() -> None:
        await phone.join(gateway)
        sheet = await phone.open_sheet()
        await sheet.press_and_look_away(sheet.shown.forms[0].filled(number=number))
        await phone.close_sheet()

    async def come_back_with(code: str) -> None:
        await come_back(phone, gateway)
        sheet = await phone.open_sheet()
        (form,) = [form for form in sheet.shown.forms if "code" in dict(form.fields)]
        await sheet.press(form.filled(code=code))

    here.run(give_the_number_and_leave())
    here.run(come_back_with(here.code_sent_to(number)))
    assert here.run(phone.probe()) is Verdict.ONLINE
    here.run(phone.close())


# --- whatever its owner does -------------------------------------------------------------------------------------------------


async def close_while_reading(phone: Phone, gateway: Gateway) -> None:
    await phone.open_sheet()
    await phone.close_sheet()
    await come_back(phone, gateway)


async def close_right_after_pressing(phone: Phone, gateway: Gateway) -> None:
    sheet = await phone.open_sheet()
    await sheet.press_and_look_away(sheet.shown.forms[0])
    await phone.close_sheet()
    await come_back(phone, gateway)


async def close_on_the_way(phone: Phone, gateway: Gateway) -> None:
    """The router, or where the controller tells it the page that waits, has been asked for; nothing more is shown."""
    sheet = await phone.open_sheet()
    await sheet.press_and_look_away(sheet.shown.forms[0])
    await phone.browser.get(phone.browser.steps[-1].location)
    await phone.close_sheet()
    await come_back(phone, gateway)


async def close_when_done(phone: Phone, gateway: Gateway) -> None:
    assert (await phone.get_online()).is_online
    await phone.close_sheet()
    await come_back(phone, gateway)


async def reload_each_page(phone: Phone, _gateway: Gateway) -> None:
    sheet = await phone.open_sheet()
    await sheet.reload()
    await sheet.press(sheet.shown.forms[0])
    await sheet.reload()


async def go_back_and_press_again(phone: Phone, _gateway: Gateway) -> None:
    sheet = await phone.open_sheet()
    await sheet.press(sheet.shown.forms[0])
    await sheet.back()
    if sheet.shown.forms:
        await sheet.press(sheet.shown.forms[0])


async def tap_twice(phone: Phone, _gateway: Gateway) -> None:
    sheet = await phone.open_sheet()
    await sheet.press_twice(sheet.shown.forms[0])


async def press_on_two_sheets(phone: Phone, _gateway: Gateway) -> None:
    """The first is left open, say in another window, and pressed when the second is there."""
    first = (await phone.open_sheet()).shown.forms[0]
    second = await phone.open_sheet()
    await phone.browser.send(first)
    await second.press(second.shown.forms[0])


STEPS: Sequence[Act] = (close_while_reading, close_right_after_pressing, close_on_the_way, close_when_done)
ODDITIES: Sequence[Act] = (reload_each_page, go_back_and_press_again, tap_twice, press_on_two_sheets)


@BY_WAY
@BY_KIND
def test_a_sheet_that_is_closed_at_any_step_can_be_opened_again(here: City, kind: Kind, way: Way) -> None:
    for number, step in enumerate(STEPS):
        phone = here.phone(kind, Place(way), language=LANGUAGES[number % 2])

        visit = walk(here, phone, Place(way), step)

        assert visit.is_online, f"{step.__name__}: {visit}"


@BY_KIND
@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.__name__)
def test_going_back_reloading_and_tapping_twice_do_no_harm(here: City, kind: Kind, oddity: Act) -> None:
    for way, language in zip(WAYS, cycle(LANGUAGES)):
        phone = here.phone(kind, Place(way), language=language)

        visit = walk(here, phone, Place(way), oddity)

        assert visit.is_online, f"{way}: {visit}"


# --- whatever is in the way --------------------------------------------------------------------------------------------------

TITLES = {
    Obstacle.LICENCE: say.ROUTER_ERRORS["license-session-limit"].title,
    Obstacle.CLOSED: "The Wi-Fi is closed now",
    Obstacle.NO_RADIUS: say.ROUTER_ERRORS["radius-timeout"].title,
    Obstacle.USED_UP: "Your allowance is used up",
}


def assert_explained(visit: Visit, phone: Phone, title: str) -> None:
    """Not online, and the page that stays says why, what to do, and a code for whoever helps."""
    assert visit.verdict is Verdict.CAPTIVE, visit
    assert visit.page is not None
    assert not visit.problem
    assert visit.page.title.split(" · ")[0] == said(title, phone), visit.page
    assert said("Try again", phone) in visit.page.text
    assert SUPPORT_CODE.search(visit.page.text), visit.page.text
    assert visit.page.refresh is None


@BY_WAY
@BY_KIND
@pytest.mark.parametrize(
    "obstacle", [each for each in TITLES if each is not Obstacle.USED_UP], ids=lambda each: each.value
)
def test_an_obstacle_at_the_place_is_explained(here: City, kind: Kind, way: Way, obstacle: Obstacle) -> None:
    place = Place(way, obstacle)
    phone = here.phone(kind, place, language=LANGUAGES[KINDS.index(kind) % 2])

    visit = walk(here, phone, place)

    assert_explained(visit, phone, TITLES[obstacle])


@BY_WAY
@BY_KIND
def test_a_device_that_is_blocked_reads_so(here: City, kind: Kind, way: Way) -> None:
    phone = here.phone(kind, Place(way), language=LANGUAGES[KINDS.index(kind) % 2])
    with here.database.writing() as db:
        device_id = here.settings.keys.device_id(phone.mac.octets)
        block_device(db, device_id, reason="a complaint", until=None, now=datetime.now(UTC))

    visit = walk(here, phone, Place(way))

    assert_explained(visit, phone, "This device is blocked")


@BY_WAY
@BY_KIND
def test_who_has_used_up_the_day_reads_so(here: City, kind: Kind, way: Way) -> None:
    place = Place(way, Obstacle.USED_UP)
    phone = here.phone(kind, place, language=LANGUAGES[KINDS.index(kind) % 2])

    async def use_all(phone: Phone, gateway: Gateway) -> None:
        assert (await phone.get_online()).is_online
        gateway.router.device_used(phone.mac, 0, 2_000_000)
        host = next(host for host in gateway.router.hosts if host.mac == phone.mac)
        gateway.router.log_out(host)
        await gateway.router.told()

    visit = walk(here, phone, place, use_all)

    assert_explained(visit, phone, TITLES[Obstacle.USED_UP])


def test_a_hotspot_without_a_free_address_says_so_itself(here: City) -> None:
    place = Place(Way.CHAP)
    gateway, phone = here.gateways[place], here.phone(KINDS[0], place)
    hosts, pool = gateway.router.hosts, gateway.router.hosts.pool
    hosts.pool = ()

    visit = walk(here, phone, place)

    hosts.pool = pool
    assert visit.verdict is Verdict.CAPTIVE
    assert visit.page is not None
    assert visit.page.status == 503
    assert "Try again in a few minutes" in visit.page.text


@BY_KIND
def test_a_router_that_goes_dark_is_no_network_and_afterwards_all_is_well(here: City, kind: Kind) -> None:
    place = Place(Way.TOLD_IN_VAIN)
    phone = here.phone(kind, place)

    async def in_the_dark(phone: Phone, gateway: Gateway) -> None:
        sheet = await phone.open_sheet()
        gateway.power_cut()
        with suppress(httpx.RequestError):
            await sheet.press(sheet.shown.forms[0])
        assert await phone.probe() is Verdict.NO_NETWORK
        gateway.power_back()

    assert walk(here, phone, place, in_the_dark).is_online
