"""One attempt to change a router: made under safe mode, looked at on a new connection, kept or taken back.

However it is cut, the router ends at what it was or at what was wanted. While safe mode holds, the router goes back by itself; what was
kept already, batches of a long plan and files, is taken back as soon as it can be reached again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from hotspot.errors import Conflict, HotspotError
from hotspot.routers import changing, health, importing
from hotspot.routers.changes import Actual, Change
from hotspot.routers.changing import FieldsOf, likeness, rows_of
from hotspot.routers.connection import Connection, RouterUnreachable
from hotspot.routers.ledger import Outcome

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
    """What is to be done, how it is undone, and how one knows where the router is."""

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


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, why not as wanted, and the rows at the end, where they could be read.

    `line_broke`: it failed because the router was not reached any more; that may be the change's doing, or a line that comes and goes.
    """

    outcome: Outcome
    reason: str = ""
    after: Actual | None = field(default=None, repr=False)
    line_broke: bool = False


def carry_out(way: Way, attempt: Attempt, connection: Connection, report: Report) -> Ending:
    """1. A batch under safe mode. 2. On a new connection: is the router well? 3. Keep the batch. At the end: is it what was wanted?"""
    after: Actual = {}
    done = 0
    try:
        for batch in changing.batches(attempt.changes):
            changing.take(connection)
            for change in batch:
                attempt.step(connection, change, attempt.fields_of)
            done += len(batch)
            report(f"{done} of {len(attempt.changes)} changes made; checking on a new connection")
            after = _checked(way, attempt, is_last=done == len(attempt.changes))
            changing.release(connection)
    except HotspotError as error:
        with suppress(HotspotError):
            changing.let_go_back(connection)
        report(f"going back: {error}")
        return replace(recover(way, attempt, str(error)), line_broke=isinstance(error, RouterUnreachable))
    finally:
        connection.close()
    return Ending(Outcome.CONFIRMED, after=after)


def _checked(way: Way, attempt: Attempt, *, is_last: bool) -> Actual:
    with closing(way.enter()) as fresh:
        rows = _well(fresh, attempt)
    if is_last and not attempt.is_reached(rows):
        raise Unwell(problems="the router took every change and is still not as wanted")
    return rows


def _well(connection: Connection, attempt: Attempt) -> Actual:
    problems = health.problems(connection, portal=attempt.portal, may_fetch=attempt.may_fetch)
    if problems:
        raise Unwell(problems="; ".join(problems))
    return rows_of(connection, attempt.menus)


def recover(way: Way, attempt: Attempt, why: str) -> Ending:
    """Find out where a router is that was lost or is unwell, and bring it to where it was."""
    for seconds in WAITS:
        way.wait(seconds)
        try:
            with closing(way.enter()) as connection:
                return _settle(connection, attempt, why)
        except RouterUnreachable:
            continue
        except HotspotError as error:  # somebody else answers, or doesn't know us
            return Ending(Outcome.LOST, f"{why}; and {error}")
    return Ending(Outcome.LOST, f"{why}; and it does not answer any more")


def _settle(connection: Connection, attempt: Attempt, why: str) -> Ending:
    """1. Nothing is held any more. 2. It is as before, 3. or as wanted and well, 4. or what remains is taken back."""
    try:
        changing.let_go_back(connection)
        importing.clear(connection)
        rows = rows_of(connection, attempt.menus)
        if likeness(rows) != attempt.before and attempt.is_reached(rows):
            with suppress(Unwell):
                return Ending(Outcome.CONFIRMED, after=_well(connection, attempt))
        _take_back(connection, attempt, rows)
        rows = rows_of(connection, attempt.menus)
    except RouterUnreachable:
        raise
    except HotspotError as error:
        return Ending(Outcome.FAILED, f"{why}; and going back: {error}")
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
