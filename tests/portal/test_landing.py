"""The landing page from memory is the page that the ordinary way draws, octet for octet; whatever it can't be, the ordinary way is."""

import gzip
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest
import structlog
from fastapi.responses import HTMLResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from hotspot.http_server import Web
from hotspot.portal import tickets
from hotspot.portal.landing import Landing, Variant
from tests.portal.payloads import ELSEWHERE, MARKUP
from tests.portal.test_content import SHOWN, execute, queries
from tests.portal.visit import MAC, ROUTER, Page, Visit, handed, octal

HEADERS = {b"accept-language": b"id-ID,id;q=0.9,en;q=0.5", b"accept-encoding": b"gzip, deflate"}
CHAP = {"chap_id": r"\371", "chap_challenge": octal(bytes(range(16)))}
OTHER = "06:5A:00:FE:20:7F"
SECONDS = 1000.0  # more than a test takes


def target(path: str = "/p/alun-alun", **given: str) -> bytes:
    return httpx.URL(f"http://x{path}", params=given).raw_path


@pytest.fixture
def landing(visit: Visit) -> Landing:
    """Alun-Alun's landing pages, all drawn; later changes are not looked for."""
    state = visit.client._app.state
    state.content.look_every = SECONDS
    state.content.get("alun-alun", visit.clock())
    for language in visit.settings.languages:
        for more in ({}, CHAP, {"link_orig": "", "ip": ""}, CHAP | {"link_orig": ""}):
            state.landing.answer(target(**handed(**more), lang=language), HEADERS)
    state.content.worker.submit(int).result()  # it has drawn them by then
    return state.landing


def read(answer: bytes | None) -> tuple[dict[str, str], str]:
    """Headers and page of an answer from memory."""
    assert answer is not None
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    assert int(headers.pop("content-length")) == len(body)
    return headers, gzip.decompress(body).decode()


@pytest.fixture
def one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages have the same name, so that they can be compared."""
    monkeypatch.setattr(tickets, "new_press", lambda: "0123456789abcdef" * 2)


def ordinary(visit: Visit, asked: bytes) -> tuple[dict[str, str], str]:
    """The same from the application."""
    given = {name.decode(): value.decode() for name, value in HEADERS.items()}
    response = visit.client.get(asked.decode(), headers=given)
    headers = {name: value.replace("Accept-Encoding", "accept-encoding") for name, value in response.headers.items()}
    assert headers.pop("content-length")
    assert response.status_code == 200
    return headers, response.text


@pytest.mark.usefixtures("one_name")
@pytest.mark.parametrize("language", ["", "id", "en", "xx"])
@pytest.mark.parametrize(
    "more", [{}, CHAP, {"link_orig": "", "ip": ""}, CHAP | {"link_orig": "http://captive.apple.com/"}]
)
def test_from_memory_it_is_the_same_page_and_takes_no_query(
    visit: Visit, landing: Landing, more: dict[str, str], language: str
) -> None:
    asked = target(**handed(**{**more, "mac": OTHER}), **({"lang": language} if language else {}))

    with queries(visit.database) as executed:
        answer = read(landing.answer(asked, HEADERS))

    assert executed == []
    assert answer == ordinary(visit, asked)
    assert f'name="mac" value="{OTHER}"' in answer[1]


def test_each_page_counts_what_it_shows(visit: Visit, landing: Landing) -> None:
    before = dict(visit.client._app.state.counts._shown)

    assert landing.answer(target(**handed()), HEADERS) is not None

    counted = visit.client._app.state.counts._shown
    assert {key: count - before.get(key, 0) for key, count in counted.items()} == {(1, visit.world.alun_alun): 1}


def test_where_phones_wait_for_codes_every_page_is_drawn_the_ordinary_way(visit: Visit) -> None:
    content = visit.client._app.state.content
    execute(
        visit.database, "INSERT INTO setting (site_id, key, value) SELECT id, 'sign_in', '\"one-tap,phone\"' FROM site"
    )

    shown = content.get("alun-alun", visit.clock())

    assert visit.client._app.state.landing.draw(shown, Variant("id", True, True, True), visit.clock()) is None


def test_a_page_that_can_not_be_drawn_is_logged_and_left_to_the_ordinary_way(visit: Visit) -> None:
    def draw(*_: object) -> Response:
        raise ValueError("a template of ours is broken")

    state = visit.client._app.state
    state.content.look_every = SECONDS
    state.content.get("alun-alun", visit.clock())
    broken = Landing(state.content, state.counts, visit.settings, draw=draw, now=visit.clock)

    with structlog.testing.capture_logs() as logged:
        assert broken.answer(target(**handed()), HEADERS) is None
        state.content.worker.submit(int).result()

    (told,) = logged
    assert (told["event"], told["log_level"]) == ("a landing page can't be drawn", "error")
    assert isinstance(told["exc_info"], ValueError)
    assert broken.answer(target(**handed()), HEADERS) is None


def test_each_page_has_a_name_of_its_own(landing: Landing) -> None:
    pages = [Page(read(landing.answer(target(**handed()), HEADERS))[1]) for _ in range(2)]

    assert len({page.form[1]["press"] for page in pages}) == 2


@pytest.mark.usefixtures("one_name")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_handed_over_memory_says_what_the_application_says(
    visit: Visit, landing: Landing, data: st.DataObject
) -> None:
    name = data.draw(
        st.sampled_from(
            ["mac", "link-login-only", "link-orig", "error", "chap-id", "chap-challenge", "lang", "ip", "x"]
        )
    )
    value = data.draw(st.sampled_from([*MARKUP, *ELSEWHERE]) | st.text(max_size=30))
    asked = target(**handed(**CHAP) | {name: value})

    answer = landing.answer(asked, HEADERS)

    assert answer is None or read(answer) == ordinary(visit, asked)


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from([*HEADERS, b"host"]), st.binary(max_size=60)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_comes_in_is_too_odd_to_be_passed_on(
    landing: Landing, query: bytes, headers: dict[bytes, bytes]
) -> None:
    landing.answer(b"/p/alun-alun?" + query, headers)
    landing.answer(query, headers)


@pytest.mark.parametrize(
    "given",
    [
        handed(error="session limit reached (200)"),
        handed(username="0" * 32),
        handed(mac=""),
        handed(link_login_only=""),
        handed(link_login_only="http://evil.example/login"),
        handed() | {"x": "a" * 9000},
        {},
    ],
)
def test_a_page_with_more_to_say_is_drawn_the_ordinary_way(landing: Landing, given: dict[str, str]) -> None:
    assert landing.answer(target(**given), HEADERS) is None


@pytest.mark.parametrize(
    "headers",
    [
        {b"accept-encoding": b""},
        {b"accept-encoding": b"br, gzip;q=0"},
        {b"accept-encoding": b"gzippy"},
        {b"content-length": b"3"},
        {b"transfer-encoding": b"chunked"},
        {b"expect": b"100-continue"},
        {b"sec-purpose": b"prefetch"},
    ],
)
def test_a_request_with_more_in_it_is_answered_the_ordinary_way(landing: Landing, headers: dict[bytes, bytes]) -> None:
    assert landing.answer(target(**handed()), HEADERS | headers) is None


@pytest.mark.parametrize(
    "path", ["/p/perpustakaan", "/p/nowhere", "/p/alun-alun/", "/p/alun-alun/terms", "/p/", "/", "/p/%61lun-alun"]
)
def test_other_addresses_are_passed_on(landing: Landing, path: str) -> None:
    assert landing.answer(target(path, **handed()), HEADERS) is None


def test_after_a_change_the_page_is_drawn_anew(visit: Visit, landing: Landing) -> None:
    content = visit.client._app.state.content
    execute(visit.database, SHOWN[0])
    content.look_every = 0
    content.get("alun-alun", visit.clock())
    content.look_every = SECONDS

    assert landing.answer(target(**handed()), HEADERS) is None
    content.worker.submit(int).result()

    assert "Alun-Alun Merdeka" in read(landing.answer(target(**handed()), HEADERS))[1]


@pytest.mark.usefixtures("one_name")
def test_the_form_of_a_page_from_memory_logs_in_within_its_hours(visit: Visit, landing: Landing) -> None:
    visit.clock.forward(hours=5)  # the page was drawn before
    fields = ordinary(visit, target(**handed(**CHAP)))[1]

    assert read(landing.answer(target(**handed(**CHAP)), HEADERS))[1] == fields


@pytest.mark.parametrize("what", ["per visit", "status"])
def test_a_page_that_shows_more_of_a_visit_than_we_know_of_is_not_kept(visit: Visit, what: str) -> None:
    count = iter(range(100))

    def draw(*_: object) -> Response:
        return HTMLResponse(f"<p>{next(count)}</p>") if what == "per visit" else HTMLResponse("", 503)

    content = visit.client._app.state.content
    landing = Landing(content, visit.client._app.state.counts, visit.settings, draw=draw, now=visit.clock)

    with structlog.testing.capture_logs() as logged:
        drawn = landing.draw(content.get("alun-alun", visit.clock()), Variant("id", True, True, True), visit.clock())

    assert drawn is None
    assert [entry["event"] for entry in logged] == ["a landing page can't be kept"]


# --- as it is served -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def dial(visit: Visit, landing: Landing) -> Iterator[Callable[[], socket.socket]]:
    served = visit.settings.model_copy(update={"http_port": 0})
    web = Web(served, visit.client._app, at_hand=landing.answer)
    web.start()
    yield lambda: socket.create_connection(("127.0.0.1", web.port), timeout=20)
    web.stop()


def request(asked: bytes, *lines: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    head = [b"%b %b HTTP/%b" % (method, asked, version), b"host: x", b"accept-encoding: gzip", *lines]
    return b"\r\n".join([*head, b"", b""])


def answers(phone: socket.socket, count: int) -> list[tuple[bytes, bytes]]:
    """So many answers from the socket: head and body."""
    received, found = b"", []
    while len(found) < count:
        head, end, rest = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) if end else 0
        if not end or len(rest) < length:
            piece = phone.recv(65536)
            assert piece
            received += piece
            continue
        found.append((head, rest[:length]))
        received = rest[length:]
    return found


def test_answers_from_memory_and_from_the_application_take_turns(dial: Callable[[], socket.socket]) -> None:
    quick, slow = request(target(**handed(mac=OTHER))), request(target("/p/alun-alun/terms"))

    with closing(dial()) as phone:
        phone.sendall(quick + slow + quick + quick)
        found = answers(phone, 4)
        phone.sendall(quick)
        found += answers(phone, 1)

    pages = [gzip.decompress(body).decode() for _, body in found]
    assert [OTHER in page for page in pages] == [True, False, True, True, True]
    heads = [head.decode() for head, _ in found]
    assert all(head.startswith("HTTP/1.1 200 OK\r\ndate: ") for head in heads)
    assert "accept-language, accept-encoding" in heads[0]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request(target(**handed()), b"connection: close"), b"200"),
        (request(target(**handed()), version=b"1.0"), b"200"),
        (request(target(**handed()), b"connection: keep-alive", version=b"1.0"), b"200"),
        (request(target(**handed()), b"connection: close", method=b"HEAD"), b"405"),
    ],
)
def test_whoever_hangs_up_after_one_answer_gets_it(
    dial: Callable[[], socket.socket], asked: bytes, status: bytes
) -> None:
    with closing(dial()) as phone:
        phone.sendall(asked)
        answer = b"".join(iter(lambda: phone.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in answer


def test_who_does_not_take_the_answers_is_not_sent_more(dial: Callable[[], socket.socket]) -> None:
    quick = request(target(**handed(mac=OTHER)))

    with closing(dial()) as phone:
        phone.sendall(quick * 300)
        found = answers(phone, 300)

    assert len({gzip.decompress(body) for _, body in found}) == 300
    assert MAC not in gzip.decompress(found[0][1]).decode()
    assert f"form-action 'self' {ROUTER};".encode() in found[0][0]
