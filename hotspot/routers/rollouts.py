"""Rollouts: one change brought to many routers, ring by ring, as staff start, pause, resume and stop them.

What moves a rollout on is in `rollouts_progress`, what is done on a router in `rollouts_work`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.areas.service import get_area, ids_below, top_area
from hotspot.errors import Conflict, Invalid, NotFound
from hotspot.jobs import cancel_all
from hotspot.routers.menus import FLOOR, read_version, write_version
from hotspot.routers.models import Router, RouterState
from hotspot.routers.rollouts_models import Rollout, RolloutKind, RolloutRouter, RolloutState, Standing
from hotspot.routers.rollouts_progress import DUE, NAME, advance, locked, queue, stop_touching
from hotspot.routers.rollouts_rings import Member, Ring, arrange
from hotspot.routers.rollouts_window import Night
from hotspot.routers.service import NoSuchRouter

MEMBERS = """
SELECT router.id, router.name, kecamatan.code FROM router JOIN site ON site.id = router.site_id
JOIN area AS kelurahan ON kelurahan.id = site.area_id JOIN area AS kecamatan ON kecamatan.id = kelurahan.parent_id
WHERE router.state = :enrolled AND site.state <> 'retired' AND site.area_id = ANY(:areas) ORDER BY router.name
"""
BUSY = """
SELECT rollout.id FROM rollout JOIN rollout_router ON rollout_router.rollout_id = rollout.id
WHERE rollout.kind = :kind AND rollout.state IN ('running', 'paused') AND rollout_router.router_id = ANY(:routers) LIMIT 1
"""


class NoSuchRollout(NotFound):
    """There is no rollout {number}; see: hotspot rollouts list"""


class NobodyTakesPart(NotFound):
    """No enrolled router stands at a site there; see: hotspot routers list"""


class BadVersion(Invalid):
    """RouterOS {version!r} can't be rolled out: give a version of {floor} or newer, such as 7.20.8"""


class UnderWayAlready(Conflict):
    """Rollout {other} brings the same kind of change to some of these routers; stop it first: hotspot rollouts stop {other}"""


class NotNow(Conflict):
    """Rollout {number} is {state}; it can't be {done}"""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be brought where. Without an area: everywhere; without a canary the first router by kecamatan and name goes ahead."""

    kind: RolloutKind
    made_by: str
    area: str = ""
    canary: str | None = None
    version: str = ""
    channel: str = ""
    at_any_time: bool = False


def rings_of(db: Session, order: Order) -> dict[Ring, list[Member]]:
    """Return who would take part, in which ring.

    Raises:
        NoSuchArea, NobodyTakesPart, NoSuchRouter, BadVersion: it can't be started like this.
    """
    if order.kind is RolloutKind.FIRMWARE and read_version(order.version) < FLOOR:
        raise BadVersion(version=order.version, floor=write_version(FLOOR))
    areas = ids_below(db, get_area(db, order.area) if order.area else top_area(db))
    found = db.execute(text(MEMBERS), {"enrolled": RouterState.ENROLLED, "areas": areas})
    members = [Member(*row) for row in found]
    if not members:
        raise NobodyTakesPart
    if order.canary is not None and order.canary not in {member.name for member in members}:
        raise NoSuchRouter(name=order.canary)
    return arrange(members, order.canary)


def start(db: Session, order: Order, *, night: Night, now: datetime) -> Rollout:
    """Begin a rollout with its canary.

    Raises:
        UnderWayAlready: another one of this kind has not come to an end for some of these routers.
        As `rings_of`.
    """
    rings = rings_of(db, order)
    routers = [member.router_id for members in rings.values() for member in members]
    other = db.execute(text(BUSY), {"kind": order.kind, "routers": routers}).scalar()
    if other is not None:
        raise UnderWayAlready(other=other)
    rollout = Rollout(
        kind=order.kind,
        state=RolloutState.RUNNING,
        ring=0,
        area=order.area,
        version=write_version(read_version(order.version)),
        channel=order.channel,
        at_any_time=order.at_any_time,
        made_by=order.made_by,
        made_at=now,
    )
    db.add(rollout)
    db.flush()
    for ring, members in rings.items():
        for member in members:
            db.add(
                RolloutRouter(
                    rollout_id=rollout.id or 0, router_id=member.router_id, ring=ring, state=Standing.WAITING, since=now
                )
            )
    db.flush()
    advance(db, rollout, night=night, now=now)
    return rollout


def pause(db: Session, number: int, *, who: str) -> None:
    """Begin no more routers until somebody resumes; those at work end.

    Raises:
        NoSuchRollout, NotNow: it isn't running.
    """
    rollout = _in_state(db, number, "paused", RolloutState.RUNNING)
    rollout.state, rollout.why = RolloutState.PAUSED, f"paused by {who}"
    cancel_all(db, NAME, {"rollout": number})


def resume(db: Session, number: int, *, night: Night, now: datetime) -> None:
    """Go on, and try the routers that failed again.

    Raises:
        NoSuchRollout, NotNow: it isn't paused.
    """
    rollout = _in_state(db, number, "resumed", RolloutState.PAUSED)
    rollout.state, rollout.why = RolloutState.RUNNING, ""
    for row in rows_of(db, number):
        if row.state == Standing.FAILED:
            row.state, row.since, row.lost = Standing.PENDING, now, 0
        if row.state in DUE:  # also one that runs: should its job have failed, there is another
            queue(db, rollout, row.router_id, night=night, now=now)
    db.flush()
    advance(db, rollout, night=night, now=now)


def stop(db: Session, number: int, *, who: str, now: datetime) -> None:
    """End it: routers at work end, nobody else is touched any more.

    Raises:
        NoSuchRollout, NotNow: it was stopped already.
    """
    rollout = _in_state(db, number, "stopped", RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.DONE)
    stop_touching(db, rollout, f"stopped by {who}", now)


def _in_state(db: Session, number: int, done: str, *states: RolloutState) -> Rollout:
    rollout = locked(db, number)
    if rollout is None:
        raise NoSuchRollout(number=number)
    if rollout.state not in states:
        raise NotNow(number=number, state=rollout.state, done=done)
    return rollout


# --- looking -------------------------------------------------------------------------------------------------------------


def get_rollout(db: Session, number: int) -> Rollout:
    """Return a rollout.

    Raises:
        NoSuchRollout: there is none.
    """
    rollout = db.get(Rollout, number)
    if rollout is None:
        raise NoSuchRollout(number=number)
    return rollout


def all_rollouts(db: Session) -> Sequence[Rollout]:
    """Return them all, the latest first."""
    return db.exec(select(Rollout).order_by(col(Rollout.id).desc())).all()


def rows_of(db: Session, number: int) -> Sequence[RolloutRouter]:
    """Return where its routers stand, by ring."""
    by_ring = select(RolloutRouter).where(RolloutRouter.rollout_id == number)
    return db.exec(by_ring.order_by(col(RolloutRouter.ring), col(RolloutRouter.router_id))).all()


def named_rows_of(db: Session, number: int) -> list[tuple[str, RolloutRouter]]:
    """Return the routers' names and where they stand, by ring and name."""
    named = select(Router.name, RolloutRouter).join(RolloutRouter, col(RolloutRouter.router_id) == col(Router.id))
    mine = named.where(RolloutRouter.rollout_id == number)
    return list(db.exec(mine.order_by(col(RolloutRouter.ring), col(Router.name))))
