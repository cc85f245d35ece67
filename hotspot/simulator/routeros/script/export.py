"""/export: the configuration as a script, which a router of the same kind can import again.

Menus stand in an order in which what is named is there already. A row that every router comes with is only ``set``, where it differs;
values that are defaults are left out, as are dynamic rows, users, certificates and files; what is sensitive is there only when asked for.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from hotspot.simulator.routeros.script.scanner import octets_of
from hotspot.simulator.routeros.sessions import Action, Call, Result
from hotspot.simulator.routeros.state import INTERFACES, Configuration, Row
from hotspot.simulator.routeros.table import Kind, Menu
from hotspot.simulator.routeros.values import read_bool

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

Factory = Configuration
"""The configuration that the router came with."""
WIDTH: Final = 78
INDENT: Final = "    "
UNTOLD: Final = frozenset({"/user", "/certificate", "/file", INTERFACES})
BARE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,:/_@+-]*|\*[0-9A-F]+")
PLAIN: Final = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\$?')
SIGNS: Final = {0x22: '\\"', 0x5C: "\\\\", 0x24: "\\$", 0x3F: "\\?", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
WORDS: Final = {"true": "yes", "false": "no"}


def quoted(text: str) -> str:
    """A value as an export writes it: bare if nothing in it could mean anything, else between quotes."""
    if BARE.fullmatch(text):
        return text
    return '"' + "".join(chr(o) if o in PLAIN else SIGNS.get(o, f"\\{o:02X}") for o in octets_of(text)) + '"'


def text(router: "SimulatedRouterOS", factory: Factory, under: str, *, show_sensitive: bool) -> str:
    """The script that makes a router's configuration of the factory's, or only of the menus under a path."""
    lines = list(_header(router))
    for path in _in_order(router.menus):
        if path in UNTOLD or router.menus[path].ram or not (path == under or path.startswith(f"{under}/")):
            continue
        statements = list(_statements(router, factory, router.menus[path], show_sensitive=show_sensitive))
        if statements:
            lines += [path.replace("/", " ").replace(" ", "/", 1), *map(_wrapped, statements)]
    return "\n".join([*lines, ""])


def write(router: "SimulatedRouterOS", name: str, script: str) -> None:
    name = name if name.endswith(".rsc") else f"{name}.rsc"
    router.files.write(name, octets_of(script), modified=router.local_time())


def action(factory: Factory) -> Action:
    """The command of the API, which has nothing to print on: it only writes a file."""

    def export(call: Call) -> Result:
        if "file" in call.arguments:
            shows = "show-sensitive" in call.arguments and "sensitive" in call.session.policies
            write(call.router, call.arguments["file"], text(call.router, factory, "", show_sensitive=shows))
        return Result()

    return export


def _header(router: "SimulatedRouterOS") -> Iterator[str]:
    yield f"# {router.local_time()} by RouterOS {router.version_text}"
    yield f"# software id = {router.software_id}"
    yield "#"
    yield f"# model = {router.board.name}"
    yield f"# serial number = {router.serial}"


def _in_order(menus: Mapping[str, Menu]) -> list[str]:
    """Every menu behind those whose rows it names, as far as they don't name each other."""
    order: dict[str, None] = {}
    for path in menus:
        _place(path, menus, order, frozenset())
    return list(order)


def _place(path: str, menus: Mapping[str, Menu], order: dict[str, None], waiting: frozenset[str]) -> None:
    if path in order or path in waiting:
        return
    named = {menu for attribute in menus[path].attributes.values() for menu in attribute.type.menus}
    kinds = [each for each, menu in menus.items() if menu.interface] if INTERFACES in named else []
    for other in [*kinds, *sorted(named & menus.keys())]:
        _place(other, menus, order, waiting | {path})
    order[path] = None


def _statements(
    router: "SimulatedRouterOS", factory: Factory, menu: Menu, *, show_sensitive: bool
) -> Iterator[list[str]]:
    """The commands of one menu, each as its words."""
    if menu.kind is Kind.DIRECTORY or not menu.attributes:
        return
    originals = [row for row in factory.rows(menu.path) if row.builtin or menu.kind is Kind.SINGLETON]
    for number, row in enumerate(router.config.rows(menu.path)):
        if row.dynamic:
            continue
        original = None
        if row.builtin or menu.kind is Kind.SINGLETON:
            original = originals.pop(0) if originals else Row(0)
        words = list(_words(router, menu, row, original, show_sensitive=show_sensitive))
        if original is None:
            yield ["add", *words]
        elif words:
            yield ["set", *_naming(menu, original, number), *words]


def _naming(menu: Menu, original: Row, number: int) -> list[str]:
    """How a row that was always there is found on another router."""
    if menu.kind is Kind.SINGLETON:
        return []
    if "default-name" in original.outputs:
        return [f"[ find default-name={original.outputs['default-name']} ]"]
    if "name" in original.fields:
        return [f"[ find name={quoted(original.fields['name'])} ]"]
    return [quoted(original.outputs["name"])] if "name" in original.outputs else [str(number)]


def _words(
    router: "SimulatedRouterOS", menu: Menu, row: Row, original: Row | None, *, show_sensitive: bool
) -> Iterator[str]:
    before = original.fields if original else {}
    for name, attribute in sorted(menu.known(router.version).items()):
        value = row.fields.get(name, attribute.default) or ""
        usual = before.get(name, attribute.default) or ""
        is_hidden = "hidden" in attribute.marks or ("sensitive" in attribute.marks and not show_sensitive)
        if is_hidden or (value == usual and not (attribute.required and original is None)):
            continue
        yield f"{name}={quoted(WORDS.get(value, value) if attribute.type.read is read_bool else value)}"


def _wrapped(words: list[str]) -> str:
    """Words in lines of a console's width."""
    lines = [""]
    for word in words:
        if lines[-1].strip() and len(lines[-1]) + 1 + len(word) > WIDTH:
            lines[-1] += " \\"
            lines.append(INDENT + word)
        else:
            lines[-1] += f" {word}" if lines[-1].strip() else word
    return "\n".join(lines)
