"""Signing in with a code that is sent to a phone: the method on the welcome page, and what ties a browser to its code.

Everything else has pages of its own, `phone_pages`: a message takes its time, and whoever reads it leaves this page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import Session

from hotspot.guests.refusals import N_
from hotspot.guests.service import parse_user_name
from hotspot.portal.explanations import NO_CODE_WAITS
from hotspot.portal.handoff import Stop
from hotspot.portal.methods import Asked, Decided
from hotspot.portal.visits import Visit
from hotspot.security import Keys
from hotspot.sites.models import home
from hotspot.sites.settings import SignIn

NUMBER: Final = Asked(
    name="number",
    label=N_("Your mobile number"),
    hint=N_("We send you a code by message, and then forget the number."),
    inputmode="tel",
    autocomplete="tel",
    most=32,
)
CODE: Final = Asked(
    name="code",
    label=N_("The 6 digits of the message"),
    inputmode="numeric",
    autocomplete="one-time-code",
    most=20,
)


@dataclass(frozen=True, slots=True)
class PhoneCode:
    """A number is asked for; the rest is for `phone_pages`."""

    name: SignIn = SignIn.PHONE
    label: str = N_("Send me a code")
    action: str = "phone"
    asks: Asked | None = NUMBER

    def decide(self, db: Session, visit: Visit, form: Mapping[str, str], *, now: datetime) -> Decided:
        """Nobody is let in by a number alone."""
        del db, form, now
        raise Stop(NO_CODE_WAITS, again=home(visit.place.site.slug))


def code_ticket(keys: Keys, site_id: int, code_id: UUID) -> str:
    """Return what only the browser knows that asked for the code: the end of its number is shown to nobody else."""
    return f"{code_id.hex}.{keys.sign('phone code', site_id, code_id.hex)}"


def find_code_id(ticket: str, keys: Keys, site_id: int) -> UUID | None:
    """Return the code that a ticket of ours names."""
    name, _, tag = ticket.partition(".")
    code_id = parse_user_name(name)
    return code_id if code_id is not None and keys.is_signed(tag, "phone code", site_id, name) else None
