"""When information is shown, and until when that is sure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.portal.schedule import SLOT, Schedule

ZONE = ZoneInfo("Asia/Jakarta")
START = datetime(2026, 3, 1, tzinfo=UTC)


def at(day: int, time: str) -> datetime:
    """A time in March 2026 by the city's clock; the 2nd is a Monday."""
    return datetime.fromisoformat(f"2026-03-{day:02}T{time}:00").replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("day", "time", "holds"),
    [
        (2, "07:59", False),
        (2, "08:00", True),
        (2, "14:59", True),
        (2, "15:00", False),
        (6, "08:00", True),
        (7, "10:00", False),
        (8, "10:00", False),
        (9, "10:00", True),
    ],
)
def test_it_is_shown_on_its_weekdays_at_its_hours_of_the_city(day: int, time: str, holds: bool) -> None:
    schedule = Schedule(START, weekdays="12345", hours="08:00-15:00")

    assert schedule.holds(1, at(day, time), ZONE) is holds


@pytest.mark.parametrize(
    ("day", "time", "holds"),
    [(2, "21:59", False), (2, "22:00", True), (3, "03:59", True), (3, "04:00", False), (3, "22:30", False)],
)
def test_hours_over_midnight_belong_to_the_day_they_begin_on(day: int, time: str, holds: bool) -> None:
    assert Schedule(START, weekdays="1", hours="22:00-04:00").holds(1, at(day, time), ZONE) is holds


def test_it_is_shown_from_its_start_until_its_end() -> None:
    schedule = Schedule(at(2, "10:00"), at(2, "11:00"))

    held = [schedule.holds(1, at(2, time), ZONE) for time in ("09:59", "10:00", "10:59", "11:00")]

    assert held == [False, True, True, False]


@pytest.mark.parametrize("share", [1, 25, 33, 50, 99, 100])
def test_it_has_its_part_of_the_time(share: int) -> None:
    schedule = Schedule(START, share=share)

    held = sum(schedule.holds(7, START + slot * SLOT, ZONE) for slot in range(1000))

    assert held == share * 10


def test_four_that_share_the_time_take_turns() -> None:
    schedule = Schedule(START, share=25)

    for slot in range(100):
        assert sum(schedule.holds(key, START + slot * SLOT, ZONE) for key in range(1, 5)) == 1


@given(
    starts=st.integers(-3_000, 3_000),
    lasts=st.none() | st.integers(1, 5_000),
    weekdays=st.sets(st.sampled_from("1234567"), min_size=1),
    hours=st.sampled_from(["", "08:00-15:00", "22:00-04:00", "00:00-00:00", "06:30-06:31"]),
    share=st.integers(1, 100),
    key=st.integers(1, 1000),
    minute=st.integers(0, 20_000),
)
def test_nothing_changes_before_it_is_said_to(
    starts: int, lasts: int | None, weekdays: set[str], hours: str, share: int, key: int, minute: int
) -> None:
    begin = START + timedelta(minutes=starts)
    end = None if lasts is None else begin + timedelta(minutes=lasts)
    schedule = Schedule(begin, end, "".join(sorted(weekdays)), hours, share)
    now = START + timedelta(minutes=minute, seconds=7)

    until = schedule.changes_at(now, ZONE)

    assert now < until <= now + timedelta(days=1)
    held = schedule.holds(key, now, ZONE)
    step = max((until - now) / 40, timedelta(seconds=1))
    moments = [now + step * number for number in range(40) if now + step * number < until]
    assert all(schedule.holds(key, moment, ZONE) is held for moment in [*moments, until - timedelta(microseconds=1)])
