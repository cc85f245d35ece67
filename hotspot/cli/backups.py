"""The command about copies of a router's configuration."""

from pathlib import Path
from typing import Annotated

import typer

from hotspot.cli.output import AsJson, DataDir, looking, print_made, print_rows, save
from hotspot.errors import Conflict
from hotspot.routers.backups import backups_of, get_backup, unsealed
from hotspot.routers.service import get_router_named


class OneOrTheOther(Conflict):
    """Say what to do with the backups of {name}: --list or --export FILE"""


def backup(
    name: Annotated[str, typer.Argument(help="The router's name, as in `hotspot routers list`.")],
    listing: Annotated[bool, typer.Option("--list", help="List the stored ones, the newest first.")] = False,
    export: Annotated[
        Path | None, typer.Option("--export", help="File to write one to, readable by its owner alone: it has secrets.")
    ] = None,
    number: Annotated[int | None, typer.Option("--number", help="Which one to write; default: the newest.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Look at the stored copies of a router's configuration."""
    with looking(data_dir) as (settings, db):
        if listing is (export is not None):
            raise OneOrTheOther(name=name)
        router = get_router_named(db, name)
        assert router.id is not None
        if export is None:
            rows = [
                {
                    "number": one.id,
                    "taken_at": one.taken_at.astimezone(settings.zone).isoformat(timespec="seconds"),
                    "reason": one.reason,
                    "version": one.version,
                    "octets": one.size,
                    "sha256": one.sha256,
                }
                for one in backups_of(db, router.id)
            ]
            print_rows(rows, as_json=as_json, title=f"Backups of {name}", empty=f"{name} has no backup.")
            return
        chosen = get_backup(db, router.id, number, name=name)
        save(export, unsealed(chosen, settings.keys))
        made = {"number": chosen.id, "file": str(export), "octets": chosen.size, "sha256": chosen.sha256}
        print_made(made, f"Backup {chosen.id} of {name} is written to {export}. Keep it safe.", as_json=as_json)
