"""The pages a guest sees, all below ``/p/{slug}``: welcome, the one button, connecting, online, terms.

The router's login.html sends phones to ``/p/{slug}`` with its variables. Only the button's POST changes anything. What is in the
way is raised as `Stop` and becomes a page in the guest's language; nothing here ever sends a phone anywhere on its own, except
after the button to the registered router, and the connecting page to itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from hotspot.guests.models import MacAddress, Terms
from hotspot.portal import explanations as say
from hotspot.portal import rendering, service, tickets
from hotspot.portal.content import Content, Shown
from hotspot.portal.handoff import QUERY_OCTETS, Handed, Stop, login_url, read_handed, read_pairs, registered_base
from hotspot.portal.prose import blocks, in_language
from hotspot.portal.service import Place, Stage
from hotspot.portal.throttle import Presses
from hotspot.settings import Settings
from hotspot.usage.models import GuestSession
from hotspot.web import Now, ReadDb, SettingsDep, read_body

log = structlog.get_logger()

BODY_OCTETS: Final = 64 * 1024
FORM: Final = "application/x-www-form-urlencoded"
POLL_SECONDS: Final = 2
FAILED: Final = {
    Stage.ENDED: say.ENDED,
    Stage.NO_REQUEST: say.NO_REQUEST,
    Stage.NO_START: say.NO_START,
    Stage.EXPIRED: say.EXPIRED,
}


class ExplainingRoute(APIRoute):
    """A route whose `Stop` becomes a page. Transactions that write are opened inside the endpoint, so a Stop rolls them back."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # narrower: no coroutine needed
        handle = super().get_route_handler()

        async def explained(request: Request) -> Response:
            try:
                return await handle(request)
            except Stop as stop:
                log.info("portal stopped", path=request.url.path[:100], reason=stop.explanation.title)
                return await run_in_threadpool(rendering.problem, request, stop)

        return explained


routes = APIRouter(prefix="/p/{slug}", route_class=ExplainingRoute, include_in_schema=False)


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


def _home(slug: str) -> str:
    """Return the welcome page's address; the slug may be anything that somebody typed."""
    return f"/p/{quote(slug, safe='')}"


Query = Annotated[dict[str, str], Depends(_query)]
Form = Annotated[dict[str, str], Depends(_form)]


# --- welcome -----------------------------------------------------------------------------------------------------------------


@routes.get("")
def show_welcome(request: Request, slug: str, query: Query, now: Now, settings: SettingsDep) -> Response:
    """Explain a router's error; else say that the device is online; else show the terms and the one button."""
    language = rendering.speak(request, settings, query)
    content = _content(request, slug, now)
    place = content.place
    handed = read_handed(query, place.routers)
    if handed.error:
        return _router_error_page(request, place, handed, language)
    session = _session_of(request, place, handed, settings, now)
    if session is not None:
        button = _button(place, handed, content.welcome(language).terms, language, settings, now)
        return _online_page(request, place, session, now, language, handed=handed, button=button)
    return _welcome_page(request, place, handed, content.welcome(language), language, now)


def _content(request: Request, slug: str, now: Now) -> Shown:
    content: Content = request.app.state.content
    return content.get(slug, now)


def _session_of(request: Request, place: Place, handed: Handed, settings: Settings, now: Now) -> GuestSession | None:
    """Return the session of a device that is logged in; the only query of this page, and none for those who arrive."""
    if handed.mac is None or handed.credential_id is None:
        return None
    device_id = settings.keys.device_id(handed.mac.octets)
    with request.app.state.database.reading() as db:
        return service.find_online_session(db, place, handed.credential_id, device_id, now)


def _welcome_page(
    request: Request,
    place: Place,
    handed: Handed,
    shown: service.Welcome,
    language: str,
    now: Now,
    *,
    changed: str = "",
    status: int = 200,
) -> Response:
    settings: Settings = request.app.state.settings
    return rendering.page(
        request,
        "welcome.html",
        language=language,
        address=f"/p/{place.site.slug}",
        carried=handed.fields(),
        place=place,
        status=status,
        routers=[handed.router] if handed.router else [],
        notices=shown.notices,
        terms=_terms_shown(shown.terms, language, settings),
        button=_button(place, handed, shown.terms, language, settings, now),
        changed=changed,
    )


def _button(
    place: Place, handed: Handed, terms: Terms, language: str, settings: Settings, now: Now
) -> dict[str, object] | None:
    """Return the form behind the one button; None when the device or the router is not known."""
    if handed.mac is None or not handed.can_log_in:
        return None
    token = tickets.form_token(settings.keys, site_id=place.site_id, mac=handed.mac, now=now)
    fields = {**handed.fields(), "lang": language, "terms": terms.sha256, "token": token}
    return {"action": f"/p/{place.site.slug}/login", "fields": fields}


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


def _router_error_page(request: Request, place: Place, handed: Handed, language: str) -> Response:
    """Say why the router refused, once. Going on is the person's decision: a link, never a form that sends itself."""
    explanation = say.of_router_error(handed.error, handed.error_orig)
    welcome = f"/p/{place.site.slug}"
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
    )


# --- the one button ----------------------------------------------------------------------------------------------------------


@routes.post("/login")
def log_in(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Store the consent and issue the credential in one transaction; once it is stored, send the phone to its router."""
    language = rendering.speak(request, settings, form)
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Stop(say.FOREIGN_FORM, again=_home(slug))
    with request.app.state.database.writing() as db:
        place = service.get_place(db, slug)
        handed = read_handed(form, place.routers)
        mac = _device_of(form, handed, place, settings, now)
        _refuse_too_many(request, place, mac, now)
        terms = service.terms_of(db, place, now)
        if form.get("terms") != terms.sha256:
            shown = service.welcome(db, place, language, settings.languages, now)
            return _welcome_page(request, place, handed, shown, language, now, changed=say.TERMS_CHANGED, status=409)
        login = service.admit(
            db,
            site_id=place.site_id,
            device_id=settings.keys.device_id(mac.octets),
            terms=terms,
            language=in_language(terms.texts, language, settings.languages)[0],  # the one that was read
            keys=settings.keys,
            now=now,
        )
        assert handed.router is not None  # _device_of has seen it
        ticket = tickets.Ticket(login.credential_id, handed.router, handed.wanted_host or "")
        online = f"{settings.base_url}/p/{slug}/online?{ticket.query(settings.keys, place.site_id)}&lang={language}"
    target = login_url(handed, user_name=login.user_name, password=login.password, dst=online)
    return RedirectResponse(target, 303, rendering.headers([handed.router]))


def _device_of(form: Mapping[str, str], handed: Handed, place: Place, settings: Settings, now: Now) -> MacAddress:
    """Return the device that our own form was made for."""
    again = rendering.link(f"/p/{place.site.slug}", handed.fields())
    if handed.mac is None or not handed.can_log_in:
        raise Stop(say.NOT_ON_WIFI, again=again)
    token = form.get("token", "")
    if not tickets.is_form_token(token, settings.keys, site_id=place.site_id, mac=handed.mac, now=now):
        raise Stop(say.STALE_FORM, again=again)
    return handed.mac


def _refuse_too_many(request: Request, place: Place, mac: MacAddress, now: Now) -> None:
    """Keep scripts from filling the ledger of consents."""
    presses: Presses = request.app.state.presses
    sender = request.client.host if request.client else ""
    if not presses.admit(device=f"{place.site_id} {mac}", address=sender, now=now):
        raise Stop(say.TOO_MANY, again=_home(place.site.slug))


@routes.get("/login")
def show_no_login(request: Request, slug: str, query: Query, settings: SettingsDep) -> Response:
    """Whoever reloads the button's address starts again; a GET never logs anybody in."""
    rendering.speak(request, settings, query)
    raise Stop(say.NOT_A_PAGE, again=_home(slug))


# --- what became of it -------------------------------------------------------------------------------------------------------


@routes.get("/online")
def show_progress(request: Request, slug: str, query: Query, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Say "online" once RADIUS accepted and the router reported the start; until then ask again every few seconds."""
    language = rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    ticket = tickets.find_ticket(query, settings.keys, place.site_id)
    if ticket is None:
        raise Stop(say.FORGED_TICKET, again=_home(slug))
    router = registered_base(ticket.router, place.routers)
    found = service.progress(db, place, ticket.credential_id, now=now)
    if found is None:
        raise Stop(say.FORGED_TICKET, again=_home(slug))
    carried: dict[str, str] = {name: query[name] for name in ("t", "r", "o") if name in query}
    if found.session is not None and found.stage is Stage.ONLINE:
        handed = Handed(router=router, wanted_host=ticket.wanted_host or None)
        return _online_page(request, place, found.session, now, language, handed=handed, carried=carried)
    failed = FAILED.get(found.stage)
    return rendering.page(
        request,
        "problem.html" if failed else "connecting.html",
        language=language,
        address=f"/p/{slug}/online",
        carried=carried,
        place=place,
        refresh_seconds=POLL_SECONDS,
        problem=failed,
        quoted="",
        again=f"{router}/login",
    )


def _online_page(
    request: Request,
    place: Place,
    session: GuestSession,
    now: Now,
    language: str,
    *,
    handed: Handed,
    button: Mapping[str, object] | None = None,
    carried: Mapping[str, str] | None = None,
) -> Response:
    settings: Settings = request.app.state.settings
    here = f"/p/{place.site.slug}" if carried is None else f"/p/{place.site.slug}/online"
    carried = handed.fields() if carried is None else carried
    return rendering.page(
        request,
        "online.html",
        language=language,
        address=here,
        carried=carried,
        place=place,
        routers=[handed.router] if handed.router else [],
        left=rendering.figures(service.left(session, place.settings, now), settings, language),
        wanted_host=handed.wanted_host or "",
        sign_out=f"{handed.router}/logout" if handed.router else "",
        again=rendering.link(here, {**carried, "lang": language}),
        button=button,
    )


# --- terms -------------------------------------------------------------------------------------------------------------------


@routes.get("/terms")
def show_terms(request: Request, slug: str, query: Query, now: Now, settings: SettingsDep) -> Response:
    """Show the terms that hold at the place, for reading at leisure."""
    language = rendering.speak(request, settings, query)
    content = _content(request, slug, now)
    place, terms = content.place, content.welcome(language).terms
    return rendering.page(
        request,
        "terms.html",
        language=language,
        address=f"/p/{slug}/terms",
        carried={},
        place=place,
        terms=_terms_shown(terms, language, settings),
    )
