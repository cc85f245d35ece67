r"""RouterOS script text taken apart, strictly and independently of what writes it.

Knows just what our scripts may consist of: statements ended by a newline, words, ``name="…"``, and ``[…]`` with a command in it. Whatever
else comes (a bare ``$``, ``;``, ``{``, an unknown escape, an open quote) is refused, for in a real router it would be code.
"""

import re
from dataclasses import dataclass

WORD = re.compile(r"[A-Za-z0-9/!.-]+")
ESCAPE = re.compile(rb"\\([0-9A-F]{2})")
PLAIN = re.compile(rb"[A-Za-z0-9 .,:@/+_-]*")


class NotOurs(Exception):
    """Text that our scripts must never contain."""


@dataclass(frozen=True)
class Assigned:
    """``name="value"``, the value decoded."""

    name: str
    value: str


@dataclass(frozen=True)
class Inner:
    """``[…]``: a command within a statement."""

    tokens: tuple["Token", ...]


Token = str | Assigned | Inner
Statement = tuple[Token, ...]


def statements(text: str) -> list[Statement]:
    """Return the statements of a script; NotOurs for anything that isn't plainly ours."""
    found, at = [], 0
    while at < len(text):
        tokens, at = _tokens(text, at, end="\n")
        found.append(tokens)
    return found


def _tokens(text: str, at: int, *, end: str) -> tuple[Statement, int]:
    """Read up to the end character, which is taken, too."""
    tokens: list[Token] = []
    while at < len(text) and text[at] != end:
        if text[at] == " ":
            at += 1
        elif text[at] == "[":
            inner, at = _tokens(text, at + 1, end="]")
            tokens.append(Inner(inner))
        elif text[at] == '"':
            value, at = _string(text, at)
            tokens.append(Assigned("", value))
        elif word := WORD.match(text, at):
            at = word.end()
            token, at = _after_word(text, word.group(), at)
            tokens.append(token)
        else:
            raise NotOurs(f"{text[at]!r} at {at}")
    if at == len(text):
        raise NotOurs("the text ends within a statement")
    return tuple(tokens), at + 1


def _after_word(text: str, word: str, at: int) -> tuple[Token, int]:
    if text[at : at + 2] == '="':
        value, at = _string(text, at + 1)
        return Assigned(word, value), at
    if text[at : at + 2] == "=[":
        inner, at = _tokens(text, at + 2, end="]")
        return Inner((word, *inner)), at
    if text[at : at + 1] == "=":
        raise NotOurs(f"{word} has a value without quotes")
    return word, at


def _string(text: str, at: int) -> tuple[str, int]:
    close = text.find('"', at + 1)
    if close < 0:
        raise NotOurs("a quote that nothing closes")
    raw = text[at + 1 : close].encode("ascii", "strict")
    if not PLAIN.fullmatch(ESCAPE.sub(b"", raw)):
        raise NotOurs(f"a string that RouterOS would read into: {raw!r}")
    return ESCAPE.sub(lambda found: bytes([int(found.group(1), 16)]), raw).decode(), close + 1
