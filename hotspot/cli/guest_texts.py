"""Commands for what guests read: terms and notices, each a TOML file with one table a language."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from hotspot.areas import service as areas
from hotspot.cli.output import AsJson, DataDir, UnreadableFile, changing, looking, people, print_rows, read_text
from hotspot.guests import terms
from hotspot.portal import banners


def read_texts(path: Path) -> dict[str, dict[str, str]]:
    """Read a TOML file with one table a language."""
    try:
        return TypeAdapter(dict[str, dict[str, str]]).validate_python(tomllib.loads(read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableFile(path=path, problem=error) from error
    except ValidationError as error:
        raise UnreadableFile(path=path, problem="needs one table of texts a language, such as [id]") from error


def publish_terms(
    file: Annotated[Path, typer.Argument(help="TOML: a table a language with title, summary, body.")],
    name: Annotated[str, typer.Option("--name", help="Document, as in the setting `terms`.")] = "public",
    wording_only: Annotated[
        bool, typer.Option("--wording-only", help="Nothing material changes: who agreed before need not again.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Publish a new version of a terms document; it holds at once."""
    with changing(data_dir) as (_settings, db, now):
        version = terms.publish(db, name, read_texts(file), now, is_material=not wording_only)
        said = f"{name} version {version.version}, sha256 {version.sha256}"
    people.print(said)


def list_terms(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every version of every terms document."""
    with looking(data_dir) as (_settings, db):
        rows = [
            {
                "name": t.name,
                "version": t.version,
                "from": t.effective_at.isoformat(),
                "material": t.is_material,
                "sha256": t.sha256,
            }
            for t in terms.all_versions(db)
        ]
    print_rows(rows, as_json=as_json, title="Terms", empty="")


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


TERMS: Final[dict[str, Callable[..., None]]] = {"publish": publish_terms, "list": list_terms}
NOTICES: Final[dict[str, Callable[..., None]]] = {"add": add_notice, "list": list_notices}
