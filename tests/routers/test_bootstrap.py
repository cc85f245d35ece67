"""The script that enrols a router: its values are only values, and it carries what it must."""

import re
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.routers.bootstrap import Bootstrap, netinstall, one_line, script
from hotspot.routers.handover import BOOTSTRAP, DENIED, OTHER_SERVICES, Absent, Ensure, ProveLogin, hand_over
from hotspot.routers.script import quote

CARRIED = Bootstrap("https://wifi.example.org", "t" * 27)
LITERAL = re.compile(r'"((?:[^"\\]|\\[0-9A-F]{2})*)"')
MENU = re.compile(r"/[a-z-]+(?:/[a-z-]+)+")


def values(text: str) -> list[str]:
    """Every string literal, read by the rule of RouterOS for two capital hex digits."""
    return [
        re.sub(rb"\\([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), literal.encode()).decode()
        for literal in LITERAL.findall(text)
    ]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_quoted_value_is_one_literal_of_plain_characters_and_comes_back(value: str) -> None:
    assert values(quote(value)) == [value]
    assert LITERAL.fullmatch(quote(value))
    assert not set(quote(value)[1:-1]) & set("\"$?[](){};#'=\n\r")


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        quote("\ud800")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whatever_the_ca_file_holds_the_script_has_the_same_statements(ca: str) -> None:
    def bones(text: str) -> str:
        return LITERAL.sub('""', text)

    carried = Bootstrap(CARRIED.base_url, CARRIED.token, ca)

    assert bones(script(carried)) == bones(script(Bootstrap(CARRIED.base_url, CARRIED.token, "other")))
    assert ca in values(script(carried))


def test_the_script_sends_its_token_in_the_body_and_checks_certificates_always() -> None:
    text = script(CARRIED)

    assert text.count("/tool/fetch") == text.count('check-certificate="yes"') == 1
    assert 'url="https://wifi.example.org/api/enrol/v1/contact"' in text
    assert [value for value in values(text) if "ttt" in value] == ['{"token":"' + "t" * 27 + '","serial":"']
    assert "ttt" not in repr(CARRIED)


def test_the_script_is_one_block_with_balanced_braces_and_can_be_pasted() -> None:
    for text in (script(CARRIED), netinstall(CARRIED), script(Bootstrap(CARRIED.base_url, CARRIED.token, "a\nb"))):
        bare = LITERAL.sub('""', text)
        depth = 0
        for line in bare.splitlines()[1:]:
            depth += line.count("{") - line.count("}")
            assert depth >= 0
            assert line.count("[") == line.count("]")
            assert line.count("(") == line.count(")")
        assert depth == 0
        assert text.isascii()


def test_every_row_that_is_made_is_looked_for_first() -> None:
    text = script(CARRIED)

    made = {menu.removesuffix("/add") for menu in MENU.findall(text) if menu.endswith("/add")}

    assert made == {
        "/interface/wireguard",
        "/certificate",
        "/user",
        "/ip/firewall/filter",
        "/interface/wireguard/peers",
        "/ip/address",
        "/ip/route",
    }
    for menu in made:
        assert text.index(f"{menu}/find where") < text.index(f"{menu}/add")


def test_it_says_in_words_what_a_person_must_do() -> None:
    said = " ".join(values(script(CARRIED)))

    assert "within 5 minutes press the button" in said
    assert "/system/device-mode/update fetch=yes hotspot=yes" in said


def test_the_one_line_shows_its_token_in_a_header_field_and_never_in_the_address() -> None:
    line = one_line(CARRIED)

    assert line == (
        '/tool/fetch url="https://wifi.example.org/api/enrol/v1/script" http-header-field="Authorization: Bearer '
        + "t" * 27
        + '" check-certificate="yes" dst-path="hotspot.rsc"; /import "hotspot.rsc"'
    )


def test_netinstall_closes_what_is_open_and_retries_with_a_scheduler_that_the_script_removes() -> None:
    text = netinstall(CARRIED)

    assert script(CARRIED) in values(text), "whole, as the source of a script"
    assert '/system/script/run "hotspot-enrol"' in values(text)
    assert '/system/scheduler/remove [/system/scheduler/find where name="hotspot-enrol"]' in script(CARRIED)
    for service in ("telnet", "ftp", "www", "api"):
        assert f'/ip/service/set "{service}" disabled="yes"' in text


def test_the_hand_over_gives_the_controller_little_and_removes_the_bootstrap_last() -> None:
    steps = hand_over(controller=IPv4Address("10.253.0.1"), password="p" * 33)

    group, user, service, proof = steps[:4]
    assert isinstance(group, Ensure)
    assert {f"!{policy}" for policy in DENIED} <= set(group.fields["policy"].split(","))
    assert {"policy", "winbox", "web", "telnet", "ssh"} <= set(DENIED)
    assert isinstance(user, Ensure)
    assert (user.fields["address"], user.fields["password"]) == ("10.253.0.1/32", "p" * 33)
    assert isinstance(service, Ensure)
    assert service.fields["address"] == "10.253.0.1/32"
    assert isinstance(proof, ProveLogin)
    closed = [step.key["name"] for step in steps if isinstance(step, Ensure) and step.fields == {"disabled": "yes"}]
    assert closed == list(OTHER_SERVICES)
    assert steps[-1] == Absent("/user", {"name": BOOTSTRAP})
    assert "ppp" not in repr(steps)


def test_the_tunnel_lets_further_radius_servers_through_where_there_are_any() -> None:
    further = replace(CARRIED, radius_servers=(IPv4Address("10.253.0.9"), IPv4Address("10.253.0.2")))

    assert "allowed-address=$controller " in script(CARRIED)
    assert ",10.253.0.9/32,10.253.0.2/32" in values(script(further))
    routes = [line for line in script(further).splitlines() if "/ip/route/add" in line]
    assert [value for line in routes for value in values(line) if value.startswith("10.")] == [
        *["10.253.0.9/32"] * 2,
        *["10.253.0.2/32"] * 2,
    ]
