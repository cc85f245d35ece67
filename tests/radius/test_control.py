"""Sessions in the database ended and changed at their routers, asked over real UDP."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from hotspot.radius import control, disconnect
from hotspot.radius.attributes import Attr, ErrorCause, MikroTik, StatusType, make
from hotspot.radius.control import NoSuchSession, SessionOver
from hotspot.radius.disconnect import Done, Evidence, Gone, NoAnswer
from hotspot.radius.packet import Code, Packet, RawAttribute, Secret, flaw_in_request, sign_reply
from hotspot.routers.service import rotate_secret
from hotspot.usage.endings import reap_all
from hotspot.usage.service import forget_names
from tests.radius.asking import accepted, agree, known_device, used
from tests.radius.going_online import ADDRESS, CHANGED, begin, hears_at, number_of, online
from tests.radius.radius_city import GINA_MAC, City, Clock, Router
from tests.radius.scripted_router import ACK, IMPATIENT, NAK, SECRET, Replies, answer, nak, silence
from tests.radius.scripted_router import router as scripted

pytestmark = pytest.mark.usefixtures("impatient")
UNKNOWN = nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)


def end(city: City, number: int | None = None) -> disconnect.Ending:
    return control.end(city.database, number or number_of(city), keys=city.keys, now=city.clock.now)


def change(city: City, number: int | None = None) -> disconnect.Outcome:
    hour = timedelta(hours=1)
    number = number or number_of(city)
    return control.change(
        city.database, number, keys=city.keys, now=city.clock.now, session_timeout=hour, limit="1M/2M"
    )


# --- which session, in the router's words ------------------------------------------------------------------------------


def test_a_session_is_asked_for_by_the_credential_that_let_it_in(city: City, router: Router) -> None:
    told = online(city, router)

    with scripted(answer(ACK), UNKNOWN) as box:
        hears_at(city, box)
        assert end(city) == Gone(Evidence.ROUTER)

    first, second = box.asked
    klass = told.octets(Attr.CLASS)
    assert klass is not None
    for asked in (first, second):
        assert asked.text(Attr.USER_NAME) == klass.hex()
        assert asked.text(Attr.ACCT_SESSION_ID) == "80100001"
        assert asked.address(Attr.FRAMED_IP_ADDRESS) == ADDRESS
        assert asked.text(Attr.NAS_IDENTIFIER) == "alun-alun-1"
        assert asked.moment(Attr.EVENT_TIMESTAMP) == city.clock.now


def test_the_session_of_a_known_device_is_asked_for_as_its_router_named_it(city: City, router: Router) -> None:
    agree(city, used=True)
    written = GINA_MAC.replace(":", "-").lower()  # radius-mac-format is the router's own choice
    begin(router, accepted(router.ask(known_device(router, name=written))))

    with scripted(CHANGED) as box:
        hears_at(city, box)
        assert change(city) == Done()

    (asked,) = box.asked
    assert asked.text(Attr.USER_NAME) == written
    assert asked.integer(Attr.SESSION_TIMEOUT) == 3_600
    assert asked.text(MikroTik.RATE_LIMIT) == "1M/2M"


def test_a_name_that_was_forgotten_while_the_session_seemed_lost_is_not_replaced_by_a_wrong_one(
    city: City, router: Router, clock: Clock
) -> None:
    agree(city, used=True)
    told = accepted(router.ask(known_device(router)))
    begin(router, told)
    clock.advance(timedelta(hours=1))
    with city.database.writing() as db:
        assert reap_all(db, now=clock.now) == 1
        assert forget_names(db, now=clock.now) == 1
    used(router, told, "80100001", seconds=3_600, octets=1)

    with scripted(CHANGED) as box:
        hears_at(city, box)
        change(city)

    (asked,) = box.asked
    assert Attr.USER_NAME not in asked
    assert asked.address(Attr.FRAMED_IP_ADDRESS) == ADDRESS, "RouterOS wants two attributes"


def test_a_router_that_claims_an_admission_of_another_learns_no_name(
    city: City, router: Router, library: Router
) -> None:
    agree(city, used=True)
    begin(router, accepted(library.ask(known_device(library))))

    with scripted(CHANGED) as box:
        hears_at(city, box)
        change(city)

    assert Attr.USER_NAME not in box.asked[0]


def test_a_session_that_nobody_let_in_is_asked_for_by_its_number_and_address(city: City, router: Router) -> None:
    begin(router, None)

    with scripted(CHANGED) as box:
        hears_at(city, box)
        change(city)

    (asked,) = box.asked
    assert Attr.USER_NAME not in asked
    assert (asked.text(Attr.ACCT_SESSION_ID), asked.address(Attr.FRAMED_IP_ADDRESS)) == ("80100001", ADDRESS)


def test_a_session_whose_address_was_never_told_is_asked_for_by_name(city: City, router: Router) -> None:
    told = accepted(router.ask(router.access_request(agree(city))))
    used(router, told, "80100001", seconds=0, octets=0, status=StatusType.START)

    with scripted(CHANGED) as box:
        hears_at(city, box)
        change(city)

    assert Attr.FRAMED_IP_ADDRESS not in box.asked[0]
    assert Attr.USER_NAME in box.asked[0]


# --- what comes of it --------------------------------------------------------------------------------------------------


def test_the_stop_that_a_disconnect_brings_confirms_it(city: City, router: Router) -> None:
    told = online(city, router)

    def stop(request: Packet) -> Iterable[bytes]:
        used(router, told, "80100001", seconds=9, octets=9, status=StatusType.STOP)
        return answer(ACK)(request)

    with scripted(stop) as box:
        hears_at(city, box)
        assert end(city) == Gone(Evidence.ACCOUNTING)

    assert len(box.seen) == 1


@pytest.mark.parametrize("ask", [end, change])
def test_there_is_nothing_to_ask_about_a_session_that_is_over_or_never_was(
    city: City, router: Router, ask: object
) -> None:
    assert callable(ask)
    used(router, online(city, router), "80100001", seconds=9, octets=9, status=StatusType.STOP)

    with pytest.raises(SessionOver, match="has ended already"):
        ask(city)
    with pytest.raises(NoSuchSession, match="no guest session 99"):
        ask(city, 99)


def test_a_router_that_still_has_its_previous_secret_is_asked_with_it(city: City, router: Router) -> None:
    online(city, router)
    hour = timedelta(hours=1)
    with city.database.writing() as db:
        fresh = Secret(rotate_secret(db, "alun-alun-1", overlap=hour, keys=city.keys, now=city.clock.now).encode())

    def only_if_signed_with(secret: Secret, code: Code, *attributes: RawAttribute) -> Replies:
        def reply(request: Packet) -> Iterable[bytes]:
            is_known = flaw_in_request(request, secret) is None
            return [sign_reply(request, code, attributes, secret)] if is_known else []

        return reply

    with scripted(only_if_signed_with(SECRET, Code.COA_ACK)) as box:
        hears_at(city, box)
        assert change(city) == Done()
    assert len(box.seen) == len(IMPATIENT) + 1

    not_found = make(Attr.ERROR_CAUSE, ErrorCause.SESSION_CONTEXT_NOT_FOUND)
    with scripted(only_if_signed_with(SECRET, NAK, not_found)) as box:
        hears_at(city, box)
        assert end(city) == Gone(Evidence.ROUTER)

    with scripted(only_if_signed_with(fresh, Code.COA_ACK)) as box:
        hears_at(city, box)
        assert change(city) == Done()
    assert len(box.seen) == 1


def test_a_silent_router_is_asked_with_each_secret_it_may_have_and_no_more(city: City, router: Router) -> None:
    online(city, router)

    with scripted(silence) as box:
        hears_at(city, box)
        assert end(city) == NoAnswer()
        assert len(box.seen) == len(IMPATIENT)
        assert change(city) == NoAnswer()
        assert len(box.seen) == 2 * len(IMPATIENT)


def test_a_session_that_only_seemed_lost_can_still_be_ended(city: City, router: Router, clock: Clock) -> None:
    online(city, router)
    clock.advance(timedelta(hours=2))
    with city.database.writing() as db:
        assert reap_all(db, now=clock.now) == 1

    with scripted(silence) as box:
        hears_at(city, box)
        assert isinstance(end(city), NoAnswer), "that it seems lost is no proof that it is over"
