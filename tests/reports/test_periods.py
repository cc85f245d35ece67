"""Periods are read strictly and counted in local days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.reports.figures import BadPeriod, Figures, month, parse_period

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("words", "first", "end"),
    [
        ("", date(2026, 3, 2), date(2026, 3, 3)),
        ("today", date(2026, 3, 2), date(2026, 3, 3)),
        ("yesterday", date(2026, 3, 1), date(2026, 3, 2)),
        ("7d", date(2026, 2, 24), date(2026, 3, 3)),
        ("30d", date(2026, 2, 1), date(2026, 3, 3)),
        ("2026-03", date(2026, 3, 1), date(2026, 4, 1)),
        ("2026-02", date(2026, 2, 1), date(2026, 3, 1)),
        ("2025-12", date(2025, 12, 1), date(2026, 1, 1)),
    ],
)
def test_a_period_is_whole_local_days(words: str, first: date, end: date) -> None:
    period = parse_period(words, TODAY)

    assert (period.first, period.end) == (first, end)
    assert len(period.days()) == (end - first).days


@pytest.mark.parametrize(
    "words",
    [
        "2026-04",
        "2026-13",
        "2026-00",
        "1999-12",
        "26-03",
        "2026-3",
        "2026-03\n",
        "٢٠٢٦-٠٣",
        "7 d",
        "TODAY",
        "'; --",
        "x" * 10**6,
    ],
)
def test_what_is_no_period_is_refused(words: str) -> None:
    with pytest.raises(BadPeriod):
        parse_period(words, TODAY)


@given(st.text(max_size=12), st.dates(date(2000, 2, 1), date(2099, 12, 31)))
def test_any_text_is_a_period_or_refused(words: str, today: date) -> None:
    try:
        period = parse_period(words, today)
    except BadPeriod:
        return

    assert timedelta(days=1) <= period.end - period.first <= timedelta(days=31)
    assert period.first <= today


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_day_is_in_its_month_and_the_month_reads_back(day: date) -> None:
    assert day in month(day).days()
    assert parse_period(month(day).key, day) == month(day)


def test_octets_are_unknown_only_when_neither_direction_was_reported() -> None:
    assert Figures().octets is None
    assert Figures(octets_from_device=5).octets == 5
    assert Figures(octets_from_device=5, octets_to_device=7).octets == 12
