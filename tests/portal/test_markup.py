"""The little Markdown of the city's information: what is allowed becomes markup of ours, everything else stays text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.links import BadLink, checked_link, host_of, is_free, shown
from hotspot.portal.markup import links_in, render
from tests.portal.payloads import ELSEWHERE, MARKUP
from tests.portal.visit import Page

ALLOWED = {"p", "ul", "ol", "li", "em", "strong", "a", "br"}


def nowhere(_: str) -> None:
    return None


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("Buka *hari* **ini _saja_**", "<p>Buka <em>hari</em> <strong>ini <em>saja</em></strong></p>"),
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("7. a", '<ol start="7"><li>a</li></ol>'),
        ("- a\n\n- b", "<ul><li><p>a</p></li><li><p>b</p></li></ul>"),
        ("[here](https://a.go.id/x)", '<p><a href="/go">here</a></p>'),
        ("a \\* b", "<p>a * b</p>"),
        ("# no heading", "<p># no heading</p>"),
        ("`no code` ![x](y)", '<p>`no code` !<a href="/go">x</a></p>'),
        ("<https://a.go.id/>", "<p>&lt;https://a.go.id/&gt;</p>"),
        ("https://a.go.id/", "<p>https://a.go.id/</p>"),
        ("<b>bold</b> &amp;", "<p>&lt;b&gt;bold&lt;/b&gt; &amp;amp;</p>"),
    ],
)
def test_what_is_allowed_is_laid_out_and_the_rest_is_text(text: str, markup: str) -> None:
    assert render(text, lambda _: "/go") == markup


def test_a_link_that_leads_nowhere_is_words() -> None:
    assert render("[**here**](https://a.go.id/)", nowhere) == "<p><strong>here</strong></p>"


def test_an_address_of_ours_is_escaped_too() -> None:
    assert 'href="&#34;&gt;' in render("[x](https://a.go.id/)", lambda _: '">')


@given(st.text(alphabet=st.sampled_from("ab<>\"'&*_[]()!`#-\n 1.:/\\jscript{}%"), max_size=120))
def test_nothing_else_ever_becomes_an_element(text: str) -> None:
    page = Page(str(render(text, lambda target: "/go")))

    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert all(set(attributes) <= {"href", "start"} for _, attributes in page.elements)
    assert all(a["href"] == "/go" for a in page.all("a"))


@pytest.mark.parametrize("payload", [*MARKUP, *ELSEWHERE])
def test_no_payload_gets_out_of_a_text(payload: str) -> None:
    for text in (payload, f"[{payload}](https://a.go.id/)", f"[x]({payload})", f"*{payload}*", f"- {payload}"):
        page = Page(str(render(text, nowhere)))

        assert {tag for tag, _ in page.elements} <= ALLOWED - {"a"}


def test_links_are_found_in_order_each_once() -> None:
    text = "[a](https://a.go.id/) *[b](https://b.go.id/)* [again](https://a.go.id/)\n- [c](https://c.go.id/)"

    assert links_in(text) == ("https://a.go.id/", "https://b.go.id/", "https://c.go.id/")


# --- addresses of websites ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [link for link in ELSEWHERE if link != "https://evil.example/login"])
def test_an_address_that_hides_where_it_leads_is_refused(link: str) -> None:
    try:
        taken = checked_link(link)
    except BadLink:
        return
    assert taken in {"https://evil.example", "https://evil.example/login"}, link


@pytest.mark.parametrize(
    "link",
    [
        "http://a.go.id/",
        "https://a.go.id:8443/",
        "https://u@a.go.id/",
        "https://localhost/",
        "https://10.5.50.1/",
        "https://a.go.id/<x>",
        'https://a.go.id/"x',
        "https://a.go.id/a b",
        "https://a.go.id\\@evil.example/",
        "https://ä.go.id/",
        "https://-a.go.id/",
        "https://a..id/",
        "https://a.go.id/" + "a" * 300,
        "",
        "a.go.id",
    ],
)
def test_only_https_to_a_named_host_is_an_address(link: str) -> None:
    with pytest.raises(BadLink):
        checked_link(link)


def test_an_address_is_kept_as_one_writes_it() -> None:
    link = checked_link(" HTTPS://WWW.Lapor.GO.ID/Form?a=1&b=%20#Isi ")

    assert link == "https://www.lapor.go.id/Form?a=1&b=%20#Isi"
    assert host_of(link) == "www.lapor.go.id"
    assert shown("https://www.lapor.go.id/") == "lapor.go.id"
    assert shown("https://instagram.com/kel_x") == "instagram.com/kel_x"


@pytest.mark.parametrize(
    ("host", "garden", "free"),
    [
        ("www.lapor.go.id", "www.lapor.go.id", True),
        ("www.lapor.go.id", "a.id,*.Lapor.go.id", True),
        ("lapor.go.id", "*.lapor.go.id", False),
        ("lapor.go.id", "", False),
        ("evil-lapor.go.id", "lapor.go.id", False),
        ("lapor1.go.id", "lapor?.go.id", True),
    ],
)
def test_what_the_walled_garden_opens(host: str, garden: str, free: bool) -> None:
    assert is_free(host, garden) is free


def test_the_words_of_a_text_are_all_there() -> None:
    assert re.sub("<[^>]+>", "", render("**a** b [c](https://c.go.id/)", nowhere)) == "a b c"
