"""Commands for residents' own codes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from hotspot.cli.output import AsJson, DataDir, add_group, changing, looking, print_made, print_rows, who
from hotspot.guests import residents
from hotspot.guests.printed_codes import grouped
from hotspot.guests.residents import LONGEST_LIFE, LONGEST_NOTE, Issued
from hotspot.routers.views import moment

Number = Annotated[int, typer.Argument(help="As in `hotspot residents list`.", min=1)]
Days = Annotated[int, typer.Option("--days", help="How long it holds from now on.", min=1, max=LONGEST_LIFE.days)]


def add(
    note: Annotated[
        str, typer.Option("--note", help=f"Nothing about the person; {LONGEST_NOTE} characters at most.")
    ] = "",
    days: Days = 365,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Issue a code to a resident; it is shown once, now."""
    with changing(data_dir) as (settings, db, now):
        life = timedelta(days=days)
        issued = residents.issue(db, note=note, life=life, issued_by=who(), keys=settings.keys, now=now)
    _tell(issued, settings.zone, as_json=as_json)


def renew(
    number: Number,
    days: Days = 365,
    new_code: Annotated[bool, typer.Option("--new-code", help="The old one is lost: another one instead.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a code hold longer; with a new code it is still the same guest."""
    with changing(data_dir) as (settings, db, now):
        life = timedelta(days=days)
        issued = residents.renew(db, number, life=life, keys=settings.keys, now=now, new=new_code)
    _tell(issued, settings.zone, as_json=as_json)


def _tell(issued: Issued, zone: ZoneInfo, *, as_json: bool) -> None:
    until = moment(issued.valid_until, zone)
    row = {"number": issued.number, "code": grouped(issued.code) or None, "valid_until": until}
    sentence = f"Resident {issued.number} is good until {until}."
    if issued.code:
        sentence += f" The code, shown only now:\n{grouped(issued.code)} (No. {issued.number})"
    print_made(row, sentence, as_json=as_json)


def revoke(number: Number, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take a code back; sessions that it opened end within a minute."""
    with changing(data_dir) as (_settings, db, now):
        residents.revoke(db, number, now=now)
    print_made(
        {"number": number, "revoked": True}, f"The code of resident {number} is no good any more.", as_json=as_json
    )


def list_residents(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the codes by number; what they are is never shown again."""
    with looking(data_dir) as (settings, db):
        rows = [
            {
                "number": row.number,
                "note": row.note,
                "issued_at": moment(row.issued_at, settings.zone),
                "valid_until": moment(row.valid_until, settings.zone),
                "revoked_at": moment(row.revoked_at, settings.zone),
            }
            for row in residents.residents(db)
        ]
    print_rows(rows, as_json=as_json, title="Residents", empty="No codes yet: hotspot residents add")


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "add": add,
    "renew": renew,
    "revoke": revoke,
    "list": list_residents,
}


def add_to(app: typer.Typer) -> None:
    add_group(app, "residents", "Residents' own codes.", COMMANDS)
