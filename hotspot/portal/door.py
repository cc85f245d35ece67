"""What the guest pages share at the door: their routes, queries and forms read strictly, a checked visit, and the way on.

Each module of pages makes its routes with `guest_routes()`; a `Stop` raised there becomes a page in the guest's language.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from hotspot.guests.models import MacAddress, Terms
from hotspot.portal import explanations as say
from hotspot.portal import rendering, service, tickets
from hotspot.portal.content import Content, Shown
from hotspot.portal.entering import Entered
from hotspot.portal.handoff import QUERY_OCTETS, Handed, Stop, login_url, read_handed, read_pairs
from hotspot.portal.prose import in_language
from hotspot.portal.service import Place
from hotspot.portal.throttle import Presses
from hotspot.portal.visits import Visit, browser_of
from hotspot.settings import Settings
from hotspot.sites.models import home
from hotspot.web import SettingsDep, has_foreign_origin, read_body

log = structlog.get_logger()

BODY_OCTETS: Final = 64 * 1024
FORM: Final = "application/x-www-form-urlencoded"


def guest_routes() -> APIRouter:
    """Return routes below ``/p/{slug}``."""
    return APIRouter(prefix="/p/{slug}", include_in_schema=False)


def explain(request: Request, stop: Exception) -> Response:
    """Answer a `Stop` with its page: the application's handler, which runs when the endpoint's transactions are over and rolled back."""
    assert isinstance(stop, Stop)
    log.info("portal stopped", path=request.url.path[:100], reason=stop.explanation.title)
    return rendering.problem(request, stop)


def _query(request: Request) -> dict[str, str]:
    encoded: bytes = request.scope["query_string"]
    if len(encoded) > QUERY_OCTETS:
        raise Stop(say.TOO_LONG)
    return read_pairs(encoded)


async def _form(request: Request) -> dict[str, str]:
    """Read a posted form, refusing it as soon as it is too big."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Stop(say.UNREADABLE)
    return read_pairs(await read_body(request, BODY_OCTETS, Stop(say.TOO_BIG)))


Query = Annotated[dict[str, str], Depends(_query)]
Form = Annotated[dict[str, str], Depends(_form)]


def shown_at(request: Request, slug: str, now: datetime) -> Shown:
    """Return what the pages of a place show now, from memory."""
    content: Content = request.app.state.content
    return content.get(slug, now)


def start_again(request: Request, slug: str, query: Query, settings: SettingsDep) -> Response:
    """Lead on who reloads a button's address: for GET at every path that forms are posted to, where it changes nothing."""
    rendering.speak(request, settings, query)
    raise Stop(say.NOT_A_PAGE, again=home(slug))


# --- a button was pressed ----------------------------------------------------------------------------------------------------


def refuse_foreign(request: Request, slug: str) -> None:
    """Refuse a form that another site sent.

    Raises:
        Stop: it did.
    """
    is_elsewheres = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    if is_elsewheres or has_foreign_origin(request, request.app.state.settings):
        raise Stop(say.FOREIGN_FORM, again=home(slug))


def session_form(
    path: str,
    purpose: tickets.Purpose,
    ticket: tickets.Ticket,
    place: Place,
    settings: Settings,
    now: datetime,
    language: str,
) -> dict[str, object]:
    """Return a form, posted to this path below the place's pages, that does something about the session of a ticket."""
    token = tickets.session_token(
        settings.keys, purpose, site_id=place.site_id, credential_id=ticket.credential_id, now=now
    )
    fields = {**ticket.fields(settings.keys, place.site_id), "lang": language, "token": token}
    return {"action": f"{home(place.site.slug)}/{path}", "fields": fields, "label": "", "asks": None}


def refuse_stale(
    form: Mapping[str, str],
    purpose: tickets.Purpose,
    ticket: tickets.Ticket,
    place: Place,
    settings: Settings,
    now: datetime,
) -> None:
    """Refuse what is not from a `session_form` made for this purpose lately.

    Raises:
        Stop: it is not.
    """
    token, credential_id = form.get("token", ""), ticket.credential_id
    if not tickets.is_session_token(
        token, settings.keys, purpose, site_id=place.site_id, credential_id=credential_id, now=now
    ):
        raise Stop(say.STALE_FORM, again=home(place.site.slug))


def receive(request: Request, db: Session, slug: str, form: Mapping[str, str], language: str, now: datetime) -> Visit:
    """Return who pressed a button on one of our own pages, and where.

    Whether the terms that were read still hold is for the caller to look at (`Visit.read_the_terms`); `entering.enter` insists on it.

    Raises:
        Stop: another site's form, no such place, a device or router that is not what our form was made for, or too many presses.
    """
    refuse_foreign(request, slug)
    place = service.get_place(db, slug)
    return visit_of(request, place, service.terms_of(db, place, now), form, language, now)


def visit_of(
    request: Request, place: Place, terms: Terms, form: Mapping[str, str], language: str, now: datetime
) -> Visit:
    """Return who pressed a button of the place's own pages; `terms` are those that hold there.

    Raises:
        Stop: a device or router that is not what our form was made for, or too many presses.
    """
    settings: Settings = request.app.state.settings
    handed = read_handed(form, place.routers)
    mac, router = _device_of(form, handed, place, settings, now)
    _refuse_too_many(request, place, mac, now)
    return Visit(
        place=place,
        handed=handed,
        mac=mac,
        router=router,
        terms=terms,
        agreed_sha256=form.get("terms", ""),
        language=in_language(terms.texts, language, settings.languages)[0],
        press=tickets.parse_press(form.get("press", "")),
        browser=browser_of(request.headers.get("user-agent", "")),
        keys=settings.keys,
    )


def _device_of(
    form: Mapping[str, str], handed: Handed, place: Place, settings: Settings, now: datetime
) -> tuple[MacAddress, str]:
    """Return the device that our own form was made for, and its router."""
    again = rendering.link(home(place.site.slug), handed.fields())
    if handed.mac is None or handed.router is None:
        raise Stop(say.NOT_ON_WIFI, again=again)
    token = form.get("token", "")
    if not tickets.is_form_token(token, settings.keys, site_id=place.site_id, mac=handed.mac, now=now):
        raise Stop(say.STALE_FORM, again=again)
    return handed.mac, handed.router


def _refuse_too_many(request: Request, place: Place, mac: MacAddress, now: datetime) -> None:
    """Keep scripts from filling the ledger of consents; a press that was let through on the express way is not counted anew."""
    presses: Presses = request.app.state.presses
    if getattr(request.state, "is_counted", False):
        return
    if not presses.admit(site_id=place.site_id, mac=mac, now=now):
        raise Stop(say.TOO_MANY, again=home(place.site.slug))
    request.state.is_counted = True


def progress_url(settings: Settings, slug: str, site_id: int, ticket: tickets.Ticket, language: str) -> str:
    """Return the address of the page that says what became of a log-in, whole, for a router to lead to."""
    return f"{settings.base_url}{home(slug)}/online?{ticket.query(settings.keys, site_id)}&lang={language}"


def lead_on(request: Request, visit: Visit, entered: Entered, language: str) -> Response:
    """Send the phone to its router with the credential, or to the page that says what became of it; called after the commit."""
    settings: Settings = request.app.state.settings
    slug: str = request.path_params["slug"]  # the site's row went with its transaction
    ticket = tickets.Ticket(entered.credential_id, visit.router, visit.handed.wanted_host or "")
    target = progress_url(settings, slug, visit.place.site_id, ticket, language)
    if entered.login is None:
        request.app.state.teller.wanted.set()  # if the controller is to tell the router, at once
    else:
        login = entered.login
        target = login_url(visit.handed, user_name=login.user_name, password=login.password, dst=target)
    return RedirectResponse(target, 303, rendering.headers([visit.router]))
