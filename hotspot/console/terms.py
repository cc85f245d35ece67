"""Pages of the terms: every version, one as guests read it with what it changes, and the button by which a second person approves it."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from hotspot.console import access
from hotspot.console.access import ConsoleRoute, SignedIn, staff_facts
from hotspot.console.words import address, page
from hotspot.errors import NotAllowed
from hotspot.guests import terms
from hotspot.guests.differences import compare
from hotspot.guests.models import Terms
from hotspot.guests.terms import NoSuchVersion, Person
from hotspot.portal.prose import blocks
from hotspot.staff.models import Role, StaffAccount
from hotspot.web import Db, Now, ReadDb, SettingsDep

THROUGH: Final = "console"
LONGEST_VERSION: Final = 6  # digits

routes = APIRouter(prefix="/console/terms", route_class=ConsoleRoute, include_in_schema=False)


class NotAnAdmin(NotAllowed):
    """Only an admin approves terms"""


@routes.get("")
def list_terms(request: Request, staff: SignedIn, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """List every version of every document, and who asks for which document."""
    versions = [{"terms": one, "state": _state(db, one, now)} for one in reversed(terms.all_versions(db))]
    facts = {"versions": versions, "uses": terms.uses(db), "default": terms.DEFAULT_NAME}
    return page(request, "terms.html", {**staff_facts(request, staff, settings), **facts})


def _state(db: Session, one: Terms, now: datetime) -> str:
    """Say what a version is now: a draft, ahead, holding, or past."""
    if one.approved_at is None:
        return "draft"
    if one.effective_at > now:
        return "ahead"
    return "holds" if terms.current(db, one.name, now).id == one.id else "past"


@routes.get("/{name}/{version}")
def show_terms(
    request: Request, name: str, version: str, staff: SignedIn, db: ReadDb, now: Now, settings: SettingsDep
) -> Response:
    """Show a version as guests read it, and what it says otherwise than the approved one before."""
    one = _wanted(db, name, version)
    before = terms.find_approved_before(db, one)
    readings = [
        {"language": language, **parts, "summary": blocks(parts["summary"]), "body": blocks(parts["body"])}
        for language, parts in one.texts.items()
    ]
    facts = {
        "terms": one,
        "state": _state(db, one, now),
        "readings": readings,
        "before": before,
        "changes": compare(before.texts, one.texts) if before else [],
        "may_approve": _may_approve(staff, one),
    }
    return page(request, "terms_version.html", {**staff_facts(request, staff, settings), **facts})


def _wanted(db: Session, name: str, version: str) -> Terms:
    if (
        not terms.NAME.fullmatch(name)
        or not version.isascii()
        or not version.isdecimal()
        or len(version) > LONGEST_VERSION
    ):
        raise NoSuchVersion(name=repr(name), version=repr(version))
    return terms.get_version(db, name, int(version))


def _may_approve(staff: StaffAccount, one: Terms) -> bool:
    return one.approved_at is None and staff.role == Role.ADMIN and staff.name != one.drafted_by


@routes.post("/{name}/{version}/approve")
def approve(
    request: Request,
    name: str,
    version: str,
    staff: SignedIn,
    settings: SettingsDep,
    db: Db,
    now: Now,
    form_token: Annotated[str, Form()] = "",
    sha256: Annotated[str, Form()] = "",
) -> Response:
    """Approve the text that was on the page, which somebody else has drafted."""
    access.refuse_forged_by_staff(request, settings, form_token)
    if staff.role != Role.ADMIN:
        raise NotAnAdmin
    one = _wanted(db, name, version)
    terms.approve(db, one.name, one.version, sha256=sha256, by=Person(staff.name, THROUGH), now=now)
    return RedirectResponse(address(request, f"/console/terms/{one.name}/{one.version}"), 303)
