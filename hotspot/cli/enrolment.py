"""Commands that bring routers in: invite, place, replace; `cli.inbox` has those for routers that weren't invited."""

import io
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import segno
import typer
from sqlmodel import Session

from hotspot.cli.output import AsJson, DataDir, DryRun, changing, people, print_json, print_made, save
from hotspot.errors import Conflict
from hotspot.routers import bootstrap, enrol, identity
from hotspot.routers.bundle import bootstrap_for
from hotspot.routers.contact import read_serial
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
        token = enrol.issue_token(db, site_id=site_id(db, site), serial=number, now=now)
        content = content_of(settings, token, form, is_picture=output is not None)
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


def content_of(settings: Settings, token: str, form: Form, *, is_picture: bool) -> str:
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


def place(
    name: Name,
    site: Annotated[str, typer.Argument(help="Slug of the site.")],
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say at which site a router stands."""
    with changing(data_dir, dry_run=dry_run) as (_settings, db, _now):
        identity.place(db, name, site_id=site_id(db, site) or 0)
    print_made({"name": name, "site": site}, f"{name} stands at {site} now.", as_json=as_json, dry_run=dry_run)


def replace(
    old: Annotated[str, typer.Argument(help="The dead router, whose name, site, secret and address live on.")],
    new: Annotated[str, typer.Argument(help="The one that takes its place: adopted or enrolled, at no site.")],
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give the identity of a dead router to a new one."""
    with changing(data_dir, dry_run=dry_run) as (settings, db, _now):
        identity.replace(db, old, new, keys=settings.keys)
    sentence = (
        f"{old} is the new box now. What the old box was is kept under {new}. "
        "It moves to its tunnel address by itself: hotspot jobs list"
    )
    print_made({"name": old, "record_of_the_old": new}, sentence, as_json=as_json, dry_run=dry_run)


def site_id(db: Session, slug: str | None) -> int | None:
    return None if slug is None else get_site(db, slug).id


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "invite": invite,
    "place": place,
    "replace": replace,
}
