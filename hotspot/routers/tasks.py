"""Work on one router that somebody asked for without waiting: apply a plan, confirm or roll back a run.

While the router is away it is tried again. Done twice it does no harm: a plan is used once, and a run is settled or rolled back once.
"""

from typing import Final
from uuid import UUID

from sqlmodel import Session

from hotspot.jobs import Task, Work, enqueue
from hotspot.routers import connection, ledger, provision
from hotspot.routers.decided import raise_unless_decided, raise_unless_undoable
from hotspot.routers.later import or_later
from hotspot.routers.service import get_router
from hotspot.routers.subjects import Means

APPLY: Final = "apply"
CONFIRM: Final = "confirm"
ROLLBACK: Final = "rollback"
dial = connection.dial


def queue_apply(db: Session, plan_id: UUID, dangers: list[str], *, made_by: str) -> int | None:
    """Queue a plan; return the job's number, None when it waits already.

    Raises:
        NoSuchPlan, PlanUsed, InTheWay, NameTheDanger: as `provision.apply` would, but now.
    """
    kept = ledger.get_plan(db, plan_id)
    raise_unless_decided(kept, get_router(db, kept.router_id).name, dangers)
    asked = {"plan": str(plan_id), "dangers": sorted(set(dangers)), "made_by": made_by}
    return enqueue(db, APPLY, kept.router_id, asked)


def queue_confirm(db: Session, run_id: int) -> int | None:
    """Queue the settling of a run; raises NoSuchRun."""
    return enqueue(db, CONFIRM, ledger.get_run(db, run_id).router_id, {"run": run_id})


def queue_rollback(db: Session, run_id: int, *, made_by: str) -> int | None:
    """Queue the taking back of a run.

    Raises:
        NoSuchRun, NotUndoable: as `provision.rollback` would, but now.
    """
    run = ledger.get_run(db, run_id)
    raise_unless_undoable(run)
    return enqueue(db, ROLLBACK, run.router_id, {"run": run_id, "made_by": made_by})


def _means(work: Work) -> Means:
    return Means.of(work.database, work.settings, dial=dial)


def _apply(work: Work) -> None:
    with or_later():
        plan, dangers, made_by = (work.args[name] for name in ("plan", "dangers", "made_by"))
        provision.apply(_means(work), UUID(plan), made_by=made_by, dangers=dangers)


def _confirm(work: Work) -> None:
    with or_later():
        provision.confirm(_means(work), work.args["run"])


def _rollback(work: Work) -> None:
    with or_later():
        provision.rollback(_means(work), work.args["run"], made_by=work.args["made_by"])


TASKS: Final = (Task(APPLY, _apply), Task(CONFIRM, _confirm), Task(ROLLBACK, _rollback))
