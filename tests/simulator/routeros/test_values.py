"""Values: read as the console takes them, printed as the API prints them."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.simulator.routeros.values import POLICIES, Mismatch, milliseconds, parse_type, span

NAMED: Mapping[str, list[str]] = {"colours": ["red", "green"]}


class Nobody:
    def name_of(self, menu: str, text: str) -> str | None:
        return {"/interface": {"ether1": "ether1", "*1": "ether1"}}.get(menu, {}).get(text)


def read(kind: str, text: str, before: str = "") -> str:
    return parse_type(kind, NAMED).read(text, Nobody(), before)


@pytest.mark.parametrize(
    ("kind", "text", "printed"),
    [
        ("bool", "yes", "true"),
        ("bool", "false", "false"),
        ("time", "300", "5m"),
        ("time", "00:05:00", "5m"),
        ("time", "1d2h", "1d2h"),
        ("time", "1w00:00:01", "1w1s"),
        ("time", "3d12:00", "3d12h"),
        ("time", "300ms", "300ms"),
        ("time", "00:00:01.5", "1s500ms"),
        ("time", "0", "0s"),
        ("none|time", "none", "none"),
        ("none|time", "90s", "1m30s"),
        ("int(1..4094)", "0x10", "16"),
        ("int(1..4094)", "007", "7"),
        ("hex", "32768", "0x8000"),
        ("ip4", "10.0.0.1", "10.0.0.1"),
        ("ip", "FE80::1", "fe80::1"),
        ("interface-address", "10.0.0.1", "10.0.0.1/32"),
        ("interface-address", "10.0.0.1/24", "10.0.0.1/24"),
        ("prefix", "10.0.0.1/24", "10.0.0.0/24"),
        ("network", "10.0.0.1", "10.0.0.1"),
        ("network", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("network", "10.0.0.1-10.0.0.1", "10.0.0.1"),
        ("mac", "aa-bb-cc-dd-ee-0f", "AA:BB:CC:DD:EE:0F"),
        ("@colours", "red", "red"),
        ("set(@colours)", "green,red", "red,green"),
        ("set(a|b)", "", ""),
        ("ref(/interface)", "*1", "ether1"),
        ("not(list(range(0..65535)))", "!80,8000-8080", "!80,8000-8080"),
        ("list(ip4)", "", ""),
        ("string", "'; /system reboot", "'; /system reboot"),
    ],
)
def test_a_value_is_printed_as_the_router_prints_it(kind: str, text: str, printed: str) -> None:
    assert read(kind, text) == printed
    assert read(kind, printed) == printed


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bool", "maybe"), ("time", "soon"), ("time", ""), ("time", "5mm"), ("int(1..9)", "0"), ("int(1..9)", "x"), ("int(1..9)", "1_0"),
        ("int(1..9)", "9" * 30), ("ip4", "10.0.0"), ("ip4", "::1"), ("ip", "x"), ("interface-address", "10.0.0.1/33"), ("prefix", "x/8"),
        ("network", "10.0.0.9-10.0.0.1"), ("mac", "aa:bb"), ("@colours", "blue"), ("set(a|b)", "a,c"), ("ref(/interface)", "ether9"),
        ("none|time", "never"), ("policy", "fly"), ("int(1..9)", "٣"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(kind: str, text: str) -> None:
    with pytest.raises(Mismatch):
        read(kind, text)


def test_a_policy_is_cumulative_and_names_what_it_denies() -> None:
    first = read("policy", "api,read")
    second = read("policy", "write,!read", before=first)

    assert first.startswith("read,api,!local")
    assert second.startswith("write,api,!local")
    assert {word.strip("!") for word in second.split(",")} == set(POLICIES)


@given(st.integers(0, 10**12))
def test_times_go_through_print_and_back(ms: int) -> None:
    assert milliseconds(span(ms)) == ms


@given(
    st.sampled_from(["time", "int", "ip", "prefix", "network", "mac", "interface-address", "policy", "range(0..9)"]),
    st.text(),
)
def test_any_text_is_read_or_refused(kind: str, text: str) -> None:
    try:
        printed = read(kind, text)
    except Mismatch:
        return
    assert read(kind, printed) == printed
