"""Information and alerts in the console: written by one member of staff, decided by another, and nothing of it becomes markup."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.areas.service import top_area
from hotspot.console.forms import MOST_OCTETS
from hotspot.db import Database
from hotspot.portal.broadcasts import alerts_at, get_broadcast
from hotspot.portal.counts import Counts
from hotspot.portal.models import Banner, BannerImage, Broadcast
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from hotspot.staff.models import Role
from hotspot.staff.service import add_staff, make_login_link, set_duty
from tests.console.browser import Browser, Clock, form_token
from tests.console.conftest import Open
from tests.portal.payloads import MARKUP
from tests.portal.visit import Page

BANNERS, BROADCAST = "/console/banners", "/console/broadcast"
WRITTEN = {
    "title_id": "Pasar murah",
    "text_id": "Sabtu di **alun-alun**.",
    "title_en": "Cheap market",
    "text_en": "Saturday at the **square**.",
    "starts": "2026-03-02T08:00",
    "weekday": ["1", "6"],
    "share": "50",
    "priority": "7",
}
ALERT = {
    "title_id": "Banjir",
    "text_id": "Naik.",
    "title_en": "Flood",
    "text_en": "Go up.",
    "hours": "6",
    "kind": "real",
    "how": "together",
}


@pytest.fixture
def bob(database: Database, clock: Clock, browser: Open) -> Browser:
    """An official, signed in."""
    with database.writing() as db:
        add_staff(db, "Bob", Role.OFFICIAL, clock())
        link = f"/console/login/{make_login_link(db, 'Bob', clock())}"
    client = browser()
    client.press_button(link)
    return client


@pytest.fixture
def code(database: Database, city: dict[str, Site]) -> str:
    with database.reading() as db:
        return top_area(db).code


def a_picture() -> bytes:
    kept = BytesIO()
    Image.new("RGB", (200, 100), "teal").save(kept, "PNG")
    return kept.getvalue()


def send(client: Browser, path: str, values: dict[str, object], *, image: bytes = b"", **headers: str):
    data = {"form_token": form_token(client.get(BANNERS).text), **values}
    files = {"image": ("x.png", image, "image/png")} if image else {"image": ("", b"", "application/octet-stream")}
    return client.post(path, data=data, files=files, headers=headers)


def press(client: Browser, path: str, **values: str) -> int:
    data = {"form_token": form_token(client.get(BANNERS).text), **values}
    return client.post(path, data=data).status_code


def stored(database: Database, number: int = 1) -> Banner:
    with database.reading() as db:
        return db.get_one(Banner, number)


# --- information -------------------------------------------------------------------------------------------------------------


def test_information_is_written_looked_at_approved_changed_and_ended(
    alice: Browser, bob: Browser, database: Database, code: str
) -> None:
    values = WRITTEN | {
        "place": f"area:{code}",
        "alt_id": "Pasar",
        "alt_en": "A market",
        "opens": "08:00",
        "closes": "12:00",
    }
    assert "Tulis yang baru" in alice.get(f"{BANNERS}/new").text

    answer = send(alice, BANNERS, values, image=a_picture())

    assert (answer.status_code, answer.headers["location"]) == (303, f"{BANNERS}/1")
    kept = stored(database)
    assert (kept.weekdays, kept.hours, kept.share, kept.priority) == ("16", "08:00-12:00", 50, 7)
    assert kept.starts_at.isoformat() == "2026-03-02T01:00:00+00:00"  # 08:00 by the city's clock
    assert kept.texts["en"] == {"title": "Cheap market", "text": "Saturday at the **square**.", "alt": "A market"}
    own, others = alice.get(f"{BANNERS}/1").text, bob.get(f"{BANNERS}/1").text
    assert "Orang lain yang menyetujuinya" in own
    assert "Setujui" in others
    assert "Senin, Sabtu" in others
    assert press(alice, f"{BANNERS}/1/approve", revision="1") == 403
    assert press(bob, f"{BANNERS}/1/approve", revision="1") == 303
    assert stored(database).approved_at is not None
    form = alice.get(f"{BANNERS}/1/edit").text
    assert 'value="2026-03-02T08:00"' in form
    changed = send(alice, f"{BANNERS}/1", values | {"revision": "1", "title_id": "Pasar sembako", "no_image": "1"})
    assert changed.status_code == 303
    assert (stored(database).approved_at, stored(database).image) == (None, None)
    assert press(bob, f"{BANNERS}/1/approve", revision="1") == 409
    assert press(bob, f"{BANNERS}/1/end") == 303
    assert "berakhir" in alice.get(BANNERS).text


def test_a_preview_is_the_guests_page_for_a_frame_of_ours_in_each_language_and_scheme(
    alice: Browser, bob: Browser, database: Database, city: dict[str, Site]
) -> None:
    site = next(iter(city.values()))
    values = WRITTEN | {"place": f"site:{site.slug}", "alt_id": "Pasar", "alt_en": "A market"}
    send(alice, BANNERS, values, image=a_picture())
    page = Page(bob.get(f"{BANNERS}/1").text)
    frames = page.all("iframe")

    assert [(frame["width"], "sandbox" in frame) for frame in frames] == [("320", True)] * 4
    looks = [bob.get(str(frame["src"])) for frame in frames]
    assert ["Cheap market" in look.text for look in looks] == [False, False, True, True]
    assert ["@media all" in look.text for look in looks] == [False, True, False, True]
    for look in looks:
        policy = look.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert look.headers["cache-control"] == "no-store"
        (image,) = Page(look.text).all("img")
        assert bob.get(str(image["src"])).status_code == 200
        assert site.name in Page(look.text).text
    assert bob.get(f"{BANNERS}/1/preview?language=../x&scheme=<b>").status_code == 200
    with database.reading() as db:
        assert db.get_one(Banner, 1).approved_at is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"title_id": "", "text_id": "", "title_en": "", "text_en": ""}, "setidaknya satu bahasa"),
        ({"text_id": ""}, "id: text perlu 1 sampai 400"),
        ({"link": "https://closed.example/"}, "closed.example"),
        ({"link": "javascript:alert(1)"}, "bukan alamat situs web"),
        ({"starts": "soon"}, "starts: isi hari"),
        ({"ends": "2020-01-01T00:00"}, "berakhir sebelum mulai"),
        ({"weekday": []}, "satu hari"),
        ({"weekday": ["9"]}, "satu hari"),
        ({"opens": "08:00"}, "08:00-15:00"),
        ({"share": "0"}, "1 sampai 100"),
        ({"share": "x"}, "share: isi dengan bilangan bulat"),
        ({"priority": "101"}, "0 sampai 100"),
    ],
)
def test_what_can_not_be_used_is_said_above_the_form_and_nothing_is_kept(
    alice: Browser, database: Database, code: str, change: dict[str, object], problem: str
) -> None:
    answer = send(alice, BANNERS, WRITTEN | {"place": f"area:{code}"} | change)

    assert answer.status_code == 422
    page = Page(answer.text)
    assert problem in page.text
    if "title_en" not in change:
        assert "Cheap market" in answer.text, "what was written is still there"
    with database.reading() as db:
        assert db.exec(select(Banner)).all() == []


@pytest.mark.parametrize(
    ("image", "problem"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "JPEG, PNG, atau WebP"), (b"x" * 100, "JPEG")],
)
def test_a_file_that_is_no_picture_is_refused_and_not_kept(
    alice: Browser, database: Database, code: str, image: bytes, problem: str
) -> None:
    answer = send(alice, BANNERS, WRITTEN | {"place": f"area:{code}"}, image=image)

    assert (answer.status_code, problem in answer.text) == (422, True)
    with database.reading() as db:
        assert db.exec(select(BannerImage)).all() == []


def test_an_edit_that_can_not_be_used_leaves_what_was_there(alice: Browser, database: Database, code: str) -> None:
    send(alice, BANNERS, WRITTEN | {"place": f"area:{code}"})

    answer = send(alice, f"{BANNERS}/1", WRITTEN | {"revision": "1", "title_id": "x" * 81})

    assert answer.status_code == 422
    assert stored(database).texts["id"]["title"] == "Pasar murah"
    assert send(alice, f"{BANNERS}/1", WRITTEN | {"revision": "7"}).status_code == 409


def test_what_is_not_there_and_forms_that_are_none_are_clear_pages(alice: Browser, code: str) -> None:
    token = form_token(alice.get(BANNERS).text)
    plain = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"", b"--x\r\n", b"nonsense", b"--x\r\n\r\n--x--", b"\0" * 50):
        assert alice.post(BANNERS, content=content, headers=plain).status_code in (403, 422)
    assert alice.post(BANNERS, content=b"a", headers={"content-type": "text/plain"}).status_code in (403, 422)
    assert alice.post(BANNERS, content=b"x" * (MOST_OCTETS + 1), headers=plain).status_code == 422
    assert send(alice, BANNERS, WRITTEN | {"place": f"area:{code}\0"}).status_code == 422
    many = {f"f{number}": "x" for number in range(200)}
    assert alice.post(BANNERS, data=many, files={"a": b""}).status_code == 422
    for path in (f"{BANNERS}/9", f"{BANNERS}/9/edit", f"{BANNERS}/9/preview", f"{BANNERS}/x"):
        assert alice.get(path).status_code == 404
    assert send(alice, f"{BANNERS}/9", WRITTEN).status_code == 404
    assert send(alice, BANNERS, WRITTEN | {"place": "area:99"}).status_code == 404
    assert send(alice, BANNERS, WRITTEN | {"place": "site:nowhere"}).status_code == 404
    assert alice.post(f"{BROADCAST}/1/explode", data={"form_token": token}).status_code == 404


def test_forms_of_strangers_change_nothing(alice: Browser, bob: Browser, database: Database, code: str) -> None:
    send(alice, BANNERS, WRITTEN | {"place": f"area:{code}"})
    foreign = {"sec-fetch-site": "cross-site"}
    values = WRITTEN | {"place": f"area:{code}"}

    assert send(bob, BANNERS, values, **foreign).status_code == 403
    assert send(bob, BANNERS, values | {"form_token": form_token(alice.get(BANNERS).text)}).status_code == 403
    assert send(bob, f"{BANNERS}/1", values | {"revision": "1", "form_token": ""}).status_code == 403
    for path in (f"{BANNERS}/1/approve", f"{BANNERS}/1/end", f"{BROADCAST}/1/end"):
        assert bob.post(path, data={"form_token": "x", "revision": "1"}).status_code == 403
    assert send(bob, BROADCAST, ALERT | {"area": code}, **foreign).status_code == 403
    with database.reading() as db:
        assert len(db.exec(select(Banner)).all()) == 1
        assert db.exec(select(Broadcast)).all() == []
        assert db.get_one(Banner, 1).approved_at is None


def test_counts_are_drawn_by_day_and_listed_by_kelurahan(
    alice: Browser, database: Database, clock: Clock, city: dict[str, Site], code: str
) -> None:
    send(alice, BANNERS, WRITTEN | {"place": f"area:{code}"})
    assert "Belum ditayangkan" in alice.get(f"{BANNERS}/1").text
    site = next(iter(city.values()))
    counts = Counts(database)
    for days in (0, 1):
        counts.count_shown(site.id or 0, [1] * (days + 2))
        counts.count_followed(site.id or 0, 1)
        counts.flush(clock() - timedelta(days=days))

    page = Page(alice.get(f"{BANNERS}/1").text)

    assert len(page.all("rect")) == 2
    with database.reading() as db:
        kelurahan = db.exec(select(Area).where(col(Area.id) == site.area_id)).one().name
    assert f"{kelurahan} 5 2" in page.text
    assert "5 2" in Page(alice.get(BANNERS).text).text


# --- alerts ------------------------------------------------------------------------------------------------------------------


def showing(database: Database, clock: Clock) -> int:
    with database.reading() as db:
        return len(alerts_at(db, None, clock()))


def test_an_alert_is_written_by_one_sent_by_another_and_ended(
    alice: Browser, bob: Browser, database: Database, clock: Clock, code: str
) -> None:
    assert send(alice, BROADCAST, ALERT | {"area": code}).status_code == 303
    assert showing(database, clock) == 0
    assert "Kirim sekarang" not in alice.get(BROADCAST).text
    assert "menunggu orang kedua" in bob.get(BROADCAST).text

    assert press(alice, f"{BROADCAST}/1/approve") == 403
    assert press(bob, f"{BROADCAST}/1/approve") == 303

    assert showing(database, clock) > 0
    assert press(bob, f"{BROADCAST}/1/approve") == 409
    assert press(alice, f"{BROADCAST}/1/end") == 303
    assert showing(database, clock) == 0
    log = Page(alice.get(BROADCAST).text).text
    assert re.search(r"Ditulis: .*Alice.*Dikirim: .*Bob.*Diakhiri: .*Alice", log)


def test_a_duty_officer_sends_alone_and_another_reviews(
    alice: Browser, bob: Browser, database: Database, clock: Clock, code: str
) -> None:
    assert send(alice, BROADCAST, ALERT | {"area": code, "how": "alone"}).status_code == 403
    with database.writing() as db:
        set_duty(db, "Alice", is_on_duty=True)
    assert "Kirim sekarang, sendirian" in alice.get(BROADCAST).text

    assert send(alice, BROADCAST, ALERT | {"area": code, "how": "alone", "kind": "drill"}).status_code == 303

    assert showing(database, clock) > 0
    assert "Masih harus ditinjau" in bob.get(BROADCAST).text
    assert press(alice, f"{BROADCAST}/1/review") == 403
    assert press(bob, f"{BROADCAST}/1/review") == 303
    assert "Masih harus ditinjau" not in bob.get(BROADCAST).text
    with database.reading() as db:
        assert get_broadcast(db, 1).is_drill


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"text_en": ""}, 422),
        ({"hours": "49"}, 422),
        ({"hours": "0"}, 422),
        ({"hours": ""}, 422),
        ({"area": "99"}, 404),
    ],
)
def test_an_alert_that_can_not_be_is_refused(
    alice: Browser, database: Database, code: str, change: dict[str, str], status: int
) -> None:
    answer = send(alice, BROADCAST, ALERT | {"area": code} | change)

    assert answer.status_code == status
    if status == 422:
        assert "Tidak dikirim" in answer.text
        assert "Banjir" in answer.text
    with database.reading() as db:
        assert db.exec(select(Broadcast)).all() == []


def test_without_saying_that_it_is_real_it_is_a_drill(alice: Browser, database: Database, code: str) -> None:
    send(alice, BROADCAST, {name: value for name, value in ALERT.items() if name != "kind"} | {"area": code})

    with database.reading() as db:
        assert get_broadcast(db, 1).is_drill


# --- hostile texts -----------------------------------------------------------------------------------------------------------


def fill(db: Session, payloads: list[str]) -> None:
    title, text, alt = payloads
    texts = {language: {"title": title[:80], "text": text, "alt": alt} for language in ("id", "en")}
    banner, broadcast = db.get_one(Banner, 1), db.get_one(Broadcast, 1)
    banner.texts = texts
    broadcast.texts = texts


def test_no_stored_text_becomes_markup_in_the_console(
    alice: Browser, database: Database, code: str, one: Callable[[str], int]
) -> None:
    send(alice, BANNERS, WRITTEN | {"place": f"area:{code}"})
    send(alice, BROADCAST, ALERT | {"area": code})
    paths = (BANNERS, f"{BANNERS}/1", f"{BANNERS}/1/edit", BROADCAST)
    plain = {path: one(path) for path in paths}
    for number in range(len(MARKUP)):
        payloads = [MARKUP[(number + step) % len(MARKUP)] for step in (0, 10, 20)]
        with database.writing() as db:
            fill(db, payloads)
        path = paths[number % 4]
        assert one(path) == plain[path], (path, payloads)


@pytest.fixture
def one(alice: Browser) -> Callable[[str], int]:
    def elements(path: str) -> int:
        answer = alice.get(path)
        assert answer.status_code == 200
        page = Page(answer.text)
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        return len(page.elements)

    return elements


def test_a_link_that_the_walled_garden_opens_may_be_written(alice: Browser, database: Database, code: str) -> None:
    with database.writing() as db:
        give(db, top_area(db), "walled_garden", "www.lapor.go.id")

    assert (
        send(alice, BANNERS, WRITTEN | {"place": f"area:{code}", "link": "https://www.lapor.go.id/"}).status_code == 303
    )

    assert "Menuju https://www.lapor.go.id/" in alice.get(f"{BANNERS}/1").text
