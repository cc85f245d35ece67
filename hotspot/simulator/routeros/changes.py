"""The commands that change rows: add, set, unset, remove, enable, disable, comment, move.

Each reads all its arguments before it changes the draft, in the router's order: unknown names, values, what is missing, what collides.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from hotspot.simulator.routeros import checks
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.state import INTERFACES, Row
from hotspot.simulator.routeros.table import Attribute, Kind
from hotspot.simulator.routeros.traps import (
    Trap,
    failure,
    invalid_value,
    missing_values,
    no_match,
    no_such_item,
    out_of_range,
    unknown_parameter,
)
from hotspot.simulator.routeros.values import Mismatch

NUMBERS: Final = (".id", "numbers")
LONGEST_VALUE: Final = 65_535


def add(call: Call) -> Result:
    """Add a row; its number is the answer."""
    place = call.arguments.get("place-before") if call.menu.ordered else None
    source = _source(call)
    given = read_values(call, {"place-before"} if call.menu.ordered else set(), source)
    fields = {**(source.fields if source else {}), **given}
    known = call.menu.known(call.router.version)
    missing = [name for name, each in known.items() if each.required and name not in fields]
    if missing:
        raise missing_values(missing)
    if call.menu.numbered and "name" in known:
        fields.setdefault("name", _free_name(call))
    row = checks.completed(call, Row(call.config.ids.take(call.menu), fields))
    raise_if_taken(call, row)
    call.config.append(call.menu.path, row, before=_row(call, place) if place else None)
    return Result(ret=row.number)


def _source(call: Call) -> Row | None:
    text = call.arguments.get("copy-from")
    return _row(call, text) if text else None


def _free_name(call: Call) -> str:
    names = {row.fields.get("name") for row in call.config.rows(_naming(call))}
    return next(name for number in range(1, len(names) + 2) if (name := f"{call.menu.numbered}{number}") not in names)


def _naming(call: Call) -> str:
    """The menu in which names must differ: all interfaces' are in one."""
    return INTERFACES if call.menu.interface else call.menu.path


def read_values(call: Call, allowed: set[str], before: Row | None) -> dict[str, str]:
    """The attributes among the arguments, as the router will print them; Trap for the first that it doesn't take."""
    known = call.menu.known(call.router.version)
    allowed = allowed | {"copy-from"} if call.command == "add" else allowed
    for name in call.arguments:
        if name not in known and name not in allowed:
            raise unknown_parameter(name)
    return {
        name: read_value(call, known[name], text, before.fields.get(name, "") if before else "")
        for name, text in call.arguments.items()
        if name in known
    }


def read_value(call: Call, attribute: Attribute, text: str, before: str) -> str:
    if len(text) > LONGEST_VALUE:
        raise invalid_value(attribute.name)
    if not text and "required" not in attribute.marks and attribute.default in {None, ""}:
        return ""
    try:
        return attribute.type.read(text, call.config, before)
    except Mismatch as mismatch:
        raise _refusal(attribute.name, mismatch) from None


def _refusal(name: str, mismatch: Mismatch) -> Trap:
    if mismatch.choice:
        return no_match(name)
    if mismatch.limits:
        return out_of_range(name, *mismatch.limits)
    return invalid_value(name)


def raise_if_taken(call: Call, row: Row) -> None:
    """Refuse a second row with the same key, and a second interface of the same name."""
    if not call.menu.key:
        return
    key = [call.config.value(call.menu.path, row, name) for name in call.menu.key]
    path = _naming(call) if call.menu.key == ("name",) else call.menu.path
    for other in call.config.rows(path):
        home = call.config.home_of(path, other)
        same = [call.config.value(home, other, name) for name in call.menu.key] == key
        if same and (home, other.id) != (call.menu.path, row.id):
            raise failure(call.menu.taken or "already have such entry")


def _row(call: Call, text: str) -> Row:
    row = call.config.find(call.menu.path, text)
    if row is None:
        raise no_such_item()
    return row


def targets(call: Call) -> list[Row]:
    """The rows that ``.id`` or ``numbers`` name, by number or by name; a singleton is its own."""
    if call.menu.kind is Kind.SINGLETON:
        return [call.config.singleton(call.menu.path)]
    return [_row(call, part) for part in targets_of(call)]


def targets_of(call: Call) -> list[str]:
    """What ``.id`` or ``numbers`` says; an empty list is none, as ``[find …]`` gives where nothing is found."""
    text = next((call.arguments[name] for name in NUMBERS if name in call.arguments), None)
    if text is None:
        raise missing_values(["numbers"])
    return [part for part in text.split(",") if part]


def _update(call: Call, row: Row, changes: Mapping[str, str | None]) -> None:
    """Put changed fields in place of the row's, in the menu that keeps it."""
    if row.dynamic:
        raise failure("can not change dynamic item")
    changed = row.with_fields(changes)
    if call.menu.path != INTERFACES:
        changed = checks.completed(call, changed, before=row)
        raise_if_taken(call, changed)
    call.config.replace(call.menu.path, row, changed)


def set_(call: Call) -> Result:
    """Change attributes; ``!name`` takes one back to nothing."""
    cleared = {name[1:] for name in call.arguments if name.startswith("!")}
    arguments = {name: value for name, value in call.arguments.items() if not name.startswith("!")}
    for name in sorted(cleared):
        _raise_unless_clearable(call, name)
    plain = replace(call, arguments=arguments)
    allowed = set(NUMBERS) if call.menu.kind is Kind.LIST else set()
    for row in targets(plain):
        current = call.config.singleton(call.menu.path) if call.menu.kind is Kind.SINGLETON else row
        values = read_values(plain, allowed, current)
        _update(call, current, {**values, **dict.fromkeys(cleared)})
    return Result()


def _raise_unless_clearable(call: Call, name: str) -> None:
    attribute = call.menu.known(call.router.version).get(name)
    if attribute is None or attribute.required:
        raise unknown_parameter(name)


def unset(call: Call) -> Result:
    raise_unless(call, {*NUMBERS, "value-name"})
    name = call.arguments.get("value-name")
    if name is None:
        raise missing_values(["value-name"])
    _raise_unless_clearable(call, name)
    for row in targets(call):
        _update(call, row, {name: None})
    return Result()


def raise_unless(call: Call, allowed: set[str]) -> None:
    """Refuse an argument that the command doesn't have."""
    for name in call.arguments:
        if name not in allowed:
            raise unknown_parameter(name)


def remove(call: Call) -> Result:
    raise_unless(call, set(NUMBERS))
    for row in targets(call):
        if row.builtin:
            raise failure("can not remove builtin item")
        if row.dynamic and not call.menu.ram:
            raise failure("can not remove dynamic item")
        if not call.menu.interface and any(call.config.users_of(call.menu.path, row.fields.get("name", ""))):
            raise failure("item is in use")
        checks.raise_if_last(call, row)
        call.config.delete(call.menu.path, row)
    return Result()


def _switch(*, disabled: bool) -> Callable[[Call], Result]:
    def switch(call: Call) -> Result:
        raise_unless(call, set(NUMBERS))
        for row in targets(call):
            _update(call, row, {"disabled": "true" if disabled else "false"})
        return Result()

    return switch


def comment(call: Call) -> Result:
    raise_unless(call, {*NUMBERS, "comment"})
    for row in targets(call):
        _update(call, row, {"comment": call.arguments.get("comment", "")})
    return Result()


def move(call: Call) -> Result:
    """Put rows before another one, or at the end."""
    raise_unless(call, {*NUMBERS, "destination"})
    moved = targets(call)
    text = call.arguments.get("destination")
    before = _row(call, text) if text else None
    if before in moved:
        return Result()
    rest = [row for row in call.config.rows(call.menu.path) if row not in moved]
    at = rest.index(before) if before else len(rest)
    call.config.put(call.menu.path, (*rest[:at], *moved, *rest[at:]))
    return Result()


CHANGES: Final[Mapping[str, Callable[[Call], Result]]] = {
    "add": add,
    "set": set_,
    "unset": unset,
    "remove": remove,
    "enable": _switch(disabled=False),
    "disable": _switch(disabled=True),
    "comment": comment,
    "move": move,
}
