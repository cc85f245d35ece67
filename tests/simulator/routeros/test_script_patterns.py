"""The regular expressions behind ``~``: as POSIX has them, and none that goes on for ever."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.simulator.routeros.script.patterns import LONGEST_PATTERN, LONGEST_SEARCHED, BadPattern, matches

LETTERS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\.", "[a-c]", "()"])
REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{0}", "{1,2}", "{1,}"])
PATTERNS = st.recursive(
    LETTERS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, REPEATS).map(lambda two: f"({two[0]}){two[1]}"),
        inner.map(lambda one: f"^{one}"),
        inner.map(lambda one: f"{one}$"),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text("abc.\n", max_size=8))
def test_a_pattern_fits_where_another_engine_says_it_does(pattern: str, text: str) -> None:
    expected = re.search(pattern.replace("$", r"\Z"), text, re.DOTALL) is not None

    assert matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("^hotspot:", "hotspot:api", True),
        ("^hotspot:", "not hotspot:api", False),
        ("", "anything", True),
        ("^$", "", True),
        ("[]a]", "]", True),
        ("[^]a]", "]", False),
        ("[a-]", "-", True),
        ("[[:digit:][:space:]]{2}", "7\t", True),
        ("[[:upper:]]", "kopi", False),
        (r"1\.2", "1x2", False),
        ("東|京", "Kyoto 京都", True),
        ("b", "a" * LONGEST_SEARCHED + "b", False),
    ],
)
def test_sets_classes_edges_and_escapes(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "[",
        "[b-a]",
        "[[:nothing:]]",
        "*",
        "(+)",
        "{2}",
        "a{",
        "a{x}",
        "a{2,1}",
        "\\",
        "|" + "(" * 40 + ")" * 40,
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match="invalid regular expression"):
        matches(pattern, "a")


@pytest.mark.parametrize(
    "pattern", ["a" * (LONGEST_PATTERN + 1), "(((a{9}){9}){9}){9}", "(a|b){999}", "(a?){1,999}", "((a{200})*){3}"]
)
def test_a_pattern_that_would_need_much_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match="pattern too long"):
        matches(pattern, "a")


@pytest.mark.parametrize("pattern", ["(a+)+$", "((a*)*)*b", "(.*){50}x", "(a|aa)+$", "(a|a?){20}c"])
def test_patterns_that_ruin_backtracking_are_answered(pattern: str) -> None:
    assert matches(pattern, "a" * (LONGEST_SEARCHED - 1) + "b") is (pattern == "((a*)*)*b")


@given(st.text("ab()[]{}*+?|^$\\:-,1"), st.text(max_size=8))
def test_any_text_is_a_pattern_or_refused(pattern: str, text: str) -> None:
    with suppress(BadPattern):
        assert matches(pattern, text) in {True, False}
