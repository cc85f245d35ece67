"""/tool/fetch really asks by HTTP, and believes only in certificates that were imported."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hotspot.simulator.routeros.script import fetch
from hotspot.simulator.routeros.script.fetch import HttpFetch
from tests.radius.certificates import Authority
from tests.simulator.routeros.scripting import Scripted


class Echo(BaseHTTPRequestHandler):
    """Says what it was asked; /missing is not there, /long never ends."""

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        said = [self.command, self.path, self.headers.get("x-a", ""), self.headers.get("x-b", "")]
        body = b"|".join([" ".join(said).encode(), self.rfile.read(length)])
        body = b"x" * 4096 if self.path == "/long" else body
        self.send_response(404 if self.path == "/missing" else 302 if self.path == "/moved" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815  # the library's names

    def log_message(self, *_said: object) -> None: ...


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # a client that doesn't trust us hangs up
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def box() -> Scripted:
    box = Scripted()
    box.router.fetches = HttpFetch(box.router)
    return box


def fetched(box: Scripted, arguments: str) -> str:
    return box.says(f'([/tool/fetch {arguments} output=user as-value]->"data")')


def test_method_header_fields_and_body_are_sent(box: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "HTTP_PROXY", "http://127.0.0.1:1"
    )  # what the simulating machine uses is not the router's business

    with serving() as port:
        url = f"http://127.0.0.1:{port}"

        assert fetched(box, f"url={url}/a") == "GET /a  |"
        assert fetched(box, f'url={url}/b http-data="\\C3\\A9"') == "POST /b  |é"
        fields = 'http-header-field="X-A: 1, 2,X-B: three"'
        assert fetched(box, f"url={url}/c http-method=put {fields} http-data=x") == "PUT /c 1, 2 three|x"


def test_a_file_is_written_where_it_is_told(box: Scripted) -> None:
    with serving() as port:
        box.run(
            f"/tool fetch url=http://127.0.0.1:{port}/dir/page.rsc; /tool fetch url=http://127.0.0.1:{port}/y dst-path=z"
        )

    assert box.router.files.read("page.rsc") == b"GET /dir/page.rsc  |"
    assert box.router.files.read("z") == b"GET /y  |"


def test_only_an_imported_certificate_is_believed(box: Scripted, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost", dns=("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert, issued.key)
    box.router.files.write("ca.pem", authority.file.read_bytes())

    with serving(context) as port:
        url = f"https://localhost:{port}/"
        assert fetched(box, f"url={url}") == "GET /  |"
        unknown = box.fails(f"/tool fetch url={url} check-certificate=yes")
        box.run('/certificate import file-name=ca.pem name=ca passphrase=""')
        assert fetched(box, f"url={url} check-certificate=yes") == "GET /  |"
        box.run("/certificate set ca trusted=no")
        distrusted = box.fails(f"/tool fetch url={url} check-certificate=yes")
        box.run("/certificate set ca trusted=yes")
        wrong_name = box.fails(f"/tool fetch url=https://127.0.0.1:{port}/ check-certificate=yes")

    assert unknown == distrusted == wrong_name == "failure: ssl: no trusted CA certificate found (6)"


def test_no_success_is_a_failure_in_the_router_s_words(box: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LONGEST_ANSWER", 1000)
    with serving() as port:
        url = f"http://127.0.0.1:{port}"

        refusals = [box.fails(f"/tool fetch url={url}/{page}") for page in ("missing", "moved", "long")]

    assert refusals == [
        "failure: Fetch failed with status 404",
        "failure: Fetch failed with status 302",
        "failure: file too large",
    ]
    assert box.fails(f"/tool fetch url={url}/") == "failure: connecting failed"


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ("url=http://127.0.0.1 http-method=trace", "input does not match any value of http-method"),
        ("url=http://127.0.0.1 check-certificate=maybe", "input does not match any value of check-certificate"),
        ("url=http://127.0.0.1 http-header-field=nonsense", "failure: invalid http-header-field"),
        ("url=gopher://127.0.0.1", "failure: invalid URL"),
        ("url=nonsense", "failure: invalid URL"),
        ('url="http://127.0.0.1:x/"', "failure: invalid URL"),
        ('url="http://127.0.0.1:1/" http-header-field="X: \\C3\\A9"', "failure: closing connection"),
        (f'url=http://127.0.0.1 http-data="{"x" * (fetch.LONGEST_BODY + 1)}"', "failure: http-data too long"),
    ],
)
def test_what_cannot_be_asked_is_refused(box: Scripted, arguments: str, refused: str) -> None:
    assert box.fails(f"/tool fetch {arguments}") == refused


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "[2001:db8::1]", "0.0.0.0", "127.0.0.1.example.org"])
def test_no_other_machine_is_asked(box: Scripted, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(fetch.httpx, "Client", None)  # nothing is opened

    assert box.fails(f'/tool fetch url="http://{host}/"') == "failure: connecting failed"


@pytest.mark.parametrize(
    ("octets", "refused"), [(b"", "failure: connection timeout"), (b"junk\n\n", "failure: closing connection")]
)
def test_a_server_that_answers_nothing_or_nonsense_is_given_up(
    box: Scripted, monkeypatch: pytest.MonkeyPatch, octets: bytes, refused: str
) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.2)
    monkeypatch.setattr(
        Echo,
        "do_GET",
        lambda handler: handler.wfile.write(octets) or (handler.connection.recv(1) if not octets else None),
    )
    with serving() as port:
        assert box.fails(f"/tool fetch url=http://127.0.0.1:{port}/") == refused
