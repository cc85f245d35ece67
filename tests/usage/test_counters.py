"""Reports are joined, never added: order, repetition and grouping make no difference."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspot.usage.counters import (
    LARGEST_COUNTER,
    LONGEST_DELAY,
    LONGEST_SESSION,
    Report,
    happened_at,
    join,
    join_all,
    plausible_counter,
    plausible_seconds,
)
from tests.conftest import NOW
from tests.usage.by_hand import Mark, marks
from tests.usage.reports import reports, some_reports
from tests.world import make_report

HOUR = timedelta(hours=1)

any_split = st.lists(st.integers(0, 3), min_size=12, max_size=12)


def groups(found: Sequence[Report], split: Sequence[int]) -> list[list[Report]]:
    return [[report for report, group in zip(found, split, strict=False) if group == number] for number in range(4)]


one_session = reports(sessions=1)
few = settings(max_examples=40)


@few
@given(one_session, one_session)
def test_joining_is_commutative(one: Report, other: Report) -> None:
    assert join(one, other) == join(other, one)


@few
@given(one_session, one_session, one_session)
def test_joining_is_associative(one: Report, other: Report, third: Report) -> None:
    assert join(join(one, other), third) == join(one, join(other, third))


@few
@given(one_session, one_session)
def test_joining_again_changes_nothing(one: Report, other: Report) -> None:
    assert join(one, one) == one
    assert join(join(one, other), other) == join(one, other)


@few
@given(some_reports(), st.randoms(use_true_random=False), any_split)
def test_any_order_repetition_and_grouping_ends_in_the_same(
    found: list[Report], random: object, split: list[int]
) -> None:
    expected = join_all(found)
    shuffled = [*found, *found[::2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    in_groups = [report for group in groups(shuffled, split * 3) for report in join_all(group).values()]

    assert join_all(in_groups) == expected
    assert list(join_all(in_groups)) == sorted(expected)
    assert sorted(marks(shuffled), key=repr) == sorted(marks(found), key=repr)


def test_the_first_stop_is_the_end_and_totals_never_go_down() -> None:
    start = make_report(started_at=NOW, down=0, up=0)
    stop = start._replace(
        last_seen_at=NOW + HOUR, ended_at=NOW + HOUR, end_cause=1, octets_to_device=900, octets_from_device=90
    )
    late = start._replace(last_seen_at=NOW + HOUR / 2, octets_to_device=500, octets_from_device=100)
    second_stop = stop._replace(last_seen_at=NOW + 2 * HOUR, ended_at=NOW + 2 * HOUR, end_cause=4)

    (joined,) = join_all([second_stop, late, stop, start]).values()

    assert (joined.ended_at, joined.end_cause) == (NOW + HOUR, 1)
    assert joined.last_seen_at == NOW + 2 * HOUR
    assert (joined.octets_to_device, joined.octets_from_device) == (900, 100)


@pytest.mark.parametrize(("causes", "cause"), [((1, 4), 1), ((None, 4), None), ((4, 4), 4)])
def test_of_two_stops_at_one_instant_the_lower_cause_stays(causes: tuple[int | None, ...], cause: int | None) -> None:
    one, other = (
        make_report(started_at=NOW, stopped=True, end_cause=cause, session_key=UUID(int=1)) for cause in causes
    )

    assert join(one, other).end_cause == join(other, one).end_cause == cause


def test_an_hour_is_marked_with_the_highest_counters_of_its_reports() -> None:
    key = UUID(int=1)
    at = {minutes: NOW + timedelta(minutes=minutes) for minutes in (0, 20, 59, 60)}
    found = [
        make_report(started_at=at[0], session_key=key),
        make_report(started_at=at[0], session_key=key, seen_after=at[20] - at[0], down=700, up=None),
        make_report(started_at=at[0], session_key=key, seen_after=at[59] - at[0], down=600, up=10),
        make_report(started_at=at[0], session_key=key, seen_after=at[60] - at[0], down=900, up=20),
    ]

    assert marks(found) == [Mark((1, key), NOW, 10, 700), Mark((1, key), NOW + HOUR, 20, 900)]


@pytest.mark.parametrize(
    ("value", "kept"),
    [(None, None), (-1, None), (0, 0), (LARGEST_COUNTER, LARGEST_COUNTER), (LARGEST_COUNTER + 1, None)],
)
def test_a_counter_that_can_not_be_is_not_known(value: int | None, kept: int | None) -> None:
    assert plausible_counter(value) == kept


def test_a_session_time_of_more_than_a_week_is_noise() -> None:
    week = int(LONGEST_SESSION.total_seconds())

    assert [plausible_seconds(value) for value in (None, -1, 0, week, week + 1)] == [None, None, 0, week, None]


def test_a_delayed_report_happened_earlier_if_the_delay_is_believable() -> None:
    received = datetime(2026, 3, 2, tzinfo=UTC)
    longest = int(LONGEST_DELAY.total_seconds())

    assert happened_at(received, None) == happened_at(received, 0) == received
    assert happened_at(received, 60) == received - timedelta(minutes=1)
    assert happened_at(received, longest) == received - LONGEST_DELAY
    assert happened_at(received, longest + 1) == received
