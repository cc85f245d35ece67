"""MNDP, the MikroTik Neighbor Discovery Protocol: octets ↔ `Neighbour`. Pure.

A datagram to UDP port 5678: two octets of unknown meaning, a sequence number of 16 bits, then attributes of type (16 bits), length
(16 bits) and value. Numbers are big-endian, but the uptime is little-endian. MikroTik publishes no specification; the types
are those that RouterOS 7 sends (what it shows in ``/ip/neighbor``).
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from hotspot.guests.models import BadMacAddress, MacAddress

PORT: Final = 5678
REFRESH_REQUEST: Final = bytes(4)
LONGEST_REQUEST: Final = 9  # programs send four or nine zero octets
LARGEST_DATAGRAM: Final = 1472  # what one Ethernet frame carries over IPv4: an announcement is never fragmented
MOST_ATTRIBUTES: Final = 64  # RouterOS 7 sends 11
LONGEST_TEXT: Final = 128
_HEADER = struct.Struct("!HH")
_ATTRIBUTE = struct.Struct("!HH")
_UPTIME = struct.Struct("<I")


class MalformedAnnouncement(ValueError):
    """The datagram is not an announcement."""


class Type(IntEnum):
    """The attributes that are understood."""

    MAC_ADDRESS = 1
    IDENTITY = 5
    VERSION = 7
    PLATFORM = 8
    UPTIME = 10
    SOFTWARE_ID = 11
    BOARD = 12
    UNPACK = 14
    IPV6_ADDRESS = 15
    INTERFACE = 16
    IPV4_ADDRESS = 17


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A router as it announces itself on one of its interfaces; `mac` and `interface` are that interface's.

    Texts are one printable line of at most `LONGEST_TEXT` characters, empty when the router says nothing. `others` are the
    attributes that are not understood, as they came.
    """

    mac: MacAddress
    identity: str = ""
    version: str = ""
    platform: str = ""
    board: str = ""
    software_id: str = ""
    interface: str = ""
    uptime: timedelta | None = None
    unpack: int | None = None
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    others: tuple[tuple[int, bytes], ...] = ()


# --- octets → neighbour --------------------------------------------------------------------------------------------------


def is_refresh_request(datagram: bytes) -> bool:
    """Tell whether the datagram asks routers to announce themselves."""
    return len(REFRESH_REQUEST) <= len(datagram) <= LONGEST_REQUEST and not any(datagram)


def parse(datagram: bytes) -> Neighbour:
    """Read an announcement. Of an attribute that comes twice the first counts; one of a wrong size is not understood.

    Raises:
        MalformedAnnouncement: its attributes don't fill it exactly, it is too large, or no MAC address says who sent it.
    """
    if not _HEADER.size <= len(datagram) <= LARGEST_DATAGRAM:
        raise MalformedAnnouncement(f"{len(datagram)} octets")
    understood: dict[str, Any] = {}
    others: list[tuple[int, bytes]] = []
    for number, value in _attributes(datagram):
        field, read = _READERS.get(number, ("", _not_understood))
        try:
            understood.setdefault(field, read(value))
        except (ValueError, struct.error, BadMacAddress):
            others.append((number, value))
    if "mac" not in understood:
        raise MalformedAnnouncement("no MAC address")
    return Neighbour(**understood, others=tuple(others))


def _attributes(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    at = _HEADER.size
    for _ in range(MOST_ATTRIBUTES):
        if at == len(datagram):
            return
        if at + _ATTRIBUTE.size > len(datagram):
            raise MalformedAnnouncement(f"half an attribute at octet {at}")
        number, length = _ATTRIBUTE.unpack_from(datagram, at)
        at += _ATTRIBUTE.size
        if at + length > len(datagram):
            raise MalformedAnnouncement(f"attribute {number} is longer than what is left")
        yield number, datagram[at : at + length]
        at += length
    raise MalformedAnnouncement(f"more than {MOST_ATTRIBUTES - 1} attributes")


def _not_understood(_value: bytes) -> None:
    raise ValueError


def _mac(value: bytes) -> MacAddress:
    return MacAddress.parse(value.hex())


def _text(value: bytes) -> str:
    """A router's text is whatever somebody typed: control characters and what is not UTF-8 become U+FFFD."""
    shown = (character if character.isprintable() else "\ufffd" for character in value.decode("utf-8", "replace"))
    return "".join(shown).strip()[:LONGEST_TEXT].rstrip()


def _uptime(value: bytes) -> timedelta:
    return timedelta(seconds=_UPTIME.unpack(value)[0])


def _octet(value: bytes) -> int:
    (number,) = value
    return number


_READERS: Final[Mapping[int, tuple[str, Callable[[bytes], object]]]] = {
    Type.MAC_ADDRESS: ("mac", _mac),
    Type.IDENTITY: ("identity", _text),
    Type.VERSION: ("version", _text),
    Type.PLATFORM: ("platform", _text),
    Type.UPTIME: ("uptime", _uptime),
    Type.SOFTWARE_ID: ("software_id", _text),
    Type.BOARD: ("board", _text),
    Type.UNPACK: ("unpack", _octet),
    Type.IPV6_ADDRESS: ("ipv6", IPv6Address),
    Type.INTERFACE: ("interface", _text),
    Type.IPV4_ADDRESS: ("ipv4", IPv4Address),
}


# --- neighbour → octets --------------------------------------------------------------------------------------------------


def build(neighbour: Neighbour, *, sequence: int = 0) -> bytes:
    """Return the announcement a router would send; what the neighbour doesn't say is left out."""
    values = [
        (Type.MAC_ADDRESS, neighbour.mac.octets),
        (Type.IDENTITY, neighbour.identity.encode()),
        (Type.VERSION, neighbour.version.encode()),
        (Type.PLATFORM, neighbour.platform.encode()),
        (Type.UPTIME, b"" if neighbour.uptime is None else _UPTIME.pack(int(neighbour.uptime.total_seconds()))),
        (Type.SOFTWARE_ID, neighbour.software_id.encode()),
        (Type.BOARD, neighbour.board.encode()),
        (Type.UNPACK, b"" if neighbour.unpack is None else bytes([neighbour.unpack])),
        (Type.IPV6_ADDRESS, neighbour.ipv6.packed if neighbour.ipv6 else b""),
        (Type.INTERFACE, neighbour.interface.encode()),
        (Type.IPV4_ADDRESS, neighbour.ipv4.packed if neighbour.ipv4 else b""),
    ]
    attributes = [(int(number), value) for number, value in values if value] + list(neighbour.others)
    return _HEADER.pack(0, sequence % 2**16) + b"".join(
        _ATTRIBUTE.pack(number, len(value)) + value for number, value in attributes
    )
