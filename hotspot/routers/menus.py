"""The RouterOS menus we manage, in dependency order: what a row refers to stands in a menu before its own.

A row is ours when it carries our mark: its comment begins with ``hotspot:<role>``, or, where rows can't have a comment, the value of its
key begins with ``hotspot-`` (a file's path with the folder ``hotspot-pages/``, after ``flash/``). Rows of a fixed menu (services, radios) and singletons are the
router's own; there we set what a router config declares and nothing else. Versions are named where they lie above `FLOOR`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hotspot.routers.forms import TRUE, Form, canonical

Version = tuple[int, ...]
Row = Mapping[str, str]  # as the API prints it, ".id" included

FLOOR: Final[Version] = (7, 19, 2)  # the oldest RouterOS we configure: 7.19.2 closed CVE-2025-6563
MARK: Final = "hotspot:"
NAME_MARK: Final = "hotspot-"
LOGIN_CERTIFICATES: Final = "hotspot-login-"
PAGES: Final = "hotspot-pages/"  # no wider: backups and certificates lie among the files, too
FLASH: Final = "flash/"
ENROLMENTS: Final = frozenset(
    {"tunnel", "controller"}
)  # roles of rows that enrolment made and that no config may touch
CODE: Final = frozenset({"on-event", "on-login", "on-logout", "on-up", "on-down", "script", "lease-script", "source"})


def read_version(text: str) -> Version:
    """Read "7.19.4 (stable)"; an unreadable text is older than everything."""
    found = re.match(r"\d{1,3}(?:\.\d{1,3}){1,2}", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def write_version(version: Version) -> str:
    return ".".join(str(part) for part in version)


class Kind(StrEnum):
    """How rows come to be in a menu."""

    LIST = "list"  # ours to add and remove
    FIXED = "fixed"  # the router's own rows, found by their key
    SINGLETON = "singleton"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: how its values are written, what the router has when nobody said anything, and since which version it exists.

    `refers` is the menu whose rows it names. A secret is never shown; routers hide it from users without the policy "sensitive".
    What `may_be_empty` has an empty value that says something: a radio without ways to authenticate is open, whatever its profile says.
    """

    form: Form = Form.TEXT
    default: str = ""
    since: Version = ()
    until: Version = ()
    refers: str = ""
    secret: bool = False
    may_be_empty: bool = False

    def same(self, value: str, other: str) -> bool:
        return self.canonical(value) == self.canonical(other)

    def canonical(self, value: str) -> str:
        return canonical(self.form, value or self.default)

    def exists_in(self, version: Version) -> bool:
        return self.since <= version and (not self.until or version < self.until)


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu: `key` names the attributes in which no two rows may be alike; `needs` the radio's driver that brings the menu.

    Rows of an `imported` menu come from files of ours, and no router config has them. In a menu that `gives_way` a row which the router
    made is not in the way of one of ours: a radio is a bridge's port for as long as its datapath names the bridge. Where it `unsets`, an
    attribute can have no value at all, which is not the same as an empty one: a rule without a port.
    """

    path: str
    attributes: Mapping[str, Attribute] = field(repr=False)
    kind: Kind = Kind.LIST
    key: tuple[str, ...] = ()
    ordered: bool = False
    unsets: bool = False
    needs: str = ""
    name_mark: str = NAME_MARK
    imported: bool = False
    gives_way: bool = False

    @property
    def marked_by_comment(self) -> bool:
        comment = self.attributes.get("comment")
        return comment is not None and not comment.since

    @property
    def settable(self) -> tuple[str, ...]:
        """Return the attributes we may send; what a fixed row is called is its own."""
        return tuple(name for name in self.attributes if self.kind is not Kind.FIXED or name not in self.key)

    @property
    def proplist(self) -> tuple[str, ...]:
        """Return what to read of each row: what we know, and who made it."""
        flags = () if self.kind is Kind.SINGLETON else (".id", "dynamic", "default", "builtin")
        return (*flags, *self.attributes)

    def role_of(self, row: Row) -> str | None:
        """Return the role our mark on this row names, or None: not ours."""
        if self.kind is not Kind.LIST or is_the_routers(row):
            return None
        if not self.marked_by_comment:
            name = row.get(self.key[0], "")
            return name if self.bears_mark(name) else None
        words = row.get("comment", "").split(maxsplit=1)
        role = words[0].removeprefix(MARK) if words else ""
        return role if role and words[0].startswith(MARK) else None

    def bears_mark(self, name: str) -> bool:
        return f"{name.removeprefix(FLASH)}/".startswith(self.name_mark)

    def is_unset(self, name: str) -> bool:
        """Tell whether the command ``unset`` takes this attribute's value away; elsewhere its default, or an empty text, is set."""
        attribute = self.attributes[name]
        return self.unsets and not attribute.default and not attribute.may_be_empty

    def key_of(self, row: Row) -> tuple[str, ...] | None:
        """Return the key's values in their one writing; None where rows have no key."""
        return tuple(self.attributes[name].canonical(row.get(name, "")) for name in self.key) or None


def is_the_routers(row: Row) -> bool:
    """Tell whether the router made this row by itself: dynamic or built in."""
    return any(row.get(flag) in TRUE for flag in ("dynamic", "default", "builtin"))


_TEXT = Attribute()
_BOOL = Attribute(Form.BOOL)
_NO = Attribute(Form.BOOL, "no")
_NUMBER = Attribute(Form.NUMBER)
_WORDS = Attribute(Form.WORDS)
_NETWORK = Attribute(Form.NETWORK)
_INTERFACE = Attribute(refers="/interface")
_ROW: Final = {"comment": _TEXT, "disabled": _NO}


def _menus() -> Iterator[Menu]:
    yield Menu("/certificate", {"name": _TEXT}, key=("name",), name_mark=LOGIN_CERTIFICATES, imported=True)
    yield from _system()
    yield from _interfaces()
    yield from _addresses()
    yield from _hotspot()
    yield from _radius()
    yield from _firewall()
    services = {
        "name": _TEXT,
        "address": _WORDS,
        "certificate": Attribute(default="none", refers="/certificate"),
        "disabled": _NO,
        "max-sessions": Attribute(Form.NUMBER, "20"),
        "port": _NUMBER,
        "tls-version": Attribute(default="any"),
    }
    yield Menu("/ip/service", services, Kind.FIXED, key=("name",))
    yield Menu("/tool/mac-server", {"allowed-interface-list": Attribute(default="all")}, Kind.SINGLETON)
    heard = {"discover-interface-list": Attribute(default="static")}
    yield Menu("/ip/neighbor/discovery-settings", heard, Kind.SINGLETON)


def _system() -> Iterator[Menu]:
    yield Menu("/system/identity", {"name": _TEXT}, Kind.SINGLETON)
    clock = {"time-zone-autodetect": Attribute(Form.BOOL, "yes"), "time-zone-name": _TEXT}
    yield Menu("/system/clock", clock, Kind.SINGLETON)
    ntp = {"enabled": _NO, "mode": Attribute(default="unicast"), "servers": Attribute(Form.LIST)}
    yield Menu("/system/ntp/client", ntp, Kind.SINGLETON)


def _interfaces() -> Iterator[Menu]:
    bridge = {"name": _TEXT, "arp": Attribute(default="enabled"), "protocol-mode": Attribute(default="rstp"), **_ROW}
    yield Menu("/interface/bridge", bridge, key=("name",))
    wifi = {
        "name": _TEXT,
        "configuration.mode": _TEXT,
        "configuration.ssid": _TEXT,
        "configuration.country": _TEXT,
        "security": Attribute(since=(7, 21, 5)),
        "security.authentication-types": Attribute(Form.WORDS, may_be_empty=True),
        "security.passphrase": Attribute(secret=True),
        "security.multi-passphrase-group": _TEXT,
        "security.ft": _TEXT,
        "security.owe-transition-interface": _TEXT,
        "datapath.bridge": Attribute(default="none", refers="/interface/bridge"),
        "datapath.client-isolation": _BOOL,
        "disabled": _NO,
    }
    yield Menu("/interface/wifi", wifi, Kind.FIXED, key=("name",), unsets=True, needs="wifi")
    security = {"name": _TEXT, "mode": Attribute(default="none"), "comment": _TEXT}
    yield Menu("/interface/wireless/security-profiles", security, key=("name",), needs="wireless")
    wireless = {
        "name": _TEXT,
        "mode": _TEXT,
        "ssid": _TEXT,
        "country": _TEXT,
        "frequency-mode": _TEXT,
        "security-profile": Attribute(default="default", refers="/interface/wireless/security-profiles"),
        "default-forwarding": Attribute(Form.BOOL, "yes"),
        "disabled": _NO,
    }
    yield Menu("/interface/wireless", wireless, Kind.FIXED, key=("name",), needs="wireless")
    port = {
        "bridge": Attribute(refers="/interface/bridge"),
        "interface": _INTERFACE,
        "horizon": Attribute(default="none"),
        **_ROW,
    }
    yield Menu("/interface/bridge/port", port, key=("interface",), gives_way=True)


def _addresses() -> Iterator[Menu]:
    address = {"address": Attribute(Form.ADDRESS), "interface": _INTERFACE, **_ROW}
    yield Menu("/ip/address", address, key=("address",))
    pool = {"name": _TEXT, "ranges": Attribute(Form.LIST), "comment": _TEXT}
    yield Menu("/ip/pool", pool, key=("name",))
    option = {"name": _TEXT, "code": _NUMBER, "value": _TEXT, "force": _NO, "comment": _TEXT}
    yield Menu("/ip/dhcp-server/option", option, key=("name",))
    sets = {
        "name": _TEXT,
        "options": Attribute(Form.LIST, refers="/ip/dhcp-server/option"),
        "comment": Attribute(since=(7, 23, 3)),
    }
    yield Menu("/ip/dhcp-server/option/sets", sets, key=("name",))
    server = {
        "name": _TEXT,
        "interface": _INTERFACE,
        "address-pool": Attribute(default="static-only", refers="/ip/pool"),
        "lease-time": Attribute(Form.DURATION, "30m"),
        **_ROW,
    }
    yield Menu("/ip/dhcp-server", server, key=("name",))
    network = {
        "address": _NETWORK,
        "gateway": Attribute(Form.LIST),
        "dns-server": Attribute(Form.LIST),
        "dhcp-option-set": Attribute(default="none", refers="/ip/dhcp-server/option/sets"),
        "comment": _TEXT,
    }
    yield Menu("/ip/dhcp-server/network", network, key=("address",))
    dns = {"servers": Attribute(Form.LIST), "allow-remote-requests": _NO}
    yield Menu("/ip/dns", dns, Kind.SINGLETON)
    yield Menu("/file", {"name": _TEXT, "type": _TEXT, "contents": _TEXT}, key=("name",), name_mark=PAGES)


def _hotspot() -> Iterator[Menu]:
    profile = {
        "name": _TEXT,
        "hotspot-address": Attribute(default="0.0.0.0"),  # noqa: S104  (RouterOS' word for none)
        "dns-name": _TEXT,
        "html-directory-override": _TEXT,
        "login-by": Attribute(Form.WORDS, "cookie,http-chap"),
        "mac-auth-mode": Attribute(default="mac-as-username"),
        "nas-port-type": Attribute(default="wireless-802.11"),
        "radius-accounting": Attribute(Form.BOOL, "yes"),
        "radius-interim-update": Attribute(Form.DURATION, "received"),
        "radius-mac-format": Attribute(default="XX:XX:XX:XX:XX:XX"),
        "ssl-certificate": Attribute(default="none", refers="/certificate"),
        "use-radius": _NO,
    }
    yield Menu("/ip/hotspot/profile", profile, key=("name",))
    user_profile = {
        "name": _TEXT,
        "add-mac-cookie": Attribute(Form.BOOL, "yes"),
        "idle-timeout": Attribute(Form.DURATION, "none"),
        "keepalive-timeout": Attribute(Form.DURATION, "2m"),
        "shared-users": Attribute(default="1"),
    }
    yield Menu("/ip/hotspot/user/profile", user_profile, Kind.FIXED, key=("name",))
    server = {
        "name": _TEXT,
        "interface": _INTERFACE,
        "address-pool": Attribute(default="none", refers="/ip/pool"),
        "profile": Attribute(default="default", refers="/ip/hotspot/profile"),
        "addresses-per-mac": Attribute(default="2"),
        "disabled": Attribute(Form.BOOL, "yes"),
    }
    yield Menu("/ip/hotspot", server, key=("name",))
    garden = {
        "action": Attribute(default="accept"),
        "dst-host": _TEXT,
        "dst-port": _TEXT,
        "protocol": _TEXT,
        **_ROW,
    }
    yield Menu("/ip/hotspot/walled-garden/ip", garden, ordered=True, unsets=True)


def _radius() -> Iterator[Menu]:
    radius = {
        "service": _WORDS,
        "address": _TEXT,
        "secret": Attribute(secret=True),
        "authentication-port": Attribute(Form.NUMBER, "1812"),
        "accounting-port": Attribute(Form.NUMBER, "1813"),
        "src-address": _NETWORK,
        "timeout": Attribute(Form.DURATION),
        "require-message-auth": Attribute(default="yes-for-request-resp"),
        **_ROW,
    }
    yield Menu("/radius", radius, key=("address", "service"), ordered=True)
    yield Menu("/radius/incoming", {"accept": _NO, "port": _NUMBER}, Kind.SINGLETON)


def _firewall() -> Iterator[Menu]:
    matchers = {
        "chain": _TEXT,
        "action": Attribute(default="accept"),
        "dst-address": _NETWORK,
        "dst-port": _WORDS,
        "in-interface": _INTERFACE,
        "out-interface": _INTERFACE,
        "protocol": _TEXT,
        "src-address": _NETWORK,
        **_ROW,
    }
    yield Menu("/ip/firewall/filter", {**matchers, "connection-state": _WORDS}, ordered=True, unsets=True)
    yield Menu("/ip/firewall/nat", matchers, ordered=True, unsets=True)


MENUS: Final[Mapping[str, Menu]] = {menu.path: menu for menu in _menus()}
