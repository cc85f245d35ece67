"""The whole way over HTTP: captured, welcome, the button, the router, online."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, select

from hotspot.app import create_app
from hotspot.guests.models import Consent, Credential
from hotspot.guests.terms import packaged_texts, publish
from hotspot.routers.models import Router, RouterState
from hotspot.settings import Settings
from hotspot.sites.models import Site
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.portal.visit import CHALLENGE, MAC, ROUTER, Client, Page, Visit, handed, octal, path_of
from tests.world import OTHER_PHONE


def test_the_welcome_page_has_information_terms_and_one_button(visit: Visit) -> None:
    page = visit.welcome()

    assert [a["class"] for a in page.all("section")] == ["card notice", "card"]
    assert "Imunisasi gratis" in page.text
    assert "Baca ketentuan lengkap" in page.text
    assert "Apa yang kami catat" in page.text  # the full terms are in the same answer
    assert len(page.all("button")) == len(page.all("form")) == 1
    assert page.refresh == []


def test_a_guest_gets_online_by_pap(visit: Visit) -> None:
    response = visit.press(visit.welcome())

    assert response.status_code == 303
    assert response.headers["location"].startswith(f"{ROUTER}/login?username=")
    login = visit.log_in()
    assert set(login) == {"username", "password", "dst"}
    assert login["password"] == visit.settings.keys.one_time_password(UUID(login["username"]))
    assert login["dst"].startswith("http://127.0.0.1:8080/p/alun-alun/online?t=")

    waiting = visit.open(path_of(login))
    assert waiting.refresh == ["2"]
    assert "Menghubungkan" in waiting.text
    visit.accept(login["username"])
    assert visit.open(path_of(login)).refresh == ["2"]  # accepted, but not reported: not said to be online
    visit.start(login["username"])

    online = visit.open(path_of(login))
    assert online.refresh == []
    assert "Anda sudah terhubung" in online.text
    assert f"{ROUTER}/logout" in online.addresses


@pytest.mark.parametrize(
    ("base", "known"),
    [
        ("https://alun-alun-1.wifi.example.org", True),
        ("http://10.5.50.1", True),  # before it had its certificate
        ("https://other.wifi.example.org", False),
        ("https://alun-alun-1.wifi.example.org:8443", False),
        ("http://10.5.51.1", False),
    ],
)
def test_a_guest_is_sent_back_to_where_an_enrolled_router_has_its_log_in_page(
    visit: Visit, base: str, known: bool
) -> None:
    with visit.database.writing() as db:
        router = db.get_one(Router, visit.world.router)
        router.state, router.login_host, router.address = RouterState.ENROLLED, "", "10.253.0.2"
        give(db, get_site(db, "alun-alun"), "login_host", "{router}.wifi.example.org")

    response = visit.client.get("/p/alun-alun", params=handed(link_login_only=f"{base}/login"))

    assert (response.status_code == 200) is known
    if known:
        assert visit.press(Page(response.text)).headers["location"].startswith(f"{base}/login?")


def test_a_guest_gets_online_by_chap(visit: Visit) -> None:
    login = visit.log_in(chap_id=r"\371", chap_challenge=octal(CHALLENGE))

    password = visit.settings.keys.one_time_password(UUID(login["username"]))
    digest = hashlib.md5()
    digest.update(b"\xf9")
    digest.update(password.encode("ascii"))
    digest.update(CHALLENGE)
    assert login["password"] == digest.hexdigest()


@pytest.mark.parametrize(
    ("written", "octets"),
    [
        (r"\016\256\031", b"\x0e\xae\x19"),
        (r"a\0607", b"a07"),
        (r"\7", b"\x07"),
        (r"\47x", b"'x"),
        (r"\400", b" 0"),  # 40 octal, then a zero: one octet ends at 377
        (r"\\\"\'", b"\\\"'"),
        ("plain ~", b"plain ~"),
    ],
)
def test_a_challenge_is_read_as_a_browser_reads_routeros_escapes(visit: Visit, written: str, octets: bytes) -> None:
    login = visit.log_in(chap_id=r"\001", chap_challenge=written)

    password = visit.settings.keys.one_time_password(UUID(login["username"]))
    assert login["password"] == hashlib.md5(b"\x01" + password.encode() + octets).hexdigest()


def test_a_challenge_of_raw_octets_is_understood_too(visit: Visit) -> None:
    raw = "".join(f"%{octet:02X}" for octet in CHALLENGE)
    query = "&".join([f"mac={MAC}", f"link-login-only={ROUTER}/login", "chap-id=%F9", f"chap-challenge={raw}"])
    page = Page(visit.client.get(f"/p/alun-alun?{query}").text)

    _, fields = page.form

    assert fields["chap-id"] == r"\371"
    assert fields["chap-challenge"] == octal(CHALLENGE)


def test_consent_is_stored_before_the_credential_and_both_or_neither(visit: Visit) -> None:
    written = []

    def note(_conn, _cursor, statement: str, *_rest: object) -> None:
        written.extend(re.findall(r"INSERT INTO (\w+)", statement))

    event.listen(visit.database.engine, "before_cursor_execute", note)
    login = visit.log_in()
    event.remove(visit.database.engine, "before_cursor_execute", note)

    assert written == ["consent", "credential", "sign_in_attempt"]
    with visit.database.reading() as db:
        consent, credential = db.exec(select(Consent)).one(), db.exec(select(Credential)).one()
    assert credential.id == UUID(login["username"])
    assert credential.consent_id == consent.id
    assert consent.device_id == credential.device_id == visit.world.device()
    assert consent.site_id == visit.world.alun_alun
    assert consent.language == "id"
    assert consent.given_at == visit.clock()
    assert visit.welcome().form[1]["terms"] == consent.terms_sha256

    with visit.database.writing() as db:
        db.execute(text("ALTER TABLE credential ADD CHECK (expires_at < '2000-01-01') NOT VALID"))
    assert visit.press(visit.welcome()).status_code == 503
    assert (visit.rows()["consent"], visit.rows()["credential"]) == (1, 1)


def test_terms_that_changed_meanwhile_are_shown_again(visit: Visit) -> None:
    page = visit.welcome()
    changed = {language: {**parts, "title": "Baru"} for language, parts in packaged_texts("public").items()}
    with visit.database.writing() as db:
        publish(db, "public", changed, visit.clock())

    response = visit.press(page)

    assert response.status_code == 409
    again = Page(response.text)
    assert "Ketentuan telah berubah" in again.text
    assert visit.rows()["consent"] == 0
    assert visit.press(again).status_code == 303


def test_a_site_without_published_terms_admits_nobody(visit: Visit) -> None:
    with visit.database.writing() as db:
        give(db, db.get_one(Site, visit.world.alun_alun), "terms", "never-published")

    response = visit.client.get("/p/alun-alun", params=handed())

    assert response.status_code == 503
    assert "belum siap" in response.text


def test_the_online_page_says_what_is_left(visit: Visit) -> None:
    with visit.database.writing() as db:
        site = db.get_one(Site, visit.world.alun_alun)
        give(db, site, "data_megabytes", 500)
        give(db, site, "session_minutes", 90)
    login = visit.log_in()
    visit.accept(login["username"])
    end = visit.clock() + timedelta(minutes=90)
    moved = {"octets_from_device": 20_000_000, "octets_to_device": 130_000_000}
    visit.start(login["username"], last_seen_at=end, **moved)  # reported all along
    visit.clock.forward(minutes=12)

    page = visit.open(path_of(login))

    assert "1 jam 18 menit" in page.text
    assert "sampai pukul 13.30" in page.text
    assert "350 MB" in page.text
    assert "150 MB terpakai" in page.text
    visit.clock.forward(minutes=77, seconds=30)
    assert "kurang dari semenit" in visit.open(path_of(login)).text


def test_coming_back_while_online_says_so_at_once_and_offers_a_way_out_of_a_mistake(visit: Visit) -> None:
    login = visit.online()

    page = visit.welcome(username=login["username"])

    assert "Anda sudah terhubung" in page.text
    assert page.refresh == []
    assert visit.press(page).status_code == 303  # after a power cut the router knows nothing of it


def test_a_session_that_went_silent_does_not_lock_its_owner_out(visit: Visit) -> None:
    login = visit.online()
    visit.clock.forward(seconds=601)  # two interims of 300 s were missed

    assert "Setuju dan hubungkan" in visit.welcome(username=login["username"]).text
    assert "Anda sudah terhubung" not in visit.open(path_of(login)).text


def test_who_knows_a_device_only_learns_nothing_about_it(visit: Visit) -> None:
    before = visit.welcome().text
    login = visit.online()

    assert visit.welcome().text == before, "a MAC address is no secret"
    assert visit.welcome(username=login["username"], mac=str(OTHER_PHONE)).text == before
    assert visit.welcome(username="0" * 32).text == before


def test_a_script_that_presses_the_button_again_and_again_is_told_to_wait(visit: Visit, settings: Settings) -> None:
    app = create_app(settings, visit.database, now=visit.clock)
    impatient = replace(visit, client=Client(app))
    page = impatient.welcome()

    answers = [impatient.press(page).status_code for _ in range(8)]
    assert answers == [303] * 6 + [429] * 2

    visit.clock.forward(seconds=61)
    assert impatient.press(page).status_code == 303
    impatient.client.close()


def test_hundreds_behind_one_address_are_not_told_to_wait_because_one_of_them_does_not_stop(
    visit: Visit, settings: Settings
) -> None:
    app = create_app(settings, visit.database, now=visit.clock)
    crowd = replace(visit, client=Client(app))  # all requests come from one address
    abuser = crowd.welcome()
    tries = [crowd.press(abuser).status_code for _ in range(10)]

    answers = {
        crowd.press(crowd.welcome(mac=f"BC:24:11:00:{number // 256:02X}:{number % 256:02X}")).status_code
        for number in range(301)
    }

    assert tries[-1] == 429
    assert answers == {303}
    crowd.client.close()


def test_a_neighbour_can_not_take_a_log_in_away(visit: Visit) -> None:
    login = visit.log_in()
    visit.log_in()  # somebody else presses the button in Gina's name

    visit.accept(login["username"])
    visit.start(login["username"])

    assert "Anda sudah terhubung" in visit.open(path_of(login)).text


@pytest.mark.parametrize(
    ("accepted", "seconds", "said"),
    [
        (False, 5, "Menghubungkan"),
        (False, 41, "Router tidak menjawab"),
        (False, 61, "Waktu untuk terhubung sudah habis"),
        (True, 39, "Menghubungkan"),
        (True, 41, "mungkin sudah terhubung"),
    ],
)
def test_waiting_ends_with_an_explanation(visit: Visit, accepted: bool, seconds: int, said: str) -> None:
    login = visit.log_in()
    if accepted:
        visit.accept(login["username"])
    visit.clock.forward(seconds=seconds)

    page = visit.open(path_of(login))

    assert said in page.text
    assert page.refresh == (["2"] if said == "Menghubungkan" else [])
    assert page.all("form") == []
    if not page.refresh:
        assert f"{ROUTER}/login" in page.addresses


def test_who_was_at_the_router_and_needed_no_log_in_is_shown_by_the_router(visit: Visit) -> None:
    """A sheet that was opened again: the device is online by another press, which this one's page must not tell."""
    login = visit.log_in()
    visit.clock.forward(seconds=7)

    page = visit.open(path_of(login))

    assert page.refresh == [f"2; url={ROUTER}/status"]
    assert visit.welcome().form, "the router leads on to here, where a credential says who it is"


def test_an_ended_session_is_said_to_have_ended(visit: Visit) -> None:
    login = visit.log_in()
    visit.accept(login["username"])
    visit.start(login["username"], ended_at=visit.clock())

    page = visit.open(path_of(login))

    assert "Sambungan Anda telah berakhir" in page.text
    assert page.refresh == []


def test_what_the_person_wanted_is_named_but_never_linked(visit: Visit) -> None:
    login = visit.log_in(link_orig="http://berita.example.net/a?b")
    visit.accept(login["username"])
    visit.start(login["username"])

    page = visit.open(path_of(login))

    assert "berita.example.net" in page.text
    assert all(address.startswith(("/", ROUTER)) for address in page.addresses)


@pytest.mark.parametrize(
    "probe", ["http://captive.apple.com/hotspot-detect.html", "http://10.5.50.1/", "", "http:///", "http://[::1"]
)
def test_a_phones_own_probe_is_not_what_the_person_wanted(visit: Visit, probe: str) -> None:
    login = visit.log_in(link_orig=probe)

    assert "&o=" not in login["dst"] or "10.5.50.1" in login["dst"].partition("&o=")[2]


def test_only_the_button_writes(visit: Visit) -> None:
    login = visit.online()
    before = visit.rows()

    for method in ("GET", "HEAD"):
        for path in ("/p/alun-alun", "/p/alun-alun/login", "/p/alun-alun/terms", path_of(login)):
            joint = "&" if "?" in path else "?"
            query = "&".join(f"{name}={value}" for name, value in handed(token="x", terms="y").items())
            visit.client.request(method, f"{path}{joint}{query}")

    assert visit.rows() == before


def test_opening_the_buttons_address_logs_nobody_in(visit: Visit) -> None:
    _, fields = visit.welcome().form

    response = visit.client.get("/p/alun-alun/login", params=fields)

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert "Silakan mulai dari awal" in response.text
    assert visit.rows()["credential"] == 0


def test_a_failed_commit_is_a_failed_answer(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit.welcome()

    def fail(_: Session) -> None:
        raise RuntimeError

    monkeypatch.setattr(Session, "commit", fail)

    assert visit.press(page).status_code == 500
