"""What a rollout does on one router, as a job. Doing it twice is doing it once, so a worker may die at any point."""

from datetime import UTC, datetime, timedelta
from typing import Final

from hotspot.errors import HotspotError, Unavailable
from hotspot.jobs import DATABASE_AWAY, Task, Work
from hotspot.routers import firmware, ledger, provision
from hotspot.routers.changing import SomebodyElse
from hotspot.routers.connection import RouterUnreachable
from hotspot.routers.ledger import Outcome
from hotspot.routers.menus import read_version
from hotspot.routers.provision import RouterChanged, UnderWay, WantedChanged
from hotspot.routers.rollouts_models import RolloutKind, RolloutRouter, Standing
from hotspot.routers.rollouts_progress import (
    MOST_LOST,
    NAME,
    Ended,
    Turn,
    answered,
    claim,
    night_of,
    note_packages,
    record,
)
from hotspot.routers.service import get_router
from hotspot.routers.subjects import Means, enter, subject_of

LONGEST_PAUSE: Final = timedelta(minutes=5)  # so soon a router follows that has come back
UNSETTLED: Final = (Outcome.RUNNING, Outcome.LOST)


class NotYet(Unavailable):
    """{problem}"""


def take_turn(means: Means, rollout_id: int, router_id: int) -> None:
    """Bring a router what its rollout is about, if it is its turn, and record how that ended.

    Raises:
        NotYet: it is to be tried again.
    """
    night = night_of(means.settings)
    with means.database.writing() as db:
        turn = claim(db, rollout_id, router_id, night=night, now=means.clock())
    if turn is None:
        return
    ended = _brought(means, turn)
    if ended is None:
        return
    with means.database.writing() as db:
        record(db, turn, ended, night=night, now=means.clock())
    if ended.standing in (Standing.OFFLINE, Standing.PENDING):
        raise NotYet(problem=ended.why)


def _brought(means: Means, turn: Turn) -> Ended | None:
    """Do what the turn is about; None when its rollout was paused or stopped before anything was begun."""
    try:
        if turn.was_away and not _is_back(means, turn):
            return None
        _settle(means, turn)
        if turn.kind is RolloutKind.FIRMWARE:
            _upgrade(means, turn)
        return _configure(means, turn)
    except RouterUnreachable as away:
        return _away(means, turn, away)
    except (UnderWay, SomebodyElse, RouterChanged, WantedChanged) as busy:
        return Ended(Standing.PENDING, str(busy))
    except HotspotError as error:
        return Ended(Standing.FAILED, str(error))
    except DATABASE_AWAY:
        raise
    except Exception:
        night = night_of(means.settings)
        with means.database.writing() as db:
            record(
                db, turn, Ended(Standing.FAILED, "a mistake of ours; the log has more"), night=night, now=means.clock()
            )
        raise


def _is_back(means: Means, turn: Turn) -> bool:
    """Knock at a router that was away; false when its rollout was paused or stopped meanwhile."""
    with means.database.reading() as db:
        subject = subject_of(db, get_router(db, turn.router_id), means.settings, now=means.clock())
    enter(means, subject).close()
    with means.database.writing() as db:
        return answered(db, turn, now=means.clock())


def _away(means: Means, turn: Turn, away: RouterUnreachable) -> Ended:
    """Away before anything was begun is no failure; while it is being changed it may be our doing, and holds the ring."""
    if _unsettled(means, turn) is None and not _upgrade_is_begun(means, turn):
        return Ended(Standing.OFFLINE, str(away))
    return _lost(turn, str(away))


def _upgrade_is_begun(means: Means, turn: Turn) -> bool:
    with means.database.reading() as db:
        return db.get_one(RolloutRouter, (turn.rollout_id, turn.router_id)).packages is not None


def _lost(turn: Turn, why: str) -> Ended:
    times = turn.lost + 1
    standing = Standing.FAILED if times >= MOST_LOST else Standing.PENDING
    return Ended(standing, f"lost while it was being changed, {times} of {MOST_LOST} times: {why}", was_lost=True)


def _unsettled(means: Means, turn: Turn) -> int | None:
    with means.database.reading() as db:
        latest = ledger.runs_of(db, turn.router_id, most=1)
        return latest[0].id if latest and latest[0].outcome in UNSETTLED else None


def _settle(means: Means, turn: Turn) -> None:
    """End the run that a dead worker, or a lost router, has left."""
    run = _unsettled(means, turn)
    if run is not None:
        provision.confirm(means, run)


def _configure(means: Means, turn: Turn) -> Ended:
    """Plan with what holds now, and apply it; what needs a decision is left to a person."""
    planned = provision.make_plan(means, turn.router, made_by=turn.made_by)
    if planned.id is None:
        return Ended(Standing.DONE, "as wanted already" if turn.kind is RolloutKind.CONFIGURATION else "")
    needs = [conflict.words for conflict in planned.plan.conflicts] + [danger.words for danger in planned.plan.dangers]
    if needs:
        why = f"needs a person, see hotspot routers plan {turn.router}: {'; '.join(needs)}"
        return Ended(Standing.FAILED, why, plan_id=planned.id)
    done = provision.apply(means, planned.id, made_by=turn.made_by)
    if done.outcome is Outcome.CONFIRMED:
        return Ended(Standing.DONE, plan_id=planned.id, run_id=done.run)
    if done.outcome is Outcome.ROLLED_BACK and done.line_broke:
        return _lost(turn, done.reason)
    return Ended(Standing.FAILED, f"{done.outcome}: {done.reason}", plan_id=planned.id, run_id=done.run)


def _upgrade(means: Means, turn: Turn) -> None:
    with means.database.reading() as db:
        subject = subject_of(db, get_router(db, turn.router_id), means.settings, now=means.clock())

    def keep(packages: list[str]) -> None:
        with means.database.writing() as db:
            note_packages(db, turn, packages)

    version = read_version(turn.version)
    installed = firmware.upgrade(means, subject, version, turn.channel, before=turn.packages, keep=keep)
    if installed is not None:
        with means.database.writing() as db:
            router = get_router(db, turn.router_id)
            router.version, router.packages = turn.version, sorted(installed)


def _work(work: Work) -> None:
    rollout = int(work.args["rollout"])
    try:
        means = Means.of(work.database, work.settings)
    except HotspotError as error:  # somebody has broken a file: else the rollout would wait for this job for ever
        _refuse(work, rollout, str(error))
        raise
    take_turn(means, rollout, work.router_id)


def _refuse(work: Work, rollout_id: int, why: str) -> None:
    night, now = night_of(work.settings), datetime.now(UTC)
    with work.database.writing() as db:
        turn = claim(db, rollout_id, work.router_id, night=night, now=now)
        if turn is not None:
            record(db, turn, Ended(Standing.FAILED, why), night=night, now=now)


TASK = Task(NAME, _work, LONGEST_PAUSE)
"""Queued when a router's ring is opened, and tried again until it is there."""
