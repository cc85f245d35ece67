"""Plans and runs in the database. Rows that routers showed have secrets among them, so they are kept sealed."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from hotspot.errors import NotFound
from hotspot.routers.changes import Actual, Plan, from_json, to_json
from hotspot.routers.menus import Row
from hotspot.routers.runs import ProvisionPlan, ProvisionRun
from hotspot.security import Keys


class NoSuchPlan(NotFound):
    """There is no plan {plan}; make one: hotspot routers plan NAME"""


class NoSuchRun(NotFound):
    """There is no run {run}; see: hotspot routers runs NAME"""


class PlanState(StrEnum):
    """`OPEN` may be applied, `DRIFT` too: nobody asked for it, the router had changed. `USED` has its run; `UNDO` is a run's undoing."""

    OPEN = "open"
    DRIFT = "drift"
    USED = "used"
    UNDO = "undo"


class Outcome(StrEnum):
    """How a run ended: with the plan's configuration, with the one before, with neither, or unknown as the router doesn't answer."""

    RUNNING = "running"
    CONFIRMED = "confirmed"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
    LOST = "lost"


def keep_plan(
    db: Session,
    router_id: int,
    plan: Plan,
    *,
    state: PlanState,
    made_by: str,
    now: datetime,
    accept: Sequence[str] = (),
    only: Sequence[str] = (),
    undoes: int | None = None,
) -> UUID:
    """Keep a plan and return its id; a drift that is what the last look found is still the same plan."""
    document: dict[str, Any] = {"plan": json.loads(to_json(plan)), "accept": list(accept), "undoes": undoes}
    document |= {"only": list(only)} if only else {}
    known = _last_drift(db, router_id) if state is PlanState.DRIFT else None
    if known is not None and (known.fingerprint, known.document) == (plan.fingerprint, document):
        return known.id
    kept = ProvisionPlan(
        router_id=router_id, made_at=now, made_by=made_by, fingerprint=plan.fingerprint, document=document, state=state
    )
    db.add(kept)
    db.flush()
    return kept.id


def _last_drift(db: Session, router_id: int) -> ProvisionPlan | None:
    latest = select(ProvisionPlan).where(ProvisionPlan.router_id == router_id, ProvisionPlan.state == PlanState.DRIFT)
    return db.exec(latest.order_by(col(ProvisionPlan.made_at).desc()).limit(1)).first()


def get_plan(db: Session, plan_id: UUID) -> ProvisionPlan:
    """Return a kept plan.

    Raises:
        NoSuchPlan: there is none.
    """
    kept = db.get(ProvisionPlan, plan_id)
    if kept is None:
        raise NoSuchPlan(plan=plan_id)
    return kept


def plan_of(kept: ProvisionPlan) -> Plan:
    return from_json(json.dumps(kept.document["plan"]))


def begin(db: Session, kept: ProvisionPlan, before: Actual, *, made_by: str, keys: Keys, now: datetime) -> int:
    """Note that a run begins, before anything is changed; return its number."""
    run = ProvisionRun(
        router_id=kept.router_id,
        plan_id=kept.id,
        started_at=now,
        made_by=made_by,
        outcome=Outcome.RUNNING,
        before=seal_rows(keys, kept.router_id, before),
    )
    if kept.state != PlanState.UNDO:
        kept.state = PlanState.USED
    db.add(run)
    db.flush()
    assert run.id is not None
    return run.id


def get_run(db: Session, run_id: int) -> ProvisionRun:
    """Return a run.

    Raises:
        NoSuchRun: there is none.
    """
    run = db.get(ProvisionRun, run_id)
    if run is None:
        raise NoSuchRun(run=run_id)
    return run


def run_of(db: Session, plan_id: UUID) -> ProvisionRun | None:
    """Return the run that applied this plan; there is at most one, for a plan is used once."""
    return db.exec(select(ProvisionRun).where(ProvisionRun.plan_id == plan_id)).first()


def runs_of(db: Session, router_id: int, *, most: int = 10) -> Sequence[ProvisionRun]:
    """Return a router's runs, the latest first."""
    latest = select(ProvisionRun).where(ProvisionRun.router_id == router_id)
    return db.exec(latest.order_by(col(ProvisionRun.id).desc()).limit(most)).all()


def seal_rows(keys: Keys, router_id: int, rows: Actual) -> dict[str, str]:
    plain = json.dumps({path: [dict(row) for row in those] for path, those in rows.items()})
    return {"sealed": base64.b64encode(keys.seal(plain, context=_context(router_id))).decode()}


def unseal_rows(keys: Keys, router_id: int, kept: dict[str, str]) -> dict[str, list[Row]]:
    plain = keys.unseal(base64.b64decode(kept["sealed"]), context=_context(router_id))
    rows: dict[str, list[Row]] = json.loads(plain)
    return rows


def _context(router_id: int) -> str:
    return f"provision-run:{router_id}"
