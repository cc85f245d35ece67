"""The rows of every menu. Pure.

`Configuration` is cheap to copy: rows are immutable and each menu is a tuple of them. A sentence works on a copy, which replaces the
router's own when it succeeds; safe mode, history and backups keep the one from before.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from hotspot.simulator.routeros.table import Kind, Menu
from hotspot.simulator.routeros.values import split

INTERFACES: Final = "/interface"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what was set, and what the router says of it (`outputs`). A builtin one can't be removed, a dynamic one not changed."""

    id: int
    fields: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    builtin: bool = False
    dynamic: bool = False

    @property
    def number(self) -> str:
        return f"*{self.id:X}"

    @property
    def name(self) -> str | None:
        """What it is called: a name that can be set, or that the router gives it, as services have."""
        return self.fields.get("name", self.outputs.get("name"))

    def with_fields(self, changes: Mapping[str, str | None]) -> "Row":
        """The row with these values; None takes one away."""
        return replace(self, fields={k: v for k, v in {**self.fields, **changes}.items() if v is not None})


class Ids:
    """Gives rows their numbers; interfaces of all kinds share theirs."""

    def __init__(self, first: int = 1) -> None:
        self._first = first
        self._next: dict[str, Iterator[int]] = {}

    def take(self, menu: Menu) -> int:
        group = INTERFACES if menu.interface else menu.path
        return next(self._next.setdefault(group, itertools.count(self._first)))


class Configuration:
    """All menus' rows."""

    def __init__(self, menus: Mapping[str, Menu], ids: Ids, rows: Mapping[str, tuple[Row, ...]] | None = None) -> None:
        self.menus = menus
        self.ids = ids
        self._rows = dict(rows or {})

    def copy(self) -> "Configuration":
        return Configuration(self.menus, self.ids, self._rows)

    @property
    def tables(self) -> Mapping[str, tuple[Row, ...]]:
        return self._rows

    def changed_since(self, before: "Configuration") -> list[str]:
        """The menus whose rows differ."""
        return [path for path in self.menus if self.tables.get(path, ()) is not before.tables.get(path, ())]

    def rows(self, path: str) -> tuple[Row, ...]:
        """A menu's rows; those of /interface are the interfaces of every kind."""
        if path == INTERFACES:
            return tuple(sorted((r for m in self._interface_menus() for r in self.rows(m)), key=lambda row: row.id))
        return self._rows.get(path, ())

    def _interface_menus(self) -> list[str]:
        return [path for path, menu in self.menus.items() if menu.interface]

    def home_of(self, path: str, row: Row) -> str:
        """The menu that keeps the row, which is another one for what /interface shows."""
        if path != INTERFACES:
            return path
        return next(menu for menu in self._interface_menus() if row in self.rows(menu))

    def singleton(self, path: str) -> Row:
        rows = self.rows(path)
        return rows[0] if rows else Row(0)

    def value(self, path: str, row: Row, name: str) -> str:
        """A value as it is in force: set, or the default; empty when there is neither."""
        if name in row.fields:
            return row.fields[name]
        attribute = self.menus[path].attributes.get(name)
        return (attribute.default or "") if attribute else ""

    def find(self, path: str, text: str) -> Row | None:
        """The row that an ``*id`` or a name stands for."""
        for row in self.rows(path):
            if row.number == text.upper() if text.startswith("*") else row.name == text:
                return row
        return None

    def name_of(self, menu: str, text: str) -> str | None:
        row = self.find(menu, text)
        return row.name if row else None

    def put(self, path: str, rows: tuple[Row, ...]) -> None:
        self._rows[path] = rows

    def append(self, path: str, row: Row, *, before: Row | None = None) -> None:
        rows = self.rows(path)
        at = rows.index(before) if before else len(rows)
        self.put(path, (*rows[:at], row, *rows[at:]))

    def replace(self, path: str, old: Row, new: Row) -> None:
        home = self.home_of(path, old)
        self.put(home, tuple(new if row is old else row for row in self.rows(home)))
        if "name" in old.fields and old.fields["name"] != new.fields.get("name"):
            self._rename(home, old.fields["name"], new.fields.get("name", ""))

    def delete(self, path: str, row: Row) -> None:
        home = self.home_of(path, row)
        self.put(home, tuple(each for each in self.rows(home) if each is not row))
        if self.menus[home].interface:
            self._rename(home, row.fields.get("name", ""), row.number)  # RouterOS shows the number of what is gone

    def users_of(self, path: str, name: str) -> Iterator[tuple[str, Row, str]]:
        """The rows and attributes that name a row of this menu."""
        targets = {path, INTERFACES} if self.menus[path].interface else {path}
        for menu in self.menus.values():
            naming = [each.name for each in menu.attributes.values() if targets & set(each.type.menus)]
            for row in self.rows(menu.path) if naming and menu.path != INTERFACES else ():
                for attribute in naming:
                    if name in split(row.fields.get(attribute, "").removeprefix("!"), ","):
                        yield menu.path, row, attribute

    def _rename(self, path: str, old: str, new: str) -> None:
        """Names are only shown; RouterOS keeps numbers, so what used the row still does."""
        for menu, row, attribute in list(self.users_of(path, old)):
            text = row.fields[attribute]
            sign = "!" if text.startswith("!") else ""
            names = [new if name == old else name for name in text.removeprefix("!").split(",")]
            current = next(each for each in self.rows(menu) if each.id == row.id)
            changed = current.with_fields({attribute: sign + ",".join(names)})
            self.put(menu, tuple(changed if each is current else each for each in self.rows(menu)))


def fresh(menus: Mapping[str, Menu]) -> Configuration:
    """The rows that every router comes with."""
    configuration = Configuration(menus, Ids())
    for path, menu in menus.items():
        if menu.kind is Kind.SINGLETON and menu.attributes:
            configuration.put(path, (Row(0),))
        for entry in menu.rows:
            configuration.append(path, builtin_row(menu, configuration.ids, entry))
    return configuration


def builtin_row(menu: Menu, ids: Ids, entry: Mapping[str, str]) -> Row:
    fields = {name: value for name, value in entry.items() if name in menu.attributes}
    outputs = {name: value for name, value in entry.items() if name not in menu.attributes}
    return Row(ids.take(menu), fields, outputs, builtin=True)
