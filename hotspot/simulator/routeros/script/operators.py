"""What the operators do with values. Pure; `and`, `or` and their signs are the evaluator's, which may stop half way."""

import ipaddress
import operator
from collections.abc import Callable, Mapping
from typing import Final

from hotspot.simulator.routeros.script import patterns
from hotspot.simulator.routeros.script.values import (
    Array,
    Empty,
    Value,
    joined,
    listed,
    size_of,
    to_text,
    type_of,
    wrapped,
)
from hotspot.simulator.routeros.traps import SCRIPTING, Trap
from hotspot.simulator.routeros.values import Mismatch, milliseconds


def work(sign: str, left: Value) -> int:
    """About how many letters and entries an operator works through; each letter of a pattern meets each one of a text."""
    size = size_of(left)
    return patterns.LONGEST_PATTERN * min(size, patterns.LONGEST_SEARCHED) if sign == "~" else size


def apply(sign: str, left: Value, right: Value) -> Value:
    """Return ``left sign right``; Trap when the values don't go with it."""
    if sign in ARITHMETIC:
        return _reckon(sign, left, right)
    return OTHERS[sign](left, right)


def apply_unary(sign: str, value: Value) -> Value:
    """Return ``- value`` or ``~ value``."""
    if not isinstance(value, int):
        raise Trap(f"cannot apply {sign} to {type_of(value)}", SCRIPTING)
    return wrapped(-value if sign == "-" else ~value)


def _divided(left: int, right: int) -> int:
    """Towards zero, as the router divides."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


ARITHMETIC: Final[Mapping[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": lambda left, right: left - right * _divided(left, right),
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": lambda left, right: left << (right & 63),
    ">>": lambda left, right: left >> (right & 63),
}


def _reckon(sign: str, left: Value, right: Value) -> Value:
    if not isinstance(left, int) or not isinstance(right, int):
        raise Trap(f"cannot apply {sign} to {type_of(left)} and {type_of(right)}", SCRIPTING)
    if sign in "/%" and right == 0:
        raise Trap("division by zero", SCRIPTING)
    return wrapped(ARITHMETIC[sign](left, right))


def is_same(left: Value, right: Value) -> bool:
    """Say whether values are equal; text and a number are when they print alike, a truth is only like a truth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Array) != isinstance(right, Array):
        return False
    return left == right or to_text(left) == to_text(right)


def _is_less(left: Value, right: Value) -> bool:
    """Numbers, times and addresses by size, everything else by letters."""
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    first, second = to_text(left), to_text(right)
    for size in (milliseconds, lambda text: int(ipaddress.ip_address(text))):
        try:
            return size(first) < size(second)
        except (Mismatch, ValueError):
            continue
    return first < second


def _matches(value: Value, pattern: Value) -> bool:
    try:
        return patterns.matches(to_text(pattern), to_text(value))
    except patterns.BadPattern as bad:
        raise Trap(str(bad), SCRIPTING) from None


def _is_within(value: Value, network: Value) -> bool:
    try:
        address, whole = ipaddress.ip_interface(to_text(value)), ipaddress.ip_network(to_text(network), strict=False)
    except ValueError:
        return False
    return address.ip in whole and address.network.prefixlen >= whole.prefixlen


def _element(array: Value, key: Value) -> Value:
    if not isinstance(array, Array) or not isinstance(key, int | str):
        return Empty.NOTHING
    return array.entries.get(key, Empty.NOTHING)


def together(left: Value, right: Value) -> Array:
    """One array of both; keys of the second win."""
    entries: dict[int | str, Value] = {}
    counted = 0
    for part in (left, right):
        for key, value in (part if isinstance(part, Array) else listed([part])).entries.items():
            entries[key if isinstance(key, str) else counted] = value
            counted += isinstance(key, int)
    return Array(entries)


OTHERS: Final[Mapping[str, Callable[[Value, Value], Value]]] = {
    "=": is_same,
    "!=": lambda left, right: not is_same(left, right),
    "<": _is_less,
    ">": lambda left, right: _is_less(right, left),
    "<=": lambda left, right: not _is_less(right, left),
    ">=": lambda left, right: not _is_less(left, right),
    "~": _matches,
    "in": _is_within,
    ".": lambda left, right: joined(to_text(left), to_text(right)),
    ",": together,
    "->": _element,
}
