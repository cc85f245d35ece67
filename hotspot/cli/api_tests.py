"""The command by which a router tests its captive portal API."""

from collections.abc import Callable
from typing import Annotated, Final

import typer

from hotspot.cli.output import NOT_WANTED, AsJson, DataDir, people, print_json
from hotspot.cli.provisioning import Name, means_of
from hotspot.routers import captive_api
from hotspot.routers.api_tests import self_test
from hotspot.routers.service import get_router_named
from hotspot.routers.views import api_view


def api_test(
    name: Name,
    again: Annotated[
        bool, typer.Option("--again", help="Forget a test that failed: the next plan brings the certificate back.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a router ask its own captive portal API; phones are told of it with the plan after a test that it passed."""
    with means_of(data_dir) as means:
        if again:
            with means.database.writing() as db:
                captive_api.forget(db, get_router_named(db, name).id or 0)
            people.print(f"Its test is forgotten. Now: hotspot routers plan {name}", markup=False, soft_wrap=True)
            return
        held = self_test(means, name)
        view = {"router": name} | api_view(held, means.settings.zone)
    if as_json:
        print_json(view)
    elif held.passed:
        said = f"{name}: https://{held.host}/api is as it should be. To tell phones of it: hotspot routers plan {name}"
        people.print(said, markup=False, soft_wrap=True)
    else:
        said = f"{name}: {held.problem}. To take it off: hotspot routers plan {name}; by night that happens by itself"
        people.print(said, markup=False, soft_wrap=True)
    if not held.passed:
        raise typer.Exit(NOT_WANTED)


COMMANDS: Final[dict[str, Callable[..., None]]] = {"api-test": api_test}
