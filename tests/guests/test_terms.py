"""Versions of the terms: drafted, approved by somebody else, in force from their day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.guests.differences import Line, Part, compare
from hotspot.guests.models import Terms
from hotspot.guests.terms import (
    AlreadyApproved,
    NoSuchTerms,
    NoSuchVersion,
    OtherWords,
    OwnDraft,
    Person,
    SameWords,
    approve,
    current,
    draft,
    find_approved_before,
    publish,
    still_agreed,
    uses,
)
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from tests.world import World

ALICE, BOB = Person("Alice", "console"), Person("Bob", "console")
DAY = timedelta(days=1)


def texts(words: str) -> dict[str, dict[str, str]]:
    return {"id": {"title": "Ketentuan", "summary": "- Pendek", "body": words}}


def approved(db: Session, words: str, now: datetime, **more: object) -> Terms:
    made = draft(db, "public", texts(words), by=BOB, now=now, **more)  # type: ignore[arg-type]
    return approve(db, "public", made.version, sha256=made.sha256, by=ALICE, now=now)


def test_a_draft_holds_only_once_somebody_else_has_approved_it(database: Database, now: datetime) -> None:
    with database.writing() as db:
        made = draft(db, "public", texts("a"), by=BOB, now=now)
        with pytest.raises(NoSuchTerms):
            current(db, "public", now + DAY)
        assert still_agreed(db, "public", now + DAY) == frozenset()

        with pytest.raises(OwnDraft):
            approve(db, "public", 1, sha256=made.sha256, by=BOB, now=now)
        done = approve(db, "public", 1, sha256=made.sha256, by=ALICE, now=now + DAY)

        assert (done.drafted_by, done.approved_by) == ("Bob", "Alice")
        assert done.effective_at == now + DAY, "not before it was approved"
        assert current(db, "public", now + DAY).version == 1


def test_the_database_itself_refuses_one_person_for_both(database: Database, now: datetime) -> None:
    with database.writing() as db:
        draft(db, "public", texts("a"), by=BOB, now=now)
    alone = "UPDATE terms SET approved_by = drafted_by, approved_at = drafted_at, approved_through = 'x'"
    with pytest.raises(IntegrityError), database.writing() as db:
        db.execute(text(alone))


def test_what_is_approved_is_the_text_that_was_looked_at(database: Database, now: datetime) -> None:
    with database.writing() as db:
        draft(db, "public", texts("a"), by=BOB, now=now)

        with pytest.raises(OtherWords):
            approve(db, "public", 1, sha256="0" * 64, by=ALICE, now=now)
        with pytest.raises(NoSuchVersion):
            approve(db, "public", 2, sha256="0" * 64, by=ALICE, now=now)


def test_only_one_of_many_approvals_wins(database: Database, now: datetime) -> None:
    with database.writing() as db:
        sha256 = draft(db, "public", texts("a"), by=BOB, now=now).sha256

    def one(number: int) -> bool:
        with database.writing() as db:
            try:
                approve(db, "public", 1, sha256=sha256, by=Person(f"Admin {number}", "console"), now=now)
            except AlreadyApproved:
                return False
            return True

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(one, range(6))).count(True) == 1


def test_an_older_draft_can_not_be_approved_after_a_later_one(database: Database, now: datetime) -> None:
    with database.writing() as db:
        old = draft(db, "public", texts("a"), by=BOB, now=now)
        approved(db, "b", now)

        with pytest.raises(AlreadyApproved):
            approve(db, "public", old.version, sha256=old.sha256, by=ALICE, now=now)


def test_a_version_of_the_future_holds_from_its_day_on(database: Database, now: datetime) -> None:
    with database.writing() as db:
        first = approved(db, "a", now)
        second = approved(db, "b", now, effective_at=now + 10 * DAY)

        assert current(db, "public", now + 10 * DAY - timedelta(seconds=1)).version == 1
        assert current(db, "public", now + 10 * DAY).version == 2
        assert still_agreed(db, "public", now) == {first.sha256}
        assert still_agreed(db, "public", now + 10 * DAY) == {second.sha256}


def test_a_change_of_words_leaves_what_was_agreed_to_and_a_material_one_does_not(
    database: Database, now: datetime
) -> None:
    with database.writing() as db:
        first = approved(db, "a", now)
        second = approved(db, "b", now, is_material=False)
        draft(db, "public", texts("c"), by=BOB, now=now)
        assert still_agreed(db, "public", now) == {first.sha256, second.sha256}, "a draft changes nothing"

        fourth = approved(db, "d", now)
        assert still_agreed(db, "public", now) == {fourth.sha256}


def test_the_same_words_are_no_new_version(database: Database, now: datetime) -> None:
    with database.writing() as db:
        approved(db, "a", now)

        with pytest.raises(SameWords):
            draft(db, "public", texts(" a\n"), by=BOB, now=now)


def test_a_version_follows_the_last_one_that_was_approved(database: Database, now: datetime) -> None:
    with database.writing() as db:
        first = approved(db, "a", now)
        draft(db, "public", texts("never"), by=BOB, now=now)
        third = draft(db, "public", texts("b"), by=BOB, now=now)

        assert find_approved_before(db, third) == first
        assert find_approved_before(db, first) is None


def test_what_the_installation_publishes_says_so(database: Database, now: datetime) -> None:
    with database.writing() as db:
        first = publish(db, "public", texts("a"), now)

        assert (first.approved_by, first.approved_through) == ("installation", "installation")


def test_areas_and_sites_name_their_document(database: Database, world: World) -> None:
    with database.writing() as db:
        site = db.get_one(Site, world.alun_alun)
        give(db, site, "terms", "square")
        give(db, db.get_one(Area, site.area_id), "terms", "village")

        assert [tuple(one) for one in uses(db)] == [
            ("village", "Gedung Nasional (19.71.02.1002)"),
            ("square", "Alun-Alun (alun-alun)"),
        ]


# --- differences ---------------------------------------------------------------------------------------------------------

words = st.lists(st.sampled_from(["a", "b", "- c", "+ d", "? e", ""]), max_size=6).map("\n".join)


@given(words, words)
def test_both_versions_can_be_read_from_their_difference(before: str, after: str) -> None:
    parts = compare({"id": {"body": before}}, {"id": {"body": after}})

    if before == after:
        assert parts == []
        return
    ((language, part, lines),) = parts
    assert (language, part) == ("id", "body")
    assert [line.text for line in lines if line.change != "new"] == before.splitlines()
    assert [line.text for line in lines if line.change != "gone"] == after.splitlines()


def test_a_language_that_is_new_or_gone_is_a_difference() -> None:
    assert compare({"en": {"title": "x"}}, {"id": {"title": "y"}}) == [
        Part("id", "title", (Line("new", "y"),)),
        Part("en", "title", (Line("gone", "x"),)),
    ]
