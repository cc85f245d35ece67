"""Packets bent out of shape: what a fuzzer makes of the right packets of a router. No I/O; chance is handed in.

Two layers. First the attributes are bent, and the packet is signed with the right secret, a wrong one or not at all; then the
octets. Whether what comes out is authentic is not said here: `wire.is_authentic` finds out.
"""

import hashlib
import hmac
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks import wire

KEYED: Final = frozenset({wire.ACCESS_REQUEST, wire.STATUS_SERVER})
SIGNED_RIGHT: Final = 0.5
SIGNED_WRONG: Final = 0.2  # the rest keeps the proof of the packet that it was made from
OCTETS_BENT: Final = 0.3
EXTREMES: Final = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
GUESSES: Final = (b"", b"secret", b"testing123", b"radius", b"mikrotik", b"12345678", b"hotspot")
TEXTS: Final = (
    b"' OR 1=1 --",
    b"a\0b",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",  # half a surrogate pair
    "𝕏".encode() * 60,
    b"\x1b[31m",
    b"%s%n{0}",
    b"00:00:00:00:00:00",
    b"FF:FF:FF:FF:FF:FF",
    b" " * 253,
    b"a" * 253,
    b"0",
    b"../../etc/passwd",
)

LARGEST: Final = 65_000  # octets that one UDP datagram surely carries

Attribute = bytes
"""An attribute as it lies in the packet, its type and length included."""


@dataclass(frozen=True, slots=True)
class Original:
    """A right packet to start from: what it is and says, without its proofs."""

    code: int
    attributes: Sequence[Attribute]


def mutate(originals: Sequence[Original], secret: bytes, chance: random.Random) -> bytes:
    """One datagram, bent in one way or in several."""
    original = chance.choice(originals)
    attributes = list(original.attributes)
    for _ in range(chance.choice((0, 1, 1, 2))):
        chance.choice(ATTRIBUTE_MUTATIONS)(attributes, originals, chance)
    code = original.code if chance.random() < 0.97 else chance.randrange(256)
    datagram = _assemble(code, attributes, secret, chance)
    if chance.random() < OCTETS_BENT:
        datagram = chance.choice(OCTET_MUTATIONS)(datagram, chance)
        if chance.random() < SIGNED_RIGHT:
            datagram = sign(datagram, secret)
    return datagram[:LARGEST]


def _assemble(code: int, attributes: Sequence[Attribute], secret: bytes, chance: random.Random) -> bytes:
    body = b"".join(attributes)
    if code in KEYED:
        body += wire.EMPTY_SIGNATURE
    length = min(20 + len(body), 0xFFFF)
    unsigned = wire.HEAD.pack(code, chance.randrange(1, 256), length) + chance.randbytes(16) + body
    signing = chance.random()
    if signing < SIGNED_RIGHT:
        return sign(unsigned, secret)
    return sign(unsigned, b"guess") if signing < SIGNED_RIGHT + SIGNED_WRONG else unsigned


def sign(datagram: bytes, secret: bytes) -> bytes:
    """Prove the datagram as far as its shape allows: the first Message-Authenticator that can be found, then the hash."""
    if len(datagram) < 20:
        return datagram
    end = min(int.from_bytes(datagram[2:4], "big"), len(datagram))
    at = _signature_at(datagram, end)
    keyed_with = datagram[4:20] if datagram[0] in KEYED else wire.NOTHING
    if at is not None:
        blank = datagram[:4] + keyed_with + datagram[20 : at + 2] + wire.NOTHING + datagram[at + 18 : end]
        datagram = datagram[: at + 2] + hmac.digest(secret, blank, "md5") + datagram[at + 18 :]
    if datagram[0] in KEYED:
        return datagram
    hashed = hashlib.md5(datagram[:4] + wire.NOTHING + datagram[20:end] + secret).digest()
    return datagram[:4] + hashed + datagram[20:]


def _signature_at(datagram: bytes, end: int) -> int | None:
    at = 20
    while at + 18 <= end:
        if datagram[at] == wire.MESSAGE_AUTHENTICATOR and datagram[at + 1] == 18:
            return at
        at += max(datagram[at + 1], 2)
    return None


# --- attributes ------------------------------------------------------------------------------------------------------------


def shuffle(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    chance.shuffle(attributes)


def double(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    if attributes:
        attributes.insert(chance.randrange(len(attributes) + 1), chance.choice(attributes))


def drop(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    if attributes:
        attributes.pop(chance.randrange(len(attributes)))


def borrow(attributes: list[Attribute], originals: Sequence[Original], chance: random.Random) -> None:
    """Take an attribute of another packet."""
    others = chance.choice(originals).attributes
    if others:
        attributes.insert(chance.randrange(len(attributes) + 1), chance.choice(others))


def fill(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    """Give one another value: an extreme number, a hostile text, anything, or the longest there can be."""
    value = chance.choice(
        (
            chance.choice(EXTREMES).to_bytes(4, "big"),
            chance.choice(TEXTS)[:253],
            chance.choice(TEXTS)[:253],
            chance.randbytes(chance.randrange(254)),
            chance.randbytes(16),
            bytes(253),
        )
    )
    kind = attributes.pop(chance.randrange(len(attributes)))[0] if attributes else chance.randrange(256)
    attributes.insert(chance.randrange(len(attributes) + 1), wire.attribute(kind, value))


def retype(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    if attributes:
        at = chance.randrange(len(attributes))
        attributes[at] = bytes((chance.randrange(256),)) + attributes[at][1:]


def mislength(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    """Let the length of one lie."""
    if attributes:
        at = chance.randrange(len(attributes))
        lie = chance.choice((0, 1, 2, 3, 255, chance.randrange(256)))
        attributes[at] = attributes[at][:1] + bytes((lie,)) + attributes[at][2:]


def vendor(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    """Add a Vendor-Specific whose inside may be broken."""
    inside = bytes((chance.choice((10, 17, 18, 255)), chance.choice((0, 1, 2, 6, 255)))) + chance.randbytes(4)
    number = chance.choice((14988, 14122, 0, 0xFFFFFFFF)).to_bytes(4, "big")
    attributes.append(wire.attribute(26, number + inside[: chance.randrange(len(inside) + 1)]))


def crowd(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    """Add so many that the packet comes near its limits or passes them: of attributes or of octets."""
    one = wire.attribute(chance.choice((25, 33, 64, 26)), bytes(chance.choice((1, 5, 100, 253))))
    attributes.extend([one] * chance.choice((15, 33, 180, 199, 205)))


def prove_again(attributes: list[Attribute], _: Sequence[Original], chance: random.Random) -> None:
    """Add one more Message-Authenticator, right, cut short, or too long."""
    value = chance.choice((wire.NOTHING, wire.NOTHING, bytes(8), bytes(20)))
    attributes.insert(chance.randrange(len(attributes) + 1), wire.attribute(wire.MESSAGE_AUTHENTICATOR, value))


ATTRIBUTE_MUTATIONS: Final[Sequence[Callable[[list[Attribute], Sequence[Original], random.Random], None]]] = (
    shuffle,
    double,
    drop,
    borrow,
    fill,
    fill,
    retype,
    mislength,
    vendor,
    prove_again,
    crowd,
)


def forge(original: Original, secret: bytes, chance: random.Random) -> bytes:
    """An Access-Request that nobody may answer: no, a wrong, a short or a second proof, or one made with a guessed secret."""
    head = (chance.randrange(1, 256), chance.randbytes(16), b"".join(original.attributes))
    right = wire.keyed_request(wire.ACCESS_REQUEST, *head, secret)
    match chance.randrange(5):
        case 0:
            return _with_length(right[:-18])
        case 1:
            return right[:-16] + chance.randbytes(16)
        case 2:
            return _with_length(right[:-18] + bytes((wire.MESSAGE_AUTHENTICATOR, 10)) + right[-16:-8])
        case 3:
            return sign(_with_length(right + right[-18:]), secret)
        case _:
            return wire.keyed_request(wire.ACCESS_REQUEST, *head, chance.choice(GUESSES) or chance.randbytes(8))


def _with_length(packet: bytes) -> bytes:
    return packet[:2] + min(len(packet), 0xFFFF).to_bytes(2, "big") + packet[4:]


# --- octets ----------------------------------------------------------------------------------------------------------------


def flip(datagram: bytes, chance: random.Random) -> bytes:
    bent = bytearray(datagram)
    for _ in range(chance.choice((1, 1, 2, 8)) if bent else 0):
        bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
    return bytes(bent)


def cut(datagram: bytes, chance: random.Random) -> bytes:
    return datagram[: chance.randrange(len(datagram) + 1)]


def cut_and_say_so(datagram: bytes, chance: random.Random) -> bytes:
    shorter = cut(datagram, chance)
    return _with_length(shorter) if len(shorter) >= 20 else shorter


def pad(datagram: bytes, chance: random.Random) -> bytes:
    return datagram + chance.randbytes(chance.choice((1, 16, 1_000, 4_096)))


def lie_about_length(datagram: bytes, chance: random.Random) -> bytes:
    lie = chance.choice((0, 19, 20, len(datagram) - 1, len(datagram) + 1, 4_096, 4_097, 65_535)) & 0xFFFF
    return datagram[:2] + lie.to_bytes(2, "big") + datagram[4:]


def noise(datagram: bytes, chance: random.Random) -> bytes:
    del datagram
    return chance.randbytes(chance.randrange(100))


OCTET_MUTATIONS: Final[Sequence[Callable[[bytes, random.Random], bytes]]] = (
    flip,
    flip,
    flip,
    cut,
    cut_and_say_so,
    pad,
    lie_about_length,
    noise,
)
