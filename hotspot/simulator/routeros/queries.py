"""The API's queries: a stack machine over a row's attributes, and ``.proplist``. Pure.

``name`` and ``-name`` push whether the row has the attribute, ``name=x`` ``<name=x`` ``>name=x`` compare, ``#`` does operations:
``!`` ``&`` ``|``, a digit copies that value to the top, ``.`` copies the top. What is left when the words end must all be true.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hotspot.simulator.routeros.values import Mismatch, milliseconds

Row = Mapping[str, str]
OPERATIONS: Final = re.compile(r"\d+\.?|[!&|.]")
DEEPEST: Final = 256


class BadQuery(ValueError):
    """A word that is no query, or an operation on a stack that is too short."""


def matches(row: Row, query: Sequence[str]) -> bool:
    """Say whether the row is asked for; BadQuery when the query makes no sense."""
    stack: list[bool] = []
    for word in query:
        if word.startswith("#"):
            for operation in _operations(word[1:]):
                _operate(stack, operation)
        else:
            stack.append(_claim(row, word))
        if len(stack) > DEEPEST:
            raise BadQuery(word)
    return all(stack)


def _operations(text: str) -> list[str]:
    found = OPERATIONS.findall(text)
    if "".join(found) != text:
        raise BadQuery(text)
    return found


def _operate(stack: list[bool], operation: str) -> None:
    try:
        if operation == "!":
            stack.append(not stack.pop())
        elif operation in "&|":
            first, second = stack.pop(), stack.pop()
            stack.append((first and second) if operation == "&" else (first or second))
        elif operation == ".":
            stack.append(stack[-1])
        else:
            stack.append(stack[int(operation.rstrip("."))])
    except (IndexError, ValueError):
        raise BadQuery(operation) from None


def _claim(row: Row, word: str) -> bool:
    if word.startswith(("<", ">")):
        name, _, value = word[1:].partition("=")
        return name in row and _compare(row[name], value, less=word[0] == "<")
    if word.startswith("-"):
        return word[1:] not in row
    name, equals, value = word.removeprefix("=").partition("=")
    if not equals:
        return name in row
    return name in row and _same(row[name], value)


def _same(printed: str, asked: str) -> bool:
    """Booleans may be asked as yes and no; everything else as it is printed."""
    return printed == asked or printed == {"yes": "true", "no": "false"}.get(asked)


def _compare(printed: str, asked: str, *, less: bool) -> bool:
    left, right = _comparable(printed), _comparable(asked)
    if left[0] != right[0]:
        left, right = (2, printed), (2, asked)
    return left < right if less else left > right


def _comparable(text: str) -> tuple[int, object]:
    readers: tuple[Callable[[str], object], ...] = (milliseconds, lambda t: int(ipaddress.ip_address(t)))
    for kind, read in enumerate(readers):
        try:
            return kind, read(text)
        except (Mismatch, ValueError):
            continue
    return len(readers), text


def pick(row: Row, proplist: str | None) -> dict[str, str]:
    """The attributes that ``.proplist`` names, in the row's order; all of them without one."""
    if proplist is None:
        return dict(row)
    wanted = set(proplist.split(","))
    return {name: value for name, value in row.items() if name in wanted}
