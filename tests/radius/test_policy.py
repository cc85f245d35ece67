"""What a guest may have, decided from what is known of them and what holds at the site: no clock, no database."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.guests.refusals import Refusal
from hotspot.radius.attributes import Attr, Attributes, MikroTik
from hotspot.radius.packet import Code
from hotspot.radius.policy import (
    Allowance,
    Cap,
    Pass,
    Refused,
    Rules,
    Speed,
    Standing,
    accept,
    decide,
    reject,
)
from hotspot.sites.hours import Hours

JAKARTA = ZoneInfo("Asia/Jakarta")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=JAKARTA)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=JAKARTA)
HOUR = timedelta(hours=1)
RULES = Rules(
    session=2 * HOUR, idle=HOUR / 4, interim=HOUR / 12, speed=Speed(2_000, 5_000), slow=Speed(256, 512), devices=2
)
BY_DAY = replace(RULES, hours=Hours(time(6), time(22)))
BY_NIGHT = replace(RULES, hours=Hours(time(18), time(2)))


def allowed(rules: Rules, standing: Standing = Standing(), now: datetime = NOON) -> Allowance:
    found = decide(rules, standing, now)
    assert isinstance(found, Allowance), found
    return found


def test_a_guest_without_history_gets_what_the_site_gives() -> None:
    assert allowed(RULES) == Allowance(2 * HOUR, HOUR / 4, HOUR / 12, Speed(2_000, 5_000), None)


def test_a_blocked_device_gets_nothing_until_then() -> None:
    assert decide(RULES, Standing(is_blocked=True), NOON) == Refused(Refusal.BLOCKED)
    assert decide(RULES, Standing(is_blocked=True, blocked_until=MIDNIGHT), NOON) == Refused(Refusal.BLOCKED, MIDNIGHT)


@pytest.mark.parametrize(
    ("rules", "hour", "opens"),
    [
        (BY_DAY, 5, NOON.replace(hour=6)),
        (BY_DAY, 22, NOON.replace(hour=6) + 24 * HOUR),
        (BY_NIGHT, 12, NOON.replace(hour=18)),
    ],
)
def test_outside_opening_hours_it_says_when_it_opens(rules: Rules, hour: int, opens: datetime) -> None:
    assert decide(rules, Standing(), NOON.replace(hour=hour)) == Refused(Refusal.CLOSED, opens)


@pytest.mark.parametrize(
    ("rules", "at", "session"),
    [
        (BY_DAY, NOON.replace(hour=6), 2 * HOUR),
        (BY_DAY, NOON.replace(hour=21), HOUR),
        (BY_NIGHT, NOON.replace(hour=23), 2 * HOUR),
        (BY_NIGHT, NOON.replace(hour=1), HOUR),
        (replace(RULES, hours=Hours(time(6), time(6))), NOON.replace(hour=3), 2 * HOUR),
    ],
)
def test_no_session_lasts_beyond_closing_time(rules: Rules, at: datetime, session: timedelta) -> None:
    assert allowed(rules, now=at).session == session


def test_half_a_minute_before_closing_is_closed() -> None:
    late = NOON.replace(hour=21, minute=59, second=30)

    assert decide(BY_DAY, Standing(), late) == Refused(Refusal.CLOSED, NOON.replace(hour=6) + 24 * HOUR)


def test_one_device_more_than_the_guest_may_have_is_refused() -> None:
    assert allowed(RULES, Standing(other_devices=1))
    assert decide(RULES, Standing(other_devices=2), NOON) == Refused(Refusal.TOO_MANY_DEVICES)


def test_the_days_time_is_shared_by_its_sessions_and_ends_at_midnight() -> None:
    rules = replace(RULES, day=3 * HOUR)

    assert allowed(rules, Standing(online_today=HOUR)).session == 2 * HOUR
    assert allowed(rules, Standing(online_today=2.5 * HOUR)).session == HOUR / 2
    assert decide(rules, Standing(online_today=3 * HOUR), NOON) == Refused(Refusal.DAY_TIME_USED, MIDNIGHT)


def test_used_up_data_makes_it_slow_where_there_is_a_slow_speed() -> None:
    rules = replace(RULES, day_octets=1_000)

    assert allowed(rules, Standing(octets_today=999)).speed == RULES.speed
    assert allowed(rules, Standing(octets_today=1_000)).speed == RULES.slow
    assert allowed(rules, Standing(octets_today=5_000)).octets is None


def test_used_up_data_cuts_where_there_is_none() -> None:
    rules = replace(RULES, day_octets=1_000, slow=None, session_octets=600)

    assert allowed(rules, Standing(octets_today=100)).octets == 600
    assert allowed(rules, Standing(octets_today=700)).octets == 300
    assert decide(rules, Standing(octets_today=1_000), NOON) == Refused(Refusal.DAY_DATA_USED, MIDNIGHT)


def held(**more: object) -> Standing:
    """Somebody with a pass that is good for a week."""
    return Standing(held=Pass(**{"valid_for": 7 * 24 * HOUR, **more}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"is_here": False}, Refusal.PASS_ELSEWHERE),
        ({"valid_for": timedelta(seconds=59)}, Refusal.PASS_OVER),
        ({"time": timedelta(seconds=59)}, Refusal.PASS_TIME_USED),
        ({"time": -HOUR}, Refusal.PASS_TIME_USED),
        ({"octets": 0}, Refusal.PASS_DATA_USED),
        ({"octets": -5}, Refusal.PASS_DATA_USED),
    ],
)
def test_who_has_a_pass_is_refused_when_nothing_is_left_of_it(more: dict[str, object], refusal: Refusal) -> None:
    assert decide(RULES, held(**more), NOON) == Refused(refusal)


def test_a_session_lasts_no_longer_and_moves_no_more_than_is_left_of_the_pass() -> None:
    assert allowed(RULES, held()).session == 2 * HOUR, "one session stays as long as the site has it"
    assert allowed(RULES, held(time=HOUR)).session == HOUR
    assert allowed(RULES, held(valid_for=HOUR / 2, time=HOUR)).session == HOUR / 2
    assert allowed(RULES, held(octets=700)).octets == 700
    assert allowed(replace(RULES, session_octets=600), held(octets=700)).octets == 600


def test_what_a_pass_gives_takes_the_place_of_what_the_site_gives_everybody_a_day() -> None:
    rules = replace(RULES, day=HOUR, day_octets=1_000)
    tired = Standing(online_today=HOUR, octets_today=1_000, other_devices=3)

    rich = replace(tired, held=Pass(24 * HOUR, time=5 * HOUR, octets=5_000, devices=4, speed=Speed(9, 9)))
    found = allowed(rules, rich)

    assert (found.session, found.octets, found.speed, found.is_slow) == (2 * HOUR, 5_000, Speed(9, 9), False)
    bare = replace(tired, held=Pass(24 * HOUR, devices=4))
    assert decide(rules, bare, NOON) == Refused(Refusal.DAY_TIME_USED, MIDNIGHT), "what it leaves open is the site's"


def test_a_pass_opens_no_blocked_device_and_no_closed_site() -> None:
    assert decide(BY_NIGHT, held(), NOON) == Refused(Refusal.CLOSED, NOON.replace(hour=18))
    assert decide(RULES, replace(held(), is_blocked=True), NOON) == Refused(Refusal.BLOCKED)


def test_a_cap_bounds_one_session_below_everything_else() -> None:
    capped = Standing(cap=Cap(HOUR / 12, 500))

    assert (allowed(RULES, capped).session, allowed(RULES, capped).octets) == (HOUR / 12, 500)
    assert allowed(replace(RULES, session=HOUR / 15, session_octets=400), capped).octets == 400
    assert allowed(replace(RULES, session=HOUR / 15), capped).session == HOUR / 15


@given(
    st.builds(
        Standing,
        is_blocked=st.booleans(),
        other_devices=st.integers(0, 5),
        online_today=st.timedeltas(timedelta(), 30 * HOUR),
        octets_today=st.integers(0, 1 << 50),
        held=st.none()
        | st.builds(
            Pass,
            valid_for=st.timedeltas(-HOUR, 2 * HOUR),
            is_here=st.booleans(),
            time=st.none() | st.timedeltas(-HOUR, 3 * HOUR),
            octets=st.none() | st.integers(-10, 1 << 40),
            devices=st.none() | st.integers(1, 4),
        ),
        cap=st.builds(Cap, st.none() | st.timedeltas(HOUR / 60, HOUR), st.none() | st.integers(1, 1 << 40)),
    ),
    st.none() | st.builds(Hours, st.times(), st.times()),
    st.none() | st.timedeltas(HOUR / 12, 24 * HOUR),
    st.none() | st.integers(1, 1 << 40),
    st.sampled_from([None, Speed(64, 64)]),
    st.datetimes(timezones=st.sampled_from([JAKARTA, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Jayapura")])),
)
def test_whatever_is_known_the_answer_stays_within_the_rules(
    standing: Standing,
    hours: Hours | None,
    day: timedelta | None,
    octets: int | None,
    slow: Speed | None,
    now: datetime,
) -> None:
    rules = replace(RULES, hours=hours, day=day, day_octets=octets, slow=slow)

    found = decide(rules, standing, now)

    if isinstance(found, Refused):
        assert found.until is None or found.until > now
        return
    assert timedelta(minutes=1) <= found.session <= rules.session
    held, cap = standing.held, standing.cap
    has_own_time = held is not None and held.time is not None
    assert day is None or has_own_time or standing.online_today + found.session <= day
    assert standing.other_devices < ((held and held.devices) or rules.devices)
    assert found.octets is None or found.octets > 0
    assert found.session <= (cap.time or found.session)
    assert found.octets is not None or cap.octets is None
    assert cap.octets is None or found.octets <= cap.octets  # type: ignore[operator]  # it isn't None, as was just seen
    if held is not None:
        assert held.is_here
        assert found.session <= min(held.valid_for, held.time or found.session)
        assert held.octets is None or (found.octets is not None and found.octets <= held.octets)
    assert accept(UUID(int=1), found).code == Code.ACCESS_ACCEPT


def test_an_accept_carries_its_limits_and_the_admission() -> None:
    told = Attributes(accept(UUID(int=7), replace(allowed(RULES), octets=5 << 32 | 9)).attributes)

    assert told.integer(Attr.SESSION_TIMEOUT) == 7_200
    assert told.integer(Attr.ACCT_INTERIM_INTERVAL) == 300
    assert told.text(MikroTik.RATE_LIMIT) == "2000k/5000k"
    assert told.integer64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS) == 5 << 32 | 9
    assert told.octets(Attr.CLASS) == UUID(int=7).bytes


def test_an_accept_without_a_data_limit_carries_none() -> None:
    assert MikroTik.TOTAL_LIMIT not in Attributes(accept(UUID(int=7), allowed(RULES)).attributes)


def test_a_reject_carries_its_words() -> None:
    answer = reject(Refusal.CLOSED, "Closed.")

    assert answer.code == Code.ACCESS_REJECT
    assert Attributes(answer.attributes).text(Attr.REPLY_MESSAGE) == "Closed."
