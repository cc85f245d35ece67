"""Bytes ↔ `Packet`, strictly; signing and checking of both directions.

Pure: octets in, values out, no I/O. What the attributes mean is left to `attributes`, what to answer to `policy`. RFC 2865 §3
(format), §5.2 (User-Password), §5.3 (CHAP-Password); RFC 2866 §3 (accounting authenticators); RFC 2869 §5.14 and RFC 5997
(Message-Authenticator); RFC 5176 §2.3, §3.4 (both for requests to a router).
"""

import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from hotspot.radius.sizes import MESSAGE_AUTHENTICATOR, SIZES

RawAttribute = tuple[int, bytes]
"""An attribute as it lies in the packet: its type and its value without the two header octets."""

HEADER_LENGTH: Final = 20
MAX_LENGTH: Final = 4096
MAX_ATTRIBUTES: Final = 200
"""More than this is an attack, not a router: a real hotspot sends about 20 (the same bound as FreeRADIUS' max_attributes)."""
MAX_PASSWORD_LENGTH: Final = 128
NO_AUTHENTICATOR: Final = bytes(16)
_HEADER = struct.Struct("!BBH16s")
_FRESH_MD5: Final = hashlib.md5(usedforsecurity=False)
_ACKNOWLEDGED: Final = bytes((5,))
_MESSAGE_AUTHENTICATOR_HEAD: Final = bytes((MESSAGE_AUTHENTICATOR, 18))
_EMPTY_MESSAGE_AUTHENTICATOR: Final = _MESSAGE_AUTHENTICATOR_HEAD + bytes(16)


class MalformedPacket(ValueError):
    """The datagram is not a RADIUS packet."""


class Code(IntEnum):
    """What a packet is (RFC 2865 §3, RFC 2866 §3, RFC 5176 §2.3, RFC 5997 §3)."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


RANDOM_AUTHENTICATOR: Final = frozenset({Code.ACCESS_REQUEST, Code.STATUS_SERVER})
"""Requests whose authenticator is a nonce, so that only Message-Authenticator proves who sent them."""
HASHED_AUTHENTICATOR: Final = frozenset({Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST})
"""Requests whose authenticator is a hash with the secret (RFC 2866 §3, RFC 5176 §2.3)."""


class Flaw(StrEnum):
    """Why a well-formed packet is not authentic; the value labels the counter of dropped packets."""

    NOT_A_REQUEST = "not_a_request"
    NO_MESSAGE_AUTHENTICATOR = "no_message_authenticator"
    BAD_MESSAGE_AUTHENTICATOR = "bad_message_authenticator"
    BAD_AUTHENTICATOR = "bad_authenticator"
    WRONG_IDENTIFIER = "wrong_identifier"


@dataclass(frozen=True, slots=True)
class Packet:
    """One RADIUS packet. `octets` is what it was parsed from, without padding; a packet built by hand has none."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: tuple[RawAttribute, ...] = ()
    octets: bytes = field(default=b"", compare=False, repr=False)


class Secret:
    """A secret shared with one router; never shows itself, and keeps the keyed hash states that every packet needs."""

    __slots__ = ("_inner", "_outer", "octets")

    def __init__(self, octets: bytes) -> None:
        if not octets:
            raise ValueError("an empty RADIUS secret signs nothing")
        self.octets = octets
        block = (hashlib.md5(octets, usedforsecurity=False).digest() if len(octets) > 64 else octets).ljust(64, b"\0")
        self._inner = hashlib.md5(bytes(octet ^ 0x36 for octet in block), usedforsecurity=False)
        self._outer = hashlib.md5(bytes(octet ^ 0x5C for octet in block), usedforsecurity=False)

    def hmac_md5(self, message: bytes) -> bytes:
        """HMAC-MD5 (RFC 2104) from the two prepared states: half the cost of `hmac.digest` per packet."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        return "Secret(…)"


def parse(data: bytes) -> Packet:
    """Read one datagram, or raise `MalformedPacket`; no other error leaves here, whatever the octets (RFC 2865 §3)."""
    if not HEADER_LENGTH <= len(data) <= MAX_LENGTH:
        raise MalformedPacket(f"datagram of {len(data)} octets")
    code, identifier, length, authenticator = _HEADER.unpack_from(data)
    if not HEADER_LENGTH <= length <= len(data):
        raise MalformedPacket(f"Length says {length}, the datagram has {len(data)} octets")
    if length != len(data):
        data = data[:length]  # §3: octets beyond Length are padding and ignored
    return Packet(code, identifier, authenticator, _parse_attributes(data), data)


def _parse_attributes(data: bytes) -> tuple[RawAttribute, ...]:
    attributes: list[RawAttribute] = []
    add = attributes.append
    offset, end, signatures = HEADER_LENGTH, len(data), 0
    while offset < end:
        if offset + 2 > end:
            raise MalformedPacket("the last attribute has no length")
        kind, length = data[offset], data[offset + 1]
        if length - 2 not in SIZES[kind] or offset + length > end:
            raise MalformedPacket(f"attribute {kind} has length {length}")
        if kind == MESSAGE_AUTHENTICATOR:
            signatures += 1
        add((kind, data[offset + 2 : offset + length]))
        offset += length
    if len(attributes) > MAX_ATTRIBUTES or signatures > 1:
        raise MalformedPacket(f"{len(attributes)} attributes, {signatures} times Message-Authenticator")
    return tuple(attributes)


def encode(packet: Packet) -> bytes:
    """Write the packet as it stands: nothing is signed. Raises `MalformedPacket` for what could not be parsed back."""
    body = encode_attributes(packet.attributes)
    return _with_header(packet.code, packet.identifier, packet.authenticator, body)


def encode_attributes(attributes: Iterable[RawAttribute]) -> bytes:
    """Write attributes one after the other; raises `MalformedPacket` for what could not be parsed back."""
    parts: list[bytes] = []
    for kind, value in attributes:
        if len(value) not in SIZES[kind]:
            raise MalformedPacket(f"attribute {kind} cannot carry {len(value)} octets")
        parts.append(bytes((kind, len(value) + 2)))
        parts.append(value)
    if len(parts) > 2 * MAX_ATTRIBUTES:
        raise MalformedPacket(f"{len(parts) // 2} attributes")
    return b"".join(parts)


def _with_header(code: int, identifier: int, authenticator: bytes, body: bytes) -> bytes:
    length = HEADER_LENGTH + len(body)
    if length > MAX_LENGTH or len(authenticator) != 16 or not (0 <= code <= 255 and 0 <= identifier <= 255):
        raise MalformedPacket(f"packet of {length} octets, code {code}, identifier {identifier}")
    return _HEADER.pack(code, identifier, length, authenticator) + body


def signature_offset(attributes: Sequence[RawAttribute]) -> int | None:
    """Where the value of Message-Authenticator starts, if there is one."""
    offset = HEADER_LENGTH
    for kind, value in attributes:
        if kind == MESSAGE_AUTHENTICATOR:
            return offset + 2
        offset += len(value) + 2
    return None


def _keyed(octets: bytes, authenticator: bytes, offset: int, secret: Secret) -> bytes:
    """Message-Authenticator of `octets`, seen with `authenticator` and with its own value zeroed (RFC 2869 §5.14)."""
    return secret.hmac_md5(octets[:4] + authenticator + octets[20:offset] + NO_AUTHENTICATOR + octets[offset + 16 :])


def _hashed(octets: bytes, authenticator: bytes, secret: Secret) -> bytes:
    """Request authenticator (RFC 2866 §3, with zeroes) or response authenticator (RFC 2865 §3, with the request's)."""
    return _md5(octets[:4] + authenticator + octets[20:] + secret.octets)


def flaw_in_request(packet: Packet, secret: Secret) -> Flaw | None:
    """Say why this request does not come from a holder of the secret; None when it does.

    Access-Request and Status-Server must carry a valid Message-Authenticator (CVE-2024-3596, RFC 5997 §3). Accounting-Request,
    CoA-Request and Disconnect-Request must have the right authenticator, and a right Message-Authenticator if they have one.
    """
    octets = packet.octets or encode(packet)
    offset = signature_offset(packet.attributes)
    if packet.code in HASHED_AUTHENTICATOR:
        if not hmac.compare_digest(_hashed(octets, NO_AUTHENTICATOR, secret), packet.authenticator):
            return Flaw.BAD_AUTHENTICATOR
        signed_with = NO_AUTHENTICATOR
    elif packet.code in RANDOM_AUTHENTICATOR:
        if offset is None:
            return Flaw.NO_MESSAGE_AUTHENTICATOR
        signed_with = packet.authenticator
    else:
        return Flaw.NOT_A_REQUEST
    if offset is not None and not is_keyed(octets, signed_with, offset, secret):
        return Flaw.BAD_MESSAGE_AUTHENTICATOR
    return None


def sign_request(packet: Packet, secret: Secret) -> bytes:
    """Encode a request and sign it; a Message-Authenticator among its attributes is filled in where it stands.

    Access-Request and Status-Server get one as last attribute if they have none. The other requests get their authenticator
    computed, whatever was given.
    """
    attributes = packet.attributes
    hashed = packet.code in HASHED_AUTHENTICATOR
    if not hashed and signature_offset(attributes) is None:
        attributes = (*attributes, (MESSAGE_AUTHENTICATOR, NO_AUTHENTICATOR))
    authenticator = NO_AUTHENTICATOR if hashed else packet.authenticator
    octets = _with_header(packet.code, packet.identifier, authenticator, encode_attributes(attributes))
    offset = signature_offset(attributes)
    if offset is not None:
        octets = octets[:offset] + _keyed(octets, authenticator, offset, secret) + octets[offset + 16 :]
    if hashed:
        octets = octets[:4] + _hashed(octets, NO_AUTHENTICATOR, secret) + octets[20:]
    return octets


def sign_reply(request: Packet, code: Code, attributes: Iterable[RawAttribute], secret: Secret) -> bytes:
    """Encode the reply to `request`: Message-Authenticator first, then the response authenticator over all of it.

    First, because the attack on RADIUS/UDP needs a predictable prefix before the secret part (CVE-2024-3596); the keyed hash sees
    the request's authenticator (RFC 2869 §5.14, RFC 5997 §3, RFC 5176 §3.4). Requests with a hashed authenticator need none in
    their reply, because the attacker can't choose what they hash. An Accounting-Response carries none: RFC 2866 §4.2 defines none,
    and FreeRADIUS 3.2 refuses one that has it. Replies to CoA-Request and Disconnect-Request have one when the request had one.
    """
    keyed = request.code not in HASHED_AUTHENTICATOR or (
        request.code != Code.ACCOUNTING_REQUEST and signature_offset(request.attributes) is not None
    )
    body = encode_attributes(attributes)
    if keyed:
        return keyed_reply(code, request.identifier, request.authenticator, body, secret)
    octets = _with_header(code, request.identifier, request.authenticator, body)
    return octets[:4] + _hashed(octets, request.authenticator, secret) + octets[20:]


def keyed_reply(code: int, identifier: int, authenticator: bytes, body: bytes, secret: Secret) -> bytes:
    """The signed reply with these encoded attributes to a request that had this identifier and authenticator; see `sign_reply`."""
    octets = _with_header(code, identifier, authenticator, _EMPTY_MESSAGE_AUTHENTICATOR + body)
    signed = _MESSAGE_AUTHENTICATOR_HEAD + secret.hmac_md5(octets) + body
    return octets[:4] + _md5(octets[:20] + signed + secret.octets) + signed


def is_from_holder(octets: bytes, secret: Secret, *, signature_at: int | None) -> bool:
    """Whether an Accounting-Request comes from a holder of the secret: `flaw_in_request` without saying why not.

    `signature_at` is where the value of its Message-Authenticator begins, if it has one.
    """
    if not hmac.compare_digest(_hashed(octets, NO_AUTHENTICATOR, secret), octets[4:20]):
        return False
    if signature_at is None:
        return True
    return is_keyed(octets, NO_AUTHENTICATOR, signature_at, secret)


def is_keyed(octets: bytes, authenticator: bytes, signature_at: int, secret: Secret) -> bool:
    """Whether the Message-Authenticator whose value begins there is right for `octets` seen with this authenticator."""
    expected = _keyed(octets, authenticator, signature_at, secret)
    return hmac.compare_digest(expected, octets[signature_at : signature_at + 16])


def acknowledgement(octets: bytes, secret: Secret) -> bytes:
    """The Accounting-Response to this request, which has no attributes (RFC 2866 §4.2); it must not leave before the commit."""
    head = _ACKNOWLEDGED + octets[1:2] + b"\0\x14"
    return head + _md5(head + octets[4:20] + secret.octets)


def flaw_in_reply(reply: Packet, request: Packet, secret: Secret) -> Flaw | None:
    """Say why `reply` does not answer `request` under this secret; None when it does (the NAS's side of the check).

    Both proofs are wanted, like RouterOS with `require-message-auth=yes-for-request-resp`; replies to requests with a hashed
    authenticator may go without Message-Authenticator, which is checked where it is present (RFC 5176 §3.4).
    """
    octets = reply.octets or encode(reply)
    if reply.identifier != request.identifier:
        return Flaw.WRONG_IDENTIFIER
    if not hmac.compare_digest(_hashed(octets, request.authenticator, secret), reply.authenticator):
        return Flaw.BAD_AUTHENTICATOR
    offset = signature_offset(reply.attributes)
    if offset is None:
        return None if request.code in HASHED_AUTHENTICATOR else Flaw.NO_MESSAGE_AUTHENTICATOR
    return None if is_keyed(octets, request.authenticator, offset, secret) else Flaw.BAD_MESSAGE_AUTHENTICATOR


def hide_password(password: bytes, authenticator: bytes, secret: Secret) -> bytes:
    """The value of User-Password for this password (RFC 2865 §5.2)."""
    if len(password) > MAX_PASSWORD_LENGTH:
        raise MalformedPacket(f"password of {len(password)} octets")
    padded = password.ljust(max(16, -(-len(password) // 16) * 16), b"\0")
    hidden, previous = b"", authenticator
    for start in range(0, len(padded), 16):
        previous = _xor(padded[start : start + 16], _pad(previous, secret))
        hidden += previous
    return hidden


def unhide_password(hidden: bytes, authenticator: bytes, secret: Secret) -> bytes:
    """The password in the value of User-Password; trailing NULs are its padding (RFC 2865 §5.2)."""
    if not hidden or len(hidden) % 16 or len(hidden) > MAX_PASSWORD_LENGTH:
        raise MalformedPacket(f"User-Password of {len(hidden)} octets")
    clear, previous = b"", authenticator
    for start in range(0, len(hidden), 16):
        block = hidden[start : start + 16]
        clear += _xor(block, _pad(previous, secret))
        previous = block
    return clear.rstrip(b"\0")


def _md5(message: bytes) -> bytes:
    """RADIUS is built on MD5; copying one prepared state is a third of the cost of making one."""
    state = _FRESH_MD5.copy()
    state.update(message)
    return state.digest()


def _pad(previous: bytes, secret: Secret) -> bytes:
    return _md5(secret.octets + previous)


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(16, "big")


def chap_password(chap_id: int, password: bytes, challenge: bytes) -> bytes:
    """The value of CHAP-Password: the identifier and MD5 over identifier, password and challenge (RFC 2865 §5.3, RFC 1994)."""
    head = bytes((chap_id,))
    return head + _md5(head + password + challenge)


def chap_matches(value: bytes, password: bytes, challenge: bytes) -> bool:
    """Whether this CHAP-Password was made from this password and challenge; equally slow for either answer."""
    return len(value) == 17 and hmac.compare_digest(chap_password(value[0], password, challenge), value)
