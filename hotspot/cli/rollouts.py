"""The `hotspot rollouts` commands: one change for many routers, ring by ring."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Group
from rich.live import Live
from rich.progress import track
from rich.table import Table
from rich.text import Text
from sqlmodel import Session

from hotspot.cli.output import (
    NOT_WANTED,
    AsJson,
    DataDir,
    add_group,
    changing,
    errors,
    installation,
    looking,
    people,
    print_json,
    print_made,
    print_rows,
    who,
)
from hotspot.errors import HotspotError, Invalid
from hotspot.routers import connection, firmware, provision, rollouts
from hotspot.routers.menus import read_version, write_version
from hotspot.routers.rollouts import Order
from hotspot.routers.rollouts_models import Rollout, RolloutKind, RolloutRouter, RolloutState, Standing
from hotspot.routers.rollouts_progress import night_of
from hotspot.routers.rollouts_rings import Member, Ring
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means, enter, subject_of
from hotspot.routers.views import moment
from hotspot.settings import Settings

Number = Annotated[int, typer.Argument(metavar="ID", help="As in `hotspot rollouts list`.", min=1)]
TICK: Final = 1.0  # seconds
MOST_WATCHED: Final = 25  # routers in the live table: more don't fit a terminal
LOOKED_AT_ONCE: Final = 10
COLOURS: Final[Mapping[str, str]] = {
    Standing.DONE: "green",
    Standing.RUNNING: "cyan",
    Standing.FAILED: "bold red",
    Standing.OFFLINE: "yellow",
}
# What a person wants to see first while it goes on.
FIRST: Final = (Standing.FAILED, Standing.RUNNING, Standing.PENDING, Standing.OFFLINE, Standing.DONE, Standing.WAITING)
OVER: Final = (RolloutState.DONE, RolloutState.STOPPED, RolloutState.PAUSED)
dial = connection.dial


class OneScope(Invalid):
    """Say for which routers: --area CODE or --all"""


class NeedsVersion(Invalid):
    """Say which RouterOS: --version 7.20.8, and --channel where it isn't stable's"""


def add_to(app: typer.Typer) -> None:
    add_group(app, "rollouts", "One change for many routers, ring by ring.", COMMANDS)


# --- start ---------------------------------------------------------------------------------------------------------------


def start(
    kind: Annotated[RolloutKind, typer.Argument(help="What to bring: what sites say routers should be, or RouterOS.")],
    area: Annotated[
        str | None, typer.Option("--area", help="Official code of an area: its routers and those below.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--all", help="Every enrolled router.")] = False,
    canary: Annotated[str | None, typer.Option("--canary", help="Name of the router that goes first.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="RouterOS to upgrade to, such as 7.20.8.")] = None,
    channel: Annotated[str, typer.Option("--channel", help="RouterOS' update channel that offers it.")] = "stable",
    at_any_time: Annotated[bool, typer.Option("--now", help="Don't wait for the night.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the rings and what would change on whom; start nothing.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Bring one change to many routers: one, then a tenth, then the first one's kecamatan, then all, each only when the last is well."""
    with installation(data_dir) as (settings, database):
        order = _order(kind, area, canary, version, channel, is_all=everywhere, at_any_time=at_any_time)
        if dry_run:
            means = Means.of(database, settings, dial=dial)
            with database.reading() as db:
                rings = rollouts.rings_of(db, order)
            _print_preview(means, order, rings, as_json=as_json)
            return
        with database.writing() as db:
            rollout = rollouts.start(db, order, night=night_of(settings), now=datetime.now(UTC))
            row = _row(rollout, settings)
        count = row["rollout"]
        sentence = f"Rollout {count} has begun. To watch it: hotspot rollouts show {count} --watch"
        print_made(row, f"{sentence}\n{row['why']}" if row["why"] else sentence, as_json=as_json)


def _order(
    kind: RolloutKind,
    area: str | None,
    canary: str | None,
    version: str | None,
    channel: str,
    *,
    is_all: bool,
    at_any_time: bool,
) -> Order:
    if is_all == (area is not None):
        raise OneScope
    if kind is RolloutKind.CONFIGURATION:
        return Order(kind, who(), area or "", canary, at_any_time=at_any_time)
    if not version or channel not in firmware.CHANNELS:
        raise NeedsVersion
    return Order(kind, who(), area or "", canary, version, channel, at_any_time)


def _print_preview(means: Means, order: Order, rings: Mapping[Ring, Sequence[Member]], *, as_json: bool) -> None:
    members = [(ring, member) for ring, those in rings.items() for member in those]
    with ThreadPoolExecutor(LOOKED_AT_ONCE) as pool:
        looked = pool.map(lambda each: _preview(means, order, each[1].name), members)
        told = track(looked, "Looking at routers", len(members), console=errors, disable=as_json, transient=True)
        rows = [
            {"ring": ring.words, "router": member.name, **said}
            for (ring, member), said in zip(members, told, strict=True)
        ]
    print_rows(rows, as_json=as_json, title="It would go like this", empty="")


def _preview(means: Means, order: Order, name: str) -> dict[str, object]:
    """What would change on one router; one that can't be looked at spoils no other."""
    try:
        if order.kind is RolloutKind.CONFIGURATION:
            plan = provision.compare(means, name).plan
            found = [conflict.words for conflict in plan.conflicts] + [danger.words for danger in plan.dangers]
            return {"changes": len(plan.changes), "problem": "; ".join(found)}
        with means.database.reading() as db:
            subject = subject_of(db, get_router_named(db, name), means.settings, now=means.clock())
        version = read_version(order.version)
        with closing(enter(means, subject)) as opened:
            found = firmware.problems(opened, version)
        return {"changes": f"to {write_version(version)}", "problem": "; ".join(found)}
    except HotspotError as error:
        return {"changes": None, "problem": str(error)}


# --- look ----------------------------------------------------------------------------------------------------------------


def show(
    number: Number,
    watch: Annotated[bool, typer.Option("--watch", help="Keep looking until it is over; Ctrl-C ends looking.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show where each router of a rollout stands. Exit code 3 when it was stopped or a router failed."""
    with installation(data_dir) as (settings, database):
        if watch and not as_json:
            with suppress(KeyboardInterrupt), Live(console=people, auto_refresh=False) as live:
                while True:
                    with database.reading() as db:
                        rollout, rows = looked_at(db, number, settings)
                    live.update(picture(rollout, rows), refresh=True)
                    if rollout["state"] in OVER:
                        break
                    time.sleep(TICK)
        with database.reading() as db:
            rollout, rows = looked_at(db, number, settings)
    if as_json:
        print_json({**rollout, "routers": rows})
    elif not watch:
        people.print(_heading(rollout))
        people.print(_summary(rows))
        print_rows(rows, as_json=False, title="Routers", empty="")
    if rollout["state"] == RolloutState.STOPPED or any(row["state"] == Standing.FAILED for row in rows):
        raise typer.Exit(NOT_WANTED)


def looked_at(db: Session, number: int, settings: Settings) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rollout = rollouts.get_rollout(db, number)
    return _row(rollout, settings), [standing(name, row, settings) for name, row in rollouts.named_rows_of(db, number)]


def _row(rollout: Rollout, settings: Settings) -> dict[str, Any]:
    return {
        "rollout": rollout.id,
        "kind": rollout.kind,
        "version": rollout.version or None,
        "area": rollout.area or None,
        "state": rollout.state,
        "ring": Ring(rollout.ring).words,
        "made_by": rollout.made_by,
        "made_at": moment(rollout.made_at, settings.zone),
        "why": rollout.why,
    }


def standing(name: str, row: RolloutRouter, settings: Settings) -> dict[str, Any]:
    return {
        "ring": Ring(row.ring).words,
        "router": name,
        "state": row.state,
        "since": moment(row.since, settings.zone),
        "why": row.why,
        "plan": row.plan_id and str(row.plan_id),
        "run": row.run_id,
    }


def picture(rollout: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Group:
    """Return what is watched: the rings in numbers, and the routers that a person wants to see."""
    ordered = sorted(rows, key=lambda row: FIRST.index(row["state"]))
    table = Table(title_justify="left")
    for column in ("ring", "router", "state", "since", "why"):
        table.add_column(column, overflow="fold")
    for row in ordered[:MOST_WATCHED]:
        shown = {**row, "since": row["since"][11:19]}
        cells = [Text(str(shown[column] or "")) for column in ("ring", "router", "state", "since", "why")]
        table.add_row(*cells, style=COLOURS.get(row["state"]))
    if len(rows) > MOST_WATCHED:
        table.caption = f"and {len(rows) - MOST_WATCHED} more: hotspot rollouts show {rollout['rollout']}"
    return Group(_heading(rollout), _summary(rows), table)


def _heading(rollout: Mapping[str, Any]) -> Text:
    what = f"{rollout['kind']} {rollout['version'] or ''}".strip()
    why = f" ({rollout['why']})" if rollout["why"] else ""
    return Text(f"Rollout {rollout['rollout']}: {what}, {rollout['area'] or 'everywhere'}, {rollout['state']}{why}")


def _summary(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line a ring: how many stand where."""
    table = Table(title_justify="left")
    for column in ("ring", *Standing):
        table.add_column(column, justify="left" if column == "ring" else "right", style=COLOURS.get(column))
    for ring in Ring:
        counts = Counter(row["state"] for row in rows if row["ring"] == ring.words)
        if counts:
            table.add_row(ring.words, *(str(counts[standing] or "") for standing in Standing))
    return table


def list_rollouts(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the rollouts, the latest first."""
    with looking(data_dir) as (settings, db):
        rows = [_row(rollout, settings) for rollout in rollouts.all_rollouts(db)]
    print_rows(rows, as_json=as_json, title="Rollouts", empty="None yet: hotspot rollouts start configuration --all")


# --- change --------------------------------------------------------------------------------------------------------------


def pause(number: Number, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Begin no more routers until it is resumed; those at work end."""
    with changing(data_dir) as (_, db, _now):
        rollouts.pause(db, number, who=who())
    print_made({"rollout": number, "state": str(RolloutState.PAUSED)}, f"Rollout {number} is paused.", as_json=as_json)


def resume(number: Number, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Go on, and try the routers that failed again."""
    with changing(data_dir) as (settings, db, now):
        rollouts.resume(db, number, night=night_of(settings), now=now)
    print_made({"rollout": number, "state": str(RolloutState.RUNNING)}, f"Rollout {number} goes on.", as_json=as_json)


def stop(number: Number, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """End it: routers at work end, and nobody else is touched any more."""
    with changing(data_dir) as (_, db, now):
        rollouts.stop(db, number, who=who(), now=now)
    print_made(
        {"rollout": number, "state": str(RolloutState.STOPPED)}, f"Rollout {number} is stopped.", as_json=as_json
    )


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "start": start,
    "show": show,
    "list": list_rollouts,
    "pause": pause,
    "resume": resume,
    "stop": stop,
}
