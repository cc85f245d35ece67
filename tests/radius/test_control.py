"""Sessions in the database ended, changed and slowed down at their routers, asked over real UDP."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from hotspot.guests.models import Admission
from hotspot.radius import control, disconnect
from hotspot.radius.attributes import Attr, Attributes, ErrorCause, MikroTik, StatusType, make
from hotspot.radius.control import NoSuchSession, SessionOver, slow_down
from hotspot.radius.disconnect import Done, Evidence, Gone, NoAnswer
from hotspot.radius.packet import Code, Packet, RawAttribute, Secret, flaw_in_request, sign_reply
from hotspot.radius.server import RadiusServer
from hotspot.routers.models import Router as RegisteredRouter
from hotspot.routers.service import rotate_secret
from hotspot.usage.endings import reap_all
from hotspot.usage.models import GuestSession
from hotspot.usage.service import forget_names
from tests.radius.radius_city import GINA_MAC, OTHER_MAC, PERPUSTAKAAN, SECRETS, City, Clock, Router
from tests.radius.scripted_router import (
    ACK,
    NAK,
    SECRET,
    Replies,
    ScriptedRouter,
    answer,
    nak,
    silence,
)
from tests.radius.scripted_router import (
    router as scripted,
)
from tests.radius.test_admitting import accepted, agree, known_device, rule, used

ZONE = ZoneInfo("Asia/Jakarta")
MEGA = 10**6
WAITS = (0.2, 0.8)  # seconds; the second is for a busy machine
ADDRESS = IPv4Address("10.5.50.2")
CHANGED = answer(Code.COA_ACK)
UNKNOWN = nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
THEIR_SECRET = Secret(SECRETS[PERPUSTAKAAN].encode())


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("disconnect_and_verify", "change"):
        monkeypatch.setattr(disconnect, name, partial(getattr(disconnect, name), waits=WAITS))


@pytest.fixture
def library(radius: RadiusServer) -> Iterator[Router]:
    with Router(radius, PERPUSTAKAAN, name="perpus-1") as router:
        yield router


def hears_at(city: City, box: ScriptedRouter, name: str = "alun-alun-1") -> None:
    """Register where the router takes Disconnect and CoA."""
    with city.database.writing() as db:
        registered = db.exec(select(RegisteredRouter).where(RegisteredRouter.name == name)).one()
        registered.coa_port = box.socket.getsockname()[1]


def begin(router: Router, told: Attributes | None, session: str = "80100001", *, mac: str = GINA_MAC) -> None:
    """Report the Start of what was let in; without an Accept, of a session that nobody let in."""
    klass = () if told is None else (make(Attr.CLASS, told.octets(Attr.CLASS) or b""),)
    address = make(Attr.FRAMED_IP_ADDRESS, ADDRESS)
    assert router.ask(router.report(StatusType.START, session, *klass, address, mac=mac)) is not None


def online(city: City, router: Router, session: str = "80100001", *, mac: str = GINA_MAC) -> Attributes:
    """A guest agrees, is let in with a credential and begins a session."""
    site = "alun-alun" if router.name == "alun-alun-1" else "perpustakaan"
    told = accepted(router.ask(router.access_request(agree(city, mac, site=site), mac=mac)))
    begin(router, told, session, mac=mac)
    return told


def number_of(city: City, session: str = "80100001") -> int:
    with city.database.reading() as db:
        row = db.exec(select(GuestSession).where(GuestSession.acct_session_id == session)).one()
        assert row.id is not None
        return row.id


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
    assert len(box.seen) == len(WAITS) + 1

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
        assert len(box.seen) == len(WAITS)
        assert change(city) == NoAnswer()
        assert len(box.seen) == 2 * len(WAITS)


# --- the day's data is used up -----------------------------------------------------------------------------------------


def slowed(city: City) -> int:
    return slow_down(city.database, keys=city.keys, zone=ZONE, now=city.clock.now)


def use_up(city: City, router: Router, session: str = "80100001", *, mac: str = GINA_MAC) -> Attributes:
    """Begin a session and move 100 MB in it."""
    told = online(city, router, session, mac=mac)
    used(router, told, session, seconds=60, octets=100 * MEGA, mac=mac)
    return told


def test_a_session_is_slowed_down_once_when_its_guest_has_used_up_the_days_data(
    city: City, router: Router, clock: Clock
) -> None:
    rule(city, daily_megabytes=100)
    use_up(city, router)

    with scripted(CHANGED) as box:
        hears_at(city, box)
        assert slowed(city) == 1
        assert slowed(city) == 0

    (asked,) = box.asked
    assert asked.text(MikroTik.RATE_LIMIT) == "256k/512k"
    assert Attr.SESSION_TIMEOUT not in asked
    with city.database.reading() as db:
        assert db.exec(select(Admission.slowed_at)).all() == [clock.now]


def test_data_of_all_of_a_guests_sessions_today_counts(city: City, router: Router, library: Router) -> None:
    rule(city, daily_megabytes=150)
    used(router, use_up(city, router), "80100001", seconds=90, octets=100 * MEGA, status=StatusType.STOP)
    told = online(city, router, "80100002")

    with scripted(CHANGED) as box:
        hears_at(city, box)
        used(router, told, "80100002", seconds=60, octets=49 * MEGA)
        assert slowed(city) == 0
        used(router, told, "80100002", seconds=120, octets=50 * MEGA)
        assert slowed(city) == 1


def test_what_was_moved_before_midnight_slows_nobody_down(city: City, router: Router, clock: Clock) -> None:
    rule(city, daily_megabytes=100, session_minutes=1_440)
    told = use_up(city, router)
    clock.advance(timedelta(hours=13))  # 01:00
    used(router, told, "80100001", seconds=46_800, octets=101 * MEGA)

    assert slowed(city) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"daily_megabytes": 100, "slow_down_kbps": None},
        {"daily_megabytes": 100, "slow_up_kbps": None},
        {"daily_megabytes": 101},
        {"data_megabytes": 100},
    ],
)
def test_where_no_slow_speed_or_no_daily_limit_holds_nobody_is_slowed_down(
    city: City, router: Router, given: dict[str, int | None]
) -> None:
    rule(city, **given)
    use_up(city, router)

    with scripted(CHANGED) as box:
        hears_at(city, box)
        assert slowed(city) == 0

    assert box.seen == []


def test_nobody_online_is_nobody_slowed_down(city: City) -> None:
    assert slowed(city) == 0


def test_a_site_with_settings_that_can_not_be_used_is_passed_over_by_the_clock(
    city: City, router: Router, clock: Clock
) -> None:
    rule(city, daily_megabytes=100)
    use_up(city, router)
    with city.database.writing() as db:
        db.execute(text("""UPDATE setting SET value = '"much"'"""))

    assert slowed(city) == 0
    clock.advance(timedelta(hours=1))
    with city.database.writing() as db:
        assert reap_all(db, now=clock.now) == 0, "nobody can say what is late there"


def test_a_session_that_was_let_in_slow_is_not_asked_about(city: City, router: Router) -> None:
    rule(city, daily_megabytes=100)
    used(router, use_up(city, router), "80100001", seconds=90, octets=100 * MEGA, status=StatusType.STOP)
    again = online(city, router, "80100002")
    assert again.text(MikroTik.RATE_LIMIT) == "256k/512k"

    with scripted(CHANGED) as box:
        hears_at(city, box)
        assert slowed(city) == 0

    assert box.seen == []


def test_a_silent_router_is_left_alone_until_the_next_run(city: City, router: Router) -> None:
    rule(city, daily_megabytes=100)
    use_up(city, router)
    use_up(city, router, "80100002", mac=OTHER_MAC)

    with scripted(silence) as box:
        hears_at(city, box)
        assert slowed(city) == 0
    assert len(box.seen) == 1, "one of the two, once, and not the other"

    with scripted(CHANGED) as box:
        hears_at(city, box)
        assert slowed(city) == 2


def test_a_silent_router_keeps_no_other_router_waiting(
    city: City, router: Router, library: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST_SLOWED", 2)
    for site in ("alun-alun", "perpustakaan"):
        rule(city, site, daily_megabytes=100)
    for number in range(4):
        use_up(city, router, f"8010000{number}", mac=f"BC:24:11:00:01:0{number}")
    use_up(city, library, "80100009", mac=OTHER_MAC)

    with scripted(silence) as dark, scripted(answer(Code.COA_ACK, secret=THEIR_SECRET), host=PERPUSTAKAAN) as box:
        hears_at(city, dark)
        hears_at(city, box, "perpus-1")
        assert slowed(city) == 1

    assert len(box.seen) == 1


def test_a_session_that_its_router_refuses_to_change_keeps_no_other_waiting(city: City, router: Router) -> None:
    rule(city, daily_megabytes=100)
    use_up(city, router)
    use_up(city, router, "80100002", mac=OTHER_MAC)

    with scripted(nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND, Code.COA_NAK), CHANGED) as box:
        hears_at(city, box)
        assert slowed(city) == 1

    assert len(box.seen) == 2


def test_a_session_that_ends_meanwhile_is_passed_over(city: City, router: Router) -> None:
    rule(city, daily_megabytes=100)
    use_up(city, router)
    use_up(city, router, "80100002", mac=OTHER_MAC)

    def end_the_other(request: Packet) -> Iterable[bytes]:
        asked = Attributes(request.attributes).text(Attr.ACCT_SESSION_ID)
        with city.database.writing() as db:
            for other in db.exec(select(GuestSession).where(col(GuestSession.acct_session_id) != asked)):
                other.ended_at, other.ended_by = datetime.now(UTC), "stop"
        return CHANGED(request)

    with scripted(end_the_other) as box:
        hears_at(city, box)
        assert slowed(city) == 1

    assert len(box.seen) == 1


# --- superseded, and still there ---------------------------------------------------------------------------------------


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


def test_a_session_that_only_seemed_lost_can_still_be_ended(city: City, router: Router, clock: Clock) -> None:
    online(city, router)
    clock.advance(timedelta(hours=2))
    with city.database.writing() as db:
        assert reap_all(db, now=clock.now) == 1

    with scripted(silence) as box:
        hears_at(city, box)
        assert isinstance(end(city), NoAnswer), "that it seems lost is no proof that it is over"
