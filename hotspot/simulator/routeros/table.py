"""What the tables say: menus, their attributes and what one can do there. Pure.

An attribute is written ``type [=default] [mark …]``; the marks: ``required`` for add, ``hidden`` is never printed, ``sensitive`` only
to those with that policy, ``fixed`` can't change after add, ``since:7.15`` and ``until:7.17`` (the first version without it).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hotspot.simulator.routeros.values import Type, parse_type

Version = tuple[int, ...]
LISTS_DO: Final = "add set remove print find get"
SINGLETONS_DO: Final = "set print get"


class BadTable(ValueError):
    """A table that can't be read."""


class Kind(StrEnum):
    """A list of rows, one row that is always there, or only a place for commands."""

    LIST = "list"
    SINGLETON = "singleton"
    DIRECTORY = "dir"


def parse_version(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


@dataclass(frozen=True, slots=True)
class Span:
    """The versions that know something: from `since` on, before `until`."""

    since: Version = ()
    until: Version | None = None

    def knows(self, version: Version) -> bool:
        return self.since <= version and (self.until is None or version < self.until)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute that can be set."""

    name: str
    type: Type
    default: str | None = None
    marks: frozenset[str] = frozenset()
    span: Span = Span()

    @property
    def required(self) -> bool:
        return "required" in self.marks


@dataclass(frozen=True, slots=True)
class Menu:
    """One menu.

    `key` are the attributes that tell rows apart and `taken` what the router says when they don't; `numbered` begins the name of a row
    that was given none; `interface` is the type of interface that its rows are; rows in `ram` are gone after a reboot.
    """

    path: str
    kind: Kind = Kind.LIST
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    commands: frozenset[str] = frozenset()
    parameters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    taken: str = ""
    ordered: bool = False
    numbered: str = ""
    flags: tuple[str, ...] = ()
    outputs: frozenset[str] = frozenset()
    interface: str = ""
    package: str = ""
    ram: bool = False
    span: Span = Span()
    rows: tuple[Mapping[str, str], ...] = ()

    def known(self, version: Version) -> dict[str, Attribute]:
        """The attributes that a version knows."""
        return {name: each for name, each in self.attributes.items() if each.span.knows(version)}


def parse_attribute(name: str, text: str, named: Mapping[str, Sequence[str]]) -> Attribute:
    kind, *tokens = text.split(" ")
    default = next((token[1:] for token in tokens if token.startswith("=")), None)
    marks = frozenset(token for token in tokens if not token.startswith("="))
    return Attribute(name, parse_type(kind, named), default, frozenset(m for m in marks if ":" not in m), _span(marks))


def _span(marks: frozenset[str]) -> Span:
    versions = {mark.partition(":")[0]: parse_version(mark.partition(":")[2]) for mark in marks if ":" in mark}
    return Span(versions.get("since", ()), versions.get("until"))


def parse_menus(document: Mapping[str, object]) -> dict[str, Menu]:
    """Read all tables at once: ``words`` are named choices, ``groups`` attributes that several menus have."""
    words: Mapping[str, Sequence[str]] = document["words"]  # type: ignore[assignment]  # our own file
    groups: Mapping[str, Mapping[str, str]] = document["groups"]  # type: ignore[assignment]
    menus: dict[str, Menu] = {}
    tables: Mapping[str, Mapping[str, object]] = document["menus"]  # type: ignore[assignment]
    for path, entry in tables.items():
        menus[path] = _menu(path, dict(entry), words, groups, menus)
    return menus


def _menu(
    path: str,
    entry: dict[str, object],
    words: Mapping[str, Sequence[str]],
    groups: Mapping[str, Mapping[str, str]],
    menus: Mapping[str, Menu],
) -> Menu:
    texts: dict[str, str] = dict(entry.pop("attributes", {}))  # type: ignore[call-overload]
    for group in entry.pop("groups", ()):  # type: ignore[attr-defined]
        texts |= groups[group]
    attributes = {name: parse_attribute(name, text, words) for name, text in texts.items()}
    entry_inline: dict[str, str] = dict(entry.pop("inline", {}))  # type: ignore[call-overload]
    for prefix, source in entry_inline.items():
        attributes |= _inlined(prefix, menus[source], skipped=set(entry_inline))
    kind = Kind(str(entry.pop("kind", "list")))
    commands = set(str(entry.pop("commands", _commands(kind))).split())
    extra: dict[str, str] = dict(entry.pop("parameters", {}))  # type: ignore[call-overload]
    ordered = bool(entry.pop("ordered", False))
    if "set" in commands:
        commands |= {"comment"} & set(attributes)
        commands |= {"enable", "disable"} if "disabled" in attributes else set()
    commands |= {"unset"} if entry.pop("unset", False) else set()
    menu = Menu(
        path,
        kind,
        attributes,
        frozenset(commands | set(extra) | ({"move"} if ordered else set())),
        {name: frozenset(text.split()) for name, text in extra.items()},
        tuple(str(entry.pop("key", "")).split()),
        str(entry.pop("taken", "")),
        ordered,
        str(entry.pop("numbered", "")),
        tuple(str(entry.pop("flags", "")).split()),
        frozenset(str(entry.pop("outputs", "")).split()),
        str(entry.pop("interface", "")),
        str(entry.pop("package", "")),
        bool(entry.pop("ram", False)),
        _span(frozenset(str(entry.pop("versions", "")).split())),
        tuple(entry.pop("rows", ())),  # type: ignore[arg-type]
    )
    if entry:
        raise BadTable(f"{path}: {', '.join(entry)}")
    return menu


def _commands(kind: Kind) -> str:
    return {Kind.LIST: LISTS_DO, Kind.SINGLETON: SINGLETONS_DO, Kind.DIRECTORY: ""}[kind]


def _inlined(prefix: str, menu: Menu, *, skipped: set[str]) -> dict[str, Attribute]:
    """A profile's attributes written into the row that uses it: ``configuration.ssid``; none is required and none has a default."""
    skipped |= {"name", "comment", "disabled"}
    return {
        f"{prefix}.{each.name}": Attribute(
            f"{prefix}.{each.name}", each.type, None, each.marks - {"required"}, each.span
        )
        for each in menu.attributes.values()
        if each.name not in skipped and "." not in each.name
    }
