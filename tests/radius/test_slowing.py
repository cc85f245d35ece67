"""Sessions slowed down at their routers once their guests have used up the day's data, asked over real UDP."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from hotspot.guests.models import Admission
from hotspot.radius import control
from hotspot.radius.attributes import Attr, Attributes, ErrorCause, MikroTik, StatusType
from hotspot.radius.control import slow_down
from hotspot.radius.packet import Code, Packet, Secret
from hotspot.usage.endings import reap_all
from hotspot.usage.models import GuestSession
from tests.radius.asking import rule, used
from tests.radius.going_online import CHANGED, hears_at, online
from tests.radius.radius_city import GINA_MAC, OTHER_MAC, PERPUSTAKAAN, SECRETS, City, Clock, Router
from tests.radius.scripted_router import answer, nak, silence
from tests.radius.scripted_router import router as scripted

pytestmark = pytest.mark.usefixtures("impatient")
ZONE = ZoneInfo("Asia/Jakarta")
MEGA = 10**6
THEIR_SECRET = Secret(SECRETS[PERPUSTAKAAN].encode())


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
