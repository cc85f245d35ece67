"""Commands that say what is known of routers: list, show, runs, run, drift."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Final

import typer
from rich.text import Text

from hotspot.cli.output import NOT_WANTED, AsJson, DataDir, looking, people, print_json, print_rows, who
from hotspot.cli.provisioning import Name, Run, means_of, print_diff
from hotspot.errors import HotspotError
from hotspot.routers import ledger, nightly
from hotspot.routers.checks import checks
from hotspot.routers.minutes import DONE
from hotspot.routers.service import enrolled_in, get_router_named
from hotspot.routers.views import View, check_view, known_view, router_views, run_view, whole_run_view

MOST_RUNS: Final = 1000


def list_routers(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List routers, and what was seen of them the last time they were looked at; secrets are never shown."""
    with looking(data_dir) as (settings, db):
        views = router_views(db, settings.zone)
    rows = views if as_json else [_line(view) for view in views]
    empty = "No routers yet: hotspot routers add --name NAME --site SLUG --address ADDRESS"
    print_rows(rows, as_json=as_json, title="Routers", empty=empty)


def _line(view: View) -> View:
    told = {name: view[name] for name in ("name", "site", "address", "login_host", "state")}
    return told | {"as it should be": _standing(view), "last seen": _short(view["checked_at"])}


def _standing(view: View) -> str:
    """What was last seen, in a few words."""
    if view["unreachable_since"]:
        return f"away since {_short(view['unreachable_since'])}"
    if view["problem"]:
        return "can't be said"
    if view["differs"]:
        return f"{view['differs']} differ since {_short(view['drifted_since'])}"
    return "" if view["differs"] is None else "yes"


def _short(moment: str | None) -> str:
    return "" if moment is None else f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"


def show(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what is known of a router, and what was done to it lately."""
    with looking(data_dir) as (settings, db):
        router = get_router_named(db, name)
        view = known_view(db, router, settings.zone)
        runs = [run_view(run, settings.zone) for run in ledger.runs_of(db, router.id or 0)]
    if as_json:
        print_json(view | {"runs": runs})
        return
    for key, value in view.items():
        people.print(f"{key.replace('_', ' '):18}{'' if value is None else value}", markup=False)
    print_rows(runs, as_json=False, title="Runs", empty="Nothing was ever applied: hotspot routers plan NAME")


def list_runs(name: Name, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List everything that was ever done to a router, the latest first."""
    with looking(data_dir) as (settings, db):
        router = get_router_named(db, name)
        runs = [run_view(run, settings.zone) for run in ledger.runs_of(db, router.id or 0, most=MOST_RUNS)]
    print_rows(runs, as_json=as_json, title=f"Runs on {name}", empty="Nothing was ever applied.")


def show_run(number: Run, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show a run: what was told to the router, and how it differs from what it was before."""
    with looking(data_dir) as (settings, db):
        view = whole_run_view(db, ledger.get_run(db, number), settings.keys, settings.zone)
    if as_json:
        print_json(view)
        return
    for key in ("router", "plan", "planned_by", "made_by", "started", "ended", "outcome", "reason", "undoes"):
        people.print(
            f"{key.replace('_', ' '):10}{'' if view[key] is None else view[key]}", markup=False, soft_wrap=True
        )
    for entry in view["log"]:
        ended = "" if entry["outcome"] == DONE else f"  → {entry['outcome']}"
        people.print(Text(f"  {entry['statement']}{ended}", style="red" if ended else "dim"), soft_wrap=True)
    if view["diff"] is None:
        people.print("What it is after it could not be read.")
    print_diff(view["diff"] or ())


def drift(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="All enrolled ones by default.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="What was seen the last time, by night or by hand; asks no router.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say which routers are not what they should be; the difference of each is kept as a plan."""
    with means_of(data_dir) as means:
        with means.database.reading() as db:
            chosen = {name: get_router_named(db, name).id for name in names or enrolled_in(db, None)}
        for name in () if last else chosen:
            with suppress(HotspotError):  # it is kept, and told with the rest
                nightly.check(means, name, made_by=who())
        with means.database.reading() as db:
            held, zone = checks(db), means.settings.zone
        rows: list[View] = [
            {"router": name} | check_view(held.get(number or 0), zone) for name, number in chosen.items()
        ]
    print_rows(rows, as_json=as_json, title="Drift", empty="No router has enrolled yet.")
    if any(row["differs"] != 0 or row["problem"] for row in rows):
        raise typer.Exit(NOT_WANTED)


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "list": list_routers,
    "show": show,
    "runs": list_runs,
    "run": show_run,
    "drift": drift,
}
