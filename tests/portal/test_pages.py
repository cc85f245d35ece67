"""What holds for every page in every language, and the words of each explanation."""

import gzip
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from hotspot import themes
from hotspot.app import create_app
from hotspot.guests.terms import LIMITS, publish
from hotspot.languages import LOCALES, translations
from hotspot.paths import PACKAGE, shipped
from hotspot.portal import explanations, rendering
from hotspot.portal.explanations import Explanation
from hotspot.sites.models import Site, SiteState
from tests.portal.visit import ROUTER, Client, Page, Visit, handed, octal, path_of

LANGUAGES = ("id", "en")
FIRST_VIEW_OCTETS = 14 * 1024  # what arrives in the first round trip (RFC 6928)


def welcome(visit: Visit) -> str:
    return visit.client.get("/p/alun-alun", params=handed()).request.url.raw_path.decode()


PAGES: dict[str, Callable[[Visit], str]] = {
    "welcome": welcome,
    "preview": lambda _: "/p/alun-alun",
    "router error": lambda v: welcome(v).replace("error=&", "error=invalid+username+or+password&"),
    "unknown error": lambda v: welcome(v).replace("error=&", "error=%3Cb%3Etutup&"),
    "connecting": lambda v: path_of(v.log_in()),
    "online": lambda v: path_of(v.online()),
    "online again": lambda v: f"{welcome(v)}&username={v.online()['username']}",
    "no answer": lambda v: (path_of(v.log_in()), v.clock.forward(minutes=5))[0],
    "terms": lambda _: "/p/alun-alun/terms",
    "info": lambda _: "/p/alun-alun/info",
    "your data": lambda v: path_of(v.online()).replace("/online?", "/privacy?"),
    "your data, locked": lambda _: "/p/alun-alun/privacy",
    "damaged": lambda _: "/p/alun-alun?mac=x",
    "foreign": lambda _: "/p/alun-alun?link-login-only=http://evil.example/login",
    "nowhere": lambda _: "/p/nowhere",
    "forged": lambda _: "/p/alun-alun/online?t=x",
    "not a page": lambda _: "/p/alun-alun/login",
}


def in_language(path: str, language: str) -> str:
    path = re.sub(r"[?&]lang=..", "", path)
    return f"{path}{'&' if '?' in path else '?'}lang={language}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_in_every_language(visit: Visit, name: str, language: str) -> None:
    path = in_language(PAGES[name](visit), language)

    response = visit.client.get(path, headers={"accept-language": "de"})

    page = Page(response.text)
    assert response.status_code < 500
    assert page.all("html") == [{"lang": language if "mac=x" not in path else "id"}] or name == "damaged"
    assert response.headers["content-language"] == page.all("html")[0]["lang"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "set-cookie" not in response.headers
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    for tag in ("script", "link", "img", "iframe", "object", "embed", "audio", "video"):
        assert page.all(tag) == []
    assert all(address.startswith(("/p/", "?lang=", ROUTER)) for address in page.addresses)
    assert not [a for _, a in page.elements if "style" in a]
    assert not re.search(r"\b(ads?|banners?)\b", " ".join(str(a.get("class")) for _, a in page.elements))
    assert page.refresh == (["2"] if name == "connecting" else [])


def test_the_whole_first_view_is_small(visit: Visit) -> None:
    chap = {"chap_id": r"\371", "chap_challenge": octal(bytes(range(16)))}
    path = f"/p/alun-alun?{visit.client.get('/', params=handed(**chap)).request.url.query.decode()}"

    for language in LANGUAGES:
        response = visit.client.get(in_language(path, language), headers={"accept-encoding": "gzip"})

        assert response.headers["content-encoding"] == "gzip"
        headers = sum(len(name) + len(value) + 4 for name, value in response.headers.items())
        assert len(gzip.compress(response.content, 6)) + headers < 6 * 1024
        assert int(response.headers["content-length"]) + headers < 6 * 1024


def test_even_the_longest_terms_allowed_stay_below_the_limit(visit: Visit) -> None:
    words = visit.open("/p/alun-alun/terms").text.split()  # real words compress worse than one repeated
    body = " ".join(f"{word}{number}" for number, word in enumerate(words * 20))[: LIMITS["body"]]
    texts = {"id": {"title": "T", "summary": "- S", "body": body}}
    with visit.database.writing() as db:
        publish(db, "public", texts, visit.clock())

    response = visit.client.get("/p/alun-alun", params=handed())

    assert body[-20:] in response.text
    assert int(response.headers["content-length"]) < FIRST_VIEW_OCTETS


def test_the_policy_lets_the_form_reach_the_router_and_nothing_else(visit: Visit) -> None:
    policy = visit.client.get("/p/alun-alun", params=handed()).headers["content-security-policy"]

    assert f"form-action 'self' {ROUTER};" in policy
    assert "script-src" not in policy
    preview = visit.client.get("/p/alun-alun").headers["content-security-policy"]
    assert "form-action 'self';" in preview


def test_the_language_is_chosen_by_the_person_then_by_the_browser(visit: Visit) -> None:
    assert visit.open().all("html") == [{"lang": "id"}]
    english = Client(
        create_app(visit.settings, visit.database, now=visit.clock), **{"accept-language": "en-GB,id;q=0.5"}
    )
    assert '<html lang="en">' in english.get("/p/alun-alun").text
    assert '<html lang="id">' in english.get("/p/alun-alun?lang=id").text
    assert '<html lang="en">' in english.get("/p/alun-alun?lang=../../etc").text
    english.close()


def test_switching_the_language_keeps_what_the_router_handed_over(visit: Visit) -> None:
    chap = {"chap_id": r"\371", "chap_challenge": octal(bytes(range(16)))}
    (switch,) = [a for a in visit.welcome(**chap).all("a") if a.get("lang") == "en"]

    page = Page(visit.client.get(str(switch["href"])).text)

    assert "Agree and connect" in page.text
    _, fields = page.form
    assert fields["lang"] == "en"
    assert fields["chap-challenge"] == octal(bytes(range(16)))
    assert visit.press(page).status_code == 303


def test_without_a_device_the_page_is_a_preview_without_a_button(visit: Visit) -> None:
    page = visit.open()

    assert "Imunisasi gratis" in page.text
    assert "Gratis, tanpa nama" in page.text
    assert "“WiFi Publik”" in page.text
    assert page.all("form") == page.all("button") == []


def test_every_page_of_a_demo_says_so(visit: Visit) -> None:
    settings = visit.settings.model_copy(update={"demo": True})
    demo = Client(create_app(settings, visit.database, now=visit.clock))

    for path in ("/p/alun-alun", "/p/alun-alun/terms", "/p/nowhere", "/p/alun-alun/online?t=x"):
        assert "Demonstrasi: semua di sini hanya simulasi" in demo.get(path).text
        assert "Demonstrasi" not in visit.client.get(path).text
    demo.close()


def test_a_retired_site_serves_nobody(visit: Visit) -> None:
    with visit.database.writing() as db:
        db.get_one(Site, visit.world.alun_alun).state = SiteState.RETIRED

    response = visit.client.get("/p/alun-alun", params=handed())

    assert response.status_code == 404
    assert "tidak ada Wi-Fi publik lagi" in response.text


# --- what the router says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "error_orig", "said"),
    [
        ("invalid username or password", "", "Izin masuk ini tidak berlaku"),
        ("RADIUS server is not responding", "", "tidak dapat menghubungi server kota"),
        ("session limit reached (200)", "", "Tempat ini sedang penuh"),
        ("cannot assign ip address - no more free addresses from pool", "", "Tempat ini sedang penuh"),
        ("web browser did not send challenge response (try again, enable JavaScript)", "", "melupakan pertanyaannya"),
        ("invalid username (a): this MAC address is not yours", "", "untuk perangkat lain"),
        ("user x has reached traffic limit", "", "Jatah Anda sudah habis"),
        ("already authorizing, retry later", "", "percobaan Anda yang terakhir"),
        ("radius-timeout", "", "tidak dapat menghubungi server kota"),
        ("Kata sandi salah", "invalid username or password", "Izin masuk ini tidak berlaku"),
        ("Waktu untuk masuk sudah habis. Silakan ulangi dari awal.", "", "Waktu untuk terhubung sudah habis"),
        ("This login was already used. Please start again.", "", "sudah dipakai"),
        ("Mesin kopi rusak", "", "Mesin kopi rusak"),
        ("", "only the original", "Setuju dan hubungkan"),
    ],
)
def test_a_refusal_is_explained_once_and_never_repeated(visit: Visit, error: str, error_orig: str, said: str) -> None:
    page = visit.welcome(error=error, error_orig=error_orig)

    assert said in page.text
    if error:
        assert page.all("form") == []
        assert page.refresh == []
        (again,) = [a for a in page.all("a") if a.get("class") == "button"]
        welcome_again = Page(visit.client.get(str(again["href"])).text)
        assert said not in welcome_again.text
        assert visit.press(welcome_again).status_code == 303


def test_a_refusal_is_explained_even_to_a_device_that_seems_online(visit: Visit) -> None:
    visit.online()

    assert "server kota" in visit.welcome(error="RADIUS server is not responding").text


# --- words -------------------------------------------------------------------------------------------------------------------


def message_ids() -> set[str]:
    found = set()
    for path in shipped("portal_templates").rglob("*.html"):
        found |= {message for _, message, _, _ in extract_from_file("jinja2.ext:babel_extract", path)}
    for path in (PACKAGE / "portal").glob("*.py"):
        found |= {message for _, message, _, _ in extract_from_file("python", path, keywords={"N_": None, "say": None})}
    return found


def test_every_word_of_the_portal_is_there_in_every_language() -> None:
    messages = message_ids()
    assert len(messages) > 80

    for language in LANGUAGES[:1]:
        with (LOCALES / language / "portal.po").open("rb") as file:
            catalog = read_po(file)
        known = {message.id: message.string for message in catalog if message.id}
        assert messages - known.keys() == set()
        assert known.keys() - messages == set()
        assert [message for message, said in known.items() if not said] == []
        for message, said in known.items():
            assert sorted(re.findall(r"%\(\w+\)[sd]", message)) == sorted(re.findall(r"%\(\w+\)[sd]", said))


def test_every_explanation_speaks_every_language() -> None:
    found = [value for value in vars(explanations).values() if isinstance(value, Explanation)]
    found += explanations.ROUTER_ERRORS.values()
    assert len(found) > 25

    speak = translations("id").gettext
    for explanation in found:
        for words in (explanation.title, explanation.text, explanation.advice):
            assert speak(words) != words


@pytest.mark.parametrize(
    ("time", "said"),
    [(59, "less than a minute"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (7260, "2 h 1 min")],
)
def test_durations_are_said_as_people_do(time: int, said: str) -> None:
    assert rendering.duration(timedelta(seconds=time), "en") == said


@pytest.mark.parametrize(
    ("octets", "said"), [(0, "0 MB"), (1_500_000, "1,5 MB"), (150_400_000, "150 MB"), (2_500_000_000, "2,5 GB")]
)
def test_amounts_are_said_as_people_do(octets: int, said: str) -> None:
    assert rendering.amount(octets, "id") == said


@pytest.mark.parametrize(
    "text", ["a{background:url(//x)}", "@import 'x';", "</style><script>", "a{}\r\n", "a{background:u\\72l(//x)}"]
)
def test_a_style_sheet_that_loads_or_breaks_out_is_refused(text: str) -> None:
    with pytest.raises(themes.BadTheme):
        themes.raise_if_unsafe("style.css", text)


def test_a_language_without_a_name_of_ours_still_has_one() -> None:
    assert rendering.name_of("jv") == "Jawa"
    assert rendering.name_of("??") == "??"
