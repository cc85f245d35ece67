"""The walled garden: two lists read from the top, hosts by pattern, everything else shut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.simulator.garden import Rule, Wanted, is_free

PORTAL = Wanted("wifi.example.org", 443)
PAGE = Wanted("wifi.example.org", 80, "GET", "/p/alun-alun")


@pytest.mark.parametrize(
    ("rule", "wanted", "free"),
    [
        (Rule(host="wifi.example.org"), PORTAL, True),
        (Rule(host="WIFI.example.org"), PORTAL, True),
        (Rule(host="example.org"), PORTAL, False),  # a bare name doesn't cover what is below it
        (Rule(host="*.example.org"), PORTAL, True),
        (Rule(host="wifi.exampl?.org"), PORTAL, True),
        (Rule(host="[w]ifi.example.org"), PORTAL, False),
        (Rule(host=":^wifi\\.ex"), PORTAL, True),
        (Rule(host=":("), PORTAL, False),
        (Rule(port="443"), PORTAL, True),
        (Rule(port="80,400-450"), PORTAL, True),
        (Rule(port="!443"), PORTAL, False),
        (Rule(protocol="udp"), PORTAL, False),
        (Rule(protocol="6"), PORTAL, True),
        (Rule(address="198.51.100.0/24"), Wanted("198.51.100.7", 443), True),
        (Rule(address="198.51.100.1-198.51.100.6"), Wanted("198.51.100.7", 443), False),
        (Rule(address="!198.51.100.7"), Wanted("198.51.100.7", 443), False),
        (Rule(address="198.51.100.0/24"), PORTAL, False),  # names are not looked up
        (Rule(accepts=False), PORTAL, False),
        (Rule(behind_proxy=True, host="wifi.example.org"), PORTAL, False),  # https passes no proxy
        (Rule(behind_proxy=True, host="wifi.example.org"), PAGE, True),
        (Rule(behind_proxy=True, path="/p/*", method="GET"), PAGE, True),
        (Rule(behind_proxy=True, path="/p"), PAGE, False),  # the whole path must fit
        (Rule(behind_proxy=True, method="POST"), PAGE, False),
        (Rule(behind_proxy=True, accepts=False), PAGE, False),
    ],
)
def test_a_rule_fits_as_the_router_reads_it(rule: Rule, wanted: Wanted, free: bool) -> None:
    assert is_free([rule], wanted) is free


def test_nothing_is_free_by_itself() -> None:
    assert not is_free([], PORTAL)


def test_the_first_rule_that_fits_decides() -> None:
    shut, opened = Rule(accepts=False, host="wifi.example.org"), Rule()

    assert not is_free([shut, opened], PORTAL)
    assert is_free([opened, shut], PORTAL)


def test_what_is_dropped_at_once_never_comes_to_the_proxy() -> None:
    assert not is_free([Rule(behind_proxy=True), Rule(accepts=False)], PAGE)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_pattern_and_no_name_break_it(pattern: str, name: str) -> None:
    assert is_free([Rule(host=pattern)], Wanted(name, 443)) in (True, False)
    assert is_free([Rule(host=f":{pattern}")], Wanted(name, 443)) in (True, False)
