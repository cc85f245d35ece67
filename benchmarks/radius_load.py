"""Routers that report as fast as they are acknowledged: real MikroTik-shaped accounting, every reply verified.

Packets are patched and hashed here with the standard library alone, both for speed and so that the server's codec isn't its own
judge. What was sent and what was acknowledged is remembered, session by session.
"""

import hashlib
import selectors
import socket
import struct
import time
import uuid
from dataclasses import dataclass, field
from typing import Final

START, STOP, INTERIM = 1, 2, 3
INTERIMS_A_SESSION: Final = 6
IDENTIFIERS_A_SLOT: Final = 8
OCTETS_AN_INTERIM: Final = 700_000_001  # crosses 2³² within a session, so that gigawords are spoken
USER_REQUEST: Final = 1
_HEAD = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class Reporter:
    """A router: the source address the server knows it by, and its secret."""

    address: str
    name: str
    secret: bytes = field(repr=False)


@dataclass(slots=True)
class Told:
    """One session: what its router has sent and what the server has acknowledged."""

    sent_octets: int = 0
    acked_octets: int = -1
    acked_start: bool = False
    acked_stop: bool = False


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, value.to_bytes(4, "big"))


class Slot:
    """One outstanding request: walks through a session, then through the next one."""

    def __init__(self, reporter: Reporter, sock: socket.socket, number: int, told: dict[str, Told]) -> None:
        self.reporter, self.socket = reporter, sock
        self._number, self._all_told = number, told
        self._turn = 0
        self.sent_at = self.first_sent_at = 0.0
        self._tries: dict[int, bytes] = {}  # identifier → authenticator of each packet that carried the present report
        self._begin()

    def _begin(self) -> None:
        self._step = 0
        self._octets = 0
        credential = uuid.uuid4()
        port = int.from_bytes(credential.bytes[:4], "big")
        self.session = f"{port:08x}"
        while self.session in self._all_told:  # one in four billion twice would look like a lost record
            port = (port + 1) % (1 << 32)
            self.session = f"{port:08x}"
        self.told = self._all_told[self.session] = Told()
        mac = "BC:" + ":".join(f"{octet:02X}" for octet in credential.bytes[4:9])
        self._identity = b"".join(
            (
                _number(61, 19),
                _attribute(31, mac.encode()),
                _attribute(30, b"hs-vlan888-hotspot"),
                _attribute(87, b"bridge-hotspot"),
                _attribute(1, credential.hex.encode()),
                _number(5, port),
                _attribute(44, self.session.encode()),
                _attribute(8, bytes((10, 5, 50, 2))),
                _attribute(26, (14988).to_bytes(4, "big") + bytes((10, 6, 10, 5, 50, 2))),
                _attribute(25, credential.bytes),
            )
        )

    def _body(self, now: float) -> bytes:
        kind = START if self._step == 0 else STOP if self._step > INTERIMS_A_SESSION else INTERIM
        counters = cause = b""
        if kind != START:
            high, low = divmod(self._octets, 1 << 32)
            counters = b"".join(
                (_number(42, low), _number(52, high), _number(47, self._step), _number(43, low), _number(53, high))
            ) + b"".join((_number(48, self._step), _number(46, self._step)))
        if kind == STOP:
            cause = _number(49, USER_REQUEST)
        delay = int(now - self.first_sent_at) if self.first_sent_at else 0
        return b"".join(
            (
                _number(40, kind),
                self._identity,
                _number(55, int(time.time())),
                counters,
                cause,
                _attribute(32, self.reporter.name.encode()),
                _attribute(4, socket.inet_aton(self.reporter.address)),
                _number(41, delay),
            )
        )

    def send(self, server: tuple[str, int], now: float) -> None:
        """Send the session's present report; again means another identifier and a longer delay."""
        self._turn = (self._turn + 1) % IDENTIFIERS_A_SLOT
        identifier = self._number * IDENTIFIERS_A_SLOT + self._turn
        body = self._body(now)
        head = _HEAD.pack(4, identifier, 20 + len(body))
        authenticator = hashlib.md5(head + bytes(16) + body + self.reporter.secret).digest()
        self._tries[identifier] = authenticator
        self.told.sent_octets = self._octets
        self.first_sent_at = self.first_sent_at or now
        self.sent_at = now
        self.socket.sendto(head + authenticator + body, server)

    def is_answered_by(self, reply: bytes) -> bool:
        """Whether this acknowledges any of the packets that carried the present report."""
        authenticator = self._tries.get(reply[1])
        if authenticator is None or len(reply) != 20 or reply[0] != 5 or reply[2:4] != b"\0\x14":
            return False
        return hashlib.md5(reply[:4] + authenticator + self.reporter.secret).digest() == reply[4:]

    def advance(self) -> None:
        """Remember that the report was acknowledged, and go on to the next one."""
        if self._step == 0:
            self.told.acked_start = True
        else:
            self.told.acked_octets = self._octets
        self.told.acked_stop = self._step > INTERIMS_A_SESSION
        self.first_sent_at = 0.0
        self._tries.clear()
        self._step += 1
        self._octets += OCTETS_AN_INTERIM
        if self.told.acked_stop:
            self._begin()


class Load:
    """A window of outstanding reports over several routers, each with its own socket."""

    def __init__(
        self, reporters: list[Reporter], server: tuple[str, int], *, window: int, resend_after: float = 3.0
    ) -> None:
        self.told: dict[str, Told] = {}
        self.latencies: list[float] = []
        self.acked = self.resent = self.bad_replies = 0
        self._server, self._resend_after = server, resend_after
        self._selector = selectors.DefaultSelector()
        self._sockets = [_socket_of(reporter) for reporter in reporters[:window]]
        self._slots: list[Slot] = []
        by_socket: dict[int, dict[int, Slot]] = {}
        for number in range(window):
            which = number % len(self._sockets)
            slot = Slot(reporters[which], self._sockets[which], number // len(self._sockets), self.told)
            self._slots.append(slot)
            by_socket.setdefault(which, {})[number // len(self._sockets)] = slot
        for which, sock in enumerate(self._sockets):
            self._selector.register(sock, selectors.EVENT_READ, by_socket[which])

    def run(self, seconds: float) -> float:
        """Report for this long; give the seconds it took. What is outstanding stays so for the next run."""
        began = now = time.perf_counter()
        self._send_overdue(now)
        overdue_at = now + 0.1
        while now < began + seconds:
            for key, _ in self._selector.select(0.05):
                self._receive(key.fileobj, key.data)  # type: ignore[arg-type]  # a socket, as registered
            now = time.perf_counter()
            if now > overdue_at:
                self._send_overdue(now)
                overdue_at = now + 0.1
        return now - began

    def close(self) -> None:
        self._selector.close()
        for sock in self._sockets:
            sock.close()

    def _send_overdue(self, now: float) -> None:
        for slot in self._slots:
            if now - slot.sent_at > self._resend_after or not slot.sent_at:
                self.resent += slot.sent_at != 0
                slot.send(self._server, now)

    def _receive(self, sock: socket.socket, slots: dict[int, Slot]) -> None:
        while True:
            try:
                reply = sock.recv(4096)
            except (BlockingIOError, ConnectionRefusedError):
                return
            slot = slots.get(reply[1] // IDENTIFIERS_A_SLOT) if len(reply) > 1 else None
            if slot is None or not slot.is_answered_by(reply):
                self.bad_replies += 1  # or one more reply to a report that was sent again
                continue
            now = time.perf_counter()
            self.latencies.append(now - slot.first_sent_at)
            self.acked += 1
            slot.advance()
            slot.send(self._server, now)


def _socket_of(reporter: Reporter) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0)
    sock.bind((reporter.address, 0))
    return sock
