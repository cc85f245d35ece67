"""The menus of the simulated RouterOS, read once from ``tables/*.toml``."""

import tomllib
from functools import cache
from importlib.resources import files

from hotspot.simulator.routeros.table import Menu, Version, parse_menus

TABLES = ("words", "interface", "wifi", "system", "user", "ip", "firewall", "hotspot", "tool")


@cache
def all_menus() -> dict[str, Menu]:
    """Every menu that any version has."""
    document: dict[str, dict[str, object]] = {"words": {}, "groups": {}, "menus": {}}
    for name in TABLES:
        text = files("hotspot.simulator.routeros").joinpath(f"tables/{name}.toml").read_text()
        for part, entries in tomllib.loads(text).items():
            document[part] |= entries
    return parse_menus(document)


def menus_of(version: Version, packages: frozenset[str]) -> dict[str, Menu]:
    """The menus that a router of this version with these packages has."""
    return {
        path: menu
        for path, menu in all_menus().items()
        if menu.span.knows(version) and (not menu.package or menu.package in packages)
    }


def prefixes_of(menus: dict[str, Menu]) -> frozenset[str]:
    """Every menu and everything above one."""
    return frozenset(path[:cut] for path in menus for cut in range(len(path) + 1) if path[cut : cut + 1] in {"", "/"})
