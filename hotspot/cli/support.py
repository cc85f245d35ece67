"""The command by which staff look up what became of a guest's attempt to get online."""

from typing import Annotated

import typer

from hotspot.cli.output import AsJson, DataDir, looking, print_rows
from hotspot.portal.support import traces


def add_to(app: typer.Typer) -> None:
    app.command("support")(show_trace)


def show_trace(
    code: Annotated[str, typer.Argument(help="The five characters that the guest's page shows.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of a guest's attempt to get online, step by step, in the city's time."""
    with looking(data_dir) as (settings, db):
        rows = [
            {
                "code": trace.code,
                "at": step.at.astimezone(settings.zone).isoformat(sep=" ", timespec="seconds"),
                "what": step.said % step.facts,
            }
            for trace in traces(db, code)
            for step in trace.steps
        ]
    print_rows(rows, as_json=as_json, title="What happened", empty="")
