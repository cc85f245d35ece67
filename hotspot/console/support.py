"""The console's page for staff who help a guest: a support code in, what became of the attempt out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from hotspot.console import access
from hotspot.console.access import ConsoleRoute, SignedIn
from hotspot.console.words import page
from hotspot.errors import NotAllowed
from hotspot.portal.support import NoSuchCode, Trace, traces
from hotspot.settings import Settings
from hotspot.staff.models import StaffAccount
from hotspot.web import ReadDb, SettingsDep

routes = APIRouter(prefix="/console/support", route_class=ConsoleRoute, include_in_schema=False)


class NotForYou(NotAllowed):
    """Only admins and network staff look up support codes"""


def _supporter(staff: SignedIn) -> StaffAccount:
    if staff.role not in access.SUPPORT_ROLES:
        raise NotForYou
    return staff


Supporter = Annotated[StaffAccount, Depends(_supporter)]


@routes.get("")
def ask_for_code(request: Request, staff: Supporter, settings: SettingsDep) -> Response:
    """Show the field for the code."""
    return _page(request, staff, settings, code="", found=[])


@routes.post("")
def show_trace(
    request: Request,
    staff: Supporter,
    settings: SettingsDep,
    db: ReadDb,
    code: Annotated[str, Form()] = "",
    form_token: Annotated[str, Form()] = "",
) -> Response:
    """Show what became of the attempt; by POST, so that codes stay out of logs and histories."""
    access.refuse_forged_by_staff(request, settings, form_token)
    try:
        found = traces(db, code)
    except NoSuchCode:
        return _page(request, staff, settings, code=code[:20], found=[], status=404)
    return _page(request, staff, settings, code=found[0].code, found=found)


def _page(
    request: Request, staff: StaffAccount, settings: Settings, *, code: str, found: list[Trace], status: int = 200
) -> Response:
    facts = {**access.staff_facts(request, staff, settings), "code": code, "traces": found}
    return page(request, "support.html", facts, status=status)
