"""The pages of signing in with a code: number, on its way, enter the code, send it again. All below ``/p/{slug}/phone``.

Where a guest is stands in the database, by site and device: whoever comes back, in a sheet that was opened again, goes on there.
Only POST changes anything. A GET shows the code's page to whoever names the device, but the end of the number to the browser alone
that has typed it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from hotspot.guests import phone_codes
from hotspot.guests.limits import Exceeded
from hotspot.guests.phone_codes import Nothing, Right, Unreadable, Visitor, Waiting, Wrong
from hotspot.guests.phone_limits import OF_A_DEVICE
from hotspot.guests.phone_messages import messaging_of
from hotspot.guests.phone_numbers import BadPhoneNumber, PhoneNumber
from hotspot.guests.refusals import N_
from hotspot.portal import explanations as say
from hotspot.portal import grace, rendering, tickets
from hotspot.portal.content import Content, Shown
from hotspot.portal.door import Form, Query, guest_routes, lead_on, receive, shown_at, start_again
from hotspot.portal.entering import Entered, enter
from hotspot.portal.handoff import Handed, Stop, read_handed
from hotspot.portal.methods import Asked
from hotspot.portal.offered import method_named
from hotspot.portal.phone import CODE, NUMBER, code_ticket, find_code_id
from hotspot.portal.service import Place
from hotspot.portal.visits import Visit
from hotspot.settings import Settings
from hotspot.sites.models import home
from hotspot.sites.settings import SignIn
from hotspot.web import Now, SettingsDep

# About what a message takes; the page then becomes the code's, whatever became of it.
ON_ITS_WAY: Final = timedelta(seconds=6)
TICKET: Final = "k"
NOT_BY_CODE: Final = {"other": "1"}  # on the welcome page's address: don't go on with the code

GO_ONLINE: Final = N_("Go online to receive it")
BAD_NUMBER: Final = N_("This is no mobile number that we can send to. Please look at it again.")
BAD_CODE: Final = N_("The code has 6 digits. Please look at it again.")
NOT_THE_CODE: Final = N_("This is not the code. You can try %(tries)s more times.")
LAST_TRY: Final = N_("This is not the code. You can try once more.")
NOT_SENT: Final = N_("The message could not be sent. Please check the number and try again, or sign in another way.")
TOO_OLD: Final = N_("The code is too old, or was tried too often. Please ask for a new one.")

routes = guest_routes()


# --- the number ----------------------------------------------------------------------------------------------------------


@routes.post("/phone")
def ask_for_code(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Have a code sent to the number, and show where it is entered; pressed twice it is one message."""
    language = rendering.speak(request, settings, form)
    with request.app.state.database.writing() as db:
        visit = _visit(request, db, slug, form, language, now)
        try:
            number = PhoneNumber.parse(form.get("number", ""), messaging_of(settings.senders_file).countries)
        except BadPhoneNumber:
            return _number_page(request, shown_at(request, slug, now), visit.handed, language, now, problem=BAD_NUMBER)
        asked = phone_codes.ask(
            db, _visitor(visit), number, language=language, messages_a_day=_a_day(settings), keys=settings.keys, now=now
        )
    return _go_on(slug, visit, asked, language)


@routes.post("/phone/again")
def send_again(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Have the same code sent once more, to the number that it was asked for."""
    language = rendering.speak(request, settings, form)
    with request.app.state.database.writing() as db:
        visit = _visit(request, db, slug, form, language, now)
        named = find_code_id(form.get(TICKET, ""), settings.keys, visit.place.site_id)
        waiting = phone_codes.find_waiting(db, _visitor(visit), now=now, code_id=named)
        asked: Waiting | Exceeded | Nothing = Nothing()
        if waiting is not None:
            asked = phone_codes.send_again(
                db, _visitor(visit), waiting.code_id, messages_a_day=_a_day(settings), keys=settings.keys, now=now
            )
    if isinstance(asked, Nothing):
        return _number_page(request, shown_at(request, slug, now), visit.handed, language, now, problem=TOO_OLD)
    return _go_on(slug, visit, asked, language, has_ticket=named is not None)


def _a_day(settings: Settings) -> int:
    return messaging_of(settings.senders_file).messages_a_day


def _visit(request: Request, db: Session, slug: str, form: Mapping[str, str], language: str, now: datetime) -> Visit:
    """Return who pressed a button of ours, at a place that has this way to sign in and whose terms they have read."""
    visit = receive(request, db, slug, form, language, now)
    method_named(visit.place, SignIn.PHONE)
    if not visit.read_the_terms:
        raise Stop(say.STALE_TERMS, again=_welcome(slug, visit.handed, language))
    return visit


def _visitor(visit: Visit) -> Visitor:
    return Visitor(visit.place.site_id, visit.device_id)


def _welcome(slug: str, handed: Handed, language: str) -> str:
    return rendering.link(home(slug), {**handed.fields(), **NOT_BY_CODE, "lang": language})


def _go_on(slug: str, visit: Visit, asked: Waiting | Exceeded, language: str, *, has_ticket: bool = True) -> Response:
    """Show the code's page under an address of its own, so that a reload sends nothing; called after the commit."""
    if isinstance(asked, Exceeded):
        explanation = say.TOO_MANY_SENT if asked.limit is OF_A_DEVICE else say.NO_CODES_NOW
        raise Stop(explanation, again=_welcome(slug, visit.handed, language))
    carried = {**visit.handed.fields(), "lang": language}
    if has_ticket:
        carried[TICKET] = code_ticket(visit.keys, visit.place.site_id, asked.code_id)
    return RedirectResponse(rendering.link(f"{home(slug)}/phone", carried), 303, rendering.headers([visit.router]))


# --- the code ------------------------------------------------------------------------------------------------------------


@routes.get("/phone")
def show_code(request: Request, slug: str, query: Query, now: Now, settings: SettingsDep) -> Response:
    """Say that the message is on its way; a moment later, ask for its code."""
    language = rendering.speak(request, settings, query)
    shown = shown_at(request, slug, now)
    handed = read_handed(query, shown.place.routers)
    if handed.mac is None or not handed.can_log_in:
        raise Stop(say.NOT_ON_WIFI, again=home(slug))
    method_named(shown.place, SignIn.PHONE)
    found = _find(request, shown.place, handed, query.get(TICKET, ""), now)
    if found is None:
        return _number_page(request, shown, handed, language, now, problem=TOO_OLD, status=200)
    waiting, ending = found
    if waiting.has_failed:
        return _number_page(request, shown, handed, language, now, problem=NOT_SENT, status=200)
    if now < waiting.asked_at + ON_ITS_WAY and "ready" not in query:
        return _sending_page(request, shown, handed, language, ticket=query.get(TICKET, ""), ending=ending)
    return _code_page(
        request, shown, handed, language, now, waiting=waiting, ticket=query.get(TICKET, ""), ending=ending
    )


def resume(
    request: Request, shown: Shown, handed: Handed, query: Mapping[str, str], language: str, now: datetime
) -> Response | None:
    """Return the code's page for a device that comes back to the welcome page while a code waits for it, where that can be known."""
    content: Content = request.app.state.content
    is_offered = SignIn.PHONE in shown.place.settings.ways_to_sign_in and not NOT_BY_CODE.keys() & query.keys()
    if not is_offered or not handed.can_log_in or content.is_away:
        return None
    found = _find(request, shown.place, handed, "", now)
    if found is None or found[0].has_failed:
        return None
    return _code_page(request, shown, handed, language, now, waiting=found[0])


def _find(request: Request, place: Place, handed: Handed, ticket: str, now: datetime) -> tuple[Waiting, str] | None:
    """Return the code that waits for the device, and for the browser that asked for it the end of its number."""
    keys = request.app.state.settings.keys
    assert handed.mac is not None  # callers check can_log_in
    visitor = Visitor(place.site_id, keys.device_id(handed.mac.octets))
    named = find_code_id(ticket, keys, place.site_id)
    with request.app.state.database.reading() as db:
        waiting = phone_codes.find_waiting(db, visitor, now=now, code_id=named)
        if waiting is None:
            return None
        return waiting, phone_codes.ending(db, waiting.code_id, keys) if named else ""


@routes.post("/phone/code")
def enter_code(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Look at the code and count the try, whatever comes of it; whoever has it is let in in the same transaction."""
    language = rendering.speak(request, settings, form)
    entered: Entered | None = None
    with request.app.state.database.writing() as db:
        visit = _visit(request, db, slug, form, language, now)
        if grace.is_running(db, visit, now=now):
            raise Stop(say.GRACE_RUNS, again=f"{visit.router}/logout")
        became = phone_codes.enter(
            db, _visitor(visit), form.get("code", ""), press=visit.press, keys=settings.keys, now=now
        )
        if isinstance(became, Right):
            entered = enter(db, visit, method=SignIn.PHONE, guest_id=became.phone_id, now=now)
    if entered is not None:
        return lead_on(request, visit, entered, language)
    if isinstance(became, Exceeded):
        raise Stop(say.NO_CODES_NOW, again=_welcome(slug, visit.handed, language))
    return _another_try(request, shown_at(request, slug, now), visit.handed, form, became, language, now)


def _another_try(
    request: Request,
    shown: Shown,
    handed: Handed,
    form: Mapping[str, str],
    became: object,
    language: str,
    now: datetime,
) -> Response:
    """Say what is wrong with the code, and ask again while one waits."""
    ticket = form.get(TICKET, "")
    found = _find(request, shown.place, handed, ticket, now)
    if found is None:
        return _number_page(request, shown, handed, language, now, problem=TOO_OLD)
    waiting, ending = found
    problem = ""
    if isinstance(became, Unreadable):
        problem = BAD_CODE
    elif isinstance(became, Wrong):
        problem = LAST_TRY if became.tries_left == 1 else NOT_THE_CODE
    return _code_page(
        request,
        shown,
        handed,
        language,
        now,
        waiting=waiting,
        ticket=ticket,
        ending=ending,
        problem=problem,
        status=422,
    )


@routes.post("/phone/online")
def go_online_for_a_while(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Let a device that has asked for a code be online for a few minutes, so that it can arrive."""
    language = rendering.speak(request, settings, form)
    with request.app.state.database.writing() as db:
        visit = _visit(request, db, slug, form, language, now)
        minutes = visit.place.settings.code_minutes
        again = rendering.link(f"{home(slug)}/phone", {**visit.handed.fields(), "lang": language})
        if not minutes or phone_codes.find_waiting(db, _visitor(visit), now=now) is None:
            raise Stop(say.NO_CODE_WAITS, again=again)
        grace.take_grace(db, visit, again=again, now=now)
        entered = enter(db, visit, method=SignIn.GRACE, cap_seconds=minutes * 60, cap_octets=grace.OCTETS, now=now)
    return lead_on(request, visit, entered, language)


for _button in ("code", "online", "again"):
    routes.get(f"/phone/{_button}")(start_again)


# --- what they look like -------------------------------------------------------------------------------------------------


def _form(
    request: Request,
    shown: Shown,
    handed: Handed,
    language: str,
    now: datetime,
    *,
    action: str,
    label: str,
    asks: Asked | None = None,
    ticket: str = "",
) -> dict[str, object]:
    """Return one of this module's forms, good for this device at this place."""
    settings: Settings = request.app.state.settings
    place = shown.place
    assert handed.mac is not None  # callers check can_log_in
    fields = {
        **handed.fields(),
        "lang": language,
        "terms": shown.welcome(language).terms.sha256,
        "token": tickets.form_token(settings.keys, site_id=place.site_id, mac=handed.mac, now=now),
        "press": tickets.new_press(),
        TICKET: ticket,
    }
    return {"action": f"{home(place.site.slug)}/{action}", "fields": fields, "label": label, "asks": asks}


def _page(
    request: Request,
    template: str,
    shown: Shown,
    handed: Handed,
    language: str,
    *,
    ticket: str = "",
    status: int = 200,
    **words: Any,  # noqa: ANN401  (a template's)
) -> Response:
    place = shown.place
    has_others = len(place.settings.ways_to_sign_in) > 1
    return rendering.page(
        request,
        template,
        language=language,
        address=f"{home(place.site.slug)}/phone",
        carried={**handed.fields(), TICKET: ticket},
        place=place,
        status=status,
        routers=[handed.router] if handed.router else [],
        other=_welcome(place.site.slug, handed, language) if has_others else "",
        **words,
    )


def _number_page(
    request: Request, shown: Shown, handed: Handed, language: str, now: datetime, *, problem: str, status: int = 422
) -> Response:
    return _page(
        request,
        "phone_number.html",
        shown,
        handed,
        language,
        status=status,
        problem=problem,
        number=_form(request, shown, handed, language, now, action="phone", asks=NUMBER, label=N_("Send me a code")),
    )


def _sending_page(
    request: Request, shown: Shown, handed: Handed, language: str, *, ticket: str, ending: str
) -> Response:
    carried = {**handed.fields(), TICKET: ticket, "lang": language, "ready": "1"}
    return _page(
        request,
        "phone_sending.html",
        shown,
        handed,
        language,
        ticket=ticket,
        ending=ending,
        refresh_seconds=int(ON_ITS_WAY.total_seconds()),
        ready=rendering.link(f"{home(shown.place.site.slug)}/phone", carried),
    )


def _code_page(
    request: Request,
    shown: Shown,
    handed: Handed,
    language: str,
    now: datetime,
    *,
    waiting: Waiting,
    ticket: str = "",
    ending: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    def form(action: str, label: str, asks: Asked | None = None) -> dict[str, object]:
        return _form(request, shown, handed, language, now, action=action, label=label, asks=asks, ticket=ticket)

    return _page(
        request,
        "phone_code.html",
        shown,
        handed,
        language,
        ticket=ticket,
        status=status,
        ending=ending,
        problem=problem,
        tries=waiting.tries_left,
        code=form("phone/code", N_("Agree and connect"), CODE),
        again=form("phone/again", N_("Send the code again")) if now >= waiting.again_at else None,
        online=form("phone/online", GO_ONLINE) if shown.place.settings.code_minutes else None,
        minutes=shown.place.settings.code_minutes,
        number=form("phone", N_("Send me a code"), NUMBER),
    )
