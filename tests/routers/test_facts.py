"""What a router says of itself, and what of that a person must act on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest

from benchmarks.live_router import Live
from hotspot.routers.changing import MenuMissing, rows_of
from hotspot.routers.connection import RouterOS
from hotspot.routers.facts import clock_error, facts_of, preflight
from hotspot.routers.values import RouterFacts
from hotspot.simulator.routeros.sessions import Result

WELL = RouterFacts(version=(7, 20), interfaces={"wifi1": "wifi"}, device_mode={"hotspot": True}, licence=6)


def seen(live: Live) -> RouterFacts:
    with RouterOS.connect(live.target(), dial=live.dial) as router:
        return facts_of(router)


def test_a_router_tells_what_it_is_and_how_it_reaches_the_world() -> None:
    with Live() as live:
        live.do("/ip/dhcp-client/add", interface="ether1")
        live.do("/ip/route/add", dst_address="0.0.0.0/0", gateway="ether2")
        live.do("/ip/route/add", dst_address="10.0.0.0/8", gateway="ether3")

        facts = seen(live)

    assert (facts.version, facts.model, facts.licence) == ((7, 20, 8), "hAP ax^2", 4)
    assert facts.architecture == "arm64"
    assert facts.packages == {"routeros", "wifi-qcom"}
    assert facts.radios == ("wifi1", "wifi2")
    assert facts.uplinks == {"ether1", "ether2"}
    assert facts.device_mode["hotspot"] is True
    assert not facts.has_flash


@pytest.mark.parametrize(
    ("changed", "words", "stops"),
    [
        (
            {"version": (7, 18, 2)},
            "has RouterOS 7.18.2 and needs 7.19.2 or newer: upgrade it first, in its terminal",
            True,
        ),
        ({"version": ()}, "of an unknown version", True),
        ({"architecture": "smips"}, "put hotspot-7.20-smips.npk of MikroTik's extra packages among its files", True),
        ({"device_mode": {"hotspot": False}}, "press the button on the box within 5 minutes", True),
        ({"licence": 3}, "lets in one guest at once; for more, enter a key of level 5 or 6", False),
        ({"licence": 4}, "lets in 200 guests at once; for more, enter a key of level 5 or 6", False),
        ({"licence": 5}, "lets in 500 guests at once; for more, enter a key of level 6", False),
        ({"interfaces": {"ether1": "ether"}}, "shows no radio", False),
    ],
)
def test_what_a_person_must_act_on_is_said_in_words(changed: Mapping[str, Any], words: str, stops: bool) -> None:
    known = {"version": WELL.version, "interfaces": WELL.interfaces, "device_mode": WELL.device_mode, "licence": 6}

    (finding,) = preflight(RouterFacts(**{**known, **changed}), None)

    assert words in finding.words
    assert finding.stops is stops


@pytest.mark.parametrize(
    "changed",
    [
        {"architecture": "smips", "version": (7, 19, 4)},  # in one package then
        {"architecture": "smips", "packages": frozenset({"routeros", "hotspot"})},
        {"architecture": "mipsbe"},
    ],
)
def test_a_box_that_has_the_hotspot_lacks_no_package(changed: Mapping[str, Any]) -> None:
    assert preflight(replace(WELL, **changed), None) == []


def test_a_wrong_clock_is_noted_and_an_unreadable_one_is_not() -> None:
    with Live() as live, RouterOS.connect(live.target(), dial=live.dial) as router:
        there = datetime.fromtimestamp(live.clock.wall(), UTC)
        assert clock_error(router, there) == timedelta()
        off = clock_error(router, there + timedelta(days=3))
        live.router.actions["/system/clock", "print"] = lambda _call: Result([{"date": "mar/02/2026", "time": "x"}])
        assert clock_error(router, there) is None

    (finding,) = preflight(WELL, off)
    assert "clock is off by 3 days" in finding.words
    assert "let the router reach one: setting ntp_servers, UDP port 123" in finding.words
    assert not finding.stops
    assert preflight(WELL, timedelta(seconds=3)) == []


def test_addresses_that_are_not_ours_are_seen_with_their_interface_and_nonsense_is_not() -> None:
    said = [
        {"address": "192.0.2.9/24", "interface": "ether1"},
        {"address": "nonsense", "interface": "ether2"},
        {"address": "10.5.50.1/24", "interface": "hotspot-guests", "comment": "hotspot:guests"},
    ]
    with Live() as live:
        live.router.actions["/ip/address", "print"] = lambda _call: Result(said)

        assert seen(live).networks == ((IPv4Network("192.0.2.0/24"), "ether1"),)


def test_a_router_without_the_hotspot_is_not_planned_for() -> None:
    with Live() as live, RouterOS.connect(live.target(), dial=live.dial) as router:
        del live.router.menus["/ip/hotspot"]
        with pytest.raises(MenuMissing, match="has no /ip/hotspot"):
            rows_of(router, ["/ip/hotspot"])
