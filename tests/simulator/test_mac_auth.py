"""RouterOS MAC authentication: the router asks about a device that appears, and lets it in without a page or says nothing."""

import asyncio

import pytest

from hotspot.radius.attributes import Attr, Attributes, StatusType, make
from hotspot.radius.packet import Secret, chap_matches, unhide_password
from hotspot.simulator.kinds import ANDROID
from hotspot.simulator.phones import Phone
from hotspot.simulator.setup import MacAuthMode
from tests.simulator.scene import GINA, GINAS_PHONE, HADIS_PHONE, SECRET, Scene, portal, scenario, scene

MAC = str(GINA)
FORGOTTEN_AFTER = 300  # seconds: idle-timeout of /ip/hotspot
CHAP_ONLY = ("http-chap", "mac")
BOTH = MacAuthMode.AS_USERNAME_AND_PASSWORD
OTHER_HOST = "example.com"


async def is_captive(here: Scene, source: str = GINAS_PHONE) -> bool:
    return (await here.ask("/", host=OTHER_HOST, source=source)).status_code == 302


def proves(asked: Attributes, password: str) -> bool:
    response, challenge = asked.octets(Attr.CHAP_PASSWORD), asked.octets(Attr.CHAP_CHALLENGE)
    assert response is not None
    assert challenge is not None
    assert len(challenge) == 16
    return chap_matches(response, password.encode(), challenge)


@scenario
async def test_a_device_that_radius_knows_is_online_at_its_first_request() -> None:
    async with portal() as pages, scene(make(Attr.CLASS, b"known"), login_by=CHAP_ONLY, portal_url=pages.url) as here:
        phone = Phone(ANDROID, GINA, GINAS_PHONE, pages.url, clock=here.clock)
        await phone.join(here.gateway)
        try:
            visit = await phone.get_online()
        finally:
            await phone.close()
        await here.gateway.router.told()

        assert visit.is_online
        assert visit.page is None
        assert pages.seen == []
        (asked,), (start,) = here.radius.asked, here.radius.told
        assert asked.text(Attr.USER_NAME) == asked.text(Attr.CALLING_STATION_ID) == MAC
        assert start.text(Attr.USER_NAME) == MAC
        assert start.text(Attr.ACCT_SESSION_ID) == asked.text(Attr.ACCT_SESSION_ID) == "80100001"
        assert start.octets(Attr.CLASS) == b"known"


@pytest.mark.parametrize("said", ["Please agree to the terms first.", ""])
def test_a_refused_device_meets_the_page_without_an_error(said: str) -> None:
    @scenario
    async def test() -> None:
        async with scene(login_by=("http-chap", "http-pap", "mac")) as here:
            here.radius.reject = said
            assert await is_captive(here)

            handed = await here.handed()

            assert (handed["error"], handed["error-orig"]) == ("", "")
            assert handed["chap-id"]
            assert here.gateway.router.radius.monitor.rejects == 1

    test()


@scenario
async def test_the_first_log_in_after_a_refusal_is_an_ordinary_one() -> None:
    async with scene(login_by=("http-pap", "mac")) as here:
        here.radius.reject = "Please agree to the terms first."
        assert await is_captive(here)
        here.radius.reject = None

        await here.log_in()

        assert not await is_captive(here)
        assert [asked.text(Attr.USER_NAME) for asked in here.radius.asked] == [MAC, "gina"]


@pytest.mark.parametrize(
    ("mode", "configured", "password"),
    [
        (MacAuthMode.AS_USERNAME, "", ""),
        (MacAuthMode.AS_USERNAME, "s3sam", "s3sam"),
        (BOTH, "s3sam", MAC),
    ],
)
def test_the_password_is_what_the_mode_says(mode: MacAuthMode, configured: str, password: str) -> None:
    @scenario
    async def test() -> None:
        async with scene(login_by=CHAP_ONLY, mac_auth_mode=mode, mac_auth_password=configured) as here:
            assert not await is_captive(here)

            (asked,) = here.radius.asked
            assert proves(asked, password)
            assert Attr.USER_PASSWORD not in asked

    test()


@scenario
async def test_where_pap_is_allowed_the_password_is_hidden_and_not_hashed() -> None:
    async with scene(login_by=("http-pap", "mac"), mac_auth_mode=BOTH) as here:
        assert not await is_captive(here)

        (asked,) = here.radius.asked
        hidden = asked.octets(Attr.USER_PASSWORD)
        assert hidden is not None
        assert unhide_password(hidden, here.radius.authenticators[0], Secret(SECRET)) == MAC.encode()
        assert Attr.CHAP_PASSWORD not in asked


@scenario
async def test_a_router_without_mac_in_login_by_asks_nothing_by_itself() -> None:
    async with scene() as here:
        assert await is_captive(here)
        assert here.radius.asked == []


@scenario
async def test_it_is_asked_once_for_each_time_a_device_appears() -> None:
    async with scene(make(Attr.SESSION_TIMEOUT, 60), login_by=CHAP_ONLY) as here:
        assert not await is_captive(here)
        await here.forward(60)
        assert await is_captive(here), "the end of a session is no new appearance"
        await here.ask("/logout")
        assert len(here.radius.asked) == 1

        here.gateway.leave(GINAS_PHONE)
        await here.forward(FORGOTTEN_AFTER)
        here.gateway.join(GINAS_PHONE, GINA)
        assert not await is_captive(here)
        here.gateway.reboot()
        assert not await is_captive(here)

        assert [asked.text(Attr.ACCT_SESSION_ID) for asked in here.radius.asked] == ["80100001", "80100002", "80200001"]


@scenario
async def test_who_logs_out_stays_out() -> None:
    async with scene(login_by=CHAP_ONLY) as here:
        assert not await is_captive(here)
        await here.ask("/logout")
        await here.gateway.router.told()

        assert await is_captive(here)
        assert here.radius.statuses == [StatusType.START, StatusType.STOP]


@scenario
async def test_while_radius_is_silent_a_device_is_captured_and_a_log_in_has_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hotspot.simulator.router.DHCP_TAKES", 0.01)
    async with scene(login_by=("http-pap", "mac")) as here:
        here.radius.is_silent = True
        assert await is_captive(here)

        page = await here.handed("/login?username=gina&password=s3sam")
        assert page["error-orig"] == "already authorizing, retry later"

        await here.gateway.router.told()
        assert here.gateway.router.radius.monitor.timeouts == 1
        assert (await here.handed())["error"] == ""


@scenario
async def test_an_answer_that_comes_late_still_lets_the_device_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotspot.simulator.router.DHCP_TAKES", 0.0)
    async with scene(login_by=CHAP_ONLY) as here:
        assert await is_captive(here)

        await here.gateway.router.told()

        assert not await is_captive(here)


@scenario
async def test_a_full_router_asks_about_nobody() -> None:
    async with scene(login_by=CHAP_ONLY, sessions=1) as here:
        assert not await is_captive(here)

        assert await is_captive(here, HADIS_PHONE)
        assert len(here.radius.asked) == 1


@scenario
async def test_a_reboot_forgets_what_was_being_asked() -> None:
    async with scene(login_by=CHAP_ONLY) as here:
        here.radius.is_silent = True
        async with asyncio.TaskGroup() as group:
            first = group.create_task(here.ask("/", host=OTHER_HOST))
            await here.radius.until(lambda: len(here.radius.asked) == 1)
            here.gateway.router.reboot()
            assert (await first).status_code == 302

        here.radius.is_silent = False
        assert not await is_captive(here)
