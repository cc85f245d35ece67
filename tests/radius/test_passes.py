"""Guests with a pass, and sessions with a cap, asked over real UDP."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, text
from sqlmodel import select

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.guests.models import Admission
from hotspot.guests.passes import GuestPass, end_passes
from hotspot.guests.service import forget_admissions
from hotspot.radius.attributes import Attr, MikroTik, StatusType
from hotspot.radius.control import slow_down
from hotspot.radius.overdue import end_overdue
from hotspot.sites.models import Site
from hotspot.sites.settings import SignIn
from tests.radius.asking import MINUTE, accepted, admissions, agree, known_device, refused, rule, used
from tests.radius.going_online import CHANGED, begin, hears_at
from tests.radius.radius_city import GINA_MAC, OTHER_MAC, City, Clock, Router
from tests.radius.scripted_router import ACK, answer, silence
from tests.radius.scripted_router import router as scripted

HOUR = timedelta(hours=1)
MEGA = 10**6
GONE = "Your code is no longer valid. Please ask for a new one."


def give_pass(city: City, guest: UUID, *, life: timedelta = 24 * HOUR, **more: Any) -> None:
    with city.database.writing() as db:
        now = city.clock.now
        db.add(GuestPass(**{"guest_id": guest, "begun_at": now, "valid_until": now + life, **more}))


def log_in(city: City, router: Router, guest: UUID, mac: str = GINA_MAC, **more: Any) -> Any:
    return router.ask(router.access_request(agree(city, mac, guest=guest, **more), mac=mac))


def session(city: City, router: Router, guest: UUID, name: str, mac: str = GINA_MAC) -> Any:
    told = accepted(log_in(city, router, guest, mac))
    begin(router, told, name, mac=mac)
    return told


def asked_to_end(city: City) -> int:
    return end_overdue(city.database, keys=city.keys, now=city.clock.now)


# --- log-ins -------------------------------------------------------------------------------------------------------------


def test_a_pass_counts_time_and_data_over_all_devices_since_its_first_use(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    guest = uuid4()
    give_pass(city, guest, seconds=3_600, octets=100 * MEGA, devices=2)
    told = session(city, router, guest, "80100001")
    assert (told.integer(Attr.SESSION_TIMEOUT), told.integer(MikroTik.TOTAL_LIMIT)) == (3_600, 100 * MEGA)
    clock.advance(20 * MINUTE)
    used(router, told, "80100001", seconds=1_200, octets=30 * MEGA)

    other = accepted(log_in(city, library, guest, OTHER_MAC, site="perpustakaan"))

    assert (other.integer(Attr.SESSION_TIMEOUT), other.integer(MikroTik.TOTAL_LIMIT)) == (2_400, 70 * MEGA)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"seconds": 1_200}, "The time of your code is used up. Please ask for a new one."),
        ({"octets": 30 * MEGA}, "The data of your code is used up. Please ask for a new one."),
    ],
)
def test_what_a_pass_gave_is_used_up_once_also_days_later(
    city: City, router: Router, clock: Clock, limit: dict[str, int], said: str
) -> None:
    guest = uuid4()
    give_pass(city, guest, life=30 * 24 * HOUR, **limit)
    told = session(city, router, guest, "80100001")
    clock.advance(20 * MINUTE)
    used(router, told, "80100001", seconds=1_200, octets=30 * MEGA, status=StatusType.STOP)

    assert refused(log_in(city, router, guest)) == said
    clock.advance(timedelta(days=10))
    with city.database.writing() as db:
        forget_admissions(db, before=clock.now - timedelta(days=8))
    assert refused(log_in(city, router, guest)) == said


def test_a_known_device_comes_in_without_a_page_while_its_pass_lasts(city: City, router: Router, clock: Clock) -> None:
    guest = uuid4()
    give_pass(city, guest, life=2 * HOUR)
    agree(city, guest=guest, used=True)
    assert accepted(router.ask(known_device(router))).integer(Attr.SESSION_TIMEOUT) == 7_200

    clock.advance(2 * HOUR)

    assert refused(router.ask(known_device(router))) == GONE
    assert [one.refusal for one in admissions(city)] == [None, "pass_over"]


def test_a_voucher_that_is_over_does_not_hide_that_the_device_agreed_by_one_tap(
    city: City, router: Router, clock: Clock
) -> None:
    rule(city, sign_in="one-tap,voucher", daily_minutes=60)
    agree(city, used=True)
    guest = uuid4()
    clock.advance(MINUTE)
    give_pass(city, guest, life=2 * HOUR, devices=2, up_kbps=900, down_kbps=800)
    agree(city, guest=guest, used=True, method=SignIn.VOUCHER)
    told = accepted(router.ask(known_device(router)))
    assert (told.integer(Attr.SESSION_TIMEOUT), told.text(MikroTik.RATE_LIMIT)) == (3_600, "900k/800k")

    clock.advance(2 * HOUR)

    told = accepted(router.ask(known_device(router)))
    assert told.text(MikroTik.RATE_LIMIT) != "900k/800k"
    assert [one.guest_id == guest for one in admissions(city)] == [True, False]


@pytest.mark.parametrize("of_pass", [{"seconds": 0}, {"octets": 0}, {"site": "perpustakaan"}, None])
def test_a_code_that_gives_nothing_here_gives_way_to_an_older_one_that_does(
    city: City, router: Router, clock: Clock, of_pass: dict[str, Any] | None
) -> None:
    rule(city, sign_in="resident,voucher")
    resident, other = uuid4(), uuid4()
    give_pass(city, resident)
    agree(city, guest=resident, used=True, method=SignIn.RESIDENT)
    clock.advance(MINUTE)
    if of_pass is not None:
        site = of_pass.get("site")
        give_pass(city, other, **({"site_id": city.sites[site]} if site else of_pass))
    agree(city, guest=other, used=True, method=SignIn.VOUCHER)

    accepted(router.ask(known_device(router)))

    assert [one.guest_id for one in admissions(city)] == [resident]


def test_where_no_code_is_left_the_newest_says_why(city: City, router: Router, clock: Clock) -> None:
    rule(city, sign_in="resident,voucher")
    for method, of_pass in ((SignIn.RESIDENT, {"life": timedelta()}), (SignIn.VOUCHER, {"seconds": 0})):
        guest = uuid4()
        give_pass(city, guest, **of_pass)
        agree(city, guest=guest, used=True, method=method)
        clock.advance(MINUTE)

    assert refused(router.ask(known_device(router))) == "The time of your code is used up. Please ask for a new one."


def test_devices_and_speed_of_a_pass_take_the_place_of_the_sites(city: City, router: Router) -> None:
    rule(city, devices_per_guest=3)
    guest = uuid4()
    give_pass(city, guest, devices=1, up_kbps=900, down_kbps=800)
    assert accepted(log_in(city, router, guest)).text(MikroTik.RATE_LIMIT) == "900k/800k"

    assert "Too many" in refused(log_in(city, router, guest, OTHER_MAC))


def test_a_pass_holds_at_its_site_or_in_its_area_and_nowhere_else(city: City, router: Router, library: Router) -> None:
    with city.database.writing() as db:
        kecamatan = Area(code="19.71.02", name="Taman Sari", level="kecamatan")
        db.add(kecamatan)
        db.flush()
        kelurahan = Area(code="19.71.02.1", name="Gedung Nasional", level="kelurahan", parent_id=kecamatan.id)
        db.add(kelurahan)
        db.flush()
        area, site = kecamatan.id, city.sites["alun-alun"]
        db.get_one(Site, site).area_id = kelurahan.id
    of_site, of_area = uuid4(), uuid4()
    give_pass(city, of_site, site_id=site)
    give_pass(city, of_area, area_id=area)

    for guest in (of_site, of_area):
        accepted(log_in(city, router, guest))
        assert (
            refused(log_in(city, library, guest, site="perpustakaan"))
            == "Your code is for another place. Please ask for one that is valid here."
        )


def test_a_capped_credential_bounds_its_one_session(city: City, router: Router) -> None:
    rule(city, data_megabytes=100, session_minutes=60)
    capped = agree(city, cap_seconds=300, cap_octets=5 * MEGA)

    told = accepted(router.ask(router.access_request(capped)))

    assert (told.integer(Attr.SESSION_TIMEOUT), told.integer(MikroTik.TOTAL_LIMIT)) == (300, 5 * MEGA)
    free = accepted(router.ask(router.access_request(agree(city))))
    assert (free.integer(Attr.SESSION_TIMEOUT), free.integer(MikroTik.TOTAL_LIMIT)) == (3_600, 100 * MEGA)


def test_only_guests_with_several_devices_cost_a_look_at_passes(
    city: City, router: Router, radius: object, database: Database
) -> None:
    guest = uuid4()
    give_pass(city, guest)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        accepted(router.ask(router.access_request(agree(city))))
        assert not any("guest_pass" in statement for statement in asked)
        accepted(log_in(city, router, guest))
        assert sum("guest_pass" in statement for statement in asked) == 1
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


# --- sessions that go on -------------------------------------------------------------------------------------------------


def test_sessions_of_a_pass_that_several_devices_used_up_are_ended(city: City, router: Router, clock: Clock) -> None:
    guest = uuid4()
    give_pass(city, guest, octets=100 * MEGA, devices=2)
    first = session(city, router, guest, "80100001")
    second = session(city, router, guest, "80100002", OTHER_MAC)
    clock.advance(MINUTE)
    used(router, first, "80100001", seconds=60, octets=60 * MEGA)

    with scripted(answer(ACK)) as box:
        hears_at(city, box)
        assert asked_to_end(city) == 0
        used(router, second, "80100002", seconds=60, octets=40 * MEGA, mac=OTHER_MAC)
        assert asked_to_end(city) == 2

    with city.database.reading() as db:
        assert db.get_one(GuestPass, guest).spent_at == clock.now


def test_time_that_several_devices_used_up_ends_their_sessions_too(city: City, router: Router, clock: Clock) -> None:
    guest = uuid4()
    give_pass(city, guest, seconds=100, devices=2)
    told = session(city, router, guest, "80100001")
    clock.advance(MINUTE)
    used(router, told, "80100001", seconds=60, octets=1)

    with scripted(answer(ACK)) as box:
        hears_at(city, box)
        assert asked_to_end(city) == 1


@pytest.mark.usefixtures("impatient")
def test_a_pass_that_is_taken_back_ends_what_is_open_and_no_other_session(city: City, router: Router) -> None:
    guest, other = uuid4(), uuid4()
    for one, name, mac in ((guest, "80100001", GINA_MAC), (other, "80100002", OTHER_MAC)):
        give_pass(city, one)
        session(city, router, one, name, mac)

    with city.database.writing() as db:
        end_passes(db, [guest], now=city.clock.now)

    with scripted(silence) as box:
        hears_at(city, box)
        assert asked_to_end(city) == 1
    (asked,) = box.asked
    assert asked.text(Attr.CALLING_STATION_ID) in (None, GINA_MAC)
    assert asked_to_end(city) == 1, "it is asked for again until the router says that it is over"


def test_the_sites_data_of_the_day_does_not_slow_down_who_has_data_of_their_own(city: City, router: Router) -> None:
    rule(city, daily_megabytes=100)
    rich, poor = uuid4(), uuid4()
    give_pass(city, rich, octets=900 * MEGA)
    give_pass(city, poor)
    for guest, name, mac in ((rich, "80100001", GINA_MAC), (poor, "80100002", OTHER_MAC)):
        used(router, session(city, router, guest, name, mac), name, seconds=60, octets=100 * MEGA, mac=mac)

    with scripted(CHANGED) as box:
        hears_at(city, box)
        assert slow_down(city.database, keys=city.keys, zone=ZoneInfo("Asia/Jakarta"), now=city.clock.now) == 1

    with city.database.reading() as db:
        slowed = db.exec(select(Admission.guest_id).where(text("slowed_at IS NOT NULL"))).all()
    assert slowed == [poor]
