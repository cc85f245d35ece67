"""How many octets the value of each attribute may have; everything not named here stays opaque.

Pure tables, read by `packet` for every attribute of every datagram. RFC 2865 §5, 2866 §5, 2869 §5, 3162 §2, 5176 §3.5.
"""

from typing import Final

USER_PASSWORD: Final = 2
MESSAGE_AUTHENTICATOR: Final = 80

_ANY: Final = range(254)
_SOME: Final = range(1, 254)  # RFC 2865 §5: text and string of length zero must not be sent
_FOUR: Final = range(4, 5)

# fmt: off
_FOUR_OCTETS: Final = frozenset((
    4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 23, 27, 28, 29, 37, 38, 40, 41, 42, 43, 45, 46, 47, 48, 49, 51, 52, 53, 55, 61, 62,
    72, 73, 76, 85, 101,
))
_TEXTS_AND_STRINGS: Final = frozenset((
    1, 11, 18, 19, 20, 22, 24, 25, 30, 31, 32, 33, 34, 35, 39, 44, 50, 63, 77, 79, 87, 88, 99, 100,
))
# fmt: on
_SPECIAL: Final = {
    USER_PASSWORD: range(16, 129, 16),  # RFC 2865 §5.2: whole blocks
    3: range(17, 18),  # CHAP-Password
    26: range(5, 254),  # Vendor-Specific: the vendor and at least one octet
    36: range(32, 33),  # Login-LAT-Group
    60: range(5, 254),  # CHAP-Challenge: RFC 2865 §5.40 wants a Length of at least 7
    MESSAGE_AUTHENTICATOR: range(16, 17),
    95: range(16, 17),  # NAS-IPv6-Address
    96: range(8, 9),  # Framed-Interface-Id
    97: range(2, 19),  # Framed-IPv6-Prefix
    98: range(16, 17),  # Login-IPv6-Host
}


def _sizes(kind: int) -> range:
    if kind in _FOUR_OCTETS:
        return _FOUR
    return _SOME if kind in _TEXTS_AND_STRINGS else _SPECIAL.get(kind, _ANY)


SIZES: Final = tuple(_sizes(kind) for kind in range(256))
"""The permitted lengths of a value by attribute type; a tuple of ranges, because it is asked once per attribute."""
