"""The page of emergency broadcasts: one form, and the buttons by which a second person sends, ends or reviews."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from hotspot.areas.service import get_area, tree
from hotspot.console import access
from hotspot.console.access import ConsoleRoute, SignedIn, staff_facts
from hotspot.console.forms import Sent, SentForm
from hotspot.console.words import address, page
from hotspot.languages import translations
from hotspot.portal import banners, broadcasts
from hotspot.portal.banners import BadBanner
from hotspot.portal.models import Broadcast
from hotspot.settings import Settings
from hotspot.staff.models import StaffAccount
from hotspot.web import Db, Now, ReadDb, SettingsDep, language_of

HERE: Final = "/console/broadcast"
DOINGS: Final[Mapping[str, Callable[..., Broadcast]]] = {
    "approve": broadcasts.approve,
    "end": broadcasts.end,
    "review": broadcasts.review,
}
HOURS: Final = (1, 3, 6, 12, 24, 48)

routes = APIRouter(prefix=HERE, route_class=ConsoleRoute, include_in_schema=False)


@routes.get("")
def show_broadcasts(request: Request, staff: SignedIn, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Show the form, and every broadcast with who did what and when."""
    return _page(request, staff, db, settings, now, {"hours": ["6"]})


def _page(
    request: Request,
    staff: StaffAccount,
    db: Session,
    settings: Settings,
    now: datetime,
    values: Mapping[str, list[str]],
    problem: str = "",
) -> Response:
    spoken = (language_of(request), *settings.languages)
    rows = [
        {
            "sent": sent,
            "area": area,
            "title": banners.title_of(sent.texts, spoken),
            "state": broadcasts.state_of(sent, now),
            "needs_review": broadcasts.needs_review(sent),
            "is_own": sent.drafted_by == staff.id,
            "who": {
                name: banners.name_of(db, getattr(sent, f"{name}_by"))
                for name in ("drafted", "approved", "ended", "reviewed")
            },
        }
        for sent, area in broadcasts.all_broadcasts(db)
    ]
    facts = {
        "rows": rows,
        "areas": tree(db),
        "values": values,
        "limits": banners.LIMITS,
        "hours": HOURS,
        "is_duty_officer": staff.is_duty_officer,
        "problem": problem,
    }
    facts |= staff_facts(request, staff, settings)
    return page(request, "broadcast.html", facts, status=422 if problem else 200)


@routes.post("")
def start(request: Request, staff: SignedIn, sent: SentForm, db: Db, now: Now, settings: SettingsDep) -> Response:
    """Write a broadcast; the duty officer may send it with the same button."""
    access.refuse_forged_by_staff(request, settings, sent.get("form_token"))
    try:
        broadcasts.start(
            db,
            get_area(db, sent.get("area")),
            _texts(sent, settings),
            ends_at=now + timedelta(hours=sent.whole("hours")),
            by=staff,
            languages=settings.languages,
            is_drill=sent.get("kind") != "real",
            is_alone=sent.get("how") == "alone",
            now=now,
        )
    except BadBanner as error:
        db.rollback()
        problem = error.in_words(translations(language_of(request)).gettext)
        return _page(request, staff, db, settings, now, sent.values, problem)
    return RedirectResponse(address(request, HERE), 303)


def _texts(sent: Sent, settings: Settings) -> dict[str, dict[str, str]]:
    return {
        language: {part: sent.get(f"{part}_{language}") for part in ("title", "text")}
        for language in settings.languages
    }


@routes.post("/{number:int}/{doing}")
def decide(
    request: Request,
    number: int,
    doing: str,
    staff: SignedIn,
    db: Db,
    now: Now,
    settings: SettingsDep,
    form_token: Annotated[str, Form()] = "",
) -> Response:
    """Send, end or review a broadcast."""
    access.refuse_forged_by_staff(request, settings, form_token)
    if doing not in DOINGS:
        raise broadcasts.NoSuchBroadcast(number=number)
    DOINGS[doing](db, number, by=staff, now=now)
    return RedirectResponse(address(request, HERE), 303)
