"""What must have been decided by a person before a plan is applied, a run taken back, or a copy restored."""

from collections.abc import Collection

from hotspot.errors import Conflict
from hotspot.routers.changes import Danger
from hotspot.routers.ledger import Outcome, PlanState, plan_of
from hotspot.routers.runs import ProvisionPlan, ProvisionRun


class PlanUsed(Conflict):
    """The plan {plan} was applied already; make another one: hotspot routers plan {router}"""


class InTheWay(Conflict):
    """{conflicts}. To take such a row over, plan again with --accept NAME for: {names}"""


class NameTheDanger(Conflict):
    """It {dangers}. If that is meant, say so: {flags}"""


class NotUndoable(Conflict):
    """The run {run} is {outcome}; only a confirmed one can be rolled back"""


def raise_unless_decided(kept: ProvisionPlan, router: str, dangers: Collection[str]) -> None:
    """Refuse a plan that was used, one with conflicts, and one with dangers that nobody has named."""
    if kept.state not in (PlanState.OPEN, PlanState.DRIFT):
        raise PlanUsed(plan=kept.id, router=router)
    plan = plan_of(kept)
    if plan.conflicts:
        words = "; ".join(conflict.words for conflict in plan.conflicts)
        names = ", ".join(f'"{conflict.name}"' for conflict in plan.conflicts if conflict.can_accept) or "none of them"
        raise InTheWay(conflicts=words, names=names)
    raise_unless_named(plan.dangers, dangers)


def raise_unless_named(found: Collection[Danger], named: Collection[str]) -> None:
    unnamed = [danger for danger in found if danger.name not in named]
    if unnamed:
        flags = " ".join(dict.fromkeys(f"--accept-danger {danger.name}" for danger in unnamed))
        raise NameTheDanger(dangers=" and ".join(danger.words for danger in unnamed), flags=flags)


def raise_unless_undoable(run: ProvisionRun) -> None:
    if run.outcome != Outcome.CONFIRMED:
        raise NotUndoable(run=run.id, outcome=run.outcome)
