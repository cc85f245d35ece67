"""What an Access-Request asks: a verified packet in, a typed value out; `admitting` decides.

Reading needs no database and happens before the transaction, so that a poisoned packet can't sink its batch.
"""

from collections.abc import Iterable
from functools import lru_cache
from hmac import compare_digest
from typing import Final, NamedTuple
from uuid import UUID

from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.guests.refusals import Refusal
from hotspot.guests.service import parse_user_name
from hotspot.radius.attributes import Attr, Attributes, as_text
from hotspot.radius.layouts import Layouts
from hotspot.radius.packet import Code, MalformedPacket, Packet, RawAttribute, Secret, chap_matches, unhide_password
from hotspot.routers.service import KnownRouter
from hotspot.security import Keys

PROXY_STATE: Final = int(Attr.PROXY_STATE)
MOST_PROXY_STATES: Final = 32
LARGEST_PROXY_STATES: Final = 2_048  # octets: half a packet, the rest is for what we say ourselves


class Shown(NamedTuple):
    """The attributes of an Access-Request that we read, as octets; None: absent."""

    user_name: bytes | None
    mac: bytes | None
    nas_identifier: bytes | None
    password: bytes | None
    chap_response: bytes | None
    chap_challenge: bytes | None


FIELDS: Final = (
    Attr.USER_NAME,
    Attr.CALLING_STATION_ID,
    Attr.NAS_IDENTIFIER,
    Attr.USER_PASSWORD,
    Attr.CHAP_PASSWORD,
    Attr.CHAP_CHALLENGE,
)


def shown_in(attributes: Iterable[RawAttribute]) -> Shown:
    """Read the attributes of a packet; raises `MalformedPacket` when one that we read is repeated."""
    asked = Attributes(attributes)
    return Shown(*[asked.octets(field) for field in FIELDS])


def access_layouts() -> Layouts[Shown]:
    """Layouts of Access-Requests, none known yet."""
    return Layouts(Code.ACCESS_REQUEST, FIELDS, Shown)


class AccessAsked(NamedTuple):
    """One log-in: who wants in, where, and whether the password was the credential's own.

    `is_known_device`: the router asks by itself for a device it sees, whose MAC address is the user name (RouterOS `login-by=mac`).
    """

    router: KnownRouter
    credential_id: UUID | None = None
    device_id: UUID | None = None
    user_name: str = ""
    is_proven: bool = False
    is_known_device: bool = False

    @property
    def refusal(self) -> Refusal | None:
        """Why this can be refused without looking anything up."""
        if self.device_id is None:
            return Refusal.INCOMPLETE
        if self.is_known_device:
            return None
        if self.credential_id is None:
            return Refusal.UNKNOWN
        return None if self.is_proven else Refusal.WRONG_PASSWORD


def read_access(shown: Shown, authenticator: bytes, router: KnownRouter, secret: Secret, keys: Keys) -> AccessAsked:
    """Read a verified Access-Request; what is missing makes a refusal, what is wrong raises `MalformedPacket`."""
    user_name = as_text(shown.user_name or b"")
    credential_id = parse_user_name(user_name)
    device_id = None if shown.mac is None else _device_named(as_text(shown.mac), keys)
    if credential_id is None:
        is_known_device = device_id is not None and _device_named(user_name, keys) == device_id
        return AccessAsked(router, None, device_id, user_name, is_known_device=is_known_device)
    password = keys.one_time_password(credential_id).encode()
    return AccessAsked(router, credential_id, device_id, user_name, _proves(shown, authenticator, password, secret))


def proxy_states(packet: Packet) -> tuple[RawAttribute, ...]:
    """The Proxy-States that the reply gives back unchanged and in order (RFC 2865 §5.33), if they leave room for a reply."""
    proxied = tuple([attribute for attribute in packet.attributes if attribute[0] == PROXY_STATE])
    if not proxied:
        return ()
    if len(proxied) > MOST_PROXY_STATES or sum(len(value) for _, value in proxied) > LARGEST_PROXY_STATES:
        raise MalformedPacket(f"{len(proxied)} times Proxy-State")
    return proxied


def _proves(shown: Shown, authenticator: bytes, password: bytes, secret: Secret) -> bool:
    """Whether the request holds this password, by PAP or by CHAP (RFC 2865 §5.2, §5.3)."""
    hidden, response = shown.password, shown.chap_response
    if hidden is not None and response is not None:
        raise MalformedPacket("both User-Password and CHAP-Password, which RFC 2865 §4.1 forbids")
    if hidden is not None:
        return compare_digest(unhide_password(hidden, authenticator, secret), password)
    if response is not None:
        return chap_matches(response, password, shown.chap_challenge or authenticator)
    return False


@lru_cache(maxsize=8_192)
def _device_named(text: str, keys: Keys) -> UUID | None:
    """The device's pseudonym."""
    try:
        return keys.device_id(MacAddress.parse(text).octets)
    except BadMacAddress:
        return None
