"""RADIUS as octets, made and judged with the standard library alone, so that the server's codec is never its own judge.

What a router puts on the wire and what may come back: RFC 2865 §3 and §5.2, RFC 2866 §3, RFC 2869 §5.14, RFC 5997.
"""

import hashlib
import hmac
import struct
from typing import Final

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 4, 5
STATUS_SERVER: Final = 12
MESSAGE_AUTHENTICATOR: Final = 80
NOTHING: Final = bytes(16)
HEAD: Final = struct.Struct("!BBH")
LONGEST: Final = 4096
EMPTY_SIGNATURE: Final = bytes((MESSAGE_AUTHENTICATOR, 18)) + NOTHING


def attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def number(kind: int, value: int) -> bytes:
    return attribute(kind, value.to_bytes(4, "big"))


def accounting_request(identifier: int, body: bytes, secret: bytes) -> bytes:
    """Sign a report; its authenticator is a hash over all of it (RFC 2866 §3)."""
    head = HEAD.pack(ACCOUNTING_REQUEST, identifier, 20 + len(body))
    return head + hashlib.md5(head + NOTHING + body + secret).digest() + body


def keyed_request(code: int, identifier: int, authenticator: bytes, body: bytes, secret: bytes) -> bytes:
    """Sign an Access-Request or Status-Server: Message-Authenticator last, as RouterOS sends it."""
    unsigned = HEAD.pack(code, identifier, 38 + len(body)) + authenticator + body + EMPTY_SIGNATURE
    return unsigned[:-16] + hmac.digest(secret, unsigned, "md5")


def hidden_password(password: bytes, authenticator: bytes, secret: bytes) -> bytes:
    """The value of User-Password (RFC 2865 §5.2)."""
    hidden, previous = b"", authenticator
    for start in range(0, len(password), 16):
        block = password[start : start + 16].ljust(16, b"\0")
        pad = hashlib.md5(secret + previous).digest()
        previous = bytes(one ^ other for one, other in zip(block, pad, strict=True))
        hidden += previous
    return hidden


def chap_response(password: bytes, challenge: bytes, chap_id: int = 1) -> bytes:
    """The value of CHAP-Password (RFC 2865 §5.3)."""
    return bytes((chap_id,)) + hashlib.md5(bytes((chap_id,)) + password + challenge).digest()


def is_reply(reply: bytes, identifier: int, authenticator: bytes, secret: bytes) -> bool:
    """Whether this is a right answer to the request with that authenticator, and to no other.

    An answer to what carried Message-Authenticator carries its own as the first attribute (CVE-2024-3596).
    """
    if len(reply) < 20 or reply[1] != identifier or int.from_bytes(reply[2:4], "big") != len(reply):
        return False
    if hashlib.md5(reply[:4] + authenticator + reply[20:] + secret).digest() != reply[4:20]:
        return False
    if reply[0] == ACCOUNTING_RESPONSE and len(reply) == 20:
        return True
    if reply[20:22] != EMPTY_SIGNATURE[:2]:
        return reply[0] == ACCOUNTING_RESPONSE
    signed = reply[:4] + authenticator + EMPTY_SIGNATURE + reply[38:]
    return hmac.digest(secret, signed, "md5") == reply[22:38]


def is_authentic(datagram: bytes, secret: bytes) -> bool:
    """Whether a holder of the secret has made this request: a whole packet with the one right proof that its code wants."""
    if not 20 <= len(datagram) <= LONGEST:
        return False
    code, _, length = HEAD.unpack_from(datagram)
    if not 20 <= length <= len(datagram):
        return False
    packet = datagram[:length]
    found = _signatures(packet)
    if found is None or len(found) > 1:
        return False
    if code == ACCOUNTING_REQUEST:
        hashed = hashlib.md5(packet[:4] + NOTHING + packet[20:] + secret).digest()
        return hashed == packet[4:20] and all(_is_signed(packet, at, NOTHING, secret) for at in found)
    if code in (ACCESS_REQUEST, STATUS_SERVER):
        return len(found) == 1 and _is_signed(packet, found[0], packet[4:20], secret)
    return False


def _signatures(packet: bytes) -> list[int] | None:
    """Where the Message-Authenticators stand; None when the attributes don't fill the packet exactly."""
    found = []
    at, end = 20, len(packet)
    while at < end:
        length = packet[at + 1] if at + 1 < end else 0
        if length < 2 or at + length > end:
            return None
        if packet[at] == MESSAGE_AUTHENTICATOR:
            found.append(at)
        at += length
    return found


def _is_signed(packet: bytes, at: int, authenticator: bytes, secret: bytes) -> bool:
    if packet[at + 1] != 18:
        return False
    signed = packet[:4] + authenticator + packet[20 : at + 2] + NOTHING + packet[at + 18 :]
    return hmac.digest(secret, signed, "md5") == packet[at + 2 : at + 18]
