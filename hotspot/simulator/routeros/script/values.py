"""The values of the language and how they turn into each other. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hotspot.simulator.routeros.script.scanner import octets_of, text_of
from hotspot.simulator.routeros.script.syntax import Code
from hotspot.simulator.routeros.traps import SCRIPTING, Trap

LONGEST_TEXT: Final = 256 * 1024  # octets; the router itself has less memory than a city's simulator
LARGEST_ARRAY: Final = 1 << 18  # entries and letters, also of the arrays in it
DEEPEST_ARRAY: Final = 32
NUMBER: Final = re.compile(r"-?\d{1,19}|0x[0-9A-Fa-f]{1,16}")
ID: Final = re.compile(r"\*[0-9A-F]+")
TRUTHS: Final = {"true": True, "yes": True, "false": False, "no": False}
INTEGER: Final = 1 << 64


class Empty(StrEnum):
    """No value: NOTHING was never set or isn't there, NIL is what a search without success gives."""

    NOTHING = "nothing"
    NIL = "nil"


@dataclass(frozen=True, slots=True)
class Array:
    """Values by key: text, or a number from 0 on for those without a key; Trap for more than the router can hold."""

    entries: Mapping[int | str, "Value"] = field(default_factory=dict)
    size: int = field(init=False, compare=False, repr=False)
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        size, depth = 0, 0
        for key, value in self.entries.items():
            size += 1 + (len(key) if isinstance(key, str) else 0) + size_of(value)
            depth = max(depth, value.depth if isinstance(value, Array) else 0)
        if size > LARGEST_ARRAY or depth >= DEEPEST_ARRAY:
            raise Trap("array too big", SCRIPTING)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "depth", depth + 1)

    @property
    def values(self) -> list["Value"]:
        return list(self.entries.values())


Value = Empty | bool | int | str | Array | Code


def listed(values: list[Value]) -> Array:
    return Array(dict(enumerate(values)))


def size_of(value: Value) -> int:
    """How many letters and entries a value is made of."""
    if isinstance(value, Array):
        return value.size
    if isinstance(value, str):
        return len(value)
    return len(value.source) if isinstance(value, Code) else 0


def to_text(value: Value) -> str:
    """The value as it is printed."""
    if isinstance(value, Empty):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Array):
        return ";".join(
            to_text(each) if isinstance(key, int) else f"{key}={to_text(each)}" for key, each in value.entries.items()
        )
    return value.source if isinstance(value, Code) else str(value)


def to_number(value: Value) -> int | None:
    """The number that a value is or spells."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return wrapped(int(value, 16) if value.startswith("0x") else int(value))
    return None


def wrapped(number: int) -> int:
    """Keep to 64 bits, as the router's numbers do."""
    number %= INTEGER
    return number - INTEGER if number >= INTEGER // 2 else number


def to_bool(value: Value) -> bool | None:
    """The truth that a value is or spells."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    return TRUTHS.get(value) if isinstance(value, str) else None


def is_true(value: Value) -> bool:
    """Say what a condition says; Trap when it says neither."""
    found = to_bool(value)
    if found is None:
        raise Trap("conditional not boolean", SCRIPTING)
    return found


def literal(word: str) -> Value:
    """What a bare word means to the language."""
    if word in TRUTHS:
        return TRUTHS[word]
    number = to_number(word)
    return word if number is None else number


def read(text: str) -> Value:
    """A row's value: a number or a truth if exactly that is printed, so that nothing is lost."""
    value = TRUTHS.get(text) if text in {"true", "false"} else to_number(text)
    return text if value is None or to_text(value) != text else value


def type_of(value: Value) -> str:
    if isinstance(value, Empty):
        return value.value
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "num"
    if isinstance(value, str):
        return "id" if ID.fullmatch(value) else "str"
    return "array" if isinstance(value, Array) else "code"


def joined(first: str, second: str) -> str:
    """Both texts one after the other; octets that were apart may become a letter together."""
    octets = octets_of(first) + octets_of(second)
    if len(octets) > LONGEST_TEXT:
        raise Trap("string too long", SCRIPTING)
    return text_of(octets)
