"""Guests' sessions and devices: what is online, what looks wrong, ending, slowing down, blocking."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from hotspot.cli.output import (
    AsJson,
    DataDir,
    add_group,
    changing,
    installation,
    looking,
    people,
    print_json,
    print_rows,
)
from hotspot.errors import Invalid
from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.guests.service import block_device, unblock_device
from hotspot.radius import control
from hotspot.radius.disconnect import Done, Ending, Gone, Outcome, meaning
from hotspot.security import Keys
from hotspot.sites.service import get_site
from hotspot.usage.service import SessionRow, open_sessions, suspect_sessions

SessionId = Annotated[int, typer.Argument(help="As in `hotspot sessions list`.", min=1)]
Device = Annotated[str, typer.Argument(help="MAC address, or the pseudonym in `hotspot sessions list`.")]
FASTEST = 10_000_000  # kbit/s, as in the settings of a site
NOT_DONE = 5  # the exit code of what does not answer
LONGEST_BLOCK = 87_600  # hours: ten years


class NoSuchDevice(Invalid):
    """{given} is neither a MAC address nor a device's pseudonym"""


class NothingToChange(Invalid):
    """Say what to change: --minutes, or both --up-kbps and --down-kbps"""


def add_to(app: typer.Typer) -> None:
    groups: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
        "sessions": (
            "Who is online.",
            {"list": list_sessions, "disconnect": disconnect_session, "change": change_session},
        ),
        "devices": ("Guests' devices.", {"block": block, "unblock": unblock}),
    }
    for name, (help_text, commands) in groups.items():
        add_group(app, name, help_text, commands)


# --- sessions ------------------------------------------------------------------------------------------------------------


def list_sessions(
    site: Annotated[str | None, typer.Option("--site", help="Only this site's.")] = None,
    suspect: Annotated[
        bool, typer.Option("--suspect", help="Those whose figures can't be true and are kept out of reports.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions that are online, newest first."""
    with looking(data_dir) as (settings, db):
        if site is not None:
            get_site(db, site)  # or a slip of the pen would read as "nobody"
        found = suspect_sessions(db, site=site) if suspect else open_sessions(db, site=site)
    rows = [_row(one) if as_json else _line(one, settings.zone, suspect=suspect) for one in found]
    empty = "Nothing looks wrong." if suspect else "Nobody is online."
    print_rows(rows, as_json=as_json, title="Sessions", empty=empty)


def _row(session: SessionRow) -> dict[str, Any]:
    row = session._asdict()
    return row | {
        "since": session.since.isoformat(timespec="seconds"),
        "seen": session.seen.isoformat(timespec="seconds"),
    }


def _line(session: SessionRow, zone: ZoneInfo, *, suspect: bool) -> dict[str, Any]:
    """The same for people: local times, and no column that says the same in every line."""
    row = session._asdict() | {
        "since": f"{session.since.astimezone(zone):%Y-%m-%d %H:%M}",
        "seen": f"{session.seen.astimezone(zone):%Y-%m-%d %H:%M}",
    }
    return row if suspect else {name: row[name] for name in row if name not in ("ended_by", "suspicion")}


def disconnect_session(number: SessionId, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Ask the router to end a session, and find out whether it is gone."""
    with installation(data_dir) as (settings, database):
        ending = control.end(database, number, keys=settings.keys, now=datetime.now(UTC))
    _tell(ending, session=number, as_json=as_json)


def change_session(
    number: SessionId,
    minutes: Annotated[int | None, typer.Option("--minutes", min=1, max=1440, help="Longest, from its start.")] = None,
    up_kbps: Annotated[
        int | None, typer.Option("--up-kbps", min=64, max=FASTEST, help="Speed from the device.")
    ] = None,
    down_kbps: Annotated[int | None, typer.Option("--down-kbps", min=64, max=FASTEST, help="Speed to it.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Ask the router to hold a running session to another speed or length."""
    with installation(data_dir) as (settings, database):
        if (up_kbps is None) != (down_kbps is None) or (minutes is None and up_kbps is None):
            raise NothingToChange
        outcome = control.change(
            database,
            number,
            keys=settings.keys,
            now=datetime.now(UTC),
            session_timeout=None if minutes is None else timedelta(minutes=minutes),
            limit=None if up_kbps is None else f"{up_kbps}k/{down_kbps}k",
        )
    _tell(outcome, session=number, as_json=as_json)


def _tell(outcome: Outcome | Ending, *, session: int, as_json: bool) -> None:
    is_done = isinstance(outcome, Done | Gone)
    if as_json:
        print_json(
            {"session": session, "done": is_done, "outcome": type(outcome).__name__, "meaning": meaning(outcome)}
        )
    else:
        people.print(meaning(outcome), soft_wrap=True, markup=False)
    if not is_done:
        raise typer.Exit(NOT_DONE)


# --- devices -------------------------------------------------------------------------------------------------------------


def block(
    device: Device,
    reason: Annotated[str, typer.Option("--reason", help="One line, for whoever is asked about it.")],
    hours: Annotated[
        int | None, typer.Option("--hours", min=1, max=LONGEST_BLOCK, help="For how long; without: until unblocked.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a device in nowhere any more, and end what it has open."""
    with installation(data_dir) as (settings, database):
        now = datetime.now(UTC)
        device_id = device_named(device, settings.keys)
        until = None if hours is None else now + timedelta(hours=hours)
        with database.writing() as db:
            block_device(db, device_id, reason=reason, until=until, now=now)
        with database.reading() as db:
            still_open = open_sessions(db, device_id=device_id)
        endings = control.end_all(database, [one.id for one in still_open], keys=settings.keys, now=now)
    if as_json:
        ended = {number: type(ending).__name__ for number, ending in endings.items()}
        print_json({"device": device_id, "until": until, "sessions": ended})
    else:
        people.print(f"Blocked {'until ' + until.isoformat(timespec='minutes') if until else 'until it is unblocked'}.")
        for number, ending in endings.items():
            people.print(f"Session {number}: {meaning(ending)}", soft_wrap=True, markup=False)
    if not all(isinstance(ending, Gone) for ending in endings.values()):
        raise typer.Exit(NOT_DONE)


def unblock(device: Device, data_dir: DataDir = None) -> None:
    """Let a blocked device in again."""
    with changing(data_dir) as (settings, db, _now):
        was_blocked = unblock_device(db, device_named(device, settings.keys))
    people.print("It may log in again." if was_blocked else "It was not blocked.")


def device_named(given: str, keys: Keys) -> UUID:
    try:
        return keys.device_id(MacAddress.parse(given).octets)
    except BadMacAddress:
        pass
    try:
        return UUID(given)
    except ValueError:
        raise NoSuchDevice(given=repr(given)) from None
