"""Router configs, the values of a site and the facts of a router → the rows that its menus should hold. Pure.

What this router can't have is left out and said so, in words for the person who reads the plan. What a config says wrongly is an error:
a plan made from half a config would take the other half away.
"""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote

from hotspot.errors import Invalid
from hotspot.routers.handover import CERTIFICATE
from hotspot.routers.items import CONDITIONS, EACH, HOLE, VERSION, Item
from hotspot.routers.menus import MARK, MENUS, Attribute, Kind, Menu, read_version, write_version
from hotspot.routers.values import LoginPage, RouterFacts, Value, Values

LONGEST: Final = 255  # characters of a filled-in field
NO_LOGIN_PAGE: Final = LoginPage()
PORTAL_URL: Final = "{portal_url}"  # the one placeholder of the pages


class BadValue(Invalid):
    """{key}, from {source}, can't be given to a router: {problem}"""


@dataclass(frozen=True, slots=True)
class DesiredRow:
    """One row as it should be. `mark` is the comment or the key's value that makes it ours; "" in menus that are the router's own.

    `sources` says for each field with a value from outside who said so.
    """

    menu: str
    name: str
    mark: str
    fields: Mapping[str, str] = field(repr=False)
    sources: Mapping[str, str] = field(repr=False, default_factory=dict)
    place: str = "last"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something the configs want and this router can't have."""

    menu: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.menu} {self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired state: rows in the menus' dependency order; `menus` are all that are compared, also those without rows.

    `uplinks` and `line_networks` are what must not be cut: how the router reaches the controller.
    """

    rows: tuple[DesiredRow, ...]
    left_out: tuple[LeftOut, ...] = ()
    menus: tuple[str, ...] = ()
    uplinks: frozenset[str] = frozenset()
    line_networks: tuple[IPv4Network, ...] = ()

    def of(self, menu: str) -> list[DesiredRow]:
        return [row for row in self.rows if row.menu == menu]


def desire(
    items: Sequence[Item],
    values: Values,
    facts: RouterFacts,
    pages: Mapping[str, str] | None = None,
    login: LoginPage = NO_LOGIN_PAGE,
) -> Desired:
    """Fill the configs with the values for this router. `pages` maps "folder/file" to its text, for /file.

    The certificates of its log-in page are rows that no config names: they come with what `login` says.

    Raises:
        BadConfig: an item that can't be used with these values, such as a hole that nothing fills.
        BadValue: a value that no router may be given.
    """
    _raise_if_guests_hold_the_controller(values)
    filling = _Filling(values, facts, pages or {}, login.lack)
    menus = tuple(path for path, menu in MENUS.items() if menu.needs in {"", facts.wifi})
    made = [row for path in menus for row in filling.rows_of([item for item in items if item.menu.path == path])]
    made[:0] = _certificates(login)
    rows = tuple(_with_their_interfaces(made, facts, filling.left_out))
    _raise_unless_references_hold(rows, items)
    return Desired(rows, tuple(filling.left_out), menus, facts.uplinks, facts.line_networks)


def _certificates(login: LoginPage) -> Iterator[DesiredRow]:
    for number, name in enumerate(login.certificates):
        role = f"login-issuer-{number}" if number else "login"
        yield DesiredRow("/certificate", role, name, {"name": name}, {"name": login.said})


def _raise_if_guests_hold_the_controller(values: Values) -> None:
    """Refuse guests' addresses among which is the controller's: the router would look for it among its guests."""
    network, controller = values.get("guest.network"), values.get("controller.address")
    if network and controller and ip_address(str(controller.text)) in ip_network(str(network.text)):
        problem = f"the controller's own address {controller.text} lies in {network.text}"
        raise BadValue(key="guest_network", source=network.source, problem=problem)


class _Filling:
    """Fills items; collects what is left out."""

    def __init__(self, values: Values, facts: RouterFacts, pages: Mapping[str, str], no_certificate: str) -> None:
        self._values, self._facts, self._pages, self._no_certificate = values, facts, pages, no_certificate
        self.left_out: list[LeftOut] = []

    def rows_of(self, items: Iterable[Item]) -> Iterator[DesiredRow]:
        """Make the rows of one menu; items of one name make one row, and it exists if the first of them is chosen.

        What only the others would say is cleared, so that nothing is left of them where they were chosen once.
        """
        named: dict[str, list[Item]] = {}
        for item in items:
            named.setdefault(item.name, []).append(item)
        for same in named.values():
            chosen = [item for item in same if self._is_chosen(item)]
            if chosen and chosen[0] is same[0]:
                yield from self._repeated(chosen, self._cleared(same))

    def _cleared(self, items: Iterable[Item]) -> dict[str, str]:
        attributes = {name: item.menu.attributes[name] for item in items for name in item.fields}
        return {name: each.default for name, each in attributes.items() if each.exists_in(self._facts.version)}

    def _is_chosen(self, item: Item) -> bool:
        if not all(self._holds(condition) for condition in item.when):
            return False
        lacking = [condition for condition in item.needs if not self._holds(condition)]
        for condition in lacking:
            self._leave_out(item, self._lack(condition))
        return not lacking

    def _holds(self, condition: str) -> bool:
        if VERSION.fullmatch(condition):
            return self._facts.version >= read_version(condition)
        if condition == "certificate":
            return all(self._values.get(key, _NOTHING).text for key in ("router.certificate", "router.login_host"))
        if condition == "captive-api":
            return bool(self._values.get("router.captive_api", _NOTHING).text)
        return self._facts.wifi == condition

    def _lack(self, condition: str) -> str:
        if VERSION.fullmatch(condition):
            return f"needs RouterOS {condition}, this one has {write_version(self._facts.version)}"
        if condition == "captive-api" and not self._holds("certificate"):
            condition = "certificate"
        if condition == "certificate" and self._no_certificate:
            return self._no_certificate
        return f"needs {CONDITIONS[condition]}, this router has none"

    def _leave_out(self, item: Item, why: str) -> None:
        self.left_out.append(LeftOut(item.menu.path, item.name, why))

    def _repeated(self, items: Sequence[Item], cleared: Mapping[str, str]) -> Iterator[DesiredRow]:
        first = items[0]
        if not first.each:
            yield from self._row(items, first.name, self._values, cleared)
            return
        several = self._values.get(first.each)
        if several is None or isinstance(several.text, str):
            raise first.bad("each", f"{first.each} is no list of values")
        for text in several.text:
            # The mark is read back up to the first blank, so what goes into it is percent-encoded.
            name = f"{first.name}-{quote(text, safe='')}"
            yield from self._row(items, name, {**self._values, EACH: Value(text, several.source)}, cleared)

    def _row(
        self, items: Sequence[Item], name: str, values: Values, cleared: Mapping[str, str]
    ) -> Iterator[DesiredRow]:
        menu, fields, sources = items[0].menu, dict(cleared), {}
        for item in items:
            for attribute, template in item.fields.items():
                if why := _why_not(menu.attributes[attribute], self._facts):
                    self._leave_out(item, f"attribute {attribute} {why}")
                    continue
                text, source = _fill(item, attribute, template, values)
                if not text and template and menu.kind is not Kind.LIST:  # nobody says what it should be
                    fields.pop(attribute, None)
                    continue
                fields[attribute], sources[attribute] = text, source
        sources = {attribute: source for attribute, source in sources.items() if source}
        if items[0].contents:
            yield from self._files(items[0], fields, sources)
            return
        mark = _mark(menu, name, fields)
        if mark.startswith(MARK):
            fields["comment"] = mark
        yield DesiredRow(menu.path, name, mark, fields, sources, items[0].place)

    def _files(self, item: Item, fields: Mapping[str, str], sources: Mapping[str, str]) -> Iterator[DesiredRow]:
        """One row for each page of the folder; the portal's address is filled in as HTML."""
        pages = {name: text for name, text in self._pages.items() if name.startswith(f"{item.contents}/")}
        if not pages:
            raise item.bad("contents", f"there is no file in {item.contents}/")
        portal, source = _fill(item, "contents", "{portal.url}", self._values)
        for page, text in sorted(pages.items()):
            file = page.removeprefix(f"{item.contents}/")
            name = f"{fields['name']}/{file}"
            contents = text.replace(PORTAL_URL, html.escape(portal))
            said = {**sources, "contents": source} if PORTAL_URL in text else sources
            yield DesiredRow("/file", f"{item.name}-{file}", name, {**fields, "name": name, "contents": contents}, said)


_NOTHING: Final = Value("", "")


def _why_not(attribute: Attribute, facts: RouterFacts) -> str:
    if attribute.exists_in(facts.version):
        return ""
    if attribute.since > facts.version:
        return f"needs RouterOS {write_version(attribute.since)}, this one has {write_version(facts.version)}"
    return f"is gone since RouterOS {write_version(attribute.until)}, this one has {write_version(facts.version)}"


def _fill(item: Item, attribute: str, template: str, values: Values) -> tuple[str, str]:
    """Return the text and who said what is in it. Values are put in once: braces inside a value are no holes."""
    sources = []
    parts = HOLE.split(template)  # text, hole, text, hole, …, text
    for at in range(1, len(parts), 2):
        key = parts[at]
        value = values.get(key)
        if value is None:
            raise item.bad(attribute, f"nothing fills {{{key}}}; known are {', '.join(sorted(values))}")
        if not isinstance(value.text, str):
            raise item.bad(attribute, f"{{{key}}} is a list; repeat the item with each")
        if value.secret and not item.menu.attributes[attribute].secret:
            raise item.bad(attribute, f"{{{key}}} is a secret and would be shown here")
        _check(key, value)
        sources.append(value.source)
        parts[at] = value.text
    return "".join(parts), ", ".join(dict.fromkeys(sources))


def _check(key: str, value: Value) -> None:
    problem = ""
    if len(value.text) > LONGEST:
        problem = f"is longer than {LONGEST} characters"
    elif not all(char.isprintable() for char in value.text):
        problem = "has control characters"
    if problem:
        raise BadValue(key=key, source=value.source, problem=problem)


def _mark(menu: Menu, name: str, fields: Mapping[str, str]) -> str:
    if menu.kind is not Kind.LIST:
        return ""
    return f"{MARK}{name}" if menu.marked_by_comment else fields[menu.key[0]]


def _with_their_interfaces(
    rows: Sequence[DesiredRow], facts: RouterFacts, left_out: list[LeftOut]
) -> Iterator[DesiredRow]:
    """Pass on the rows whose interfaces exist or are being made; the others are left out."""
    known = {*facts.interfaces, *(row.fields["name"] for row in rows if row.menu == "/interface/bridge")}
    for row in rows:
        attributes = MENUS[row.menu].attributes
        named = {text.removeprefix("!") for name, text in row.fields.items() if attributes[name].refers == "/interface"}
        missing = sorted(named - known - {""})
        if missing:
            left_out.append(LeftOut(row.menu, row.name, f"this router has no interface {', '.join(missing)}"))
        else:
            yield row


def _raise_unless_references_hold(rows: Sequence[DesiredRow], items: Iterable[Item]) -> None:
    """Refuse a field that names a row of a managed menu which no item makes."""
    made = {(row.menu, row.fields[MENUS[row.menu].key[0]]) for row in rows if MENUS[row.menu].key}
    made.add(("/certificate", CERTIFICATE))  # enrolment made it
    for row in rows:
        for name, text in row.fields.items():
            attribute = MENUS[row.menu].attributes[name]
            if attribute.refers not in MENUS or text in {"", attribute.default}:
                continue
            for part in text.split(","):
                if (attribute.refers, part) not in made:
                    item = next(item for item in items if item.menu.path == row.menu and name in item.fields)
                    raise item.bad(name, f"no item of {attribute.refers} makes a row named {part}")
