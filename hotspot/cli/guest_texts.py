"""Commands for what guests read: a TOML file with one table a language. Here the notices; the terms are in `cli.terms`."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from hotspot.areas import service as areas
from hotspot.cli.output import AsJson, DataDir, UnreadableFile, changing, looking, people, print_rows, read_text
from hotspot.portal import banners


def read_texts(path: Path) -> dict[str, dict[str, str]]:
    """Read a TOML file with one table a language."""
    try:
        return TypeAdapter(dict[str, dict[str, str]]).validate_python(tomllib.loads(read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableFile(path=path, problem=error) from error
    except ValidationError as error:
        raise UnreadableFile(path=path, problem="needs one table of texts a language, such as [id]") from error


def add_notice(
    area: Annotated[str, typer.Option("--area", help="Official code, as in `hotspot areas list`.")],
    file: Annotated[Path, typer.Argument(help="TOML: a table a language with title and text.")],
    priority: Annotated[int, typer.Option("--priority", min=0, max=100)] = 0,
    data_dir: DataDir = None,
) -> None:
    """Show information of the city on the portal of every site in an area."""
    with changing(data_dir) as (_settings, db, now):
        banners.add_banner(db, areas.get_area(db, area), read_texts(file), starts_at=now, priority=priority)
    people.print("Shown from now on.")


def list_notices(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the notices."""
    with looking(data_dir) as (_settings, db):
        rows = [
            {"area": area.code, "title": next(iter(banner.texts.values()))["title"], "priority": banner.priority}
            for banner, area in banners.all_banners(db)
        ]
    empty = "No notices yet: hotspot notices add --area CODE FILE.toml"
    print_rows(rows, as_json=as_json, title="Notices", empty=empty)


NOTICES: Final[dict[str, Callable[..., None]]] = {"add": add_notice, "list": list_notices}
