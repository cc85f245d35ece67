"""What the portal signs: the pages' forms, and the address of the online page. Nothing is kept on the phone.

A form's token holds for the hour it was made in and the next one. A ticket names a credential; its signature covers all that the
address carries, so that nobody can make our page show somebody else's words or links.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from hotspot.guests.models import MacAddress
from hotspot.guests.service import parse_user_name
from hotspot.security import Keys

PRESS: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
HOUR: Final = timedelta(hours=1)


class Purpose(StrEnum):
    """What a form does about a session that is online; a token for one is none for another."""

    SIGN_OUT = "portal sign out"
    OWN_DATA = "portal own data"


def form_token(keys: Keys, *, site_id: int, mac: MacAddress | str, now: datetime) -> str:
    return keys.sign("portal form", site_id, mac, _hour(now))


def is_form_token(token: str, keys: Keys, *, site_id: int, mac: MacAddress, now: datetime) -> bool:
    """Tell whether the token was made for this device at this site within the hour or the one before."""
    return _is_fresh(token, keys, now, "portal form", site_id, mac)


def new_press() -> str:
    """Return a name for the page that is made now, by which it is known again when its button is pressed twice."""
    return token_hex(16)


def parse_press(text: str) -> UUID:
    """Return which page's button was pressed; what can't be one counts as a page of its own."""
    return UUID(hex=text) if PRESS.fullmatch(text) else uuid4()


def session_token(keys: Keys, purpose: Purpose, *, site_id: int, credential_id: UUID, now: datetime) -> str:
    """Return what a form about a session carries: made for this purpose and who is online with this credential."""
    return keys.sign(purpose.value, site_id, credential_id.hex, _hour(now))


def is_session_token(
    token: str, keys: Keys, purpose: Purpose, *, site_id: int, credential_id: UUID, now: datetime
) -> bool:
    """Tell whether the token was made for this purpose and credential at this site within the hour or the one before."""
    return _is_fresh(token, keys, now, purpose.value, site_id, credential_id.hex)


def _is_fresh(token: str, keys: Keys, now: datetime, purpose: str, *bound_to: object) -> bool:
    return any(keys.is_signed(token, purpose, *bound_to, _hour(made)) for made in (now, now - HOUR))


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to see what became of a log-in: its credential, its router's base address, the host the person wanted."""

    credential_id: UUID
    router: str
    wanted_host: str = ""

    def query(self, keys: Keys, site_id: int) -> str:
        """Return the query of the online page's address."""
        return urlencode(self.fields(keys, site_id))

    def fields(self, keys: Keys, site_id: int) -> dict[str, str]:
        """Return what an address or a form carries: ``t=<credential>.<tag>`` and what else the tag covers."""
        tag = keys.sign("portal ticket", site_id, self.credential_id.hex, self.router, self.wanted_host)
        carried = {"t": f"{self.credential_id.hex}.{tag}", "r": self.router, "o": self.wanted_host}
        return {name: value for name, value in carried.items() if value}


def find_ticket(pairs: dict[str, str], keys: Keys, site_id: int) -> Ticket | None:
    """Return the ticket in a query, or None when it is missing or not signed by us for this site."""
    name, _, tag = pairs.get("t", "").partition(".")
    credential_id = parse_user_name(name)
    router, wanted_host = pairs.get("r", ""), pairs.get("o", "")
    if credential_id is None or not keys.is_signed(
        tag, "portal ticket", site_id, credential_id.hex, router, wanted_host
    ):
        return None
    return Ticket(credential_id, router, wanted_host)
