"""Emergency broadcasts: two persons or the duty officer, above everything on every page of the area, until they end."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.portal.banners import BadBanner
from hotspot.portal.broadcasts import (
    NoSuchBroadcast,
    NotDutyOfficer,
    NotPossible,
    OwnBroadcast,
    alerts_at,
    all_broadcasts,
    approve,
    end,
    needs_review,
    review,
    start,
    state_of,
)
from hotspot.portal.content import LOOK_EVERY, Content
from hotspot.portal.models import Broadcast
from hotspot.staff.service import get_staff, set_duty
from tests.portal.payloads import MARKUP
from tests.portal.visit import Page, Visit, handed, path_of
from tests.world import ALICE, BOB, CHARLIE, GERUNGGANG, KOTA, TAMAN_SARI, World

TEXTS = {
    "id": {"title": "Banjir rob", "text": "Jauhi pantai.\nNaik ke tempat tinggi."},
    "en": {"title": "Tidal flood", "text": "Stay away from the beach.\nGo to high ground."},
}
HOUR = timedelta(hours=1)


def written(db: Session, now: datetime, *, by: str = BOB, code: str = KOTA, **more: object) -> Broadcast:
    area = db.exec(select(Area).where(col(Area.code) == code)).one()
    given = {"texts": TEXTS, "ends_at": now + HOUR, "languages": ("id", "en"), **more}
    return start(db, area, given.pop("texts"), by=get_staff(db, by), now=now, **given)


def sent(db: Session, now: datetime, **more: object) -> Broadcast:
    broadcast = written(db, now, **more)
    return approve(db, broadcast.id, by=get_staff(db, ALICE), now=now)


def test_one_writes_it_and_another_sends_it(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        broadcast = written(db, now)
        assert alerts_at(db, None, now) == {}
        with pytest.raises(OwnBroadcast):
            approve(db, broadcast.id, by=get_staff(db, BOB), now=now)
        assert state_of(broadcast, now) == "waiting"

        approve(db, broadcast.id, by=get_staff(db, ALICE), now=now)

        assert state_of(broadcast, now) == "shown"
        assert set(alerts_at(db, None, now)) == {"alun-alun", "perpustakaan"}
        assert not needs_review(broadcast)
        with pytest.raises(NotPossible, match="can't be approved: it is shown"):
            approve(db, broadcast.id, by=get_staff(db, CHARLIE), now=now)
        with pytest.raises(NotPossible, match="can't be reviewed"):
            review(db, broadcast.id, by=get_staff(db, CHARLIE), now=now)


def test_the_duty_officer_sends_it_alone_and_somebody_else_reviews_it(
    database: Database, world: World, now: datetime
) -> None:
    with database.writing() as db:
        with pytest.raises(NotDutyOfficer):
            written(db, now, is_alone=True)
        set_duty(db, BOB, is_on_duty=True)

        broadcast = written(db, now, is_alone=True)
        written(db, now)

        assert state_of(broadcast, now) == "shown"
        assert [found.id for found, _ in all_broadcasts(db)] == [
            broadcast.id,
            broadcast.id + 1,
        ]  # what is to review first
        with pytest.raises(OwnBroadcast):
            review(db, broadcast.id, by=get_staff(db, BOB), now=now)
        assert needs_review(broadcast)
        review(db, broadcast.id, by=get_staff(db, CHARLIE), now=now + 3 * HOUR)  # also when it is over
        assert not needs_review(broadcast)
        assert broadcast.reviewed_at == now + 3 * HOUR
        set_duty(db, BOB, is_on_duty=False)
        with pytest.raises(NotDutyOfficer):
            written(db, now, is_alone=True)


def test_it_ends_by_itself_or_before(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        broadcast = sent(db, now)
        assert alerts_at(db, "alun-alun", now + HOUR - timedelta(seconds=1))
        assert not alerts_at(db, "alun-alun", now + HOUR)

        end(db, broadcast.id, by=get_staff(db, CHARLIE), now=now)

        assert not alerts_at(db, "alun-alun", now)
        assert state_of(broadcast, now) == "over"
        with pytest.raises(NotPossible, match="can't be ended: it is over"):
            end(db, broadcast.id, by=get_staff(db, CHARLIE), now=now)


def test_one_that_nobody_approved_in_time_never_shows(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        broadcast = written(db, now)

        with pytest.raises(NotPossible, match="it is over"):
            approve(db, broadcast.id, by=get_staff(db, ALICE), now=now + HOUR)


def test_of_many_who_send_it_at_once_one_does(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        number = written(db, now).id

    def one(name: str) -> bool:
        try:
            with database.writing() as db:
                approve(db, number, by=get_staff(db, name), now=now)
        except NotPossible:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(one, [ALICE, CHARLIE, ALICE, CHARLIE])) == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"texts": {"id": TEXTS["id"]}}, "en is missing"),
        ({"texts": {**TEXTS, "en": {"title": "x"}}}, "en: text"),
        ({"texts": {**TEXTS, "en": {"title": "x" * 81, "text": "y"}}}, "en: title"),
    ],
)
def test_it_needs_words_in_every_language(
    database: Database, world: World, now: datetime, change: dict, problem: str
) -> None:
    with database.writing() as db, pytest.raises(BadBanner, match=problem):
        written(db, now, **change)


@pytest.mark.parametrize("lasts", [timedelta(), -HOUR, timedelta(hours=48, seconds=1)])
def test_it_needs_an_end_within_two_days(database: Database, world: World, now: datetime, lasts: timedelta) -> None:
    with database.writing() as db, pytest.raises(BadBanner, match="48 hours"):
        written(db, now, ends_at=now + lasts)


def test_what_does_not_exist_is_said(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        for doing in (approve, end, review):
            with pytest.raises(NoSuchBroadcast):
                doing(db, 7, by=get_staff(db, ALICE), now=now)


def test_it_reaches_its_area_real_ones_before_drills(database: Database, world: World, now: datetime) -> None:
    with database.writing() as db:
        sent(db, now, code=TAMAN_SARI, is_drill=True)
        sent(db, now, code=KOTA)
        sent(db, now, code=GERUNGGANG)

        found = alerts_at(db, None, now)

    assert [alert.number for alert in found["alun-alun"]] == [2, 1]
    assert [alert.number for alert in found["perpustakaan"]] == [3, 2]


# --- on the pages ------------------------------------------------------------------------------------------------------------


def alerts_on(page: Page) -> int:
    return sum(attributes.get("role") == "alert" for attributes in page.all("section"))


def in_language(path: str, language: str) -> str:
    path = re.sub(r"[?&]lang=..", "", path)
    return f"{path}{'&' if '?' in path else '?'}lang={language}"


def pages(visit: Visit) -> Iterator[str]:
    """Welcome, preview, progress, online, problems, terms."""
    query = visit.client.request("GET", "/", params=handed()).request.url.query.decode()
    yield f"/p/alun-alun?{query}"
    yield "/p/alun-alun"
    yield path_of(visit.log_in())
    yield path_of(visit.online())
    yield f"/p/alun-alun?{query}".replace("error=&", "error=RADIUS+server+is+not+responding&")
    yield "/p/alun-alun?mac=x"
    yield "/p/alun-alun/online?t=x"
    yield "/p/alun-alun/login"
    yield "/p/alun-alun/terms"


def test_every_page_of_the_area_shows_it_first_and_still_has_its_button(visit: Visit) -> None:
    paths = list(pages(visit))
    with visit.database.writing() as db:
        sent(db, visit.clock(), code=TAMAN_SARI)
    visit.clock.forward(seconds=10)

    for path in paths:
        for language, title in (("id", "Banjir rob"), ("en", "Tidal flood")):
            page = Page(visit.client.get(in_language(path, language)).text)
            assert alerts_on(page) == 1, path
            if "mac=x" not in path:
                assert title in page.text, path
            tags = [tag for tag, _ in page.elements]
            assert tags.index("section") < tags.index("header"), path
    assert visit.press(visit.welcome()).status_code == 303
    assert alerts_on(Page(visit.client.get("/p/perpustakaan").text)) == 0
    assert alerts_on(Page(visit.client.get("/p/nowhere").text)) == 0


def test_a_drill_says_so_in_both_languages(visit: Visit) -> None:
    with visit.database.writing() as db:
        sent(db, visit.clock(), is_drill=True)

    for language, words in (("id", "Ini hanya latihan"), ("en", "This is only an exercise")):
        page = visit.welcome(lang=language)
        assert "LATIHAN / DRILL" in page.text
        assert words in page.text
        assert "Darurat" not in page.text
        assert "Emergency" not in page.text


def test_a_page_shows_it_within_a_minute_and_no_longer_than_it_lasts(visit: Visit) -> None:
    visit.client._app.state.content.look_every = LOOK_EVERY
    visit.welcome()
    with visit.database.writing() as db:
        sent(db, visit.clock())

    deadline = time.monotonic() + 60
    while alerts_on(visit.welcome()) == 0:
        assert time.monotonic() < deadline
    assert time.monotonic() < deadline - 55
    visit.clock.forward(minutes=59)
    assert alerts_on(visit.welcome()) == 1
    visit.clock.forward(minutes=1)
    assert alerts_on(visit.welcome()) == 0


def test_pages_alert_of_what_was_known_while_the_database_is_away(visit: Visit) -> None:
    with visit.database.writing() as db:
        sent(db, visit.clock())
    content: Content = visit.client._app.state.content
    assert len(content.alerts("alun-alun", visit.clock())) == 1
    reading, visit.database.reading = visit.database.reading, away  # type: ignore[method-assign]

    try:
        assert len(content.alerts("alun-alun", visit.clock.forward(minutes=30))) == 1
        assert content.alerts("perpustakaan", visit.clock()) == ()
        assert content.alerts("alun-alun", visit.clock.forward(minutes=30)) == []
    finally:
        visit.database.reading = reading  # type: ignore[method-assign]


def away() -> None:
    raise OperationalError("", {}, Exception())


def test_no_words_of_an_alert_become_markup(visit: Visit) -> None:
    plain = len(visit.welcome().elements)
    for payload in MARKUP:
        texts = {language: {"title": payload[:80], "text": payload} for language in ("id", "en")}
        with visit.database.writing() as db:
            number = sent(db, visit.clock(), texts=texts).id
        visit.clock.forward(seconds=10)
        page = visit.welcome()
        assert len(page.elements) == plain + 7, payload  # section, div, p, b, div, h2, p
        with visit.database.writing() as db:
            end(db, number, by=get_staff(db, ALICE), now=visit.clock())
        visit.clock.forward(seconds=10)
