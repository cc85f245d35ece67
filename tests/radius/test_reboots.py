"""A router that starts anew ends its own sessions of before, and nothing else."""

from datetime import timedelta

import pytest

from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.radius.packet import Packet
from tests.radius.radius_city import OTHER_MAC, City, Clock, Router
from tests.radius.session_words import INTERIM, MINUTE, START, STOP, counted, klass, only, since, stored, tell


def test_the_first_session_of_a_new_boot_ends_those_of_the_boot_before(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    tell(router, START, klass(1), session="80100014")
    tell(router, START, klass(2), session="80100015", mac=OTHER_MAC)
    tell(library, START, klass(3), session="80100014", mac="BC:24:11:00:00:03")
    clock.advance(MINUTE)
    tell(router, INTERIM, klass(1), since(60), *counted(5), session="80100014")
    seen_at = clock.now
    clock.advance(MINUTE)

    tell(router, START, klass(4), session="80200001", mac="BC:24:11:00:00:04")

    assert [(one.acct_session_id, one.ended_by) for one in stored(city)] == [
        ("80100014", "reboot"),
        ("80100015", "reboot"),
        ("80100014", None),
        ("80200001", None),
    ]
    assert stored(city)[0].ended_at == seen_at, "at its last sight"
    assert stored(city)[0].octets_to_device == 5, "with its last counters"


def test_a_late_start_from_before_the_boot_ends_nothing_of_the_new_one(
    city: City, router: Router, clock: Clock
) -> None:
    tell(router, START, klass(1), session="80200001")
    clock.advance(MINUTE)
    tell(router, START, klass(2), make(Attr.ACCT_DELAY_TIME, 120), session="80100014", mac=OTHER_MAC)
    tell(router, START, klass(3), session="80200002", mac="BC:24:11:00:00:03")

    assert [(one.acct_session_id, one.ended_by) for one in stored(city)] == [
        ("80200001", None),
        ("80100014", "reboot"),
        ("80200002", None),
    ]


@pytest.mark.parametrize("status", [StatusType.ACCOUNTING_ON, StatusType.ACCOUNTING_OFF])
def test_a_router_that_says_it_starts_or_stops_ends_its_own_sessions_alone(
    city: City, router: Router, library: Router, clock: Clock, status: StatusType
) -> None:
    tell(router, START, klass(1))
    tell(library, START, klass(2), mac=OTHER_MAC)
    clock.advance(MINUTE)
    packet = Packet(4, 9, bytes(16), (make(Attr.ACCT_STATUS_TYPE, status), make(Attr.NAS_IDENTIFIER, "perpus-1")))

    assert router.ask(packet) is not None

    assert [one.ended_by for one in stored(city)] == ["reboot", None]


def test_a_retransmitted_boot_does_not_end_what_began_after_it(city: City, router: Router, clock: Clock) -> None:
    tell(router, START, klass(1))
    clock.advance(timedelta(seconds=3, milliseconds=900))
    said = (make(Attr.ACCT_STATUS_TYPE, StatusType.ACCOUNTING_ON), make(Attr.ACCT_DELAY_TIME, 3))

    assert router.ask(Packet(4, 9, bytes(16), said)) is not None

    assert only(city).ended_at is None


def test_a_session_id_used_again_after_a_reboot_is_another_session(city: City, router: Router, clock: Clock) -> None:
    tell(router, STOP, klass(1), since(60), *counted(5))
    tell(router, STOP, klass(2), since(60), *counted(6))
    tell(router, INTERIM, since(60), *counted(7))  # without Class: the device and the start tell it apart
    clock.advance(timedelta(hours=3))
    tell(router, INTERIM, since(60), *counted(8))
    tell(router, STOP, since(62), *counted(9))

    assert [one.octets_to_device for one in stored(city)] == [5, 6, 7, 9]
