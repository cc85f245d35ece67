"""RADIUS packets as a RouterOS hotspot sends them, built and signed ahead of the run, with the reply each must get.

Standard library alone: for speed, and so that the server's codec isn't its own judge. An Accounting-Response to a router has no
attributes, so all its octets are known before the request leaves (RFC 2866 §4.2); an Access-Accept is judged when it comes.
"""

import hashlib
import hmac
import secrets
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

START, STOP, INTERIM = 1, 2, 3
ACCESS_ACCEPT: Final = 2
USER_REQUEST: Final = 1
FIRST_SESSION: Final = 0x80100000  # service "80", boot digit 1, then five digits that count the sessions of this boot
DELAY_AT: Final = -4  # Acct-Delay-Time is the last attribute of a report
_HEAD = struct.Struct("!BBH")
_NUMBER = struct.Struct("!BBI")
_MESSAGE_AUTHENTICATOR: Final = b"\x50\x12"


@dataclass(frozen=True, slots=True)
class Reporter:
    """A router: the source address the server knows it by, its identity and its secret."""

    address: str
    name: str
    secret: bytes = field(repr=False)

    @property
    def signature(self) -> bytes:
        """What it says of itself at the end of every packet: NAS-Identifier, NAS-IP-Address."""
        return _attribute(32, self.name.encode()) + _attribute(4, socket.inet_aton(self.address))


class Guest(NamedTuple):
    """Who is online or wants to be: the one-time credential, the device, and the Class of its admission."""

    user_name: bytes
    password: bytes
    mac: bytes
    class_: bytes


class Exchange(NamedTuple):
    """A request, and the only reply that acknowledges it; no reply when the server is free to choose its attributes."""

    packet: bytes
    reply: bytes | None


@dataclass(frozen=True, slots=True)
class Shape:
    """How long sessions are and how fast they grow.

    An hour at RouterOS' usual five minutes by default; growth is what a line can carry in the time the router claims.
    """

    interims: int = 12
    octets: int = 5_000_001  # an interim
    seconds: int = (
        0  # an interim: a run packs an hour of a city into moments, and no time passes that a router could claim
    )

    @property
    def steps(self) -> int:
        """Packets of one session: Start, its interims, Stop."""
        return self.interims + 2


def strangers() -> Iterator[Guest]:
    """Guests without end, whom no server knows: what accounting needs of them is that they differ."""
    while True:
        class_ = secrets.token_bytes(16)
        yield Guest(class_.hex().encode(), b"", b"BC:" + class_[:5].hex(":").upper().encode(), class_)


def report(reporter: Reporter, identifier: int, guest: Guest, port: int, step: int, shape: Shape) -> Exchange:
    """Make the signed packet of one step of a session: 0 is its Start, the last its Stop."""
    kind = START if step == 0 else STOP if step > shape.interims else INTERIM
    body = b"".join(
        (
            _number(40, kind),
            _identity(guest, port),
            _attribute(25, guest.class_),
            _number(55, int(time.time())),
            _counters(step, shape) if step else b"",
            _number(49, USER_REQUEST) if kind == STOP else b"",
            reporter.signature,
            _number(41, 0),
        )
    )
    return signed_report(reporter, identifier, body)


def signed_report(reporter: Reporter, identifier: int, body: bytes) -> Exchange:
    """Sign an Accounting-Request, and foretell its acknowledgement (RFC 2866 §3)."""
    head = _HEAD.pack(4, identifier, 20 + len(body))
    authenticator = hashlib.md5(b"".join((head, bytes(16), body, reporter.secret))).digest()
    reply_head = _HEAD.pack(5, identifier, 20)
    reply = reply_head + hashlib.md5(reply_head + authenticator + reporter.secret).digest()
    return Exchange(b"".join((head, authenticator, body)), reply)


def later(reporter: Reporter, identifier: int, exchange: Exchange, delay: int) -> Exchange:
    """Make the same report again: another identifier, because Acct-Delay-Time has grown (RFC 2866 §5.2)."""
    return signed_report(reporter, identifier, exchange.packet[20:DELAY_AT] + delay.to_bytes(4, "big"))


def access_request(reporter: Reporter, identifier: int, guest: Guest, port: int) -> Exchange:
    """Make a signed PAP log-in, Message-Authenticator last as RouterOS does (RFC 2869 §5.14)."""
    authenticator = secrets.token_bytes(16)
    body = b"".join(
        (
            _identity(guest, port),
            _attribute(2, _hidden(guest.password, authenticator, reporter.secret)),
            _number(6, 1),
            _attribute(26, (14122).to_bytes(4, "big") + _attribute(3, b"http://10.5.50.1/logout")),
            reporter.signature,
            _MESSAGE_AUTHENTICATOR,
        )
    )
    octets = _HEAD.pack(1, identifier, 36 + len(body)) + authenticator + body
    return Exchange(octets + hmac.digest(reporter.secret, octets + bytes(16), "md5"), None)


def is_accept(reply: bytes, request: bytes, secret: bytes) -> bool | None:
    """Judge a reply to a log-in: whether it lets the guest in; None when it isn't an authentic reply to this request."""
    if len(reply) < 38 or reply[1] != request[1] or int.from_bytes(reply[2:4], "big") != len(reply):
        return None
    seen = reply[:4] + request[4:20] + reply[20:]
    if hashlib.md5(seen + secret).digest() != reply[4:20]:
        return None
    at = _value_of_message_authenticator(reply)
    if at is None or hmac.digest(secret, seen[:at] + bytes(16) + seen[at + 16 :], "md5") != reply[at : at + 16]:
        return None
    return reply[0] == ACCESS_ACCEPT


def _value_of_message_authenticator(octets: bytes) -> int | None:
    at = 20
    while at + 18 <= len(octets) and octets[at + 1] >= 2:
        if octets[at : at + 2] == _MESSAGE_AUTHENTICATOR:
            return at + 2
        at += octets[at + 1]
    return None


def _identity(guest: Guest, port: int) -> bytes:
    """The attributes every packet about a guest begins with, in RouterOS' order."""
    address = bytes((10, 5, port >> 8 & 255, port & 255))
    return b"".join(
        (
            _number(61, 19),
            _attribute(31, guest.mac),
            _attribute(30, b"hs-vlan888-hotspot"),
            _attribute(87, b"bridge-hotspot"),
            _attribute(1, guest.user_name),
            _number(5, port),
            _attribute(44, b"%08x" % port),
            _attribute(8, address),
            _attribute(26, b"\0\0\x3a\x8c" + _attribute(10, address)),
        )
    )


def _counters(step: int, shape: Shape) -> bytes:
    high, low = divmod(step * shape.octets, 1 << 32)
    packets = step * (shape.octets // 1_000)
    figures: Iterable[tuple[int, int]] = (
        (42, low),
        (52, high),
        (47, packets),
        (43, low),
        (53, high),
        (48, packets),
        (46, step * shape.seconds),
    )
    return b"".join([_number(kind, value) for kind, value in figures])


def _hidden(password: bytes, authenticator: bytes, secret: bytes) -> bytes:
    """User-Password of RFC 2865 §5.2."""
    padded = password.ljust(-(-len(password) // 16) * 16, b"\0")
    hidden, previous = b"", authenticator
    for start in range(0, len(padded), 16):
        pad = hashlib.md5(secret + previous).digest()
        previous = bytes(left ^ right for left, right in zip(padded[start : start + 16], pad, strict=True))
        hidden += previous
    return hidden


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def _number(kind: int, value: int) -> bytes:
    return _NUMBER.pack(kind, 6, value)
