"""The pages around going: signing out through the controller, goodbye with what was used, and help. All below ``/p/{slug}``.

Phones sign out at their router; its logout page leads here. Where no router's address is known, the controller ends the session.
"""

from datetime import datetime
from typing import Final

from fastapi import Request, Response
from starlette.background import BackgroundTask

from hotspot.portal import explanations as say
from hotspot.portal import rendering, service, tickets
from hotspot.portal.door import Form, Query, guest_routes, refuse_foreign, refuse_stale, start_again
from hotspot.portal.handoff import Stop, read_handed
from hotspot.portal.service import Place, Progress
from hotspot.portal.tickets import Purpose
from hotspot.sites.models import home
from hotspot.usage.models import GuestSession
from hotspot.web import Now, ReadDb, SettingsDep

SIGN_OUT: Final = "logout"

routes = guest_routes()


@routes.post(f"/{SIGN_OUT}")
def sign_out(request: Request, slug: str, form: Form, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Say goodbye, then have the router end the session that this ticket began; pressed twice it is ended once."""
    language = rendering.speak(request, settings, form)
    refuse_foreign(request, slug)
    place = service.get_place(db, slug)
    ticket = tickets.find_ticket(form, settings.keys, place.site_id)
    if ticket is None:
        raise Stop(say.FORGED_TICKET, again=home(slug))
    refuse_stale(form, Purpose.SIGN_OUT, ticket, place, settings, now)
    found = service.progress(db, place, ticket.credential_id, now=now)
    session = found.session if found is not None else None
    answer = _goodbye(request, place, session, language, router=ticket.router, now=now)
    if session is not None and session.ended_at is None:
        answer.background = BackgroundTask(request.app.state.end_sessions, [session.id], now=now)
    return answer


routes.get(f"/{SIGN_OUT}")(start_again)


@routes.get("/goodbye")
def say_goodbye(request: Request, slug: str, query: Query, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Say what was used, to whom the router brings back with the credential; to anybody else goodbye alone."""
    language = rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    handed = read_handed(query, place.routers)
    found: Progress | None = None
    if handed.mac is not None and handed.credential_id is not None:
        found = service.progress(db, place, handed.credential_id, now=now)
        if found is not None and found.credential.device_id != settings.keys.device_id(handed.mac.octets):
            found = None
    session = found.session if found is not None else None
    carried = handed.fields()
    return _goodbye(request, place, session, language, router=handed.router or "", now=now, carried=carried)


def _goodbye(
    request: Request,
    place: Place,
    session: GuestSession | None,
    language: str,
    *,
    router: str,
    now: datetime,
    carried: dict[str, str] | None = None,
) -> Response:
    used = None
    if session is not None:
        left = service.left(session, place.settings, now)
        until = session.ended_at or now
        used = {
            "time": rendering.duration(until - session.started_at, language),
            "data": rendering.amount(left.octets_used, language),
        }
    return rendering.page(
        request,
        "goodbye.html",
        language=language,
        address=f"{home(place.site.slug)}/goodbye",
        carried=carried or {},
        place=place,
        used=used,
        again=f"{router}/login" if router else "",
    )


@routes.get("/help")
def show_help(request: Request, slug: str, query: Query, db: ReadDb, settings: SettingsDep) -> Response:
    """Say what to do when it does not work, what the support code is, and whom to ask."""
    language = rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    return rendering.page(
        request,
        "help.html",
        language=language,
        address=f"{home(slug)}/help",
        carried={},
        place=place,
        contact=place.settings.help_contact,
    )
