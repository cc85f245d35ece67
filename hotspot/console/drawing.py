"""Bar charts as geometry: values in, percentages of the drawing's width and height out. Pure.

The template makes an SVG of it, so that a chart needs no script; where Chart.js is, it draws `Chart.plain` anew on a canvas.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

SMALL = (2, 4, 6, 8)  # tops whose half is whole as well: the axis has a line at the half
NICE = (10, 12, 14, 16, 20, 24, 30, 40, 50, 60, 80)  # the same for each power of ten
LEAST_HEIGHT = 1.0  # percent; little is not nothing
GAP = 0.28  # of a slot's width


@dataclass(frozen=True, slots=True)
class Segment:
    """One coloured piece of a bar."""

    name: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One slot of the time axis. `values` are None for slots that are still to come."""

    label: str
    title: str
    x: str
    middle: str
    width: str
    values: tuple[int | None, ...]
    texts: tuple[str, ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing: `lines` are heights with their labels, `ticks` the bars that are named below the axis."""

    name: str
    parts: tuple[str, ...]
    top: int
    bars: tuple[Bar, ...]
    lines: tuple[tuple[str, str], ...]
    ticks: tuple[Bar, ...]

    @property
    def plain(self) -> dict[str, object]:
        """Return what a script needs to draw the same."""
        return {
            "top": self.top,
            "lines": [label for _, label in self.lines],
            "labels": [bar.label for bar in self.bars],
            "titles": [bar.title for bar in self.bars],
            "step": tick_step(len(self.bars)),
            "parts": [
                {
                    "name": part,
                    "values": [bar.values[number] for bar in self.bars],
                    "texts": [bar.texts[number] for bar in self.bars],
                }
                for number, part in enumerate(self.parts)
            ],
        }

    @property
    def highest(self) -> Bar | None:
        """Return the tallest bar; None when there is nothing to see."""
        tallest = max(self.bars, key=_total, default=None)
        return tallest if tallest is not None and _total(tallest) else None


@dataclass(frozen=True, slots=True)
class Slot:
    """What is to be drawn at one place of the axis: a short label, a full one, a value for each part."""

    label: str
    title: str
    values: tuple[int | None, ...]


def draw(name: str, parts: Sequence[str], slots: Sequence[Slot], say: Callable[[int | None], str]) -> Chart:
    """Lay out a bar for each slot, its parts on top of each other; `say` writes a value."""
    top = nice_top(max((sum(value or 0 for value in slot.values) for slot in slots), default=0))
    width = 100 / max(1, len(slots))
    bars = tuple(
        Bar(
            label=slot.label,
            title=slot.title,
            x=_percent(width * (number + GAP / 2)),
            middle=_percent(width * (number + 0.5)),
            width=_percent(width * (1 - GAP)),
            values=slot.values,
            texts=tuple(say(value) for value in slot.values),
            segments=_segments(parts, slot.values, top),
        )
        for number, slot in enumerate(slots)
    )
    lines = tuple((_percent(100 - 100 * part / 2), say(top * part // 2)) for part in (1, 2))
    return Chart(name, tuple(parts), top, bars, lines, bars[:: tick_step(len(bars))])


def nice_top(highest: int) -> int:
    """Return a round even number that is not below `highest`."""
    power = 1
    tops: tuple[int, ...] = SMALL
    while highest > tops[-1]:
        tops = tuple(nice * power for nice in NICE)
        power *= 10
    return next(top for top in tops if top >= highest)


def tick_step(slots: int) -> int:
    """Return how many slots lie between two names on the axis: few enough names for a phone."""
    if slots <= 7:
        return 1
    return 3 if slots <= 25 else 5


def _segments(parts: Sequence[str], values: Sequence[int | None], top: int) -> tuple[Segment, ...]:
    segments = []
    floor = 100.0
    for part, value in zip(parts, values, strict=True):
        if value:
            height = max(LEAST_HEIGHT, 100 * value / top)
            floor -= height
            segments.append(Segment(part, _percent(floor), _percent(height)))
    return tuple(segments)


def _total(bar: Bar) -> int:
    return sum(value or 0 for value in bar.values)


def _percent(value: float) -> str:
    return f"{value:.2f}%"
