"""Planning many routers at once: which of them are not what they should be, and what to do about each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import typer

from hotspot.areas.service import get_area
from hotspot.cli.output import NOT_WANTED, print_rows
from hotspot.errors import HotspotError, Invalid
from hotspot.routers import provision
from hotspot.routers.provision import Planned
from hotspot.routers.service import enrolled_in
from hotspot.routers.subjects import Means


class PlanWhat(Invalid):
    """Say what to plan: the NAME of a router, --area CODE, or --all"""


def plan_many(means: Means, *, area: str | None, made_by: str, as_json: bool) -> None:
    """Plan every enrolled router of an area, or all of them, and print those that differ; one that can't be looked at spoils no other."""
    with means.database.reading() as db:
        names = enrolled_in(db, None if area is None else get_area(db, area))
    with ThreadPoolExecutor(means.settings.router_connections, "plan") as pool:
        rows = [row for row in pool.map(lambda name: _row(means, name, made_by), names) if row is not None]
    alike = "1 router is what it should be" if len(names) == 1 else f"all {len(names)} routers are what they should be"
    empty = f"Nothing to do: {alike}." if names else "No router has enrolled there yet."
    print_rows(rows, as_json=as_json, title=f"To do on {len(rows)} of {len(names)} routers", empty=empty)
    if any(row["plan"] is None or row["conflicts"] for row in rows):
        raise typer.Exit(NOT_WANTED)


def _row(means: Means, name: str, made_by: str) -> dict[str, object] | None:
    """One router's row; None when there is nothing to do on it."""
    try:
        planned = provision.make_plan(means, name, made_by=made_by)
    except HotspotError as error:
        return _told(name, None, 0, 0, str(error))
    if planned.id is None:
        return None
    plan = planned.plan
    return _told(name, str(planned.id), len(plan.changes), len(plan.conflicts), _next_step(planned, name))


def _told(name: str, plan: str | None, changes: int, conflicts: int, next_step: str) -> dict[str, object]:
    return {"router": name, "changes": changes, "conflicts": conflicts, "plan": plan, "next": next_step}


def _next_step(planned: Planned, name: str) -> str:
    """What a person types now."""
    if planned.plan.conflicts:
        return f"rows made by hand are in the way: hotspot routers plan {name}"
    return f"hotspot routers apply {planned.id}{danger_flags(planned)}"


def danger_flags(planned: Planned) -> str:
    names: Sequence[str] = list(dict.fromkeys(each.name for each in planned.plan.dangers))
    return "".join(f" --accept-danger {name}" for name in names)
