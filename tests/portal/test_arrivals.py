"""However a query is written, the pattern for those that login.html makes reads it as reading pair by pair does."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotspot.portal import arrivals
from hotspot.portal.arrivals import USUAL, find_arrival
from hotspot.portal.handoff import RouterHost, Stop, plain_text
from tests.portal.visit import MAC, ROUTER, octal

KNOWN = [RouterHost("10.9.0.2", "10.5.50.1"), RouterHost("10.5.50.9")]
USUALLY = {
    "mac": MAC,
    "ip": "10.5.50.17",
    "link-login-only": f"{ROUTER}/login",
    "link-orig": "http://example.com/news?",
    "error": "",
    "error-orig": "",
    "chap-id": r"\371",
    "chap-challenge": octal(bytes(range(16))),
    "username": "",
    "server-name": "hotspot1",
    "identity": "alun 1",
}
ODD = {
    "mac": ["", "00:00:00:00:00:00", "01:00:5E:00:00:01", MAC.lower(), MAC.replace(":", "-"), "06:5A:00:FE:20:7F"],
    "ip": ["", "010.5.50.17", "10.5.50", "256.1.1.1", "10.5.50.17.", "0.0.0.0", "::1", "1.2.3.4.5"],
    "link-login-only": ["", "http://evil.example/login", "https://10.5.50.1/login", "http://10.5.50.9:8080/login"],
    "link-orig": [
        "",
        "http://captive.apple.com/",
        "HTTP://Example.com/",
        "http://a.b@c.d/",
        "x",
        "http://[::1]/",
        "a" * 4097,
    ],
    "error": ["x", " "],
    "chap-id": ["", r"\37", r"\371\372", "a", r"\777", "\\"],
    "chap-challenge": ["", "abc", r"\0", octal(bytes(64)), octal(bytes(65))],
    "username": ["0" * 32, "x"],
    "lang": ["id", "", "a" * 257, "../.."],
}


def query(**changed: str) -> bytes:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in (USUALLY | changed).items()).encode()


def read(way: Callable[[], object]) -> object:
    try:
        return way()
    except Stop:
        return "stopped"


def test_what_our_login_page_makes_is_read_by_the_pattern() -> None:
    made = query()

    assert USUAL.fullmatch(plain_text(made) or "")
    assert USUAL.fullmatch(plain_text(query(**{"chap-id": "", "chap-challenge": "", "lang": "en"})) or "")
    found = find_arrival(made, KNOWN)
    assert found is not None
    assert found[0].router == ROUTER
    assert found[0].wanted_host == "example.com"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ODD.items() for value in values])
def test_anything_odd_is_read_the_same_either_way(name: str, value: str) -> None:
    made = query(**{name: value})

    assert read(lambda: find_arrival(made, KNOWN)) == read(lambda: arrivals._general(made, KNOWN))


@given(
    st.integers(0, 400),
    st.integers(0, 3),
    st.sampled_from([b"", b"0", b"F", b"%", b"&", b"=", b"%5C", b".", b":", b"\\", b"+"]),
)
@example(4, 0, b"")
def test_a_query_that_was_changed_anywhere_is_read_the_same_either_way(at: int, length: int, piece: bytes) -> None:
    made = query()
    made = made[:at] + piece + made[at + length :]

    assert read(lambda: find_arrival(made, KNOWN)) == read(lambda: arrivals._general(made, KNOWN))
