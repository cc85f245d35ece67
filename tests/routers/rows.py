"""A router as rows in memory, for what is pure: it takes changes and prints its rows back as RouterOS would."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from hotspot.paths import shipped
from hotspot.routers.changes import Add, Change, Move, Remove, Set, fields_to_send, find
from hotspot.routers.configs import load
from hotspot.routers.desired import Desired, desire
from hotspot.routers.forms import Form
from hotspot.routers.menus import MENUS, Kind, Menu, Row, Version, is_the_routers
from hotspot.routers.values import (
    Controller,
    LoginPage,
    RouterFacts,
    RouterIdentity,
    Values,
    controller_values,
    router_values,
    site_values,
)
from hotspot.sites.settings import Given, inherit

CONFIGS = load(shipped("router_configs"))
SECRET = "a-secret-of-thirty-two-characters"
CERTIFICATE = "hotspot-login-0123456789abcdef"
GERUNGGANG = "Gerunggang (19.71.05)"
WIFI = {"ether1": "ether", "ether2": "ether", "wifi1": "wifi", "wifi2": "wifi", "hotspot": "wg"}
WIRELESS = {"ether1": "ether", "ether2": "ether", "wlan1": "wlan", "hotspot": "wg"}
NO_RADIO = {"ether1": "ether", "ether2": "ether", "hotspot": "wg"}
SERVICES = ("telnet", "ftp", "www", "ssh", "www-ssl", "api", "winbox", "api-ssl")
API_SSL = {"address": "10.90.0.1/32", "certificate": "hotspot-api", "tls-version": "only-1.2"}  # as enrolment leaves it


def facts(
    version: Version = (7, 19, 4), interfaces: Mapping[str, str] = WIFI, *, has_flash: bool = False
) -> RouterFacts:
    return RouterFacts(version, interfaces=interfaces, uplinks=frozenset({"ether1", "hotspot"}), has_flash=has_flash)


def values(box: RouterFacts | None = None, *, certificate: str = "", **given: object) -> Values:
    """The holes' values for router hs-1; `given` are settings, said for Gerunggang."""
    settings = inherit(Given(key, value, "19.71.05", GERUNGGANG) for key, value in given.items())
    identity = RouterIdentity("hs-1", IPv4Address("10.90.0.17"), SECRET, 3799, login_page(certificate))
    controller = Controller(
        IPv4Address("10.90.0.1"),
        (IPv4Address("10.90.0.1"), IPv4Address("10.90.0.2")),
        "https://wifi.example.org/p/alun-alun",
        "wifi.example.org",
        443,
        "Asia/Jakarta",
    )
    return {
        **site_values(settings.values.model_dump(), settings.places),
        **router_values(identity, box or facts()),
        **controller_values(controller),
    }


def desired(box: RouterFacts | None = None, *, certificate: str = "", **given: object) -> Desired:
    box = box or facts()
    filled = values(box, certificate=certificate, **given)
    return desire(CONFIGS.items, filled, box, CONFIGS.pages, login_page(certificate))


def login_page(certificate: str) -> LoginPage:
    if not certificate:
        return LoginPage()
    return LoginPage(
        host="login.example.org",
        certificates=(certificate,),
        said="certificate wifi-kota, valid until 2026-05-31",
        host_said=GERUNGGANG,
        api="https://login.example.org/api",
    )


class Box:
    """The rows of a router's managed menus. Writing checks what a router checks: the row is there, its key is free."""

    def __init__(self, interfaces: Mapping[str, str] = WIFI, rows: Mapping[str, Iterable[Row]] | None = None) -> None:
        self._next = 1
        self.rows: dict[str, list[dict[str, str]]] = {path: [] for path in MENUS}
        for path, menu in MENUS.items():
            if menu.kind is Kind.SINGLETON:
                self.rows[path].append({})
        for name, kind in interfaces.items():
            if kind in {"wifi", "wlan"}:
                self.put("/interface/wifi" if kind == "wifi" else "/interface/wireless", name=name)
        for name in SERVICES:
            self.put("/ip/service", name=name)
        self.rows["/ip/service"][-1].update(API_SSL)
        self.put("/ip/service", name="api-ssl", dynamic="true")  # a connection, as 7.19 lists them
        self.put("/ip/hotspot/user/profile", name="default", default="true")
        for path, more in (rows or {}).items():
            for row in more:
                self.put(path, **row)

    def put(self, path: str, /, **fields: str) -> str:
        """Have a row from the start, or as somebody made it by hand."""
        number = f"*{self._next:X}"
        self._next += 1
        self.rows[path].append({".id": number, **{name.replace("_", "-"): text for name, text in fields.items()}})
        return number

    @property
    def actual(self) -> dict[str, list[Row]]:
        """Every row as the API prints it."""
        return {path: [_printed(MENUS[path], row) for row in rows] for path, rows in self.rows.items()}

    def apply(self, changes: Sequence[Change], wanted: Desired) -> None:
        for change in changes:
            match change:
                case Add():
                    self._add(change, fields_to_send(change, wanted))
                case Set():
                    self._set(change, fields_to_send(change, wanted) if wanted.rows else dict(change.fields))
                case Move():
                    row = self._take(change.menu, self._number(change))
                    self._insert(change.menu, row, change)
                case Remove():
                    self._take(change.menu, self._number(change))

    def _add(self, change: Add, fields: dict[str, str]) -> None:
        self._check_key(MENUS[change.menu], fields, None)
        row = {".id": f"*{self._next:X}", **fields}
        self._next += 1
        self._insert(change.menu, row, change)

    def _set(self, change: Set, fields: dict[str, str]) -> None:
        menu = MENUS[change.menu]
        row = self.rows[change.menu][0] if menu.kind is Kind.SINGLETON else self._row(change.menu, self._number(change))
        assert menu.kind is not Kind.LIST or not is_the_routers(row), f"{change} touches what the router made"
        row.update(fields)
        for name in {*change.unset, *(name for name, text in fields.items() if not text)}:
            row.pop(name, None)
        self._check_key(menu, row, row)

    def _number(self, change: Set | Move | Remove) -> str:
        number = find(change.target, self.actual[change.menu])
        assert number is not None, f"{change} is about a row that isn't there"
        return number

    def _row(self, path: str, number: str) -> dict[str, str]:
        return next(row for row in self.rows[path] if row[".id"] == number)

    def _take(self, path: str, number: str) -> dict[str, str]:
        row = self._row(path, number)
        assert not is_the_routers(row)
        self.rows[path].remove(row)
        return row

    def _insert(self, path: str, row: dict[str, str], change: Add | Move) -> None:
        rows = self.rows[path]
        number = find(change.before, self.actual[path]) if change.before else None
        assert change.before is None or number is not None, f"{change} stands before a row that isn't there"
        rows.insert(next((at for at, other in enumerate(rows) if other[".id"] == number), len(rows)), row)

    def _check_key(self, menu: Menu, fields: Row, own: Row | None) -> None:
        if menu.key and menu.kind is Kind.LIST:
            taken = [menu.key_of(row) for row in self.rows[menu.path] if row is not own]
            assert menu.key_of(fields) not in taken, f"{menu.path} has {fields} already"


def _printed(menu: Menu, row: Row) -> Row:
    """Defaults are printed, bools as true and false, times in RouterOS' writing, words in an order of its own."""
    printed = {name: attribute.default for name, attribute in menu.attributes.items() if attribute.default} | dict(row)
    for name, attribute in menu.attributes.items():
        if printed.get(name) and attribute.form is not Form.TEXT:
            printed[name] = attribute.canonical(printed[name])
        if attribute.form is Form.BOOL and printed.get(name):
            printed[name] = {"yes": "true", "no": "false"}[printed[name]]
        if attribute.form is Form.WORDS and printed.get(name):
            printed[name] = ",".join(reversed(printed[name].split(",")))
    return printed


def without_numbers(box: Box) -> dict[str, list[dict[str, str]]]:
    """Every row as printed, in its order where the menu has one; the router's own have no fixed place there."""
    printed = {}
    for path, rows in box.actual.items():
        ordered = MENUS[path].ordered
        plain = [
            {name: text for name, text in row.items() if name != ".id"}
            for row in rows
            if not (ordered and is_the_routers(row))
        ]
        printed[path] = plain if ordered else sorted(plain, key=lambda row: sorted(row.items()))
    return printed


SHARED = Path(__file__).resolve().parents[3] / "shared"
