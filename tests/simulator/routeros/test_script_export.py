"""/export writes what was configured, and importing that makes the same router."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hotspot.simulator.routeros.script.export import quoted
from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.state import Row
from tests.simulator.routeros.scripting import Scripted

HOTSPOT = """
/interface ethernet set [ find default-name=ether2 ] name=guests comment="Wi-Fi \\C3\\A9"
/interface bridge add name=bridge
/interface bridge port add bridge=bridge interface=guests
/interface wireguard add name=tunnel listen-port=13231 private-key="YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
/ip address add address=10.5.50.1/24 interface=bridge
/ip pool add name=guests ranges=10.5.50.10-10.5.50.250
/ip dhcp-server add name=dhcp interface=bridge address-pool=guests
/ip hotspot profile set [ find name=default ] login-by=http-pap dns-name=login.example.id
/ip hotspot profile add name=portal hotspot-address=10.5.50.1 use-radius=yes
/ip hotspot add name=hotspot1 interface=bridge profile=portal address-pool=guests disabled=no
/ip hotspot user add name=gina password="let me \\"in\\""
/ip service set telnet disabled=yes
/ip firewall filter add chain=input action=drop in-interface=!tunnel comment="a;b $x ?"
/radius add service=hotspot address=10.255.0.1 secret=topsecret timeout=3s
/system identity set name="Alun-Alun"
/system script add name=s source=":put \\"x\\"\\r\\n# done"
""".replace("$x", "\\$x")


def exported(box: Scripted, command: str = "/export show-sensitive") -> str:
    """An export without its head, which says the time."""
    return "\n".join(line for line in box.run(command).splitlines() if not line.startswith("#"))


def imported(script: str) -> Scripted:
    box = Scripted()
    box.run(script)
    return box


def test_a_router_that_nobody_configured_has_nothing_to_export() -> None:
    assert exported(Scripted()) == ""


def test_an_export_is_grouped_by_menu_and_says_only_what_was_set() -> None:
    text = exported(imported(HOTSPOT))

    assert "/ip service\nset telnet disabled=yes\n" in text
    assert '/interface ethernet\nset [ find default-name=ether2 ] comment="Wi-Fi \\C3\\A9" name=guests\n' in text
    assert "/ip hotspot profile\nset [ find name=default ] dns-name=login.example.id login-by=http-pap\nadd " in text
    assert "/system identity\nset name=Alun-Alun" in text
    assert 'comment="a;b \\$x \\?"' in text
    assert text.index("/ip pool") < text.index("/ip dhcp-server") < text.index("/ip hotspot\n")
    assert max(map(len, text.splitlines())) <= 90


def test_a_value_is_quoted_as_the_router_quotes_it() -> None:
    assert [quoted(text) for text in ("10.0.0.1/24", "*1A", "", "a b", "é\r\n\t\x7f", "!x", '"\\$?')] == [
        *("10.0.0.1/24", "*1A", '""', '"a b"', '"\\C3\\A9\\r\\n\\t\\7F"', '"!x"', '"\\"\\\\\\$\\?"'),
    ]


def test_what_the_router_made_by_itself_is_not_exported() -> None:
    box = Scripted()
    box.router.say("/ip/address", [Row(7, {"address": "10.0.0.1/24", "interface": "ether1"}, dynamic=True)])

    assert exported(box) == ""


def test_what_an_export_says_makes_the_same_router() -> None:
    first = imported(HOTSPOT)

    second = imported(exported(first))

    assert exported(second) == exported(first)
    assert second.rows("/ip/hotspot") == first.rows("/ip/hotspot")
    assert second.rows("/system/script")[0]["source"] == ':put "x"\r\n# done'
    assert second.row("/interface/wireguard")["public-key"] == first.row("/interface/wireguard")["public-key"]


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.booleans())
def test_any_comment_survives_an_export(comment: str, switch: bool) -> None:
    first = Scripted()
    fields = {"name": "x", "source": comment, "comment": comment, "dont-require-permissions": "yes" if switch else "no"}
    first.send("/system/script/add", fields)
    first.send("/interface/ethernet/set", {"numbers": "ether1", "comment": comment})

    second = imported(exported(first))

    assert second.rows("/system/script") == first.rows("/system/script")
    assert exported(second) == exported(first)


def test_secrets_are_shown_only_to_who_asks_and_may() -> None:
    box = imported(HOTSPOT)
    curious = Session("curious", frozenset({"read"}))

    assert "topsecret" not in exported(box, "/export")
    assert "topsecret" not in box.run("/export show-sensitive", curious)
    assert "topsecret" in exported(box)
    assert "let me" not in exported(box, "/export")


def test_an_export_of_one_menu_holds_what_is_below_it() -> None:
    text = exported(imported(HOTSPOT), "/ip hotspot export")

    assert "/ip hotspot user" in text
    assert "/ip pool" not in text
    assert exported(imported(HOTSPOT), "/ip pool; export").startswith("/ip pool\nadd name=guests")


def test_an_export_can_be_written_to_a_file_also_through_the_api() -> None:
    box = imported(HOTSPOT)

    assert box.run("/export file=script show-sensitive") == ""
    assert box.do("/export", file="api.rsc").rows == []
    assert box.do("/export").ret is None

    script, api = (box.router.files.read(name) or b"" for name in ("script.rsc", "api.rsc"))
    assert script.startswith(b"# 2026-03-02 05:00:00 by RouterOS 7.20.8\n# software id = ")
    assert b"topsecret" in script
    assert b"topsecret" not in api
    assert imported(script.decode()).rows("/radius") == box.rows("/radius")
