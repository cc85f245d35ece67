"""The commands that read: print, getall, get, find, and what keeps following."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from hotspot.simulator.routeros import outputs
from hotspot.simulator.routeros.changes import NUMBERS, raise_unless
from hotspot.simulator.routeros.queries import BadQuery, matches, pick
from hotspot.simulator.routeros.sessions import Call, Result, Work
from hotspot.simulator.routeros.state import INTERFACES, Row
from hotspot.simulator.routeros.table import Kind, Menu
from hotspot.simulator.routeros.traps import Trap, missing_values, no_such_item, unknown_parameter

PRINT_TAKES: Final = frozenset(
    {
        ".proplist", "proplist", "detail", "stats", "count-only", "brief", "terse", "without-paging", "as-value", "from",
        "follow", "follow-only", "interval", "show-ids", "value-list", "show-sensitive", "once", "",
    }
)  # fmt: skip


def rows_of(call: Call) -> list[dict[str, str]]:
    """Every row of the menu, as printed."""
    provided = call.router.provided.get(call.menu.path) or outputs.PROVIDED.get(call.menu.path)
    if provided:
        return provided(call)
    if call.menu.kind is Kind.SINGLETON:
        return [row_of(call, call.config.singleton(call.menu.path))]
    return [row_of(call, row) for row in call.config.rows(call.menu.path)]


def row_of(call: Call, row: Row) -> dict[str, str]:
    home = call.config.home_of(call.menu.path, row)
    text = {} if call.menu.kind is Kind.SINGLETON else {".id": row.number}
    text |= _settable(call, call.router.menus[home], row)
    text |= row.outputs
    flags = dict.fromkeys(call.menu.flags, "false")
    text |= {**flags, **({"dynamic": "true"} if row.dynamic else {}), **{k: v for k, v in text.items() if k in flags}}
    text |= outputs.derived(call, home, row)
    return text


def _settable(call: Call, menu: Menu, row: Row) -> dict[str, str]:
    text = {}
    for name, each in menu.known(call.router.version).items():
        value = row.fields.get(name, each.default)
        hidden = "hidden" in each.marks or ("sensitive" in each.marks and "sensitive" not in call.session.policies)
        if value is not None and not hidden and (value or name not in {"comment", "address-list-timeout"}):
            text[name] = value
    if call.menu.path == INTERFACES:
        return {name: value for name, value in text.items() if name in call.menu.attributes}
    return text


def print_(call: Call) -> Result:
    for name in call.arguments:
        if name not in PRINT_TAKES:
            raise unknown_parameter(name)
    rows = _asked(call)
    if "count-only" in call.arguments:
        return Result(ret=str(len(rows)))
    proplist = call.arguments.get(".proplist", call.arguments.get("proplist"))
    shown = [pick(row, proplist) for row in rows]
    if "follow" in call.arguments or "follow-only" in call.arguments:
        return _follow(call, [] if "follow-only" in call.arguments else shown)
    return Result(shown, listing=True)


def _asked(call: Call) -> list[dict[str, str]]:
    rows = rows_of(call)
    if "from" in call.arguments:
        wanted = call.arguments["from"].split(",")
        rows = [row for row in rows if row.get(".id") in wanted or row.get("name") in wanted]
    try:
        return [row for row in rows if matches(row, call.query)]
    except BadQuery:
        raise Trap("invalid query") from None


def listen(call: Call) -> Result:
    """As `print follow-only`: say what changes from now on."""
    return _follow(call, [])


def _follow(call: Call, first: list[dict[str, str]]) -> Result:
    seen = {row.get(".id", ""): row for row in rows_of(call)}

    def changed(menus: Iterable[str]) -> None:
        if call.menu.path not in menus and call.menu.path != INTERFACES:
            return
        now = {row.get(".id", ""): row for row in rows_of(_later(call))}
        for number, row in now.items():
            if row != seen.get(number) and matches(row, call.query):
                work.say(pick(row, call.arguments.get(".proplist")))
        for number in seen.keys() - now.keys():
            work.say({".id": number, ".dead": "true"})
        seen.clear()
        seen.update(now)

    forget = call.router.on_change(changed)
    work = Work(forget)
    for row in first:
        work.say(row)
    return Result(work=work)


def _later(call: Call) -> Call:
    """The same question put to the configuration as it is then."""
    return replace(call, config=call.router.config)


def get(call: Call) -> Result:
    """One value, or all of a row as the console writes an array."""
    raise_unless(call, {*NUMBERS, "value-name"})
    row = _chosen(call)
    name = call.arguments.get("value-name")
    if name is None:
        return Result(ret=";".join(f"{key}={value}" for key, value in row.items()))
    if name not in row and name not in call.menu.attributes and name not in call.menu.outputs:
        raise unknown_parameter(name)
    return Result(ret=row.get(name, ""))


def _chosen(call: Call) -> Mapping[str, str]:
    rows = rows_of(call)
    if call.menu.kind is Kind.SINGLETON:
        return rows[0]
    text = next((call.arguments[name] for name in NUMBERS if name in call.arguments), None)
    if text is None:
        raise missing_values(["numbers"])
    for row in rows:
        if row[".id"] == text or row.get("name") == text:
            return row
    raise no_such_item()


def find(call: Call) -> Result:
    return Result(ret=";".join(row[".id"] for row in _asked(call)))


READS: Final[Mapping[str, Callable[[Call], Result]]] = {
    "print": print_,
    "getall": print_,
    "get": get,
    "find": find,
    "listen": listen,
}
