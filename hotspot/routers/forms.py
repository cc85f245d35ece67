"""How RouterOS writes values: one writing for each value, so that two can be compared.

``300s`` and ``00:05:00`` are both ``5m``, ``true`` is ``yes``, a set of words has no order. What can't be read as the form stays as it
is: it then differs from everything else, and the router will say what it thinks of it.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import ip_address, ip_interface, ip_network
from typing import Final

CLOCK: Final = re.compile(r"(?:(\d{1,9})d ?)?(\d{1,9}):(\d\d):(\d\d)")
SPAN: Final = re.compile(
    r"(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?", re.ASCII
)
UNITS: Final = (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([:.-]?[0-9A-Fa-f]{2}){5}")


TRUE: Final = frozenset({"true", "yes"})
"""How RouterOS says that something is so: by the API, and in scripts."""


class Form(StrEnum):
    """What kind of text an attribute holds."""

    TEXT = "text"
    BOOL = "bool"
    NUMBER = "number"
    DURATION = "duration"
    LIST = "list"  # separated by commas, the order counts
    WORDS = "words"  # separated by commas, the order doesn't count
    MAC = "mac"
    ADDRESS = "address"  # with the length of its network; the host's part stays, as in /ip/address
    NETWORK = "network"  # a prefix, a lone address or from-to, as in a firewall


def canonical(form: Form, text: str) -> str:
    """Return the one writing of the value; a leading ``!`` (a matcher's "not") stays in front."""
    if text.startswith("!") and form is not Form.TEXT:
        return "!" + canonical(form, text[1:])
    return _WRITERS[form](text)


def _bool(text: str) -> str:
    return {"true": "yes", "false": "no"}.get(text, text)


def _number(text: str) -> str:
    return str(int(text)) if text.isascii() and text.isdigit() and len(text) <= 20 else text


def _duration(text: str) -> str:
    """Words such as "none" or "received" stay; a bare number is seconds, as on RouterOS' command line."""
    milliseconds = _milliseconds(text)
    if milliseconds is None:
        return text
    parts = []
    for unit, size in UNITS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _milliseconds(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 20:
        return int(text) * 1000
    if clock := CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
    span = SPAN.fullmatch(text)
    if not text or span is None:
        return None
    return sum(int(part or 0) * size for part, (_, size) in zip(span.groups(), UNITS, strict=True))


def _list(text: str) -> str:
    return ",".join(part.strip() for part in text.split(",")) if text else ""


def _words(text: str) -> str:
    return ",".join(sorted({part.strip() for part in text.split(",")} - {""}))


def _mac(text: str) -> str:
    if not MAC.fullmatch(text):
        return text
    digits = re.sub("[:.-]", "", text).upper()
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def _address(text: str) -> str:
    try:
        return str(ip_interface(text))
    except ValueError:
        return text


def _network(text: str) -> str:
    first, dash, last = text.partition("-")
    try:
        if dash:
            return f"{ip_address(first)}-{ip_address(last)}"
        network = ip_network(text, strict=False)
    except ValueError:
        return text
    return str(network.network_address) if network.num_addresses == 1 else str(network)


_WRITERS: Final[Mapping[Form, Callable[[str], str]]] = {
    Form.TEXT: str,
    Form.BOOL: _bool,
    Form.NUMBER: _number,
    Form.DURATION: _duration,
    Form.LIST: _list,
    Form.WORDS: _words,
    Form.MAC: _mac,
    Form.ADDRESS: _address,
    Form.NETWORK: _network,
}
