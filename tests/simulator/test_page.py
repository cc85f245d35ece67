"""The mini-browser's view of a page."""

import pytest

from hotspot.simulator.page import BrokenPage, Form, Refresh, read_page, read_refresh

URL = "http://10.5.50.1/a/b"


def test_a_page_is_its_title_its_text_and_what_one_can_do() -> None:
    page = read_page(
        """<!doctype html><html><head><meta charset="utf-8"><title> Hello
        there </title><style>p{}</style></head><body><svg><title>icon</title><path d="M0"/></svg><p>One<br>two &amp; three</p>
        <form method="POST" action="login"><input type="hidden" name="a" value="1&amp;2"><input name="b"><input value="nameless">
        <input type="checkbox" name="c" value="on"><input type="checkbox" name="d" value="on" checked>
        <input type="submit" name="e" value="x"><button name="f">Go</button></form><a href="/status">s</a><a name="x">y</a>
        </body></html>""",
        url=URL,
    )

    assert page.title == "Hello there"
    assert page.text == "One two & three Go s y"
    assert page.forms == (Form("http://10.5.50.1/a/login", "post", (("a", "1&2"), ("b", ""), ("d", "on"))),)
    assert page.links == ("http://10.5.50.1/status",)
    assert page.refresh is None


@pytest.mark.parametrize(
    "html",
    ["<p>", "<p><b></p></b>", "</p>", "<a href=1 href=2></a>", "<form><form></form></form>", "<html><body></html>"],
)
def test_what_is_not_well_formed_is_refused(html: str) -> None:
    with pytest.raises(BrokenPage):
        read_page(html, url=URL)


@pytest.mark.parametrize(
    ("content", "refresh"),
    [
        ("0; url=/login", Refresh(0, "http://10.5.50.1/login")),
        ("2;URL='next'", Refresh(2, "http://10.5.50.1/a/next")),
        ("2", Refresh(2, URL)),
        ("2; nonsense", Refresh(2, URL)),
        ("soon; url=/login", None),
        ("0; url=http://h/p?a=b;c=%3B&d=e", Refresh(0, "http://h/p?a=b;c=%3B&d=e")),
    ],
)
def test_a_refresh_is_read_as_browsers_do(content: str, refresh: Refresh | None) -> None:
    assert read_refresh(content, URL) == refresh
