"""The HTML directory that real routers get: safe with hostile variables, well-formed, complete."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspot.paths import shipped
from hotspot.portal.handoff import octets_of, read_pairs
from hotspot.simulator.htmldir import PAGES, PLACEHOLDER
from hotspot.simulator.page import read_page
from hotspot.simulator.servlet import octal, render

DIRECTORY = shipped("router_configs") / "hotspot"
FILES = sorted(DIRECTORY.iterdir())
HTML = [path for path in FILES if path.suffix == ".html"]
NAMES = (
    "mac",
    "ip",
    "link-login-only",
    "link-orig",
    "error",
    "error-orig",
    "chap-id",
    "chap-challenge",
    "username",
    "server-name",
    "identity",
)
TO_THE_PORTAL = ["login.html", "logout.html", "status.html"]
SETTER = re.compile(r"\$\(if http-(?:header|status) [^)]*\).*?\$\(endif\)")
VARIABLE = re.compile(r"\$\((?!if |elif |else\)|endif\))([^)]+)\)")
each_page = pytest.mark.parametrize("path", HTML, ids=lambda path: path.name)
octets = st.binary(min_size=1, max_size=16)


def test_the_directory_holds_what_the_readme_says() -> None:
    assert {path.name for path in FILES} == {*PAGES, "errors.txt", "api.json"}
    readme = (DIRECTORY.parent / "README.md").read_text()
    assert [path.name for path in FILES if f"`{path.name}`" not in readme] == []


@each_page
def test_no_variable_is_printed_raw_in_html(path: Path) -> None:
    text = SETTER.sub("", path.read_text())

    assert [name for name in VARIABLE.findall(text) if not name.endswith("-esc")] == []


@each_page
def test_pages_need_no_script_no_cookie_and_no_other_file(path: Path) -> None:
    text = path.read_text().lower()

    assert not re.search(r"<script|<link|<img|<style|\son\w+=|javascript:|src=", text)


@each_page
def test_pages_are_well_formed_whatever_the_variables_hold(path: Path) -> None:
    hostile = "\"'><script>alert(1)</script>&amp;\r\n${x}"
    variables = dict.fromkeys((*NAMES, "link-login", "link-redirect"), hostile)

    page = render(path.read_text().replace(PLACEHOLDER, "https://wifi.example.org/p/a"), variables)

    assert "script" not in read_page(page.body, url="http://10.5.50.1/").text
    assert "<script" not in page.body
    assert all("\n" not in value and "\r" not in value for _, value in page.headers)


@pytest.mark.parametrize("name", TO_THE_PORTAL)
def test_the_portal_is_the_one_placeholder(name: str) -> None:
    text = (DIRECTORY / name).read_text()

    assert set(re.findall(r"\{\w+\}", text)) == {PLACEHOLDER}
    assert [path.name for path in HTML if PLACEHOLDER in path.read_text()] == TO_THE_PORTAL


def handed(variables: dict[str, str]) -> dict[str, str]:
    template = (DIRECTORY / "login.html").read_text().replace(PLACEHOLDER, "https://wifi.example.org/p/a")
    page = read_page(render(template, variables).body, url="http://10.5.50.1/login")
    assert page.refresh is not None
    return read_pairs(urlsplit(page.refresh.url).query.encode())


@settings(deadline=None)  # a busy machine is no failure
@given(octets, octets)
def test_any_challenge_reaches_the_portal_whole(identifier: bytes, challenge: bytes) -> None:
    given_out = handed({"chap-id": octal(identifier), "chap-challenge": octal(challenge)})

    assert octets_of(given_out["chap-id"]) == identifier
    assert octets_of(given_out["chap-challenge"]) == challenge


@settings(deadline=None)  # a busy machine is no failure
@given(octets, octets)
def test_it_also_does_if_routeros_escapes_the_bare_octets(identifier: bytes, challenge: bytes) -> None:
    """The manual does not say whether -esc encodes the octets or their octal escapes; the portal takes either."""
    bare = {name: "".join(f"%{o:02X}" for o in value) for name, value in (("id", identifier), ("challenge", challenge))}
    given_out = handed({f"chap-{name}-esc": value for name, value in bare.items()})

    if b"\\" not in identifier + challenge:
        assert octets_of(given_out["chap-id"]) == identifier
        assert octets_of(given_out["chap-challenge"]) == challenge


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.dictionaries(st.sampled_from(NAMES[:6]), st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
)
def test_every_value_reaches_the_portal_as_it_was(variables: dict[str, str]) -> None:
    template = (DIRECTORY / "login.html").read_text().replace(PLACEHOLDER, "https://wifi.example.org/p/a")
    page = read_page(render(template, variables).body, url="http://10.5.50.1/login")

    assert page.refresh is not None
    found = dict(parse_qsl(urlsplit(page.refresh.url).query, keep_blank_values=True))
    assert found == {**dict.fromkeys(NAMES, ""), **variables}
