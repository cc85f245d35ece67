"""The web server: uvicorn over our application, stricter than it with what comes in, and quicker with what is at hand.

A phone's request costs the event loop and the parser, both in C (uvloop, llhttp), and an application that answers in microseconds is
asked before the one that answers in milliseconds. Whoever sends slowly, sends too much or sends nonsense holds nothing for long.
"""

import math
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hotspot.errors import Unavailable
from hotspot.settings import Settings

log = structlog.get_logger()

LONGEST_HEAD: Final = 64 * 1024  # octets of a request's line and headers; what a router hands over stays below 8 KiB
LINGER: Final = 2.0  # seconds
KEEP_ALIVE_SECONDS: Final = 5  # between two requests of a connection
HEAD_SECONDS: Final = (
    10.0  # from a head's first octet to its last, and from the connection to the first: a weak link's three tries
)
BODY_SECONDS: Final = 60.0
MOST_AT_WORK: Final = 1000  # requests being answered at once; whoever comes then is told to come again
MOST_CONNECTIONS: Final = 10_000
TICKS_A_SECOND: Final = 10  # of uvicorn's main loop
REFUSAL = b"""<!doctype html><html lang="id"><head><meta charset="utf-8"><title>Permintaan tidak terbaca</title>
<meta name="viewport" content="width=device-width,initial-scale=1"></head><body><main><h1>Permintaan tidak terbaca</h1>
<p>Alamat yang dikirim terlalu panjang atau rusak. Buka kembali halaman dari jaringan Wi-Fi.</p>
<p lang="en">The address that was sent is too long or damaged. Open the page again from the Wi-Fi network.</p></main></body></html>
"""
REFUSAL_HEADERS = (
    "content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\nconnection: close\r\n"
    "content-security-policy: default-src 'none'\r\n"
)


AtHand = Callable[[bytes, Mapping[bytes, bytes]], bytes | None]
"""Answer a GET, from its target and its headers, with the headers and the body; None: it takes more than that."""


class WebPortTaken(Unavailable):
    """Can't listen on {address}: {problem}; give another port or stop what uses it"""


class Web:
    """uvicorn over our application, in a thread of its own. What `at_hand` answers, the application isn't asked."""

    def __init__(self, settings: Settings, app: ASGIApp, *, at_hand: AtHand | None = None) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            loop="uvloop",
            http=partial(StrictHttp, at_hand=at_hand),  # type: ignore[arg-type]  # called like the class
            ws="none",
            timeout_graceful_shutdown=3,
        )
        self._socket = _bound(settings.http_host, settings.http_port)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)

    def start(self) -> None:
        """Return when it answers: what is printed as ready is ready."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.01)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


class StrictHttp(HttpToolsProtocol):
    """Answers a request that can't be read, or whose head is too long, with a page, and reads no more of it.

    `close_at` is when the connection is closed if nothing more happens on it; the server looks once a second.
    """

    close_at = math.inf
    is_refused = False
    _head_octets = 0  # received of a head that is not complete
    _is_answered = False  # the present request, without the application

    def __init__(self, *more: Any, at_hand: AtHand | None = None, **named: Any) -> None:  # noqa: ANN401  (uvicorn's)
        super().__init__(*more, **named)
        self._at_hand = at_hand

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  (asyncio's, which uvicorn narrows)
        super().connection_made(transport)
        self.close_at = self.loop.time() + HEAD_SECONDS
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.is_refused:
            return
        self._head_octets += len(data)
        super().data_received(data)
        if self._head_octets > LONGEST_HEAD and not self.is_refused:
            self.send_400_response("")

    def on_message_begin(self) -> None:
        self.url, self.headers = b"", []
        self.close_at = self.loop.time() + HEAD_SECONDS

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._head_octets > LONGEST_HEAD and self._octets_of_head() > LONGEST_HEAD:
            raise ValueError("the head is too long")  # the parser makes of it what it makes of anything unreadable
        self._head_octets = 0
        if self._at_hand is not None and self._answers_at_once(self._at_hand):
            return
        self.close_at = self.loop.time() + BODY_SECONDS
        self.app = service_unavailable if len(self.tasks) >= MOST_AT_WORK else self.config.loaded_app
        self._begin_for_the_application()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_octets = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_octets = 0
        if self._is_answered:
            self._is_answered = False
            self.close_at = self.loop.time() + KEEP_ALIVE_SECONDS
            return
        self.close_at = math.inf
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete:  # else it is that of a request that came right behind
            self.close_at = self.loop.time() + KEEP_ALIVE_SECONDS
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer, then linger: closing while the phone still sends would take the page away from it (RFC 9112 §9.6)."""
        del msg  # says nothing to a guest
        self.is_refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()  # in the middle of an answer there is no room for another
            return
        head = (
            f"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: {len(REFUSAL)}\r\n{REFUSAL_HEADERS}\r\n"
        )
        self.transport.write(head.encode() + REFUSAL)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def _answers_at_once(self, at_hand: AtHand) -> bool:
        """Answer a plain GET from what is at hand, in its turn and to somebody who takes it."""
        is_turn = (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused
        if not is_turn or self.parser.get_method() != b"GET" or self.parser.get_http_version() != "1.1":
            return False
        if not self.parser.should_keep_alive():
            return False
        said = at_hand(self.url, dict(self.headers))
        if said is None:
            return False
        date = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        self.transport.write(b"".join([STATUS_LINE[200], *date, said]))
        self._is_answered = True
        return True

    def _begin_for_the_application(self) -> None:
        """Do what uvicorn does while a head comes in, and what most requests need not wait for."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)

    def _octets_of_head(self) -> int:
        """Of the head alone, where more came along with it."""
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `process.wait_for_signal`: the parts are stopped together, in order."""
        yield

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_SECOND == 0:
            self._close_what_waits()
        return await super().on_tick(counter)

    def _close_what_waits(self) -> None:
        """One look at all of them costs less than a timer for each request."""
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, StrictHttp) and connection.close_at < connection.loop.time():
                connection.transport.close()


def free_port() -> int:
    """Return a TCP port that nobody uses at the moment."""
    with _bound("127.0.0.1", 0) as probe:
        return int(probe.getsockname()[1])


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise WebPortTaken(address=f"{host}:{port}", problem=error.strerror) from error
    return bound
