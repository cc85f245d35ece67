"""The code on a guest's page, and what staff see when they type it."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from hotspot.guests.models import Admission
from hotspot.portal.attempts_models import SignInAttempt
from hotspot.portal.support import KEPT, NoSuchCode, forget_attempts, traces
from hotspot.portal.teller import close_decided
from tests.portal.visit import MAC, Visit, path_of


def code_of(visit: Visit) -> str:
    with visit.database.reading() as db:
        return db.exec(select(SignInAttempt.support_code)).one()


def told(visit: Visit, code: str = "") -> list[str]:
    with visit.database.reading() as db:
        (trace,) = traces(db, code or code_of(visit))
    return [step.said % step.facts for step in trace.steps]


def closed(visit: Visit) -> int:
    with visit.database.writing() as db:
        return close_decided(db, now=visit.clock())


ASKED = [
    "Asked to get online at Alun-Alun, router alun-alun-1 (other, id)",
    "Agreed to the terms public, version 1, by one-tap",
    "The browser was sent to the router with a one-time credential",
]


def test_an_attempt_that_nobody_followed_up_says_so_on_the_page_and_to_staff(visit: Visit) -> None:
    login = visit.log_in()
    visit.clock.forward(seconds=41)  # type: ignore[attr-defined]  # a Clock
    page = visit.open(path_of(login))

    assert closed(visit) == 1

    (shown,) = [word for word in page.text.split() if re.fullmatch("[2-9A-Z]{5}", word)]
    assert shown == code_of(visit)
    assert told(visit) == [*ASKED, "RADIUS was never asked", "The attempt failed: no request"]
    assert told(visit, f" {shown.lower()} ") == told(visit), "as somebody reads it out"


def test_an_attempt_that_came_online_is_confirmed(visit: Visit) -> None:
    visit.online()
    visit.clock.forward(seconds=5)  # type: ignore[attr-defined]  # a Clock

    assert closed(visit) == 1
    assert closed(visit) == 0
    assert told(visit) == [*ASKED, "The router reported that the session began", "The device was online"]


def test_an_attempt_that_is_under_way_is_left_open(visit: Visit) -> None:
    visit.log_in()
    visit.clock.forward(seconds=20)  # type: ignore[attr-defined]  # a Clock

    assert closed(visit) == 0
    assert told(visit) == ASKED


def test_what_radius_refused_is_named_and_explained(visit: Visit) -> None:
    login = visit.log_in()
    visit.accept(login["username"])
    refused(visit, "day_time_used")

    page = visit.open(path_of(login))
    visit.clock.forward(seconds=5)  # type: ignore[attr-defined]  # a Clock
    closed(visit)

    assert "Anda belum bisa tersambung" in page.text
    assert told(visit)[3:] == ["RADIUS refused the device: day_time_used", "The attempt failed: refused"]


def test_the_page_after_a_refusal_has_the_code_for_who_brings_the_credential_back(visit: Visit) -> None:
    login = visit.log_in()
    error = "invalid username or password"

    assert code_of(visit) in visit.welcome(error=error, username=login["username"]).text
    assert code_of(visit) not in visit.welcome(error=error).text, "naming a device is not enough"


@pytest.mark.parametrize("code", ["", "AAAA", "AAAAAA", "O0I1L", "AAAA'", "☃☃☃☃☃", "AAAAA"])
def test_a_code_that_nobody_has_is_named(visit: Visit, code: str) -> None:
    with visit.database.reading() as db, pytest.raises(NoSuchCode):
        traces(db, code)


def test_no_address_is_in_a_trace_and_after_a_month_there_is_none(visit: Visit) -> None:
    visit.online()
    code = code_of(visit)
    assert MAC not in str(told(visit))

    with visit.database.writing() as db:
        assert forget_attempts(db, before=visit.clock() - KEPT) == 0
        assert forget_attempts(db, before=visit.clock() + timedelta(seconds=1)) == 1
    with visit.database.reading() as db, pytest.raises(NoSuchCode, match=code):
        traces(db, code)


def refused(visit: Visit, refusal: str) -> None:
    """What RADIUS logs."""
    with visit.database.writing() as db:
        facts = {"router_id": visit.world.router, "site_id": visit.world.alun_alun, "refusal": refusal}
        device = visit.world.device()
        db.add(Admission(id=device, device_id=device, guest_id=device, decided_at=visit.clock(), **facts))
