"""Guest sessions as routers report them: what each will say is known beforehand, so that every figure can be held to it.

Reports are shaped and sent as RouterOS does: unanswered, the same content goes out again with a longer Acct-Delay-Time, and
therefore with a new identifier and a new authenticator (RFC 2866 §5.2).
"""

import random
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from benchmarks import wire
from benchmarks.campaign import Failed, router_socket
from benchmarks.radius_packets import Reporter

START, STOP, INTERIM = 1, 2, 3
USER_REQUEST: Final = 1
INTERVAL: Final = 300  # seconds between two interims
SOCKETS_A_ROUTER: Final = 4  # 256 identifiers each
RESEND_AFTER: Final = 0.4
MOST_TRIES: Final = 200
WITHOUT_CLASS: Final = 0.2

Address = tuple[str, int]


class Totals(NamedTuple):
    """What a session comes to."""

    octets_from_device: int
    octets_to_device: int
    packets_from_device: int
    packets_to_device: int
    seconds: int


@dataclass(slots=True)
class Session:
    """One session: all its reports are decided when it is made, only when they are sent is not."""

    router: Reporter
    acct_session_id: str
    reports: Sequence[bytes]
    due: Sequence[int]  # when each report was due, in seconds of the epoch: all of them before now
    totals: Totals
    step: int = 0
    tries: int = 0

    def body(self, now: float) -> bytes:
        """The present report; only Acct-Delay-Time tells one try from the next."""
        return self.reports[self.step] + wire.number(41, max(0, int(now) - self.due[self.step]))


def sessions(
    routers: Sequence[Reporter],
    count: int,
    interims: int,
    chance: random.Random,
    *,
    now: int,
    without_class: float = WITHOUT_CLASS,
) -> Iterator[Session]:
    """Sessions whose octets cross 2³², downwards several times; a share of them without Class.

    They happened in the past, as if the routers had been cut off for a while: so their times, delays and durations agree.
    """
    for number in range(count):
        yield _session(routers[number % len(routers)], number, interims, chance, now, without_class)


def _session(
    router: Reporter, number: int, interims: int, chance: random.Random, now: int, without_class: float
) -> Session:
    totals = Totals(0, 0, 0, 0, 0)
    steps = [_growth(interims, chance, INTERVAL) for _ in range(interims)]
    steps.append(_growth(interims, chance, chance.randrange(1, INTERVAL)))
    port = 0x80100000 + number
    identity = _identity(router, port, chance, without_class)
    began = now - sum(step.seconds for step in steps) - chance.randrange(60)
    reports = [_report(START, identity, began, b"")]
    due = [began]
    for index, step in enumerate(steps):
        totals = Totals(*(known + more for known, more in zip(totals, step, strict=True)))
        is_last = index == interims
        due.append(began + totals.seconds)
        tail = _counters(totals) + (wire.number(49, USER_REQUEST) if is_last else b"")
        reports.append(_report(STOP if is_last else INTERIM, identity, due[-1], tail))
    return Session(router, f"{port:08x}", reports, due, totals)


def _growth(interims: int, chance: random.Random, seconds: int) -> Totals:
    """What one interval moves: on the average 1.5 times 2³² in a session upwards, 3.5 times downwards."""
    mean = (1 << 32) // (interims + 1)
    up, down = chance.randrange(3 * mean), chance.randrange(7 * mean)
    return Totals(up, down, up // 900 + 1, down // 1200 + 1, seconds)


def _identity(router: Reporter, port: int, chance: random.Random, without_class: float) -> bytes:
    mac = "BC:24:" + ":".join(f"{octet:02X}" for octet in port.to_bytes(4, "big"))
    address = bytes((10, 5, port >> 8 & 255, port & 255))
    class_ = chance.randbytes(16)
    parts = [
        wire.number(61, 19),
        wire.attribute(31, mac.encode()),
        wire.attribute(30, b"hs-vlan888-hotspot"),
        wire.attribute(87, b"bridge-hotspot"),
        wire.attribute(1, class_.hex().encode()),
        wire.number(5, port),
        wire.attribute(44, f"{port:08x}".encode()),
        wire.attribute(8, address),
        wire.attribute(26, (14988).to_bytes(4, "big") + bytes((10, 6)) + address),
    ]
    if chance.random() >= without_class:
        parts.append(wire.attribute(25, class_))
    tail = wire.attribute(32, router.name.encode()) + wire.attribute(4, socket.inet_aton(router.address))
    return b"".join((*parts, tail))


def _counters(totals: Totals) -> bytes:
    (up_high, up_low), (down_high, down_low) = divmod(totals[0], 1 << 32), divmod(totals[1], 1 << 32)
    pairs = ((42, up_low), (52, up_high), (47, totals[2]), (43, down_low), (53, down_high), (48, totals[3]))
    return b"".join(wire.number(kind, value) for kind, value in (*pairs, (46, totals.seconds)))


def _report(kind: int, identity: bytes, due: int, tail: bytes) -> bytes:
    return wire.number(40, kind) + identity + wire.number(55, due) + tail


@dataclass(slots=True)
class _Line:
    """One socket of a router, and what is on its way under each identifier: the authenticator, the session, its step."""

    socket: socket.socket
    secret: bytes
    last: int = 0
    tries: dict[int, tuple[bytes, Session, int]] = field(default_factory=dict)

    def send(self, session: Session, server: Address) -> None:
        self.last = (self.last + 1) % 256
        packet = wire.accounting_request(self.last, session.body(time.time()), self.secret)
        self.tries[self.last] = packet[4:20], session, session.step
        session.tries += 1
        try:
            self.socket.sendto(packet, server)
        except OSError:  # a full buffer or nobody there: it will be sent again
            return

    def acknowledged(self, reply: bytes) -> Session | None:
        """The session whose present report this acknowledges, if it is one's."""
        asked = self.tries.get(reply[1]) if len(reply) >= 20 else None
        if asked is None or asked[2] != asked[1].step:
            return None
        return asked[1] if wire.is_reply(reply, reply[1], asked[0], self.secret) else None


class Reporting:
    """Report sessions, `window` at a time, each report until it is acknowledged."""

    def __init__(self, routers: Sequence[Reporter], server: Address, *, window: int) -> None:
        self.sent = 0
        self._server, self._window = server, window
        self._selector = selectors.DefaultSelector()
        self._lines: dict[str, list[_Line]] = {}
        for router in routers:
            self._lines[router.name] = [self._line(router) for _ in range(SOCKETS_A_ROUTER)]
        self._overdue: deque[tuple[float, Session, int, int]] = deque()

    def run(self, told: Iterable[Session], done: Callable[[Session], None]) -> None:
        """Report them all; `done` gets each session when its Stop is acknowledged. Raises `Failed` when one never is."""
        waiting = iter(told)
        going_on = 0
        for session in islice(waiting, self._window):
            self._send(session)
            going_on += 1
        while going_on:
            for key, _ in self._selector.select(0.05):
                for session in self._acknowledged(key.data):
                    going_on -= not self._goes_on(session, waiting, done)
            self._send_overdue()

    def close(self) -> None:
        self._selector.close()
        for lines in self._lines.values():
            for line in lines:
                line.socket.close()

    def _goes_on(self, session: Session, waiting: Iterator[Session], done: Callable[[Session], None]) -> bool:
        """Send what follows an acknowledged report: the session's next one, or the first of another session, if one is left."""
        session.step, session.tries = session.step + 1, 0
        following: Session | None = session
        if session.step == len(session.reports):
            done(session)
            following = next(waiting, None)
        if following is not None:
            self._send(following)
        return following is not None

    def _line(self, router: Reporter) -> _Line:
        sock = router_socket(router)
        sock.settimeout(0)
        line = _Line(sock, router.secret)
        self._selector.register(sock, selectors.EVENT_READ, line)
        return line

    def _send(self, session: Session) -> None:
        self.sent += 1
        lines = self._lines[session.router.name]
        lines[self.sent % len(lines)].send(session, self._server)
        self._overdue.append((time.monotonic() + RESEND_AFTER, session, session.step, session.tries))

    def _send_overdue(self) -> None:
        now = time.monotonic()
        while self._overdue and self._overdue[0][0] <= now:
            _, session, step, tries = self._overdue.popleft()
            if (session.step, session.tries) != (step, tries):
                continue  # acknowledged meanwhile
            if tries == MOST_TRIES:
                raise Failed(f"session {session.acct_session_id} was not acknowledged in {tries} tries")
            self._send(session)

    def _acknowledged(self, line: _Line) -> Iterator[Session]:
        for _ in range(64):
            try:
                reply = line.socket.recv(wire.LONGEST)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            session = line.acknowledged(reply)
            if session is not None:
                yield session
