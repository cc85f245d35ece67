"""Commands for the terms: drafted by one person, approved by another one, listed, shown with what changed.

Whoever may use the command line may do anything to the installation; nobody proves here to be a member of staff. So a draft and an
approval keep both: the staff account that is named with --as, and the account of the machine that typed it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session

from hotspot.cli.guest_texts import read_texts
from hotspot.cli.output import (
    ActingAs,
    AsJson,
    DataDir,
    acting,
    changing,
    looking,
    people,
    print_json,
    print_made,
    print_rows,
    who,
)
from hotspot.errors import NotAllowed
from hotspot.guests import terms
from hotspot.guests.differences import compare
from hotspot.guests.models import Terms
from hotspot.guests.terms import Person
from hotspot.staff.models import Role

DATE: Final = "%Y-%m-%d"
MARKS: Final = {"same": "  ", "gone": "- ", "new": "+ "}

Name = Annotated[str, typer.Option("--name", help="Document, as in the setting `terms`.")]
Version = Annotated[int, typer.Argument(help="As in `hotspot terms list`.", min=1)]


class NotTheirs(NotAllowed):
    """{name} is {role}; terms are {what}"""


def _person(db: Session, name: str, *, what: str, roles: tuple[Role, ...]) -> Person:
    staff = acting(db, name)
    if staff.role not in roles:
        raise NotTheirs(name=name, role=staff.role, what=what)
    return Person(staff.name, who())


def draft(
    file: Annotated[Path, typer.Argument(help="TOML: a table a language with title, summary, body.")],
    as_whom: ActingAs,
    name: Name = terms.DEFAULT_NAME,
    effective: Annotated[
        datetime | None,
        typer.Option("--from", formats=[DATE], help="The day it begins to hold; without: once it is approved."),
    ] = None,
    wording_only: Annotated[
        bool, typer.Option("--wording-only", help="Nothing material changes: who agreed before need not again.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write down a new version of a terms document for somebody else to approve."""
    with changing(data_dir) as (settings, db, now):
        by = _person(db, as_whom, what="drafted by admins and network staff", roles=(Role.ADMIN, Role.NETWORK))
        made = terms.draft(
            db,
            name,
            read_texts(file),
            by=by,
            now=now,
            effective_at=None if effective is None else _midnight(effective, settings.zone),
            is_material=not wording_only,
        )
        row = _row(made)
        sentence = (
            f"{name} version {made.version}, sha256 {made.sha256}, holds once an admin other than {by.name} has approved it: "
            f"{settings.base_url}/console/terms/{name}/{made.version}"
        )
    print_made(row, sentence, as_json=as_json)


def _midnight(day: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(day.date(), time.min, zone).astimezone(UTC)


def approve(
    version: Version,
    as_whom: ActingAs,
    sha256: Annotated[str, typer.Option("--sha256", help="Of the text you have read, as `hotspot terms show` says.")],
    name: Name = terms.DEFAULT_NAME,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Approve a version that somebody else has drafted."""
    with changing(data_dir) as (settings, db, now):
        by = _person(db, as_whom, what="approved by admins", roles=(Role.ADMIN,))
        made = terms.approve(db, name, version, sha256=sha256, by=by, now=now)
        row = _row(made)
        since = made.effective_at.astimezone(settings.zone)
    print_made(row, f"{name} version {version} holds from {since:%Y-%m-%d %H:%M}.", as_json=as_json)


def list_terms(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every version of every terms document, and which areas and sites ask for one."""
    with looking(data_dir) as (_settings, db):
        rows = [_row(one) for one in terms.all_versions(db)]
        uses = terms.uses(db)
    print_rows(rows, as_json=as_json, title="Terms", empty="")
    if not as_json:
        for use in uses:
            people.print(f"{use.document} is asked for at {use.place} and below.", markup=False)


def show(
    version: Version,
    name: Name = terms.DEFAULT_NAME,
    difference: Annotated[
        bool, typer.Option("--difference", help="Only what is otherwise than in the approved version before.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a version as it was written, or what it changes."""
    with looking(data_dir) as (_settings, db):
        one = terms.get_version(db, name, version)
        before = terms.find_approved_before(db, one)
        if as_json:
            print_json(_row(one) | {"texts": one.texts})
            return
        people.print(f"{name} version {version}, sha256 {one.sha256}", markup=False, soft_wrap=True)
        if difference:
            _print_difference(one, before)
            return
        for language, parts in one.texts.items():
            for part, words in parts.items():
                people.print(f"\n[{language}] {part}\n{words}", markup=False, soft_wrap=True)


def _print_difference(one: Terms, before: Terms | None) -> None:
    people.print(f"against version {before.version}" if before else "It is the first version.")
    for part in compare(before.texts if before else {}, one.texts):
        people.print(f"\n[{part.language}] {part.part}", markup=False)
        for line in part.lines:
            people.print(MARKS[line.change] + line.text, markup=False, soft_wrap=True)


def _row(one: Terms) -> dict[str, object]:
    return {
        "name": one.name,
        "version": one.version,
        "from": one.effective_at.isoformat(timespec="minutes"),
        "material": one.is_material,
        "drafted": f"{one.drafted_by}, {one.drafted_through}",
        "approved": f"{one.approved_by}, {one.approved_through}" if one.approved_at else None,
        "sha256": one.sha256,
    }


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "draft": draft,
    "approve": approve,
    "list": list_terms,
    "show": show,
}
