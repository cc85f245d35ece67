"""The hotspot's template language."""

from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspot.simulator.servlet import Rendered, escape, octal, render

GINA = {"mac": "BC:24:11:EB:56:4D", "username": "", "logged-in": "no", "error": "a & b"}


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("plain text, $5 and $(", "plain text, $5 and $("),
        ("<$(mac)>", "<BC:24:11:EB:56:4D>"),
        ("<$(mac-esc)>", "<BC%3A24%3A11%3AEB%3A56%3A4D>"),
        ("<$(nothing)$(nothing-esc)>", "<>"),
        ("$(if mac)yes$(endif)", "yes"),
        ("$(if username)yes$(endif)", ""),
        ("$(if nothing)yes$(else)no$(endif)", "no"),
        ("$(if logged-in == 'yes')in$(else)out$(endif)", "out"),
        ('$(if logged-in != "yes")out$(endif)', "out"),
        ("$(if logged-in == no)out$(endif)", "out"),
        ("$(if username)a$(elif mac)b$(elif error)c$(else)d$(endif)", "b"),
        ("$(if username)a$(elif nothing)b$(else)d$(endif)", "d"),
        ("$(if mac)a$(elif error)b$(else)c$(endif)", "a"),
        ("$(if username)$(if mac)x$(else)y$(endif)$(else)$(if mac)z$(endif)$(endif)", "z"),
        ("$(if mac)1$(if error)2$(endif)3$(endif)4", "1234"),
        ("$(if mac)left open", "left open"),
        ("$(endif)$(endif)still here", "still here"),
        ("$(if = = =)x$(else)y$(endif)", "y"),
        ("$(if mac == 'a (b)')x$(else)y$(endif)", "y"),
        ("$(error)", "a & b"),  # nothing is escaped for HTML
    ],
)
def test_pages_are_filled_in(template: str, page: str) -> None:
    assert render(template, GINA) == Rendered(page)


def test_setters_make_a_redirect_and_print_nothing() -> None:
    template = '$(if http-status == 302)Go$(endif)$(if http-header == "Location")$(to)$(endif)<p>text'

    page = render(template, {"to": "http://10.5.50.1/login?dst=a"})

    assert page == Rendered("<p>text", 302, "Go", (("Location", "http://10.5.50.1/login?dst=a"),))


def test_a_setter_in_a_branch_that_is_not_taken_sets_nothing() -> None:
    template = "$(if nothing)$(if http-status == 302)Go$(endif)$(endif)x"

    assert render(template, {}) == Rendered("x")


def test_a_setter_has_no_else() -> None:
    assert render("$(if http-status == 302)Go$(else)gone$(endif)x", {}) == Rendered("x", 302, "Go")


@pytest.mark.parametrize("template", ["$(if http-status == 99)x$(endif)", '$(if http-header == "a b")x$(endif)'])
def test_a_setter_of_nonsense_sets_nothing(template: str) -> None:
    assert render(template, {}) == Rendered("")


def test_a_header_can_not_carry_a_second_line() -> None:
    page = render('$(if http-header == "Location")$(dst)$(endif)', {"dst": "http://a/\r\nSet-Cookie: b=c"})

    assert page.headers == (("Location", "http://a/ Set-Cookie: b=c"),)


def test_a_given_escaped_form_wins() -> None:
    assert render("$(chap-id)|$(chap-id-esc)", {"chap-id": "\\371", "chap-id-esc": "%F9"}).body == "\\371|%F9"


def test_octets_are_printed_as_three_octal_digits() -> None:
    assert octal(bytes([0, 9, 249])) == "\\000\\011\\371"
    assert escape(octal(b"\xf9")) == "%5C371"


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_escaping_can_be_undone_and_leaves_nothing_dangerous(value: str) -> None:
    encoded = escape(value)

    assert unquote(encoded) == value
    assert not set(encoded) & set("\"'<>&# \\;\r\n")


def test_undecodable_input_keeps_its_octets() -> None:
    assert unquote_to_bytes(escape(b"\xff".decode(errors="surrogateescape"))) == b"\xff"


pieces = st.sampled_from(
    [
        "$(if a)",
        "$(if b == 'x')",
        "$(elif c)",
        "$(else)",
        "$(endif)",
        "$(a)",
        "$(",
        ")",
        "$(if http-status == 302)",
        "'",
    ]
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(pieces | st.text(max_size=5)), st.dictionaries(st.sampled_from("abc"), st.text(max_size=5)))
def test_no_text_makes_rendering_fail(template: list[str], variables: dict[str, str]) -> None:
    page = render("".join(template), variables)

    assert page.status in (200, 302)


def test_nesting_has_no_limit() -> None:
    assert render("$(if a)" * 20_000 + "x" + "$(endif)" * 20_000, {"a": "1"}).body == "x"
