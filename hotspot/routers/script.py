r"""RouterOS script text in which no value can become code.

Every value is emitted between double quotes, with each octet but the plainest as ``\XX``; so there is no list of dangerous
characters that could lack one.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from hotspot.routers.changes import Add, Change, Move, Ref, Remove, Set

PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:@/+_-")


def quote(value: str) -> str:
    """Return the value as a RouterOS string literal, of UTF-8 octets; lone surrogates are no text and raise UnicodeEncodeError."""
    return '"' + "".join(chr(octet) if octet in PLAIN else f"\\{octet:02X}" for octet in value.encode()) + '"'


def script(changes: Iterable[Change]) -> str:
    """Return the changes as script text, a statement a line. Secrets are not in a plan, so they are not in its script."""
    return "".join(f"{statement(change)}\n" for change in changes)


def statement(change: Change) -> str:
    """Return one change as one statement. Menus and attributes are words of ours; all that comes from outside is quoted."""
    match change:
        case Add():
            place = "" if change.before is None else f" place-before={_found(change.menu, change.before)}"
            return f"{change.menu}/add{_words(change.fields)}{place}"
        case Set():
            cleared = "".join(f" !{name}" for name in change.unset)
            return f"{change.menu}/set{_target(change.menu, change.target)}{_words(change.fields)}{cleared}"
        case Move():
            place = "" if change.before is None else f" destination={_found(change.menu, change.before)}"
            return f"{change.menu}/move{_target(change.menu, change.target)}{place}"
        case Remove():
            return f"{change.menu}/remove{_target(change.menu, change.target)}"


def _words(fields: Mapping[str, str]) -> str:
    return "".join(f" {name}={quote(text)}" for name, text in fields.items())


def _target(menu: str, ref: Ref) -> str:
    return f" {_found(menu, ref)}" if ref.where or ref.id else ""


def _found(menu: str, ref: Ref) -> str:
    """Look the row up by what it is: numbers change at a reboot."""
    if ref.where:
        return f"[{menu}/find where{_words(ref.where)}]"
    return quote(ref.id)
