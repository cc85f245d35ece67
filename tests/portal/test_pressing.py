"""The one button on the express way stores what the ordinary way stores; whoever it is not for goes the ordinary way, unharmed."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import structlog
from sqlalchemy import text

from hotspot.http_server import Web
from hotspot.portal import express
from hotspot.portal.pressing import Batches, ExpressLane
from hotspot.portal.throttle import Presses
from tests.portal.test_content import execute
from tests.portal.visit import Page, Visit

ROWS = """
    SELECT to_jsonb(consent) - '{id,device_id,guest_id,salt,entry,given_at}'::text[] AS consent,
        to_jsonb(credential) - '{id,device_id,guest_id,consent_id,issued_at,expires_at}'::text[] AS credential,
        to_jsonb(attempt) - '{id,device_id,support_code,consent_id,credential_id,press,requested_at,sent_at,handed}'::text[] AS attempt,
        attempt.handed IS NULL AS is_unsealed, length(support_code) AS code, expires_at - issued_at AS life,
        credential.guest_id = consent.device_id AS is_own_guest, given_at = requested_at AND sent_at = issued_at AS is_one_moment
    FROM consent JOIN credential ON credential.consent_id = consent.id
    JOIN sign_in_attempt AS attempt ON attempt.credential_id = credential.id AND attempt.consent_id = consent.id
    ORDER BY entry
"""
PHONES = [f"06:5A:00:00:00:{number:02X}" for number in range(16)]

Press = Callable[..., httpx.Response]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What became of each press on the express way."""
    found: list[bool] = []
    enter = Batches.enter

    async def noted(self: Batches, press: express.Press) -> bool:
        found.append(await enter(self, press))
        return found[-1]

    monkeypatch.setattr(Batches, "enter", noted)
    return found


@pytest.fixture
def press(visit: Visit, taken: list[bool]) -> Iterator[Press]:
    """Press the button of a page for a phone, at a server whose express way is open."""
    app = visit.client._app
    app.state.content.look_every = 1000
    app.state.content.get("alun-alun", visit.clock())
    lane = ExpressLane(app, Batches(visit.database, now=visit.clock), app.state.content, visit.settings)
    web = Web(visit.settings.model_copy(update={"http_port": 0}), lane)
    web.start()

    def press(page: Page, **headers: str) -> httpx.Response:
        action, fields = page.form
        return httpx.post(f"http://127.0.0.1:{web.port}{action}", data=fields, headers=headers, timeout=20)

    for phone in range(200):
        assert press(visit.welcome(mac=f"0A:5A:00:00:00:{phone:02X}")).status_code == 303
        if taken[-1]:
            break
    assert taken[-1]
    taken.clear()
    execute(visit.database, "DELETE FROM sign_in_attempt", "DELETE FROM credential", "DELETE FROM consent")
    yield press
    web.stop()


def rows(visit: Visit) -> list[dict]:
    with visit.database.reading() as db:
        return [dict(row) for row in db.execute(text(ROWS)).mappings()]


def test_it_stores_what_the_ordinary_way_stores(visit: Visit, press: Press, taken: list[bool]) -> None:
    ordinary = visit.press(visit.welcome(mac=PHONES[0]))
    quick = press(visit.welcome(mac=PHONES[1]))

    assert taken == [True]
    assert (ordinary.status_code, quick.status_code) == (303, 303)
    assert ordinary.headers["location"].partition("=")[0] == quick.headers["location"].partition("=")[0]
    assert ordinary.headers["content-security-policy"] == quick.headers["content-security-policy"]
    by_ordinary, by_quick = rows(visit)
    by_ordinary["attempt"]["browser"] = by_quick["attempt"]["browser"]
    assert by_quick == by_ordinary


def test_many_presses_are_entered_each_once_and_chained(visit: Visit, press: Press, taken: list[bool]) -> None:
    pages = [visit.welcome(mac=phone) for phone in PHONES]

    with ThreadPoolExecutor(8) as phones:
        answers = list(phones.map(press, pages))

    assert {answer.status_code for answer in answers} == {303}
    assert taken == [True] * len(PHONES)
    assert len({answer.headers["location"] for answer in answers}) == len(PHONES)
    assert len(rows(visit)) == len(PHONES)


def test_the_same_press_again_goes_on_with_what_it_began(visit: Visit, press: Press, taken: list[bool]) -> None:
    page = visit.welcome(mac=PHONES[0])

    first, again = press(page), press(page)

    assert taken == [True, False]
    assert first.headers["location"] == again.headers["location"]
    assert len(rows(visit)) == 1


def test_what_is_not_at_hand_any_more_is_not_agreed_to(visit: Visit, press: Press, taken: list[bool]) -> None:
    page = visit.welcome(mac=PHONES[0])
    execute(visit.database, "UPDATE site SET state = 'retired'")

    assert press(page).status_code == 404

    assert taken == [False]
    assert rows(visit) == []


@pytest.mark.parametrize(
    "unusual",
    [{"sec-fetch-site": "cross-site"}, {"content-type": "text/plain"}],
)
def test_a_press_that_is_refused_is_refused_the_ordinary_way(
    visit: Visit, press: Press, taken: list[bool], unusual: dict[str, str]
) -> None:
    answer = press(visit.welcome(mac=PHONES[0]), **unusual)

    assert answer.status_code in (400, 403)
    assert taken == []
    assert rows(visit) == []


def test_a_batch_that_fails_takes_the_ordinary_way_each_by_itself(
    visit: Visit, press: Press, taken: list[bool]
) -> None:
    pages = [visit.welcome(mac=phone) for phone in PHONES[:4]]
    execute(visit.database, "ALTER FUNCTION ledger_append(text, timestamptz[], bytea[]) RENAME TO away")
    with structlog.testing.capture_logs() as logged:
        assert press(pages[0]).status_code == 503
    assert "a batch of presses takes the ordinary way" in [entry["event"] for entry in logged]
    execute(visit.database, "ALTER FUNCTION away(text, timestamptz[], bytea[]) RENAME TO ledger_append")

    assert press(pages[1]).status_code == 303
    assert taken[-1]


def test_a_lost_connection_is_made_anew(visit: Visit, press: Press, taken: list[bool]) -> None:
    execute(
        visit.database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%WITH fresh AS%' AND pid <> pg_backend_pid()",
    )

    for phone in PHONES:
        assert press(visit.welcome(mac=phone)).status_code == 303

    assert taken[0] is False
    assert taken[-1] is True


def test_a_second_press_of_a_device_waits_for_no_batch(visit: Visit) -> None:
    batches = Batches(visit.database, now=visit.clock)
    one = express.Press(
        1,
        1,
        visit.world.device(),
        "0" * 64,
        "id",
        visit.world.device(),
        "other",
        b"",
        *[visit.world.device()] * 2,
        "A",
        None,
        0,
    )

    async def scenario() -> list[bool]:
        futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
        batches._waiting.extend((one, future) for future in futures)
        assert len(batches._next_batch()) == 1
        return [future.done() for future in futures]

    assert asyncio.run(scenario()) == [False, True]


def test_a_press_that_was_checked_against_other_content_is_not_in_the_batch(visit: Visit) -> None:
    batches = Batches(visit.database, now=visit.clock)
    device = visit.world.device()
    drawn = [device, "other", b"", device, device, "A", None]
    presses = [express.Press(site, 1, device, "0" * 64, "id", *drawn, version) for site, version in ((1, 7), (2, 8))]

    async def scenario() -> list[bool]:
        futures = [asyncio.get_running_loop().create_future() for _ in presses]
        batches._waiting.extend(zip(presses, futures, strict=True))
        assert len(batches._next_batch()) == 1
        return [future.done() for future in futures]

    assert asyncio.run(scenario()) == [False, True]


def test_a_device_that_does_not_stop_is_refused_on_either_way(visit: Visit, press: Press, taken: list[bool]) -> None:
    visit.client._app.state.presses = Presses()

    answers = [press(visit.welcome(mac=PHONES[0])).status_code for _ in range(12)]

    assert answers == [303] * 6 + [429] * 6
