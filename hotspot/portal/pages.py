"""The pages a guest sees, all below ``/p/{slug}``: welcome, the buttons, connecting, online, terms.

The router's login.html sends phones to ``/p/{slug}`` with its variables. Only the buttons' POST changes anything. What is in the
way is raised as `Stop` and becomes a page in the guest's language; nothing here ever sends a phone anywhere on its own, except
after the button to the registered router, and the connecting page to itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from fastapi import Request, Response
from starlette.types import ASGIApp

from hotspot.guests.models import Terms
from hotspot.guests.service import Login
from hotspot.portal import explanations as say
from hotspot.portal import phone_pages, rendering, service, tickets
from hotspot.portal.attempts import UNDER_WAY, Stage, unseal_handed
from hotspot.portal.content import Shown
from hotspot.portal.door import (
    Form,
    Query,
    guest_routes,
    lead_on,
    progress_url,
    receive,
    session_form,
    shown_at,
    start_again,
)
from hotspot.portal.entering import enter
from hotspot.portal.handoff import Handed, Stop, login_url, read_handed, registered_base
from hotspot.portal.information import count_shown, has_images
from hotspot.portal.leaving import SIGN_OUT
from hotspot.portal.offered import method_named, methods_of
from hotspot.portal.posted import posted_at
from hotspot.portal.prose import blocks, in_language
from hotspot.portal.service import Place, Progress
from hotspot.portal.tickets import Ticket
from hotspot.settings import Settings
from hotspot.sites.models import home
from hotspot.web import Now, ReadDb, SettingsDep

POLL_SECONDS: Final = 2
TAKEN: Final = "f"  # in an address: the credential was taken to the router already
FAILED: Final = {
    Stage.NO_ANSWER: say.NO_ANSWER,
    Stage.REFUSED: say.REFUSED,
    Stage.ENDED: say.ENDED,
    Stage.NO_REQUEST: say.NO_REQUEST,
    Stage.NO_START: say.NO_START,
    Stage.EXPIRED: say.EXPIRED,
}

routes = guest_routes()


# --- welcome -----------------------------------------------------------------------------------------------------------------


@routes.get("")
def show_welcome(request: Request, slug: str, query: Query, now: Now, settings: SettingsDep) -> Response:
    """Explain a router's error; else say that the device is online; else show the terms and the one button."""
    language = rendering.speak(request, settings, query)
    content = shown_at(request, slug, now)
    place = content.place
    handed = read_handed(query, place.routers)
    if handed.error:
        return _router_error_page(request, place, handed, language, _own_log_in(request, place, handed, settings, now))
    found = _own_log_in(request, place, handed, settings, now)
    if found is not None and found.stage is Stage.ONLINE:
        forms = _forms(place, handed, content.welcome(language).terms, language, settings, now)
        ticket = tickets.Ticket(found.credential.id, handed.router or "", handed.wanted_host or "")
        return _online_page(request, place, found, now, language, handed=handed, ticket=ticket, forms=forms)
    going_on = phone_pages.resume(request, content, handed, query, language, now)
    if going_on is not None:
        return going_on
    shown = content.welcome(language)
    count_shown(request, place.site_id, shown.notices)
    return _welcome_page(request, place, handed, shown, language, now)


def draw_welcome(app: ASGIApp, shown: Shown, handed: Handed, press: str, language: str, now: datetime) -> Response:
    """Draw the page that `show_welcome` answers with when nothing is in the way; `press` is the page's own name."""
    request = Request({"type": "http", "app": app})
    return _welcome_page(request, shown.place, handed, shown.welcome(language), language, now, press=press)


def _own_log_in(request: Request, place: Place, handed: Handed, settings: Settings, now: Now) -> Progress | None:
    """Return the log-in whose credential the router showed, if it is this device's; no query for those who arrive.

    Naming a device is not enough to be told about it: a MAC address is no secret, a credential is.
    """
    if handed.mac is None or handed.credential_id is None:
        return None
    with request.app.state.database.reading() as db:
        found = service.progress(db, place, handed.credential_id, now=now)
        is_own = found is not None and found.credential.device_id == settings.keys.device_id(handed.mac.octets)
    return found if is_own else None


def _welcome_page(
    request: Request,
    place: Place,
    handed: Handed,
    shown: service.Welcome,
    language: str,
    now: Now,
    *,
    press: str = "",
    changed: str = "",
    status: int = 200,
) -> Response:
    settings: Settings = request.app.state.settings
    return rendering.page(
        request,
        "welcome.html",
        language=language,
        address=home(place.site.slug),
        carried=handed.fields(),
        place=place,
        status=status,
        routers=[handed.router] if handed.router else [],
        has_images=has_images(shown.notices),
        alerts=shown.alerts,
        notices=shown.notices,
        office=shown.office,
        terms=_terms_shown(shown.terms, language, settings),
        forms=_forms(place, handed, shown.terms, language, settings, now, press=press),
        changed=changed,
    )


def _forms(
    place: Place, handed: Handed, terms: Terms, language: str, settings: Settings, now: Now, *, press: str = ""
) -> list[dict[str, object]]:
    """Return a form for each way to sign in; none when the device or the router is not known."""
    methods = methods_of(place)
    if handed.mac is None or not handed.can_log_in:
        return []
    token = tickets.form_token(settings.keys, site_id=place.site_id, mac=handed.mac, now=now)
    own = {"lang": language, "terms": terms.sha256, "token": token, "press": press or tickets.new_press()}
    return [
        {
            "action": f"{home(place.site.slug)}/{method.action}",
            "fields": {**handed.fields(), **own, "method": method.name.value},
            "label": method.label,
            "asks": method.asks,
        }
        for method in methods
    ]


def _terms_shown(terms: Terms, language: str, settings: Settings) -> dict[str, object]:
    spoken, texts = in_language(terms.texts, language, settings.languages)
    return {
        "language": spoken,
        "title": texts["title"],
        "summary": blocks(texts["summary"]),
        "body": blocks(texts["body"]),
        "version": terms.version,
        "since": rendering.date_of(terms.effective_at, settings, language),
    }


def _router_error_page(
    request: Request, place: Place, handed: Handed, language: str, found: Progress | None
) -> Response:
    """Say why the router refused, once. Going on is the person's decision: a link, never a form that sends itself."""
    explanation = say.of_router_error(handed.error, handed.error_orig)
    welcome = home(place.site.slug)
    return rendering.page(
        request,
        "problem.html",
        language=language,
        address=welcome,
        carried={**handed.fields(), "error": handed.error, "error-orig": handed.error_orig},
        place=place,
        problem=explanation,
        quoted=say.quotable(handed.error or handed.error_orig) if explanation is say.UNKNOWN_ERROR else "",
        again=rendering.link(welcome, {**handed.fields(), "lang": language}),
        code=found.attempt.support_code if found is not None and found.attempt is not None else "",
    )


# --- the buttons -------------------------------------------------------------------------------------------------------------


@routes.post("/login")
def log_in(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Let the method decide who it is, then store consent, attempt and credential in one transaction; then send the phone on."""
    language = rendering.speak(request, settings, form)
    with request.app.state.database.writing() as db:
        visit = receive(request, db, slug, form, language, now)
        method = method_named(visit.place, form.get("method", ""))
        if not visit.read_the_terms:
            posted = posted_at(db, visit.place.site, visit.place.settings, zone=settings.zone, now=now)
            shown = service.welcome(db, visit.place, posted, language, settings.languages, now)
            return _welcome_page(
                request, visit.place, visit.handed, shown, language, now, changed=say.TERMS_CHANGED, status=409
            )
        guest = method.decide(db, visit, form, now=now)
        if not isinstance(guest, Stop):
            entered = enter(db, visit, method=method.name, now=now, **guest._asdict())
    if isinstance(guest, Stop):
        raise guest
    return lead_on(request, visit, entered, language)


routes.get("/login")(start_again)


# --- what became of it -------------------------------------------------------------------------------------------------------


@routes.get("/online")
def show_progress(request: Request, slug: str, query: Query, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Say "online" once the router has the device online; until then ask again every few seconds, or lead on to the other way."""
    language = rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    ticket = tickets.find_ticket(query, settings.keys, place.site_id)
    if ticket is None:
        raise Stop(say.FORGED_TICKET, again=home(slug))
    router = registered_base(ticket.router, place.routers)
    found = service.progress(db, place, ticket.credential_id, now=now)
    if found is None:
        raise Stop(say.FORGED_TICKET, again=home(slug))
    carried: dict[str, str] = {name: query[name] for name in ("t", "r", "o", TAKEN) if name in query}
    if found.stage is Stage.ONLINE:
        handed = Handed(router=router, wanted_host=ticket.wanted_host or None)
        return _online_page(request, place, found, now, language, handed=handed, ticket=ticket, carried=carried)
    if found.stage in UNDER_WAY:
        refresh_to = _lead(found, ticket, place, router, language, settings, has_tried=TAKEN in query)
        return rendering.page(
            request,
            "connecting.html",
            language=language,
            address=f"{home(slug)}/online",
            carried=carried,
            place=place,
            refresh_seconds=POLL_SECONDS,
            refresh_to=refresh_to,
        )
    return _failure_page(request, place, found, language, carried=carried, router=router)


def _lead(
    found: Progress, ticket: Ticket, place: Place, router: str, language: str, settings: Settings, *, has_tried: bool
) -> str:
    """Return where the waiting page goes next; empty: to itself. Each of these ends at a page that stays."""
    attempt = found.attempt
    if found.stage is Stage.OTHER_WAY and not has_tried and attempt is not None and attempt.handed is not None:
        handed = read_handed(unseal_handed(attempt.handed, attempt.id, settings.keys), place.routers)
        login = Login(found.credential.id, settings.keys.one_time_password(found.credential.id))
        back = progress_url(settings, place.site.slug, place.site_id, ticket, language)
        return login_url(handed, user_name=login.user_name, password=login.password, dst=f"{back}&{TAKEN}=1")
    return f"{router}/status" if found.stage in (Stage.LOOK, Stage.OTHER_WAY) else ""


def _failure_page(
    request: Request, place: Place, found: Progress, language: str, *, carried: Mapping[str, str], router: str
) -> Response:
    """Say what happened, what to do, and the code by which staff find the rest."""
    problem = FAILED.get(found.stage, say.NO_ANSWER)
    answer = found.attempt.answer if found.attempt is not None and found.is_latest else None
    if found.stage is Stage.REFUSED and answer:
        problem = say.of_router_error(answer)
    return rendering.page(
        request,
        "problem.html",
        language=language,
        address=f"{home(place.site.slug)}/online",
        carried=carried,
        place=place,
        problem=problem,
        quoted="",
        again=f"{router}/login",
        code=found.attempt.support_code if found.attempt is not None else "",
    )


def _online_page(
    request: Request,
    place: Place,
    found: Progress,
    now: Now,
    language: str,
    *,
    handed: Handed,
    ticket: tickets.Ticket,
    forms: Sequence[Mapping[str, object]] = (),
    carried: Mapping[str, str] | None = None,
) -> Response:
    settings: Settings = request.app.state.settings
    here = home(place.site.slug) if carried is None else f"{home(place.site.slug)}/online"
    carried = handed.fields() if carried is None else carried
    return rendering.page(
        request,
        "online.html",
        language=language,
        address=here,
        carried=carried,
        place=place,
        routers=[handed.router] if handed.router else [],
        left=_figures(place, found, now, language, settings),
        wanted_host=handed.wanted_host or "",
        sign_out=f"{handed.router}/logout" if handed.router else "",
        again=rendering.link(here, {**carried, "lang": language}),
        leave=None
        if handed.router
        else session_form(SIGN_OUT, tickets.Purpose.SIGN_OUT, ticket, place, settings, now, language),
        forms=forms,
        your_data=_own_data(place, found, ticket, settings, language),
    )


def _own_data(place: Place, found: Progress, ticket: tickets.Ticket, settings: Settings, language: str) -> str:
    """Return where a device sees what is held about it: by way of its router where this ticket began no session of its own."""
    if found.session is None and ticket.router:
        return f"{ticket.router}/status"
    fields = {**ticket.fields(settings.keys, place.site_id), "lang": language}
    return rendering.link(f"{home(place.site.slug)}/privacy", fields)


def _figures(place: Place, found: Progress, now: Now, language: str, settings: Settings) -> dict[str, str] | None:
    """Return what is left; None for who is not known to be the one whose session it is."""
    if found.session is None and not found.is_latest:
        return None
    since = found.attempt.decided_at if found.attempt is not None else None
    return rendering.figures(service.left(found.session, place.settings, now, since=since), settings, language)


# --- terms -------------------------------------------------------------------------------------------------------------------


@routes.get("/terms")
def show_terms(request: Request, slug: str, query: Query, now: Now, settings: SettingsDep) -> Response:
    """Show the terms that hold at the place, for reading at leisure."""
    language = rendering.speak(request, settings, query)
    content = shown_at(request, slug, now)
    place, terms = content.place, content.welcome(language).terms
    return rendering.page(
        request,
        "terms.html",
        language=language,
        address=f"{home(slug)}/terms",
        carried={},
        place=place,
        terms=_terms_shown(terms, language, settings),
    )
