"""The pages below ``/p/{slug}/privacy``: what is held about the device that asks, to withdraw its consent, to delete what is held.

A MAC address is no secret, so naming a device is not enough: these pages are for who has the ticket of a session that is online now.
Their two buttons carry a token that only such a page has. What they do is done and committed before the answer leaves; the routers
are told after it has, and told again by the clock until they report the end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, TypeVar, get_args
from uuid import UUID

from fastapi import Request, Response
from sqlmodel import Session
from starlette.background import BackgroundTask

from hotspot.guests.consents import GUEST
from hotspot.guests.refusals import N_, Refusal
from hotspot.guests.service import find_credentials
from hotspot.portal import explanations as say
from hotspot.portal import held, rendering, service, tickets
from hotspot.portal.attempts import Stage
from hotspot.portal.door import Form, Query, guest_routes, refuse_foreign, refuse_stale, session_form, start_again
from hotspot.portal.handoff import Stop
from hotspot.portal.held import Deed, Held
from hotspot.portal.service import Place
from hotspot.portal.tickets import Purpose, Ticket
from hotspot.settings import Settings
from hotspot.sites.models import home
from hotspot.sites.settings import SignIn
from hotspot.web import Now, ReadDb, SettingsDep

MOST_SHOWN: Final = 200  # of each list; a phone's browser has to lay it out, and the rest is told by letter
CARRIED: Final = ("t", "r", "o")

Row = TypeVar("Row")
DeedName = Literal["withdraw", "delete"]

REASONS: Final[Mapping[str, str]] = {
    Refusal.BLOCKED: N_("the device is blocked"),
    Refusal.CLOSED: N_("the Wi-Fi was closed"),
    Refusal.NO_CONSENT: N_("the terms were not agreed to"),
    Refusal.TOO_MANY_DEVICES: N_("too many devices were online"),
    Refusal.DAY_TIME_USED: N_("the time for the day was used up"),
    Refusal.DAY_DATA_USED: N_("the data for the day was used up"),
}
METHODS: Final[Mapping[str, str]] = {
    SignIn.ONE_TAP: N_("one tap"),
    SignIn.VOUCHER: N_("voucher"),
    SignIn.PHONE: N_("phone code"),
    SignIn.RESIDENT: N_("resident code"),
    SignIn.GRACE: N_("short connection for a code"),
}
OTHER_REASON: Final = N_("the login was not valid")

routes = guest_routes()


@routes.get("/privacy")
def show_own_data(request: Request, slug: str, query: Query, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Show what is held about the device that is online with this ticket."""
    language = rendering.speak(request, settings, query)
    place = service.get_place(db, slug)
    ticket = _ticket(query, settings, place)
    found = service.progress(db, place, ticket.credential_id, now=now)
    if found is None or found.session is None or found.stage is not Stage.ONLINE:
        raise Stop(say.OWN_DATA_ONLY, again=home(slug))
    return rendering.page(
        request,
        "your_data.html",
        language=language,
        address=f"{home(slug)}/privacy",
        carried={name: query[name] for name in CARRIED if name in query},
        place=place,
        forms={name: _form_of(name, ticket, place, settings, now, language) for name in get_args(DeedName)},
        held=_in_words(held.held_about(db, found.session.device_id), settings, language),
    )


def _ticket(pairs: dict[str, str], settings: Settings, place: Place) -> Ticket:
    ticket = tickets.find_ticket(pairs, settings.keys, place.site_id)
    if ticket is None:
        raise Stop(say.OWN_DATA_ONLY, again=home(place.site.slug))
    return ticket


def _form_of(
    name: DeedName, ticket: Ticket, place: Place, settings: Settings, now: datetime, language: str
) -> dict[str, object]:
    return session_form(f"privacy/{name}", Purpose.OWN_DATA, ticket, place, settings, now, language)


# --- in words ------------------------------------------------------------------------------------------------------------


def _in_words(found: Held, settings: Settings, language: str) -> dict[str, object]:
    """Return what is held as a person reads it."""

    def moment(at: datetime | None) -> str:
        if at is None:
            return ""
        return f"{rendering.date_of(at, settings, language)}, {rendering.clock_time(at, settings, language)}"

    return {
        "agreements": _latest(
            [
                {
                    "at": moment(one.given_at),
                    "site": one.site,
                    "document": one.document or "",
                    "version": one.version or "",
                    "language": rendering.name_of(one.language),
                    "method": METHODS.get(one.method, ""),
                    "holds": one.holds,
                }
                for one in found.agreements
            ]
        ),
        "withdrawals": _latest([moment(at) for at in found.withdrawn_at]),
        "visits": _latest(
            [
                {
                    "start": moment(one.started_at),
                    "end": moment(one.ended_at),
                    "site": one.site,
                    "received": rendering.amount(one.octets_to_device or 0, language),
                    "sent": rendering.amount(one.octets_from_device or 0, language),
                    "address": one.address or "",
                }
                for one in found.visits
            ]
        ),
        "tries": _latest(
            [{"at": moment(one.decided_at), "site": one.site, "reason": _reason(one.refusal)} for one in found.tries]
        ),
        "attempts": _latest(
            [{"at": moment(one.requested_at), "site": one.site, "code": one.support_code} for one in found.attempts]
        ),
        "codes": _latest(
            [{"at": moment(one.created_at), "site": one.site, "used": one.used_at is not None} for one in found.codes]
        ),
        "block": None if found.block is None else {"reason": found.block.reason, "until": moment(found.block.until)},
    }


def _latest(rows: Sequence[Row]) -> dict[str, object]:
    return {"rows": rows[:MOST_SHOWN], "more": max(len(rows) - MOST_SHOWN, 0)}


def _reason(refusal: str | None) -> str:
    """Return the message that says why; empty where the device was let in."""
    return "" if refusal is None else REASONS.get(refusal, OTHER_REASON)


# --- the two buttons -----------------------------------------------------------------------------------------------------


@routes.post("/privacy/withdraw")
def withdraw(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Withdraw the device's consent, at every site."""
    return _do("withdraw", request, slug, form, now, settings)


@routes.post("/privacy/delete")
def delete(request: Request, slug: str, form: Form, now: Now, settings: SettingsDep) -> Response:
    """Delete what is held about the device."""
    return _do("delete", request, slug, form, now, settings)


def _do(
    name: DeedName, request: Request, slug: str, form: dict[str, str], now: datetime, settings: Settings
) -> Response:
    """Do it in one transaction, answer, then have the routers told.

    Whose credential is gone has deleted it already: the answer is the same page.
    """
    language = rendering.speak(request, settings, form)
    refuse_foreign(request, slug)
    with request.app.state.database.writing() as db:
        place = service.get_place(db, slug)
        ticket = _ticket(form, settings, place)
        refuse_stale(form, Purpose.OWN_DATA, ticket, place, settings, now)
        credential = find_credentials(db, [ticket.credential_id]).get(ticket.credential_id)
        deed = Deed(None, []) if credential is None else _done(db, name, credential.device_id, settings, now)
        answer = rendering.page(
            request,
            "done.html",
            language=language,
            address=home(slug),
            carried={},
            place=place,
            deed=name,
            erased=deed.erased,
            forms={"delete": _form_of("delete", ticket, place, settings, now, language)},
        )
    answer.background = BackgroundTask(request.app.state.end_sessions, deed.sessions, now=now)
    return answer


def _done(db: Session, name: DeedName, device_id: UUID, settings: Settings, now: datetime) -> Deed:
    if name == "withdraw":
        return held.withdraw(db, device_id, by=GUEST, now=now)
    return held.erase(db, device_id, keys=settings.keys, zone=settings.zone, by=GUEST, now=now)


routes.get("/privacy/withdraw")(start_again)
routes.get("/privacy/delete")(start_again)
