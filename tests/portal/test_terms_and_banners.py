"""Documents with versions, and information for an area."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.guests.terms import (
    BadTerms,
    NoSuchTerms,
    all_versions,
    current,
    ensure_default_terms,
    packaged_texts,
    publish,
    sha256_of,
)
from hotspot.portal.banners import BadBanner, add_banner, all_banners, banners_for
from hotspot.portal.prose import Block, blocks, in_language
from hotspot.sites.models import Site
from tests.world import GERUNGGANG, KOTA, TAMAN_SARI, World

TEXTS = {"id": {"title": "Ketentuan", "summary": "- Pendek", "body": "Panjang"}}


def test_publishing_makes_versions_and_the_same_words_do_not(database: Database, now: datetime) -> None:
    later = now + timedelta(days=1)
    with database.writing() as db:
        first = publish(db, "public", TEXTS, now)
        same = publish(db, "public", {"id": {**TEXTS["id"], "title": " Ketentuan\n"}}, later)
        second = publish(db, "public", {"id": {**TEXTS["id"], "title": "Baru"}}, later)

        assert (first.version, same.version, second.version) == (1, 1, 2)
        assert current(db, "public", now).version == 1
        assert current(db, "public", later).version == 2
        assert [terms.version for terms in all_versions(db)] == [1, 2]
        with pytest.raises(NoSuchTerms):
            current(db, "public", now - timedelta(seconds=1))
        with pytest.raises(NoSuchTerms):
            current(db, "other", now)


def test_the_hash_is_over_all_languages_in_one_canonical_form() -> None:
    texts = {"id": {"title": "é", "summary": "b", "body": "c"}, "en": {"title": "d", "summary": "e", "body": "f"}}
    written = json.dumps(
        {"en": {"body": "f", "summary": "e", "title": "d"}, "id": {"body": "c", "summary": "b", "title": "é"}},
        ensure_ascii=False,
        separators=(",", ":"),
    )

    assert sha256_of(texts) == hashlib.sha256(written.encode()).hexdigest()
    assert sha256_of({"id": {"title": "e\u0301", "summary": "b", "body": "c"}, "en": texts["en"]}) == sha256_of(texts)


def test_two_publishing_at_once_make_one_version_each(database: Database, now: datetime) -> None:
    def one(number: int) -> int:
        with database.writing() as db:
            return publish(db, "public", {"id": {**TEXTS["id"], "title": f"Versi {number}"}}, now).version

    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(one, range(8)))

    assert sorted(versions) == list(range(1, 9))


def test_the_packaged_terms_are_published_once_and_an_operators_are_left_alone(
    database: Database, now: datetime
) -> None:
    with database.writing() as db:
        ensure_default_terms(db, now)
        assert current(db, "public", now).version == 1
        publish(db, "public", TEXTS, now)
        ensure_default_terms(db, now)
        assert current(db, "public", now).texts == TEXTS


def test_the_packaged_terms_speak_both_languages_about_the_same_things() -> None:
    texts = packaged_texts("public")

    assert set(texts) == {"id", "en"}
    shapes = [[block.kind for block in blocks(texts[language]["body"])] for language in ("id", "en")]
    assert shapes[0] == shapes[1]
    assert "{contact}" not in str(texts)
    for duty in ("27 Tahun 2022", "nama samaran", "PPID", "18 tahun", "menarik persetujuan"):
        assert duty in texts["id"]["body"].replace("Nama", "nama").replace("Menarik", "menarik")


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Public", TEXTS),
        ("", TEXTS),
        ("../x", TEXTS),
        ("x", {}),
        ("x", {"Indonesian": TEXTS["id"]}),
        ("x", {"id": {"title": "a", "summary": "b"}}),
        ("x", {"id": {**TEXTS["id"], "more": "c"}}),
        ("x", {"id": {**TEXTS["id"], "title": "  "}}),
        ("x", {"id": {**TEXTS["id"], "body": "a" * 20_001}}),
        ("x", {"id": {**TEXTS["id"], "body": "a\0b"}}),
    ],
)
def test_terms_that_cannot_be_shown_are_refused(database: Database, now: datetime, name: str, texts: dict) -> None:
    with database.writing() as db, pytest.raises(BadTerms):
        publish(db, name, texts, now)


# --- banners -----------------------------------------------------------------------------------------------------------------


def area(db: Session, code: str) -> Area:
    return db.exec(select(Area).where(col(Area.code) == code)).one()


def give(db: Session, code: str, title: str, now: datetime, **more: object) -> None:
    add_banner(db, area(db, code), {"id": {"title": title, "text": "…"}}, **{"starts_at": now, **more})


def titles(db: Session, site_id: int, now: datetime) -> list[str]:
    return [notice.title for notice in banners_for(db, db.get_one(Site, site_id), "id", now)]


def test_a_banner_reaches_the_sites_below_its_area_only(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        give(db, KOTA, "kota", now)
        give(db, TAMAN_SARI, "taman sari", now)
        give(db, GERUNGGANG, "gerunggang", now)

        assert titles(db, world.alun_alun, now) == ["taman sari", "kota"]
        assert titles(db, world.perpustakaan, now) == ["gerunggang", "kota"]
        assert len(all_banners(db)) == 3


def test_a_banner_holds_from_its_start_until_its_end(database: Database, world: World, now: datetime) -> None:
    hour = timedelta(hours=1)
    with database.writing() as db:
        give(db, KOTA, "x", now, ends_at=now + hour)

        assert [titles(db, world.alun_alun, at) for at in (now - hour, now, now + hour)] == [[], ["x"], []]


def test_the_most_important_three_are_shown(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        for number in range(5):
            give(db, KOTA, str(number), now, priority=number)

        assert titles(db, world.alun_alun, now) == ["4", "3", "2"]


def test_a_banner_speaks_the_language_it_has(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        add_banner(db, area(db, KOTA), {"en": {"title": "Only", "text": "English"}}, starts_at=now)

        (notice,) = banners_for(db, db.get_one(Site, world.alun_alun), "id", now, languages=("id", "en"))

    assert (notice.language, notice.title) == ("en", "Only")


@pytest.mark.parametrize(
    ("texts", "hours"),
    [
        ({}, 1),
        ({"id": {"title": "a", "text": "b"}}, 0),
        ({"xx-yy": {"title": "a", "text": "b"}}, 1),
        ({"id": {"title": "a"}}, 1),
        ({"id": {"title": "", "text": "b"}}, 1),
        ({"id": {"title": "a" * 81, "text": "b"}}, 1),
        ({"id": {"title": "a\0", "text": "b"}}, 1),
    ],
)
def test_a_banner_that_cannot_be_shown_is_refused(
    database: Database, world: World, now: datetime, texts: dict, hours: int
) -> None:
    with database.writing() as db, pytest.raises(BadBanner):
        add_banner(db, area(db, KOTA), texts, starts_at=now, ends_at=now + timedelta(hours=hours))


def test_plain_text_becomes_blocks() -> None:
    text = "# One\n# Two\nfirst\nline\n\nsecond\n- a\n- b\n\n- c\n"

    assert blocks(text) == [
        Block("heading", ("One",)),
        Block("heading", ("Two",)),
        Block("paragraph", ("first line",)),
        Block("paragraph", ("second",)),
        Block("list", ("a", "b")),
        Block("list", ("c",)),
    ]
    assert blocks("") == []


def test_a_text_in_no_language_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        in_language({}, "id", ["en"])
