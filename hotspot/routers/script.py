r"""RouterOS script text in which no value can become code.

Every value is emitted between double quotes, with each octet but the plainest as ``\XX``; so there is no list of dangerous
characters that could lack one.
"""

from typing import Final

PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:@/+_-")


def quote(value: str) -> str:
    """Return the value as a RouterOS string literal, of UTF-8 octets; lone surrogates are no text and raise UnicodeEncodeError."""
    return '"' + "".join(chr(octet) if octet in PLAIN else f"\\{octet:02X}" for octet in value.encode()) + '"'
