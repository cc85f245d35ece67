"""Logging in from the controller: the router is told over its real protocol, and what it says becomes the guest's page."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from benchmarks.live_router import Live
from hotspot.guests.models import Credential
from hotspot.guests.refusals import Refusal, words
from hotspot.portal.attempts import Facts, Stage, judge
from hotspot.portal.attempts_models import SignInAttempt
from hotspot.portal.teller import Teller
from hotspot.routers.active import MENU
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.traps import Trap
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.portal.visit import CHALLENGE, MAC, ROUTER, Visit, octal, path_of
from tests.routers.managed import enrol
from tests.world import OTHER_PHONE

IP = "10.5.50.17"


@dataclass
class Hotspot:
    """A router that is enrolled, and who tells it. `refusal`: what it says; `is_seen` false: it lets in and shows nobody."""

    visit: Visit
    live: Live
    teller: Teller
    asked: list[dict[str, str]] = field(default_factory=list)
    online: list[str] = field(default_factory=list)
    refusal: str = ""
    is_seen: bool = True

    def let_in(self, call: Call) -> Result:
        self.asked.append(dict(call.arguments))
        if self.refusal:
            raise Trap(self.refusal)
        self.visit.accept(call.arguments["user"])
        if self.is_seen:
            self.online.append(call.arguments["mac-address"])
        return Result()

    def tell(self) -> None:
        for told in self.teller.look():
            told.result()

    def wait(self, **how_long: float) -> None:
        self.visit.clock.forward(**how_long)  # type: ignore[attr-defined]  # a Clock
        self.tell()

    @property
    def attempt(self) -> SignInAttempt:
        with self.visit.database.reading() as db:
            return db.exec(select(SignInAttempt)).one()


@pytest.fixture
def live() -> Iterator[Live]:
    with Live() as box:
        yield box


@pytest.fixture
def here(visit: Visit, live: Live) -> Iterator[Hotspot]:
    enrol(visit.database, visit.settings, live)
    decide(visit, login_way="controller")
    found = Hotspot(visit, live, Teller(visit.database, visit.settings, dial=live.dial, clock=visit.clock))
    live.router.provided[MENU] = lambda _call: [{".id": "*1", "mac-address": mac} for mac in found.online]
    live.router.actions[MENU, "login"] = found.let_in
    yield found
    found.teller._pool.shutdown()


def decide(visit: Visit, **settings: object) -> None:
    with visit.database.writing() as db:
        for key, value in settings.items():
            give(db, get_site(db, "alun-alun"), key, value)


def path(response: httpx.Response) -> str:
    """The progress page that a press leads to without a stop at the router."""
    assert response.status_code == 303
    location = response.headers["location"]
    assert location.startswith("http://127.0.0.1:8080/p/alun-alun/online?")
    return str(location.removeprefix("http://127.0.0.1:8080"))


# --- the controller first ------------------------------------------------------------------------------------------------


def test_a_guest_is_let_in_by_the_controller_and_seen_by_the_router(here: Hotspot) -> None:
    progress = path(here.visit.press(here.visit.welcome()))
    assert here.visit.open(progress).refresh == ["2"]
    assert here.visit.client._app.state.teller.wanted.is_set(), "somebody is woken for it"

    here.tell()

    (asked,) = here.asked
    assert (asked["mac-address"], asked["ip"]) == (MAC, IP)
    online = here.visit.open(progress)
    assert "Anda sudah terhubung" in online.text
    assert "2 jam 0 menit" in online.text, "nobody has reported the session yet"
    attempt = here.attempt
    assert (attempt.way, attempt.state, attempt.answer, attempt.handed) == ("controller", "confirmed", "online", None)


def test_presses_while_the_router_is_told_are_one_log_in(here: Hotspot) -> None:
    first = here.visit.welcome()
    paths = [path(here.visit.press(page)) for page in (first, first, here.visit.welcome())]
    assert paths[0] == paths[1] != paths[2]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: here.tell(), range(4)))

    assert len(here.asked) == 1
    mine, other = here.visit.open(paths[0]), here.visit.open(paths[2])
    assert "Sisa waktu" in mine.text
    assert "Anda sudah terhubung" in other.text
    assert "Sisa waktu" not in other.text, "what is left is told to who has the credential that was used"


@pytest.mark.parametrize("way", ["controller", "browser"])
def test_who_merely_named_a_device_is_told_nothing_of_its_session_and_can_do_nothing_about_it(
    here: Hotspot, way: str
) -> None:
    """They press for a neighbour and never go to the router, so the controller lets the neighbour in."""
    decide(here.visit, login_way=way)
    response = here.visit.press(here.visit.welcome())
    query = httpx.QueryParams(response.headers["location"].partition("?")[2])
    ticket = dict(query if way == "controller" else httpx.QueryParams(query["dst"].partition("?")[2]))
    pressed = ticket["t"].partition(".")[0]
    here.wait(seconds=6)
    (asked,) = here.asked
    here.visit.start(asked["user"])

    online = here.visit.open("/p/alun-alun/online", **ticket)
    assert "Anda sudah terhubung" in online.text
    assert f"{ROUTER}/status" in online.addresses
    assert here.visit.client.get("/p/alun-alun/privacy", params=ticket).status_code == 403
    api = here.visit.client.get("/p/alun-alun/api", params=ticket, headers={"accept": "application/captive+json"})
    assert api.json()["captive"] is True
    assert not [one for one in here.visit.welcome(username=pressed).addresses if "/privacy" in one]
    here.wait(seconds=301)
    assert here.visit.open("/p/alun-alun/online", **ticket).refresh == [f"2; url={ROUTER}/status"]

    own = here.visit.welcome(username=asked["user"])
    assert "Anda sudah terhubung" in own.text
    (data,) = [one for one in own.addresses if "/privacy" in one]
    assert "Data Anda di Wi-Fi ini" in here.visit.open(data).text


def test_who_is_online_already_is_not_logged_in_again(here: Hotspot) -> None:
    here.online.append(MAC)
    progress = path(here.visit.press(here.visit.welcome()))

    here.tell()

    assert here.asked == []
    assert "Anda sudah terhubung" in here.visit.open(progress).text


def test_a_refusal_of_radius_is_explained_and_not_tried_by_the_other_way(here: Hotspot) -> None:
    now = here.visit.clock()
    here.refusal = words(Refusal.DAY_TIME_USED, "id", until=now + timedelta(hours=1), now=now)
    progress = path(here.visit.press(here.visit.welcome()))

    here.tell()
    page = here.visit.open(progress)

    assert page.refresh == []
    assert here.refusal in page.text
    assert here.attempt.support_code in page.text
    assert (here.attempt.state, here.attempt.reason) == ("failed", "refused")


@pytest.mark.parametrize(("seconds", "stage"), [(1, Stage.WAITING), (40, Stage.REFUSED)])
def test_a_refusal_whose_words_are_still_on_their_way_is_no_page_yet(here: Hotspot, seconds: int, stage: Stage) -> None:
    """RADIUS has written it down, the router has not answered the controller; found by phones that looked in between."""
    here.visit.press(here.visit.welcome())
    attempt = here.attempt
    with here.visit.database.reading() as db:
        credential = db.get_one(Credential, attempt.credential_id)
    facts = Facts(credential, attempt, None, Refusal.BLOCKED)

    assert judge(facts, credential.issued_at + timedelta(seconds=seconds)) is stage


def test_who_is_let_in_but_not_seen_waits_for_the_report_and_is_told_the_truth(here: Hotspot) -> None:
    here.is_seen = False
    progress = path(here.visit.press(here.visit.welcome()))
    here.tell()
    assert here.visit.open(progress).refresh == ["2"]

    here.wait(seconds=41)

    assert "mungkin sudah terhubung" in here.visit.open(progress).text
    assert (here.attempt.state, here.attempt.reason) == ("failed", "no start")


def test_a_router_that_can_not_be_reached_is_the_browsers_turn_once(here: Hotspot) -> None:
    here.live.cut()
    challenge = {"chap_id": r"\371", "chap_challenge": octal(CHALLENGE)}
    progress = path(here.visit.press(here.visit.welcome(**challenge)))
    here.teller.dial = refuse
    here.tell()

    (refresh,) = here.visit.open(progress).refresh
    assert refresh is not None
    target = refresh.removeprefix("2; url=")
    assert target.startswith(f"{ROUTER}/login?username=")
    login = dict(httpx.QueryParams(target.partition("?")[2]))
    assert len(login["password"]) == 32, "the answer to the router's challenge"
    after = path_of(login)
    assert here.visit.open(after).refresh == [f"2; url={ROUTER}/status"], "not to the log-in again"

    here.visit.accept(login["username"])
    here.visit.start(login["username"])
    assert "Anda sudah terhubung" in here.visit.open(after).text
    here.wait(seconds=6)
    assert (here.attempt.way, here.attempt.state) == ("browser", "confirmed")


def test_after_both_ways_there_is_a_page_with_a_code(here: Hotspot) -> None:
    here.teller.dial = refuse
    progress = path(here.visit.press(here.visit.welcome()))
    here.tell()

    here.wait(seconds=61)
    page = here.visit.open(progress)

    assert page.refresh == []
    assert here.attempt.support_code in page.text
    assert here.attempt.state == "failed"
    assert here.attempt.handed is None


def test_an_address_outside_the_guests_network_is_told_to_no_router(here: Hotspot) -> None:
    for ip in ("10.253.0.1", "8.8.8.8", "::1", "10.5.50.17/32", ""):
        response = here.visit.press(here.visit.welcome(ip=ip, mac=str(OTHER_PHONE)))
        assert response.headers["location"].startswith(f"{ROUTER}/login?")

    here.wait(seconds=10)
    assert here.asked == []


# --- the browser first ---------------------------------------------------------------------------------------------------


def test_the_controller_tries_once_when_the_browser_came_to_nothing(here: Hotspot) -> None:
    decide(here.visit, login_way="browser")
    login = here.visit.log_in()
    here.wait(seconds=5)
    assert here.asked == []

    here.wait(seconds=1)

    assert [asked["user"] for asked in here.asked] == [here.attempt.told_id and here.attempt.told_id.hex]
    assert "Anda sudah terhubung" in here.visit.open(path_of(login)).text
    assert here.attempt.fell_back_at == here.visit.clock()


def test_neither_way_is_tried_twice(here: Hotspot) -> None:
    decide(here.visit, login_way="browser")
    here.teller.dial = refuse
    login = here.visit.log_in()

    here.wait(seconds=6)
    here.wait(seconds=6)

    page = here.visit.open(path_of(login))
    assert "Router tidak dapat dihubungi" in page.text
    assert page.refresh == []
    assert (here.attempt.reason, here.attempt.answer) == ("no answer", "alun-alun-1 can't be reached: no way")


def test_who_got_online_by_the_browser_needs_no_controller(here: Hotspot) -> None:
    decide(here.visit, login_way="browser")
    login = here.visit.log_in()
    here.visit.accept(login["username"])

    here.wait(seconds=10)

    assert here.live.dials == 0


def test_what_the_router_says_is_kept_without_the_address_in_it(here: Hotspot) -> None:
    here.refusal = f"invalid username ({MAC}): this MAC address is not yours"
    here.visit.press(here.visit.welcome())

    here.tell()

    assert here.attempt.answer == "invalid username (…): this MAC address is not yours"


def refuse(*_: object) -> object:
    raise ConnectionRefusedError(111, "no way")
