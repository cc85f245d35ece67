"""Signing in with a printed code: a voucher, or a resident's own.

Whoever types a code that never existed, was taken back, or goes with another number is told one and the same, after the same looks
into the database. Who holds a real code that has ended or is for another place is told so: nobody guesses one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlmodel import Session

from hotspot.guests import residents, vouchers
from hotspot.guests.guessing import needs_number, note_wrong, return_try, take_try
from hotspot.guests.passes import Unusable
from hotspot.guests.printed_codes import LONGEST_TYPED, Typed, read_typed
from hotspot.guests.refusals import N_
from hotspot.portal import explanations as say
from hotspot.portal.handoff import Stop
from hotspot.portal.methods import Asked, Decided
from hotspot.portal.rendering import link
from hotspot.portal.visits import Visit
from hotspot.sites.models import home
from hotspot.sites.settings import SignIn

Find = Callable[[Session, Typed | None, Visit, datetime], UUID | Unusable]

FIELD: Final = "code"
HINT: Final = N_("12 letters and digits. Capitals and dashes make no difference.")
WHY: Final = {
    Unusable.UNKNOWN: say.WRONG_CODE,
    Unusable.EXPIRED: say.CODE_EXPIRED,
    Unusable.USED_UP: say.CODE_USED_UP,
    Unusable.ELSEWHERE: say.CODE_ELSEWHERE,
}


@dataclass(frozen=True, slots=True)
class PrintedCode:
    """A method that asks for a code; `find` looks it up."""

    name: SignIn
    label: str
    asks: Asked
    find: Find
    action: str = "login"

    def decide(self, db: Session, visit: Visit, form: Mapping[str, str], *, now: datetime) -> Decided | Stop:
        """Say whose code was typed.

        1. A try is taken. 2. The code is looked up. 3. A wrong one is counted, of a right one the try is given back.
        """
        typed = read_typed(form.get(FIELD, ""))
        again = link(home(visit.place.site.slug), {**visit.handed.fields(), "lang": visit.language})
        device_id, site_id = visit.device_id, visit.place.site_id
        exceeded = take_try(db, typed, device_id=device_id, site_id=site_id, keys=visit.keys, now=now)
        if exceeded is not None:
            return Stop(say.NUMBER_NEEDED if needs_number(exceeded) else say.TOO_MANY_CODES, again=again)
        found = self.find(db, typed, visit, now)
        if found is Unusable.UNKNOWN:
            note_wrong(db, typed, site_id=site_id, keys=visit.keys, now=now)
        else:
            return_try(db, device_id=device_id, site_id=site_id, keys=visit.keys, now=now)
        return Decided(found) if isinstance(found, UUID) else Stop(WHY[found], again=again)


def _voucher(db: Session, typed: Typed | None, visit: Visit, now: datetime) -> UUID | Unusable:
    return vouchers.redeem(db, typed, site_id=visit.place.site_id, keys=visit.keys, now=now)


def _resident(db: Session, typed: Typed | None, visit: Visit, now: datetime) -> UUID | Unusable:
    return residents.recognise(db, typed, keys=visit.keys, now=now)


VOUCHER: Final = PrintedCode(
    SignIn.VOUCHER,
    N_("Agree and use the voucher"),
    Asked(FIELD, N_("Code on your voucher"), HINT, most=LONGEST_TYPED),
    _voucher,
)
RESIDENT: Final = PrintedCode(
    SignIn.RESIDENT,
    N_("Agree and use my resident code"),
    Asked(FIELD, N_("Your resident code"), HINT, most=LONGEST_TYPED),
    _resident,
)
