"""A small HTTP/1.1 server on loopback, strict about size and time, for simulated gateways.

h11 speaks the protocol (RFC 9112); this is the socket around it. It refuses every address but loopback ones, because what is behind it
is a simulation. Whatever arrives, it answers or hangs up, and lives on.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import h11
import structlog

from hotspot.errors import Invalid
from hotspot.safety import is_loopback

log = structlog.get_logger()

HEAD_OCTETS: Final = 16 * 1024
BODY_OCTETS: Final = 64 * 1024
PATIENCE: Final = 15.0  # seconds for the next request on a connection, and for each piece of it
MOST_CONNECTIONS: Final = 256
SIMULATION: Final = ("X-Simulation", "no real router or internet is behind this")
_PIECE: Final = 16 * 1024
_BODILESS: Final = (204, 304)


class NotLoopback(Invalid):
    """A simulated gateway listens on loopback addresses only, never on {host}"""


class _Refused(Exception):
    """h11 could read it, and it is more than a hotspot takes."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case; of repeated ones the first counts. `source` is the address it came from."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; Content-Length is added, and that it is a simulation."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""


Handle = Callable[[Request], Awaitable[Answer]]


class Listener:
    """Listen from `start` to `stop`; the port is known as soon as this is made."""

    def __init__(self, handle: Handle, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind.

        Raises:
            NotLoopback: other machines could reach it.
        """
        if not is_loopback(host):
            raise NotLoopback(host=host)
        self.is_powered = True  # without power it hangs up on everybody
        self._handle = handle
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._socket = socket.create_server((host, port))
        self.address: tuple[str, int] = self._socket.getsockname()[:2]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._welcome, sock=self._socket, limit=_PIECE)

    async def stop(self) -> None:
        """Hang up on everybody and free the port."""
        if self._server is None:
            self.abandon()
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await self._server.wait_closed()

    def abandon(self) -> None:
        """Free the port of a listener that was never started; harmless after `stop`."""
        self._socket.close()

    def hang_up(self) -> None:
        """Drop every connection, as a power cut does."""
        for task in self._connections:
            task.cancel()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs this as a task"
        self._connections.add(task)
        try:
            if self.is_powered and len(self._connections) <= MOST_CONNECTIONS:
                await _Conversation(self._handle, reader, writer).hold()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the other side is gone, or we are
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


class _Conversation:
    """One connection: requests and answers in turn."""

    def __init__(self, handle: Handle, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handle = handle
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_OCTETS)
        self._source: str = writer.get_extra_info("peername")[0]

    async def hold(self) -> None:
        """Answer one request after the other until either side has enough."""
        while True:
            try:
                request = await self._next_request()
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint)
                return
            except _Refused as refused:
                await self._refuse(refused.status)
                return
            if request is None:
                return
            await self._send(await self._answer(request), method=request.method)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._handle(request)
        except Exception:
            log.exception("a simulated gateway failed", target=request.target[:200])
            return Answer(500, b"internal error\n", (("Content-Type", "text/plain"),))

    async def _next_request(self) -> Request | None:
        """Read one whole request; None when there is no more."""
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = await self._next_event()
            match event:
                case h11.Request():
                    head = _checked(event)
                case h11.Data():
                    body += event.data
                    if len(body) > BODY_OCTETS:
                        raise _Refused(413)
                case h11.EndOfMessage() if head is not None:
                    return _request(head, bytes(body), self._source)
                case _:
                    return None

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if not (isinstance(event, type) and issubclass(event, h11.NEED_DATA)):
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            async with asyncio.timeout(PATIENCE):
                piece = await self._reader.read(_PIECE)
            self._http.receive_data(piece)

    async def _refuse(self, status: int) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._send(Answer(status, b"", (("Connection", "close"),)))

    async def _send(self, answer: Answer, *, method: str = "") -> None:
        headers = [SIMULATION, *answer.headers, ("Content-Length", str(len(answer.body)))]
        if answer.status in _BODILESS:
            headers.pop()
        await self._write(
            h11.Response(status_code=answer.status, headers=headers, reason=answer.reason.encode("ascii", "replace"))
        )
        if answer.body and method != "HEAD" and answer.status not in _BODILESS:
            await self._write(h11.Data(data=answer.body))
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        octets = self._http.send(event)
        if octets:
            self._writer.write(octets)
            await self._writer.drain()


def _checked(head: h11.Request) -> h11.Request:
    """h11 limits only what is incomplete, and reads any version of HTTP."""
    if len(head.target) + sum(len(name) + len(value) for name, value in head.headers) > HEAD_OCTETS:
        raise _Refused(431)
    if head.http_version not in (b"1.0", b"1.1"):
        raise _Refused(505)
    return head


def _request(head: h11.Request, body: bytes, source: str) -> Request:
    headers: dict[str, str] = {}
    for name, value in head.headers:
        headers.setdefault(name.decode("ascii"), value.decode("latin-1"))
    return Request(head.method.decode("ascii"), head.target.decode("ascii"), headers, body, source)
