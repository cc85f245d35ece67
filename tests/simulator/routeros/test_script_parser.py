"""Text becomes a tree: statements, menus, words, strings; and nothing that is quoted becomes code."""

from contextlib import suppress
from dataclasses import is_dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotspot.routers.script import quote
from hotspot.simulator.routeros.script.export import quoted
from hotspot.simulator.routeros.script.parser import parse
from hotspot.simulator.routeros.script.scanner import LONGEST_SOURCE
from hotspot.simulator.routeros.script.syntax import (
    Argument,
    Attribute,
    Binary,
    Block,
    Builtin,
    Command,
    Expression,
    Place,
    Statement,
    Text,
    Unary,
    Variable,
    Word,
)
from hotspot.simulator.routeros.traps import Trap

MENUS = {"/ip", "/ip/address", "/ip/hotspot", "/ip/hotspot/profile", "/system", "/system/identity"}
HOSTILE = [
    "[/system/reboot]",
    "$(reboot)",
    "$[/system/reboot]",
    "$name",
    'a";/user/add name=x password=y group=full;"',
    "\\",
    '\\"',
    "x\\",
    '"',
    "?",
    "a\nb",
    "a\r\nb",
    "a\u2028b",
    "{",
    "}",
    "`",
    "#",
    "; :error x",
    "a]b)c}",
    "yes",
    "007",
    "",
    " ",
    "'",
    "=",
    "Kopi & Teh 東京 é",
    *map(chr, range(0x20)),
]


def read(source: str) -> tuple[Statement, ...]:
    return parse(source, MENUS.__contains__).statements


def command(source: str) -> Command:
    (found,) = read(source)
    assert isinstance(found, Command)
    return found


def value(source: str) -> Expression:
    (argument,) = command(f"/ip address add {source}").arguments
    assert argument.value is not None
    return argument.value


def refusal(source: str) -> str:
    with pytest.raises(Trap) as caught:
        read(source)
    return caught.value.text


@pytest.mark.parametrize(
    "source",
    ["/ip hotspot profile add", "/ip/hotspot/profile/add", "/ip/hotspot profile/ add", ":ip hotspot profile add"],
)
def test_a_menu_is_written_with_blanks_or_slashes(source: str) -> None:
    found = command(source)

    assert (found.path, found.name) == ("/ip/hotspot/profile", "add")


def test_a_menu_alone_is_current_for_what_follows_until_the_block_ends() -> None:
    source = "/ip hotspot\nprofile add\nadd; { /system identity\nset }\nadd\n/\nip address add\n"

    found = [each.statements[0] if isinstance(each, Block) else each for each in read(source)]

    assert [each.path for each in found if isinstance(each, Command)] == [
        "/ip/hotspot/profile",
        "/ip/hotspot",
        "/system/identity",
        "/ip/hotspot",
        "/ip/address",
    ]


def test_in_the_brackets_of_a_command_its_own_menu_is_current() -> None:
    found = command("/ip address set [find where address=10.0.0.1/24 !dynamic] disabled=no")

    (inner,) = found.arguments[0].value.block.statements  # type: ignore[union-attr]
    assert inner.path == "/ip/address"
    assert inner.where == Binary(
        "and", Binary("=", Attribute("address"), Text("10.0.0.1/24")), Unary("!", Attribute("dynamic"))
    )


def test_statements_end_at_semicolons_and_lines_and_a_backslash_joins_lines() -> None:
    source = "# a comment; :put 0\n:put 1;:put 2 ; # more\n\n:put \\\n  3\r\n"

    assert [each.arguments[0].value for each in read(source) if isinstance(each, Builtin)] == [
        Word("1"),
        Word("2"),
        Word("3"),
    ]


def test_an_argument_is_a_pair_a_value_or_a_negated_name() -> None:
    assert command('/ip address set 0 comment="a b" !network disabled=').arguments == (
        Argument(None, Word("0"), Place(1, 17)),
        Argument("comment", Text("a b"), Place(1, 19)),
        Argument("!network", None, Place(1, 33)),
        Argument("disabled", Text(""), Place(1, 42)),
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r'"\"\\\n\r\t\$\?\_\a\b\f\v"', '"\\\n\r\t$? \a\b\f\v'),
        (r'"\E2\82\AC \00\FF"', "€ \0\udcff"),
        ('"long \\\n    text"', "long text"),
        ('"two\nlines"', "two\nlines"),
        ('"a#b;c}d"', "a#b;c}d"),
        ('"5 $"', "5 $"),
    ],
)
def test_a_string_knows_every_escape(source: str, text: str) -> None:
    found = value(f"comment={source}")

    assert "".join(each.text for each in getattr(found, "parts", (found,))) == text


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ('/ip address add comment="x', "syntax error (line 1 column 27)"),
        ("/ip address\nadd comment='x'", "syntax error (line 2 column 13)"),
        (r':put "\q"', "syntax error (line 1 column 7)"),
        (r':put "\c3"', "syntax error (line 1 column 7)"),
        (':put "a""b"', "syntax error (line 1 column 9)"),
        (":put (1 +)", "syntax error (line 1 column 10)"),
        (":put (1", "syntax error (line 1 column 8)"),
        (":put [:len x", "syntax error (line 1 column 13)"),
        (":put $", "syntax error (line 1 column 7)"),
        (':put $""', "syntax error (line 1 column 9)"),
        (":put {1,}{", "syntax error (line 1 column 10)"),
        (":put {=}", "syntax error (line 1 column 7)"),
        (':put {"a" "b"}', "syntax error (line 1 column 11)"),
        ("}", "syntax error (line 1 column 1)"),
        ("/ip ;; %", "expected command name (line 1 column 8)"),
        (":put 1 2", "expected end of command (line 1 column 8)"),
        (":put 1 as-value=yes", "expected end of command (line 1 column 8)"),
        (":put 1 !x", "expected end of command (line 1 column 8)"),
        (":put 1)", "syntax error (line 1 column 7)"),
        ("{:put 1 ]", "syntax error (line 1 column 9)"),
        ("{:put 1} :put 2", "expected end of command (line 1 column 10)"),
        ("[" * 40, "nested too deeply (line 1 column 34)"),
        (":put (" + "!" * 40 + "true)", "nested too deeply (line 1 column 39)"),
        (":put \ud800", "script is no text"),
        ("#" * (LONGEST_SOURCE + 1), "script too long"),
    ],
)
def test_what_is_no_script_is_refused_with_its_place(source: str, refused: str) -> None:
    assert refusal(source) == refused


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("write", [quote, quoted])
def test_a_hostile_value_stays_one_value_of_one_statement(text: str, write: object) -> None:
    literal = write(text)  # type: ignore[operator]

    assert value(f"comment={literal}") in {Text(text), Word(text)}
    assert len(read(f":put {literal}\n:put 2")) == 2


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("\x7f")
def test_what_is_quoted_is_read_back(text: str) -> None:
    assert value(f"comment={quote(text)}") == Text(text)
    assert value(f"comment={quoted(text)}") in {Text(text), Word(text)}


@given(st.binary())
def test_octets_that_are_no_text_are_read_back_too(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")

    assert value(f"comment={quoted(text)}") in {Text(text), Word(text)}


@given(st.text(st.sampled_from('ab1 ="\\$[](){};\n#:/.!-> do=find where')))
def test_any_text_is_a_script_or_refused(source: str) -> None:
    with suppress(Trap):
        assert is_dataclass(parse(source, MENUS.__contains__))


def test_variables_have_names_or_quoted_names() -> None:
    assert value("comment=$name") == Variable("name")
    assert value('comment=$"mac-address"') == Variable("mac-address")
