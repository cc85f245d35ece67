"""The inbox of routers that call without leave: once each, bounded, forgotten, adopted."""

import json
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


def test_a_flood_of_invented_routers_is_bounded_and_pushes_nobody_out(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_CALLERS", 12)
    monkeypatch.setattr(inbox, "MOST_FROM_ONE_SOURCE", 5)
    with controller.database.writing() as db:
        for source in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
            for number in range(8):
                contact = parse(json.dumps(Box(f"{source.replace('.', '-')}-{number}").says()).encode())
                inbox.note(db, contact, source=source, now=controller.clock())

    assert len(callers(controller)) == 12
    controller.clock.now += timedelta(hours=1)
    assert controller.hears(Box("192-0-2-1-0"))["next"] == "wait"
    assert controller.hears(BOX)["next"] == "wait"
    latest = callers(controller)[0]
    assert (len(callers(controller)), latest.serial) == (12, "192-0-2-1-0"), "who is in it stays and is renewed"


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
