"""Queries are a stack machine over what a row prints."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.simulator.routeros.queries import BadQuery, matches, pick

ROW = {".id": "*1", "name": "ether1", "mtu": "1500", "disabled": "false", "lease": "5m", "address": "10.0.0.9"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([], True),
        (["name"], True),
        (["comment"], False),
        (["-comment"], True),
        (["-name"], False),
        (["name=ether1"], True),
        (["=name=ether1"], True),
        (["name=ether2"], False),
        ([".id=*1"], True),
        (["disabled=no"], True),
        (["disabled=yes"], False),
        (["<mtu=9000"], True),
        ([">mtu=9000"], False),
        ([">mtu=200"], True),
        ([">lease=200s"], True),
        ([">address=10.0.0.10"], False),
        (["<name=ether9"], True),
        (["<comment=x"], False),
        (["<mtu=abc"], True),
        (["name=ether1", "mtu=1"], False),
        (["name=ether1", "mtu=1", "#|"], True),
        (["name=ether2", "#!"], True),
        (["name=ether1", "mtu=1500", "#&!"], False),
        (["name=ether1", "#.&"], True),
        (["name=ether1", "mtu=1", "#0|&"], True),
    ],
)
def test_a_query_chooses_rows(query: list[str], expected: bool) -> None:
    assert matches(ROW, query) is expected


@pytest.mark.parametrize("query", [["#&"], ["#|"], ["name", "#9"], ["name", "#x"], ["name"] * 300])
def test_a_query_without_sense_is_refused(query: list[str]) -> None:
    with pytest.raises(BadQuery):
        matches(ROW, query)


@given(st.lists(st.text(alphabet="#!&|.0123namemtu=<>-", max_size=8), max_size=8))
def test_any_query_is_answered_or_refused(query: list[str]) -> None:
    with contextlib.suppress(BadQuery):
        assert matches(ROW, query) in {True, False}


def test_a_proplist_keeps_what_it_names() -> None:
    assert pick(ROW, "name,.id,nonsense") == {".id": "*1", "name": "ether1"}
    assert pick(ROW, None) == ROW
