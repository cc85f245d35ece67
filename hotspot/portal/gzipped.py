"""A gzip stream of which most was compressed ahead: only a few words between are new each time. Pure. RFC 1951, RFC 1952.

What stays is deflated once, up to a full flush, so that it stands at an octet's boundary and refers to nothing before it. A word is
put between as a stored block. The checksum of the whole is carried over a part that stays without looking at its octets.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Final

HEADER: Final = (
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # RFC 1952 §2.3: deflate, no name, no time, slowest, unknown system
)
STORED: Final = struct.Struct(
    "<BHH"
)  # RFC 1951 §3.2.4: three bits of a block's header, the rest of the octet, LEN, NLEN
TRAILER: Final = struct.Struct("<II")
WORTH_DEFLATING: Final = 128  # octets; what is shorter stands as it is among the words around it

Part = bytes | int
"""What stays, or the number of the word that stands there."""


class Words:
    """A run of words, and of what stays between them."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._format = b"".join([b"%b" if isinstance(part, int) else part.replace(b"%", b"%%") for part in parts])
        self._numbers = [part for part in parts if isinstance(part, int)]

    def fill(self, words: Sequence[bytes]) -> bytes:
        return self._format % tuple([words[number] for number in self._numbers])


class Constant:
    """Octets that stay: deflated, and what they do to the checksum of what stands before them.

    CRC-32 is affine: over fixed octets, the end value is an exclusive or of what each bit of the start value makes of itself. So four
    tables of 256, one for each octet of the start value, give it in four look-ups, however long the octets are.
    """

    def __init__(self, octets: bytes, *, is_last: bool) -> None:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.deflated = deflate.compress(octets) + deflate.flush(zlib.Z_FINISH if is_last else zlib.Z_FULL_FLUSH)
        self.octets = len(octets)
        self._of_nothing = zlib.crc32(octets)
        bits = [zlib.crc32(octets, 1 << bit) ^ self._of_nothing for bit in range(32)]
        self._tables = tuple(_sums(bits[octet : octet + 8]) for octet in range(0, 32, 8))

    def crc_after(self, crc: int) -> int:
        """The checksum of something and these octets, from the something's."""
        first, second, third, fourth = self._tables
        return self._of_nothing ^ first[crc & 255] ^ second[crc >> 8 & 255] ^ third[crc >> 16 & 255] ^ fourth[crc >> 24]


def _sums(bits: Sequence[int]) -> list[int]:
    """For each octet, the exclusive or of the bits that are set in it."""
    sums = [0]
    for bit in bits:
        sums += [one ^ bit for one in sums]
    return sums


class Gzipped:
    """A document as a gzip stream, but for its words. Its first and its last part stay."""

    def __init__(self, parts: Sequence[Part]) -> None:
        constants, gaps = _divided(parts)
        self._first, *others = (
            Constant(octets, is_last=number == len(gaps)) for number, octets in enumerate(constants)
        )
        self._start = HEADER + self._first.deflated
        self._rest = list(zip(map(Words, gaps), others, strict=True))

    def fill(self, words: Sequence[bytes]) -> bytes:
        """Return the whole stream with these words in their places; between two parts that were deflated, less than 64 KiB of them."""
        crc, size, pieces = self._first.crc_after(0), self._first.octets, [self._start]
        for gap, constant in self._rest:
            filled = gap.fill(words)
            length = len(filled)
            pieces += STORED.pack(0, length, length ^ 0xFFFF), filled, constant.deflated
            crc = constant.crc_after(zlib.crc32(filled, crc))
            size += length + constant.octets
        pieces.append(TRAILER.pack(crc, size))
        return b"".join(pieces)


def _divided(parts: Sequence[Part]) -> tuple[list[bytes], list[list[Part]]]:
    """What is deflated, and the runs between."""
    constants: list[bytes] = []
    gaps: list[list[Part]] = []
    for place, part in enumerate(parts):
        if isinstance(part, bytes) and (place in (0, len(parts) - 1) or len(part) >= WORTH_DEFLATING):
            constants.append(part)
            gaps.append([])
        else:
            gaps[-1].append(part)
    return constants, gaps[:-1]
