"""Information of the city: one person drafts it, another approves it, and it is shown where and while it holds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.areas.service import set_contacts
from hotspot.db import Database
from hotspot.portal.banners import (
    AlreadyApproved,
    BadBanner,
    BannerState,
    Draft,
    IsOver,
    NoSuchBanner,
    NotThisRevision,
    OwnDraft,
    all_banners,
    approve,
    draft,
    edit,
    end,
    get_banner,
    state_of,
)
from hotspot.portal.drafts import lay_down_drafts, read_draft
from hotspot.portal.images import find_image, forget_images, keep, redraw
from hotspot.portal.models import Banner, BannerImage
from hotspot.portal.posted import Posted, posted_at
from hotspot.portal.schedule import SLOT, Schedule
from hotspot.sites.models import Site
from hotspot.sites.settings import effective, give
from hotspot.staff.models import StaffAccount
from hotspot.staff.service import get_staff
from tests.portal.visit import publish_banner
from tests.world import ALICE, BOB, BUKIT_SARI, CHARLIE, GERUNGGANG, KOTA, TAMAN_SARI, World

ZONE = ZoneInfo("Asia/Jakarta")
TEXTS = {"id": {"title": "Judul", "text": "Isi"}, "en": {"title": "Title", "text": "Text"}}
LAPOR = "https://www.lapor.go.id/"


def area(db: Session, code: str) -> Area:
    return db.exec(select(Area).where(col(Area.code) == code)).one()


def titled(title: str) -> dict[str, dict[str, str]]:
    return {"id": {"title": title, "text": "…"}}


def shown(db: Session, site_id: int, now: datetime) -> Posted:
    site = db.get_one(Site, site_id)
    return posted_at(db, site, effective(db, site_id).values, zone=ZONE, now=now)


def titles(db: Session, site_id: int, now: datetime) -> list[str]:
    return [notice.title for notice in shown(db, site_id, now).notices("id", ("id", "en"))]


def drafted(db: Session, now: datetime, **more: object) -> Banner:
    wanted = Draft(**{"texts": TEXTS, "schedule": Schedule(now), **more})
    return draft(db, area(db, KOTA), wanted, by=get_staff(db, BOB), now=now)


def a_picture() -> bytes:
    kept = BytesIO()
    Image.new("RGB", (64, 32), "teal").save(kept, "PNG")
    return kept.getvalue()


# --- where and when ----------------------------------------------------------------------------------------------------------


def test_it_reaches_the_sites_below_its_area_or_its_one_site(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        publish_banner(db, area(db, KOTA), titled("kota"), now=now)
        publish_banner(db, area(db, TAMAN_SARI), titled("taman sari"), now=now)
        publish_banner(db, area(db, GERUNGGANG), titled("gerunggang"), now=now)
        publish_banner(db, db.get_one(Site, world.alun_alun), titled("alun-alun"), now=now)

        assert titles(db, world.alun_alun, now) == ["alun-alun", "taman sari", "kota"]
        assert titles(db, world.perpustakaan, now) == ["gerunggang", "kota"]
        assert [place for _, place in all_banners(db)] == [
            "Alun-Alun",
            "Gerunggang (19.71.05)",
            "Taman Sari (19.71.02)",
            "Kota Pangkalpinang (19.71)",
        ]


def test_the_most_important_three_are_shown(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        for number in range(5):
            publish_banner(db, area(db, KOTA), titled(str(number)), now=now, priority=number)

        assert titles(db, world.alun_alun, now) == ["4", "3", "2"]


def test_what_is_shown_holds_until_the_next_thing_changes(database: Database, world: World, now: datetime) -> None:
    hour = timedelta(hours=1)
    with database.writing() as db:
        assert shown(db, world.alun_alun, now).until == now + timedelta(days=1)
        publish_banner(db, area(db, KOTA), titled("x"), now=now, ends_at=now + 2 * hour)
        publish_banner(db, area(db, KOTA), titled("y"), now=now, starts_at=now + hour)

        found = [shown(db, world.alun_alun, at) for at in (now, now + hour, now + 2 * hour)]

        assert [[piece.texts["id"]["title"] for piece in at.pieces] for at in found] == [["x"], ["y", "x"], ["y"]]
        assert [at.until for at in found[:2]] == [now + hour, now + 2 * hour]


def test_one_that_shares_its_time_changes_with_the_slot(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        publish_banner(db, area(db, KOTA), titled("x"), now=now, share=50)

        assert shown(db, world.alun_alun, now).until <= now + SLOT
        assert titles(db, world.alun_alun, now) != titles(db, world.alun_alun, now + SLOT)


def test_it_speaks_the_language_it_has(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        publish_banner(db, area(db, KOTA), {"en": {"title": "Only", "text": "English"}}, now=now)

        (notice,) = shown(db, world.alun_alun, now).notices("id", ("id", "en"))

    assert (notice.language, notice.title) == ("en", "Only")


# --- two persons -------------------------------------------------------------------------------------------------------------


def test_a_draft_is_shown_once_somebody_else_has_approved_it(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        banner = drafted(db, now)
        assert (state_of(banner, now), titles(db, world.alun_alun, now)) == (BannerState.DRAFT, [])
        with pytest.raises(OwnDraft):
            approve(db, banner.id, revision=1, by=get_staff(db, BOB), now=now)
        assert titles(db, world.alun_alun, now) == []

        approve(db, banner.id, revision=1, by=get_staff(db, CHARLIE), now=now)

        assert (state_of(banner, now), titles(db, world.alun_alun, now)) == (BannerState.SHOWN, ["Judul"])
        with pytest.raises(AlreadyApproved):
            approve(db, banner.id, revision=1, by=get_staff(db, ALICE), now=now)


def test_an_edit_has_to_be_approved_again_and_not_by_its_writer(
    database: Database, world: World, now: datetime
) -> None:
    with database.writing() as db:
        banner = publish_banner(db, area(db, KOTA), TEXTS, now=now)
        wanted = Draft(titled("Baru"), Schedule(now))
        alice = get_staff(db, ALICE)

        edit(db, banner.id, wanted, revision=1, by=alice, now=now)

        assert titles(db, world.alun_alun, now) == []
        with pytest.raises(OwnDraft):
            approve(db, banner.id, revision=2, by=alice, now=now)
        with pytest.raises(NotThisRevision):
            approve(db, banner.id, revision=1, by=get_staff(db, BOB), now=now)
        with pytest.raises(NotThisRevision):
            edit(db, banner.id, wanted, revision=1, by=alice, now=now)
        approve(db, banner.id, revision=2, by=get_staff(db, BOB), now=now)
        assert titles(db, world.alun_alun, now) == ["Baru"]


def test_of_many_who_approve_at_once_one_does(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        number = drafted(db, now).id

    def one(name: str) -> bool:
        try:
            with database.writing() as db:
                approve(db, number, revision=1, by=get_staff(db, name), now=now)
        except AlreadyApproved:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(one, [ALICE, CHARLIE, ALICE, CHARLIE])) == 1


def test_what_has_ended_is_over(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        alice = get_staff(db, ALICE)
        banner = publish_banner(db, area(db, KOTA), TEXTS, now=now)
        waiting = drafted(db, now)
        for ended in (banner, waiting, banner):
            end(db, ended.id, by=alice, now=now)

        assert titles(db, world.alun_alun, now) == []
        assert state_of(banner, now) is BannerState.ENDED
        assert banner.ended_at == now
        with pytest.raises(IsOver):
            approve(db, waiting.id, revision=1, by=alice, now=now)
        with pytest.raises(IsOver):
            edit(db, banner.id, Draft(TEXTS, Schedule(now)), revision=1, by=alice, now=now)


def test_the_state_follows_the_clock(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        hour = timedelta(hours=1)
        banner = publish_banner(db, area(db, KOTA), TEXTS, now=now, starts_at=now + hour, ends_at=now + 2 * hour)

        states = [state_of(banner, now + number * hour) for number in range(3)]

    assert states == [BannerState.PLANNED, BannerState.SHOWN, BannerState.ENDED]


def test_what_does_not_exist_is_said(database: Database, world: World, now: datetime) -> None:
    doings: list[Callable[[Session, StaffAccount], object]] = [
        lambda db, alice: approve(db, 7, revision=1, by=alice, now=now),
        lambda db, alice: end(db, 7, by=alice, now=now),
        lambda db, alice: edit(db, 7, Draft(TEXTS, Schedule(now)), revision=1, by=alice, now=now),
        lambda db, _: get_banner(db, 7),
    ]
    with database.writing() as db:
        for doing in doings:
            with pytest.raises(NoSuchBanner, match="number 7"):
                doing(db, get_staff(db, ALICE))


# --- what can be shown -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"texts": {}}, "at least one language"),
        ({"texts": {"xx-yy": TEXTS["id"]}}, "language code"),
        ({"texts": {"id": {"title": "a"}}}, "text needs 1 to 400"),
        ({"texts": {"id": {"title": " ", "text": "b"}}}, "title needs 1 to 80"),
        ({"texts": {"id": {"title": "a" * 81, "text": "b"}}}, "title needs 1 to 80"),
        ({"texts": {"id": {"title": "a\0", "text": "b"}}}, "control character"),
        ({"texts": {"id": {"title": "a", "text": "[x](http://a.go.id/)"}}}, "address of a website"),
        ({"texts": {"id": {"title": "a", "text": "[x](/p/x)"}}}, "address of a website"),
        ({"link": "javascript:alert(1)"}, "address of a website"),
        (
            {"link": "https://closed.example/"},
            r"can't open closed.example.*walled_garden \"closed.example\" --area 19.71",
        ),
        ({"image": "0" * 64}, "alt needs"),
        ({"priority": 101}, "priority"),
        ({"texts": {"id": {"title": "a", "text": " ".join(f"[x](https://a.id/{n})" for n in range(6))}}}, "5 links"),
    ],
)
def test_what_can_not_be_shown_is_refused(
    database: Database, world: World, now: datetime, change: dict, problem: str
) -> None:
    with database.writing() as db, pytest.raises(BadBanner, match=problem):
        drafted(db, now, **change)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, "ends before"),
        ({"weekdays": ""}, "weekday"),
        ({"weekdays": "18"}, "weekday"),
        ({"hours": "8-15"}, "08:00-15:00"),
        ({"share": 0}, "percent"),
        ({"share": 101}, "percent"),
    ],
)
def test_a_time_that_can_not_be_is_refused(
    database: Database, world: World, now: datetime, change: dict, problem: str
) -> None:
    with database.writing() as db, pytest.raises(BadBanner, match=problem):
        drafted(db, now, schedule=replace(Schedule(now), **change))


def test_a_link_needs_its_host_in_the_walled_garden_of_the_place(
    database: Database, world: World, now: datetime
) -> None:
    with database.writing() as db:
        give(db, area(db, KOTA), "walled_garden", "kota.example")
        with pytest.raises(BadBanner, match=r'"kota.example,www.lapor.go.id" --area 19.71'):
            drafted(db, now, link=LAPOR)
        with pytest.raises(BadBanner, match="--site alun-alun"):
            publish_banner(db, db.get_one(Site, world.alun_alun), TEXTS, now=now, link=LAPOR)
        give(db, area(db, KOTA), "walled_garden", "*.lapor.go.id")
        banner = drafted(db, now, link=LAPOR)
        give(db, area(db, KOTA), "walled_garden", "")

        with pytest.raises(BadBanner, match=r"www\.lapor\.go\.id"):  # closed since it was drafted
            approve(db, banner.id, revision=1, by=get_staff(db, ALICE), now=now)


def test_where_a_site_closes_a_host_its_link_is_words(database: Database, world: World, now: datetime) -> None:
    texts = {"id": {"title": "Lapor", "text": f"Lihat [di sini]({LAPOR}form)"}}
    with database.writing() as db:
        give(db, area(db, KOTA), "walled_garden", "www.lapor.go.id")
        banner = publish_banner(db, area(db, KOTA), texts, now=now, link=LAPOR)
        give(db, db.get_one(Site, world.perpustakaan), "walled_garden", "elsewhere.example")

        (opened,) = shown(db, world.alun_alun, now).notices("id", ("id",))
        (closed,) = shown(db, world.perpustakaan, now).notices("id", ("id",))

        assert opened.link == ("www.lapor.go.id", f"/p/alun-alun/go/{banner.id}")
        assert f'<a href="/p/alun-alun/go/{banner.id}/1">di sini</a>' in opened.text
        assert closed.link == ("www.lapor.go.id", "")
        assert closed.text == "<p>Lihat di sini</p>"


def test_the_office_of_the_kelurahan_is_a_link_where_it_opens_and_words_elsewhere(
    database: Database, world: World, now: datetime
) -> None:
    with database.writing() as db:
        assert shown(db, world.perpustakaan, now).office is None
        give(db, area(db, KOTA), "walled_garden", "bukitsari.example.go.id")
        set_contacts(
            db,
            area(db, BUKIT_SARI),
            website="https://bukitsari.example.go.id",
            social_media=["https://www.instagram.com/kel_bukitsari/"],
        )

        office = shown(db, world.perpustakaan, now).office

    assert office == (
        "Bukit Sari",
        [("bukitsari.example.go.id", "/p/perpustakaan/office/0"), ("instagram.com/kel_bukitsari", "")],
    )


# --- pictures ----------------------------------------------------------------------------------------------------------------


def test_a_picture_is_kept_once_and_forgotten_when_nothing_shows_it(
    database: Database, world: World, now: datetime
) -> None:
    texts = {"id": {**TEXTS["id"], "alt": "Gedung"}}
    with database.writing() as db:
        name = keep(db, redraw(a_picture()), now=now)
        assert keep(db, redraw(a_picture()), now=now) == name
        banner = publish_banner(db, area(db, KOTA), texts, now=now, image=name)
        edit(db, banner.id, Draft(texts, Schedule(now)), revision=1, by=get_staff(db, BOB), now=now)
        assert banner.image == name  # an edit without a picture keeps it
        other = redraw(a_picture() + b"x")
        db.add(BannerImage(sha256="f" * 64, content=other.content, width=1, height=1, added_at=now))

        forget_images(db, now=now + timedelta(hours=23))
        assert find_image(db, "f" * 64) is not None
        forget_images(db, now=now + timedelta(hours=25))
        db.expire_all()

        assert find_image(db, "f" * 64) is None
        assert find_image(db, name) is not None


# --- files and packaged drafts -----------------------------------------------------------------------------------------------


def test_a_file_says_all_there_is_to_say(now: datetime) -> None:
    file = """
        link = "https://a.go.id/"
        priority = 7
        starts = 2026-03-02T08:00:00
        ends = 2026-03-09T00:00:00+07:00
        weekdays = [5, 1]
        hours = "08:00-15:00"
        share = 50
        [id]
        title = "Judul"
        text = "Isi"
    """

    found = read_draft(file, zone=ZONE, now=now, image="f" * 64)

    start, stop = datetime(2026, 3, 2, 8, tzinfo=ZONE), datetime(2026, 3, 9, tzinfo=ZONE)
    assert found == Draft(
        {"id": TEXTS["id"]}, Schedule(start, stop, "15", "08:00-15:00", 50), "https://a.go.id/", "f" * 64, 7
    )


@pytest.mark.parametrize("file", ["[id", "colour = 1", "priority = 'high'", "[id]\ntitle = 1", "starts = 'soon'"])
def test_a_file_in_another_shape_is_refused(file: str, now: datetime) -> None:
    with pytest.raises(BadBanner, match="file can't be read"):
        read_draft(file, zone=ZONE, now=now)


def test_the_packaged_drafts_wait_for_anybodys_approval_and_know_no_city(
    database: Database, world: World, now: datetime
) -> None:
    with database.writing() as db:
        lay_down_drafts(db, zone=ZONE, now=now)
        found = [banner for banner, _ in all_banners(db)]
        assert titles(db, world.alun_alun, now) == []
        (lapor,) = [banner for banner in found if banner.link]
        with pytest.raises(BadBanner, match=r"www\.lapor\.go\.id"):
            approve(db, lapor.id, revision=1, by=get_staff(db, CHARLIE), now=now)
        give(db, area(db, KOTA), "walled_garden", "www.lapor.go.id")
        for banner in found:
            approve(db, banner.id, revision=1, by=get_staff(db, CHARLIE), now=now)

        assert titles(db, world.alun_alun, now) == ["Mal Pelayanan Publik", "SP4N-LAPOR!", "Informasi publik: PPID"]
        assert {language for banner in found for language in banner.texts} == {"id", "en"}
        assert "pangkal" not in str([banner.texts for banner in found]).lower()
