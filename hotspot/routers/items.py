"""Router configs as an engineer writes them: ``router_configs/*.toml``, read into typed items. README.md there teaches the format.

An item is one row, or one row for each of several values. Its menu, name and attributes are fixed words of the file; only the fields'
values may have holes. So whatever a hole is filled with, it stays a value.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from hotspot.errors import Invalid
from hotspot.routers.menus import CODE, MARK, MENUS, Kind, Menu, Version, write_version

HOLE: Final = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}")
EACH: Final = "each"  # the hole that holds the value an item is repeated for
FLASH_HOLE: Final = "{router.flash}"
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
KEYS: Final = ("menu", "name", "each", "when", "needs", "place", "contents", "fields")
CONDITIONS: Final[Mapping[str, str]] = {
    "wifi": "radios of /interface/wifi",
    "wireless": "radios of /interface/wireless (package wireless)",
    "certificate": "a certificate and a name for its log-in page",
    "captive-api": "a captive portal API that has passed its self-test (hotspot routers api-test)",
}
VERSION: Final = re.compile(r"7\.\d{1,2}(?:\.\d{1,2})?")
PLACES: Final = ("first", "last")


class BadConfig(Invalid):
    """{file}, item {item}, {field}: {problem}"""


Bad = Callable[[str, str], BadConfig]  # (field, problem) → the error


@dataclass(frozen=True, slots=True)
class Item:
    """One ``[[item]]``. `name` is the role in the mark; `contents` names a folder beside the configs: one row for each file in it.

    `when` chooses silently, `needs` says what is missing. `place` is where in an ordered menu: before or behind rows that aren't ours.
    """

    file: str
    menu: Menu
    name: str
    fields: Mapping[str, str] = field(repr=False)
    each: str = ""
    when: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    place: str = "last"
    contents: str = ""

    def bad(self, field_name: str, problem: str) -> BadConfig:
        return BadConfig(file=self.file, item=self.name, field=field_name, problem=problem)


def read_items(texts: Mapping[str, str]) -> tuple[Item, ...]:
    """Read the files, in the order of their names, each a TOML text.

    Raises:
        BadConfig: the first thing that can't be used, with where it stands and what to do.
    """
    items = tuple(item for file in sorted(texts) for item in _items_of(file, texts[file]))
    _check_names(items)
    return items


def _items_of(file: str, text: str) -> Iterator[Item]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(file=file, item="-", field="TOML", problem=str(error)) from error
    entries = found.pop("item", [])
    if found or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadConfig(
            file=file, item="-", field=next(iter(found), "item"), problem="the file holds [[item]] and nothing else"
        )
    for number, entry in enumerate(entries, start=1):
        yield _item(file, str(entry.get("name") or f"number {number}"), entry)


def _item(file: str, called: str, entry: Mapping[str, Any]) -> Item:
    def bad(field_name: str, problem: str) -> BadConfig:
        return BadConfig(file=file, item=called, field=field_name, problem=problem)

    for key in entry:
        if key not in KEYS:
            raise bad(key, f"an item has only {', '.join(KEYS)}")
    name, path = entry.get("name"), entry.get("menu")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise bad("name", "give it a name: up to 31 of a-z, 0-9 and dashes, a letter first")
    if not isinstance(path, str) or path not in MENUS or MENUS[path].imported:
        known = ", ".join(path for path, menu in MENUS.items() if not menu.imported)
        raise bad("menu", f"is not one that configs manage; these are: {known}")
    item = Item(
        file=file,
        menu=MENUS[path],
        name=name,
        fields=_fields(entry.get("fields"), bad),
        each=entry.get("each", ""),
        when=_conditions("when", entry.get("when", []), bad),
        needs=_conditions("needs", entry.get("needs", []), bad),
        place=entry.get("place", "last"),
        contents=entry.get("contents", ""),
    )
    _check_options(item)
    _check_fields(item)
    return item


def _check_options(item: Item) -> None:
    if item.place not in PLACES:
        raise item.bad("place", "is first or last")
    if not isinstance(item.each, str) or (item.each and not HOLE.fullmatch(f"{{{item.each}}}")):
        raise item.bad("each", 'names a list of values, as "router.radios"')
    if not isinstance(item.contents, str) or (item.contents and item.menu.path != "/file"):
        raise item.bad("contents", "names a folder beside this file, for /file only")


def _fields(given: Any, bad: Bad) -> dict[str, str]:  # noqa: ANN401  (TOML)
    if not isinstance(given, dict):
        raise bad("fields", "a table of attributes, [item.fields]")
    return {name: _text(name, value, bad) for name, value in given.items()}


def _text(name: str, value: Any, bad: Bad) -> str:  # noqa: ANN401  (TOML)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    if isinstance(value, str):
        return value
    raise bad(name, "is a text, a number, true or false, or a list of texts")


def _conditions(key: str, given: Any, bad: Bad) -> tuple[str, ...]:  # noqa: ANN401  (TOML)
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, list) or not all(
        isinstance(word, str) and (word in CONDITIONS or VERSION.fullmatch(word)) for word in words
    ):
        raise bad(key, f"is one or several of {', '.join(CONDITIONS)}, or a version such as 7.20")
    return tuple(words)


def _check_fields(item: Item) -> None:
    """Refuse what the menu doesn't have, and holes where they could become more than a value."""
    attributes = item.menu.attributes
    for name, text in item.fields.items():
        if name not in attributes:
            raise item.bad(name, f"{item.menu.path} has no such attribute; hotspot knows {', '.join(attributes)}")
        for hole in HOLE.findall(text):
            if "." not in hole and hole != EACH:
                raise item.bad(name, f"{{{hole}}} is no hole; write {{site.{hole}}} or {{{EACH}}}")
            if hole == EACH and not item.each:
                raise item.bad(name, f"{{{EACH}}} needs the item to have each")
        if name in CODE and HOLE.search(text):
            raise item.bad(name, "is code that the router runs; no hole may stand in it")


def _check_mark(item: Item) -> None:
    menu = item.menu
    if menu.kind is Kind.SINGLETON:
        return
    for key in menu.key:
        if not item.fields.get(key):
            raise item.bad(key, "is what tells the rows of this menu apart; it must be given")
    if menu.kind is Kind.FIXED:
        return
    if menu.marked_by_comment:
        if "comment" in item.fields:
            raise item.bad("comment", f'is our mark, "{MARK}{item.name}"; leave it out')
        return
    name = item.fields[menu.key[0]].removeprefix(FLASH_HOLE)
    if not menu.bears_mark(name) or HOLE.search(name):
        raise item.bad(menu.key[0], f"is our mark; it begins with {menu.name_mark} and has no hole")


def _check_names(items: Iterable[Item]) -> None:
    """An item of the same menu and name adds to the first one, which alone says what the row is."""
    first: dict[tuple[str, str], Item] = {}
    for item in items:
        before = first.setdefault((item.menu.path, item.name), item)
        if before is item:
            _check_mark(item)
            continue
        if before.each != item.each or before.contents or item.contents:
            raise item.bad("name", f"an item of this name is in {before.file} already, and differs in each or contents")
        for key in item.menu.key:
            if key in item.fields:
                raise item.bad(key, f"is said by the item of this name in {before.file}; leave it out")


class Emitted(NamedTuple):
    """Attributes of a menu that configs may send, and the RouterOS version they need, where the floor lacks them."""

    menu: str
    attributes: tuple[str, ...]
    since: str


def emitted(items: Iterable[Item]) -> list[Emitted]:
    """Return all that the items can make us send, by menu and version, in dependency order."""
    sent: dict[tuple[str, Version], set[str]] = {}
    for item in items:
        marks = {"comment"} if item.menu.kind is Kind.LIST and item.menu.marked_by_comment else set()
        for name in {*item.fields, *marks, *({"contents"} if item.contents else ())} & set(item.menu.settable):
            sent.setdefault((item.menu.path, item.menu.attributes[name].since), set()).add(name)
    order = {path: at for at, path in enumerate(MENUS)}
    return [
        Emitted(path, tuple(sorted(names)), write_version(since))
        for (path, since), names in sorted(sent.items(), key=lambda entry: (order[entry[0][0]], entry[0][1]))
    ]
