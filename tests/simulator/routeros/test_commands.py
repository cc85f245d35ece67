"""Commands: what the router takes, what it says when it doesn't, and that a refused sentence changes nothing."""

import pytest

from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.state import Row
from hotspot.simulator.routeros.traps import Trap
from tests.simulator.routeros.scene import Box


@pytest.fixture
def box() -> Box:
    box = Box()
    box.do("/interface/bridge/add", name="br")
    box.do("/ip/pool/add", name="hs", ranges="10.5.50.2-10.5.50.254")
    return box


@pytest.mark.parametrize(
    ("sentence", "fields", "text"),
    [
        ("/ip/nonsense/print", {}, "no such command prefix"),
        ("/ip/print", {}, "no such command"),
        ("/ip/pool/dance", {}, "no such command"),
        ("/system/identity/add", {"name": "x"}, "no such command"),
        ("/ip/pool/add", {"name": "x", "ranges": "10.0.0.1", "colour": "red"}, "unknown parameter colour"),
        ("/ip/pool/print", {"colour": "red"}, "unknown parameter colour"),
        ("/ip/pool/add", {"name": "x"}, "missing value(s) of argument(s) ranges"),
        ("/ip/pool/add", {"name": "hs", "ranges": "10.0.0.1"}, "failure: pool with such name exists"),
        ("/ip/pool/add", {"ranges": "ten"}, "invalid value for argument ranges"),
        ("/ip/hotspot/add", {"interface": "nowhere"}, "input does not match any value of interface"),
        ("/ip/hotspot/profile/add", {"use_radius": "perhaps"}, "input does not match any value of use-radius"),
        ("/ip/hotspot/profile/add", {"login_by": "http-pap,magic"}, "input does not match any value of login-by"),
        ("/interface/vlan/add", {"vlan_id": "5000", "interface": "br"}, "value of vlan-id out of range (1..4095)"),
        ("/interface/vlan/add", {"name": "br", "vlan_id": "5", "interface": "br"}, "failure: already have interface with such name"),
        ("/ip/pool/set", {"_id": "*99", "name": "x"}, "no such item"),
        ("/ip/pool/set", {"name": "x"}, "missing value(s) of argument(s) numbers"),
        ("/ip/pool/remove", {"_id": "*99"}, "no such item"),
        ("/ip/pool/remove", {"_id": "hs", "force": "yes"}, "unknown parameter force"),
        ("/ip/pool/set", {"_id": "hs", "total": "9"}, "unknown parameter total"),
        ("/ip/hotspot/profile/remove", {"_id": "default"}, "failure: can not remove builtin item"),
        ("/user/remove", {"_id": "admin"}, "failure: can not remove builtin item"),
        ("/interface/wireguard/add", {"private_key": "short"}, "invalid value for argument private-key"),
        ("/ip/dns/static/add", {"address": "10.0.0.1"}, "missing value(s) of argument(s) name"),
        ("/ip/pool/add", {"ranges": "1.1.1.1", "comment": "x" * 70_000}, "invalid value for argument comment"),
        ("/ip/hotspot/user/profile/unset", {"_id": "default", "value_name": "nonsense"}, "unknown parameter nonsense"),
        ("/ip/hotspot/user/profile/unset", {"_id": "default"}, "missing value(s) of argument(s) value-name"),
        ("/ip/pool/get", {"_id": "hs", "value_name": "nonsense"}, "unknown parameter nonsense"),
        ("/ip/pool/get", {}, "missing value(s) of argument(s) numbers"),
        ("/ip/pool/get", {"_id": "*77"}, "no such item"),
        ("/ip/firewall/filter/add", {"chain": "forward", "place_before": "*9"}, "no such item"),
        ("/tool/fetch", {"nonsense": "x"}, "unknown parameter nonsense"),
    ],
)  # fmt: skip
def test_the_router_refuses_as_it_does(box: Box, sentence: str, fields: dict[str, str], text: str) -> None:
    assert box.trap(sentence, **fields) == text


def test_a_row_is_printed_with_defaults_outputs_and_flags(box: Box) -> None:
    box.do("/ip/hotspot/add", interface="br", address_pool="hs", idle_timeout="300", disabled="no")

    row = box.row("/ip/hotspot")

    assert row["name"] == "hotspot1"
    assert (row["idle-timeout"], row["profile"], row["disabled"], row["invalid"]) == ("5m", "default", "false", "false")
    assert row[".id"].startswith("*")


def test_print_takes_proplist_count_from_and_queries(box: Box) -> None:
    assert box.send("/ip/pool/print", {".proplist": "name"}).rows == [{"name": "hs"}]
    assert box.send("/interface/print", {"count-only": ""}).ret == str(len(box.rows("/interface")))
    assert [row["name"] for row in box.send("/interface/print", {"from": "br"}).rows] == ["br"]
    assert box.rows("/interface", "type=bridge", "name=br", "#&")[0]["name"] == "br"
    assert box.do("/ip/pool/find", query=("name=hs",)).ret == box.row("/ip/pool")[".id"]
    assert box.trap("/ip/pool/print", detail="", from_="x").startswith("unknown parameter")


def test_a_query_without_sense_is_a_trap(box: Box) -> None:
    with pytest.raises(Trap, match="invalid query"):
        box.rows("/ip/pool", "#&")


def test_get_gives_one_value_or_all(box: Box) -> None:
    assert box.do("/ip/pool/get", _id="hs", value_name="ranges").ret == "10.5.50.2-10.5.50.254"
    assert box.do("/system/identity/get", value_name="name").ret == "MikroTik"
    assert "name=hs" in (box.do("/ip/pool/get", numbers="hs").ret or "")


def test_a_reference_takes_a_name_or_a_number_and_follows_a_new_name(box: Box) -> None:
    bridge = box.row("/interface/bridge")
    box.do("/ip/hotspot/add", interface=bridge[".id"])
    box.do("/interface/list/member/add", list="static", interface="br")

    box.do("/interface/set", _id="br", name="guests")

    assert box.row("/ip/hotspot")["interface"] == "guests"
    assert box.row("/interface/list/member")["interface"] == "guests"


def test_a_removed_interface_leaves_its_number_and_an_invalid_row(box: Box) -> None:
    number = box.row("/interface/bridge")[".id"]
    box.do("/ip/address/add", address="10.5.50.1/24", interface="br")

    box.do("/interface/bridge/remove", _id="br")

    row = box.row("/ip/address")
    assert (row["interface"], row["invalid"]) == (number, "true")


def test_a_row_in_use_can_not_be_removed(box: Box) -> None:
    box.do("/ip/hotspot/profile/add", name="portal")
    box.do("/ip/hotspot/add", interface="br", profile="portal", address_pool="hs")

    assert box.trap("/ip/hotspot/profile/remove", _id="portal") == "failure: item is in use"
    assert box.trap("/ip/pool/remove", _id="hs") == "failure: item is in use"


def test_values_are_unset_to_their_default_or_nothing(box: Box) -> None:
    box.do("/ip/hotspot/user/profile/add", name="p", rate_limit="1M/1M", idle_timeout="1m")

    box.do("/ip/hotspot/user/profile/unset", _id="p", value_name="rate-limit")
    box.send("/ip/hotspot/user/profile/set", {".id": "p", "!idle-timeout": ""})

    row = box.row("/ip/hotspot/user/profile", "name=p")
    assert "rate-limit" not in row
    assert row["idle-timeout"] == "none"


def test_several_rows_change_together_or_not_at_all(box: Box) -> None:
    for port in ("80", "443"):
        box.do("/ip/firewall/filter/add", chain="input", protocol="tcp", dst_port=port)
    first, second = (row[".id"] for row in box.rows("/ip/firewall/filter"))

    assert box.trap("/ip/firewall/filter/set", _id=f"{first},*77", action="drop") == "no such item"
    box.do("/ip/firewall/filter/set", _id=f"{first},{second}", action="drop")
    box.do("/ip/firewall/filter/disable", numbers=first)
    box.do("/ip/firewall/filter/comment", numbers=second, comment="ours")
    box.do("/ip/firewall/filter/set", _id="", action="accept")

    rows = box.rows("/ip/firewall/filter")
    assert [row["action"] for row in rows] == ["drop", "drop"]
    assert [row["disabled"] for row in rows] == ["true", "false"]
    assert rows[1]["comment"] == "ours"
    box.do("/ip/firewall/filter/enable", numbers=first)
    assert box.rows("/ip/firewall/filter")[0]["disabled"] == "false"


def test_an_ordered_list_keeps_its_order(box: Box) -> None:
    numbers = [box.do("/ip/firewall/filter/add", chain="input", comment=name).ret or "" for name in "abc"]
    box.do("/ip/firewall/filter/add", chain="input", comment="d", place_before=numbers[0])
    order = lambda: "".join(row["comment"] for row in box.rows("/ip/firewall/filter"))  # noqa: E731
    assert order() == "dabc"

    box.do("/ip/firewall/filter/move", numbers=numbers[2], destination=numbers[0])
    assert order() == "dcab"
    box.do("/ip/firewall/filter/move", numbers=numbers[2])
    assert order() == "dabc"
    box.do("/ip/firewall/filter/move", numbers=numbers[0], destination=numbers[0])
    assert order() == "dabc"
    assert box.trap("/ip/pool/move", numbers="hs") == "no such command"


def test_a_copy_has_what_its_source_has(box: Box) -> None:
    box.do("/ip/hotspot/user/profile/add", name="p", rate_limit="1M/1M")

    box.send("/ip/hotspot/user/profile/add", {"copy-from": "p", "name": "q"})

    assert box.row("/ip/hotspot/user/profile", "name=q")["rate-limit"] == "1M/1M"


def test_dynamic_rows_can_not_be_changed(box: Box) -> None:
    box.router.say("/ip/dhcp-server/lease", [Row(7, {"address": "10.5.50.9"}, dynamic=True)])
    box.router.say("/ip/hotspot/active", [Row(8, {}, {"user": "gina"}, dynamic=True)])

    assert box.trap("/ip/dhcp-server/lease/set", _id="*7", comment="x") == "failure: can not change dynamic item"
    assert box.trap("/ip/dhcp-server/lease/remove", _id="*7") == "failure: can not remove dynamic item"
    box.do("/ip/dhcp-server/lease/make-static", numbers="*7")
    box.do("/ip/dhcp-server/lease/set", _id="*7", comment="x")
    assert box.row("/ip/hotspot/active")["dynamic"] == "true"
    box.do("/ip/hotspot/active/remove", _id="*8")
    assert box.rows("/ip/hotspot/active") == []


@pytest.mark.parametrize(
    ("version", "menu", "attribute", "value", "known"),
    [
        ("7.14", "/radius", "require-message-auth", "no", False),
        ("7.15", "/radius", "require-message-auth", "no", True),
        ("7.16.2", "/interface/wireguard/peers", "is-responder", "yes", True),
        ("7.17", "/interface/wireguard/peers", "is-responder", "yes", False),
        ("7.23.3", "/ip/service", "available-from", "10.0.0.0/8", False),
        ("7.24", "/ip/service", "available-from", "10.0.0.0/8", True),
    ],
)
def test_a_version_knows_its_own_attributes(version: str, menu: str, attribute: str, value: str, known: bool) -> None:
    box = Box(version=version)
    if menu == "/radius":
        box.do("/radius/add", address="10.0.0.1")
    elif menu != "/ip/service":
        box.do("/interface/wireguard/add", name="wg")
        box.do("/interface/wireguard/peers/add", interface="wg", allowed_address="10.0.0.0/8")
    numbers = box.rows(menu)[0][".id"]

    if known:
        box.send(f"{menu}/set", {"numbers": numbers, attribute: value})
        assert attribute in box.rows(menu)[0]
    else:
        assert (
            box.trap(f"{menu}/set", numbers=numbers, **{attribute.replace("-", "_"): value})
            == f"unknown parameter {attribute}"
        )


def test_menus_come_with_versions_and_packages() -> None:
    assert Box(version="7.17.1").trap("/safe-mode/print") == "no such command prefix"
    assert Box(version="7.12.2").trap("/interface/wifi/print") == "no such command prefix"
    assert Box().trap("/interface/wireless/print") == "no such command prefix"
    assert Box(model="RB951Ui-2HnD").row("/interface/wireless")["name"] == "wlan1"


def test_addresses_get_their_network(box: Box) -> None:
    box.do("/ip/address/add", address="10.5.50.1/24", interface="br")
    assert box.row("/ip/address")["network"] == "10.5.50.0"

    box.do("/ip/address/set", _id=box.row("/ip/address")[".id"], address="10.6.0.1/16")
    assert box.row("/ip/address")["network"] == "10.6.0.0"
    box.do("/ip/address/add", address="10.7.0.1", netmask="255.255.255.0", interface="br")
    assert box.rows("/ip/address")[1]["network"] in {"10.7.0.1", "10.7.0.0"}


def test_wireguard_makes_its_key_on_the_router(box: Box) -> None:
    box.do("/interface/wireguard/add", name="wg")
    mine = box.row("/interface/wireguard")
    box.do(
        "/interface/wireguard/peers/add",
        interface="wg",
        public_key=mine["public-key"],
        allowed_address="10.99.0.1",
        preshared_key="auto",
        private_key="auto",
    )

    peer = box.row("/interface/wireguard/peers")
    assert peer["allowed-address"] == "10.99.0.1/32"
    assert len(peer["preshared-key"]) == 44
    assert mine["public-key"] != mine["private-key"]
    again = {"interface": "wg", "public_key": mine["public-key"], "allowed_address": "10.0.0.0/8"}
    assert box.trap("/interface/wireguard/peers/add", **again) == "failure: entry already exists"
    assert (
        box.trap("/interface/wireguard/peers/add", **{**again, "public_key": "x"})
        == "invalid value for argument public-key"
    )


def test_secrets_are_shown_only_to_those_who_may_see_them(box: Box) -> None:
    box.do("/radius/add", address="10.0.0.1", secret="quiet")
    reader = Session("bob", frozenset({"read", "api"}))

    assert box.row("/radius")["secret"] == "quiet"
    assert "secret" not in box.do("/radius/print", reader).rows[0]
    assert "password" not in box.row("/user")


def test_outputs_follow_from_the_configuration(box: Box) -> None:
    box.do("/ip/dhcp-server/option/add", name="capport", code="114", value="'https://portal/'")
    box.do("/ip/dhcp-server/option/add", name="hex", code="43", value="0x0A")
    box.do("/system/ntp/client/set", enabled="yes", servers="pool.ntp.org")
    box.do("/ip/route/add", gateway="10.0.0.1")
    box.do("/interface/bridge/port/add", bridge="br", interface="ether2")

    assert box.row("/ip/pool")["total"] == "253"
    assert box.rows("/ip/dhcp-server/option")[0]["raw-value"] == b"https://portal/".hex()
    assert box.rows("/ip/dhcp-server/option")[1]["raw-value"] == "0a"
    assert box.row("/system/ntp/client")["status"] == "synchronized"
    assert box.row("/ip/route")["active"] == "true"
    assert box.row("/interface", "name=ether2")["slave"] == "true"
    assert box.row("/system/resource")["version"] == "7.20.8 (stable)"
    assert box.row("/system/routerboard")["serial-number"] == "HE108SIMULATED"
    assert Box(model="CHR").row("/system/routerboard") == {"routerboard": "false"}
    assert box.row("/system/license")["nlevel"] == "4"
    assert box.router.sessions_allowed == 200


def test_listeners_hear_which_menus_changed(box: Box) -> None:
    heard: list[str] = []
    forget = box.router.on_change(heard.extend)

    box.do("/ip/hotspot/add", interface="br")
    forget()
    box.do("/ip/hotspot/remove", _id="hotspot1")
    forget()

    assert heard == ["/ip/hotspot"]


def test_following_says_what_comes_and_goes(box: Box) -> None:
    work = box.do("/ip/pool/listen").work
    assert work is not None
    first = box.do("/ip/pool/print", follow="").work
    assert first is not None
    assert [row["name"] for row in first.take()[0]] == ["hs"]

    box.do("/ip/pool/add", name="b", ranges="10.9.0.1")
    box.do("/interface/bridge/add", name="other")
    box.do("/ip/pool/remove", _id="b")

    rows, refusal = work.take()
    assert [row.get("name", row.get(".dead")) for row in rows] == ["b", "true"]
    assert refusal is None
    work.cancel()
    work.cancel()
    assert work.is_over
