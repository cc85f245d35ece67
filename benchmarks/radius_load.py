"""Routers that ask as fast as they are answered, or at a given pace: every reply verified, every wait measured.

Cheap on purpose, because it shares the processor with what it measures: packets are made ahead, and for reports the one right reply
too, so that finding it and verifying it is one look into a dictionary. A reply that nobody waits for is counted, never trusted.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Final

from benchmarks.radius_packets import Exchange, Reporter, is_accept
from benchmarks.radius_work import FIRST_TRIES, IDENTIFIERS_A_SLOT, Work

LONGEST: Final = 4096
LOOK_FOR_OVERDUE: Final = 0.1  # seconds
WAKE_UP: Final = 0.05  # seconds without a reply after which the clock is looked at
RECEIVE_BUFFER: Final = 1 << 20  # octets for each router: a server may answer a whole batch at once
Address = tuple[str, int]


class Port:
    """A router's socket, and the slots that share it."""

    def __init__(self, reporter: Reporter, server: Address) -> None:
        self.reporter = reporter
        self.slots: list[Slot] = []
        self.outstanding = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.bind((reporter.address, 0))
        self.socket.connect(server)
        self.receive, self._send = self.socket.recv, self.socket.send

    def send(self, packet: bytes) -> None:
        with suppress(BlockingIOError, ConnectionRefusedError):  # lost, for all the router knows; it will ask again
            self._send(packet)


class Slot:
    """One outstanding request."""

    __slots__ = ("acked", "ahead", "asked_at", "exchange", "first_identifier", "port", "prepared", "sent_at", "tries")

    def __init__(self, port: Port, first_identifier: int, ahead: Iterator[Exchange]) -> None:
        self.port, self.first_identifier = port, first_identifier
        self.ahead = ahead
        self.acked = self.prepared = 0
        self.exchange: Exchange | None = None  # what is outstanding
        self.asked_at = self.sent_at = 0.0
        self.tries: list[bytes] = []  # replies that would answer retransmissions of it


class Load:
    """A window of outstanding requests over several routers, each with its own socket."""

    def __init__(
        self, work: Work, reporters: Sequence[Reporter], server: Address, *, window: int, resend_after: float = 3.0
    ) -> None:
        self.latencies: list[float] = []
        self.refused = self.resent = self.late_replies = self.bad_replies = 0
        self.is_exhausted = False
        self._work, self._resend_after = work, resend_after
        self._awaited: dict[bytes, Slot] = {}
        self._given_up: set[bytes] = set()  # right replies that come after another try was answered
        self._ports = [Port(reporter, server) for reporter in reporters[:window]]
        self._slots = [self._slot(self._ports[number % len(self._ports)]) for number in range(window)]
        self._epoll = select.epoll()
        self._by_descriptor = {port.socket.fileno(): port for port in self._ports}
        for descriptor in self._by_descriptor:
            self._epoll.register(descriptor, select.EPOLLIN)

    def _slot(self, port: Port) -> Slot:
        first_identifier = len(port.slots) * IDENTIFIERS_A_SLOT
        if first_identifier >= 256:
            raise ValueError("more outstanding requests than the routers have identifiers")
        slot = Slot(port, first_identifier, self._work.of_slot(port.reporter, first_identifier))
        port.slots.append(slot)
        return slot

    # --- before and after -------------------------------------------------------------------------------------------------

    def prepare(self, count: int) -> None:
        """Make so many packets now, shared out to the slots; what a run needs beyond them is made while it runs.

        In the order in which they will leave, more or less: a router's sessions begin in the order of their numbers.
        """
        made: list[list[Exchange]] = [[] for _ in self._slots]
        for _ in range(max(1, count // len(self._slots))):
            for slot, row in zip(self._slots, made, strict=True):
                row.extend(islice(slot.ahead, 1))
        for slot, row in zip(self._slots, made, strict=True):
            slot.prepared += len(row)
            slot.ahead = chain(row, slot.ahead)

    @property
    def progress(self) -> list[int]:
        """How many exchanges each slot got through."""
        return [slot.acked for slot in self._slots]

    @property
    def acked(self) -> int:
        return sum(self.progress)

    @property
    def outstanding(self) -> int:
        return sum(port.outstanding for port in self._ports)

    @property
    def made_late(self) -> int:
        """How many packets were not prepared, and cost the run what making them costs."""
        return sum(max(0, slot.acked + (slot.exchange is not None) - slot.prepared) for slot in self._slots)

    def close(self) -> None:
        self._epoll.close()
        for port in self._ports:
            port.socket.close()

    # --- running ----------------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> float:
        """Keep the window full for so long, or until a slot has nothing left to ask; give the seconds it took.

        What is outstanding stays so for the next run.
        """
        began = now = time.perf_counter()
        for slot in self._slots:
            if slot.exchange is None:
                self._ask(slot, now)
        look_at = now
        while now < began + seconds and not self.is_exhausted:
            if now >= look_at:
                self._send_overdue(now)
                look_at = now + LOOK_FOR_OVERDUE
            self._take_replies(WAKE_UP, self._ask)
            now = time.perf_counter()
        return now - began

    def run_at(self, rate: float, seconds: float) -> float:
        """Ask at this pace, answered or not, and never again; waits are counted from when each request was due."""
        free = deque(self._slots)
        began = now = time.perf_counter()
        asked, wanted = 0, round(rate * seconds)
        while asked < wanted and not self.is_exhausted:
            while free and asked < wanted and (due := began + asked / rate) <= now:
                self._ask(free.popleft(), due)
                asked += 1
            self._take_replies(0.001, lambda slot, _: free.append(slot))
            now = time.perf_counter()
        return now - began

    def drain(self, patience: float) -> None:
        """Ask nothing more, and take what is still on its way."""
        deadline = time.perf_counter() + patience
        while self.outstanding and time.perf_counter() < deadline:
            self._take_replies(WAKE_UP, lambda _slot, _now: None)

    def _ask(self, slot: Slot, now: float) -> None:
        slot.exchange = exchange = next(slot.ahead, None)
        if exchange is None:
            self.is_exhausted = True
            return
        slot.asked_at = slot.sent_at = now
        packet, reply = exchange
        if reply is not None:
            self._awaited[reply] = slot
        port = slot.port
        port.outstanding += 1
        port.send(packet)

    def _send_overdue(self, now: float) -> None:
        for slot in self._slots:
            if slot.exchange is not None and now - slot.sent_at > self._resend_after:
                self._ask_again(slot, now)

    def _ask_again(self, slot: Slot, now: float) -> None:
        assert slot.exchange is not None
        identifier = slot.first_identifier + FIRST_TRIES + len(slot.tries) % (IDENTIFIERS_A_SLOT - FIRST_TRIES)
        packet, reply = self._work.again(slot.port.reporter, identifier, slot.exchange, int(now - slot.asked_at))
        if reply is not None:
            self._awaited[reply] = slot
            slot.tries.append(reply)
        slot.sent_at = now
        self.resent += 1
        slot.port.send(packet)

    # --- receiving --------------------------------------------------------------------------------------------------------

    def _take_replies(self, wait: float, then: Callable[[Slot, float], None]) -> None:
        awaited, clock, waited = self._awaited, time.perf_counter, self.latencies.append
        for descriptor, _ in self._epoll.poll(wait):
            port = self._by_descriptor[descriptor]
            receive = port.receive
            for _ in range(port.outstanding or 1):  # not those that are asked meanwhile: other ports wait, too
                try:
                    reply = receive(LONGEST)
                except (BlockingIOError, ConnectionRefusedError):
                    break
                slot = awaited.pop(reply, None) or self._judge(reply, port)
                if slot is not None:
                    now = clock()
                    waited(now - slot.asked_at)
                    slot.acked += 1
                    if slot.tries:
                        self._forget_tries(slot, reply)
                    slot.exchange = None
                    port.outstanding -= 1
                    then(slot, now)

    def _judge(self, reply: bytes, port: Port) -> Slot | None:
        """Find whose log-in this answers, if it does; a reply to a report that comes here answers nothing any more."""
        if reply in self._given_up:
            self.late_replies += 1
            return None
        number = reply[1] // IDENTIFIERS_A_SLOT if len(reply) > 1 else len(port.slots)
        slot = port.slots[number] if number < len(port.slots) else None
        if slot is not None and slot.exchange is not None and slot.exchange.reply is None:
            verdict = is_accept(reply, slot.exchange.packet, port.reporter.secret)
            if verdict is not None:
                self.refused += not verdict
                return slot
        self.bad_replies += 1
        return None

    def _forget_tries(self, slot: Slot, answered: bytes) -> None:
        first = slot.exchange.reply if slot.exchange else None
        for reply in (first, *slot.tries):
            if reply is not None and reply != answered:
                self._awaited.pop(reply, None)
                self._given_up.add(reply)
        slot.tries.clear()
