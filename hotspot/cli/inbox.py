"""The inbox of routers that nobody invited: those that called, and those that `hotspot discover --keep` heard. Show them, adopt one."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlmodel import Session

from hotspot.cli.enrolment import Form, OptionalSite, content_of, site_id
from hotspot.cli.output import (
    AsJson,
    DataDir,
    changing,
    errors,
    looking,
    people,
    print_json,
    print_made,
    print_rows,
    save,
)
from hotspot.discovery import kept
from hotspot.discovery.models import KeptNeighbour
from hotspot.errors import Conflict
from hotspot.guests.models import MacAddress
from hotspot.routers import enrol, inbox
from hotspot.routers.contact import read_serial
from hotspot.routers.models import Caller, Router
from hotspot.routers.service import all_routers
from hotspot.settings import Settings

LONGEST_NUMBER: Final = 9  # digits; a MAC address has twelve, with or without colons


class AlreadyCalled(Conflict):
    """{number} has called and said its serial number; only a router that was heard is given one with --serial"""


def list_inbox(
    forget: Annotated[
        int | None,
        typer.Option("--forget", min=1, metavar="NUMBER", help="Take one out that has called and nobody wants."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the routers that called without an invitation or were heard on a wire, and what to do with each."""
    if forget is not None:
        with changing(data_dir) as (_settings, db, _now):
            inbox.dismiss(db, forget)
        print_made({"forgotten": forget}, f"{forget} is forgotten, until it calls again.", as_json=as_json)
        return
    now = datetime.now(UTC)
    with looking(data_dir) as (settings, db):
        known = {router.serial: router.name for router in all_routers(db)}
        callers, heard = inbox.callers(db), kept.neighbours(db, now=now)
        if as_json:
            rows = [{"kind": "called", **one.model_dump(), "known_as": known.get(one.serial)} for one in callers]
            rows += [{"kind": "heard", **one.model_dump()} for one in heard]
        else:
            rows = [_caller(caller, known, settings) for caller in callers]
            rows += [_neighbour(one, settings, now) for one in heard]
    empty = (
        "No router waits. Invite one: hotspot routers invite --site SLUG; or listen: hotspot discover INTERFACE --keep"
    )
    print_rows(rows, as_json=as_json, title="Inbox", empty=empty)


def _caller(caller: Caller, known: dict[str | None, str], settings: Settings) -> dict[str, object]:
    step = f"hotspot routers adopt {caller.id}"
    if caller.device_mode.get("hotspot") == "no":
        step += "; then its button"
    return {
        "number or MAC": caller.id,
        "serial or identity": caller.serial,
        "model": caller.model,
        "version": caller.version,
        "from": caller.source,
        "last": _moment(caller.last_at, settings),
        "known as": known.get(caller.serial),
        "next step": step,
    }


def _neighbour(heard: KeptNeighbour, settings: Settings, now: datetime) -> dict[str, object]:
    step = f"hotspot routers adopt {heard.mac}"
    if heard.invited_at is not None and now < heard.invited_at + enrol.TOKEN_LIFE:
        step = f"run its script, until {_moment(heard.invited_at + enrol.TOKEN_LIFE, settings)}"
    return {
        "number or MAC": heard.mac,
        "serial or identity": heard.identity,
        "model": heard.board,
        "version": heard.version,
        "from": f"{heard.heard_on} {heard.address}".rstrip(),
        "last": _moment(heard.last_at, settings),
        "known as": None,
        "next step": step,
    }


def _moment(at: datetime, settings: Settings) -> str:
    return f"{at.astimezone(settings.zone):%Y-%m-%d %H:%M}"


# --- adopt -------------------------------------------------------------------------------------------------------------------


def adopt(
    which: Annotated[
        str,
        typer.Argument(metavar="NUMBER|MAC", help="As in `hotspot routers inbox`; compare the serial number first."),
    ],
    site: OptionalSite = None,
    serial: Annotated[
        str | None, typer.Option("--serial", help="On the label of a router that was heard: only it may come.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="File for the script of a router that was heard.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="The serial number is known: that box was reset, and this is it.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a router in from the inbox: one that called goes on by itself, one that was heard needs its script."""
    with changing(data_dir) as (settings, db, now):
        if which.isascii() and which.isdigit() and len(which) <= LONGEST_NUMBER:
            if serial is not None or output is not None:
                raise AlreadyCalled(number=which)
            row = _admitted(db, int(which), site, settings, again=again, now=now)
        else:
            row = _invited(db, MacAddress.parse(which), site, serial, settings, now=now)
            if output is not None:
                save(output, str(row["content"]).encode())
    if as_json:
        print_json(row)
    elif "content" in row:
        _print_invitation(row, output)
    else:
        print_made(row, f"Adopted as {row['name']}. It goes on when it calls again.", as_json=False)


def _admitted(
    db: Session, number: int, site: str | None, settings: Settings, *, again: bool, now: datetime
) -> dict[str, object]:
    router = enrol.adopt(db, number, site_id=site_id(db, site), again=again, settings=settings, now=now)
    return _row(router, site)


def _row(router: Router, site: str | None) -> dict[str, object]:
    return {
        "name": router.name,
        "serial": router.serial,
        "site": site,
        "state": router.state,
        "tunnel_address": router.tunnel_address,
    }


def _invited(
    db: Session, mac: MacAddress, site: str | None, serial: str | None, settings: Settings, *, now: datetime
) -> dict[str, object]:
    """An announcement names no serial number, so the invitation is bound to the site, or to the number that a person read."""
    heard = kept.get_neighbour(db, mac, now=now)
    number = None if serial is None else read_serial(serial)
    token = enrol.issue_token(db, site_id=site_id(db, site), serial=number, now=now)
    heard.invited_at = now
    return {
        "mac": heard.mac,
        "identity": heard.identity,
        "site": site,
        "serial": number,
        "until": (now + enrol.TOKEN_LIFE).astimezone(settings.zone).isoformat(timespec="minutes"),
        "ways": _ways(heard),
        "content": content_of(settings, token, Form.RSC, is_picture=False),
    }


def _ways(heard: KeptNeighbour) -> list[str]:
    """How to bring the script to a box that is on the same wire."""
    ways = [f"WinBox on this wire: Neighbors, a click on {heard.mac}, Connect; paste the script into New Terminal"]
    if "." in heard.address:
        ways.append(f"ssh admin@{heard.address}, or http://{heard.address}/ and Terminal; paste the script there")
    ways.append(
        "Netinstall, for one without a log-in: hotspot routers invite --format netinstall, with the same --site or --serial"
    )
    return ways


def _print_invitation(row: dict[str, object], output: Path | None) -> None:
    """The script alone goes to standard output, so that it can be piped; what people are told goes beside it."""
    say = people if output is not None else errors
    until = datetime.fromisoformat(str(row["until"]))
    say.print(f"For {row['mac']}, once, until {until:%H:%M}. Ways to bring it there:", markup=False, soft_wrap=True)
    for way in row["ways"] if isinstance(row["ways"], list) else ():
        say.print(f"- {way}", markup=False, soft_wrap=True)
    if output is not None:
        say.print(f"The script is in {output}.", markup=False, soft_wrap=True)
    else:
        print(row["content"], end="")  # noqa: T201  (to paste: no wrapping, no markup)


COMMANDS: Final[dict[str, Callable[..., None]]] = {"inbox": list_inbox, "adopt": adopt}
