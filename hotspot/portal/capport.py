"""The controller's own captive portal API (RFC 8908): ``/p/{slug}/api``, and the page about the place that it names.

A router knows which device asks it; the controller, behind every router's NAT, knows only who shows a ticket, the address's ``t`` that a
log-in ends with. So it says "captive": false to nobody else: a phone that believed it would stop looking for the portal. Phones are told
of the router's API (`hotspot.routers.captive_api`); this one is for programs that hold a ticket, and for routers that have no API.
"""

from datetime import datetime
from typing import Final

from babel.dates import format_time
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlmodel import Session

from hotspot.portal import rendering, service, tickets
from hotspot.portal.attempts import Stage
from hotspot.portal.door import Query, guest_routes
from hotspot.portal.handoff import Stop, read_pairs
from hotspot.portal.information import count_shown, has_images
from hotspot.portal.posted import posted_at
from hotspot.portal.service import Place
from hotspot.settings import Settings
from hotspot.sites.hours import Hours, parse_hours
from hotspot.sites.models import SiteState, home
from hotspot.web import Now, ReadDb, SettingsDep

MEDIA_TYPE: Final = "application/captive+json"
TAKEN: Final = frozenset({MEDIA_TYPE, "application/json", "application/*", "*/*"})
HEADERS: Final = {  # RFC 8908 §4: an answer about one device is never kept for another
    "cache-control": "private, no-store",
    "vary": "accept",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
PROBLEM: Final = "application/problem+json"  # RFC 9457

routes = guest_routes()


# --- the API -----------------------------------------------------------------------------------------------------------------


@routes.get("/api")
def tell_standing(request: Request, slug: str, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Say whether the device that shows its ticket is captive, and what is left; of any other only where the portal is."""
    if not takes_json(request.headers.get("accept", "")):
        return _problem(406, f"This address speaks {MEDIA_TYPE} only")
    try:
        place = service.get_place(db, slug)
        answer = standing(db, place, read_pairs(request.scope["query_string"]), now, settings)
    except Stop as stop:
        return _problem(stop.explanation.status, stop.explanation.title)
    return JSONResponse(answer, 200, HEADERS, MEDIA_TYPE)


def _problem(status: int, title: str) -> Response:
    return JSONResponse({"title": title, "status": status}, status, HEADERS, PROBLEM)


def takes_json(accept: str) -> bool:
    """Tell whether a client takes our one media type; without the header it takes anything (RFC 9110 §12.5.1)."""
    wanted = [part.replace(" ", "").lower().partition(";") for part in accept[:1000].split(",")]
    refused = {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return not accept.strip() or any(kind in TAKEN and weight not in refused for kind, _, weight in wanted)


def standing(db: Session, place: Place, shown: dict[str, str], now: datetime, settings: Settings) -> dict[str, object]:
    """Return the keys of RFC 8908 §5. What isn't known is left out; a forged ticket is none."""
    portal = f"{settings.base_url}{home(place.site.slug)}"
    unknown = {"captive": True, "user-portal-url": portal, "venue-info-url": f"{portal}/info"}
    ticket = tickets.find_ticket(shown, settings.keys, place.site_id)
    found = None if ticket is None else service.progress(db, place, ticket.credential_id, now=now)
    if ticket is None or found is None or found.session is None or found.stage is not Stage.ONLINE:
        return unknown
    left = service.left(found.session, place.settings, now)
    query = ticket.query(settings.keys, place.site_id)
    known = unknown | {
        "captive": False,
        "user-portal-url": f"{portal}/online?{query}",
        "seconds-remaining": int(left.time.total_seconds()),
    }
    return known if left.octets is None else known | {"bytes-remaining": left.octets}


# --- the place ---------------------------------------------------------------------------------------------------------------


@routes.get("/info")
def show_place(request: Request, slug: str, query: Query, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Show what a visitor may want to know of the place: where it is, when its Wi-Fi is open, the city's information."""
    language = rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    hours = parse_hours(place.settings.opening_hours)
    posted = posted_at(db, place.site, place.settings, zone=settings.zone, now=now)
    notices = posted.notices(language, settings.languages)
    count_shown(request, place.site_id, notices)
    return rendering.page(
        request,
        "info.html",
        language=language,
        address=f"{home(slug)}/info",
        carried={},
        place=place,
        has_images=has_images(notices),
        alerts=posted.alerts,
        notices=notices,
        street=place.site.address,
        hours=_hours_shown(hours, language),
        is_open=place.site.state == SiteState.LIVE
        and (hours is None or hours.has(now.astimezone(settings.zone).time())),
        is_planned=place.site.state == SiteState.PLANNED,
        portal=rendering.link(home(slug), {"lang": language}),
    )


def _hours_shown(hours: Hours | None, language: str) -> tuple[str, ...]:
    return tuple(format_time(clock, "short", locale=language) for clock in hours or ())
