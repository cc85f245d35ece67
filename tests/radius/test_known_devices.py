"""Devices that come back without a page, and those that are blocked, asked for over real UDP."""

from datetime import timedelta
from uuid import uuid4

import pytest

from hotspot.guests.service import (
    Presented,
    block_device,
    give_consent,
    issue_credential,
    redeem,
    unblock_device,
)
from hotspot.guests.terms import packaged_texts, publish
from hotspot.radius.attributes import Attr, StatusType
from hotspot.radius.packet import Code
from hotspot.sites.settings import SignIn
from hotspot.usage.service import forget_names
from tests.radius.asking import MINUTE, accepted, admissions, agree, known_device, refused, rule, used
from tests.radius.radius_city import (
    GINA_MAC,
    OTHER_MAC,
    City,
    Clock,
    Router,
)

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


def test_a_device_is_known_only_where_the_way_it_signed_in_is_offered(
    city: City, router: Router, library: Router, clock: Clock
) -> None:
    """A place that wants a voucher, say, is no place for who only tapped somewhere else."""
    rule(city, "perpustakaan", sign_in="voucher,phone")
    agree(city, used=True)
    accepted(router.ask(known_device(router)))
    assert refused(library.ask(known_device(library))) == "Please agree to the terms first."

    clock.advance(MINUTE)
    agree(city, site="perpustakaan", used=True, method=SignIn.PHONE)

    accepted(library.ask(known_device(library)))
    accepted(router.ask(known_device(router)))  # by the older of its two consents

    rule(city, sign_in="resident")
    assert refused(router.ask(known_device(router))) == "Please agree to the terms first."


def test_who_signed_in_with_a_code_is_known_no_longer_than_there_is_a_pass(city: City, router: Router) -> None:
    rule(city, sign_in="voucher,resident")
    for method in (SignIn.VOUCHER, SignIn.RESIDENT):
        agree(city, guest=uuid4(), used=True, method=method)
        assert refused(router.ask(known_device(router))) == "Your code is no longer valid. Please ask for a new one."


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
