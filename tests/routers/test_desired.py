from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.errors import Invalid
from hotspot.routers.configs import UnreadableConfig, load
from hotspot.routers.desired import BadValue, Desired, DesiredRow, desire
from hotspot.routers.items import BadConfig, emitted, read_items
from hotspot.routers.menus import MENUS, Attribute
from hotspot.routers.values import Value
from tests.routers.rows import (
    CERTIFICATE,
    CONFIGS,
    GERUNGGANG,
    NO_RADIO,
    SECRET,
    WIFI,
    WIRELESS,
    desired,
    facts,
    values,
)

POOL = """
[[item]]
menu = "/ip/pool"
name = "guests"
[item.fields]
name = "hotspot-guests"
ranges = "{guest.pool}"
"""


def item(menu: str = "/ip/pool", role: str = "guests", more: str = "", **fields: str) -> str:
    lines = [f'"{key.replace("_", "-")}" = {value!r}' for key, value in fields.items()]
    return "\n".join(["[[item]]", f'menu = "{menu}"', f'name = "{role}"', more, "[item.fields]", *lines, ""])


def made(text: str, **more: Value) -> Desired:
    return desire(read_items({"a.toml": text}), {**values(), **more}, facts())


def row(wanted: Desired, menu: str, name: str = "guests") -> DesiredRow:
    (found,) = [each for each in wanted.of(menu) if each.name == name]
    return found


def problem(text: str, **more: Value) -> str:
    with pytest.raises(BadConfig) as caught:
        made(text, **more)
    return str(caught.value)


# --- the whole hotspot -------------------------------------------------------------------------------------------------------


def test_a_site_gets_a_whole_hotspot_in_dependency_order() -> None:
    wanted = desired(ssid="WiFi Gerunggang", walled_garden="puskesmas.example,*.pangkalpinang.example")

    menus = [each.menu for each in wanted.rows]
    order = list(MENUS)
    assert menus == sorted(menus, key=order.index)
    assert row(wanted, "/ip/address").fields["address"] == "10.5.50.1/24"
    assert row(wanted, "/ip/dhcp-server/network").fields["dns-server"] == "10.5.50.1"
    assert row(wanted, "/radius", "server-10.90.0.2").fields["timeout"] == "3s"
    assert row(wanted, "/radius", "server-10.90.0.2").fields["secret"] == SECRET
    assert row(wanted, "/radius/incoming", "disconnect").fields == {"accept": "yes", "port": "3799"}
    assert row(wanted, "/ip/service", "api-ssl").fields["address"] == "10.90.0.1/32"
    assert [each.fields["dst-host"] for each in wanted.of("/ip/hotspot/walled-garden/ip")] == [
        *("wifi.example.org", "puskesmas.example", "*.pangkalpinang.example")
    ]
    assert row(wanted, "/ip/hotspot/walled-garden/ip", "free-%2A.pangkalpinang.example").mark.startswith(
        "hotspot:free-"
    )


def test_all_that_comes_in_is_dropped_but_what_a_rule_before_lets_in() -> None:
    rules = [each for each in desired().of("/ip/firewall/filter") if each.fields["chain"] == "input"]

    assert rules[-1].fields == {"chain": "input", "action": "drop", "comment": "hotspot:input-rest"}
    assert {each.place for each in rules} == {"first"}
    for each in rules[:-1]:
        limited = {"in-interface", "connection-state"} & each.fields.keys()
        assert limited or each.fields["protocol"] == "icmp"
    resolver = [each for each in rules if "53" in each.fields.get("dst-port", "").split(",")]
    assert [each.fields["in-interface"] for each in resolver] == ["hotspot-guests"] * 2


def test_every_value_says_who_gave_it() -> None:
    radio = row(desired(ssid="WiFi Gerunggang"), "/interface/wifi", "radio-wifi1")

    assert radio.sources["configuration.ssid"] == GERUNGGANG
    assert radio.sources["configuration.country"] == "default"
    assert "disabled" not in radio.sources


@pytest.mark.parametrize(
    ("interfaces", "menus"),
    [
        (WIFI, {"/interface/wifi"}),
        (WIRELESS, {"/interface/wireless", "/interface/wireless/security-profiles"}),
        (NO_RADIO, set()),
    ],
)
def test_the_radios_tree_is_the_one_the_box_has(interfaces: dict[str, str], menus: set[str]) -> None:
    wanted = desired(facts(interfaces=interfaces), ssid="Kota")

    assert {each.menu for each in wanted.rows if each.menu.startswith("/interface/wi")} == menus
    radios = [name for name, kind in interfaces.items() if kind in {"wifi", "wlan"}]
    ports = [(each.fields["interface"], each.fields["horizon"]) for each in wanted.of("/interface/bridge/port")]
    assert ports == [(name, "1") for name in radios]  # of one horizon: none reaches another
    if interfaces == WIRELESS:
        assert row(wanted, "/interface/wireless", "radio-wlan1").fields["country"] == "indonesia"


def test_phones_are_told_of_the_captive_portal_api_only_where_its_test_was_passed() -> None:
    without, with_one = desired(), desired(certificate=CERTIFICATE)

    assert without.of("/ip/dhcp-server/option") == []
    assert row(without, "/ip/dhcp-server/network").fields["dhcp-option-set"] == "none"
    assert "/ip/dhcp-server/option captive-portal-api: needs a certificate and a name for its log-in page" in "".join(
        map(str, without.left_out)
    )
    assert (
        row(with_one, "/ip/dhcp-server/option", "captive-portal-api").fields["value"]
        == "'https://login.example.org/api'"
    )
    assert row(with_one, "/ip/dhcp-server/network").fields["dhcp-option-set"] == "hotspot-guests"
    assert row(with_one, "/ip/hotspot/profile").fields["login-by"] == "https,http-chap,http-pap,mac"


def test_what_a_version_lacks_is_left_out_and_said() -> None:
    older, newer = desired(certificate=CERTIFICATE), desired(facts((7, 23, 3)), certificate=CERTIFICATE)

    said = "/ip/dhcp-server/option/sets guests: attribute comment needs RouterOS 7.23.3, this one has 7.19.4"
    assert said in map(str, older.left_out)
    assert "comment" not in row(older, "/ip/dhcp-server/option/sets").fields
    assert row(newer, "/ip/dhcp-server/option/sets").fields["comment"] == "captive portal API"
    assert not newer.left_out


def test_the_pages_go_where_a_reboot_keeps_them_with_the_portal_filled_in() -> None:
    wanted = desired(facts(has_flash=True))

    names = [each.fields["name"] for each in wanted.of("/file")]
    login = row(wanted, "/file", "page-login.html").fields["contents"]
    assert names[0] == "flash/hotspot-pages"
    assert set(names[1:]) == {f"flash/hotspot-pages/{page.removeprefix('hotspot/')}" for page in CONFIGS.pages}
    assert "url=https://wifi.example.org/p/alun-alun?mac=$(mac-esc)&amp;" in login
    assert "{portal_url}" not in login
    assert row(wanted, "/ip/hotspot/profile").fields["html-directory-override"] == "flash/hotspot-pages"


def test_the_portals_address_can_not_leave_its_place_in_a_page() -> None:
    given = {**values(), "portal.url": Value('https://x.example/?a=1&b="><script>', "x")}

    login = row(desire(CONFIGS.items, given, facts(), CONFIGS.pages), "/file", "page-login.html").fields["contents"]

    assert "url=https://x.example/?a=1&amp;b=&quot;&gt;&lt;script&gt;?mac=" in login
    assert "<script>" not in login


def test_a_port_that_the_box_lacks_is_left_out_and_said() -> None:
    wanted = desired(guest_ports="ether2,ether7")

    ports = [each.fields["interface"] for each in wanted.of("/interface/bridge/port")]
    assert ports == ["wifi1", "wifi2", "ether2"]
    assert "/interface/bridge/port port-ether7: this router has no interface ether7" in map(str, wanted.left_out)


def test_guests_can_not_have_the_controllers_own_network() -> None:
    with pytest.raises(BadValue, match=r"the controller's own address 10\.90\.0\.1 lies in 10\.90\.0\.0/24"):
        desired(guest_network="10.90.0.0/24")


def test_no_secret_is_in_a_repr() -> None:
    assert SECRET not in repr((desired(), values()))


# --- values are only ever values ---------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), min_size=1, max_size=32))
def test_whatever_a_value_says_names_and_menus_stay_those_of_the_file(text: str) -> None:
    plain = made(POOL + item("/system/identity", "identity", name="{router.name}"))
    with_it = made(
        POOL + item("/system/identity", "identity", name="{router.name}"), **{"router.name": Value(text, "x")}
    )

    assert row(with_it, "/system/identity", "identity").fields == {"name": text}
    assert [(each.menu, each.name, each.mark, set(each.fields)) for each in with_it.rows] == [
        (each.menu, each.name, each.mark, set(each.fields)) for each in plain.rows
    ]


def test_braces_in_a_value_are_no_hole() -> None:
    wanted = made(
        item("/system/identity", "identity", name="{router.name}"), **{"router.name": Value("{site.ssid}", "x")}
    )

    assert row(wanted, "/system/identity", "identity").fields["name"] == "{site.ssid}"


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "x" * 256, "\ud800"])
def test_what_no_router_may_be_given_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match=r"router\.name, from x, can't be given to a router"):
        made(item("/system/identity", "identity", name="{router.name}"), **{"router.name": Value(text, "x")})


# --- errors say where and what to do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[item]", "a.toml, item -, TOML: "),
        ("x = 1", "a.toml, item -, x: the file holds [[item]] and nothing else"),
        ("item = 1", "a.toml, item -, item: the file holds"),
        ("[[item]]\nfoo = 1", "item number 1, foo: an item has only menu, name"),
        ('[[item]]\nname = "Ä"', "item Ä, name: give it a name"),
        ("[[item]]\nname = 3", "item 3, name: give it a name"),
        (item("/ip/nowhere"), "item guests, menu: is not one that configs manage; these are: /system/identity"),
        (
            item("/certificate", name="hotspot-login-x"),
            "item guests, menu: is not one that configs manage; these are: ",
        ),
        (item(more='place = "top"'), "place: is first or last"),
        (item(more='each = "Radios!"'), "each: names a list of values"),
        (item(more='contents = "hotspot"'), "contents: names a folder"),
        (item(more='when = "sunny"'), "when: is one or several of wifi, wireless, certificate"),
        (item(more="needs = 7"), "needs: is one or several of"),
        (item(more="fields = 1").replace("[item.fields]", ""), "fields: a table of attributes"),
        ('[[item]]\nmenu = "/ip/pool"\nname = "x"\nfields = {ranges = 1.5}', "ranges: is a text, a number"),
        (item(size="1"), "size: /ip/pool has no such attribute; hotspot knows name, ranges, comment"),
        (item(ranges="{pool}"), "ranges: {pool} is no hole; write {site.pool} or {each}"),
        (item(ranges="{each}"), "ranges: {each} needs the item to have each"),
        (item(ranges="1"), "name: is what tells the rows of this menu apart"),
        (item(name="x", comment="mine"), 'comment: is our mark, "hotspot:guests"; leave it out'),
        (item("/ip/hotspot", name="guests"), "name: is our mark; it begins with hotspot- and has no hole"),
        (item("/ip/hotspot", name="hotspot-{site.ssid}"), "name: is our mark; it begins with hotspot- and has no hole"),
        (item("/file", name="hotspot-other"), "name: is our mark; it begins with hotspot-pages/"),
        (item(name="x") + item(name="x"), "name: is said by the item of this name in a.toml; leave it out"),
        (item(name="x") + item(more='each = "router.radios"'), "name: an item of this name is in a.toml already"),
        (item(name="x", ranges="{site.nothing}"), "ranges: nothing fills {site.nothing}; known are"),
        (item(name="x", ranges="{router.radios}"), "ranges: {router.radios} is a list; repeat the item with each"),
        (item(name="x", more='each = "router.name"'), "each: router.name is no list of values"),
        (item(name="x", more='each = "router.nothing"'), "each: router.nothing is no list of values"),
        (item(name="x", ranges="{router.radius_secret}"), "ranges: {router.radius_secret} is a secret"),
        (item("/file", more='contents = "none"', name="hotspot-pages"), "contents: there is no file in none/"),
        (
            item("/ip/hotspot", name="hotspot-x", profile="hotspot-y"),
            "profile: no item of /ip/hotspot/profile makes a row named hotspot-y",
        ),
    ],
)
def test_an_item_that_can_not_be_used_says_where_and_what_to_do(text: str, said: str) -> None:
    assert said in problem(text)


def test_code_that_a_router_runs_has_no_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotspot.routers.items.CODE", frozenset({"ranges"}))

    assert "ranges: is code that the router runs" in problem(POOL)


def test_an_item_may_need_a_version_or_choose_by_it() -> None:
    needs, when = (item(name="x", ranges="1", more=f'{key} = ["7.20"]') for key in ("needs", "when"))

    wanted = made(needs)
    assert wanted.rows == ()
    assert [str(each) for each in wanted.left_out] == ["/ip/pool guests: needs RouterOS 7.20, this one has 7.19.4"]
    assert made(when) == Desired((), (), wanted.menus, wanted.uplinks)
    assert len(desire(read_items({"a.toml": needs}), values(), facts((7, 20))).rows) == 1


def test_an_attribute_that_is_gone_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MENUS["/ip/pool"].attributes, "ranges", Attribute(until=(7, 18)))

    (left_out,) = made(POOL).left_out

    assert left_out.why == "attribute ranges is gone since RouterOS 7.18, this one has 7.19.4"


def test_an_item_of_the_same_name_adds_to_the_first_and_not_without_it() -> None:
    adding = item("/ip/dhcp-server/network", more="", dns_server="1.1.1.1")
    first = item("/ip/dhcp-server/network", more='when = "wireless"', address="{guest.network}")

    assert made(first + adding).rows == ()
    both = made(first.replace("wireless", "wifi") + adding)
    assert row(both, "/ip/dhcp-server/network").fields == {
        "address": "10.5.50.0/24",
        "dns-server": "1.1.1.1",
        "comment": "hotspot:guests",
    }


def test_what_an_item_that_is_not_chosen_would_add_is_cleared_and_its_place_does_not_count() -> None:
    first = item("/ip/firewall/filter", more='place = "first"', chain="input", dst_port="80")
    adding = item("/ip/firewall/filter", more='when = "certificate"', dst_port="443", protocol="tcp")

    without = row(made(first + adding), "/ip/firewall/filter")
    with_one = row(
        made(first + adding, **{f"router.{key}": Value("login", "x") for key in ("certificate", "login_host")}),
        "/ip/firewall/filter",
    )

    assert without.fields == {"chain": "input", "dst-port": "80", "protocol": "", "comment": "hotspot:guests"}
    assert with_one.fields == {"chain": "input", "dst-port": "443", "protocol": "tcp", "comment": "hotspot:guests"}
    assert without.place == with_one.place == "first"


def test_only_the_last_who_said_a_field_is_named() -> None:
    wanted = made(POOL + item(ranges="10.7.0.2-10.7.0.9"))

    assert row(wanted, "/ip/pool").sources == {}


def test_fields_are_written_as_toml_has_them() -> None:
    text = '[[item]]\nmenu = "/ip/hotspot/profile"\nname = "p"\nfields = {name = "hotspot-p", use-radius = true, login-by = ["mac", "https"]}'

    assert row(made(text), "/ip/hotspot/profile", "p").fields == {
        "name": "hotspot-p",
        "use-radius": "yes",
        "login-by": "mac,https",
    }


def test_what_is_emitted_names_the_mark_and_the_contents() -> None:
    sent = {each.menu: set(each.attributes) for each in emitted(CONFIGS.items) if not each.since}

    assert "comment" in sent["/ip/pool"]
    assert sent["/file"] == {"name", "type", "contents"}


# --- files -------------------------------------------------------------------------------------------------------------------


def test_configs_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "20.toml").write_text(item(name="x", ranges="1").replace("guests", "second"))
    (tmp_path / "10.toml").write_text(item(name="y", ranges="2"))
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "login.html").write_text("{portal_url}")

    read = load(tmp_path)

    assert [each.name for each in read.items] == ["guests", "second"]
    assert read.pages == {"pages/login.html": "{portal_url}"}


@pytest.mark.parametrize("octets", [b"\xff", b"#" * 60_001], ids=["no text", "too large"])
def test_a_file_that_can_not_be_used_says_so(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "a.toml").write_bytes(octets)

    with pytest.raises(UnreadableConfig, match=r"a\.toml"):
        load(tmp_path)


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader(text: str) -> None:
    with suppress(Invalid):
        read_items({"a.toml": text})
