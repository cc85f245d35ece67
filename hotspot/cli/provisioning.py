"""Commands that make routers what they should be: show, plan, apply, confirm, rollback, drift."""

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from rich.text import Text

from hotspot.cli.output import (
    AsJson,
    DataDir,
    errors,
    installation,
    looking,
    people,
    print_json,
    print_made,
    print_rows,
)
from hotspot.cli.planning import PlanWhat, danger_flags, plan_many
from hotspot.errors import HotspotError
from hotspot.paths import shipped
from hotspot.routers import connection, ledger, provision, takeover
from hotspot.routers.changes import Plan
from hotspot.routers.configs import load
from hotspot.routers.diff import lines
from hotspot.routers.facts import Finding
from hotspot.routers.ledger import Outcome, PlanState
from hotspot.routers.models import Router, RouterState
from hotspot.routers.provision import Done, Planned
from hotspot.routers.runs import ProvisionRun
from hotspot.routers.service import enrolled_in, get_router_named
from hotspot.routers.subjects import Means
from hotspot.settings import Settings

Name = Annotated[str, typer.Argument(help="The router's name, as in `hotspot routers list`.")]
Run = Annotated[int, typer.Argument(help="The run's number, as in `hotspot routers show NAME`.", min=1)]
COLOURS: Final = {"+": "green", "~": "yellow", ">": "cyan", "-": "red", "!": "bold red"}
ENDINGS: Final = {
    Outcome.CONFIRMED: "is as planned",
    Outcome.ROLLED_BACK: "went back to what it was",
    Outcome.FAILED: "is neither as planned nor as before; look at it: hotspot routers plan {name}",
    Outcome.LOST: "does not answer; it goes back by itself. When it answers again: hotspot routers confirm {run}",
}
NOT_WANTED: Final = 3
LOST: Final = 5
dial = connection.dial


@contextmanager
def _means(data_dir: Path | None) -> Iterator[Means]:
    with installation(data_dir) as (settings, database):
        yield Means(database, settings, load(shipped("router_configs")), dial=dial)


def _who() -> str:
    return f"{getpass.getuser()} (command line)"


# --- looking -------------------------------------------------------------------------------------------------------------


def show(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what is known of a router, and what was done to it."""
    with looking(data_dir) as (settings, db):
        router = get_router_named(db, name)
        facts = {
            key: getattr(router, key)
            for key in ("name", "state", "model", "serial", "version", "licence", "tunnel_address", "enrolled_at")
        }
        runs = [_run_row(run, settings, as_json=as_json) for run in ledger.runs_of(db, router.id or 0)]
    if as_json:
        print_json({**facts, "runs": runs})
        return
    for key, value in facts.items():
        people.print(f"{key.replace('_', ' '):16}{'' if value is None else value}", markup=False)
    print_rows(runs, as_json=False, title="Runs", empty="Nothing was ever applied: hotspot routers plan NAME")


def _run_row(run: ProvisionRun, settings: Settings, *, as_json: bool) -> dict[str, object]:
    started = run.started_at.isoformat() if as_json else f"{run.started_at.astimezone(settings.zone):%Y-%m-%d %H:%M}"
    return {"run": run.id, "plan": str(run.plan_id), "started": started, "outcome": run.outcome, "reason": run.reason}


def plan(
    name: Annotated[
        str | None, typer.Argument(help="The router's name, as in `hotspot routers list`; or say --area or --all.")
    ] = None,
    area: Annotated[
        str | None, typer.Option("--area", help="Plan all enrolled routers below the area with this official code.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--all", help="Plan all enrolled routers.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="Take over a row made by hand, by the name of its conflict.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare a router, or many, with what they should be, and keep the difference as a plan; nothing is changed."""
    with _means(data_dir) as means:
        if (name is not None) + (area is not None) + everywhere != 1 or (accept and name is None):
            raise PlanWhat
        if name is None:
            plan_many(means, area=area, made_by=_who(), as_json=as_json)
            return
        planned = provision.make_plan(means, name, made_by=_who(), accept=accept or ())
    if as_json:
        print_json(_as_json(planned))
    else:
        _print_findings(planned.findings)
        _print_plan(planned.plan)
        _print_next(planned)
    if planned.plan.conflicts:
        raise typer.Exit(NOT_WANTED)


def _as_json(planned: Planned) -> dict[str, Any]:
    return {
        "plan": None if planned.id is None else str(planned.id),
        "changes": len(planned.plan.changes),
        "diff": list(lines(planned.plan)),
        "conflicts": [conflict.name for conflict in planned.plan.conflicts],
        "dangers": [danger.name for danger in planned.plan.dangers],
        "findings": [finding.words for finding in planned.findings],
    }


def _print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        people.print(f"note: {finding.words}.", style="yellow", markup=False, soft_wrap=True)


def _print_plan(plan: Plan) -> None:
    for line in lines(plan):
        people.print(Text(line, style=COLOURS.get(line[:1], "dim")), soft_wrap=True)


def _print_next(planned: Planned) -> None:
    if planned.id is None:
        people.print("Nothing to do: it is what it should be.")
        return
    if planned.plan.conflicts:
        names = " ".join(f'--accept "{conflict.name}"' for conflict in planned.plan.conflicts if conflict.can_accept)
        people.print(f"Rows made by hand are in the way. To take them over, plan again with: {names}", soft_wrap=True)
        return
    count = len(planned.plan.changes)
    changes = "1 change" if count == 1 else f"{count} changes"
    people.print(f"{changes}. To make them: hotspot routers apply {planned.id}{danger_flags(planned)}", soft_wrap=True)


# --- doing ---------------------------------------------------------------------------------------------------------------


def apply(
    number: Annotated[UUID, typer.Argument(metavar="PLAN", help="As `hotspot routers plan` says.")],
    accept_danger: Annotated[
        list[str] | None, typer.Option("--accept-danger", help="Name a danger of this plan that is meant.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a router what was planned, check it on a new connection, and keep that — or let it go back."""
    with _means(data_dir) as means:
        if dry_run:
            _show_kept(means, number, as_json=as_json)
            return
        with _progress(as_json=as_json) as report:
            done = provision.apply(means, number, dangers=accept_danger or (), report=report)
        name = _name_of(means, done)
    _print_done(done, name, as_json=as_json, wanted=Outcome.CONFIRMED)


def _show_kept(means: Means, number: UUID, *, as_json: bool) -> None:
    with means.database.reading() as db:
        kept = ledger.get_plan(db, number)
        planned = Planned(number, ledger.plan_of(kept))
    if as_json:
        print_json(_as_json(planned))
    else:
        _print_plan(planned.plan)


def confirm(number: Run, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Settle a run whose end nobody saw: the router is as planned, or goes back to what it was."""
    with _means(data_dir) as means:
        with _progress(as_json=as_json) as report:
            done = provision.confirm(means, number, report=report)
        name = _name_of(means, done)
    _print_done(done, name, as_json=as_json, wanted=Outcome.CONFIRMED)


def rollback(number: Run, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take back what a run has done, if nobody has changed the router since."""
    with _means(data_dir) as means:
        with _progress(as_json=as_json) as report:
            done = provision.rollback(means, number, made_by=_who(), report=report)
        name = _name_of(means, done)
    _print_done(done, name, as_json=as_json, wanted=Outcome.CONFIRMED)


@contextmanager
def _progress(*, as_json: bool) -> Iterator[Callable[[str], None]]:
    """Say what is going on, beside the answer: on the terminal as it changes, in a pipe line by line."""
    if as_json or not errors.is_terminal:
        yield lambda said: None if as_json else errors.print(said, markup=False, soft_wrap=True)
        return
    with errors.status("reading the router") as status:
        yield lambda said: status.update(Text(said))


def _name_of(means: Means, done: Done) -> str:
    with means.database.reading() as db:
        return db.get_one(Router, ledger.get_run(db, done.run).router_id).name


def _print_done(done: Done, name: str, *, as_json: bool, wanted: Outcome) -> None:
    if as_json:
        print_json({"router": name, "run": done.run, "outcome": done.outcome, "reason": done.reason})
    else:
        ending = ENDINGS[done.outcome].format(name=name, run=done.run)
        why = f" ({done.reason})" if done.reason else ""
        people.print(f"Run {done.run}: {name} {ending}{why}.", markup=False, soft_wrap=True)
    if done.outcome is Outcome.LOST:
        raise typer.Exit(LOST)
    if done.outcome is not wanted:
        raise typer.Exit(NOT_WANTED)


def drift(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="All enrolled ones by default.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say which routers are not what they should be; the difference of each is kept as a plan."""
    with _means(data_dir) as means:
        rows = [_drift_of(means, name) for name in names or _managed(means)]
    print_rows(rows, as_json=as_json, title="Drift", empty="No router has enrolled yet.")
    if any(row["differs"] != 0 for row in rows):
        raise typer.Exit(NOT_WANTED)


def _drift_of(means: Means, name: str) -> Mapping[str, object]:
    """One router's row; one that can't be looked at spoils no other."""
    try:
        planned = provision.make_plan(means, name, made_by=_who(), state=PlanState.DRIFT)
    except HotspotError as error:
        return {"router": name, "differs": None, "plan": None, "problem": str(error)}
    number = None if planned.id is None else str(planned.id)
    return {"router": name, "differs": len(planned.plan.changes), "plan": number, "problem": None}


def _managed(means: Means) -> list[str]:
    with means.database.reading() as db:
        return enrolled_in(db, None)


def take_over(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take a router over that has called and waits; the queue does the same by itself, and again until the router is there."""
    with _means(data_dir) as means:
        takeover.take_over(means, name)
    print_made({"router": name, "state": str(RouterState.ENROLLED)}, f"{name} is enrolled.", as_json=as_json)


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "take-over": take_over,
    "show": show,
    "plan": plan,
    "apply": apply,
    "confirm": confirm,
    "rollback": rollback,
    "drift": drift,
}
