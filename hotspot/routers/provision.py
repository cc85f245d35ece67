"""Plan, apply, confirm, roll back: a router made what its site says it should be.

A plan is made from what the router shows, and kept. Applying it makes sure that nothing has changed since, takes a copy of the
configuration, and makes one attempt (see `attempt`); there is one at a time for each router. What was before and after is kept with
every run. A run whose end nobody saw, because the router or this process was lost, is settled by `confirm`.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import psycopg

from hotspot.errors import Conflict
from hotspot.routers import captive_api, checks, ledger
from hotspot.routers import plan as planning
from hotspot.routers.attempt import Attempt, Ending, Report, Way, carry_out, recover
from hotspot.routers.changes import Actual, Add, Change, Plan, Set, fields_to_send, to_json
from hotspot.routers.changing import let_go_back, likeness, make, rows_of, take_back
from hotspot.routers.connection import Connection
from hotspot.routers.copies import keep_copy
from hotspot.routers.decided import raise_unless_decided, raise_unless_undoable
from hotspot.routers.desired import Desired
from hotspot.routers.facts import Finding, clock_error, facts_of, preflight
from hotspot.routers.importing import filled
from hotspot.routers.ledger import Outcome, PlanState
from hotspot.routers.menus import MENUS
from hotspot.routers.minutes import Minutes
from hotspot.routers.models import Router
from hotspot.routers.runs import ProvisionPlan, ProvisionRun
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means, Subject, enter, subject_of, wanted
from hotspot.routers.undo import inverse
from hotspot.routers.values import RouterFacts

RUN_LOCK: Final = 0x70726F76  # "prov", with the router's number: one run at a time on each
MOVING: Final = Finding(
    "It has not moved to its tunnel address yet, and RADIUS answers it there only: hotspot jobs list", stops=False
)


class NotReady(Conflict):
    """{router} isn't ready: {findings}"""


class RouterChanged(Conflict):
    """{router} isn't any more what it was when this was planned; plan again and look at the difference"""


class WantedChanged(Conflict):
    """What {router} should be has changed since this was planned; plan again and look at the difference"""


class UnderWay(Conflict):
    """Something else is being done on {router} right now; try again when that is over"""


@dataclass(frozen=True, slots=True)
class Look:
    """What a router is and what it should be."""

    facts: RouterFacts
    findings: Sequence[Finding]
    desired: Desired
    rows: Actual = field(repr=False)


@dataclass(frozen=True, slots=True)
class Planned:
    """A kept plan; an empty one is not kept and has no id."""

    id: UUID | None
    plan: Plan
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A run that is over; `line_broke` as in `attempt.Ending`."""

    run: int
    outcome: Outcome
    reason: str
    line_broke: bool = False


# --- plan ----------------------------------------------------------------------------------------------------------------


def make_plan(
    means: Means,
    name: str,
    *,
    made_by: str,
    accept: Sequence[str] = (),
    only: Sequence[str] = (),
    state: PlanState = PlanState.OPEN,
) -> Planned:
    """Compare a router with what it should be, `only` in some menus or in all, and keep the difference. Nothing is changed.

    Raises:
        NoSuchRouter, NotManaged, NotPlaced: there is no such router to plan for.
        NotReady: a person has to do something first.
        RouterUnreachable: it does not answer.
    """
    planned = compare(means, name, accept=accept, only=only)
    if planned.plan.is_empty:
        return planned
    with means.database.writing() as db:
        router_id = get_router_named(db, name).id or 0
        number = ledger.keep_plan(
            db, router_id, planned.plan, state=state, made_by=made_by, now=means.clock(), accept=accept, only=only
        )
    return replace(planned, id=number)


def compare(means: Means, name: str, *, accept: Sequence[str] = (), only: Sequence[str] = ()) -> Planned:
    """Compare as `make_plan` does, with the same errors, and keep nothing."""
    subject = _subject(means, name, only)
    with enter(means, subject) as connection:
        look = _look(means, subject, connection)
    return Planned(None, planning.plan(look.desired, look.rows, accept=accept), look.findings)


def _subject(means: Means, name: str, only: Sequence[str] = ()) -> Subject:
    with means.database.reading() as db:
        return subject_of(db, get_router_named(db, name), means.settings, now=means.clock(), only=only)


def _look(means: Means, subject: Subject, connection: Connection) -> Look:
    facts = facts_of(connection)
    findings = preflight(facts, clock_error(connection, means.clock()), subject.guests)
    findings += [MOVING] if subject.is_moving else []
    stops = [finding.words for finding in findings if finding.stops]
    if stops:
        raise NotReady(router=subject.name, findings=". ".join(stops))
    desired = wanted(subject, means.configs, facts)
    return Look(facts, findings, desired, rows_of(connection, desired.menus))


# --- apply ---------------------------------------------------------------------------------------------------------------


def apply(
    means: Means,
    plan_id: UUID,
    *,
    made_by: str,
    dangers: Collection[str] = (),
    report: Report = lambda _said: None,
) -> Done:
    """Make a router what was planned, or leave it what it was. `dangers` are the ones that somebody has named.

    1. Nothing stands in the plan's way. 2. Nobody else works on the router. 3. Neither it nor what it should be has changed since.
    4. Its configuration is copied. 5. The attempt. 6. How it ended is kept.

    Raises:
        NoSuchPlan, PlanUsed: there is no such plan to apply.
        InTheWay, NameTheDanger: a person must decide first.
        UnderWay, SomebodyElse: somebody works on the router.
        RouterChanged, WantedChanged: it isn't what was looked at.
        RouterUnreachable, NotReady: nothing could be begun; once it is, how it ended is the answer.
    """
    with means.database.reading() as db:
        kept = ledger.get_plan(db, plan_id)
        router = db.get_one(Router, kept.router_id)
        subject = subject_of(db, router, means.settings, now=means.clock(), only=kept.only)
        db.expunge(kept)
    raise_unless_decided(kept, subject.name, dangers)

    def begin(connection: Connection) -> tuple[int, Attempt]:
        look = _look(means, subject, connection)
        attempt = attempt_of(_planned_again(kept, look, subject), look, subject)
        return _begin(means, kept, look.rows, connection, made_by=made_by, report=report), attempt

    return _carried_out(means, subject, begin, report)


def _carried_out(
    means: Means, subject: Subject, begin: Callable[[Connection], tuple[int, Attempt]], report: Report
) -> Done:
    """Carry out, alone on the router, the attempt that `begin` makes ready with its run, and keep how it ended."""
    with alone(means, subject):
        connection = enter(means, subject)
        try:
            let_go_back(connection)
            run, attempt = begin(connection)
        except BaseException:
            connection.close()
            raise
        minutes = Minutes(means.clock)
        ending = carry_out(_way(means, subject, minutes), attempt, minutes.of(connection), report)
        return _end(means, run, ending, minutes)


def _planned_again(kept: ProvisionPlan, look: Look, subject: Subject) -> Plan:
    """Plan once more; the answer is the kept plan, or it is refused."""
    if planning.fingerprint(look.desired, look.rows) != kept.fingerprint:
        raise RouterChanged(router=subject.name)
    plan = planning.plan(look.desired, look.rows, accept=kept.document["accept"])
    if json.loads(to_json(plan)) != kept.document["plan"]:
        raise WantedChanged(router=subject.name)
    return plan


def attempt_of(plan: Plan, look: Look, subject: Subject) -> Attempt:
    return Attempt(
        changes=plan.changes,
        undo=inverse(plan, look.rows).changes,
        fields_of=lambda change: filled(change.menu, fields_to_send(change, look.desired), subject.find_importable),
        fields_back=lambda change: filled(change.menu, change.fields, subject.find_importable),
        step=make,
        before=likeness(look.rows),
        menus=look.desired.menus,
        is_reached=lambda rows: not planning.plan(look.desired, rows).changes,
        portal=subject.portal,
        may_fetch=_may_fetch(look.facts),
    )


def _way(means: Means, subject: Subject, minutes: Minutes) -> Way:
    return Way(lambda: minutes.of(enter(means, subject)), means.wait)


def _may_fetch(facts: RouterFacts) -> bool:
    return facts.device_mode.get("fetch", True)


def _begin(
    means: Means, kept: ProvisionPlan, rows: Actual, connection: Connection, *, made_by: str, report: Report
) -> int:
    """Keep a copy of the configuration, then the note that a run begins."""
    report("keeping a copy of its configuration")
    copied = keep_copy(means, kept.router_id, connection)
    if copied:
        report(copied)
    with means.database.writing() as db:
        kept = ledger.get_plan(db, kept.id)
        return ledger.begin(db, kept, rows, made_by=made_by, keys=means.settings.keys, now=means.clock())


def _end(means: Means, number: int, ending: Ending, minutes: Minutes) -> Done:
    with means.database.writing() as db:
        run = ledger.get_run(db, number)
        run.log = [*run.log, *minutes.entries]
        run.outcome, run.reason, run.ended_at = ending.outcome, ending.reason, means.clock()
        if ending.outcome is Outcome.LOST:
            run.ended_at = None
        if ending.after is not None:
            run.after = ledger.seal_rows(means.settings.keys, run.router_id, ending.after)
        kept = ledger.get_plan(db, run.plan_id)
        if ending.outcome is Outcome.CONFIRMED and kept.state != PlanState.UNDO and not kept.only:
            captive_api.queue_test(db, run.router_id, ending.after or {})
            checks.found(db, run.router_id, differs=0, plan_id=None, now=means.clock())
    return Done(number, ending.outcome, ending.reason, ending.line_broke)


@contextmanager
def alone(means: Means, subject: Subject | Router) -> Iterator[None]:
    """Keep everybody else off a router; the lock goes with this process, however it ends.

    Raises:
        UnderWay: somebody else has it.
    """
    with means.database.connect() as held:
        got = held.execute("SELECT pg_try_advisory_lock(%s, %s)", (RUN_LOCK, subject.id)).fetchone()
        if got is None or not got[0]:
            raise UnderWay(router=subject.name)
        try:
            yield
        finally:
            with suppress(
                psycopg.Error
            ):  # lost with its connection; else nobody need wait until the server has noticed its end
                held.execute("SELECT pg_advisory_unlock(%s, %s)", (RUN_LOCK, subject.id))


# --- afterwards ----------------------------------------------------------------------------------------------------------


def confirm(means: Means, number: int, *, report: Report = lambda _said: None) -> Done:
    """Settle a run whose end nobody saw: the router is as wanted, or as before, or what remains is taken back.

    Raises:
        NoSuchRun: there is none.
        UnderWay: it is still running.
    """
    run, kept, subject = _run(means, number)
    if run.outcome not in (Outcome.RUNNING, Outcome.LOST):
        return Done(number, Outcome(run.outcome), run.reason)
    with alone(means, subject):
        with enter(means, subject) as connection:
            report("it answers; looking at what it is")
            facts = facts_of(connection)
        attempt = _attempt_again(means, run, kept, subject, facts)
        minutes = Minutes(means.clock)
        way = _way(means, subject, minutes)
        return _end(means, number, recover(way, attempt, run.reason or "the run was interrupted"), minutes)


def _attempt_again(
    means: Means, run: ProvisionRun, kept: ProvisionPlan, subject: Subject, facts: RouterFacts
) -> Attempt:
    """The attempt of a run, from what was kept of it."""
    undoes = kept.document["undoes"]
    if undoes is not None:
        undone, its_plan, _ = _run(means, undoes)
        forth = _attempt_again(means, undone, its_plan, subject, facts)
        return _reversed(forth, *_both_ends(means, undone))
    before = ledger.unseal_rows(means.settings.keys, run.router_id, run.before)
    desired = wanted(subject, means.configs, facts)
    attempt = attempt_of(ledger.plan_of(kept), Look(facts, (), desired, before), subject)
    return replace(attempt, menus=tuple(before))


def rollback(means: Means, number: int, *, made_by: str, report: Report = lambda _said: None) -> Done:
    """Take back a confirmed run, if the router is still as it left it.

    Raises:
        NoSuchRun, NotUndoable: there is nothing to take back.
        RouterChanged: somebody has changed it since; what they did would be lost.
        UnderWay, SomebodyElse, RouterUnreachable: as for `apply`.
    """
    run, kept, subject = _run(means, number)
    raise_unless_undoable(run)
    before, after = _both_ends(means, run)

    def begin(connection: Connection) -> tuple[int, Attempt]:
        facts = facts_of(connection)
        if likeness(rows_of(connection, tuple(after))) != likeness(after):
            raise RouterChanged(router=subject.name)
        forth = _attempt_again(means, run, kept, subject, facts)
        back = _reversed(forth, before, after)
        undoing = _keep_undoing(means, kept, back.changes, number, made_by)
        return _begin(means, undoing, after, connection, made_by=made_by, report=report), back

    return _carried_out(means, subject, begin, report)


def _both_ends(means: Means, run: ProvisionRun) -> tuple[Actual, Actual]:
    """The rows before a confirmed run and after it."""
    assert run.after is not None
    keys = means.settings.keys
    return (
        ledger.unseal_rows(keys, run.router_id, run.before),
        ledger.unseal_rows(keys, run.router_id, run.after),
    )


def _reversed(forth: Attempt, before: Actual, after: Actual) -> Attempt:
    goal = likeness(before)
    return replace(
        forth,
        changes=forth.undo,
        undo=forth.changes,
        fields_of=forth.fields_back,
        fields_back=forth.fields_of,
        step=take_back,
        before=likeness(after),
        is_reached=lambda rows: likeness(rows) == goal,
    )


def _keep_undoing(
    means: Means, kept: ProvisionPlan, changes: Sequence[Change], undoes: int, made_by: str
) -> ProvisionPlan:
    plan = Plan(tuple(_without_secrets(change) for change in changes), kept.fingerprint)
    with means.database.writing() as db:
        number = ledger.keep_plan(
            db, kept.router_id, plan, state=PlanState.UNDO, made_by=made_by, now=means.clock(), undoes=undoes
        )
        undoing = ledger.get_plan(db, number)
        db.refresh(undoing)
        db.expunge(undoing)
        return undoing


def _without_secrets(change: Change) -> Change:
    if not isinstance(change, Add | Set):
        return change
    secret = tuple(name for name in change.fields if MENUS[change.menu].attributes[name].secret)
    return replace(
        change, fields={name: text for name, text in change.fields.items() if name not in secret}, secrets=secret
    )


def _run(means: Means, number: int) -> tuple[ProvisionRun, ProvisionPlan, Subject]:
    with means.database.reading() as db:
        run = ledger.get_run(db, number)
        kept = ledger.get_plan(db, run.plan_id)
        router = db.get_one(Router, run.router_id)
        subject = subject_of(db, router, means.settings, now=means.clock(), only=kept.only)
        db.expunge_all()
        return run, kept, subject
