"""Bars fit their frame, whatever the values."""

from hypothesis import given
from hypothesis import strategies as st

from hotspot.console.drawing import Slot, draw, nice_top, tick_step

VALUES = st.one_of(st.none(), st.integers(0, 2**63 - 1))


def percent(text: str) -> float:
    assert text.endswith("%")
    return float(text[:-1])


@given(st.integers(0, 2**64))
def test_the_top_of_the_axis_is_even_and_near(highest: int) -> None:
    top = nice_top(highest)

    assert top % 2 == 0
    assert highest <= top <= max(2, 2 * highest)


@given(st.lists(st.tuples(VALUES, VALUES), max_size=31))
def test_bars_stay_inside_and_in_order(values: list[tuple[int | None, int | None]]) -> None:
    chart = draw("data", ("down", "up"), [Slot("x", "x", pair) for pair in values], str)

    right = 0.0
    for bar in chart.bars:
        assert percent(bar.x) >= right - 0.02
        right = percent(bar.x) + percent(bar.width)
        assert right <= 100.02
        assert all(percent(segment.y) >= -1.1 for segment in bar.segments)
        assert sum(percent(segment.height) for segment in bar.segments) <= 102.1
    assert (chart.highest is None) == (not any(value for pair in values for value in pair))


def test_little_is_not_nothing() -> None:
    chart = draw("devices", ("devices",), [Slot("a", "a", (1,)), Slot("b", "b", (10_000,)), Slot("c", "c", (0,))], str)

    assert [len(bar.segments) for bar in chart.bars] == [1, 1, 0]
    assert percent(chart.bars[0].segments[0].height) >= 1


def test_a_phone_has_room_for_the_names_on_the_axis() -> None:
    for slots in range(1, 32):
        assert len(range(0, slots, tick_step(slots))) <= 9


def test_scripts_get_what_the_drawing_shows() -> None:
    chart = draw("data", ("down", "up"), [Slot("a", "A", (6, 2)), Slot("b", "B", (None, None))], str)

    assert chart.plain == {
        "top": 8,
        "lines": ["4", "8"],
        "labels": ["a", "b"],
        "titles": ["A", "B"],
        "step": 1,
        "parts": [
            {"name": "down", "values": [6, None], "texts": ["6", "None"]},
            {"name": "up", "values": [2, None], "texts": ["2", "None"]},
        ],
    }
