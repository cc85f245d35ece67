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
from hotspot.radius.policy import Allowance, Hours, Refused, Rules, Speed, Standing, accept, decide, reject

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


@given(
    st.builds(
        Standing,
        is_blocked=st.booleans(),
        other_devices=st.integers(0, 5),
        online_today=st.timedeltas(timedelta(), 30 * HOUR),
        octets_today=st.integers(0, 1 << 50),
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
    assert day is None or standing.online_today + found.session <= day
    assert standing.other_devices < rules.devices
    assert found.octets is None or found.octets > 0
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
