"""One attempt to change a router: made under safe mode, looked at on a new connection, kept or taken back.

However it is cut, the router ends at what it was or at what was wanted. While safe mode holds, the router goes back by itself; what was
kept already, batches of a long plan and files, is taken back as soon as it can be reached again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from hotspot.errors import Conflict, HotspotError
from hotspot.routers import changing, deadman, health, importing
from hotspot.routers.changes import Actual, Change, Set
from hotspot.routers.changing import FieldsOf, likeness, rows_of
from hotspot.routers.connection import Connection, RouterRefused, RouterUnreachable
from hotspot.routers.ledger import Outcome

log = structlog.get_logger()

# Seconds before each look at a router that was lost: it goes back at the latest when its TCP gives up, after 9 minutes.
WAITS: Final = (0.0, 2.0, 5.0, 10.0, *(30.0,) * 20)

Report = Callable[[str], None]
Step = Callable[[Connection, Change, FieldsOf], None]


class Unwell(Conflict):
    """{problems}"""


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach the router anew, and how to let seconds pass."""

    enter: Callable[[], Connection]
    wait: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be done, how it is undone, and how one knows where the router is. `counters` are RADIUS' before it was begun."""

    changes: Sequence[Change] = field(repr=False)
    undo: Sequence[Change] = field(repr=False)
    fields_of: FieldsOf = field(repr=False)
    fields_back: FieldsOf = field(repr=False)
    step: Step
    before: Mapping[str, str]
    menus: Sequence[str]
    is_reached: Callable[[Actual], bool]
    portal: str
    may_fetch: bool
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, why not as wanted or what is not proven, and the rows at the end, where they could be read.

    `line_broke`: it failed because the router was not reached any more; that may be the change's doing, or a line that comes and goes.
    """

    outcome: Outcome
    reason: str = ""
    after: Actual | None = field(default=None, repr=False)
    line_broke: bool = False


def carry_out(way: Way, attempt: Attempt, connection: Connection, report: Report) -> Ending:
    """Make the attempt; whatever stands in its way, also a mistake of ours, has an ending."""
    try:
        deadman.disarm(connection)  # of a run before, which is settled
        attempt = replace(attempt, counters=health.answers_of(connection))
        return _made(way, attempt, connection, report)
    except Exception as error:  # noqa: BLE001  (what nobody has thought of must not leave a router half-way; `_words` logs it)
        why = _words(error)
        with suppress(Exception):
            changing.let_go_back(connection)
        report(f"going back: {why}")
        return replace(recover(way, attempt, why), line_broke=isinstance(error, RouterUnreachable))
    finally:
        connection.close()


def _made(way: Way, attempt: Attempt, connection: Connection, report: Report) -> Ending:
    """1. A batch under safe mode. 2. On a new connection: is the router well? 3. Keep the batch. At the end: is it what was wanted?

    What is kept of several batches is undone by the router itself unless the last one is kept, too.
    """
    ending = Ending(Outcome.CONFIRMED, after={})
    done = 0
    batches = list(changing.batches(attempt.changes))
    for batch in batches:
        changing.take(connection)
        if len(batches) > 1:
            _arm(connection, attempt, report)  # in safe mode: what a cut takes back is the schedule of the batch before
        for change in batch:
            attempt.step(connection, change, attempt.fields_of)
        done += len(batch)
        report(f"{done} of {len(attempt.changes)} changes made; checking on a new connection")
        with closing(way.enter()) as fresh:
            ending = _well(way, fresh, attempt)
        if done == len(attempt.changes) and not attempt.is_reached(ending.after or {}):
            raise Unwell(problems="the router took every change and is still not as wanted")
        if done == len(attempt.changes):
            deadman.disarm(connection)  # in safe mode, so that it goes together with what it would undo
        changing.release(connection)
    return ending


def _arm(connection: Connection, attempt: Attempt, report: Report) -> None:
    try:
        deadman.arm(connection, attempt.undo, attempt.fields_back)
    except RouterRefused as refused:
        report(f"this router can't undo kept changes by itself if we are lost: {refused.facts['problem']}")


def _well(way: Way, connection: Connection, attempt: Attempt) -> Ending:
    """Return how it ends if it ends here; raises Unwell."""
    growth = _growth(way, connection, attempt)
    problems = health.problems(connection, growth, portal=attempt.portal, may_fetch=attempt.may_fetch)
    if problems:
        raise Unwell(problems="; ".join(problems))
    rows = rows_of(connection, attempt.menus)
    return Ending(Outcome.CONFIRMED, "" if health.is_answered(growth) else health.NOT_PROVEN, rows)


def _growth(way: Way, connection: Connection, attempt: Attempt) -> dict[str, int]:
    """A guest's log-in is worth waiting for where a RADIUS server that was in use has changed."""
    is_patient = any(isinstance(change, Set) and change.menu == health.RADIUS for change in attempt.changes)
    return health.growth_of(connection, attempt.counters, way.wait, is_patient=is_patient)


def _words(error: Exception) -> str:
    if isinstance(error, HotspotError):
        return str(error)
    log.error("a run met a mistake of ours", exc_info=error)
    return f"a mistake of ours ({type(error).__name__}; the log has more)"


def recover(way: Way, attempt: Attempt, why: str) -> Ending:
    """Find out where a router is that was lost or is unwell, and bring it to where it was."""
    for seconds in WAITS:
        way.wait(seconds)
        try:
            with closing(way.enter()) as connection:
                ending = _settle(way, connection, attempt, why)
                deadman.disarm(connection)
                return ending
        except RouterUnreachable:
            continue
        except Exception as error:  # noqa: BLE001  (somebody else answers, or doesn't know us, or says what can't be)
            return Ending(Outcome.LOST, f"{why}; and {_words(error)}")
    return Ending(Outcome.LOST, f"{why}; and it does not answer any more")


def _settle(way: Way, connection: Connection, attempt: Attempt, why: str) -> Ending:
    """1. Nothing is held any more. 2. It is as before, 3. or as wanted and well, 4. or what remains is taken back."""
    try:
        changing.let_go_back(connection)
        importing.clear(connection)
        rows = rows_of(connection, attempt.menus)
        if likeness(rows) != attempt.before and attempt.is_reached(rows):
            with suppress(Unwell):
                return _well(way, connection, attempt)
        _take_back(connection, attempt, rows)
        rows = rows_of(connection, attempt.menus)
    except RouterUnreachable:
        raise
    except Exception as error:  # noqa: BLE001  (the run must end; `_words` logs it)
        return Ending(Outcome.FAILED, f"{why}; and going back: {_words(error)}")
    if likeness(rows) == attempt.before:
        return Ending(Outcome.ROLLED_BACK, why, rows)
    return Ending(Outcome.FAILED, f"{why}; and it is not quite what it was before", rows)


def _take_back(connection: Connection, attempt: Attempt, rows: Actual) -> None:
    """Undo the changes in those menus that are not as they were."""
    differing = {path for path, text in likeness(rows).items() if text != attempt.before[path]}
    remaining = [change for change in attempt.undo if change.menu in differing]
    for batch in changing.batches(remaining):
        changing.take(connection)
        for change in batch:
            changing.take_back(connection, change, attempt.fields_back)
        changing.release(connection)
