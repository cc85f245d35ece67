"""The language's commands that only reckon: ``:len``, ``:pick``, ``:serialize`` and the like. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hotspot.simulator.routeros.script.operators import is_same
from hotspot.simulator.routeros.script.scanner import octets_of, text_of
from hotspot.simulator.routeros.script.values import (
    Array,
    Empty,
    Value,
    listed,
    read,
    to_bool,
    to_number,
    to_text,
    type_of,
)
from hotspot.simulator.routeros.traps import failure, missing_values, no_match

Arguments = Mapping[str, Value]


def length(value: Value) -> int:
    """How many entries an array has, how many octets everything else."""
    return len(value.entries) if isinstance(value, Array) else len(octets_of(to_text(value)))


def pick(value: Value, start: Value, end: Value = Empty.NOTHING) -> Value:
    """The part from `start` on, up to and without `end`; one element or octet without `end`."""
    first = _index(start)
    last = first + 1 if isinstance(end, Empty) else _index(end)
    if isinstance(value, Array):
        if isinstance(end, Empty):
            return value.entries.get(first, Empty.NOTHING)
        return listed(value.values[first:last])
    return text_of(octets_of(to_text(value))[first:last])


def _index(value: Value) -> int:
    number = to_number(value)
    if number is None:
        raise no_match("begin")
    return max(number, 0)


def find(value: Value, sought: Value, after: Value = Empty.NOTHING) -> Value:
    """Where something is, looking from behind `after`; nil when it isn't."""
    start = 0 if isinstance(after, Empty) else _index(after) + 1
    if isinstance(value, Array):
        places = (n for n, each in enumerate(value.values) if n >= start and is_same(each, sought))
        return next(places, Empty.NIL)
    at = octets_of(to_text(value)).find(octets_of(to_text(sought)), start)
    return Empty.NIL if at < 0 else at


def _array(value: Value) -> Array:
    if isinstance(value, Array):
        return value
    text = to_text(value)
    return listed([read(part) for part in text.split(",")]) if text else Array()


def _or_nothing(value: Value | None) -> Value:
    return Empty.NOTHING if value is None else value


def serialize(value: Value) -> str:
    """JSON of a value; an array is a list when its keys are only counted."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Value) -> object:
    if isinstance(value, Array):
        if all(isinstance(key, int) for key in value.entries):
            return [_plain(each) for each in value.values]
        return {str(key): _plain(each) for key, each in value.entries.items()}
    if isinstance(value, Empty):
        return None
    return value if isinstance(value, int | str) else to_text(value)


def deserialize(text: str) -> Value:
    """The value that JSON spells; a number with a fraction stays text, for the language has none."""
    try:
        return _valued(json.loads(text, parse_float=str, parse_int=_number, parse_constant=str))
    except (ValueError, RecursionError):
        raise failure("json parsing error") from None


def _number(digits: str) -> int | str:
    number = to_number(digits)
    return digits if number is None or str(number) != digits else number


def _valued(plain: object) -> Value:
    if isinstance(plain, list):
        return listed([_valued(each) for each in plain])
    if isinstance(plain, dict):
        return Array({key: _valued(each) for key, each in plain.items()})
    return plain if isinstance(plain, bool | int | str) else Empty.NIL


def call(name: str, plain: Sequence[Value], named: Arguments) -> Value:
    """Return what a command of the language gives for its arguments."""
    if name in {"serialize", "deserialize"}:
        return _convert(name, plain, named)
    if not plain:
        raise missing_values(["value"])
    if name in PARTS:
        if len(plain) < 2:
            raise missing_values(["begin" if name == "pick" else "key"])
        return PARTS[name](*plain[:3])
    return OF_ONE[name](plain[0])


def _convert(name: str, plain: Sequence[Value], named: Arguments) -> Value:
    form = "to" if name == "serialize" else "from"
    if to_text(named.get(form, "")) != "json":
        raise no_match(form)
    value = named.get("value", plain[0] if plain else None)
    if value is None:
        raise missing_values(["value"])
    return serialize(value) if name == "serialize" else deserialize(to_text(value))


PARTS: Final[Mapping[str, Callable[..., Value]]] = {"pick": pick, "find": find}
OF_ONE: Final[Mapping[str, Callable[[Value], Value]]] = {
    "len": length,
    "typeof": type_of,
    "tostr": to_text,
    "tonum": lambda value: _or_nothing(to_number(value)),
    "tobool": lambda value: _or_nothing(to_bool(value)),
    "toarray": _array,
}
FUNCTIONS: Final = frozenset({"serialize", "deserialize", *PARTS, *OF_ONE})
