"""The types of RouterOS's attributes: text in, the text that the router prints back out. Pure.

A type is written as in the tables: a name (``string``, ``time``), a name with arguments (``int(1..4094)``, ``list(ip)``), words to
choose from, or several of these separated by ``|``: ``none|time``. A value that fits none is refused by `Mismatch`, which says how.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MAC: Final = re.compile(r"([0-9A-Fa-f]{2})[:.-]?" * 5 + r"([0-9A-Fa-f]{2})")
CLOCK: Final = re.compile(r"(?:(\d+)[dw])?(\d{1,3}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?")
SPAN: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
SPAN_MS: Final = (604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
LONGEST_NUMBER: Final = 20
POLICIES: Final = (
    *(
        "local",
        "telnet",
        "ssh",
        "ftp",
        "reboot",
        "read",
        "write",
        "policy",
        "test",
        "winbox",
        "password",
        "web",
        "sniff",
    ),
    *("sensitive", "api", "romon", "rest-api"),
)
TRUE: Final = frozenset({"yes", "true"})
FALSE: Final = frozenset({"no", "false"})


class Mismatch(ValueError):
    """A value that the type doesn't take; `limits` when it was a number outside them, `choice` when it was to be one of some words."""

    def __init__(self, *, choice: bool = False, limits: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.choice = choice
        self.limits = limits


class Facts(Protocol):
    """What a type may have to ask about the router."""

    def name_of(self, menu: str, text: str) -> str | None:
        """The name of the row that a name or an ``*id`` stands for, in a menu."""
        ...


Reader = Callable[[str, Facts, str], str]
"""(text, facts, the value before) → the text that is printed; raises Mismatch."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type and the menus its values may name."""

    read: Reader
    menus: tuple[str, ...] = ()


def read_bool(text: str, _facts: Facts, _before: str) -> str:
    if text in TRUE:
        return "true"
    if text in FALSE:
        return "false"
    raise Mismatch(choice=True)


def read_string(text: str, _facts: Facts, _before: str) -> str:
    return text


def milliseconds(text: str) -> int:
    """Read a time as the console takes it: ``300``, ``5m``, ``1d02:00:00``, ``00:05:00``, ``300ms``; Mismatch when it is none."""
    if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER:
        return int(text) * 1000
    span = SPAN.fullmatch(text)
    if span and text and len(text) <= 40:
        return sum(int(part) * ms for part, ms in zip(span.groups(), SPAN_MS, strict=True) if part)
    clock = CLOCK.fullmatch(text)
    if clock is None:
        raise Mismatch
    before, hours, minutes, seconds, parts = clock.groups()
    day = int(before or 0) * (7 if "w" in text else 1)
    thousandths = int((parts or "0").ljust(3, "0"))
    return (((day * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds or 0)) * 1000 + thousandths


def span(ms: int) -> str:
    """Print a time as the API does: ``1w2d3h4m5s6ms`` without what is zero."""
    parts = []
    for size, unit in zip(SPAN_MS, ("w", "d", "h", "m", "s", "ms"), strict=True):
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def read_time(text: str, _facts: Facts, _before: str) -> str:
    return span(milliseconds(text))


def read_ip(text: str, _facts: Facts, _before: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Mismatch from None


def read_ip4(text: str, _facts: Facts, _before: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise Mismatch from None


def read_interface_address(text: str, _facts: Facts, _before: str) -> str:
    """An address with the length of its network, as /ip/address has; the host's part stays."""
    try:
        return str(ipaddress.IPv4Interface(text))
    except ValueError:
        raise Mismatch from None


def read_prefix(text: str, _facts: Facts, _before: str) -> str:
    """A network; host bits are cleared. A lone address of a list of allowed networks gets its full length."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise Mismatch from None


def read_network(text: str, facts: Facts, before: str) -> str:
    """As a firewall prints it: a lone address without a length, a network, or from-to."""
    first, dash, last = text.partition("-")
    if dash:
        low, high = read_ip(first, facts, ""), read_ip(last, facts, "")
        if ipaddress.ip_address(low).packed > ipaddress.ip_address(high).packed:
            raise Mismatch
        return f"{low}-{high}" if low != high else low
    prefix = read_prefix(text, facts, before)
    return prefix.removesuffix("/32")


def read_mac(text: str, _facts: Facts, _before: str) -> str:
    found = MAC.fullmatch(text)
    if found is None:
        raise Mismatch
    return ":".join(found.groups()).upper()


def read_int(least: int, most: int) -> Reader:
    def read(text: str, _facts: Facts, _before: str) -> str:
        try:
            number = int(text, 16) if text.startswith("0x") else int(text)
        except ValueError:
            raise Mismatch from None
        if not text.isascii() or len(text) > LONGEST_NUMBER or "_" in text:
            raise Mismatch
        if not least <= number <= most:
            raise Mismatch(limits=(least, most))
        return str(number)

    return read


def read_hex(text: str, facts: Facts, before: str) -> str:
    """A number that the router prints as ``0x8000``, in whichever form it came."""
    return f"0x{int(read_int(0, 65_535)(text, facts, before)):X}"


def read_range(least: int, most: int) -> Reader:
    """A number or from-to, as a port is given."""
    number = read_int(least, most)

    def read(text: str, facts: Facts, _before: str) -> str:
        first, dash, last = text.partition("-")
        if not dash:
            return number(text, facts, "")
        return f"{number(first, facts, '')}-{number(last, facts, '')}"

    return read


def read_words(words: Sequence[str]) -> Reader:
    known = frozenset(words)

    def read(text: str, _facts: Facts, _before: str) -> str:
        if text not in known:
            raise Mismatch(choice=True)
        return text

    return read


def read_set(words: Sequence[str]) -> Reader:
    """Several of the words, separated by commas; printed in the order in which the router knows them."""

    def read(text: str, _facts: Facts, _before: str) -> str:
        chosen = {word for word in text.split(",") if word}
        if not chosen <= set(words):
            raise Mismatch(choice=True)
        return ",".join(word for word in words if word in chosen)

    return read


def read_policy(text: str, _facts: Facts, before: str) -> str:
    """A group's policy: what isn't named stays as it was; ``!`` takes away. The allowed come first, then the denied."""
    allowed = {word for word in before.split(",") if word and not word.startswith("!")}
    for word in filter(None, text.split(",")):
        if word.removeprefix("!") not in POLICIES:
            raise Mismatch(choice=True)
        if word.startswith("!"):
            allowed.discard(word[1:])
        else:
            allowed.add(word)
    return ",".join([p for p in POLICIES if p in allowed] + [f"!{p}" for p in POLICIES if p not in allowed])


def read_reference(menu: str) -> Reader:
    def read(text: str, facts: Facts, _before: str) -> str:
        name = facts.name_of(menu, text)
        if name is None:
            raise Mismatch(choice=True)
        return name

    return read


def read_list(one: Reader) -> Reader:
    def read(text: str, facts: Facts, _before: str) -> str:
        return ",".join(one(part, facts, "") for part in text.split(",")) if text else ""

    return read


def read_negatable(one: Reader) -> Reader:
    """A firewall's matcher: ``!`` in front means not."""

    def read(text: str, facts: Facts, _before: str) -> str:
        return "!" + one(text[1:], facts, "") if text.startswith("!") else one(text, facts, "")

    return read


def read_one_of(readers: Sequence[Reader]) -> Reader:
    """The first reader that takes the text; the refusal is the last one's."""

    def read(text: str, facts: Facts, before: str) -> str:
        refusal = Mismatch()
        for reader in readers:
            try:
                return reader(text, facts, before)
            except Mismatch as mismatch:
                refusal = mismatch
        raise refusal

    return read


PLAIN: Final[Mapping[str, Reader]] = {
    "string": read_string,
    "bool": read_bool,
    "time": read_time,
    "ip": read_ip,
    "ip4": read_ip4,
    "interface-address": read_interface_address,
    "prefix": read_prefix,
    "network": read_network,
    "mac": read_mac,
    "int": read_int(0, 2**32 - 1),
    "hex": read_hex,
    "policy": read_policy,
}


def parse_type(text: str, named: Mapping[str, Sequence[str]]) -> Type:
    """Read a type as the tables write it; ``@name`` stands for a list of words in `named`."""
    readers: list[Reader] = []
    words: list[str] = []
    menus: list[str] = []
    for part in split(text, "|"):
        found = _parse_part(part, named)
        if found is None:
            words.extend(named[part[1:]] if part.startswith("@") else (part,))
        else:
            readers.append(found.read)
            menus.extend(found.menus)
    if words:
        readers.insert(0, read_words(words))
    return Type(readers[0] if len(readers) == 1 else read_one_of(readers), tuple(menus))


def _parse_part(part: str, named: Mapping[str, Sequence[str]]) -> Type | None:
    if part in PLAIN:
        return Type(PLAIN[part])
    name, bracket, inside = part.partition("(")
    if not bracket:
        return None
    inside = inside.removesuffix(")")
    if name == "ref":
        return Type(read_reference(inside), (inside,))
    if name == "set":
        return Type(read_set(named[inside[1:]] if inside.startswith("@") else inside.split("|")))
    if name in {"int", "range"}:
        least, most = (int(limit) for limit in inside.split(".."))
        return Type((read_int if name == "int" else read_range)(least, most))
    inner = parse_type(inside, named)
    return Type({"list": read_list, "not": read_negatable}[name](inner.read), inner.menus)


def split(text: str, separator: str) -> list[str]:
    """Split where no bracket is open."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts
