"""Commands that make routers what they should be: plan, apply, confirm, rollback."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.text import Text

from hotspot.cli.output import (
    NOT_WANTED,
    AsJson,
    DataDir,
    errors,
    installation,
    people,
    print_json,
    print_made,
    who,
)
from hotspot.cli.planning import PlanWhat, danger_flags, plan_many
from hotspot.routers import connection, ledger, provision, takeover
from hotspot.routers.changes import Plan
from hotspot.routers.diff import lines
from hotspot.routers.facts import Finding
from hotspot.routers.ledger import Outcome
from hotspot.routers.models import Router, RouterState
from hotspot.routers.provision import Done, Planned
from hotspot.routers.subjects import Means
from hotspot.routers.views import kept_plan_view, plan_view

Name = Annotated[str, typer.Argument(help="The router's name, as in `hotspot routers list`.")]
Run = Annotated[int, typer.Argument(help="The run's number, as in `hotspot routers runs NAME`.", min=1)]
COLOURS: Final = {"+": "green", "~": "yellow", ">": "cyan", "-": "red", "!": "bold red"}
ENDINGS: Final = {
    Outcome.CONFIRMED: "is as planned",
    Outcome.ROLLED_BACK: "went back to what it was",
    Outcome.FAILED: "is neither as planned nor as before; look at it: hotspot routers plan {name}",
    Outcome.LOST: "does not answer; it goes back by itself. When it answers again: hotspot routers confirm {run}",
}
LOST: Final = 5
dial = connection.dial


@contextmanager
def means_of(data_dir: Path | None) -> Iterator[Means]:
    with installation(data_dir) as (settings, database):
        yield Means.of(database, settings, dial=dial)


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
    with means_of(data_dir) as means:
        if (name is not None) + (area is not None) + everywhere != 1 or (accept and name is None):
            raise PlanWhat
        if name is None:
            plan_many(means, area=area, made_by=who(), as_json=as_json)
            return
        planned = provision.make_plan(means, name, made_by=who(), accept=accept or ())
    if as_json:
        print_json(plan_view(planned.plan, number=planned.id, findings=tuple(planned.findings)))
    else:
        _print_findings(planned.findings)
        _print_plan(planned.plan)
        _print_next(planned)
    if planned.plan.conflicts:
        raise typer.Exit(NOT_WANTED)


def _print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        people.print(f"note: {finding.words}.", style="yellow", markup=False, soft_wrap=True)


def _print_plan(plan: Plan) -> None:
    print_diff(lines(plan))


def print_diff(diff: Iterable[str]) -> None:
    for line in diff:
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
    with means_of(data_dir) as means:
        if dry_run:
            _show_kept(means, number, as_json=as_json)
            return
        with progress(as_json=as_json) as report:
            done = provision.apply(means, number, made_by=who(), dangers=accept_danger or (), report=report)
        name = _name_of(means, done)
    _print_done(done, name, as_json=as_json, wanted=Outcome.CONFIRMED)


def _show_kept(means: Means, number: UUID, *, as_json: bool) -> None:
    with means.database.reading() as db:
        kept = ledger.get_plan(db, number)
        plan = ledger.plan_of(kept)
        view = kept_plan_view(db, kept, means.settings.zone)
    if as_json:
        print_json(view)
    else:
        _print_plan(plan)


def confirm(number: Run, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Settle a run whose end nobody saw: the router is as planned, or goes back to what it was."""
    with means_of(data_dir) as means:
        with progress(as_json=as_json) as report:
            done = provision.confirm(means, number, report=report)
        name = _name_of(means, done)
    _print_done(done, name, as_json=as_json, wanted=Outcome.CONFIRMED)


def rollback(number: Run, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take back what a run has done, if nobody has changed the router since."""
    with means_of(data_dir) as means:
        with progress(as_json=as_json) as report:
            done = provision.rollback(means, number, made_by=who(), report=report)
        name = _name_of(means, done)
    _print_done(done, name, as_json=as_json, wanted=Outcome.CONFIRMED)


@contextmanager
def progress(*, as_json: bool) -> Iterator[Callable[[str], None]]:
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


def take_over(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take a router over that has called and waits; the queue does the same by itself, and again until the router is there."""
    with means_of(data_dir) as means:
        takeover.take_over(means, name)
    print_made({"router": name, "state": str(RouterState.ENROLLED)}, f"{name} is enrolled.", as_json=as_json)


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "take-over": take_over,
    "plan": plan,
    "apply": apply,
    "confirm": confirm,
    "rollback": rollback,
}
