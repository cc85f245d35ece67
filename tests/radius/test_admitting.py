"""Who is let in and with what, asked over real UDP: allowances, devices of one guest, many at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from hotspot.radius.attributes import Attr, MikroTik, StatusType
from hotspot.radius.packet import Code, sign_request
from hotspot.radius.server import RadiusServer
from hotspot.usage.endings import reap_all
from tests.radius.asking import MINUTE, accepted, admissions, agree, refused, rule, used
from tests.radius.radius_city import (
    OTHER_MAC,
    PERPUSTAKAAN,
    City,
    Clock,
    Router,
)

# --- what a guest may have ----------------------------------------------------------------------------------------------


def test_a_settings_change_holds_for_the_next_log_in(city: City, router: Router) -> None:
    rule(city, session_minutes=30, speed_up_kbps=640, speed_down_kbps=1_280)

    told = accepted(router.ask(router.access_request(agree(city))))

    assert told.integer(Attr.SESSION_TIMEOUT) == 1_800
    assert told.text(MikroTik.RATE_LIMIT) == "640k/1280k"


def test_outside_opening_hours_the_guest_is_told_when_it_opens(city: City, router: Router) -> None:
    rule(city, opening_hours="06:00-12:00")  # it is 12:00 in the site's zone

    assert (
        refused(router.ask(router.access_request(agree(city))))
        == "The Wi-Fi is closed now. It opens at 06:00 tomorrow."
    )
    assert [one.refusal for one in admissions(city)] == ["closed"]


def test_the_days_time_counts_over_all_sessions_and_sites_and_is_new_after_midnight(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    for site in ("alun-alun", "perpustakaan"):
        rule(city, site, daily_minutes=60)
    told = accepted(router.ask(router.access_request(agree(city))))
    clock.advance(40 * MINUTE)
    used(router, told, "80100001", seconds=2_400, octets=1, status=StatusType.STOP)

    told = accepted(library.ask(library.access_request(agree(city, site="perpustakaan"))))
    assert told.integer(Attr.SESSION_TIMEOUT) == 20 * 60
    clock.advance(20 * MINUTE)
    used(library, told, "80100001", seconds=1_200, octets=1, status=StatusType.STOP)
    assert refused(router.ask(router.access_request(agree(city)))) == (
        "Your time for today is used up. You can connect again at 00:00 tomorrow."
    )

    clock.advance(timedelta(hours=12))
    assert accepted(router.ask(router.access_request(agree(city)))).integer(Attr.SESSION_TIMEOUT) == 3_600


def test_what_was_used_before_midnight_does_not_count_for_today(city: City, router: Router, clock: Clock) -> None:
    rule(city, daily_megabytes=1_000, slow_down_kbps=None)
    clock.advance(timedelta(hours=11, minutes=30))  # 23:30
    told = accepted(router.ask(router.access_request(agree(city))))
    clock.advance(20 * MINUTE)
    used(router, told, "80100001", seconds=1_200, octets=900_000_000)
    clock.advance(20 * MINUTE)
    used(router, told, "80100001", seconds=2_400, octets=1_100_000_000, status=StatusType.STOP)

    left = accepted(router.ask(router.access_request(agree(city)))).integer(MikroTik.TOTAL_LIMIT)

    assert left == 800_000_000


def test_used_up_data_makes_the_next_session_slow_by_default(city: City, router: Router, clock: Clock) -> None:
    rule(city, daily_megabytes=100)
    told = accepted(router.ask(router.access_request(agree(city))))
    clock.advance(5 * MINUTE)
    used(router, told, "80100001", seconds=300, octets=100_000_000, status=StatusType.STOP)

    assert accepted(router.ask(router.access_request(agree(city)))).text(MikroTik.RATE_LIMIT) == "256k/512k"


def test_a_site_with_settings_that_can_not_be_used_refuses_its_own_guests_alone(
    city: City, router: Router, library: Router
) -> None:
    rule(city, session_minutes=30)
    with city.database.writing() as db:
        db.execute(text("""UPDATE setting SET value = '"soon"'"""))

    assert (
        refused(router.ask(router.access_request(agree(city)))) == "This place is not ready yet. Please tell its staff."
    )
    assert accepted(library.ask(library.access_request(agree(city, site="perpustakaan"))))


# --- devices of one guest -----------------------------------------------------------------------------------------------


def test_a_place_is_taken_at_the_accept_and_free_again_after_the_stop(city: City, router: Router, clock: Clock) -> None:
    rule(city, devices_per_guest=1)
    guest = uuid4()
    told = accepted(router.ask(router.access_request(agree(city, guest=guest))))
    other = agree(city, OTHER_MAC, guest=guest)
    assert "Too many" in refused(router.ask(router.access_request(other, mac=OTHER_MAC)))

    used(router, told, "80100001", seconds=0, octets=0, status=StatusType.START)
    clock.advance(MINUTE)
    other = agree(city, OTHER_MAC, guest=guest)
    assert "Too many" in refused(router.ask(router.access_request(other, mac=OTHER_MAC)))

    used(router, told, "80100001", seconds=60, octets=9, status=StatusType.STOP)
    accepted(router.ask(router.access_request(agree(city, OTHER_MAC, guest=guest), mac=OTHER_MAC)))


def test_the_same_device_coming_back_takes_no_second_place(city: City, router: Router) -> None:
    rule(city, devices_per_guest=1)
    guest = uuid4()

    for _ in range(2):
        accepted(router.ask(router.access_request(agree(city, guest=guest))))


def test_a_place_whose_session_never_came_or_was_lost_is_free_again(city: City, router: Router, clock: Clock) -> None:
    rule(city, devices_per_guest=1, interim_seconds=60)
    guest = uuid4()
    accepted(router.ask(router.access_request(agree(city, guest=guest))))
    clock.advance(3 * MINUTE)

    told = accepted(router.ask(router.access_request(agree(city, OTHER_MAC, guest=guest), mac=OTHER_MAC)))

    used(router, told, "80100001", seconds=0, octets=0, status=StatusType.START, mac=OTHER_MAC)
    clock.advance(4 * MINUTE)
    assert "Too many" in refused(router.ask(router.access_request(agree(city, guest=guest))))
    with city.database.writing() as db:
        assert reap_all(db, now=clock.now) == 1
    accepted(router.ask(router.access_request(agree(city, guest=guest))))


def test_many_devices_of_one_guest_asking_at_once_get_as_many_places_as_there_are(
    city: City, radius: RadiusServer
) -> None:
    rule(city, devices_per_guest=3)
    rule(city, "perpustakaan", devices_per_guest=3)
    guest = uuid4()

    def ask(number: int) -> bool:
        mac = f"BC:24:11:00:01:{number:02X}"
        site, address = (("alun-alun", "127.0.0.2"), ("perpustakaan", PERPUSTAKAAN))[number % 2]
        login = agree(city, mac, guest=guest, site=site)
        with Router(radius, address, name="router") as router:
            reply = router.ask(router.access_request(login, mac=mac))
        assert reply is not None
        return reply.code == Code.ACCESS_ACCEPT

    with ThreadPoolExecutor(12) as phones:
        won = list(phones.map(ask, range(24)))

    assert won.count(True) == 3


# --- many at once -------------------------------------------------------------------------------------------------------


def test_of_many_requests_with_one_credential_one_is_accepted(city: City, router: Router) -> None:
    login = agree(city)
    for _ in range(50):
        router.socket.sendto(sign_request(router.access_request(login), router.secret), router.server.auth_address)

    router.socket.settimeout(5)
    codes = [router.socket.recv(4096)[0] for _ in range(50)]

    assert codes.count(Code.ACCESS_ACCEPT) == 1
    assert [one.refusal for one in admissions(city)].count(None) == 1
