r"""Reading a script's characters: where one is, blanks, comments, string escapes. Pure.

Which characters make a word depends on where one is - ``10.0.0.0/24`` is one in a command, ``10/2`` a division between brackets -
so the parser says which pattern it expects; there is no list of tokens made beforehand. Strings are octets: ``\C3\A9`` is one
letter in UTF-8, and what is not UTF-8 is kept by surrogateescape.
"""

import re
from bisect import bisect_right
from typing import Final

from hotspot.simulator.routeros.script.syntax import Place
from hotspot.simulator.routeros.traps import SCRIPTING, Trap

LONGEST_SOURCE: Final = 1 << 20
BLANKS: Final = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
SPACE: Final = re.compile(r"(?:[ \t\r\n]|\\\r?\n)+")
BETWEEN: Final = re.compile(r"(?:[ \t\r\n;]|\\\r?\n)+")
COMMENT: Final = re.compile(r"#[^\n]*")
PLAIN: Final = re.compile(r'[^"\\$]+')
ESCAPED: Final = re.compile(r"\\(?:(?P<sign>[\"\\nrt$?_abfv])|(?P<octet>[0-9A-F]{2})|(?P<wrap>\r?\n[ \t]*))")
SIGNS: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "_": b" ", "a": b"\a", "b": b"\b", "f": b"\f", "v": b"\v"}


def octets_of(text: str) -> bytes:
    """The octets that a text stands for."""
    return text.encode("utf-8", "surrogateescape")


def text_of(octets: bytes) -> str:
    """The text of octets, whether or not they are UTF-8."""
    return octets.decode("utf-8", "surrogateescape")


class Scanner:
    """A place in a source, which only moves on."""

    def __init__(self, source: str) -> None:
        try:
            size = len(octets_of(source))
        except UnicodeEncodeError:
            raise Trap("script is no text", SCRIPTING) from None
        if size > LONGEST_SOURCE:
            raise Trap("script too long", SCRIPTING)
        self.source = source
        self.at = 0
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))]

    def place(self) -> Place:
        line = bisect_right(self._lines, self.at)
        return Place(line, self.at - self._lines[line - 1] + 1)

    def refuse(self, message: str = "syntax error") -> Trap:
        return self.place().trap(message)

    @property
    def next(self) -> str:
        """The character here; empty at the end."""
        return self.source[self.at : self.at + 1]

    def looking_at(self, pattern: re.Pattern[str]) -> bool:
        return pattern.match(self.source, self.at) is not None

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Read what the pattern matches here; None when it doesn't."""
        found = pattern.match(self.source, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found.group()

    def take_char(self, char: str) -> bool:
        """Read this character if it is here."""
        if self.next != char or not char:
            return False
        self.at += 1
        return True

    def expect(self, char: str) -> None:
        if not self.take_char(char):
            raise self.refuse()

    def skip_blanks(self) -> None:
        self.take(BLANKS)

    def skip_space(self) -> None:
        """Skip blanks and line ends, which mean nothing between brackets."""
        self.take(SPACE)

    def skip_between(self) -> None:
        """Skip what may stand between two statements."""
        while self.take(BETWEEN) or self.take(COMMENT):
            pass

    def plain(self) -> bytes:
        """Read a string's characters up to its end or to what is substituted."""
        parts: list[bytes] = []
        while self.next and self.next not in '"$':
            text = self.take(PLAIN)
            parts.append(octets_of(text) if text else self._escape())
        return b"".join(parts)

    def _escape(self) -> bytes:
        found = ESCAPED.match(self.source, self.at)
        if found is None:
            raise self.refuse()
        self.at = found.end()
        if found["sign"]:
            return SIGNS.get(found["sign"], found["sign"].encode())
        return bytes.fromhex(found["octet"]) if found["octet"] else b""
