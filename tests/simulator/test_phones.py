"""Phones: each system's own way to find out, and to get online, through real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from hotspot.radius.attributes import Attr, StatusType, TerminateCause
from hotspot.simulator.browser import MOST_REFRESHES
from hotspot.simulator.htmldir import Pages, pages_for
from hotspot.simulator.internet import APPLE as APPLE_SAYS
from hotspot.simulator.internet import FIREFOX, FIREFOX_CANONICAL, WINDOWS
from hotspot.simulator.kinds import ANDROID, APPLE, FIREFOX_LAPTOP, KINDS, WINDOWS_LAPTOP, Kind, Verdict
from hotspot.simulator.phones import Phone
from tests.simulator.scene import GINA, GINAS_PHONE, Portal, Scene, portal, scenario, scene

BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
PAP_ONLY = ("http-pap",)  # this portal knows no CHAP


@asynccontextmanager
async def walk(
    kind: Kind = APPLE, *, cookies: bool = True, api: str = ""
) -> AsyncIterator[tuple[Phone, Scene, Portal]]:
    """A phone that joined Alun-Alun, whose portal it reaches; DHCP names the API at `api`, {host} being the router."""
    async with portal() as city, scene(login_by=PAP_ONLY, portal_url=city.url) as here:
        router = here.gateway.router
        router.setup = replace(router.setup, captive_api=api.format(host=here.gateway.login_host))
        phone = Phone(kind, GINA, GINAS_PHONE, city.url, cookies=cookies, clock=here.clock)
        await phone.join(here.gateway)
        try:
            yield phone, here, city
        finally:
            await phone.close()


@scenario
@BY_NAME
@pytest.mark.parametrize("cookies", [True, False])
async def test_each_system_gets_online(kind: Kind, cookies: bool) -> None:
    async with walk(kind, cookies=cookies) as (phone, here, city):
        visit = await phone.get_online()

        assert visit.is_online, visit
        assert visit.page is not None
        assert visit.page.title == ("Wait" if kind.closes_when_online else "Online")
        assert len(here.radius.asked) == 1
        assert visit.steps[0].url == visit.steps[-1].url == kind.probe_url
        assert visit.steps[0].status == 302
        assert [step.method for step in visit.steps].count("POST") == 1
        returned = {request.headers.get("cookie") for request in city.seen[1:]}
        assert returned == ({"seen=1"} if cookies else {None})


@scenario
@BY_NAME
async def test_probe_and_browser_say_who_they_are(kind: Kind) -> None:
    async with walk(kind) as (phone, _here, city):
        probed = await phone.browser.get(kind.probe_url, user_agent=kind.probe_agent)
        await phone.get_online()

        assert probed.request.headers["host"] == kind.probe_url.split("/")[2]
        assert probed.request.headers["user-agent"] == kind.probe_agent
        assert {request.headers["user-agent"] for request in city.seen} == {kind.browser_agent}


@pytest.mark.parametrize(
    ("kind", "status", "body", "verdict"),
    [
        (APPLE, 200, APPLE_SAYS, True),
        (APPLE, 200, b"<html><title>Success</title><body>Please log in</body></html>", False),
        (APPLE, 302, APPLE_SAYS, False),
        (ANDROID, 204, b"", True),
        (ANDROID, 200, b"<html>", False),
        (ANDROID, 302, b"", False),
        (WINDOWS_LAPTOP, 200, WINDOWS, True),
        (WINDOWS_LAPTOP, 200, WINDOWS + b"\n", False),
        (FIREFOX_LAPTOP, 200, FIREFOX, True),
        (FIREFOX_LAPTOP, 200, FIREFOX_CANONICAL, True),
        (FIREFOX_LAPTOP, 200, b"<html>success</html>", False),
    ],
)
def test_each_system_has_its_own_idea_of_success(kind: Kind, status: int, body: bytes, verdict: bool) -> None:
    assert kind.is_success(httpx.Response(status, content=body)) is verdict


@scenario
async def test_who_is_online_presses_nothing() -> None:
    async with walk() as (phone, here, city):
        await phone.get_online()
        city.seen.clear()
        visit = await phone.get_online()

        assert (visit.verdict, visit.page, city.seen) == (Verdict.ONLINE, None, [])
        assert len(here.radius.asked) == 1


@scenario
async def test_a_refusal_is_read_once_and_nothing_is_pressed_again() -> None:
    async with walk() as (phone, here, _city):
        here.radius.reject = "Not today"
        visit = await phone.get_online()

        assert visit.verdict is Verdict.CAPTIVE
        assert visit.page is not None
        assert visit.page.title == "Not today"
        assert len(here.radius.asked) == 1


@scenario
@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<html><body><p></body></html>", "BrokenPage"),
        ("<html><head><meta http-equiv=refresh content=1></head></html>", "TooManyHops"),
    ],
)
async def test_a_page_that_leads_nowhere_is_a_problem_not_a_crash(html: str, problem: str) -> None:
    async with walk() as (phone, _here, city):
        city.pages["/p"] = html
        visit = await phone.get_online()

        assert visit.verdict is Verdict.CAPTIVE
        assert visit.problem.startswith(problem)
        assert len(city.seen) <= MOST_REFRESHES + 1


@scenario
async def test_a_form_by_get_is_sent_in_the_query() -> None:
    async with walk() as (phone, _here, city):
        city.pages["/p"] = '<form method="get"><input name="a" value="b"><input name="c" type="checkbox"></form>'
        visit = await phone.get_online()

        assert city.seen[-1].target.endswith("/p?a=b")
        assert visit.verdict is Verdict.CAPTIVE


@scenario
async def test_a_circle_of_redirects_is_a_problem_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    async with walk() as (phone, here, city):
        texts = pages_for(city.url).texts
        monkeypatch.setattr(here.gateway, "_pages", Pages({**texts, "login.html": texts["rlogin.html"]}, {}))

        assert (await phone.get_online()).problem.startswith("TooManyHops")


@scenario
async def test_a_router_without_power_is_no_network() -> None:
    async with walk() as (phone, here, _city):
        here.gateway.power_cut()

        assert (await phone.get_online()).verdict is Verdict.NO_NETWORK


@scenario
async def test_https_can_not_be_captured() -> None:
    async with walk() as (phone, _here, _city):
        with pytest.raises(httpx.ConnectError):
            await phone.browser.open("https://example.com/")


@scenario
@pytest.mark.parametrize("logout", [True, False])
async def test_leaving(logout: bool) -> None:
    async with walk() as (phone, here, _city):
        await phone.get_online()
        await phone.leave(logout=logout)
        await here.gateway.router.told()

        assert here.radius.statuses == [StatusType.START, StatusType.STOP][: 1 + logout]
        if logout:
            assert here.radius.told[1].integer(Attr.ACCT_TERMINATE_CAUSE) == TerminateCause.USER_REQUEST
        await phone.leave()  # who is gone already can't leave again


@scenario
async def test_a_portal_that_is_away_is_a_problem_not_a_crash() -> None:
    async with scene(portal_url="http://127.0.0.1:1/p") as here:
        phone = Phone(ANDROID, GINA, GINAS_PHONE, "http://127.0.0.1:1/p", clock=here.clock)
        await phone.join(here.gateway)
        visit = await phone.get_online()
        await phone.leave(logout=True)

        assert visit.verdict is Verdict.CAPTIVE
        assert visit.problem.startswith("ConnectError")
