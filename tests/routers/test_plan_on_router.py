"""The shipped configs on simulated routers of several models and versions: each sentence is taken, and then nothing is left to do.

The simulated router refuses what a router refuses: to remove a row that is in use, to unset where a menu can't, to take a file's type.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from random import Random
from typing import Final

import pytest

from hotspot.routers.changes import Actual, Add, Move, Plan, Ref, Remove, Set, fields_to_send, find, to_json
from hotspot.routers.desired import Desired, DesiredRow
from hotspot.routers.menus import MENUS, read_version
from hotspot.routers.plan import plan
from hotspot.routers.undo import inverse
from hotspot.routers.values import RouterFacts
from hotspot.simulator.routeros.traps import Trap
from tests.routers.rows import CERTIFICATE, desired, facts
from tests.simulator.routeros.scene import Box

FILTER = "/ip/firewall/filter"
BOXES = [("hAP ax^2", "7.19.4"), ("RB951Ui-2HnD", "7.20.8"), ("CHR", "7.22.3"), ("hAP ac^2", "7.24")]


def enrolled(model: str, version: str) -> Box:
    box = Box(model=model, version=version)
    box.do("/interface/wireguard/add", name="hotspot", comment="hotspot:tunnel")
    box.do("/certificate/add", **{"name": "hotspot-api", "common-name": "hotspot-api"})
    return box


def facts_of(box: Box) -> RouterFacts:
    interfaces = {row["name"]: row["type"] for row in box.do("/interface/print").rows}
    return facts(read_version(box.router.version_text), interfaces, has_flash=box.router.board.flash)


def read(box: Box, wanted: Desired) -> Actual:
    return {
        path: box.do(f"{path}/print", **{".proplist": ",".join(MENUS[path].proplist)}).rows for path in wanted.menus
    }


def number(box: Box, menu: str, ref: Ref) -> str:
    found = find(ref, box.do(f"{menu}/print").rows)
    assert found is not None
    return found


def apply(box: Box, changes: Plan, wanted: Desired) -> None:
    for change in changes.changes:
        match change:
            case Add():
                before = {} if change.before is None else {"place-before": number(box, change.menu, change.before)}
                box.do(f"{change.menu}/add", **fields_to_send(change, wanted), **before)
            case Set():
                target = {".id": number(box, change.menu, change.target)} if change.target != Ref() else {}
                sent = dict(change.fields) if not wanted.rows else fields_to_send(change, wanted)
                if sent:
                    box.do(f"{change.menu}/set", **target, **sent)
                for name in change.unset:
                    box.do(f"{change.menu}/unset", **target, **{"value-name": name})
            case Move():
                before = {} if change.before is None else {"destination": number(box, change.menu, change.before)}
                box.do(f"{change.menu}/move", numbers=number(box, change.menu, change.target), **before)
            case Remove():
                box.do(f"{change.menu}/remove", **{".id": number(box, change.menu, change.target)})


def by_what_they_are(plan_: Plan) -> Plan:
    """Name rows without their numbers where that is possible: they have others after a reboot."""

    def plain(ref: Ref | None) -> Ref | None:
        return Ref("", ref.where) if ref and ref.where else ref

    changes = []
    for change in plan_.changes:
        names = {"before", "target"} & {field.name for field in fields(change)}
        changes.append(replace(change, **{name: plain(getattr(change, name)) for name in names}))
    return replace(plan_, changes=tuple(changes))


def seen(actual: Actual) -> dict[str, list[dict[str, str]]]:
    """Rows in one writing, without their numbers; in their order where the menu has one."""
    found = {}
    for path, menu in MENUS.items():
        rows = [
            {name: attribute.canonical(row.get(name, "")) for name, attribute in menu.attributes.items()}
            for row in actual.get(path, ())
            if row.get("dynamic") != "true"
        ]
        found[path] = rows if menu.ordered else sorted(rows, key=lambda row: sorted(row.items()))
    return found


@pytest.mark.parametrize("certificate", ["", CERTIFICATE], ids=["no certificate", "certificate"])
@pytest.mark.parametrize(("model", "version"), BOXES)
def test_a_router_takes_every_change_and_then_needs_none(model: str, version: str, certificate: str) -> None:
    box = enrolled(model, version)
    ports = "ether2" if model != "CHR" else ""
    wanted = desired(facts_of(box), certificate=certificate, ssid="WiFi Kota", guest_ports=ports)
    before = read(box, wanted)
    first = plan(wanted, before)

    apply(box, first, wanted)

    assert not first.conflicts
    assert [danger.name for danger in first.dangers] == ["api-service"]  # enrolment would have set it before
    again = plan(wanted, read(box, wanted))
    assert again.changes == ()
    apply(box, inverse(first, before), Desired(()))
    assert seen(read(box, wanted)) == seen(before)


def test_a_new_ssid_is_the_only_change_to_the_radios() -> None:
    box = enrolled("hAP ax^2", "7.20.8")
    wanted = desired(facts_of(box), ssid="WiFi Kota")
    apply(box, plan(wanted, read(box, wanted)), wanted)
    renamed = desired(facts_of(box), ssid="WiFi Gerunggang")

    changes = plan(renamed, read(box, renamed)).changes

    assert {change.menu for change in changes} == {"/interface/wifi"}
    assert [change.fields for change in changes if isinstance(change, Set)] == [
        {"configuration.ssid": "WiFi Gerunggang"}
    ] * 2


def test_a_certificate_that_goes_takes_all_that_needed_it() -> None:
    box = enrolled("hAP ax^2", "7.20.8")
    wanted = desired(facts_of(box), certificate=CERTIFICATE)
    apply(box, plan(wanted, read(box, wanted)), wanted)
    without = desired(facts_of(box))

    apply(box, plan(without, read(box, without)), without)

    assert box.rows("/ip/dhcp-server/option/sets") == []
    profile = box.row("/ip/hotspot/profile", "name=hotspot-guests")
    assert profile["ssl-certificate"] == "none"
    assert not profile.get("dns-name")
    assert set(profile["login-by"].split(",")) == {"mac", "http-chap", "http-pap"}


def test_an_empty_text_takes_a_rules_matcher_away() -> None:
    box = enrolled("hAP ax^2", "7.20.8")
    rule = DesiredRow(FILTER, "x", "hotspot:x", {"chain": "input", "src-address": "", "comment": "hotspot:x"})
    wanted = Desired((rule,), menus=(FILTER,))
    box.do(f"{FILTER}/add", chain="input", comment="hotspot:x", **{"src-address": "10.1.2.3", "protocol": "icmp"})

    (change,) = plan(wanted, read(box, wanted)).changes
    apply(box, plan(wanted, read(box, wanted)), wanted)

    assert isinstance(change, Set)
    assert change.unset == ("src-address",)
    assert "src-address" not in box.row(FILTER)
    assert box.row(FILTER)["protocol"] == "icmp"
    assert plan(wanted, read(box, wanted)).is_empty


# As MikroTik's default configuration leaves a radio whose passphrase is on the label, and what staff may have added.
LOCKED: Final = {
    "configuration.mode": "ap",
    "configuration.ssid": "MikroTik-123456",
    "security.authentication-types": "wpa2-psk,wpa3-psk",
    "security.passphrase": "PASS0123456",
    "security.ft": "yes",
    "security": "office",
    "disabled": "no",
}


@pytest.mark.parametrize(("model", "version"), [("hAP ax^2", "7.19.2"), ("hAP ac^2", "7.21.5"), ("cAP ax", "7.24")])
def test_a_box_with_the_passphrase_of_its_label_becomes_open_and_can_go_back(model: str, version: str) -> None:
    box = enrolled(model, version)
    box.do("/interface/wifi/security/add", name="office", passphrase="the-office", wps="disable")
    for radio in box.rows("/interface/wifi"):
        box.do("/interface/wifi/set", **{".id": radio[".id"], **LOCKED})
    wanted = desired(facts_of(box))
    before = read(box, wanted)
    opening = plan(wanted, before)

    apply(box, opening, wanted)

    for radio in box.rows("/interface/wifi"):
        security = {name: text for name, text in radio.items() if name.startswith("security") and text}
        assert (security, radio["disabled"]) == ({} if version >= "7.21.5" else {"security": "office"}, "false")
    assert plan(wanted, read(box, wanted)).is_empty
    assert "PASS0123456" not in to_json(opening)
    apply(box, inverse(opening, before), Desired(()))
    assert seen(read(box, wanted)) == seen(before)


def test_a_radio_that_asks_for_a_password_is_told_to_ask_for_none() -> None:
    box = enrolled("hAP ax^2", "7.20.8")
    for radio in box.rows("/interface/wifi"):
        box.do("/interface/wifi/set", **{".id": radio[".id"], "security.authentication-types": "wpa2-psk"})
    wanted = desired(facts_of(box))

    changes = [change for change in plan(wanted, read(box, wanted)).changes if change.menu == "/interface/wifi"]

    assert [isinstance(change, Set) and change.fields["security.authentication-types"] for change in changes] == [
        ""
    ] * 2


# --- any history -------------------------------------------------------------------------------------------------------------

SETTINGS: Final[list[dict[str, str]]] = [
    {},
    {"ssid": "Lain"},
    {"guest_network": "10.8.0.0/22"},
    {"guest_ports": "ether2,ether3"},
    {"walled_garden": "a.example,b.example"},
    {"walled_garden": "b.example,c.example,a.example"},
    {"dns_servers": "9.9.9.9", "ntp_servers": "a.example,b.example"},
    {"certificate": CERTIFICATE, "guest_ports": "ether3"},
]
BY_HAND: Final = {
    FILTER: [{"chain": "input", "action": "drop"}, {"chain": "forward", "action": "accept", "comment": "hotspot: no"}],
    "/ip/firewall/nat": [{"chain": "srcnat", "action": "masquerade", "comment": "Hotspot:guests"}],
    "/ip/hotspot/walled-garden/ip": [{"dst-host": "x.example"}, {"dst-host": "y.example", "comment": "hotspot:elder"}],
    "/ip/pool": [{"name": "hotspot-guests", "ranges": "10.7.0.2-10.7.0.9"}, {"name": "other", "ranges": "10.7.1.2"}],
    "/radius": [{"address": "10.90.0.1", "service": "hotspot", "secret": "by hand"}, {"address": "9.9.9.9"}],
    "/ip/address": [
        {"address": "10.5.50.1/24", "interface": "ether1"},
        {"address": "10.7.0.1/24", "interface": "ether1"},
    ],
    "/file": [{"name": "hotspot-pages.txt", "contents": "x"}, {"name": "hotspot-pages/own.html", "contents": "y"}],
}


def try_by_hand(box: Box, sentence: str, arguments: Mapping[str, str]) -> None:
    """What the router refuses stays as it was."""
    with suppress(Trap):
        box.send(sentence, arguments)


def happen(box: Box, chance: Random) -> None:
    """Somebody adds, changes, moves and removes rows, ours as well as others'."""
    for _ in range(chance.randrange(5)):
        path = chance.choice(list(BY_HAND))
        try_by_hand(box, f"{path}/add", chance.choice(BY_HAND[path]))
    for _ in range(chance.randrange(5)):
        path = chance.choice(list(BY_HAND))
        rows = [row for row in box.rows(path) if row.get("dynamic") != "true" and row.get("type") != "directory"]
        if not rows:
            continue
        row, other = chance.choice(rows)[".id"], chance.choice(rows)[".id"]
        comment = chance.choice(["", "hotspot:old", "hotspot:guests note", "theirs"])
        command, arguments = chance.choice(
            [
                ("remove", {".id": row}),
                ("move", {"numbers": row, "destination": other}),
                ("set", {".id": row, "disabled": "yes"}),
                ("set", {".id": row, "comment": comment}),
            ]
        )
        try_by_hand(box, f"{path}/{command}", arguments)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happened_to_a_router_a_plan_makes_it_whole_and_can_be_taken_back(seed: int) -> None:
    chance = Random(seed)
    box = enrolled(chance.choice(["hAP ax^2", "hAP lite", "RB5009UG+S+"]), chance.choice(["7.19.2", "7.24"]))
    box.do("/file/add", name="hotspot-pages", type="directory")
    for _ in range(3):
        happen(box, chance)
        wanted = desired(facts_of(box), **chance.choice(SETTINGS))
        before = read(box, wanted)
        in_the_way = [conflict.name for conflict in plan(wanted, before).conflicts]
        chosen = plan(wanted, before, accept=in_the_way)

        assert not chosen.conflicts
        apply(box, chosen, wanted)
        assert plan(wanted, read(box, wanted)).is_empty

        if chance.random() < 0.5:
            apply(box, by_what_they_are(inverse(chosen, before)), Desired(()))
            assert seen(read(box, wanted)) == seen(before)
