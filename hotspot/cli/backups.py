"""The commands about copies of a router's configuration: take, list, write, and load one into its router again."""

from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Final

import typer

from hotspot.cli.output import AsJson, DataDir, looking, people, print_json, print_made, print_rows, save
from hotspot.cli.provisioning import Name, means_of, progress
from hotspot.errors import Conflict, Invalid
from hotspot.routers import restore as restoring
from hotspot.routers.backups import Reason, backups_of, get_backup, unsealed
from hotspot.routers.credentials import Login
from hotspot.routers.nightly import copy_now
from hotspot.routers.restore import Prospect
from hotspot.routers.service import get_router_named
from hotspot.routers.views import View, backup_view, moment


class OneOrTheOther(Conflict):
    """Say one thing to do with the backups of {name}: --list or --export FILE; neither takes one now"""


class NoLogin(Invalid):
    """Needs a log-in of the router's own that may change users: --user NAME, and its password in --password-file or typed"""


def backup(
    name: Name,
    listing: Annotated[bool, typer.Option("--list", help="List the stored ones, the newest first.")] = False,
    export: Annotated[
        Path | None, typer.Option("--export", help="File to write one to, readable by its owner alone: it has secrets.")
    ] = None,
    number: Annotated[int | None, typer.Option("--number", help="Which one to write; default: the newest.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keep a copy of a router's configuration now; or list the stored ones, or write one to a file."""
    if listing or export is not None:
        _look(name, export, number, data_dir, as_json=as_json, is_both=listing and export is not None)
        return
    with means_of(data_dir) as means:
        with progress(as_json=as_json) as report:
            report("copying its configuration")
            made = copy_now(means, name, reason=Reason.ASKED)
        with means.database.reading() as db:
            router = get_router_named(db, name)
            row = backup_view(get_backup(db, router.id or 0, made, name=name), means.settings.zone)
    sentence = f"Copy {made} of {name} is kept. To load it again: hotspot routers restore {name} {made}"
    if not row["restorable"]:
        sentence = (
            f"Copy {made} of {name} is kept as text alone: the router makes no image for the controller's log-in."
        )
    print_made(row, sentence, as_json=as_json)


def _look(
    name: str, export: Path | None, number: int | None, data_dir: Path | None, *, as_json: bool, is_both: bool
) -> None:
    with looking(data_dir) as (settings, db):
        if is_both:
            raise OneOrTheOther(name=name)
        router = get_router_named(db, name)
        assert router.id is not None
        if export is None:
            rows = [backup_view(one, settings.zone) for one in backups_of(db, router.id)]
            print_rows(rows, as_json=as_json, title=f"Backups of {name}", empty=f"{name} has no backup.")
            return
        chosen = get_backup(db, router.id, number, name=name)
        save(export, unsealed(chosen, settings.keys))
        made = {"number": chosen.id, "file": str(export), "octets": chosen.size, "sha256": chosen.sha256}
        print_made(made, f"Backup {chosen.id} of {name} is written to {export}. Keep it safe.", as_json=as_json)


def restore(
    name: Name,
    number: Annotated[
        int, typer.Argument(help="The copy's number, as in `hotspot routers backup NAME --list`.", min=1)
    ],
    user: Annotated[str, typer.Option("--user", help="A user of the router's who may change users.")] = "admin",
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="File with their password; without, it is asked for.")
    ] = None,
    accept_danger: Annotated[
        list[str] | None, typer.Option("--accept-danger", help="Name a danger of this restore that is meant.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Restore without asking.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Load a copy into its router, which restarts and is then exactly what it was; says first what that means."""
    with means_of(data_dir) as means:
        prospect = restoring.look_ahead(means, name, number)
        if not as_json:
            _tell(prospect, means.settings.zone)
        if dry_run or (as_json and not yes):
            if as_json:
                print_json(_view(prospect, means.settings.zone) | {"restored": False})
            return
        if not yes and not typer.confirm(f"Restore {name}?"):
            raise typer.Abort
        lent = Login(user, _password(password_file))
        with progress(as_json=as_json) as report:
            done = restoring.restore(means, name, number, lent, dangers=accept_danger or (), report=report)
        row = _view(prospect, means.settings.zone) | {"restored": True, "before": done.before}
    sentence = f"{name} is exactly what copy {number} says. What it was before is copy {done.before}."
    print_made(row, sentence, as_json=as_json)


def _tell(prospect: Prospect, zone: tzinfo) -> None:
    taken = prospect.taken_at.astimezone(zone)
    people.print(
        f"Copy {prospect.number} of {prospect.router}, taken {taken:%Y-%m-%d %H:%M}, RouterOS {prospect.version}."
    )
    for change in prospect.changes:
        people.print(f"~ {change.words}", style="yellow", markup=False)
    for danger in prospect.dangers:
        people.print(f"! danger {danger.name}: it {danger.words}", style="bold red", markup=False, soft_wrap=True)
    if not prospect.changes:
        people.print("Its export is the same now.")
    people.print("The router restarts: guests there are offline for some minutes.")


def _view(prospect: Prospect, zone: tzinfo) -> View:
    return {
        "router": prospect.router,
        "number": prospect.number,
        "taken_at": moment(prospect.taken_at, zone),
        "version": prospect.version,
        "changes": [change.words for change in prospect.changes],
        "dangers": [danger.name for danger in prospect.dangers],
    }


def _password(file: Path | None) -> str:
    try:
        return file.read_text().rstrip("\r\n") if file else str(typer.prompt("Password", hide_input=True, err=True))
    except (OSError, UnicodeDecodeError) as error:
        raise NoLogin from error


COMMANDS: Final[dict[str, Callable[..., None]]] = {"backup": backup, "restore": restore}
