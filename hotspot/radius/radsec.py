"""RADIUS over TLS (RFC 6614): routers that connect, each known by the name in its certificate.

One connection carries log-ins, accounting and Status-Server, to the same reception as UDP. The Length field frames packets; a stream
that can't be followed, or carries what its router would not send, is closed (RFC 6613 §2.6.4). Everything is bounded: connections,
handshakes, requests that a connection may have outstanding, octets that wait for a slow reader, idle time.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any, Final

import structlog

from hotspot.radius import metrics
from hotspot.radius.nases import Candidates, NasTable, Secrets, together
from hotspot.radius.packet import HEADER_LENGTH, MAX_LENGTH, Code
from hotspot.radius.reception import Advice, Received, Reception

log = structlog.get_logger()

MOST_CONNECTIONS: Final = 1_024
MOST_HANDSHAKES: Final = 128
"""Strangers get this far; when more come, the oldest handshake gives way, because an honest one takes milliseconds."""
HANDSHAKE_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 300.0
"""A connection without a packet for so long is closed; a router opens another when it has something to say."""
MOST_OUTSTANDING: Final = 128
"""Requests of one connection that wait for their answer; RADIUS can't tell more than 256 apart."""
MOST_UNREAD: Final = 64 * 1024  # octets of replies that a slow reader may leave before nothing more is read from it
WANTED: Final = frozenset({int(Code.ACCESS_REQUEST), int(Code.ACCOUNTING_REQUEST)})
_LENGTH: Final = slice(2, 4)  # of a packet: its Length field
_numbers = count()


class RadSec:
    """Accept connections and keep them within bounds. Lives in the server's event loop."""

    def __init__(
        self,
        reception: Reception,
        nases: NasTable,
        tls: ssl.SSLContext,
        *,
        clock: Callable[[], datetime],
        idle: float = IDLE_SECONDS,
    ) -> None:
        self.reception, self.nases, self.clock, self.idle = reception, nases, clock, idle
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._handshakes: dict[asyncio.Task[None], None] = {}  # in the order they began
        self._connections: set[Connection] = set()
        self._advice = Advice()

    def accept_from(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept at these listening sockets."""
        for sock in sockets:
            sock.settimeout(0)
            self._loop.add_reader(sock, self._accept, sock)
            self._listening.append(sock)

    def stop_accepting(self) -> None:
        """Take no more connections; those that are open go on."""
        while self._listening:
            self._loop.remove_reader(self._listening.pop())
        for handshake in self._handshakes:
            handshake.cancel()

    async def finish(self) -> None:
        """Close every connection when what was answered has left it, and no later than a moment from now."""
        for connection in list(self._connections):
            connection.end("stopping")
        closing = [*self._handshakes, *(connection.closed for connection in self._connections)]
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_SECONDS)

    def admit(self, connection: "Connection", names: Sequence[str]) -> bool:
        """Let a connection in whose certificate names a router of ours, unless it is one too many."""
        if not any(name in self.nases.by_name for name in names):
            self.tell("a RadSec certificate names no router of ours", names=names)
            metrics.RADSEC_CLOSED.labels("unknown_name").inc()
            return False
        if len(self._connections) >= MOST_CONNECTIONS:
            self.tell("too many RadSec connections", names=names)
            metrics.RADSEC_CLOSED.labels("too_many").inc()
            return False
        self._connections.add(connection)
        metrics.RADSEC_CONNECTIONS.inc()
        return True

    def forget(self, connection: "Connection") -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            metrics.RADSEC_CONNECTIONS.dec()

    def tell(self, sentence: str, **facts: object) -> None:
        """Log a sentence, the same one at most once a minute: strangers can cause it."""
        self._advice.give(sentence, sentence, **facts)

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, address = listening.accept()
        except OSError:  # gone again, or another process of ours was faster
            return
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self._handshakes) >= MOST_HANDSHAKES:
            next(iter(self._handshakes)).cancel()
        handshake = self._loop.create_task(self._shake_hands(sock, str(address[0])))
        self._handshakes[handshake] = None
        handshake.add_done_callback(self._handshakes.pop)

    async def _shake_hands(self, sock: socket.socket, source: str) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: Connection(self),
                sock,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=CLOSE_SECONDS,
            )
        except (OSError, asyncio.CancelledError) as error:  # ssl.SSLError is an OSError
            self.tell("a RadSec handshake failed", source=source, problem=str(error) or "too many at once")
            metrics.RADSEC_CLOSED.labels("handshake").inc()


class Connection(asyncio.Protocol):
    """One connection, from the end of its handshake."""

    def __init__(self, radsec: RadSec) -> None:
        self._radsec = radsec
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._number = next(_numbers)
        self._received = bytearray()
        self._outstanding = 0
        self._is_peer_reading = True
        self._is_paused = False
        self._heard_at = self._loop.time()
        self._idle: asyncio.TimerHandle | None = None
        self._table: Mapping[str, Secrets] | None = None
        self._candidates: Candidates | None = None

    # --- life --------------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=MOST_UNREAD)
        self._names = names_in(transport.get_extra_info("peercert"))
        if self._radsec.admit(self, self._names):
            self._idle = self._loop.call_later(self._radsec.idle, self._end_when_idle)
        else:
            transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self._radsec.forget(self)
        if self._idle is not None:
            self._idle.cancel()
        self.closed.set_result(None)

    def end(self, reason: str) -> None:
        """Close it after what was answered has left."""
        if self._transport.is_closing():
            return
        metrics.RADSEC_CLOSED.labels(reason).inc()
        self._received.clear()
        self._transport.close()

    def _end_when_idle(self) -> None:
        left = self._heard_at + self._radsec.idle - self._loop.time()
        if left > 0:
            self._idle = self._loop.call_later(left, self._end_when_idle)
        else:
            metrics.RADSEC_CLOSED.labels("idle").inc()
            self._transport.abort()  # who doesn't read will not read a farewell either

    # --- octets ------------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._received += data
            self._take_packets()

    def pause_writing(self) -> None:
        self._is_peer_reading = False
        self._pause_or_resume()

    def resume_writing(self) -> None:
        self._is_peer_reading = True
        self._loop.call_soon(self._take_packets)

    def _may_take(self) -> bool:
        return self._is_peer_reading and self._outstanding < MOST_OUTSTANDING and not self._transport.is_closing()

    def _take_packets(self) -> None:
        """Take every whole packet that lies ready, as far as the bounds allow; what is left waits, and so does the sender."""
        now = self._radsec.clock()
        while self._may_take() and len(self._received) >= _LENGTH.stop:
            length = int.from_bytes(self._received[_LENGTH], "big")
            if not HEADER_LENGTH <= length <= MAX_LENGTH:
                self._radsec.tell("a RadSec connection lost its framing", names=self._names)
                self.end("bad_length")
            elif length > len(self._received):
                break
            else:
                packet = bytes(self._received[:length])
                del self._received[:length]
                self._take(packet, now)
        self._radsec.reception.commit()
        self._pause_or_resume()

    def _take(self, packet: bytes, now: datetime) -> None:
        candidates = self._routers()
        if candidates is None:
            self.end("unknown_name")
            return
        self._heard_at = self._loop.time()
        self._outstanding += 1
        received = Received(packet, candidates, WANTED, self._number, self._reply, now)
        if not self._radsec.reception.receive(received):
            self.end("unsound")

    def _routers(self) -> Candidates | None:
        """The routers that the certificate names: of a proxy several, told apart like those behind one address."""
        table = self._radsec.nases.by_name
        if table is not self._table:
            known = [table[name] for name in self._names if name in table]
            self._candidates = together(known) if known else None
            self._table = table
        return self._candidates

    def _reply(self, reply: bytes | None) -> None:
        self._outstanding -= 1
        if reply is not None and not self._transport.is_closing():
            self._transport.write(reply)
        if self._is_paused:
            self._loop.call_soon(self._take_packets)

    def _pause_or_resume(self) -> None:
        if self._transport.is_closing() or self._may_take() != self._is_paused:
            return
        self._is_paused = not self._is_paused
        if self._is_paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


def names_in(certificate: Mapping[str, Any]) -> list[str]:
    """The names that a verified certificate, as the ssl module tells it, speaks for: DNS names and common names, each once."""
    alternatives = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    subject = [value for part in certificate.get("subject", ()) for kind, value in part if kind == "commonName"]
    return list(dict.fromkeys([*alternatives, *subject]))
