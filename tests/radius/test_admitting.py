"""Who is let in and with what, asked over real UDP: allowances, devices of one guest, known devices, blocked ones."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from hotspot.guests.models import Admission
from hotspot.guests.service import (
    Login,
    Presented,
    block_device,
    give_consent,
    issue_credential,
    redeem,
    unblock_device,
)
from hotspot.guests.terms import current, ensure_default_terms, packaged_texts, publish
from hotspot.radius.attributes import Attr, Attributes, MikroTik, StatusType, make
from hotspot.radius.packet import Code, Packet, chap_password, sign_request
from hotspot.radius.server import RadiusServer
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from hotspot.usage.endings import reap_all
from hotspot.usage.service import forget_names
from tests.radius.radius_city import (
    GINA_MAC,
    OTHER_MAC,
    PERPUSTAKAAN,
    City,
    Clock,
    Router,
)

MINUTE = timedelta(minutes=1)
GIGA = 10**9


def rule(city: City, site: str = "alun-alun", **settings: Any) -> None:
    """Decide settings for a site; the test's server reads them afresh each time."""
    with city.database.writing() as db:
        place = db.get_one(Site, city.sites[site])
        for key, value in settings.items():
            give(db, place, key, value)


def agree(
    city: City, mac: str = GINA_MAC, *, guest: UUID | None = None, site: str = "alun-alun", used: bool = False
) -> Login:
    """A device's owner agrees to the terms that hold, and gets a credential; `used`: and was let in with it."""
    with city.database.writing() as db:
        ensure_default_terms(db, city.clock.now)
        consent = give_consent(
            db,
            device_id=city.device(mac),
            guest_id=guest,
            site_id=city.sites[site],
            terms_sha256=current(db, "public", city.clock.now).sha256,
            language="en",
            now=city.clock.now,
        )
        login = issue_credential(db, consent, keys=city.keys, now=city.clock.now)
        if used:
            presented = Presented(login.credential_id, city.sites[site], city.device(mac))
            assert redeem(db, [presented], now=city.clock.now)
        return login


def known_device(router: Router, mac: str = GINA_MAC, *, name: str | None = None, chap: bool = False) -> Packet:
    """What RouterOS asks by itself for a device it sees (login-by=mac): the address is name and, by default, password."""
    request = router.access_request(Login(uuid4(), ""), mac=mac)
    user = name or mac
    proof = (
        (make(Attr.CHAP_CHALLENGE, bytes(16)), make(Attr.CHAP_PASSWORD, chap_password(3, user.encode(), bytes(16))))
        if chap
        else ()
    )
    kept = tuple(one for one in request.attributes if one[0] not in (Attr.USER_NAME, Attr.USER_PASSWORD))
    return Packet(1, request.identifier, request.authenticator, (make(Attr.USER_NAME, user), *proof, *kept))


def accepted(reply: Packet | None) -> Attributes:
    assert reply is not None
    told = Attributes(reply.attributes)
    assert reply.code == Code.ACCESS_ACCEPT, told.text(Attr.REPLY_MESSAGE)
    return told


def refused(reply: Packet | None) -> str:
    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT
    return Attributes(reply.attributes).text(Attr.REPLY_MESSAGE) or ""


def admissions(city: City) -> list[Admission]:
    with city.database.reading() as db:
        return list(db.exec(select(Admission).order_by(Admission.decided_at)))  # type: ignore[arg-type]


def used(router: Router, told: Attributes, session: str, *, seconds: int, octets: int, **more: Any) -> Packet | None:
    klass = told.octets(Attr.CLASS)
    assert klass is not None
    counters = (
        make(Attr.ACCT_SESSION_TIME, seconds),
        make(Attr.ACCT_OUTPUT_OCTETS, octets),
        make(Attr.ACCT_OUTPUT_GIGAWORDS, 0),
    )
    status = more.pop("status", StatusType.INTERIM_UPDATE)
    return router.ask(router.report(status, session, make(Attr.CLASS, klass), *counters, **more))


@pytest.fixture
def library(radius: RadiusServer) -> Iterator[Router]:
    with Router(radius, PERPUSTAKAAN, name="perpus-1") as router:
        yield router


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


# --- known devices ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chap", [False, True])
def test_a_known_device_is_let_in_at_every_site_without_a_page(
    city: City, router: Router, library: Router, *, chap: bool
) -> None:
    accepted(router.ask(router.access_request(agree(city))))

    told = accepted(library.ask(known_device(library, chap=chap)))

    klass = told.octets(Attr.CLASS)
    (mine,) = [one for one in admissions(city) if one.id.bytes == klass]
    assert mine.site_id == city.sites["perpustakaan"]
    assert mine.device_id == city.device(GINA_MAC)
    assert mine.user_name is not None
    assert GINA_MAC.encode() not in mine.user_name
    assert city.keys.unseal(mine.user_name, context=f"admission:{mine.id}") == GINA_MAC


def test_a_consent_that_no_router_followed_up_makes_nobody_known(city: City, router: Router) -> None:
    """Anybody can press the button with somebody else's address in the link."""
    agree(city)

    assert refused(router.ask(known_device(router)))


def test_a_device_that_agreed_to_two_documents_is_known_where_either_holds(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    agree(city, used=True)
    clock.advance(MINUTE)
    rule(city, "perpustakaan", terms="library")
    with city.database.writing() as db:
        other = publish(db, "library", packaged_texts("public") | {"xx": packaged_texts("public")["en"]}, clock.now)
        facts = {"device_id": city.device(GINA_MAC), "site_id": city.sites["perpustakaan"], "now": clock.now}
        consent = give_consent(db, terms_sha256=other.sha256, language="en", **facts)
        login = issue_credential(db, consent, keys=city.keys, now=clock.now)
        redeem(db, [Presented(login.credential_id, facts["site_id"], facts["device_id"])], now=clock.now)

    accepted(router.ask(known_device(router)))
    accepted(library.ask(known_device(library)))


def test_a_stranger_is_sent_to_the_portal(city: City, router: Router) -> None:
    assert refused(router.ask(known_device(router))) == "Silakan setujui ketentuan penggunaan terlebih dahulu."
    assert [one.refusal for one in admissions(city)] == ["no_consent"]


def test_a_device_is_remembered_for_as_long_as_the_site_says(city: City, router: Router, clock: Clock) -> None:
    rule(city, remember_days=2)
    agree(city, used=True)
    clock.advance(timedelta(days=2) - MINUTE)
    accepted(router.ask(known_device(router)))

    clock.advance(MINUTE)
    assert refused(router.ask(known_device(router))) == "Please agree to the terms first."


def test_a_material_change_of_the_terms_asks_again_and_a_change_of_words_does_not(
    city: City, router: Router, clock: Clock
) -> None:
    agree(city, used=True)
    texts = {language: dict(parts) for language, parts in packaged_texts("public").items()}
    for material, letter in ((False, "."), (True, "!")):
        clock.advance(MINUTE)
        with city.database.writing() as db:
            texts["en"]["summary"] += letter
            publish(db, "public", texts, clock.now, is_material=material)
        reply = router.ask(known_device(router))
        assert reply is not None
        assert reply.code == (Code.ACCESS_REJECT if material else Code.ACCESS_ACCEPT)


def test_a_known_device_has_no_more_than_its_allowance(city: City, router: Router, clock: Clock) -> None:
    rule(city, daily_minutes=10)
    told = accepted(router.ask(router.access_request(agree(city))))
    clock.advance(10 * MINUTE)
    used(router, told, "80100001", seconds=600, octets=1, status=StatusType.STOP)

    assert "used up" in refused(router.ask(known_device(router)))


def test_a_device_can_not_borrow_the_name_of_another(city: City, router: Router) -> None:
    agree(city, OTHER_MAC, used=True)

    assert refused(router.ask(known_device(router, GINA_MAC, name=OTHER_MAC)))
    assert [one.refusal for one in admissions(city)] == ["unknown_credential"]


def test_the_name_a_router_gave_is_forgotten_with_the_session(city: City, router: Router, clock: Clock) -> None:
    agree(city, used=True)
    told = accepted(router.ask(known_device(router)))
    used(router, told, "80100001", seconds=0, octets=0, status=StatusType.START)
    clock.advance(20 * MINUTE)
    with city.database.writing() as db:
        assert forget_names(db, now=clock.now) == 0, "it is still online"
    used(router, told, "80100001", seconds=1_200, octets=0, status=StatusType.STOP)

    with city.database.writing() as db:
        assert forget_names(db, now=clock.now) == 1
    assert admissions(city)[0].user_name is None


# --- blocked ------------------------------------------------------------------------------------------------------------


def test_a_blocked_device_gets_in_by_no_way_until_its_time_is_over(city: City, router: Router, clock: Clock) -> None:
    agree(city, used=True)
    login = agree(city)
    with city.database.writing() as db:
        until = clock.now + timedelta(hours=1)
        block_device(db, city.device(GINA_MAC), reason="spam", until=until, now=clock.now)

    said = "This device may not use the public Wi-Fi until 13:00."
    assert refused(router.ask(router.access_request(login))) == said
    assert refused(router.ask(known_device(router))) == said

    clock.advance(timedelta(hours=1))
    accepted(router.ask(known_device(router)))


def test_a_device_can_be_unblocked(city: City, router: Router, clock: Clock) -> None:
    agree(city, used=True)
    with city.database.writing() as db:
        block_device(db, city.device(GINA_MAC), reason="lost phone", until=None, now=clock.now)
    refused(router.ask(known_device(router)))

    with city.database.writing() as db:
        assert unblock_device(db, city.device(GINA_MAC))
        assert not unblock_device(db, city.device(GINA_MAC))
    accepted(router.ask(known_device(router)))


# --- many at once -------------------------------------------------------------------------------------------------------


def test_of_many_requests_with_one_credential_one_is_accepted(city: City, router: Router) -> None:
    login = agree(city)
    for _ in range(50):
        router.socket.sendto(sign_request(router.access_request(login), router.secret), router.server.auth_address)

    router.socket.settimeout(5)
    codes = [router.socket.recv(4096)[0] for _ in range(50)]

    assert codes.count(Code.ACCESS_ACCEPT) == 1
    assert [one.refusal for one in admissions(city)].count(None) == 1
