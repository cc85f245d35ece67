"""Commands that keep the controller's side of the WireGuard network."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from hotspot.cli.output import AsJson, DataDir, add_group, installation, people, print_json
from hotspot.db import Database
from hotspot.routers import tunnels
from hotspot.routers.wireguard import Tunnel, diff, render, shown
from hotspot.settings import Settings

ConfigFile = Annotated[
    Path | None,
    typer.Option("--file", help="The file for wg-quick; its name is the interface's. Default: in the data directory."),
]


def add_to(app: typer.Typer) -> None:
    commands: dict[str, Callable[..., None]] = {"show": show, "diff": show_diff, "write": write}
    add_group(app, "wireguard", "The controller's end of the routers' tunnels.", commands)


def show(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the configuration as it should be, without the private key."""
    with installation(data_dir) as (settings, database):
        tunnel = _tunnel(database, settings)
    if as_json:
        print_json(
            {
                "address": str(tunnel.address),
                "port": tunnel.port,
                "peers": [
                    {"name": one.name, "public_key": one.public_key, "addresses": [str(own) for own in one.addresses]}
                    for one in tunnel.peers
                ],
            }
        )
    else:
        print(shown(render(tunnel)), end="")  # noqa: T201  (a file's text: no wrapping, no markup)


def show_diff(file: ConfigFile = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what `write` would change in the file."""
    with installation(data_dir) as (settings, database):
        path = file or _default(settings)
        lines = diff(tunnels.read_file(path), render(_tunnel(database, settings)), name=path.name)
    if as_json:
        print_json({"file": str(path), "differs": bool(lines), "lines": lines})
    else:
        people.print("\n".join(lines) or "Nothing would change.", markup=False, soft_wrap=True)


def write(
    file: ConfigFile = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Bring the running interface to it, too (wg syncconf).")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on whenever a router is admitted or changes, until Ctrl-C.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the file for wg-quick, replaced at once and readable to its owner alone."""
    from hotspot.process import end_on_signals  # noqa: PLC0415  (keeps other commands quick)

    if follow:
        end_on_signals()
    with installation(data_dir) as (settings, database):
        path = file or _default(settings)
        for _ in tunnels.changes(database) if follow else [None]:
            _write(database, settings, path, apply=apply, as_json=as_json)


def _write(database: Database, settings: Settings, path: Path, *, apply: bool, as_json: bool) -> None:
    tunnel = _tunnel(database, settings)
    content = render(tunnel)
    is_changed = tunnels.read_file(path) != content
    if is_changed:
        tunnels.write_file(path, content)
    if apply:
        tunnels.apply(path.stem, render(tunnel, for_quick=False))
    if as_json:
        print_json({"file": str(path), "changed": is_changed, "applied": apply, "peers": len(tunnel.peers)})
    else:
        people.print(f"{path}: {'written' if is_changed else 'unchanged'}, peers: {len(tunnel.peers)}", soft_wrap=True)


def _tunnel(database: Database, settings: Settings) -> Tunnel:
    with database.writing() as db:  # the key pair is made the first time
        return tunnels.tunnel_of(db, settings)


def _default(settings: Settings) -> Path:
    return settings.data_dir / "wireguard" / "hotspot.conf"
