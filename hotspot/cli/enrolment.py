"""Commands that bring routers in: invite, the inbox, adopt, place, replace."""

import io
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import segno
import typer
from sqlmodel import Session

from hotspot.cli.output import AsJson, DataDir, changing, looking, people, print_json, print_made, print_rows, save
from hotspot.errors import Conflict
from hotspot.routers import bootstrap, enrol, identity, inbox
from hotspot.routers.bundle import bootstrap_for
from hotspot.routers.contact import read_serial
from hotspot.routers.models import Caller, Router
from hotspot.routers.service import all_routers
from hotspot.settings import Settings
from hotspot.sites.service import get_site

OptionalSite = Annotated[str | None, typer.Option("--site", help="Slug of a site, as in `hotspot sites list`.")]
Name = Annotated[str, typer.Argument(help="The router's name, as in `hotspot routers list`.")]


class Form(StrEnum):
    """What an invitation is given as."""

    RSC = "rsc"
    NETINSTALL = "netinstall"
    ONE_LINE = "one-line"
    QR = "qr"


class NeedsTrust(Conflict):
    """One line can't carry HOTSPOT_PUBLIC_CA, and without it the router would trust anybody; use --format rsc or netinstall"""


def invite(
    site: OptionalSite = None,
    serial: Annotated[str | None, typer.Option("--serial", help="Serial number on the box's label.")] = None,
    form: Annotated[
        Form, typer.Option("--format", help="To paste, for Netinstall, or one line to type or scan.")
    ] = Form.RSC,
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write it to; a QR code becomes an SVG picture.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make the script that one router enrols itself with, once, within 30 minutes."""
    with changing(data_dir) as (settings, db, now):
        if settings.public_ca is not None and form in (Form.ONE_LINE, Form.QR):
            raise NeedsTrust
        number = None if serial is None else read_serial(serial)
        token = enrol.issue_token(db, site_id=_site_id(db, site), serial=number, now=now)
        content = _content(settings, token, form, is_picture=output is not None)
        if output is not None:
            save(output, content.encode())
        until = now + enrol.TOKEN_LIFE
    if as_json:
        print_json({"format": form, "site": site, "serial": number, "until": until.isoformat(), "content": content})
    elif output is not None:
        people.print(
            f"Written to {output}. It is good for one router until {until.astimezone(settings.zone):%H:%M}.",
            soft_wrap=True,
        )
    else:
        print(content, end="" if content.endswith("\n") else "\n")  # noqa: T201  (to paste: no wrapping, no markup)


def _content(settings: Settings, token: str, form: Form, *, is_picture: bool) -> str:
    carried = bootstrap_for(settings, token)
    match form:
        case Form.RSC:
            return bootstrap.script(carried)
        case Form.NETINSTALL:
            return bootstrap.netinstall(carried)
        case Form.ONE_LINE:
            return bootstrap.one_line(carried) + "\n"
    code = segno.make(bootstrap.one_line(carried), error="m", micro=False)
    if is_picture:
        drawn = io.BytesIO()
        code.save(drawn, kind="svg", scale=4, xmldecl=False)
        return drawn.getvalue().decode()
    blocks = io.StringIO()
    code.terminal(blocks, compact=True)
    return blocks.getvalue()


def list_inbox(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the routers that called without an invitation, the latest first."""
    with looking(data_dir) as (settings, db):
        known = {router.serial: router.name for router in all_routers(db)}
        callers = inbox.callers(db)
        if as_json:
            rows = [caller.model_dump() | {"known_as": known.get(caller.serial)} for caller in callers]
        else:
            rows = [_line(caller, known, settings) for caller in callers]
    print_rows(
        rows, as_json=as_json, title="Inbox", empty="No router waits. Invite one: hotspot routers invite --site SLUG"
    )


def _line(caller: Caller, known: dict[str | None, str], settings: Settings) -> dict[str, object]:
    return {
        "number": caller.id,
        "serial": caller.serial,
        "model": caller.model,
        "version": caller.version,
        "from": caller.source,
        "called": f"{caller.last_at.astimezone(settings.zone):%Y-%m-%d %H:%M}",
        "button": "needed" if caller.device_mode.get("hotspot") == "no" else "",
        "known as": known.get(caller.serial),
    }


def adopt(
    number: Annotated[
        int, typer.Argument(help="As in `hotspot routers inbox`; compare the serial number first.", min=1)
    ],
    site: OptionalSite = None,
    again: Annotated[
        bool, typer.Option("--again", help="The serial number is known: that box was reset, and this is it.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a router in from the inbox; it gets its tunnel when it calls the next time."""
    with changing(data_dir) as (settings, db, now):
        router = enrol.adopt(db, number, site_id=_site_id(db, site), again=again, settings=settings, now=now)
        row = _row(router, site)
    print_made(row, f"Adopted as {row['name']}. It goes on when it calls again.", as_json=as_json)


def place(
    name: Name,
    site: Annotated[str, typer.Argument(help="Slug of the site.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say at which site a router stands."""
    with changing(data_dir) as (_settings, db, _now):
        identity.place(db, name, site_id=_site_id(db, site) or 0)
    print_made({"name": name, "site": site}, f"{name} stands at {site} now.", as_json=as_json)


def replace(
    old: Annotated[str, typer.Argument(help="The dead router, whose name, site, secret and address live on.")],
    new: Annotated[str, typer.Argument(help="The one that takes its place: adopted or enrolled, at no site.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give the identity of a dead router to a new one."""
    with changing(data_dir) as (settings, db, _now):
        identity.replace(db, old, new, keys=settings.keys)
    sentence = (
        f"{old} is the new box now. What the old box was is kept under {new}. "
        "It moves to its tunnel address by itself: hotspot jobs list"
    )
    print_made({"name": old, "record_of_the_old": new}, sentence, as_json=as_json)


def _site_id(db: Session, slug: str | None) -> int | None:
    return None if slug is None else get_site(db, slug).id


def _row(router: Router, site: str | None) -> dict[str, object]:
    return {
        "name": router.name,
        "serial": router.serial,
        "site": site,
        "state": router.state,
        "tunnel_address": router.tunnel_address,
    }


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "invite": invite,
    "inbox": list_inbox,
    "adopt": adopt,
    "place": place,
    "replace": replace,
}
