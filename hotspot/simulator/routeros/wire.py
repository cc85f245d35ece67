"""The RouterOS API's framing: words with a length in front, sentences that an empty word ends. Pure.

Five forms of length, told by the first octet; from 0xF8 on it is a reserved control octet. Words are octets: RouterOS says nothing
of their encoding, so they are read as UTF-8 and octets that aren't stay as they are, as surrogates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

LONGEST_WORD: Final = 1 << 20  # an order above the largest contents of a file that the API takes
LONGEST_SENTENCE: Final = 4 << 20
MOST_WORDS: Final = 4096
RESERVED: Final = 0xF8
FORMS: Final = ((0x80, 0x00, 1), (0x4000, 0x8000, 2), (0x200000, 0xC00000, 3), (0x10000000, 0xE0000000, 4))
FIVE_OCTETS: Final = 0xF0


class BadFraming(ValueError):
    """Octets that are no sentence; the stream has no further meaning."""


def encode_length(length: int) -> bytes:
    """The shortest of the five forms."""
    for limit, mark, octets in FORMS:
        if length < limit:
            return (length | mark).to_bytes(octets, "big")
    return bytes([FIVE_OCTETS]) + length.to_bytes(4, "big")


def encode_word(word: str) -> bytes:
    octets = word.encode("utf-8", "surrogateescape")
    return encode_length(len(octets)) + octets


def encode_sentence(words: Iterable[str]) -> bytes:
    return b"".join(map(encode_word, words)) + b"\x00"


def length_octets(first: int) -> int:
    """How many octets the length has that starts with this one; BadFraming when it is reserved."""
    if first >= RESERVED:
        raise BadFraming(f"reserved control octet {first:#04x}")
    return 1 + (first >= 0x80) + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)


def decode_length(octets: bytes) -> int:
    """Read a complete length."""
    count = len(octets)
    if count == 5:
        return int.from_bytes(octets[1:], "big")
    return int.from_bytes(octets, "big") & ((1 << (7 * count)) - 1)


class Decoder:
    """Octets in, as they come; complete sentences out. After BadFraming it takes no more."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._words: list[str] = []
        self._size = 0

    def feed(self, octets: bytes) -> list[list[str]]:
        """The sentences that these octets complete; empty ones are ignored, as RouterOS does."""
        self._octets += octets
        sentences = []
        while (word := self._next_word()) is not None:
            if word:
                self._take(word)
            elif self._words:
                sentences.append(self._words)
                self._words, self._size = [], 0
        return sentences

    def _next_word(self) -> str | None:
        if not self._octets:
            return None
        head = length_octets(self._octets[0])
        if len(self._octets) < head:
            return None
        length = decode_length(bytes(self._octets[:head]))
        if length > LONGEST_WORD:
            raise BadFraming(f"a word of {length} octets")
        if len(self._octets) < head + length:
            return None
        word = self._octets[head : head + length].decode("utf-8", "surrogateescape")
        del self._octets[: head + length]
        return word

    def _take(self, word: str) -> None:
        self._words.append(word)
        self._size += len(word)
        if self._size > LONGEST_SENTENCE or len(self._words) > MOST_WORDS:
            raise BadFraming("a sentence without end")


@dataclass(frozen=True, slots=True)
class Request:
    """A sentence from a client, taken apart."""

    menu: str
    command: str
    arguments: dict[str, str] = field(default_factory=dict)
    query: tuple[str, ...] = ()
    tag: str | None = None

    @property
    def path(self) -> str:
        return f"{self.menu}/{self.command}"


def read_request(words: Sequence[str]) -> Request:
    """Take a sentence apart: ``/menu/command``, ``=name=value`` (``=.proplist=…`` too), ``?…``, ``.tag=…``."""
    arguments: dict[str, str] = {}
    query: list[str] = []
    tag = None
    for word in words[1:]:
        if word.startswith("="):
            name, _, value = word[1:].partition("=")
            arguments[name] = value
        elif word.startswith("?"):
            query.append(word[1:])
        elif word.startswith(".tag="):
            tag = word[5:]
        else:
            arguments[word] = ""  # no attribute has such a name: it will be an unknown parameter
    menu, _, command = words[0].rpartition("/")
    return Request(menu, command, arguments, tuple(query), tag)


def reply(kind: str, fields: Iterable[tuple[str, str]] = (), tag: str | None = None) -> bytes:
    """A sentence to a client: ``!re``, ``!done``, ``!trap`` …"""
    words = [kind, *([] if tag is None else [f".tag={tag}"]), *(f"={name}={value}" for name, value in fields)]
    return encode_sentence(words)
