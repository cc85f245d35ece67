"""The attributes we speak: their numbers, and typed values out of and into a packet.

Pure. RFC 2865 §5, 2866 §5, 2869 §5, 3162 §2, 5176 §3.5; Vendor-Specific (RFC 2865 §5.26) of MikroTik (14988) and WISPr (14122). A MAC in
Calling-Station-Id stays text here: reading it is the guests' business.
"""

import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from hotspot.radius.packet import MalformedPacket, RawAttribute

MIKROTIK: Final = 14988
WISPR: Final = 14122
_VENDORS: Final = frozenset({MIKROTIK, WISPR})
_FOUR = struct.Struct("!I")
_WORD: Final = 1 << 32
_VENDOR_SPECIFIC: Final = 26


class Attr(IntEnum):
    """The standard attributes by number."""

    USER_NAME = 1
    USER_PASSWORD = 2
    CHAP_PASSWORD = 3
    NAS_IP_ADDRESS = 4
    NAS_PORT = 5
    SERVICE_TYPE = 6
    FRAMED_IP_ADDRESS = 8
    FILTER_ID = 11
    REPLY_MESSAGE = 18
    STATE = 24
    CLASS = 25
    VENDOR_SPECIFIC = 26
    SESSION_TIMEOUT = 27
    IDLE_TIMEOUT = 28
    CALLED_STATION_ID = 30
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_AUTHENTIC = 45
    ACCT_SESSION_TIME = 46
    ACCT_INPUT_PACKETS = 47
    ACCT_OUTPUT_PACKETS = 48
    ACCT_TERMINATE_CAUSE = 49
    ACCT_INPUT_GIGAWORDS = 52
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    CHAP_CHALLENGE = 60
    NAS_PORT_TYPE = 61
    PORT_LIMIT = 62
    MESSAGE_AUTHENTICATOR = 80
    ACCT_INTERIM_INTERVAL = 85
    NAS_PORT_ID = 87
    FRAMED_POOL = 88
    NAS_IPV6_ADDRESS = 95
    FRAMED_INTERFACE_ID = 96
    FRAMED_IPV6_PREFIX = 97
    LOGIN_IPV6_HOST = 98
    ERROR_CAUSE = 101


class VendorAttr(NamedTuple):
    """A vendor's attribute by vendor and number."""

    vendor: int
    number: int


class MikroTik:
    """What RouterOS sends and honours; Rate-Limit is "rx[/tx]" where rx is what the client uploads."""

    RECV_LIMIT = VendorAttr(MIKROTIK, 1)
    XMIT_LIMIT = VendorAttr(MIKROTIK, 2)
    GROUP = VendorAttr(MIKROTIK, 3)
    RATE_LIMIT = VendorAttr(MIKROTIK, 8)
    REALM = VendorAttr(MIKROTIK, 9)
    HOST_IP = VendorAttr(MIKROTIK, 10)
    MARK_ID = VendorAttr(MIKROTIK, 11)
    ADVERTISE_URL = VendorAttr(MIKROTIK, 12)
    ADVERTISE_INTERVAL = VendorAttr(MIKROTIK, 13)
    RECV_LIMIT_GIGAWORDS = VendorAttr(MIKROTIK, 14)
    XMIT_LIMIT_GIGAWORDS = VendorAttr(MIKROTIK, 15)
    TOTAL_LIMIT = VendorAttr(MIKROTIK, 17)
    TOTAL_LIMIT_GIGAWORDS = VendorAttr(MIKROTIK, 18)
    ADDRESS_LIST = VendorAttr(MIKROTIK, 19)


class Wispr:
    """The hotspot roaming attributes that RouterOS also speaks."""

    LOCATION_ID = VendorAttr(WISPR, 1)
    LOCATION_NAME = VendorAttr(WISPR, 2)
    LOGOFF_URL = VendorAttr(WISPR, 3)
    REDIRECTION_URL = VendorAttr(WISPR, 4)
    BANDWIDTH_MAX_UP = VendorAttr(WISPR, 7)
    BANDWIDTH_MAX_DOWN = VendorAttr(WISPR, 8)
    SESSION_TERMINATE_TIME = VendorAttr(WISPR, 9)


class StatusType(IntEnum):
    """Acct-Status-Type (RFC 2866 §5.1)."""

    START = 1
    STOP = 2
    INTERIM_UPDATE = 3
    ACCOUNTING_ON = 7
    ACCOUNTING_OFF = 8


class TerminateCause(IntEnum):
    """Acct-Terminate-Cause (RFC 2866 §5.10)."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    LOST_SERVICE = 3
    IDLE_TIMEOUT = 4
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    ADMIN_REBOOT = 7
    PORT_ERROR = 8
    NAS_ERROR = 9
    NAS_REQUEST = 10
    NAS_REBOOT = 11
    PORT_UNNEEDED = 12
    PORT_PREEMPTED = 13
    PORT_SUSPENDED = 14
    SERVICE_UNAVAILABLE = 15
    CALLBACK = 16
    USER_ERROR = 17
    HOST_REQUEST = 18


class ErrorCause(IntEnum):
    """Error-Cause (RFC 5176 §3.5): why a router refused to end or change a session; 2xx comes with an ACK."""

    RESIDUAL_SESSION_CONTEXT_REMOVED = 201
    INVALID_EAP_PACKET = 202
    UNSUPPORTED_ATTRIBUTE = 401
    MISSING_ATTRIBUTE = 402
    NAS_IDENTIFICATION_MISMATCH = 403
    INVALID_REQUEST = 404
    UNSUPPORTED_SERVICE = 405
    UNSUPPORTED_EXTENSION = 406
    INVALID_ATTRIBUTE_VALUE = 407
    ADMINISTRATIVELY_PROHIBITED = 501
    REQUEST_NOT_ROUTABLE = 502
    SESSION_CONTEXT_NOT_FOUND = 503
    SESSION_CONTEXT_NOT_REMOVABLE = 504
    OTHER_PROXY_PROCESSING_ERROR = 505
    RESOURCES_UNAVAILABLE = 506
    REQUEST_INITIATED = 507
    MULTIPLE_SESSION_SELECTION_UNSUPPORTED = 508


LOGIN_USER: Final = 1
"""Service-Type of a hotspot log-in (RFC 2865 §5.6)."""
WIRELESS_802_11: Final = 19
"""NAS-Port-Type (RFC 2865 §5.41)."""

Key = int | VendorAttr
Value = str | int | bytes | IPv4Address | IPv6Address


class Attributes:
    """The attributes of one packet, to be asked for typed values.

    A getter returns None when the attribute is absent, and raises `MalformedPacket` when it is there but wrong: repeated although
    it stands for one thing (RFC 2865 §5.44, "0-1"), not text, the wrong size. Unknown vendors stay opaque.
    """

    __slots__ = ("_repeated", "_values")

    def __init__(self, attributes: Iterable[RawAttribute]) -> None:
        values: dict[Key, bytes] = {}
        self._values = values
        self._repeated: set[Key] = set()
        for kind, value in attributes:
            if kind == _VENDOR_SPECIFIC:
                self._add_vendor_specific(value)
            elif kind in values:
                self._repeated.add(kind)
            else:
                values[kind] = value

    def _add_vendor_specific(self, value: bytes) -> None:
        """RFC 2865 §5.26: one Vendor-Specific may hold several attributes of one vendor."""
        vendor = int.from_bytes(value[:4], "big")
        if vendor not in _VENDORS:
            return
        offset = 4
        while offset < len(value):
            following = offset + (value[offset + 1] if offset + 1 < len(value) else 0)
            if following < offset + 3 or following > len(value):
                raise MalformedPacket(f"Vendor-Specific of {vendor} does not add up")
            key = VendorAttr(vendor, value[offset])
            if key in self._values:
                self._repeated.add(key)
            self._values[key] = value[offset + 2 : following]
            offset = following

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[Key]:
        """What is there, Vendor-Specific by what it holds; attributes of unknown vendors are left out."""
        return iter(self._values)

    def octets(self, key: Key) -> bytes | None:
        """The bare value."""
        if key in self._repeated:
            raise MalformedPacket(f"attribute {key} is repeated")
        return self._values.get(key)

    def text(self, key: Key, *, longest: int = 253) -> str | None:
        """UTF-8 text without NUL (RFC 2865 §5) of at most `longest` characters."""
        value = self.octets(key)
        if value is None:
            return None
        text = as_text(value)
        if len(text) > longest:
            raise MalformedPacket(f"attribute {key} holds more than {longest} characters")
        return text

    def integer(self, key: Key) -> int | None:
        """An unsigned 32-bit number."""
        value = self._values.get(key)
        if value is None:
            return None
        if len(value) != 4 or key in self._repeated:  # a dozen calls a report: no detour over `octets`
            raise MalformedPacket(f"attribute {key} is repeated or has {len(value)} octets, not 4")
        return int.from_bytes(value, "big")

    def address(self, key: Key) -> IPv4Address | None:
        """An IPv4 address."""
        value = self._sized(key, 4)
        return None if value is None else IPv4Address(value)

    def address6(self, key: Key) -> IPv6Address | None:
        """An IPv6 address (RFC 3162 §2.1)."""
        value = self._sized(key, 16)
        return None if value is None else IPv6Address(value)

    def moment(self, key: Key) -> datetime | None:
        """Seconds since 1970 as UTC (RFC 2869 §5.3); the router's clock, so believe it with care."""
        seconds = self.integer(key)
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def integer64(self, low: Key, gigawords: Key) -> int | None:
        """Octets counted in two attributes: gigawords · 2³² + octets (RFC 2869 §5.1); absent gigawords are zero."""
        octets = self.integer(low)
        high = self.integer(gigawords)
        if octets is None:
            return None
        return ((high or 0) << 32) | octets

    def _sized(self, key: Key, size: int) -> bytes | None:
        value = self.octets(key)
        if value is not None and len(value) != size:
            raise MalformedPacket(f"attribute {key} has {len(value)} octets, not {size}")
        return value


def as_text(octets: bytes) -> str:
    """UTF-8 text without NUL (RFC 2865 §5), which nothing behind us could store."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise MalformedPacket("text that is not UTF-8") from None
    if "\0" in text:
        raise MalformedPacket("text with a NUL")
    return text


def make(key: Key, value: Value) -> RawAttribute:
    """One attribute of a packet to be sent; a vendor's is wrapped in its own Vendor-Specific."""
    octets = _octets_of(value)
    if isinstance(key, VendorAttr):
        wrapped = _FOUR.pack(key.vendor) + bytes((key.number, (len(octets) + 2) & 0xFF)) + octets
        if not octets or len(wrapped) > 253:
            raise MalformedPacket(f"attribute {key} cannot carry {len(octets)} octets")
        return _VENDOR_SPECIFIC, wrapped
    return int(key), octets


def _octets_of(value: Value) -> bytes:
    match value:
        case str():
            return value.encode()
        case int():
            if not 0 <= value < _WORD:
                raise MalformedPacket(f"{value} does not fit 32 bits")
            return _FOUR.pack(value)
        case bytes():
            return value
        case IPv4Address() | IPv6Address():
            return value.packed


def split64(value: int) -> tuple[int, int]:
    """A 64-bit count as (low 32 bits, gigawords); raises `MalformedPacket` for one that doesn't fit."""
    if not 0 <= value < _WORD * _WORD:
        raise MalformedPacket(f"{value} does not fit 64 bits")
    return value % _WORD, value // _WORD


def make64(low: Key, gigawords: Key, value: int) -> tuple[RawAttribute, ...]:
    """A 64-bit count or limit as attributes; the gigawords only where they are not zero."""
    octets, high = split64(value)
    first = make(low, octets)
    return (first, make(gigawords, high)) if high else (first,)
