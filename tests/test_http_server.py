"""The web server at the socket: who sends too much, too slowly or nonsense is answered or cut off, and holds up nobody."""

import socket
from collections.abc import Callable, Iterator

import pytest

from hotspot import http_server
from hotspot.http_server import Web
from hotspot.settings import Settings

GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"
PATIENCE = 20.0  # seconds; nothing here takes one

Dial = Callable[[], socket.socket]


async def app(scope, receive, send) -> None:
    """Say how much was sent to which path; never answer at /never."""
    if scope["type"] == "lifespan":
        return
    while scope["path"] == "/never":
        if (await receive())["type"] == "http.disconnect":
            return
    octets, message = 0, {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        octets += len(message.get("body", b""))
    said = f"{scope['path']} {octets};".encode()
    headers = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


@pytest.fixture
def dial(tmp_path) -> Iterator[Dial]:
    web = Web(Settings(data_dir=tmp_path, http_port=0), app)
    phones: list[socket.socket] = []

    def dial() -> socket.socket:
        phones.append(socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE))
        return phones[-1]

    web.start()
    yield dial
    for phone in phones:
        phone.close()
    web.stop()


def everything(phone: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    return b"".join(iter(lambda: phone.recv(65536), b""))


def until(phone: socket.socket, end: bytes) -> bytes:
    found = b""
    while end not in found:
        found += phone.recv(65536)
    return found


def test_requests_of_one_connection_are_answered_in_their_order(dial: Dial) -> None:
    phone = dial()

    phone.sendall(b"".join(GET % path for path in (b"a", b"b", b"c")))

    answer = until(phone, b"/c 0;")
    assert [part.rpartition(b"\r\n\r\n")[2] for part in answer.split(b";")] == [b"/a 0", b"/b 0", b"/c 0", b""]


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\0y\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        GET % (b"a" * 70_000),
        b"GET / HTTP/1.1\r\n" + b"".join(b"x-%d: %b\r\n" % (n, b"y" * 1000) for n in range(300)),
    ],
    ids=lambda sent: sent[:40],
)
def test_what_can_not_be_read_gets_a_page_and_the_line_is_closed(dial: Dial, sent: bytes) -> None:
    phone = dial()

    phone.sendall(sent)

    answer = everything(phone)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"<h1>Permintaan tidak terbaca</h1>" in answer


def test_nonsense_behind_a_request_ends_the_line_without_a_word_into_its_answer(dial: Dial) -> None:
    phone = dial()

    phone.sendall(GET % b"never" + b"nonsense\r\n\r\n")

    assert everything(phone) == b""


def test_a_large_body_right_behind_a_small_head_is_no_large_head(dial: Dial) -> None:
    phone = dial()

    phone.sendall(b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + b"a" * 200_000)

    assert until(phone, b";").endswith(b"/p 200000;")


@pytest.mark.parametrize(
    ("limit", "sent"),
    [
        ("HEAD_SECONDS", b""),
        ("HEAD_SECONDS", b"GET / HTTP/1.1\r\nhos"),
        ("BODY_SECONDS", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab"),
    ],
)
def test_whoever_sends_too_slowly_is_cut_off(
    limit: str, sent: bytes, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, limit, 0.01)
    phone = dial()

    phone.sendall(sent)

    assert everything(phone) == b""


def test_a_line_on_which_nothing_more_is_asked_is_closed(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "KEEP_ALIVE_SECONDS", 0.01)
    phone = dial()

    phone.sendall(GET % b"a")

    assert everything(phone).endswith(b"/a 0;")


def test_who_comes_while_too_much_is_at_work_is_told_to_come_again(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MOST_AT_WORK", 1)
    busy, late = dial(), dial()
    busy.sendall(GET % b"never")

    late.sendall(GET % b"a")

    assert late.recv(65536).startswith(b"HTTP/1.1 503 ")


def test_more_connections_than_can_be_are_cut_at_once(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 1)
    first = dial()
    first.sendall(GET % b"a")
    until(first, b";")

    assert everything(dial()) == b""
