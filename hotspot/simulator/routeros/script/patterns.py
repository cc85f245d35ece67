"""The regular expressions behind ``~``: POSIX extended ones, as the router has. Pure.

A set of places in the pattern moves along the text, so the time is at most pattern times text: no pattern can make a script go on
for ever, as those of Python's own could. There are no groups to remember and no back-references.
"""

import re
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LONGEST_PATTERN: Final = 256
LONGEST_SEARCHED: Final = 1024  # what follows isn't looked at
MOST_PLACES: Final = 512  # what counted repetitions may make of a pattern
DEEPEST: Final = 32
TOO_LONG: Final = "pattern too long"
COUNT: Final = re.compile(r"\{(\d{1,3})(,(\d{0,3}))?\}")
RANGE: Final = re.compile(r"\[:([a-z]+):\]|(.)-([^\]])|(.)", re.DOTALL)
CLASSES: Final = {
    "alpha": string.ascii_letters,
    "digit": string.digits,
    "alnum": string.ascii_letters + string.digits,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "space": " \t\n\r\f\v",
    "blank": " \t",
    "punct": string.punctuation,
    "xdigit": string.hexdigits,
}
REPEATS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
Test = Callable[[str], bool]


class BadPattern(ValueError):
    """What isn't a pattern, or is too long a one."""

    def __init__(self, says: str = "invalid regular expression") -> None:
        super().__init__(says)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the pattern: a letter that passes `test` leads to the next one, without a test one goes to each of `ways` at once.

    With `edge` the ways are open only at the text's begin (``^``) or end (``$``). The last place has neither test nor way.
    """

    test: Test | None = None
    ways: tuple[int, ...] = ()
    edge: str = ""


def matches(pattern: str, text: str) -> bool:
    """Say whether the pattern fits somewhere in the text; BadPattern when it can't be asked."""
    places = _places(pattern)
    text = text[:LONGEST_SEARCHED]
    at: frozenset[int] = frozenset()
    for index in range(len(text) + 1):
        edges = ("^" if index == 0 else "") + ("$" if index == len(text) else "")
        at = _spread(places, {*at, 0}, edges)
        if len(places) - 1 in at:
            return True
        if index < len(text):
            at = frozenset(n + 1 for n in at if (test := places[n].test) and test(text[index]))
    return False


def _spread(places: tuple[Place, ...], start: Iterable[int], edges: str) -> frozenset[int]:
    """Every place that is reached without a letter."""
    reached: set[int] = set()
    waiting = list(start)
    while waiting:
        number = waiting.pop()
        if number not in reached:
            reached.add(number)
            place = places[number]
            if place.edge in edges:
                waiting.extend(place.ways)
    return frozenset(reached)


@lru_cache(maxsize=256)
def _places(pattern: str) -> tuple[Place, ...]:
    if len(pattern) > LONGEST_PATTERN:
        raise BadPattern(TOO_LONG)
    reader = _Reader(pattern)
    places = reader.alternatives(0)
    if reader.at < len(pattern):
        raise BadPattern
    return (*_bounded(places), Place())


def _bounded(places: list[Place]) -> list[Place]:
    if len(places) >= MOST_PLACES:
        raise BadPattern(TOO_LONG)
    return places


def _moved(places: list[Place], by: int) -> list[Place]:
    """The same places behind `by` others."""
    return [Place(each.test, tuple(way + by for way in each.ways), each.edge) for each in places]


def _either(first: list[Place], second: list[Place]) -> list[Place]:
    behind = len(first) + 2
    jump = Place(ways=(behind + len(second),))
    return [Place(ways=(1, behind)), *_moved(first, 1), jump, *_moved(second, behind)]


def _repeated(places: list[Place], least: int, most: int | None) -> list[Place]:
    found: list[Place] = []
    for _ in range(least):
        found += _bounded(_moved(places, len(found)))
    if most is None:
        behind = len(places) + 2
        loop = [Place(ways=(1, behind)), *_moved(places, 1), Place(ways=(0,))]
        return _bounded(found + _moved(loop, len(found)))
    for _ in range(least, most):
        found += _bounded(_moved(_either(places, []), len(found)))
    return _bounded(found)


class _Reader:
    """A pattern being read; each method returns the places of what it read."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    @property
    def _next(self) -> str:
        return self._pattern[self.at : self.at + 1]

    def alternatives(self, depth: int) -> list[Place]:
        if depth > DEEPEST:
            raise BadPattern
        found = self._sequence(depth)
        while self._next == "|":
            self.at += 1
            found = _bounded(_either(found, self._sequence(depth)))
        return found

    def _sequence(self, depth: int) -> list[Place]:
        found: list[Place] = []
        while self._next not in {"", "|", ")"}:
            found += _moved(self._repetition(self._atom(depth)), len(found))
            _bounded(found)
        return found

    def _repetition(self, places: list[Place]) -> list[Place]:
        while self._next in {"*", "+", "?", "{"}:
            count = COUNT.match(self._pattern, self.at)
            if self._next == "{" and count is None:
                raise BadPattern
            self.at = count.end() if count else self.at + 1
            least, most = _counts(count) if count else REPEATS[self._pattern[self.at - 1]]
            places = _repeated(places, least, most)
        return places

    def _atom(self, depth: int) -> list[Place]:
        sign = self._next
        self.at += 1
        if sign == "(":
            found = self.alternatives(depth + 1)
            if self._next != ")":
                raise BadPattern
            self.at += 1
            return found
        if sign in {"^", "$"}:
            return [Place(ways=(1,), edge=sign)]
        if sign in {"*", "+", "?", "{"}:
            raise BadPattern
        return [Place(self._test(sign))]

    def _test(self, sign: str) -> Test:
        if sign == ".":
            return lambda _letter: True
        if sign == "[":
            return self._set()
        if sign == "\\":
            sign = self._next
            self.at += 1
            if not sign:
                raise BadPattern
        return sign.__eq__

    def _set(self) -> Test:
        is_negated = self._next == "^"
        self.at += is_negated
        start = self.at
        tests: list[Test] = []
        while self._next != "]" or self.at == start:
            found = RANGE.match(self._pattern, self.at)
            if found is None:
                raise BadPattern
            self.at = found.end()
            tests.append(_range(found))
        self.at += 1
        return lambda letter: any(test(letter) for test in tests) is not is_negated


def _counts(found: re.Match[str]) -> tuple[int, int | None]:
    least = int(found[1])
    most = least if found[2] is None else int(found[3]) if found[3] else None
    if most is not None and most < least:
        raise BadPattern
    return least, most


def _range(found: re.Match[str]) -> Test:
    if found[1]:
        if found[1] not in CLASSES:
            raise BadPattern
        return CLASSES[found[1]].__contains__
    first, last = (found[2], found[3]) if found[2] else (found[4], found[4])
    if first > last:
        raise BadPattern
    return lambda letter: first <= letter <= last
