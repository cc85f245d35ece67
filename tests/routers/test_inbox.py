"""The inbox of routers that call without leave: once each, bounded, forgotten, adopted."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import func, select

from hotspot.routers import inbox
from hotspot.routers.contact import parse
from hotspot.routers.enrol import (
    TOKEN_LIFE,
    WAIT,
    SerialKnown,
    adopt,
    forget_old,
)
from hotspot.routers.inbox import SILENCE, NoSuchCaller
from hotspot.routers.models import EnrolmentToken
from hotspot.settings import Settings
from tests.routers.boxes import Box, Controller, adopted, callers

BOX = Box("HG209ABC1234")
OTHER = Box("HG209ABC9999")
SECOND = timedelta(seconds=1)


# --- the inbox -----------------------------------------------------------------------------------------------------------


def test_an_unknown_router_waits_in_the_inbox_once_however_often_it_calls(controller: Controller) -> None:
    assert controller.hears(BOX) == {"next": "wait", "say": WAIT}
    controller.clock.now += timedelta(minutes=2)
    controller.hears(BOX, version="7.21")
    controller.hears(OTHER, "a-token-that-was-never-issued")

    found = {caller.serial: caller for caller in callers(controller)}

    assert set(found) == {BOX.serial, OTHER.serial}
    assert found[BOX.serial].version == "7.21"
    assert found[BOX.serial].last_at - found[BOX.serial].first_at == timedelta(minutes=2)
    assert found[BOX.serial].source == ""


def test_two_who_claim_one_serial_number_are_both_seen(controller: Controller) -> None:
    controller.hears(BOX)
    controller.hears(Box(BOX.serial, "impostor"))

    assert [caller.serial for caller in callers(controller)] == [BOX.serial, BOX.serial]


def test_an_adopted_router_gets_its_tunnel_when_it_calls_again_without_a_token(
    controller: Controller, settings: Settings
) -> None:
    controller.hears(BOX)

    name = adopted(controller, settings)

    assert name == "router-HG209ABC1234"
    assert callers(controller) == []
    first = controller.hears(BOX, "o" * 27)
    assert first["next"] == "tunnel"
    assert controller.hears(BOX) == first
    assert controller.hears(Box(BOX.serial, "impostor"))["next"] == "wait"
    controller.clock.now += timedelta(hours=24)
    assert controller.hears(BOX)["next"] == "wait", "adopted long ago"


def test_a_known_serial_number_is_adopted_only_when_somebody_says_that_it_was_reset(
    controller: Controller, settings: Settings
) -> None:
    controller.hears(BOX, controller.token())
    controller.hears(Box(BOX.serial, "reset"))

    with pytest.raises(SerialKnown, match=r"belongs to alun-alun-2.*--again"):
        adopted(controller, settings)
    assert adopted(controller, settings, again=True) == "alun-alun-2"


def test_what_is_not_in_the_inbox_can_not_be_adopted(controller: Controller, settings: Settings) -> None:
    with controller.database.writing() as db, pytest.raises(NoSuchCaller, match="99"):
        adopt(db, 99, site_id=None, again=False, settings=settings, now=controller.clock())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_CALLERS", 12)
    monkeypatch.setattr(inbox, "MOST_FROM_ONE_SOURCE", 5)


def floods(controller: Controller, source: str, calls: int = 8) -> None:
    with controller.database.writing() as db:
        for number in range(calls):
            contact = parse(json.dumps(Box(f"{source.replace('.', '-')}-{number}").says()).encode())
            inbox.note(db, contact, source=source, now=controller.clock())


def sources(controller: Controller) -> Counter[str]:
    return Counter(caller.source for caller in callers(controller))


@pytest.mark.usefixtures("small")
def test_whoever_is_told_to_wait_is_in_the_inbox_also_when_it_is_flooded(controller: Controller) -> None:
    for source in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        floods(controller, source)
    assert len(callers(controller)) == 12
    controller.clock.now += timedelta(hours=1)

    assert controller.hears(BOX) == {"next": "wait", "say": WAIT}

    held = callers(controller)
    assert (len(held), held[0].serial) == (12, BOX.serial)
    assert held[1:] == [caller for caller in held if caller.serial != BOX.serial]
    assert min(sources(controller).values()) == 1  # its own; the crowds have lost one


@pytest.mark.usefixtures("small")
def test_a_flood_pushes_out_its_own_calls_and_nobody_elses(controller: Controller) -> None:
    controller.hears(BOX)
    controller.clock.now += timedelta(minutes=1)
    for number in range(1, 7):
        floods(controller, f"192.0.2.{number}", calls=45)

    assert BOX.serial in {caller.serial for caller in callers(controller)}
    assert sources(controller).total() == 12
    assert max(sources(controller).values()) <= 5


@pytest.mark.usefixtures("small")
def test_who_calls_again_is_renewed_and_stays_longest(controller: Controller) -> None:
    floods(controller, "192.0.2.1", calls=5)
    controller.clock.now += timedelta(minutes=2)
    floods(controller, "192.0.2.1", calls=1)
    controller.clock.now += timedelta(minutes=2)
    with controller.database.writing() as db:
        contact = parse(json.dumps(BOX.says()).encode())
        inbox.note(db, contact, source="192.0.2.1", now=controller.clock())

    assert {caller.serial[-1] for caller in callers(controller)} == {BOX.serial[-1], "0", "2", "3", "4"}


def test_a_caller_that_nobody_wants_is_taken_out(controller: Controller) -> None:
    controller.hears(BOX)
    controller.hears(OTHER)
    (number,) = [caller.id for caller in callers(controller) if caller.serial == BOX.serial]
    assert number is not None

    with controller.database.writing() as db:
        inbox.dismiss(db, number)

    assert [caller.serial for caller in callers(controller)] == [OTHER.serial]
    with controller.database.writing() as db, pytest.raises(NoSuchCaller, match=str(number)):
        inbox.dismiss(db, number)


def test_what_is_silent_for_a_day_and_tokens_that_are_over_are_forgotten(controller: Controller) -> None:
    controller.hears(BOX)
    controller.token()
    with controller.database.writing() as db:
        forget_old(db, now=controller.clock() + TOKEN_LIFE - SECOND)
        assert db.exec(select(func.count()).select_from(EnrolmentToken)).one() == 1
        forget_old(db, now=controller.clock() + SILENCE - SECOND)
        assert db.exec(select(func.count()).select_from(EnrolmentToken)).one() == 0
    assert len(callers(controller)) == 1
    with controller.database.writing() as db:
        forget_old(db, now=controller.clock() + SILENCE)
    assert callers(controller) == []
