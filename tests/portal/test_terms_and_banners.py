"""Documents with versions, and the plain text they are written in."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

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
from hotspot.portal.prose import Block, blocks, in_language

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
