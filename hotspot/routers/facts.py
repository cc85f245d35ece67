"""What a router says of itself before it is configured, and what of that a person must act on."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Interface, IPv4Network
from typing import Final

from hotspot.routers.connection import Connection
from hotspot.routers.forms import TRUE
from hotspot.routers.menus import FLOOR, MARK, Row, read_version, write_version
from hotspot.routers.values import RouterFacts

GUESTS: Final = {0: 1, 1: 1, 3: 1, 4: 200, 5: 500}  # at once, by licence level; 6 has no limit
CLOCK_MAY_DIFFER: Final = timedelta(minutes=5)
HALF_THOUSAND: Final = 5  # the level that lets in 500
SMALLEST: Final = "smips"  # the architecture of boxes with so little storage that
HOTSPOT_APART: Final = (7, 20)  # since this version the hotspot is a package of its own on them
DEFAULT_ROUTE: Final = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person must know; with `stops` nothing is configured until they have acted."""

    words: str
    stops: bool = True


def facts_of(connection: Connection) -> RouterFacts:
    resource = _first(connection, "/system/resource", "version", "board-name", "architecture-name")
    features = _first(connection, "/system/device-mode")
    level = _first(connection, "/system/license", "nlevel", "level")
    files = connection.read("/file", ["name"])
    interfaces = connection.read("/interface", ["name", "type", "default-name"])
    return RouterFacts(
        version=read_version(resource.get("version", "")),
        model=resource.get("board-name", ""),
        packages=frozenset(
            row.get("name", "")
            for row in connection.read("/system/package", ["name", "disabled", "available"])
            if row.get("disabled") not in TRUE and row.get("available") not in TRUE
        ),
        interfaces={row["name"]: row.get("type", "") for row in interfaces if "name" in row},
        uplinks=frozenset(_uplinks(connection)),
        networks=tuple(_networks(connection)),
        virtual=frozenset(_virtual(interfaces)),
        has_flash=any(row.get("name", "").split("/")[0] == "flash" for row in files),
        device_mode={name: text in TRUE for name, text in features.items() if text in TRUE | {"false", "no"}},
        licence=_number(level.get("nlevel", level.get("level", ""))),
        architecture=resource.get("architecture-name", ""),
    )


def clock_error(connection: Connection, now: datetime) -> timedelta | None:
    """Return how far the router's clock is off; None where it can't be read."""
    said = _first(connection, "/system/clock", "date", "time", "gmt-offset")
    try:
        there = datetime.fromisoformat(f"{said.get('date', '')}T{said.get('time', '')}{said.get('gmt-offset', '')}")
        return abs(there - now)
    except (ValueError, TypeError):  # of another form, or without its zone
        return None


def preflight(facts: RouterFacts, clock_off: timedelta | None, guests: IPv4Network | None = None) -> list[Finding]:
    """Say what a person must do, and where; `guests` is the network that the site's guests shall have."""
    return list(_findings(facts, clock_off, guests))


def _findings(facts: RouterFacts, clock_off: timedelta | None, guests: IPv4Network | None) -> Iterator[Finding]:
    yield from _software(facts)
    yield from _licence(facts.licence)
    for network, interface in facts.networks:
        if guests is not None and guests.overlaps(network):
            line = ", its way to the controller" if interface in facts.uplinks else ""
            yield Finding(
                f"The guests' network {guests} overlaps {network} on {interface}{line}: give its site another one, setting guest_network",
                stops=False,
            )
    if clock_off is not None and clock_off > CLOCK_MAY_DIFFER:
        yield Finding(
            f"Its clock is off by {clock_off}; the plan sets a time server. If it stays so, let the router reach one: setting "
            "ntp_servers, UDP port 123",
            stops=False,
        )


def _software(facts: RouterFacts) -> Iterator[Finding]:
    """RouterOS, its packages, and what it is allowed to do."""
    has = write_version(facts.version)
    if facts.version < FLOOR:
        yield Finding(
            f"It has RouterOS {has or 'of an unknown version'} and needs {write_version(FLOOR)} or newer: upgrade it first, in its "
            "terminal with /system/package/update/install"
        )
    elif facts.architecture == SMALLEST and facts.version >= HOTSPOT_APART and "hotspot" not in facts.packages:
        yield Finding(
            f"It lacks the package hotspot, which stands apart on this kind of box since RouterOS {write_version(HOTSPOT_APART)}: put "
            f"hotspot-{has}-{SMALLEST}.npk of MikroTik's extra packages among its files and restart it"
        )
    if facts.device_mode.get("hotspot") is False:
        yield Finding(
            "device-mode forbids the hotspot: enter /system/device-mode/update hotspot=yes in its terminal and press the "
            "button on the box within 5 minutes, or take it off power and back on; it restarts, then plan again"
        )
    if not facts.radios:
        yield Finding(
            "It shows no radio: if the box has one, the package of its driver is missing; put it among its files and restart it, "
            "wifi-qcom, wifi-qcom-ac or wireless by its model",
            stops=False,
        )


def _licence(level: int | None) -> Iterator[Finding]:
    guests = GUESTS.get(level) if level is not None else None
    if guests is not None:
        several = "one guest" if guests == 1 else f"{guests} guests"
        more = "5 or 6" if level != HALF_THOUSAND else "6"
        yield Finding(
            f"Its licence (level {level}) lets in {several} at once; for more, enter a key of level {more} (/system/license)",
            stops=False,
        )


def _first(connection: Connection, menu: str, *names: str) -> Row:
    rows = connection.call(menu, "print", {".proplist": ",".join(names)} if names else {})
    return rows[0] if rows else {}


def _uplinks(connection: Connection) -> Iterator[str]:
    """Name the interfaces by which the router reaches the world, and through it the controller."""
    for row in connection.read("/ip/route", ["dst-address", "gateway", "immediate-gw", "disabled"]):
        if row.get("dst-address") == DEFAULT_ROUTE and row.get("disabled") not in TRUE:
            for gateway in (row.get("immediate-gw", ""), row.get("gateway", "")):
                yield from ([gateway.rpartition("%")[2]] if gateway else [])
    for row in connection.read("/ip/dhcp-client", ["interface", "disabled"]):
        if "interface" in row and row.get("disabled") not in TRUE:
            yield row["interface"]


def _networks(connection: Connection) -> Iterator[tuple[IPv4Network, str]]:
    for row in connection.read("/ip/address", ["address", "interface", "disabled", "comment"]):
        if row.get("disabled") in TRUE or row.get("comment", "").startswith(MARK):
            continue
        with suppress(ValueError):  # nobody's network
            yield IPv4Interface(row.get("address", "")).network, row.get("interface", "")


def _virtual(interfaces: Sequence[Row]) -> Iterator[str]:
    """Name the radios' networks that somebody made beside them: they have no name from the factory, where the router tells any."""
    if any(row.get("default-name") for row in interfaces):
        yield from (row.get("name", "") for row in interfaces if not row.get("default-name"))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else None
