"""Codes that people read from paper and type into a phone: vouchers and residents' codes. Pure but for chance.

Twelve of 24 symbols, 55 bits: of 10,000 live vouchers, 10^9 guesses find one with a chance below 0.03 %. No symbol looks like another
one, and there are no vowels, so no code spells a word. What is typed is read forgivingly: any case, blanks, dashes, and the symbols
that somebody may see instead.

A number is printed with each code. It is no secret; typed behind the code it says which single one is meant (`guests.guessing`).
"""

import re
import secrets
import unicodedata
from collections.abc import Callable
from math import log2
from typing import Final, NamedTuple

SYMBOLS: Final = "2345789CDFGHJKMNPQRTVWXY"
LENGTH: Final = 12
GROUP: Final = 4  # of which people keep one in mind at a time
BITS: Final = LENGTH * log2(len(SYMBOLS))
LONGEST_TYPED: Final = 64  # code and number with all the blanks and dashes that anybody puts between
SEEN_AS: Final = str.maketrans("6BSUZ", "G85V2")
"""What is never printed → what it was taken for. 0, 1, A, E, I, L and O are like nothing that is."""
NUMBER: Final = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)


class Typed(NamedTuple):
    """What somebody typed: a code that may exist, and the number behind it if there was one."""

    code: str
    number: int | None = None


NO_CODE: Final = Typed("")  # what can't be a code is looked up all the same, so that it takes as long


def new_code(choice: Callable[[str], str] = secrets.choice) -> str:
    """Return a fresh code, ungrouped."""
    return "".join(choice(SYMBOLS) for _ in range(LENGTH))


def grouped(code: str) -> str:
    """Return the code as it is printed: RTK4-9QXW-2HJD."""
    return "-".join(code[place : place + GROUP] for place in range(0, len(code), GROUP))


def read_typed(text: str) -> Typed | None:
    """Return what was typed, None when it can't be a code."""
    if len(text) > LONGEST_TYPED:
        return None
    typed = "".join(symbol for symbol in unicodedata.normalize("NFKC", text).upper() if symbol.isalnum())
    code, number = typed[:LENGTH].translate(SEEN_AS), typed[LENGTH:]
    if len(code) < LENGTH or not set(code) <= set(SYMBOLS):
        return None
    if number and not NUMBER.fullmatch(number):
        return None
    return Typed(code, int(number) if number else None)
