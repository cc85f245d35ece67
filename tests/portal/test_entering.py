"""Ways to sign in, and one attempt however often a button is pressed."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlmodel import select

from hotspot.app import create_app
from hotspot.guests.models import Consent, Credential
from hotspot.portal import offered
from hotspot.portal.attempts_models import SignInAttempt
from hotspot.portal.methods import OneTap
from hotspot.portal.support import ALPHABET
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.portal.visit import Client, Page, Visit, handed, octal
from tests.world import OTHER_PHONE


def decide(visit: Visit, **settings: object) -> None:
    with visit.database.writing() as db:
        for key, value in settings.items():
            give(db, get_site(db, "alun-alun"), key, value)


def login_of(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 303
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def attempts(visit: Visit) -> list[SignInAttempt]:
    with visit.database.reading() as db:
        return list(db.exec(select(SignInAttempt).order_by(SignInAttempt.requested_at)))


# --- ways to sign in ----------------------------------------------------------------------------------------------------


def test_a_site_shows_its_methods_in_its_order_and_leaves_out_what_this_program_lacks(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offered, "METHODS", (OneTap(),))
    decide(visit, sign_in="resident,one-tap")

    page = visit.welcome()

    assert page.form[1]["method"] == "one-tap"
    assert visit.press(page).status_code == 303


def test_a_site_with_none_of_the_known_methods_is_not_ready_rather_than_open_to_all(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offered, "METHODS", (OneTap(),))
    page = visit.welcome()
    decide(visit, sign_in="resident")

    response = visit.client.get("/p/alun-alun", params=handed())
    pressed = visit.press(page)

    assert (response.status_code, pressed.status_code) == (503, 503)
    assert "Tempat ini belum siap" in response.text
    assert visit.rows()["consent"] == 0


@pytest.mark.parametrize("method", ["", "voucher", "ONE-TAP", "one-tap,voucher"])
def test_a_method_that_the_site_does_not_offer_is_refused_without_effect(visit: Visit, method: str) -> None:
    response = visit.press(visit.welcome(), method=method)

    assert response.status_code == 409
    assert visit.rows()["consent"] == visit.rows()["sign_in_attempt"] == 0


def test_how_a_guest_signed_in_is_kept_with_the_consent(visit: Visit) -> None:
    visit.log_in()

    with visit.database.reading() as db:
        assert db.exec(select(Consent)).one().method == "one-tap"


# --- one attempt --------------------------------------------------------------------------------------------------------


def test_what_is_kept_of_an_attempt_is_no_address_and_no_user_agent(visit: Visit) -> None:
    visit.client.headers["user-agent"] = "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36"
    visit.log_in()

    (attempt,) = attempts(visit)

    assert (attempt.browser, attempt.method, attempt.state) == ("android", "one-tap", "sent")
    assert attempt.device_id == visit.world.device()
    assert attempt.router_id == visit.world.router
    assert len(attempt.support_code) == 5
    assert set(attempt.support_code) <= set(ALPHABET)


def test_a_double_tap_is_one_press(visit: Visit) -> None:
    page = visit.welcome()

    first, second = (login_of(visit.press(page)) for _ in range(2))

    assert first == second
    assert (visit.rows()["consent"], visit.rows()["credential"], visit.rows()["sign_in_attempt"]) == (1, 1, 1)


def test_a_double_tap_after_the_router_asked_leads_to_what_became_of_it(visit: Visit) -> None:
    page = visit.welcome()
    first = login_of(visit.press(page))
    visit.accept(first["username"])

    again = visit.press(page)

    assert again.status_code == 303
    assert again.headers["location"] == first["dst"]
    assert visit.rows()["credential"] == 1


def test_the_way_back_and_the_button_work_when_the_credential_is_too_old(visit: Visit) -> None:
    page = visit.welcome()
    first = login_of(visit.press(page))
    visit.clock.forward(seconds=61)

    second = login_of(visit.press(page))

    assert second["username"] != first["username"]
    old, new = attempts(visit)
    assert (old.state, old.reason, new.state) == ("failed", "expired", "sent")


def test_another_page_goes_on_with_the_attempt_but_gets_a_credential_of_its_own(visit: Visit) -> None:
    """The same person after a reload, or a neighbour who names the device: nobody can tell."""
    first, second = visit.log_in(), visit.log_in()

    assert first["username"] != second["username"]
    assert (visit.rows()["consent"], visit.rows()["sign_in_attempt"]) == (1, 1)
    with visit.database.reading() as db:
        assert len({credential.consent_id for credential in db.exec(select(Credential))}) == 1


def test_another_language_another_device_or_another_time_is_another_consent(visit: Visit) -> None:
    visit.log_in()
    visit.log_in(lang="en")
    assert (visit.rows()["consent"], visit.rows()["sign_in_attempt"]) == (2, 1)

    visit.log_in(mac=str(OTHER_PHONE))
    assert (visit.rows()["consent"], visit.rows()["sign_in_attempt"]) == (3, 2)

    visit.clock.forward(minutes=3)
    visit.log_in()
    assert (visit.rows()["consent"], visit.rows()["sign_in_attempt"]) == (4, 3)
    old, new = [attempt for attempt in attempts(visit) if attempt.device_id == visit.world.device()]
    assert (old.state, old.decided_at) == ("failed", visit.clock())
    assert (new.state, new.decided_at) == ("sent", None)


def test_many_presses_at_once_are_one_attempt_and_one_consent(visit: Visit) -> None:
    page = visit.welcome()

    def press(number: int) -> str:
        mine = replace(visit, client=Client(create_app(visit.settings, visit.database, now=visit.clock)))
        response = mine.press(page, press=f"{number % 2:032x}")
        mine.client.close()
        return login_of(response)["username"]

    with ThreadPoolExecutor(6) as pool:
        names = list(pool.map(press, range(6)))

    assert visit.rows()["sign_in_attempt"] == visit.rows()["consent"] == 1
    assert visit.rows()["credential"] == len(set(names))


def test_of_many_log_ins_at_once_none_shares_a_credential_or_answers_anothers_challenge(visit: Visit) -> None:
    """200 phones press at the same time, each with the question that its router asked it."""
    phones = [(f"BC:24:11:01:00:{number:02X}", bytes([number]) * 16) for number in range(200)]
    pages = [visit.welcome(mac=mac, chap_id=r"\001", chap_challenge=octal(asked)) for mac, asked in phones]

    async def press(page: Page) -> httpx.Response:
        action, fields = page.form
        return await visit.client._client.post(action, data=fields)

    async def press_all() -> list[httpx.Response]:
        return list(await asyncio.gather(*[press(page) for page in pages]))

    logins = [login_of(answer) for answer in visit.client._runner.run(press_all())]

    assert len({login["username"] for login in logins}) == len({login["password"] for login in logins}) == 200
    for (_, asked), login in zip(phones, logins, strict=True):
        password = visit.settings.keys.one_time_password(UUID(login["username"]))
        assert login["password"] == hashlib.md5(b"\x01" + password.encode() + asked).hexdigest()
