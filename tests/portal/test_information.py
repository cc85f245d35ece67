"""The city's information on the page: its pictures, where its links lead, what is counted, and what hostile texts can't do."""

import gzip
from datetime import timedelta
from io import BytesIO
from random import Random
from urllib.parse import quote

import pytest
import structlog
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.areas.service import set_contacts
from hotspot.portal.banners import Draft, draft, edit, end
from hotspot.portal.counts import Counts, is_seen
from hotspot.portal.images import keep, redraw
from hotspot.portal.models import Banner
from hotspot.portal.schedule import Schedule
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from hotspot.staff.service import get_staff
from tests.portal.payloads import ELSEWHERE, MARKUP
from tests.portal.visit import Page, Visit, handed, publish_banner
from tests.world import ALICE, BOB, BUKIT_SARI, GEDUNG_NASIONAL, GERUNGGANG, KOTA

LAPOR = "https://www.lapor.go.id/"
TEXTS = {
    "id": {"title": "Lapor", "text": f"Lihat [formulir]({LAPOR}form).", "alt": "Logo LAPOR"},
    "en": {"title": "Report", "text": f"See [the form]({LAPOR}form).", "alt": "The LAPOR logo"},
}


def area(db: Session, code: str) -> Area:
    return db.exec(select(Area).where(col(Area.code) == code)).one()


def busy_picture() -> bytes:
    """As much detail as 25 kB can take."""
    image = Image.frombytes("RGB", (640, 320), Random(1971).randbytes(640 * 320 * 3))
    kept = BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


@pytest.fixture
def banner(visit: Visit) -> int:
    """A banner with a picture, a link and another one in its text; its number."""
    with visit.database.writing() as db:
        give(db, area(db, KOTA), "walled_garden", "www.lapor.go.id")
        image = keep(db, redraw(busy_picture()), now=visit.clock())
        return publish_banner(db, area(db, KOTA), TEXTS, now=visit.clock(), link=LAPOR, image=image, priority=9).id or 0


def counted(visit: Visit) -> dict[tuple[int, int], tuple[int, int]]:
    """By banner and site: how often shown and followed, as in the database."""
    with visit.database.reading() as db:
        rows = db.execute(text("SELECT banner_id, site_id, sum(shown), sum(followed) FROM banner_count GROUP BY 1, 2"))
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}


@pytest.fixture
def counts(visit: Visit) -> Counts:
    return visit.client._app.state.counts


# --- pictures ----------------------------------------------------------------------------------------------------------------


def test_the_picture_comes_later_from_us_and_is_described_in_the_readers_language(visit: Visit, banner: int) -> None:
    for language, alt in (("id", "Logo LAPOR"), ("en", "The LAPOR logo")):
        response = visit.client.get("/p/alun-alun", params=handed(lang=language))
        (image,) = Page(response.text).all("img")

        assert (image["alt"], image["loading"]) == (alt, "lazy")
        assert int(str(image["width"])) > 0 < int(str(image["height"]))
        assert "img-src 'self';" in response.headers["content-security-policy"]
    answer = visit.client.get(str(image["src"]))
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    with Image.open(BytesIO(answer.content)) as seen:
        assert (seen.format, seen.width) == ("JPEG", int(str(image["width"])))


def test_a_page_without_a_picture_may_load_nothing(visit: Visit) -> None:
    assert "img-src" not in visit.client.get("/p/alun-alun").headers["content-security-policy"]


def test_the_first_view_and_its_picture_are_small(visit: Visit, banner: int) -> None:
    response = visit.client.get("/p/alun-alun", params=handed())
    (image,) = Page(response.text).all("img")
    picture = visit.client.get(str(image["src"])).content

    first = len(gzip.compress(response.content, 6)) + sum(len(n) + len(v) + 4 for n, v in response.headers.items())
    assert first < 14 * 1024
    assert 10_000 < len(picture) <= 25_000
    assert first + len(picture) <= 30 * 1024


@pytest.mark.parametrize(
    "name", ["0" * 64 + ".jpg", "x.jpg", "..%2f..%2fsecret.jpg", "0" * 63 + "é.jpg", "A" * 64 + ".jpg"]
)
def test_there_is_no_other_picture(visit: Visit, name: str) -> None:
    answer = visit.client.get(f"/p/i/{name}")

    assert answer.status_code == 404
    assert answer.headers.get("cache-control") == "no-store"


# --- links -------------------------------------------------------------------------------------------------------------------


def test_links_lead_through_us_to_what_is_stored_and_are_counted(visit: Visit, banner: int, counts: Counts) -> None:
    page = visit.welcome()
    links = [str(a["href"]) for a in page.all("a") if "/go/" in str(a["href"])]

    answers = [visit.client.get(link) for link in links]

    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (303, f"{LAPOR}form"),
        (303, LAPOR),
    ]
    assert all(answer.headers["referrer-policy"] == "no-referrer" for answer in answers)
    counts.flush(visit.clock())
    assert counted(visit)[(banner, visit.world.alun_alun)] == (1, 2)


def test_nothing_in_the_request_says_where_a_link_leads(visit: Visit, banner: int) -> None:
    for number, payload in enumerate(ELSEWHERE):
        name = ("url", "to", "link", "next", "dst", "link-orig", "lang")[number % 7]
        answer = visit.client.get(f"/p/alun-alun/go/{banner}", params={name: payload})
        assert answer.headers.get("location", LAPOR) == LAPOR
        for path in (f"/p/alun-alun/go/{banner}/", "/p/alun-alun/go/", "/p/alun-alun/office/"):
            answer = visit.client.get(path + quote(payload, safe=""))
            assert answer.status_code in (307, 404)
            assert answer.headers.get("location", "http://127.0.0.1:8080/").startswith("http://127.0.0.1:8080/")


def test_a_link_leads_nowhere_unless_it_is_approved_for_the_place_and_not_over(
    visit: Visit, banner: int, counts: Counts
) -> None:
    now = visit.clock()
    with visit.database.writing() as db:
        bob = get_staff(db, BOB)
        waiting = draft(db, area(db, KOTA), Draft(TEXTS, Schedule(now), LAPOR), by=bob, now=now).id
        elsewhere = publish_banner(db, area(db, GERUNGGANG), TEXTS, now=now, link=LAPOR).id
        no_link = publish_banner(db, area(db, KOTA), {"id": {"title": "a", "text": "b"}}, now=now).id
        over = publish_banner(db, area(db, KOTA), TEXTS, now=now, link=LAPOR).id
        end(db, over or 0, by=bob, now=now)
        later = publish_banner(db, area(db, KOTA), TEXTS, now=now, link=LAPOR, starts_at=now + timedelta(hours=1)).id
        edited = publish_banner(db, area(db, KOTA), TEXTS, now=now, link=LAPOR).id
        edit(db, edited or 0, Draft(TEXTS, Schedule(now), LAPOR), revision=1, by=bob, now=now)

    for target in (waiting, elsewhere, no_link, over, later, edited, 999, 2**31, f"{banner}/2", f"{banner}/{10**30}"):
        answer = visit.client.get(f"/p/alun-alun/go/{target}")
        assert answer.status_code == 404, target
        assert "location" not in answer.headers
        assert "tidak ditayangkan lagi" in answer.text
    assert visit.client.get(f"/p/nowhere/go/{banner}").status_code == 404
    counts.flush(now)
    assert counted(visit) == {}
    visit.clock.forward(hours=1)
    assert visit.client.get(f"/p/alun-alun/go/{later}").headers["location"] == LAPOR


@pytest.mark.parametrize("damaged", ["http://www.lapor.go.id/x", "https://user@lapor.go.id/", "x" * 300])
def test_a_stored_link_that_somebody_damaged_is_left_out_and_the_rest_is_shown(
    visit: Visit, banner: int, damaged: str
) -> None:
    with visit.database.writing() as db:
        shown, kelurahan = db.get_one(Banner, banner), area(db, GEDUNG_NASIONAL)
        shown.link = damaged
        shown.texts = {"id": TEXTS["id"] | {"text": f"Lihat [formulir]({damaged})."}}
        kelurahan.website, kelurahan.social_media = damaged, [damaged, LAPOR]
        db.add_all([shown, kelurahan])

    with structlog.testing.capture_logs() as logged:
        response = visit.client.get("/p/alun-alun", params=handed())

    assert response.status_code == 200
    assert "Lihat" in Page(response.text).text
    assert damaged not in response.text
    assert {"stored links lead nowhere"} == {line["event"] for line in logged if line["log_level"] == "warning"}
    assert visit.client.get(f"/p/alun-alun/go/{banner}").status_code == 404
    assert visit.client.get("/p/alun-alun/office/0").headers["location"] == LAPOR


def test_the_office_of_the_kelurahan_is_a_line_at_the_end(visit: Visit) -> None:
    assert "Gedung Nasional:" not in visit.welcome().text
    with visit.database.writing() as db:
        give(db, area(db, KOTA), "walled_garden", "kel.example.go.id")
        social = ["https://instagram.com/kel", "https://facebook.com/kel"]
        set_contacts(db, area(db, GEDUNG_NASIONAL), website="https://kel.example.go.id/", social_media=social)

    page = visit.welcome()

    assert "Gedung Nasional: kel.example.go.id · instagram.com/kel · facebook.com/kel" in page.text
    assert [a["href"] for a in page.all("a") if "office" in str(a["href"])] == ["/p/alun-alun/office/0"]
    answer = visit.client.get("/p/alun-alun/office/0")
    assert (answer.status_code, answer.headers["location"]) == (303, "https://kel.example.go.id/")
    assert visit.client.get("/p/alun-alun/office/3").status_code == 404
    assert visit.client.get("/p/perpustakaan/office/0").status_code == 404


# --- counts ------------------------------------------------------------------------------------------------------------------


def test_what_is_shown_is_counted_by_site_and_hour_and_nothing_else(visit: Visit, banner: int, counts: Counts) -> None:
    for _ in range(3):
        visit.welcome()
    visit.client.get("/p/perpustakaan")
    visit.client.get("/p/alun-alun", params=handed(), headers={"sec-purpose": "prefetch;prerender"})
    visit.client.get(f"/p/alun-alun/go/{banner}", headers={"purpose": "prefetch"})
    visit.client.request("HEAD", "/p/alun-alun", params=handed())
    visit.open("/p/alun-alun/terms")
    counts.flush(visit.clock())
    visit.clock.forward(hours=1)
    visit.welcome()
    counts.flush(visit.clock())
    counts.flush(visit.clock())

    found = counted(visit)
    assert found[(banner, visit.world.alun_alun)] == (4, 0)
    assert found[(banner, visit.world.perpustakaan)] == (1, 0)
    with visit.database.reading() as db:
        hours = db.scalars(text("SELECT DISTINCT hour FROM banner_count ORDER BY 1")).all()
        columns = db.scalars(
            text("SELECT column_name FROM information_schema.columns WHERE table_name = 'banner_count'")
        )
        assert hours == [visit.world.now, visit.world.now + timedelta(hours=1)]
        assert sorted(columns) == ["banner_id", "followed", "hour", "shown", "site_id"]


def test_counts_wait_while_the_database_is_away(visit: Visit, banner: int, counts: Counts) -> None:
    counts.count_shown(visit.world.alun_alun, [banner])
    counts.count_followed(visit.world.alun_alun, banner)
    writing = visit.database.writing

    def away() -> None:
        raise OperationalError("", {}, Exception())

    visit.database.writing = away  # type: ignore[method-assign]
    counts.flush(visit.clock())
    counts.count_shown(visit.world.alun_alun, [banner])
    visit.database.writing = writing  # type: ignore[method-assign]
    counts.flush(visit.clock())

    assert counted(visit) == {(banner, visit.world.alun_alun): (2, 1)}


def test_what_was_counted_of_something_that_is_gone_is_gone(visit: Visit, banner: int, counts: Counts) -> None:
    counts.count_shown(visit.world.alun_alun, [banner, 999])
    counts.count_shown(999, [banner])
    counts.flush(visit.clock())

    assert counted(visit) == {(banner, visit.world.alun_alun): (1, 0)}


def test_the_rest_is_added_when_the_process_stops(visit: Visit, banner: int, counts: Counts) -> None:
    counts.start()
    counts.count_shown(visit.world.alun_alun, [banner])
    counts.stop()

    assert counted(visit) == {(banner, visit.world.alun_alun): (1, 0)}


def test_only_what_a_person_asked_for_is_seen() -> None:
    assert is_seen("GET", {})
    assert is_seen("GET", {"sec-purpose": "", "accept": "*/*"})
    assert not is_seen("HEAD", {})
    assert not is_seen("GET", {"sec-purpose": "prefetch"})


# --- hostile texts -----------------------------------------------------------------------------------------------------------


def test_no_stored_text_becomes_markup(visit: Visit, banner: int) -> None:
    """Title, text and alt of a banner, and the name of the place and of its kelurahan."""
    now = visit.clock()
    allowed = {"p", "ul", "li", "ol", "em", "strong", "br"}
    with visit.database.writing() as db:
        image = keep(db, redraw(busy_picture()), now=now)
    for payload in MARKUP:
        texts = {"id": {"title": payload[:80], "text": f"{payload}\n\n- {payload}", "alt": payload}}
        with visit.database.writing() as db:
            number = publish_banner(db, area(db, KOTA), texts, now=now, image=image, priority=50).id
        page = visit.welcome()
        with visit.database.writing() as db:
            end(db, number or 0, by=get_staff(db, ALICE), now=now)
        after = visit.welcome()

        added = [tag for tag, _ in page.elements]
        for tag, _ in after.elements:
            added.remove(tag)
        assert set(added) <= allowed | {"section", "h2", "img"}, payload
        assert (added.count("section"), added.count("img")) == (1, 1)
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        assert not page.all("script")


def test_no_name_of_a_kelurahan_becomes_markup(visit: Visit) -> None:
    with visit.database.writing() as db:
        set_contacts(db, area(db, BUKIT_SARI), website="https://a.example.go.id", social_media=None)
        set_contacts(db, area(db, GEDUNG_NASIONAL), website="https://a.example.go.id", social_media=None)
    plain = len(visit.welcome().elements)
    for payload in MARKUP:
        with visit.database.writing() as db:
            site = db.get_one(Site, visit.world.alun_alun)
            db.get_one(Area, site.area_id).name = payload

        assert len(visit.welcome().elements) == plain, payload
