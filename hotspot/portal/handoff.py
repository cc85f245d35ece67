"""What the router hands over through a phone, read strictly, and where the phone may be sent back to. Pure.

RouterOS's login.html sends phones to the portal with its variables in the query (see /ip/hotspot/profile html-directory). All of it
passes through the phone and is hostile: read once, checked, never echoed. A URL of the router is built from the *registered*
router's host, not from what was handed over. CHAP as RouterOS does it in HTTP: hexMD5(chap-id || password || chap-challenge).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, ip_address
from typing import Final
from urllib.parse import unquote_to_bytes, urlencode, urlsplit
from uuid import UUID

from hotspot.errors import HotspotError
from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.guests.service import parse_user_name
from hotspot.portal.explanations import BAD_DEVICE, FOREIGN_ROUTER, TOO_LONG, UNREADABLE, Explanation

QUERY_OCTETS: Final = 8 * 1024  # a probe's address in link-orig is the longest part; real ones stay below 3 KiB
VALUE_CHARACTERS: Final = 4096
PAIRS: Final = 64
SHORT: Final = 256
SHORT_NAMES: Final = (
    "mac",
    "ip",
    "method",
    "code",
    "press",
    "link-login-only",
    "error",
    "error-orig",
    "chap-id",
    "chap-challenge",
    "lang",
    "terms",
    "token",
    "username",
    "t",
)
CHALLENGE_OCTETS: Final = 64  # RouterOS sends 16
RAW: Final = ("chap-id", "chap-challenge")  # octets, not text: `$(chap-id-esc)` may be any of 256 values
ROUTER_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?(/[a-z]*)?", re.ASCII
)
OCTAL: Final = re.compile(rb"\\(?:([0-3][0-7]{0,2}|[4-7][0-7]?)|([\\\"'/]))|([^\\])", re.DOTALL)
ESCAPES: Final = tuple(f"\\{octet:03o}" for octet in range(256))
ESCAPED: Final = {escape[1:]: octet for octet, escape in enumerate(ESCAPES)}
HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,98}[A-Za-z0-9])?", re.ASCII)
USUAL_ESCAPES: Final = ((b"%3A", b":"), (b"%2F", b"/"), (b"%5C", b"\\"), (b"%3F", b"?"), (b"%20", b" "))
PLAIN_URL: Final = re.compile(
    r"https?://([a-z0-9.-]+)(?:[/?]|\Z)"
)  # of which `urlsplit` says the same, ten times as slowly
PORTS: Final = {"http": 80, "https": 443}
PROBE_HOSTS: Final = frozenset(
    {
        "captive.apple.com",
        "www.apple.com",
        "connectivitycheck.gstatic.com",
        "connectivitycheck.android.com",
        "clients3.google.com",
        "www.gstatic.com",
        "connectivitycheck.platform.hicloud.com",
        "connect.rom.miui.com",
        "www.msftconnecttest.com",
        "www.msftncsi.com",
        "detectportal.firefox.com",
        "nmcheck.gnome.org",
    }
)
"""Nobody asked for these: phones do, to find out whether they are captive."""


class Stop(HotspotError):
    """The guest can't go on: {explanation.title}"""

    def __init__(self, explanation: Explanation, *, again: str = "") -> None:
        """Keep the explanation for the page, and the address behind its "Try again", if there is one."""
        super().__init__(explanation=explanation)
        self.explanation = explanation
        self.again = again


@dataclass(frozen=True, slots=True)
class RouterHost:
    """Where a registered router's login page may be: `login_host` as registered, else `address` at any port.

    `is_managed`: the controller has a way of its own to the router.
    """

    address: str
    login_host: str = ""
    router_id: int = 0
    is_managed: bool = False


@dataclass(frozen=True, slots=True)
class Handed:
    """What a router handed over, checked; absent things are None or empty."""

    mac: MacAddress | None = None
    router: str | None = None  # scheme://host[:port] of the registered router
    registered: RouterHost | None = None  # the router's
    ip: IPv4Address | None = None  # which the router gave the phone
    chap_id: bytes = b""
    chap_challenge: bytes = b""
    wanted_host: str | None = None
    credential_id: UUID | None = None  # of a device that is logged in, as only its router can know
    error: str = ""
    error_orig: str = ""

    @property
    def can_log_in(self) -> bool:
        return self.mac is not None and self.router is not None

    def fields(self) -> dict[str, str]:
        """Return what the next page needs to know, in the router's own words; never its error."""
        found = {
            "mac": str(self.mac or ""),
            "ip": str(self.ip or ""),
            "link-login-only": f"{self.router}/login" if self.router else "",
            "chap-id": octal(self.chap_id),
            "chap-challenge": octal(self.chap_challenge),
            "link-orig": f"http://{self.wanted_host}/" if self.wanted_host else "",
            "username": self.credential_id.hex if self.credential_id else "",
        }
        return {name: value for name, value in found.items() if value}


# --- reading -----------------------------------------------------------------------------------------------------------------


def read_pairs(encoded: bytes) -> dict[str, str]:
    """Decode a query or a form body exactly once; RouterOS's raw octets come back as their octal escapes.

    Raises:
        Stop: over-long, repeated names, control characters, or not UTF-8.
    """
    text = plain_text(encoded)
    if text is None:
        found = _pairs([piece for piece in encoded.split(b"&") if piece])
    else:
        found = _plain_pairs([piece for piece in text.split("&") if piece])
    longest = max(map(len, found.values()), default=0)
    if longest > SHORT and any(len(value) > _most(name) for name, value in found.items()):
        raise Stop(TOO_LONG)
    return found


def _most(name: str) -> int:
    return SHORT if name in SHORT_NAMES else VALUE_CHARACTERS


def plain_text(encoded: bytes) -> str | None:
    """Return what a router hands over as text, as long as it holds nothing that could be read in two ways.

    That is nearly always, and five times as fast as to read each pair by itself.
    """
    for escape, octet in USUAL_ESCAPES:
        encoded = encoded.replace(escape, octet)  # none of them can become a part of another, or part two values
    if b"%" in encoded or b"+" in encoded or not encoded.isascii():
        return None
    text = encoded.decode("ascii")
    return text if text.isprintable() else None


def _plain_pairs(pieces: list[str]) -> dict[str, str]:
    if len(pieces) > PAIRS:
        raise Stop(TOO_LONG)
    found = dict([piece.partition("=")[::2] for piece in pieces])
    if len(found) < len(pieces):
        raise Stop(UNREADABLE)
    return found


def _pairs(pieces: list[bytes]) -> dict[str, str]:
    if len(pieces) > PAIRS:
        raise Stop(TOO_LONG)
    found: dict[str, str] = {}
    for piece in pieces:
        raw_name, _, raw_value = piece.partition(b"=")
        name = _text(raw_name)
        if name in found:
            raise Stop(UNREADABLE)
        found[name] = _octets_as_text(raw_value) if name in RAW else _text(raw_value)
    return found


def _text(raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError as error:
        raise Stop(UNREADABLE) from error
    if not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text):
        raise Stop(UNREADABLE)
    return text


def _octets_as_text(raw: bytes) -> str:
    octets = unquote_to_bytes(raw.replace(b"+", b" "))
    is_printable = octets.isascii() and octets.decode("ascii").isprintable()
    return octets.decode("ascii") if is_printable else octal(octets)


def octal(octets: bytes) -> str:
    """Write octets as RouterOS does in a page: a backslash and three octal digits each."""
    return "".join([ESCAPES[octet] for octet in octets])


def octets_of(text: str) -> bytes:
    """Read ``$(chap-id)`` or ``$(chap-challenge)``: octal escapes of a JavaScript string, and characters that stand for themselves.

    Raises:
        Stop: a backslash that escapes nothing.
    """
    before, *escapes = text.split("\\")
    if not before and all(
        map(ESCAPED.__contains__, escapes)
    ):  # as RouterOS writes them, and nothing in the general way
        return bytes([ESCAPED[escape] for escape in escapes])
    found = bytearray()
    position = 0
    encoded = text.encode()
    while position < len(encoded):
        match = OCTAL.match(encoded, position)
        if match is None:
            raise Stop(UNREADABLE)
        escaped, quoted, plain = match.groups()
        found += bytes([int(escaped, 8)]) if escaped else quoted or plain
        position = match.end()
    return bytes(found)


def read_handed(pairs: Mapping[str, str], routers: Iterable[RouterHost]) -> Handed:
    """Check what was handed over against the site's registered routers.

    Raises:
        Stop: a device, a router or a challenge that can't be; absent ones are not an error.
    """
    link = pairs.get("link-login-only", "")
    base, router = find_registered(link, routers, path="/login") if link else (None, None)
    return Handed(
        mac=_mac(pairs.get("mac", "")),
        router=base,
        registered=router,
        ip=_ip(pairs.get("ip", "")),
        **_challenge(pairs.get("chap-id", ""), pairs.get("chap-challenge", "")),
        wanted_host=host_wanted(pairs.get("link-orig", "")),
        credential_id=parse_user_name(pairs.get("username", "")),
        error=pairs.get("error", "").strip(),
        error_orig=pairs.get("error-orig", "").strip(),
    )


def _mac(text: str) -> MacAddress | None:
    if not text:
        return None
    try:
        return MacAddress.parse(text)
    except BadMacAddress as error:
        raise Stop(BAD_DEVICE) from error


@lru_cache(4096)  # a site's phones have few; reading one takes as long as looking up ten
def _ip(text: str) -> IPv4Address | None:
    """Read the phone's address; one that can't be is none, for most ways online need none."""
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None


def _challenge(chap_id: str, chap_challenge: str) -> dict[str, bytes]:
    """Read both or neither; without them the router wants PAP."""
    identifier, challenge = octets_of(chap_id), octets_of(chap_challenge)
    if not identifier and not challenge:
        return {}
    if len(identifier) != 1 or not 1 <= len(challenge) <= CHALLENGE_OCTETS:
        raise Stop(UNREADABLE)
    return {"chap_id": identifier, "chap_challenge": challenge}


# --- where a phone may go ----------------------------------------------------------------------------------------------------


def registered_base(url: str, routers: Iterable[RouterHost], *, path: str = "") -> str:
    """Return scheme://host[:port] of the registered router that `url` names, as `find_registered`."""
    return find_registered(url, routers, path=path)[0]


def find_registered(url: str, routers: Iterable[RouterHost], *, path: str = "") -> tuple[str, RouterHost]:
    """Return scheme://host[:port] of the registered router that `url` names, written anew, and the router.

    Raises:
        Stop: any other host, scheme, path; user information, a fragment, or something browsers read in two ways.
    """
    return _find_registered(url, tuple(routers), path)


@lru_cache(1024)
def _find_registered(url: str, routers: tuple[RouterHost, ...], path: str) -> tuple[str, RouterHost]:
    match = ROUTER_URL.fullmatch(url)
    if match is None or (match[4] or "") != path:
        raise Stop(FOREIGN_ROUTER)
    scheme, host = match[1], match[2].lower()
    port = int(match[3]) if match[3] else PORTS[scheme]
    if not 0 < port <= 65535:
        raise Stop(FOREIGN_ROUTER)
    for router in routers:
        registered = _host_of_router(router, scheme, host, port)
        if registered is not None:
            return f"{scheme}://{registered}" + ("" if port == PORTS[scheme] else f":{port}"), router
    raise Stop(FOREIGN_ROUTER)


def _host_of_router(router: RouterHost, scheme: str, host: str, port: int) -> str | None:
    """Return the registered spelling of the router's host when it is the one asked for."""
    if router.login_host:
        match = ROUTER_URL.fullmatch(f"http://{router.login_host.lower()}")
        registered_port = int(match[3]) if match and match[3] else PORTS[scheme]
        return host if match and (host, port) == (match[2], registered_port) else None
    return bracketed(router.address) if _same_address(host, router.address) else None


def _same_address(host: str, address: str) -> bool:
    try:
        return ip_address(host.strip("[]")) == ip_address(address)
    except ValueError:
        return False


def bracketed(address: str) -> str:
    """Write an IP address as the host of a URL (RFC 3986 §3.2.2)."""
    return f"[{address}]" if ":" in address else address


def host_wanted(link_orig: str) -> str | None:
    """Return the host the person wanted to see, only to be shown as text; None for a phone's own probe or anything odd."""
    host = _host_of(link_orig)
    return None if host in PROBE_HOSTS or "." not in host or not HOST.fullmatch(host) else host


def _host_of(url: str) -> str:
    """Return the host of an http or https address in lower case, empty for anything else."""
    plain = PLAIN_URL.match(url)
    if plain:
        return plain[1]
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower() if parts.scheme in PORTS else ""
    except ValueError:
        return ""


def login_url(handed: Handed, *, user_name: str, password: str, dst: str) -> str:
    """Return the router's address that logs the phone in: CHAP when the router gave a challenge, else PAP."""
    assert handed.router is not None  # callers check can_log_in
    proof = chap_response(handed, password) if handed.chap_challenge else password
    return f"{handed.router}/login?{urlencode({'username': user_name, 'password': proof, 'dst': dst})}"


def chap_response(handed: Handed, password: str) -> str:
    """Return hexMD5(chap-id || password || chap-challenge), as RouterOS's own md5.js does in a browser."""
    secret = handed.chap_id + password.encode() + handed.chap_challenge
    return hashlib.md5(secret, usedforsecurity=False).hexdigest()
