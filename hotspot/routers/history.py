"""How the rows of two times differ, as lines for people. Secrets are never in it, only that they changed. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hotspot.routers.changes import Actual, ref_of
from hotspot.routers.diff import shown
from hotspot.routers.menus import MENUS, Kind, Menu, Row

NUMBER = ".id"  # given anew at every boot


def differences(before: Actual, after: Actual) -> Iterator[str]:
    """Yield ``+`` rows that came, ``-`` rows that went, ``~`` attributes that changed, ``>`` menus whose rows have another order."""
    for path in dict.fromkeys((*before, *after)):
        yield from _menu(MENUS[path], before.get(path, ()), after.get(path, ()))


def _menu(menu: Menu, before: Sequence[Row], after: Sequence[Row]) -> Iterator[str]:
    were, are = _keyed(menu, before), _keyed(menu, after)
    for key, row in were.items():
        if key not in are:
            yield f"- {_title(menu, key)}"
            yield from (f"-     {name}: {shown(menu.path, name, text)}" for name, text in row.items() if text)
    for key, row in are.items():
        if key not in were:
            yield f"+ {_title(menu, key)}"
            yield from (f"+     {name}: {shown(menu.path, name, text)}" for name, text in row.items() if text)
        elif row != were[key]:
            yield f"~ {_title(menu, key)}"
            yield from _changed(menu, were[key], row)
    if [key for key in were if key in are] != [key for key in are if key in were]:
        yield f"> {menu.path}: its rows have another order"


def _changed(menu: Menu, before: Row, after: Row) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        was, is_now = before.get(name, ""), after.get(name, "")
        if was == is_now:
            continue
        words = dict.fromkeys((shown(menu.path, name, was), shown(menu.path, name, is_now)))
        yield f"~     {name}: {' → '.join(words)}"  # of a secret only that it changed


def _keyed(menu: Menu, rows: Sequence[Row]) -> dict[tuple[str, int], Mapping[str, str]]:
    """The rows by what they are found again by; where several are the same in that, by their place among them."""
    keyed: dict[tuple[str, int], Mapping[str, str]] = {}
    alike: Counter[str] = Counter()
    for row in rows:
        plain = {name: text for name, text in row.items() if name != NUMBER}
        words = "" if menu.kind is Kind.SINGLETON else " ".join(filter(None, ref_of(menu, row).where.values()))
        keyed[words, alike[words]] = plain
        alike[words] += 1
    return keyed


def _title(menu: Menu, key: tuple[str, int]) -> str:
    words, place = key
    return " ".join(filter(None, (menu.path, words, f"({place + 1})" if place else "")))
