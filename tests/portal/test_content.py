"""What pages show is read once and served from memory; a change, whoever makes it, is seen within two looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DataError, OperationalError
from sqlmodel import Session

from hotspot.db import Database
from hotspot.guests.terms import packaged_texts, publish
from hotspot.portal import content as module
from hotspot.portal.content import ASK_AGAIN, KNOWN_FOR, LOOK_EVERY, Content, Shown
from hotspot.portal.handoff import Stop
from hotspot.portal.models import Banner
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.portal.visit import Visit, handed

# One change of each kind that a page of Alun-Alun could show, and some of routers that none does.
SHOWN = (
    "UPDATE site SET name = 'Alun-Alun Merdeka' WHERE slug = 'alun-alun'",
    "UPDATE area SET name = 'Kota Pangkal Pinang' WHERE code = '19.71'",
    "INSERT INTO setting (site_id, key, value) VALUES ((SELECT id FROM site WHERE slug = 'alun-alun'), 'ssid', '\"A\"')",
    "UPDATE router SET login_host = '10.5.50.9'",
    "UPDATE router SET state = 'replaced'",
    "UPDATE router SET site_id = NULL",
    "UPDATE banner SET priority = 5",
    "DELETE FROM banner",
    "UPDATE terms SET is_material = false",
)
NOT_SHOWN = ("UPDATE router SET version = '7.21', coa_port = 1700", "UPDATE guest_session SET seconds = 1", "SELECT 1")


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def content(visit: Visit, seconds: Seconds) -> Content:
    return Content(visit.database, visit.settings.languages, visit.settings.zone, seconds=seconds)


@contextmanager
def queries(database: Database) -> Iterator[list[str]]:
    """The statements that the block executes."""
    found: list[str] = []

    def note(_connection, _cursor, statement, *_: object) -> None:
        found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def version(database: Database) -> int:
    with database.reading() as db:
        return module._version(db)


def execute(database: Database, *statements: str) -> None:
    with database.writing() as db:
        for statement in statements:
            db.execute(text(statement))


# --- the version ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", SHOWN)
def test_what_a_page_could_show_counts_the_version_on(visit: Visit, change: str) -> None:
    before = version(visit.database)

    execute(visit.database, change)

    assert version(visit.database) == before + 1


@pytest.mark.parametrize("change", NOT_SHOWN)
def test_what_no_page_shows_does_not(visit: Visit, change: str) -> None:
    before = version(visit.database)

    execute(visit.database, change)

    assert version(visit.database) == before


def test_all_changes_of_a_transaction_are_one_step_at_its_commit_and_none_if_it_fails(visit: Visit) -> None:
    before = version(visit.database)

    execute(visit.database, *SHOWN)
    with pytest.raises(DataError):
        execute(visit.database, SHOWN[0], "SELECT 1 / 0")

    assert version(visit.database) == before + 1


def test_writers_do_not_wait_for_each_other_before_they_commit(visit: Visit) -> None:
    before = version(visit.database)

    with visit.database.writing() as one, visit.database.writing() as other:
        one.execute(text(SHOWN[0]))
        other.execute(text("SET LOCAL lock_timeout = '5s'"))
        other.execute(text(SHOWN[6]))  # an immediate trigger would wait here for ever

    assert version(visit.database) == before + 2


# --- while the database is away --------------------------------------------------------------------------------------------------


@pytest.fixture
def unplug(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[object]]]:
    """Let the database be at a port where nothing listens; return what is tried there from then on."""
    nothing = create_engine("postgresql+psycopg://127.0.0.1:1/hotspot")
    tried: list[object] = []

    @event.listens_for(nothing, "do_connect")
    def note(*facts: object) -> None:
        tried.append(facts)

    def unplugged() -> list[object]:
        monkeypatch.setattr(visit.database, "engine", nothing)
        monkeypatch.setattr(visit.database, "_reads", nothing)
        return tried

    yield unplugged
    monkeypatch.undo()
    nothing.dispose()


def test_what_was_shown_last_is_shown_for_ten_minutes_and_the_database_asked_once_a_second(
    visit: Visit, content: Content, seconds: Seconds, unplug: Callable[[], list[object]]
) -> None:
    first = content.get("alun-alun", visit.clock())
    tried = unplug()
    seconds.now += 2 * LOOK_EVERY

    for _ in range(5):
        assert content.get("alun-alun", visit.clock()) is first
        assert content.find_at_hand("alun-alun", visit.clock()) is first
        with pytest.raises(OperationalError):
            content.get("perpustakaan", visit.clock())
    assert len(tried) == 1

    seconds.now += ASK_AGAIN
    assert content.get("alun-alun", visit.clock()) is first
    content.worker.submit(int).result()
    assert len(tried) == 2, "the worker asks, and nobody waits for it"
    seconds.now += KNOWN_FOR
    assert content.find_at_hand("alun-alun", visit.clock()) is None
    with pytest.raises(OperationalError):
        content.get("alun-alun", visit.clock())


def test_what_has_ended_meanwhile_is_not_shown(
    visit: Visit, content: Content, seconds: Seconds, unplug: Callable[[], list[object]]
) -> None:
    ends_at = content.get("alun-alun", visit.clock()).until
    unplug()
    seconds.now += 2 * LOOK_EVERY

    with pytest.raises(OperationalError):
        content.get("alun-alun", ends_at)


@pytest.mark.parametrize("sign_in", ["one-tap", "one-tap,phone"])
def test_the_page_stays_and_only_the_press_says_that_the_service_rests(
    visit: Visit, unplug: Callable[[], list[object]], sign_in: str
) -> None:
    with visit.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "sign_in", sign_in)
    fields = {str(a["name"]): str(a["value"]) for a in visit.welcome().all("input") if a.get("value")}
    fields["method"] = "one-tap"
    unplug()

    assert "Imunisasi gratis" in visit.welcome(mac="BC:24:11:00:00:77").text
    pressed = visit.client.post("/p/alun-alun/login", data=fields)
    assert (pressed.status_code, pressed.headers["retry-after"]) == (503, "5")


# --- memory --------------------------------------------------------------------------------------------------------------------


def test_a_place_is_read_once_and_then_served_from_memory(visit: Visit, content: Content) -> None:
    first = content.get("alun-alun", visit.clock())

    with queries(visit.database) as asked:
        assert content.get("alun-alun", visit.clock()) is first
        assert content.find_at_hand("alun-alun", visit.clock()) is first
    assert asked == []


def test_a_change_is_seen_within_two_looks_and_is_never_waited_for(
    visit: Visit, content: Content, seconds: Seconds
) -> None:
    content.get("alun-alun", visit.clock())
    execute(visit.database, SHOWN[0])

    seconds.now += LOOK_EVERY
    at_hand = content.find_at_hand("alun-alun", visit.clock())
    content.worker.submit(int).result()  # it has looked by then

    assert at_hand is not None
    assert at_hand.place.site.name == "Alun-Alun"
    assert content.find_at_hand("alun-alun", visit.clock()) is None
    assert content.get("alun-alun", visit.clock()).place.site.name == "Alun-Alun Merdeka"


def test_nothing_is_at_hand_that_was_not_looked_at_for_two_seconds(
    visit: Visit, content: Content, seconds: Seconds
) -> None:
    content.get("alun-alun", visit.clock())

    seconds.now += 2 * LOOK_EVERY

    assert content.find_at_hand("alun-alun", visit.clock()) is None
    with queries(visit.database) as asked:
        content.get("alun-alun", visit.clock())
    assert len(asked) == 1, "it looks at the version, and nothing has changed"


def test_a_look_that_fails_is_made_again_by_who_needs_it(visit: Visit, content: Content, seconds: Seconds) -> None:
    content.get("alun-alun", visit.clock())
    execute(visit.database, "ALTER TABLE content_version RENAME TO away")
    seconds.now += LOOK_EVERY

    assert content.find_at_hand("alun-alun", visit.clock()) is not None
    content.worker.submit(int).result()
    execute(visit.database, "ALTER TABLE away RENAME TO content_version", SHOWN[0])
    seconds.now += ASK_AGAIN

    assert content.get("alun-alun", visit.clock()).place.site.name == "Alun-Alun"
    content.worker.submit(int).result()
    assert content.get("alun-alun", visit.clock()).place.site.name == "Alun-Alun Merdeka"


def test_what_was_read_while_something_changed_is_not_kept_as_new(
    visit: Visit, content: Content, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(db: Session, *more: object) -> Shown:
        execute(visit.database, SHOWN[0])
        return read(db, *more)

    read = module._shown
    monkeypatch.setattr(module, "_shown", overtaken)
    assert content.get("alun-alun", visit.clock()).place.site.name == "Alun-Alun"
    monkeypatch.undo()

    seconds.now += LOOK_EVERY

    assert content.get("alun-alun", visit.clock()).place.site.name == "Alun-Alun Merdeka"


def test_what_begins_or_ends_by_itself_does_so_on_time(visit: Visit, content: Content) -> None:
    start = visit.clock()
    with visit.database.writing() as db:
        banner = db.get_one(Banner, 1)
        banner.ends_at = start + timedelta(minutes=10)
        area = get_site(db, "alun-alun").area_id
        approved = {"texts": banner.texts, "drafted_at": start, "approved_at": start}
        later = Banner(area_id=area, starts_at=start + timedelta(minutes=5), **approved)
        elsewhere = Banner(area_id=area + 1, starts_at=start + timedelta(minutes=1), **approved)
        db.add_all([later, elsewhere])
        texts = packaged_texts("public")
        publish(db, "public", texts | {"id": texts["id"] | {"title": "Lain"}}, start + timedelta(minutes=20))

    def shown() -> tuple[Shown, int, int]:
        found = content.get("alun-alun", visit.clock())
        return found, len(found.welcome("id").notices), found.welcome("id").terms.version

    first, *counts = shown()
    assert (counts, first.until) == ([1, 1], start + timedelta(minutes=5))
    visit.clock.forward(minutes=5)
    assert shown()[1:] == (2, 1)
    visit.clock.forward(minutes=5)
    assert shown()[1:] == (1, 1)
    visit.clock.forward(minutes=10)
    last, *counts = shown()
    assert (counts, last.until) == ([1, 2], visit.clock() + timedelta(days=1))
    visit.clock.forward(minutes=-20)
    assert shown()[0] is not last, "a clock that was set back shows what held then"


def test_a_place_that_is_not_there_is_asked_for_once_until_something_changes(
    visit: Visit, content: Content, seconds: Seconds
) -> None:
    def problem(slug: str) -> str:
        with pytest.raises(Stop) as stopped:
            content.get(slug, visit.clock())
        assert content.find_at_hand(slug, visit.clock()) is None
        return stopped.value.explanation.title

    execute(visit.database, "UPDATE site SET state = 'retired' WHERE slug = 'perpustakaan'")
    said = [problem("nowhere"), problem("perpustakaan")]

    with queries(visit.database) as asked:
        assert [problem("nowhere"), problem("perpustakaan")] == said
    assert asked == []
    execute(visit.database, "UPDATE site SET slug = 'nowhere', state = 'live' WHERE slug = 'perpustakaan'")
    seconds.now += LOOK_EVERY
    assert content.get("nowhere", visit.clock()).place.site.slug == "nowhere"
    assert problem("perpustakaan") == said[0]


def test_of_places_that_are_not_there_no_more_than_the_latest_are_remembered(
    visit: Visit, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_MISSING", 3)
    names = [f"nowhere-{number}" for number in range(5)]
    for name in names:
        with pytest.raises(Stop):
            content.get(name, visit.clock())

    assert list(content._missing) == names[2:]


@pytest.mark.parametrize("slug", ["", "Alun-Alun", "-", "a" * 65, "wp-login.php", "alun-alun\n", "alun\x00"])
def test_what_can_be_no_place_is_not_asked_for(visit: Visit, content: Content, slug: str) -> None:
    with queries(visit.database) as asked, pytest.raises(Stop):
        content.get(slug, visit.clock())

    assert asked == []


def test_the_page_of_who_arrives_takes_no_query_and_a_credential_takes_one(visit: Visit) -> None:
    visit.client._app.state.content.look_every = LOOK_EVERY * 1000
    visit.welcome()

    with queries(visit.database) as asked:
        visit.welcome(mac="BC:24:11:00:00:77", lang="en")
        assert asked == []
        visit.welcome(username="0" * 32)
    assert len(asked) == 1
    assert "FROM credential" in asked[0]


def test_without_terms_there_is_a_place_and_no_welcome(visit: Visit) -> None:
    execute(visit.database, "DELETE FROM terms")

    answer = visit.client.get("/p/alun-alun", params=handed())

    assert answer.status_code == 503
    assert visit.client.get("/p/alun-alun", params=handed(error="session limit reached (200)")).status_code == 200
