"""What a router says of itself when it first calls: hostile octets in, a typed value out.

The router composes its JSON by hand (see `bootstrap`), so a number may come as text and a truth as ``yes``, ``true`` or a boolean.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hotspot.errors import Invalid

MOST_OCTETS: Final = 8192  # a real one has about 1,500
MOST_PACKAGES: Final = 40
MOST_FEATURES: Final = 60  # of device-mode; RouterOS 7.24 has 25
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,64}")
SERIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/=_-]{3,39}")  # a CHR's system-id is base64
MODEL: Final = re.compile(r"[A-Za-z0-9 .,:@/+_&()^=-]{0,64}")
VERSION: Final = re.compile(r"[0-9]{1,2}\.[0-9]{1,3}[A-Za-z0-9.]{0,14}(?: \([A-Za-z-]{1,20}\))?")
LICENCE: Final = re.compile(r"[A-Za-z0-9-]{0,20}")
WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
FINGERPRINT: Final = re.compile(r"(?:[0-9a-f]{64})?")
TRUTHS: Final = {"true": "yes", "false": "no"}


class BadContact(Invalid):
    """The field {field} can't be used"""


class BadSerial(Invalid):
    """A serial number is 4 to 40 letters, digits and + / = _ - as on the box's label"""


@dataclass(frozen=True, slots=True)
class FirstContact:
    """A router's own account of itself, well-formed and not proven. `fingerprint`: SHA-256 of its api-ssl certificate, or empty."""

    serial: str
    wireguard_key: str
    version: str
    token: str = field(default="", repr=False)
    model: str = ""
    licence: str = ""
    packages: tuple[str, ...] = ()
    device_mode: tuple[tuple[str, str], ...] = ()
    fingerprint: str = ""


def parse(octets: bytes) -> FirstContact:
    """Read a first contact.

    Raises:
        BadContact: it is none; the message never repeats what was sent.
    """
    said = _object(octets)
    return FirstContact(
        serial=_text(said, "serial", SERIAL),
        wireguard_key=_key(said),
        version=_text(said, "version", VERSION),
        token=_text(said, "token", TOKEN) if said.get("token") else "",
        model=_text(said, "model", MODEL, default=""),
        licence=_text(said, "licence", LICENCE, default=""),
        packages=_packages(said),
        device_mode=_device_mode(said),
        fingerprint=_text(said, "fingerprint", FINGERPRINT, default="", tidy=str.lower),
    )


def read_serial(text: str) -> str:
    """Return a serial number that staff typed.

    Raises:
        BadSerial: it can't be one.
    """
    if not SERIAL.fullmatch(text.strip()):
        raise BadSerial
    return text.strip()


def is_key(text: str) -> bool:
    """Tell whether the text is a WireGuard public key: 32 octets in base64, not all zero."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(octets) == 32 and any(octets) and base64.b64encode(octets).decode() == text


def _object(octets: bytes) -> dict[str, object]:
    try:
        said = json.loads(octets)
    except (ValueError, RecursionError):
        said = None
    if len(octets) > MOST_OCTETS or not isinstance(said, dict):
        raise BadContact(field="(the whole)")
    return said


def _text(
    said: dict[str, object],
    name: str,
    shape: re.Pattern[str],
    *,
    default: str | None = None,
    tidy: Callable[[str], str] = str.strip,
) -> str:
    value = said.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # RouterOS makes numbers of digits; json has bounded them
    if not isinstance(value, str) or not shape.fullmatch(tidy(value)):
        raise BadContact(field=name)
    return tidy(value)


def _key(said: dict[str, object]) -> str:
    key = said.get("wireguard_key")
    if not isinstance(key, str) or not is_key(key):
        raise BadContact(field="wireguard_key")
    return key


def _packages(said: dict[str, object]) -> tuple[str, ...]:
    given = said.get("packages", [])
    if not isinstance(given, list) or len(given) > MOST_PACKAGES:
        raise BadContact(field="packages")
    return tuple(sorted({_word(one, "packages") for one in given}))


def _device_mode(said: dict[str, object]) -> tuple[tuple[str, str], ...]:
    given = said.get("device_mode", {})
    if not isinstance(given, dict) or len(given) > MOST_FEATURES:
        raise BadContact(field="device_mode")
    return tuple(sorted((_word(name, "device_mode"), _word(value, "device_mode")) for name, value in given.items()))


def _word(value: object, name: str) -> str:
    word = str(value).lower() if isinstance(value, bool) else value
    if not isinstance(word, str) or not WORD.fullmatch(word):
        raise BadContact(field=name)
    return TRUTHS.get(word, word)
