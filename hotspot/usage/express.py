"""The express way of a batch of reports into the database: prepared statements with their values, for who can pipeline them.

What it does is what `ingest.record` does, cheaper. Most reports are of sessions that this process has stored before and only grew:
they need no more than an UPDATE by the row's number. A batch that needs anything out of the ordinary, and one whose rows turn out not
to be as they were remembered, goes the long way; storing a batch twice changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from hotspot import arrays
from hotspot.statements import Prepared, Step, prepared
from hotspot.usage.counters import Counting, Report
from hotspot.usage.endings import SUPERSEDE, superseding
from hotspot.usage.ingest import SAVE_REPORTS, needs_the_long_way, place, rounds_of, values_of

MOST_KNOWN: Final = 131_072
"""Open sessions remembered, some 40 MB; then everything is forgotten and learnt again."""

HOUR: Final = timedelta(hours=1)

GROWN: Final[dict[str, tuple[str, Callable[[Iterable[Any]], str]]]] = {
    "last_seen_at": ("timestamptz", arrays.moments),
    "router_time": ("timestamptz", arrays.moments),
    "seconds": ("bigint", arrays.numbers),
    "octets_from_device": ("bigint", arrays.numbers),
    "octets_to_device": ("bigint", arrays.numbers),
    "packets_from_device": ("bigint", arrays.numbers),
    "packets_to_device": ("bigint", arrays.numbers),
}
"""What an interim report of a known session can change, as long as it stays within the hour."""

GROW: Final = f"""
    WITH grown AS (
        UPDATE guest_session AS known SET {", ".join(f"{name} = GREATEST(known.{name}, report.{name})" for name in GROWN)}
        FROM unnest(%(ids)s::bigint[], {", ".join(f"%({name})s::{kind}[]" for name, (kind, _) in GROWN.items())})
            AS report (id, {", ".join(GROWN)})
        WHERE known.id = report.id AND known.ended_by IS NULL AND known.suspicion IS NULL
            AND known.last_seen_at >= %(hour)s::timestamptz AND known.last_seen_at < %(hour)s::timestamptz + interval '1 hour'
        RETURNING 1
    ), noted AS (
        INSERT INTO usage_dirty (since, until) VALUES (%(hour)s::timestamptz, %(hour)s::timestamptz)
    )
    SELECT count(*) FROM grown
"""  # noqa: S608  (names of ours)


STATEMENTS: Final[Mapping[str, Prepared]] = {
    "save": prepared(SAVE_REPORTS),
    "supersede": prepared(SUPERSEDE),
    "grow": prepared(GROW),
}


class Batch(NamedTuple):
    """What to execute, and what to hold the result against: how many rows must have grown, and which reports were saved."""

    steps: Sequence[Step]
    grown: Sequence[Report]
    saved: Mapping[tuple[int, str], Report]


Rows = Sequence[Sequence[bytes]]
"""What a statement returned, in text form."""


class _Known(NamedTuple):
    """A stored session: its row, the earliest start it was given, the hour it was last seen in, and what growing can't change."""

    row: int
    started_at: datetime
    hour: datetime
    address: str | None
    counting: int


class Express:
    """Plan batches, and remember the rows that they made; used by one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], _Known] = {}

    def plan(self, reports: Sequence[Report]) -> Batch | None:
        """Return how to store these reports, None when they need the long way."""
        if any(needs_the_long_way(report) for report in reports):
            return None
        rounds = rounds_of(reports)
        if len(rounds) != 1:
            return None
        hour = rounds[0][0].hour
        end = hour + HOUR
        rows: list[tuple[int, Report]] = []
        saved: list[Report] = []
        for report in rounds[0]:
            row = self._row_that_grows(report, hour) if hour <= report.last_seen_at < end else None
            if row is None:
                saved.append(report)
            else:
                rows.append((row, report))
        rows.sort(key=_row)  # so that two writers don't wait for each other in a ring
        grown = [report for _, report in rows]
        steps = [*_saving(saved), *_growing(rows, grown, hour)]
        return Batch(steps, grown, {(report.router_id, str(report.session_key)): report for report in saved})

    def learn(self, batch: Batch, rows: Iterable[tuple[int, int, str]]) -> None:
        """Remember the rows that the batch's `save` returned: router, row number, session key."""
        for router_id, row, key in rows:
            report = batch.saved[router_id, key]
            identity = place(report)
            if report.ended_at is not None:
                self._known.pop(identity, None)
                continue
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            before = self._known.get(identity)
            started_at = report.started_at if before is None else min(report.started_at, before.started_at)
            self._known[identity] = _Known(row, started_at, report.hour, report.address, report.counting)

    def judge(self, batch: Batch, results: Sequence[Rows]) -> bool:
        """Learn from what a committed batch returned; False, and all forgotten, when a row was not as remembered."""
        for step, rows in zip(batch.steps, results, strict=True):
            if step.statement == "save":
                self.learn(batch, [(int(row[0]), int(row[1]), row[2].decode()) for row in rows])
            elif step.statement == "grow" and int(rows[0][0]) != len(batch.grown):
                self.forget_batch(batch)  # it is committed, which does no harm
                return False
        return True

    def forget_batch(self, batch: Batch) -> None:
        """Forget the sessions of a batch that was not stored, or not as it was planned."""
        self.forget([*batch.grown, *batch.saved.values()])

    def forget(self, reports: Iterable[Report]) -> None:
        """Forget these sessions: their rows were not as remembered, or may not be."""
        for report in reports:
            self._known.pop(place(report), None)

    def _row_that_grows(self, report: Report, hour: datetime) -> int | None:
        if report.ended_at is not None or report.start_seen_at is not None or report.suspicion is not None:
            return None
        known = self._known.get((report.router_id, report.session_key.int))
        if known is None or known.hour != hour or report.started_at < known.started_at:
            return None
        if report.address != known.address or not report.counting == known.counting == Counting.GIGAWORDS:
            return None
        return known.row


def _row(pair: tuple[int, Report]) -> int:
    return pair[0]


def _saving(saved: Sequence[Report]) -> list[Step]:
    if not saved:
        return []
    steps = [_step("save", values_of(saved))]
    starts = [report for report in saved if report.start_seen_at is not None]
    if starts:
        steps.append(_step("supersede", superseding(starts)))
    return steps


def _growing(rows: Sequence[tuple[int, Report]], grown: Sequence[Report], hour: datetime) -> list[Step]:
    if not rows:
        return []
    values = {name: write([getattr(report, name) for report in grown]) for name, (_, write) in GROWN.items()}
    return [_step("grow", values | {"ids": arrays.numbers(row for row, _ in rows), "hour": hour.isoformat()})]


def _step(statement: str, values: Mapping[str, str]) -> Step:
    return STATEMENTS[statement].step(statement, values)
