"""What one version of the terms says otherwise than another, line by line. Pure."""

import difflib
from collections.abc import Mapping
from typing import Literal, NamedTuple

Change = Literal["same", "gone", "new"]
MARKS: Mapping[str, Change] = {" ": "same", "-": "gone", "+": "new"}


class Line(NamedTuple):
    """A line of text, and whether the earlier version, the later one, or both have it."""

    change: Change
    text: str


class Part(NamedTuple):
    """A part of a document in one language in which the two versions differ."""

    language: str
    part: str
    lines: tuple[Line, ...]


def compare(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> list[Part]:
    """Return the parts that differ, in the order of the later version; a language that is gone comes last."""
    languages = [*after, *(language for language in before if language not in after)]
    return [
        Part(language, part, _lines(before.get(language, {}).get(part, ""), after.get(language, {}).get(part, "")))
        for language in languages
        for part in {**after.get(language, {}), **before.get(language, {})}
        if before.get(language, {}).get(part) != after.get(language, {}).get(part)
    ]


def _lines(before: str, after: str) -> tuple[Line, ...]:
    found = difflib.ndiff(before.splitlines(), after.splitlines())
    return tuple(Line(MARKS[line[0]], line[2:]) for line in found if line[0] in MARKS)
