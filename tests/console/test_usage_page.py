"""The usage page without scripts: exact figures, drill down, nothing that a name can break."""

import json
import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hotspot.app import create_app
from hotspot.console import words
from hotspot.console.words import Words
from hotspot.db import Database
from hotspot.settings import Settings
from hotspot.sites.models import Site, SiteState
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff, make_login_link
from tests.console.browser import Browser, Clock
from tests.console.conftest import Open
from tests.reports.usage_city import GINA, HADI, ZONE, area, build_areas, build_site, crowd, roll_up, visit

HOSTILE = """<script>alert(1)</script>"'&{{7*7}}</title>"""


class Page(HTMLParser):
    """What a reader without scripts finds: the rows of tables, links, and which elements there are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: dict[str, str] = {}
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._cell = self._link = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self._cell = True
            self.rows[-1].append("")
        if tag == "a":
            self._link = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in {"td", "th"}
        self._link = self._link and tag != "a"

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] = (self.rows[-1][-1] + " " + data.strip()).strip()
        if self._link and data.strip():
            self.links[data.strip()] = self.elements[-1][1].get("href") or ""

    def row(self, name: str) -> list[str]:
        return next(row[1:] for row in self.rows if row and row[0] == name)


@pytest.fixture
def busy(database: Database, city: dict[str, Site], now: datetime) -> dict[str, Site]:
    with database.writing() as db:
        visit(db, city["alun-alun"], GINA, now - timedelta(hours=3), 30, down=1_250_000_000, up=45_600_000)
        visit(db, city["alun-alun"], HADI, now - timedelta(minutes=9), 5, down=500, up=0, leaves=False)
        visit(db, city["pasar-pagi"], GINA, now - timedelta(hours=1), 30, down=None, up=None)
        crowd(db, city["perpustakaan"], 1200, now - timedelta(days=1))
        roll_up(db)
    return city


def open_page(client: Browser, **asked: str) -> Page:
    answer = client.get("/console/usage", params=asked)
    assert answer.status_code == 200
    return Page(answer.text)


def test_the_table_says_what_the_sessions_said(alice: Browser, busy: object) -> None:
    page = open_page(alice)

    # online now, sessions, devices, downloaded, uploaded, most at once
    assert page.row("Taman Sari") == ["1", "2", "2", "1,3 GB", "45,6 MB", "1"]
    assert page.row("Rangkui") == ["0", "1", "1", "–", "–", "1"]
    assert page.row("Gerunggang") == ["0", "0", "0", "–", "–", "0"]
    assert page.row("Kota Pangkalpinang") == ["1", "3", "2", "1,3 GB", "45,6 MB", "1"]


def test_links_lead_down_to_a_site_and_up_again(alice: Browser, busy: object) -> None:
    client, path = alice, "/console/usage?period=7d"
    for name in ("Taman Sari", "Batin Tikal", "Perpustakaan"):
        path = Page(client.get(path).text).links[name]
        assert "period=7d" in path
    page = Page(client.get(path).text)

    assert "site=perpustakaan" in path
    assert page.row("1 Mar")[:2] == ["1.200", "1.200"]
    up = Page(client.get(page.links["Taman Sari"]).text)
    assert up.row("Batin Tikal")[1] == "1.202"


def test_figures_speak_the_pages_language(alice: Browser, busy: object) -> None:
    indonesian = alice.get("/console/usage?period=7d").text
    english = alice.get("/console/usage?period=7d&lang=en").text
    by_browser = alice.get("/console/usage?period=7d", headers={"accept-language": "en-GB,en;q=0.9,id;q=0.1"}).text

    assert '<html lang="id">' in indonesian
    assert "1.203" in indonesian
    assert "Perangkat-hari" in indonesian
    assert '<html lang="en">' in english
    assert "1,203" in english
    assert "Device-days" in english
    assert '<html lang="en">' in by_browser
    assert all("lang=en" in path for path in Page(english).links.values() if "/usage" in path and "lang=id" not in path)


def test_without_scripts_there_is_a_drawing_a_table_and_a_refresh(alice: Browser, busy: object) -> None:
    html = alice.get("/console/usage").text
    page = Page(html)
    drawings = [attributes for tag, attributes in page.elements if tag == "svg" and attributes.get("role") == "img"]

    assert len(drawings) == 2
    assert html.count('<rect class="devices"') == 2  # two hours had devices
    for drawing in drawings:
        for name in (drawing["aria-labelledby"] or "").split():
            assert f'id="{name}"' in html
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in html
    assert not re.search(r"<[^>]+ (style|on\w+)=", html)
    assert "<style" not in html
    assert all(
        "src" in attributes or attributes["type"] == "application/json"
        for tag, attributes in page.elements
        if tag == "script"
    )


def test_refreshing_can_be_stopped(alice: Browser, busy: object) -> None:
    stopped = alice.get("/console/usage?live=off").text

    assert "http-equiv" not in stopped
    assert "hx-get" not in stopped
    assert "live=off" in Page(stopped).links["Taman Sari"]


def test_the_fragment_is_the_part_of_the_page_that_changes(alice: Browser, busy: object) -> None:
    page = alice.get("/console/usage?area=19.71.02&period=7d").text
    fragment = alice.get("/console/usage/live?area=19.71.02&period=7d", headers={"hx-request": "true"})

    assert fragment.status_code == 200
    assert fragment.text in page
    assert "<html" not in fragment.text


def test_new_usage_is_in_the_next_fragment(
    alice: Browser, busy: dict[str, Site], database: Database, now: datetime
) -> None:
    before = Page(alice.get("/console/usage/live").text).row("Rangkui")
    with database.writing() as db:
        visit(db, busy["pasar-pagi"], HADI, now - timedelta(minutes=2), 1, down=7_000, up=70, leaves=False)
        roll_up(db)

    assert before == ["0", "1", "1", "–", "–", "1"]
    assert Page(alice.get("/console/usage/live").text).row("Rangkui") == ["1", "2", "2", "7 kB", "70 B", "1"]


def test_the_numbers_for_scripts_are_those_of_the_drawing(alice: Browser, busy: object) -> None:
    html = alice.get("/console/usage").text
    numbers = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)[1])

    devices = numbers["devices"]["parts"][0]["values"]

    assert devices == [0] * 9 + [1, 0, 2, 0] + [None] * 11  # it is noon: the rest is still to come
    assert numbers["data"]["parts"][0]["texts"][9] == "1,2 GB"
    assert numbers["data"]["parts"][1]["texts"][9] == "45,6 MB"
    assert len(numbers["data"]["parts"]) == 2


def test_names_are_text_and_never_markup(browser: Open, database: Database, now: datetime) -> None:
    with database.writing() as db:
        build_areas(db)
        site = build_site(db, HOSTILE[:90], "19.71.02.1001", now)

        area(db, "19.71.02.1001").name = HOSTILE
        area(db, "19.71").name = HOSTILE
        visit(db, site, GINA, now - timedelta(minutes=20), 10)
        roll_up(db)
        add_staff(db, HOSTILE, Role.OFFICIAL, now)
        link = f"/console/login/{make_login_link(db, HOSTILE, now)}"
        slug = site.slug
    client = browser()
    client.press_button(link)

    for asked in ({}, {"area": "19.71.02"}, {"area": "19.71.02.1001"}, {"site": slug}):
        html = client.get("/console/usage", params=asked).text
        assert "&lt;script&gt;" in html
        assert "<script>alert" not in html
        assert "&amp;{{7*7}}" in html  # not a template either
        assert html.count("<script") == html.count("<script src=") + 1


def test_what_is_asked_for_is_never_echoed_as_markup(alice: Browser, city: object, link: str) -> None:
    for path in ("/console/usage", "/console/login", "/console/login/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"):
        for name in ("area", "site", "period", "lang", "live", "x"):
            html = alice.get(path, params={name: '"><script>alert(1)</script>'}).text
            assert "<script>alert" not in html


@pytest.mark.parametrize("period", ["2026-04", "never", "7 d", "'; DROP TABLE area; --", "%00", "x" * 5000])
def test_a_period_that_is_none_gets_a_clear_answer(alice: Browser, city: object, period: str) -> None:
    answer = alice.get("/console/usage", params={"period": period})

    assert answer.status_code == 422
    assert "Periode itu tidak ada" in answer.text


def test_an_unknown_place_gets_a_clear_answer(alice: Browser, city: object) -> None:
    for asked in ({"area": "99"}, {"site": "nowhere"}, {"area": "\x00"}, {"area": "🦆" * 3000}):
        answer = alice.get("/console/usage", params=asked)

        assert answer.status_code == 404
        assert "Wilayah atau lokasi itu tidak ada" in answer.text


def test_repeated_and_unknown_parameters_do_no_harm(alice: Browser, city: object) -> None:
    assert alice.get("/console/usage?area=19.71&area=19.71.02&period=7d&period=today&x=1&lang=xx").status_code == 200


# --- what is missing -----------------------------------------------------------------------------------------------------


def test_without_areas_the_page_says_how_to_import_them(alice: Browser) -> None:
    assert "hotspot areas import" in alice.get("/console/usage").text
    assert alice.get("/console/usage/live").status_code == 204


def test_without_sites_the_page_says_how_to_add_one(alice: Browser, database: Database) -> None:
    with database.writing() as db:
        build_areas(db)

    html = alice.get("/console/usage").text

    assert "hotspot sites add" in html
    assert Page(html).row("Taman Sari") == ["0", "0", "0", "–", "–", "0"]


def test_planned_sites_are_marked(alice: Browser, database: Database, city: object, now: datetime) -> None:
    with database.writing() as db:
        build_site(db, "Kios Baru", "19.71.04.1001", now, SiteState.PLANNED)

    assert "Kios Baru direncanakan" in [row[0] for row in open_page(alice, area="19.71.04.1001").rows if row]


def test_pages_work_when_the_scripts_could_not_be_fetched(
    alice: Browser, busy: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "STATIC", tmp_path)

    html = alice.get("/console/usage").text

    assert "<script src" not in html
    assert '<meta http-equiv="refresh" content="15">' in html
    assert "<noscript>" not in html
    assert html.count('role="img"') >= 2


def test_files_carry_their_contents_version(alice: Browser, city: object) -> None:
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', alice.get("/console/usage").text)

    assert any("console.css?v=" in path for path in found)
    for path in found:
        answer = alice.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_the_demo_says_so_on_every_page(
    settings: Settings, database: Database, clock: Clock, link: str, city: object
) -> None:

    client = Browser(create_app(settings.model_copy(update={"demo": True}), database, now=clock))
    client.press_button(link)

    for path in ("/console/usage", "/console/login", link, "/console/usage?period=never"):
        assert "<strong>Demo</strong>" in client.get(path).text
    client.close()


# --- words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (999_499, "999 kB"),
        (999_990, "1 MB"),
        (1_250_000, "1,2 MB"),
        (45_600_000, "45,6 MB"),
        (123_456_789, "123 MB"),
        (1_000_000_000, "1 GB"),
        (2_500_000_000_000, "2,5 TB"),
        (9_000_000_000_000_000_000, "9.000 PB"),
    ],
)
def test_amounts_are_decimal_and_short(settings: Settings, octets: int | None, text: str) -> None:
    assert Words("id", settings).octets(octets) == text


def test_times_are_local_and_name_their_zone(settings: Settings, now: datetime) -> None:
    assert Words("id", settings).exact_time(now) == "12.00.00 WIB"
    assert Words("id", settings).time(now.astimezone(ZONE)) == "12.00"
