"""Commands about the city's information on the portal: draft, approve, end, and how often it was seen."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlmodel import Session

from hotspot.cli.output import (
    ActingAs,
    AsJson,
    DataDir,
    UnreadableFile,
    acting,
    changing,
    looking,
    print_made,
    print_rows,
    read_text,
)
from hotspot.cli.places import OptionalArea, OptionalSite, one_place
from hotspot.portal import banners
from hotspot.portal.drafts import read_draft
from hotspot.portal.images import LARGEST_FILE, keep, redraw
from hotspot.reports import banners as reports
from hotspot.settings import Settings

Number = Annotated[int, typer.Argument(help="As in `hotspot banners list`.", min=1)]
File = Annotated[Path, typer.Argument(help="TOML: a table a language with title and text.")]
ImageFile = Annotated[Path | None, typer.Option("--image", help="A JPEG, PNG or WebP; each language then needs alt.")]
Revision = Annotated[int, typer.Option("--revision", help="The one you have looked at, as in the list.", min=1)]


def _kept(db: Session, path: Path | None, now: datetime) -> str | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UnreadableFile(path=path, problem=error) from error
    return keep(db, redraw(content), now=now)


def draft(
    file: File,
    name: ActingAs,
    area: OptionalArea = None,
    site: OptionalSite = None,
    image: ImageFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write information for an area or a site; it shows once somebody else has approved it."""
    with changing(data_dir) as (settings, db, now):
        place = one_place(db, area, site)
        wanted = read_draft(read_text(file), zone=settings.zone, now=now, image=_kept(db, image, now))
        banner = banners.draft(db, place, wanted, by=acting(db, name), now=now)
        row = {"number": banner.id, "revision": banner.revision}
    print_made(row, f"Draft {row['number']}; it shows once somebody else has approved it.", as_json=as_json)


def edit(
    number: Number,
    file: File,
    name: ActingAs,
    revision: Revision,
    image: ImageFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write it anew; it shows again once somebody else has approved that. Without --image it keeps its picture."""
    with changing(data_dir) as (settings, db, now):
        wanted = read_draft(read_text(file), zone=settings.zone, now=now, image=_kept(db, image, now))
        banner = banners.edit(db, number, wanted, revision=revision, by=acting(db, name), now=now)
        row = {"number": number, "revision": banner.revision}
    print_made(row, f"{number} waits for its approval again, as revision {row['revision']}.", as_json=as_json)


def approve(
    number: Number, name: ActingAs, revision: Revision, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Let it be shown; it must be somebody else's."""
    with changing(data_dir) as (_settings, db, now):
        banners.approve(db, number, revision=revision, by=acting(db, name), now=now)
    print_made({"number": number, "approved": True}, f"{number} is approved.", as_json=as_json)


def end(number: Number, name: ActingAs, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show it no longer."""
    with changing(data_dir) as (_settings, db, now):
        banners.end(db, number, by=acting(db, name), now=now)
    print_made({"number": number, "ended": True}, f"{number} is shown no longer.", as_json=as_json)


def list_banners(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all information, the newest first."""
    now = datetime.now(UTC)
    with looking(data_dir) as (settings, db):
        rows = [
            {
                "number": banner.id,
                "revision": banner.revision,
                "state": banners.state_of(banner, now),
                "place": place,
                "title": banners.title_of(banner.texts, settings.languages),
                "priority": banner.priority,
                "drafted_by": banners.name_of(db, banner.drafted_by),
                "approved_by": banners.name_of(db, banner.approved_by),
            }
            for banner, place in banners.all_banners(db)
        ]
    empty = "No information yet: hotspot banners draft --area CODE --as NAME FILE.toml"
    print_rows(rows, as_json=as_json, title="Information", empty=empty)


def report(
    number: Annotated[int | None, typer.Argument(help="One piece, by kelurahan; without: all.", min=1)] = None,
    days: Annotated[int, typer.Option("--days", help="How many days back.", min=1, max=3660)] = 30,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say how often information was shown and its links followed; pages, not people."""
    now = datetime.now(UTC)
    with looking(data_dir) as (settings, db):
        start = reports.since(days, now=now, zone=settings.zone)
        rows = _all_counts(db, settings, start) if number is None else _counts_of(db, number, start)
    print_rows(rows, as_json=as_json, title=f"The last {days} days", empty="Nothing was counted.")


def _all_counts(db: Session, settings: Settings, start: datetime) -> list[dict[str, object]]:
    titles = {banner.id: banners.title_of(banner.texts, settings.languages) for banner, _ in banners.all_banners(db)}
    return [
        {"number": number, "title": titles[number], "shown": count.shown, "followed": count.followed}
        for number, count in reports.counts_by_banner(db, start=start).items()
    ]


def _counts_of(db: Session, number: int, start: datetime) -> list[dict[str, object]]:
    banners.get_banner(db, number)
    return [
        {"area": count.key, "name": count.name, "shown": count.shown, "followed": count.followed}
        for count in reports.counts_by_area(db, number, start=start)
    ]


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "draft": draft,
    "edit": edit,
    "approve": approve,
    "end": end,
    "list": list_banners,
    "report": report,
}
