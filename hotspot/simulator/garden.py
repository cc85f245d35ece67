"""A hotspot's walled garden: what a device may reach before it has logged in. Pure.

Two lists, each read from the top to the first rule that fits (RouterOS manual, HotSpot): /ip/hotspot/walled-garden/ip stands before
everything, /ip/hotspot/walled-garden behind the proxy that catches plain HTTP. ``dst-host`` fits the whole name, with ``*`` and ``?``; a
leading ``:`` makes it a regular expression. Names aren't looked up here: an address fits only what is asked by address.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from ipaddress import ip_address, ip_network
from typing import Final

HTTP_PORTS: Final = frozenset({80, 3128, 8080})
"""Where an unauthenticated device meets the router's proxy; at every other port it is reset."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row; an empty field fits everything. With `behind_proxy` it counts for plain HTTP alone."""

    accepts: bool = True
    behind_proxy: bool = False
    host: str = ""
    address: str = ""
    port: str = ""
    protocol: str = ""
    method: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a device asks for, by TCP. Method and path are known where the proxy reads them."""

    host: str
    port: int
    method: str = ""
    path: str = ""


def is_free(rules: Iterable[Rule], wanted: Wanted) -> bool:
    """Tell whether it is let through without a log-in."""
    kept = list(rules)
    at_once = next((rule for rule in kept if not rule.behind_proxy and _fits(rule, wanted)), None)
    if at_once is not None:
        return at_once.accepts
    if wanted.port not in HTTP_PORTS or not wanted.method:
        return False
    proxied = next((rule for rule in kept if rule.behind_proxy and _fits(rule, wanted)), None)
    return proxied is not None and proxied.accepts


def _fits(rule: Rule, wanted: Wanted) -> bool:
    return (
        rule.protocol in ("", "tcp", "6")
        and (not rule.method or rule.method == wanted.method)
        and (not rule.host or _like(rule.host, wanted.host))
        and (not rule.path or _like(rule.path, wanted.path))
        and (not rule.port or _negated(rule.port, lambda ports: _among(wanted.port, ports)))
        and (not rule.address or _negated(rule.address, lambda network: _inside(wanted.host, network)))
    )


def _negated(text: str, fits: Callable[[str], bool]) -> bool:
    return not fits(text[1:]) if text.startswith("!") else fits(text)


def _like(pattern: str, text: str) -> bool:
    """A pattern that is no regular expression fits nothing, as a row that the router can't use."""
    try:
        return re.search(pattern[1:], text) is not None if pattern.startswith(":") else _glob(pattern, text)
    except re.error:
        return False


def _glob(pattern: str, text: str) -> bool:
    literal = pattern.lower().replace("[", "[[]")  # brackets mean nothing to RouterOS
    return re.fullmatch(translate(literal), text.lower()) is not None


def _among(port: int, ports: str) -> bool:
    """A port, from-to, or several of them."""
    spans = [part.partition("-") for part in ports.split(",")]
    return any(int(first) <= port <= int(last or first) for first, _, last in spans)


def _inside(host: str, network: str) -> bool:
    """A network, a lone address, or from-to."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    first, dash, last = network.partition("-")
    if dash:
        return int(ip_address(first)) <= int(address) <= int(ip_address(last))
    return address in ip_network(network)
