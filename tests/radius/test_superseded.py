"""A device has one session: the one it began last ends the one before, in the records and, if that goes on, at its router."""

from datetime import timedelta

import pytest

from hotspot.radius import control
from hotspot.radius.attributes import Attr, Attributes, StatusType, make
from hotspot.radius.packet import Packet
from tests.radius.asking import accepted, agree, used
from tests.radius.going_online import hears_at, online
from tests.radius.radius_city import City, Clock, Router
from tests.radius.scripted_router import ACK, answer, silence
from tests.radius.scripted_router import router as scripted
from tests.radius.session_words import INTERIM, MINUTE, START, STOP, counted, klass, only, since, stored, tell

pytestmark = pytest.mark.usefixtures("impatient")


# --- in the records ------------------------------------------------------------------------------------------------------


def test_a_device_that_begins_elsewhere_with_our_leave_ends_its_session_here(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    tell(router, START, klass(1))
    clock.advance(MINUTE)
    told = accepted(library.ask(library.access_request(agree(city, site="perpustakaan"))))
    admitted = told.octets(Attr.CLASS)
    assert admitted is not None

    tell(library, START, make(Attr.CLASS, admitted), session="80100001")

    assert [one.ended_by for one in stored(city)] == ["superseded", None]


def test_a_router_can_not_end_a_session_elsewhere_by_claiming_its_device(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    tell(router, START, klass(1))
    clock.advance(MINUTE)

    tell(library, START, session="80100001")
    tell(library, START, klass(1), session="80100002")
    tell(library, START, klass(9), session="80100003")

    assert stored(city)[0].ended_at is None


def test_a_device_that_logs_in_again_at_the_same_router_has_one_open_session(
    city: City, router: Router, clock: Clock
) -> None:
    tell(router, START, klass(1))
    clock.advance(MINUTE)
    tell(router, START, klass(2), session="80100015")
    tell(router, INTERIM, klass(1), since(60), *counted(7))

    assert [one.ended_by for one in stored(city)] == ["superseded", None]
    assert stored(city)[0].octets_to_device == 7, "its usage is kept all the same"


def test_a_captured_start_that_is_replayed_ends_no_newer_session(city: City, router: Router, clock: Clock) -> None:
    tell(router, START, klass(1))
    clock.advance(MINUTE)
    tell(router, STOP, klass(1), since(60))
    tell(router, START, klass(2), session="80100015")
    clock.advance(MINUTE)

    tell(router, START, klass(1))

    assert [one.ended_by for one in stored(city)] == ["stop", None]


def test_a_captured_boot_that_is_replayed_ends_nothing(city: City, router: Router, clock: Clock) -> None:
    said = int(clock.now.timestamp())
    tell(router, START, klass(1), make(Attr.EVENT_TIMESTAMP, said + 60))
    clock.advance(5 * MINUTE)
    boot = (make(Attr.ACCT_STATUS_TYPE, StatusType.ACCOUNTING_ON), make(Attr.EVENT_TIMESTAMP, said))

    assert router.ask(Packet(4, 9, bytes(16), boot)) is not None

    assert only(city).ended_at is None


# --- at its router -------------------------------------------------------------------------------------------------------


def superseded(city: City, router: Router, library: Router, clock: Clock) -> Attributes:
    """A guest is online at Alun-Alun, then lets the same device in at the library."""
    told = online(city, router)
    clock.advance(timedelta(minutes=1))
    online(city, library, "80100009")
    return told


def end_superseded(city: City) -> int:
    return control.end_superseded(city.database, keys=city.keys, now=city.clock.now)


def test_a_superseded_session_that_goes_on_is_ended_at_its_router(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    told = superseded(city, router, library, clock)
    with scripted(answer(ACK)) as box:
        hears_at(city, box)
        assert end_superseded(city) == 0, "it does not go on, as far as is known"

        clock.advance(timedelta(minutes=5))
        used(router, told, "80100001", seconds=360, octets=7)
        assert end_superseded(city) == 1

    (asked,) = box.asked
    assert asked.text(Attr.ACCT_SESSION_ID) == "80100001"


def test_a_silent_router_with_superseded_sessions_is_asked_once_a_run(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    told = superseded(city, router, library, clock)
    clock.advance(timedelta(minutes=5))
    used(router, told, "80100001", seconds=360, octets=7)

    with scripted(silence) as box:
        hears_at(city, box)
        assert end_superseded(city) == 1

    assert len(box.seen) == 1
