"""Addresses behind the city's information on guests' pages: its pictures, and where its links lead.

A link leads through an address of ours, which counts and then redirects: only to a link that is stored with information that was
approved, has begun and has not ended, at a site it is for; also between its hours, for who still has the page. Nothing in the request
says where.
"""

import re
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from hotspot.areas.models import Area
from hotspot.portal import rendering, service
from hotspot.portal.banners import links_of
from hotspot.portal.counts import Counts, is_seen
from hotspot.portal.door import Query, guest_routes
from hotspot.portal.explanations import NOT_SHOWN
from hotspot.portal.handoff import Stop
from hotspot.portal.images import find_image
from hotspot.portal.posted import Notice, approved_for, contacts_of
from hotspot.sites.models import home
from hotspot.web import Now, ReadDb, SettingsDep

NAME: Final = re.compile(r"[0-9a-f]{64}")
IMAGE_HEADERS: Final = {
    "cache-control": "public, max-age=31536000, immutable",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}

images = APIRouter(prefix="/p/i", include_in_schema=False)
routes = guest_routes()


@images.get("/{sha256}.jpg")
def send_image(sha256: str, db: ReadDb) -> Response:
    """Send a picture; its address says what is in it, so it never changes."""
    content = find_image(db, sha256) if NAME.fullmatch(sha256) else None
    if content is None:
        return Response(status_code=404, headers={**IMAGE_HEADERS, "cache-control": "no-store"})
    return Response(content, media_type="image/jpeg", headers=IMAGE_HEADERS)


@routes.get("/go/{banner_id:int}")
@routes.get("/go/{banner_id:int}/{number:int}")
def follow_link(
    request: Request,
    slug: str,
    banner_id: int,
    query: Query,
    db: ReadDb,
    now: Now,
    settings: SettingsDep,
    number: int = 0,
) -> Response:
    """Count that a link was followed and lead there."""
    rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    begun = (piece for piece in approved_for(db, place.site, now) if piece.schedule.starts_at <= now)
    shown = next((piece for piece in begun if piece.number == banner_id), None)
    target = _at(links_of(shown) if shown else [], number, slug)
    if is_seen(request.method, request.headers):
        _counts(request).count_followed(place.site_id, banner_id)
    return RedirectResponse(target, 303, rendering.headers())


@routes.get("/office/{number:int}")
def open_office(request: Request, slug: str, number: int, query: Query, db: ReadDb, settings: SettingsDep) -> Response:
    """Lead to the kelurahan's website or social media."""
    rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    return RedirectResponse(
        _at(contacts_of(db.get_one(Area, place.site.area_id)), number, slug), 303, rendering.headers()
    )


def _at(links: list[str], number: int, slug: str) -> str:
    if number >= len(links):
        raise Stop(NOT_SHOWN, again=home(slug))
    return links[number]


def count_shown(request: Request, site_id: int, notices: Sequence[Notice]) -> None:
    """Count that a page with this information was sent to a person."""
    if is_seen(request.method, request.headers):
        _counts(request).count_shown(site_id, [notice.number for notice in notices])


def has_images(notices: Sequence[Notice]) -> bool:
    return any(notice.picture for notice in notices)


def _counts(request: Request) -> Counts:
    counts: Counts = request.app.state.counts
    return counts
