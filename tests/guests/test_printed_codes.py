"""Codes on paper: hard to guess, hard to misread, read however they are typed."""

from collections import Counter
from math import log2

from hypothesis import given
from hypothesis import strategies as st

from hotspot.guests.guessing import EVERYWHERE
from hotspot.guests.printed_codes import BITS, LENGTH, LONGEST_TYPED, SYMBOLS, Typed, grouped, new_code, read_typed

LOOK_ALIKES = ["0OQ", "1IL", "2Z", "5S", "6G", "8B", "UV"]
codes = st.text(SYMBOLS, min_size=LENGTH, max_size=LENGTH)


def test_a_code_has_more_than_fifty_bits_and_all_the_guesses_of_a_year_find_none() -> None:
    year = EVERYWHERE.most * 365 * 24 * 6  # windows of ten minutes, each used to the full

    assert LENGTH * log2(len(SYMBOLS)) == BITS > 50
    assert 10_000 * year / len(SYMBOLS) ** LENGTH < 0.0001
    assert 10_000 * 10**6 / len(SYMBOLS) ** LENGTH < 10**-6


def test_no_two_symbols_look_alike_and_none_is_a_vowel() -> None:
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert [alike for alike in LOOK_ALIKES if len(set(alike) & set(SYMBOLS)) > 1] == []
    assert set("AEIOU") & set(SYMBOLS) == set()


def test_each_symbol_is_as_likely_as_any_other() -> None:
    counts = Counter("".join(new_code() for _ in range(2_000)))

    assert set(counts) == set(SYMBOLS)
    assert max(counts.values()) < 1.25 * min(counts.values()), "24 symbols, 1,000 times each"


@given(codes, st.sampled_from(["", "-", " ", " - ", ".", "\t"]), st.booleans(), st.none() | st.integers(1, 10**11))
def test_a_code_is_read_however_it_is_typed(code: str, between: str, small: bool, number: int | None) -> None:
    text = between.join(code[place : place + 4] for place in range(0, LENGTH, 4))
    text = text.lower() if small else text
    text = f" {text} " if number is None else f"{text} {number}"

    assert read_typed(text) == Typed(code, number)


@given(codes)
def test_what_is_printed_is_read(code: str) -> None:
    assert read_typed(grouped(code)) == Typed(code)
    assert read_typed(f"{grouped(code)} No. 7") is None, "words are no number"


@given(codes)
def test_symbols_that_are_never_printed_are_read_as_what_was_seen(code: str) -> None:
    seen = code.translate(str.maketrans("G85V2", "6BSUZ"))

    assert read_typed(seen) == Typed(code)


def test_full_width_letters_of_a_phone_are_letters() -> None:
    assert read_typed("ＲＴＫ４-9qxw-2hjd") == Typed("RTK49QXW2HJD")


@given(st.text(max_size=100) | st.text("RTK49QXW2HJD- 01OIL", max_size=70))
def test_any_text_is_a_code_or_none(text: str) -> None:
    typed = read_typed(text)

    if typed is not None:
        assert len(typed.code) == LENGTH
        assert set(typed.code) <= set(SYMBOLS)
        assert len(text) <= LONGEST_TYPED


def test_what_is_no_code_is_none() -> None:
    for text in ("", "RTK4-9QXW-2HJ", "RTK4-9QXW-2HJO", "RTK4-9QXW-2HJD 0", "RTK4-9QXW-2HJD 0012", "RTK4" * 20):
        assert read_typed(text) is None, text
