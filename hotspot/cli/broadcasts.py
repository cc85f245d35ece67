"""Commands about emergency broadcasts: an alert on every portal page of an area, or a drill of one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from hotspot.areas import service as areas
from hotspot.cli.guest_texts import read_texts
from hotspot.cli.output import ActingAs, AsJson, DataDir, acting, changing, looking, print_made, print_rows
from hotspot.portal import banners, broadcasts
from hotspot.portal.models import Broadcast
from hotspot.routers.views import moment

Number = Annotated[int, typer.Argument(help="As in `hotspot broadcast list`.", min=1)]
MOST_HOURS: Final = int(broadcasts.LONGEST / timedelta(hours=1))


def start(
    file: Annotated[Path, typer.Argument(help="TOML: a table a language with title and text.")],
    name: ActingAs,
    area: Annotated[str, typer.Option("--area", help="Official code, as in `hotspot areas list`.")],
    hours: Annotated[
        float, typer.Option("--hours", help=f"When it ends by itself, at most {MOST_HOURS} hours from now.")
    ],
    drill: Annotated[bool, typer.Option("--drill", help="Marked as an exercise: LATIHAN / DRILL.")] = False,
    alone: Annotated[
        bool, typer.Option("--alone", help="Show it at once: for the duty officer, and reviewed afterwards.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write an alert; it shows when a second person approves it, the duty officer's at once."""
    with changing(data_dir) as (settings, db, now):
        texts = read_texts(file)
        broadcast = broadcasts.start(
            db,
            areas.get_area(db, area),
            texts,
            ends_at=now + timedelta(hours=hours),
            by=acting(db, name),
            languages=settings.languages,
            is_drill=drill,
            is_alone=alone,
            now=now,
        )
        row = {"number": broadcast.id, "state": broadcasts.state_of(broadcast, now)}
    waits = f"Broadcast {row['number']} waits. A second person sends it: hotspot broadcast approve {row['number']} --as NAME"
    shows = f"Broadcast {row['number']} shows from now on. A second person reviews it: hotspot broadcast review {row['number']} --as NAME"
    print_made(row, shows if alone else waits, as_json=as_json)


def approve(number: Number, name: ActingAs, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Send somebody else's alert: it shows within a minute."""
    with changing(data_dir) as (_settings, db, now):
        broadcasts.approve(db, number, by=acting(db, name), now=now)
    print_made({"number": number, "state": "shown"}, f"Broadcast {number} shows from now on.", as_json=as_json)


def end(number: Number, name: ActingAs, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take an alert down before its time."""
    with changing(data_dir) as (_settings, db, now):
        broadcasts.end(db, number, by=acting(db, name), now=now)
    print_made({"number": number, "state": "over"}, f"Broadcast {number} is over.", as_json=as_json)


def review(number: Number, name: ActingAs, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Note that you have looked at what the duty officer sent alone."""
    with changing(data_dir) as (_settings, db, now):
        broadcasts.review(db, number, by=acting(db, name), now=now)
    print_made({"number": number, "reviewed": True}, f"Broadcast {number} is reviewed.", as_json=as_json)


def list_broadcasts(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all alerts with who did what and when; first those that a second person has still to review."""
    now = datetime.now(UTC)
    with looking(data_dir) as (settings, db):

        def did(who: int | None, at: datetime | None) -> str:
            return (
                f"{banners.name_of(db, who)} {moment(at, settings.zone)}" if at is not None and who is not None else ""
            )

        rows = [
            {
                "number": sent.id,
                "state": broadcasts.state_of(sent, now),
                "drill": sent.is_drill,
                "area": area.code,
                "title": banners.title_of(sent.texts, settings.languages),
                "until": moment(sent.ends_at, settings.zone),
                "drafted": did(sent.drafted_by, sent.drafted_at),
                "approved": did(sent.approved_by, sent.started_at),
                "ended": did(sent.ended_by, sent.ended_at),
                "review": _review(sent, did(sent.reviewed_by, sent.reviewed_at)),
            }
            for sent, area in broadcasts.all_broadcasts(db)
        ]
    print_rows(rows, as_json=as_json, title="Emergency broadcasts", empty="There was none yet.")


def _review(sent: Broadcast, reviewed: str) -> str:
    return "STILL TO REVIEW" if broadcasts.needs_review(sent) else reviewed


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "start": start,
    "approve": approve,
    "end": end,
    "review": review,
    "list": list_broadcasts,
}
