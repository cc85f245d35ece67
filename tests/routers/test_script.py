import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import campaign_quoting
from benchmarks.campaign_quoting import PIECES, PLACES, WAYS, hold
from benchmarks.routeros_text import Assigned, NotOurs, statements
from hotspot.routers.changes import Move, Ref, Set
from hotspot.routers.plan import plan
from hotspot.routers.script import quote, script, statement
from hotspot.routers.undo import inverse
from tests.routers.rows import CERTIFICATE, SECRET, Box, desired

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.sampled_from(WAYS), st.sampled_from(PLACES), TEXTS | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_in_any_name_is_one_statement_with_that_value(way: str, place: tuple[str, str], text: str) -> None:
    assert hold(way, *place, text) == ""


def test_a_slice_of_the_campaign_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign_quoting.main(["--strings", "3000", "--seed", "7"]) == 0
    assert capsys.readouterr().out == "3000 passed, 0 failed\n"


@pytest.mark.parametrize("character", "\"\\$?[](){};#'=\n\r\x00`!*%&|~<>é\u2028")
def test_each_character_that_means_something_is_escaped(character: str, monkeypatch: pytest.MonkeyPatch) -> None:
    octets = set(character.encode())
    quoted = quote(character)

    assert quoted == '"' + "".join(f"\\{octet:02X}" for octet in character.encode()) + '"'
    monkeypatch.setattr("hotspot.routers.script.PLAIN", frozenset(range(256)) & octets | set(b"a"))
    with pytest.raises((NotOurs, UnicodeError, AssertionError)):
        assert statements(f"/x/set name={quote(character)}\n") == [("/x/set", Assigned("name", character))]


@pytest.mark.parametrize(
    "text", ["/x/set name=bare\n", '/x/set name="$y"\n', '/x/set name="y"; /y\n', '/x/set name="y', "/x {\n", "/x"]
)
def test_the_tokenizer_refuses_what_could_be_code(text: str) -> None:
    with pytest.raises(NotOurs):
        statements(text)


def test_code_within_code_is_quoted_twice() -> None:
    value = '"; /system/reset-configuration'
    code = statement(Set("/system/identity", "identity", Ref(), {"name": value}, {}))

    outer = statements(f"/system/scheduler/add on-event={quote(code)}\n")

    assert outer == [("/system/scheduler/add", Assigned("on-event", code))]
    assert statements(f"{code}\n") == [("/system/identity/set", Assigned("name", value))]


def test_option_114_keeps_its_inner_quotes() -> None:
    text = script(plan(desired(certificate=CERTIFICATE), Box().actual).changes)

    (option,) = [found for found in statements(text) if found[0] == "/ip/dhcp-server/option/add"]
    assert Assigned("value", "'https://login.example.org/api'") in option


def test_a_whole_plan_and_its_taking_back_are_as_many_statements_as_changes_and_hold_no_secret() -> None:
    box = Box()
    box.put("/ip/firewall/filter", chain="input", action="drop")
    there = plan(desired(ssid='";/x'), box.actual)
    back = inverse(there, box.actual)

    assert len(statements(script(there.changes))) == len(there.changes)
    assert len(statements(script(back.changes))) == len(back.changes)
    assert SECRET not in script(there.changes)
    assert "\n/radius/remove [/radius/find where comment=" in script(back.changes)
    assert " !configuration.ssid" in script(back.changes)


def test_a_row_is_moved_to_the_end_by_naming_no_destination() -> None:
    assert statement(Move("/radius", "x", Ref("*A"), None)) == '/radius/move "\\2AA"'
