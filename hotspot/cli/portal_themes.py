"""Commands for who designs guests' pages: preview and check."""

import webbrowser
from typing import Annotated

import typer
import uvicorn

from hotspot.cli.output import NOT_WANTED, AsJson, add_group, people, print_json, telling_errors
from hotspot.portal.inspection import inspect
from hotspot.portal.preview import preview_app
from hotspot.themes import DEFAULT, get_theme, known_themes

Theme = Annotated[str, typer.Option("--theme", help="A folder of portal_templates.")]
HOST = "127.0.0.1"


def add_to(app: typer.Typer) -> None:
    add_group(app, "portal", "The look of guests' pages.", {"preview": preview, "check": check})


def preview(
    theme: Theme = DEFAULT,
    port: Annotated[int, typer.Option("--port", help="Where on this machine.", min=1, max=65535)] = 8008,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser, too.")] = False,
) -> None:
    """Show every guest page in every state, on this machine only; changed files are seen when the page is loaded again."""
    with telling_errors():
        get_theme(theme)
    address = f"http://{HOST}:{port}/"
    people.print(f"Every page of the theme {theme}: {address} (Ctrl-C ends it)", markup=False, soft_wrap=True)
    if open_it:
        webbrowser.open(address)
    uvicorn.run(preview_app(theme), host=HOST, port=port, log_level="warning", ws="none")


def check(
    theme: Annotated[str | None, typer.Option("--theme", help="A folder of portal_templates; all by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a theme, a line for each finding: the file, the line, and what to do."""
    with telling_errors():
        chosen = [get_theme(name) for name in ([theme] if theme else known_themes())]
        found = sorted({finding for each in chosen for finding in inspect(each)})  # what is inherited is found once
    if as_json:
        print_json([finding._asdict() for finding in found])
    else:
        for finding in found:
            people.print(str(finding), markup=False, soft_wrap=True)
        if not found:
            names = ", ".join(each.name for each in chosen)
            people.print(f"Nothing to mend in {names}.", markup=False, soft_wrap=True)
    if found:
        raise typer.Exit(NOT_WANTED)
