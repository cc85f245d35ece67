"""A guest who has pressed a button of ours: the place, what its router handed over, the terms, all of it checked."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Final
from uuid import UUID

from hotspot.guests.models import MacAddress, Terms
from hotspot.portal.handoff import Handed
from hotspot.portal.service import Place
from hotspot.security import Keys

# Of a User-Agent only this is kept. The first word that is found decides: Android's also says Linux, an iPhone's Mac OS.
BROWSERS: Final = (
    ("iPhone", "iphone"),
    ("iPad", "ipad"),
    ("Android", "android"),
    ("Windows", "windows"),
    ("Mac OS", "mac"),
    ("CaptiveNetworkSupport", "apple"),
    ("Linux", "linux"),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who pressed a button, where. `language` is the one whose terms were read, `press` the page whose button it was."""

    place: Place
    handed: Handed
    mac: MacAddress
    router: str  # scheme://host[:port], registered
    terms: Terms
    agreed_sha256: str
    language: str
    press: UUID
    browser: str
    keys: Keys = field(repr=False)

    @property
    def device_id(self) -> UUID:
        return self.keys.device_id(self.mac.octets)

    @property
    def can_be_told(self) -> bool:
        """Whether the controller can tell the router about this device: it has a way there, and the address is one of the guests'."""
        registered, ip = self.handed.registered, self.handed.ip
        guests = IPv4Network(self.place.settings.guest_network)
        return registered is not None and registered.is_managed and ip is not None and ip in guests

    @property
    def read_the_terms(self) -> bool:
        """Whether the terms that were read are those that hold now."""
        return self.agreed_sha256 == self.terms.sha256


def browser_of(user_agent: str) -> str:
    """Return which family a browser is of."""
    return next((family for word, family in BROWSERS if word in user_agent), "other")
