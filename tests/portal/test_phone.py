"""Signing in with a code, as a guest does it: in a browser without cookies whose sheet closes while the message is read."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import select

from hotspot.guests import phone_codes, phone_limits
from hotspot.guests.limits import Limit
from hotspot.guests.models import Consent
from hotspot.guests.phone_limits import OF_A_PHONE, SHORT
from hotspot.guests.phone_models import PhoneCode
from hotspot.sites.models import Site
from hotspot.sites.settings import BadSettingValue, give
from tests.portal.visit import CHALLENGE, MAC, ROUTER, Page, Visit, handed, octal
from tests.world import OTHER_PHONE

NUMBER = "0812 7812 3456"
Form = tuple[str, dict[str, str]]


class Guest:
    """Gina with her phone at a place that asks for a code."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    def forms(self, page: Page) -> list[Form]:
        found: list[Form] = []
        for tag, attributes in page.elements:
            if tag == "form":
                found.append((str(attributes["action"]), {}))
            elif tag == "input":
                found[-1][1][str(attributes["name"])] = str(attributes.get("value") or "")
        return found

    def form(self, page: Page, action: str) -> Form:
        (form,) = [form for form in self.forms(page) if form[0] == f"/p/alun-alun/{action}"]
        return form

    def send(self, form: Form, **filled: str) -> httpx.Response:
        action, fields = form
        return self.visit.client.post(action, data={**fields, **filled})

    def ask(self, number: str = NUMBER, **more: str) -> str:
        """Give the number on the welcome page; return where that leads."""
        page = self.visit.open(**handed(**more), other="1")
        response = self.send(self.form(page, "phone"), number=number)
        assert response.status_code == 303
        return str(response.headers["location"])

    def code_page(self, address: str) -> Page:
        self.visit.clock.forward(seconds=10)
        page = Page(self.visit.client.get(address).text)
        assert "Masukkan kode" in page.text
        return page

    def code(self) -> str:
        """What the message says, from what is sealed."""
        with self.visit.database.reading() as db:
            latest = db.exec(select(PhoneCode).order_by(text("created_at DESC"))).first()
            assert latest is not None
            found = phone_codes.unsealed(latest, self.visit.settings.keys)
        assert found is not None
        return found[1]

    def wrong_code(self) -> str:
        return f"{(int(self.code()) + 1) % 1_000_000:06}"

    def count(self, statement: str) -> int:
        with self.visit.database.reading() as db:
            return int(db.scalar(text(statement)))


@pytest.fixture
def guest(visit: Visit) -> Guest:
    settle(visit, "phone,one-tap")
    return Guest(visit)


def settle(visit: Visit, ways: str) -> None:
    with visit.database.writing() as db:
        give(db, db.get_one(Site, visit.world.alun_alun), "sign_in", ways)
    visit.client._app.state.content.look_every = 0.0


# --- the way -------------------------------------------------------------------------------------------------------------


def test_a_guest_gives_a_number_reads_the_code_and_is_sent_to_the_router(guest: Guest) -> None:
    page = guest.visit.welcome()
    field = next(a for a in page.all("input") if a["name"] == "number")
    assert (field["inputmode"], field["autocomplete"]) == ("tel", "tel")

    response = guest.send(guest.form(page, "phone"), number=NUMBER)
    sending = guest.visit.client.get(response.headers["location"])
    assert "Kode Anda sedang dikirim" in sending.text
    assert Page(sending.text).refresh == ["6"]

    page = guest.code_page(response.headers["location"])
    assert page.refresh == [], "what somebody types is not wiped away"
    field = next(a for a in page.all("input") if a["name"] == "code")
    assert (field["inputmode"], field["autocomplete"]) == ("numeric", "one-time-code")
    response = guest.send(guest.form(page, "phone/code"), code=guest.code())

    assert response.status_code == 303
    assert response.headers["location"].startswith(f"{ROUTER}/login?")
    with guest.visit.database.reading() as db:
        consent = db.exec(select(Consent)).one()
    assert consent.method == "phone"
    assert consent.guest_id == guest.visit.settings.keys.phone_id("+6281278123456")


def test_whoever_comes_back_in_a_new_sheet_lands_where_they_were(guest: Guest) -> None:
    guest.ask()
    guest.visit.clock.forward(minutes=2)

    page = guest.visit.welcome(chap_id="\\033", chap_challenge=octal(CHALLENGE))

    assert "Masukkan kode" in page.text
    response = guest.send(guest.form(page, "phone/code"), code=guest.code())
    assert response.headers["location"].startswith(f"{ROUTER}/login?")


def test_who_wants_another_way_finds_it_although_a_code_waits(guest: Guest) -> None:
    page = guest.code_page(guest.ask())
    (other,) = [link for link in page.addresses if "other=1" in link]

    page = Page(guest.visit.client.get(other).text)

    assert guest.form(page, "login")
    response = guest.send(guest.form(page, "login"))
    assert response.headers["location"].startswith(f"{ROUTER}/login?")


def test_where_there_is_no_other_way_none_is_offered(guest: Guest) -> None:
    settle(guest.visit, "phone")

    assert not [link for link in guest.code_page(guest.ask()).addresses if "other=1" in link]


def test_a_mistyped_number_is_corrected_on_the_codes_page(guest: Guest) -> None:
    page = guest.code_page(guest.ask("081278120000"))
    assert "berakhiran 000" in page.text

    response = guest.send(guest.form(page, "phone"), number=NUMBER)

    assert "berakhiran 456" in guest.code_page(response.headers["location"]).text


def test_the_code_can_be_sent_again_after_a_while(guest: Guest) -> None:
    address = guest.ask()
    page = guest.code_page(address)
    assert "Kirim ulang kode" not in page.text
    guest.visit.clock.forward(seconds=30)
    page = guest.code_page(address)

    first = guest.code()
    response = guest.send(guest.form(page, "phone/again"))

    assert "Kode Anda sedang dikirim" in guest.visit.client.get(response.headers["location"]).text
    assert guest.code() == first
    assert guest.count("SELECT count(*) FROM phone_message") == 2


def test_a_double_tap_is_one_message_and_one_log_in(guest: Guest) -> None:
    page = guest.visit.welcome()
    first, second = (guest.send(guest.form(page, "phone"), number=NUMBER) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert guest.count("SELECT count(*) FROM phone_message") == 1

    form, code = guest.form(guest.code_page(first.headers["location"]), "phone/code"), guest.code()
    first, second = (guest.send(form, code=code) for _ in range(2))

    assert first.headers["location"] == second.headers["location"]
    assert guest.count("SELECT count(*) FROM credential") == 1


# --- what goes wrong -----------------------------------------------------------------------------------------------------


def test_a_number_that_is_none_is_asked_for_again(guest: Guest) -> None:
    response = guest.send(guest.form(guest.visit.welcome(), "phone"), number="0717 123456")

    assert response.status_code == 422
    assert "bukan nomor ponsel" in Page(response.text).text
    response = guest.send(guest.form(Page(response.text), "phone"), number=NUMBER)
    assert response.status_code == 303


def test_a_wrong_code_says_how_many_tries_are_left_and_then_asks_for_a_new_one(guest: Guest) -> None:
    page = guest.code_page(guest.ask())
    said = []
    for _ in range(5):
        response = guest.send(guest.form(page, "phone/code"), code=guest.wrong_code())
        assert response.status_code == 422
        page = Page(response.text)
        said.append(page.text)

    assert ["mencoba 4 kali" in said[0], "mencoba 3 kali" in said[1], "mencoba 2 kali" in said[2]] == [True] * 3
    assert "sekali lagi" in said[3]
    assert "terlalu sering dicoba" in said[4]
    assert guest.send(guest.form(page, "phone"), number="0812 7812 3457").status_code == 303


def test_five_digits_are_no_try(guest: Guest) -> None:
    page = guest.code_page(guest.ask())

    page = Page(guest.send(guest.form(page, "phone/code"), code="12345").text)

    assert "6 angka" in page.text
    assert guest.count("SELECT max(tries) FROM phone_code") == 0


def test_a_code_that_is_too_old_is_said_to_be(guest: Guest) -> None:
    address = guest.ask()
    form, code = guest.form(guest.code_page(address), "phone/code"), guest.code()
    guest.visit.clock.forward(minutes=10)

    assert "kedaluwarsa" in Page(guest.send(form, code=code).text).text
    assert "kedaluwarsa" in Page(guest.visit.client.get(address).text).text
    assert guest.form(guest.visit.welcome(), "phone"), "and the welcome page is the welcome page again"


def test_a_message_that_nobody_took_is_said_not_to_have_been_sent(guest: Guest) -> None:
    address = guest.ask()
    with guest.visit.database.writing() as db:
        db.execute(text("UPDATE phone_message SET state = 'failed'"))

    page = Page(guest.visit.client.get(address).text)

    assert "tidak dapat dikirim" in page.text
    assert guest.send(guest.form(page, "phone"), number=NUMBER).status_code == 303
    assert guest.count("SELECT count(*) FROM phone_message") == 2


def test_where_codes_are_stopped_the_page_says_so_and_offers_what_else_there_is(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = guest.form(guest.code_page(guest.ask()), "phone/code")
    monkeypatch.setattr(phone_limits, "WRONG_ANYWHERE", (Limit("wrong", 1, SHORT),))
    assert guest.send(form, code=guest.wrong_code()).status_code == 422
    response = guest.send(form, code=guest.code())
    assert response.status_code == 429
    assert "Kode tidak tersedia" in Page(response.text).text
    assert "other=1" in response.text

    monkeypatch.setattr(phone_limits, "OF_A_DEVICE", Limit("messages for a device", 1, SHORT))
    response = guest.send(guest.form(guest.visit.open(**handed(), other="1"), "phone"), number=NUMBER)
    assert response.status_code == 303, "pressed twice within the pause it is no new message"
    response = guest.send(guest.form(guest.visit.open(**handed(), other="1"), "phone"), number="0813 7812 3456")
    assert response.status_code == 429


def test_terms_that_changed_meanwhile_are_read_first_and_the_code_stays_good(guest: Guest) -> None:
    address = guest.ask()
    form = guest.form(guest.code_page(address), "phone/code")

    response = guest.send(form, code=guest.code(), terms="0" * 64)

    assert response.status_code == 409
    assert guest.send(form, code=guest.code()).status_code == 303


def test_nobody_is_let_in_by_a_number_alone(guest: Guest) -> None:
    response = guest.send(("/p/alun-alun/login", guest.form(guest.visit.welcome(), "phone")[1]), number=NUMBER)

    assert response.status_code == 409
    assert guest.count("SELECT count(*) FROM credential") == 0


def test_a_place_without_codes_sends_none(guest: Guest) -> None:
    form = guest.form(guest.visit.welcome(), "phone")
    settle(guest.visit, "one-tap")

    assert guest.send(form, number=NUMBER).status_code == 409
    assert guest.count("SELECT count(*) FROM phone_message") == 0


# --- what strangers do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["phone", "phone/code", "phone/again"])
@pytest.mark.parametrize("broken", [{"token": ""}, {"token": "x" * 22}, {"mac": str(OTHER_PHONE)}, {"mac": ""}])
def test_a_form_that_is_not_ours_for_this_device_does_nothing(
    guest: Guest, action: str, broken: dict[str, str]
) -> None:
    guest.ask()
    guest.visit.clock.forward(seconds=40)
    before = (
        guest.count("SELECT count(*) + sum(tries) FROM phone_code"),
        guest.count("SELECT count(*) FROM phone_message"),
    )
    form = guest.form(guest.visit.welcome(), action)

    response = guest.send(form, number="0813 7812 3456", code=guest.code(), **broken)

    assert response.status_code in (400, 403)
    assert before == (
        guest.count("SELECT count(*) + sum(tries) FROM phone_code"),
        guest.count("SELECT count(*) FROM phone_message"),
    )


@pytest.mark.parametrize("action", ["phone", "phone/code", "phone/again"])
def test_another_site_can_not_press_our_buttons(guest: Guest, action: str) -> None:
    guest.ask()
    guest.visit.clock.forward(seconds=40)
    address, fields = guest.form(guest.visit.welcome(), action)

    response = guest.visit.client.post(
        address, data={**fields, "code": guest.code()}, headers={"sec-fetch-site": "cross-site"}
    )

    assert response.status_code == 403


@pytest.mark.parametrize("path", ["phone", "phone/code", "phone/again"])
def test_reading_changes_nothing(guest: Guest, path: str) -> None:
    def all_rows() -> list[Any]:
        with guest.visit.database.reading() as db:
            return [
                db.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all()
                for table in ("phone_code", "phone_message", "limit_window", "consent", "credential")
            ]

    guest.ask()
    guest.visit.clock.forward(seconds=40)
    before = all_rows()

    guest.visit.client.get(f"/p/alun-alun/{path}", params={**handed(), "number": NUMBER, "code": guest.code()})

    assert all_rows() == before


def test_who_names_a_device_is_told_no_part_of_its_number(guest: Guest) -> None:
    address = guest.ask()
    query = parse_qs(urlsplit(address).query)
    assert "456" in guest.code_page(address).text

    forged = f"{query['k'][0][:-1]}{'A' if query['k'][0][-1] != 'A' else 'B'}"
    for stranger in (
        guest.visit.client.get("/p/alun-alun", params=handed()),
        guest.visit.client.get("/p/alun-alun/phone", params=handed()),
        guest.visit.client.get("/p/alun-alun/phone", params={**handed(), "k": forged}),
    ):
        assert "Masukkan kode" in stranger.text
        assert "berakhiran" not in stranger.text
        assert "456" not in Page(stranger.text).text


def test_a_ticket_is_good_for_its_own_device_alone(guest: Guest) -> None:
    query = parse_qs(urlsplit(guest.ask()).query)

    page = guest.visit.client.get("/p/alun-alun/phone", params={**handed(mac=str(OTHER_PHONE)), "k": query["k"][0]})

    assert "Masukkan kode" not in page.text
    assert "456" not in Page(page.text).text


def test_the_codes_page_needs_the_wifi(guest: Guest) -> None:
    assert guest.visit.client.get("/p/alun-alun/phone").status_code == 400
    assert guest.visit.client.get("/p/nirgendwo/phone", params=handed()).status_code == 404


def test_a_number_gets_the_same_answer_whoever_has_it(guest: Guest) -> None:
    """Known as a guest, never seen, or with all its messages of the day: one page, but for what is random or typed."""
    known, new, full = NUMBER, "0813 7812 3456", "0819 7812 3456"
    guest.send(guest.form(guest.code_page(guest.ask(known)), "phone/code"), code=guest.code())
    for turn in range(OF_A_PHONE.most):
        guest.ask(full, mac=f"BC:24:11:00:01:0{turn}")

    pages = []
    for turn, number in enumerate((known, new, full)):
        address = guest.ask(number, mac=f"BC:24:11:00:02:0{turn}")
        shown = [guest.visit.client.get(address), guest.visit.client.get(address, params={"ready": "1"})]
        pages.append([(page.status_code, len(page.content)) for page in shown])

    assert pages[0] == pages[1] == pages[2]
    assert MAC not in pages


# --- a short connection for the message ----------------------------------------------------------------------------------


def allow_grace(guest: Guest) -> None:
    with guest.visit.database.writing() as db:
        give(db, db.get_one(Site, guest.visit.world.alun_alun), "code_minutes", 3)


def test_a_short_connection_is_bound_and_is_no_way_to_sign_in(guest: Guest) -> None:
    allow_grace(guest)
    form = guest.form(guest.code_page(guest.ask()), "phone/online")

    first, second = guest.send(form), guest.send(form)

    assert first.headers["location"] == second.headers["location"], "a double tap is one connection"
    with guest.visit.database.reading() as db:
        facts = db.execute(
            text("SELECT cap_seconds, cap_octets, method FROM credential JOIN consent ON consent.id = consent_id")
        )
        assert facts.all() == [(180, 5_000_000, "grace")]
    with pytest.raises(BadSettingValue):
        settle(guest.visit, "grace")


def test_a_device_has_the_short_connection_once_a_day(guest: Guest) -> None:
    allow_grace(guest)
    address = guest.ask()
    assert guest.send(guest.form(guest.code_page(address), "phone/online")).status_code == 303

    again = guest.send(guest.form(guest.code_page(address), "phone/online"))

    assert (again.status_code, guest.count("SELECT count(*) FROM credential")) == (429, 1)


def test_the_short_connection_is_only_for_who_has_asked_for_a_code_where_there_is_one(guest: Guest) -> None:
    page = guest.code_page(guest.ask())
    assert not [form for form in guest.forms(page) if form[0].endswith("/phone/online")]
    fields = guest.form(page, "phone/code")[1]
    assert guest.send(("/p/alun-alun/phone/online", fields)).status_code == 409

    allow_grace(guest)
    guest.visit.clock.forward(minutes=11)
    assert guest.send(("/p/alun-alun/phone/online", fields)).status_code == 409
    assert guest.visit.client.get("/p/alun-alun/phone/online", params=handed()).status_code == 405


def test_a_code_is_not_used_up_while_the_router_would_take_no_log_in(guest: Guest) -> None:
    allow_grace(guest)
    page = guest.code_page(guest.ask())
    login = dict(parse_qsl(urlsplit(guest.send(guest.form(page, "phone/online")).headers["location"]).query))
    guest.visit.accept(login["username"])
    guest.visit.start(login["username"])

    refused = guest.send(guest.form(page, "phone/code"), code=guest.code())
    assert (refused.status_code, f"{ROUTER}/logout" in refused.text) == (409, True)

    guest.visit.clock.forward(minutes=3)
    assert guest.send(guest.form(page, "phone/code"), code=guest.code()).status_code == 303
