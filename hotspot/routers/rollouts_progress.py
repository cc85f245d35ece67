"""What moves a rollout on: a router's turn is claimed, its end recorded, and with that the next ring opened, or all of it held.

Whoever moves a rollout holds the lock of its row, so that of many routers that end at the same time one opens the next ring.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import Session, col, select

from hotspot.jobs import cancel_all, enqueue
from hotspot.routers.models import Router
from hotspot.routers.rollouts_models import Rollout, RolloutKind, RolloutRouter, RolloutState, Standing
from hotspot.routers.rollouts_rings import Ring
from hotspot.routers.rollouts_window import Night
from hotspot.settings import Settings

NAME: Final = "rollout"  # of the job
MOST_FAILED: Final = 2  # then it is stopped
MOST_CANARIES: Final = 5  # asked in turn while they are away; when the controller's own line is down, all are
MOST_LOST: Final = 3  # a router lost so often while it was being changed has failed: the change may be what cuts it off
GIVEN_UP_AFTER: Final = timedelta(days=28)  # of being away
UNDER_WAY: Final = (Standing.PENDING, Standing.RUNNING)
DUE: Final = (*UNDER_WAY, Standing.OFFLINE)

ANSWERED = """
UPDATE rollout_router SET state = 'running', since = :now, why = '' FROM rollout
WHERE rollout.id = rollout_router.rollout_id AND rollout.state IN ('running', 'done')
AND rollout_router.rollout_id = :rollout AND rollout_router.router_id = :router AND rollout_router.state = 'offline'
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """One router's turn, claimed. One that was away at the last try still is, until it has answered."""

    rollout_id: int
    router_id: int
    router: str
    kind: RolloutKind
    version: str
    channel: str
    lost: int
    packages: tuple[str, ...] | None
    was_away: bool

    @property
    def made_by(self) -> str:
        return f"rollout {self.rollout_id}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn ended; `was_lost`: the router was lost while it was being changed."""

    standing: Standing
    why: str = ""
    plan_id: UUID | None = None
    run_id: int | None = None
    was_lost: bool = False


def night_of(settings: Settings) -> Night:
    return Night(settings.night_from, settings.night_until, settings.zone)


def locked(db: Session, number: int) -> Rollout | None:
    return db.exec(select(Rollout).where(Rollout.id == number).with_for_update()).first()


def queue(db: Session, rollout: Rollout, router_id: int, *, night: Night, now: datetime) -> None:
    at = now if rollout.at_any_time else night.opens(now)
    enqueue(db, NAME, router_id, {"rollout": rollout.id}, at=at)


def claim(db: Session, rollout_id: int, router_id: int, *, night: Night, now: datetime) -> Turn | None:
    """Take a router's turn; None when it has none, any more or yet.

    1. The rollout goes on, and the router is due. 2. What begins in daylight waits for the night; what was begun is ended. 3. It runs;
    one that was away runs when it has `answered`, for else those who are tried again and again would hold the next ring.
    """
    own = select(RolloutRouter).where(RolloutRouter.rollout_id == rollout_id, RolloutRouter.router_id == router_id)
    row = db.exec(own.with_for_update()).first()
    rollout = db.get(Rollout, rollout_id)
    if row is None or rollout is None or row.state not in DUE:
        return None
    if rollout.state not in (RolloutState.RUNNING, RolloutState.DONE) and row.state != Standing.RUNNING:
        return None
    if row.state != Standing.RUNNING and not rollout.at_any_time and not night.has(now):
        queue(db, rollout, router_id, night=night, now=now)
        return None
    was_away = row.state == Standing.OFFLINE
    if not was_away:
        row.state, row.since, row.why = Standing.RUNNING, now, ""
    db.flush()
    return Turn(
        rollout_id,
        router_id,
        db.get_one(Router, router_id).name,
        RolloutKind(rollout.kind),
        rollout.version,
        rollout.channel,
        row.lost,
        None if row.packages is None else tuple(row.packages),
        was_away,
    )


def answered(db: Session, turn: Turn, *, now: datetime) -> bool:
    """A router that was away is there, so its turn runs; False when its rollout was paused or stopped meanwhile."""
    facts = {"now": now, "rollout": turn.rollout_id, "router": turn.router_id}
    return db.connection().execute(text(ANSWERED), facts).rowcount > 0


def note_packages(db: Session, turn: Turn, packages: list[str]) -> None:
    """Keep what was installed, before the upgrade begins: from now on the router counts as touched."""
    db.get_one(RolloutRouter, (turn.rollout_id, turn.router_id)).packages = packages


def record(db: Session, turn: Turn, ended: Ended, *, night: Night, now: datetime) -> None:
    """Note how a turn ended, and move the rollout on; whoever was away when it was stopped isn't in it any more."""
    rollout = locked(db, turn.rollout_id)
    assert rollout is not None
    row = db.get_one(RolloutRouter, (turn.rollout_id, turn.router_id))
    if row.state not in (Standing.RUNNING, Standing.OFFLINE):
        return
    if row.state != ended.standing:
        row.state, row.since = ended.standing, now
    row.why = ended.why
    if row.state == Standing.OFFLINE and now - row.since > GIVEN_UP_AFTER:
        row.state, row.since, row.why = Standing.FAILED, now, f"given up after {GIVEN_UP_AFTER.days} days: {ended.why}"
    row.plan_id, row.run_id = ended.plan_id or row.plan_id, ended.run_id or row.run_id
    row.lost += ended.was_lost
    db.flush()
    advance(db, rollout, night=night, now=now)


def advance(db: Session, rollout: Rollout, *, night: Night, now: datetime) -> None:
    """Open the next ring, if that is due; the caller holds the rollout's lock.

    1. After two failures all is stopped. 2. A ring is over when nobody in it is due but those who are away. 3. A failure in it holds
    the next one until a person has looked. 4. While the canary is away, another one goes ahead. 5. Behind the last ring it is done.
    """
    if rollout.state in (RolloutState.RUNNING, RolloutState.DONE) and _failed(db, rollout) >= MOST_FAILED:
        stop_touching(db, rollout, f"{MOST_FAILED} routers failed; the others are as they were", now)
    while rollout.state == RolloutState.RUNNING:
        there = _standings(db, rollout)
        if any(there[standing] for standing in UNDER_WAY):
            return
        if there[Standing.FAILED]:
            rollout.state, rollout.why = (
                RolloutState.PAUSED,
                "a router failed; look at it, then resume: it is tried again",
            )
            cancel_all(db, NAME, {"rollout": rollout.id})
        elif rollout.ring == Ring.CANARY and not there[Standing.DONE]:
            if not _goes_ahead(db, rollout, there, now):
                return
            _open(db, rollout, night, now)
        elif rollout.ring == Ring.ALL:
            rollout.state, rollout.why, rollout.ended_at = RolloutState.DONE, "", now
        else:
            rollout.ring += 1
            _open(db, rollout, night, now)


def stop_touching(db: Session, rollout: Rollout, why: str, now: datetime) -> None:
    """Stop, and begin with nobody any more."""
    rollout.state, rollout.why, rollout.ended_at = RolloutState.STOPPED, why, now
    cancel_all(db, NAME, {"rollout": rollout.id})
    for row in _rows(db, rollout, Standing.PENDING, Standing.OFFLINE):
        row.state, row.since = Standing.WAITING, now
    db.flush()


def _failed(db: Session, rollout: Rollout) -> int:
    return len(_rows(db, rollout, Standing.FAILED))


def _standings(db: Session, rollout: Rollout) -> Counter[str]:
    """How many routers of the ring under way, and of those before, stand where."""
    counted = select(RolloutRouter.state, func.count()).where(
        RolloutRouter.rollout_id == rollout.id, RolloutRouter.ring <= rollout.ring
    )
    return Counter(dict(db.exec(counted.group_by(RolloutRouter.state)).all()))


def _rows(db: Session, rollout: Rollout, *standings: Standing) -> list[RolloutRouter]:
    mine = select(RolloutRouter).where(RolloutRouter.rollout_id == rollout.id)
    return list(db.exec(mine.where(col(RolloutRouter.state).in_(standings)).order_by(col(RolloutRouter.ring))))


def _goes_ahead(db: Session, rollout: Rollout, there: Counter[str], now: datetime) -> bool:
    """Make another router a canary, from the last ring: the tenth is needed whole.

    False when enough of them are away, or nobody is left, and one of those must come back first.
    """
    waiting = _rows(db, rollout, Standing.WAITING)
    if there[Standing.OFFLINE] >= MOST_CANARIES or not waiting:
        rollout.why = "every canary is away; it goes on when one of them is back"
        return False
    waiting[-1].ring, waiting[-1].since = Ring.CANARY, now
    db.flush()
    return True


def _open(db: Session, rollout: Rollout, night: Night, now: datetime) -> None:
    """Make everybody due who waits in the ring under way."""
    rollout.why = (
        ""
        if rollout.at_any_time or night.has(now)
        else f"waits for the night, {night.opens(now).astimezone(night.zone):%Y-%m-%d %H:%M}"
    )
    for row in _rows(db, rollout, Standing.WAITING):
        if row.ring == rollout.ring:
            row.state, row.since = Standing.PENDING, now
            queue(db, rollout, row.router_id, night=night, now=now)
    db.flush()
