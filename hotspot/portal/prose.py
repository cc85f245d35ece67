"""Plain text of the city — terms, information — as the blocks that templates lay out; and the choice of its language. Pure.

No markup gets through: a block is text, and templates escape text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeVar

Text = TypeVar("Text")
Kind = Literal["heading", "list", "paragraph"]
MARKS: tuple[tuple[str, Kind], ...] = (("# ", "heading"), ("- ", "list"))


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a list or a paragraph, and its lines."""

    kind: Kind
    lines: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    """Split text: ``# `` begins a heading, ``- `` a list item, a blank line ends a paragraph."""
    found: list[Block] = []
    for kind, group in groupby(map(_marked, text.strip().splitlines()), key=lambda line: line[0]):
        lines = tuple(line for _, line in group)
        if kind == "heading":
            found += [Block("heading", (line,)) for line in lines]
        elif kind == "list":
            found.append(Block("list", lines))
        elif kind == "paragraph":
            found.append(Block("paragraph", (" ".join(lines),)))
    return found


def _marked(line: str) -> tuple[Kind | None, str]:
    stripped = line.strip()
    for mark, kind in MARKS:
        if stripped.startswith(mark):
            return kind, stripped.removeprefix(mark).strip()
    return ("paragraph", stripped) if stripped else (None, "")


def in_language(texts: Mapping[str, Text], language: str, languages: Iterable[str]) -> tuple[str, Text]:
    """Return the language and the text to show: the one asked for, else the first of the installation's that exists."""
    for candidate in (language, *languages, *texts):
        if candidate in texts:
            return candidate, texts[candidate]
    raise KeyError(language)
