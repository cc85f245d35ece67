"""Throws datagrams at a live server, and judges whatever comes back: only what is authentic may be answered, and only once.

Beside it the server is watched: a router that nobody attacks asks for a sign of life all the time.
"""

import multiprocessing
import random
import secrets
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

from benchmarks import wire
from benchmarks.campaign import Failed, router_socket
from benchmarks.radius_packets import Reporter

BURST: Final = 128  # datagrams sent before the server is asked whether it took them
PATIENCE: Final = 10.0
REMEMBERED: Final = 64  # authentic requests under one identifier; refusals may come a while later
WATCH_EVERY: Final = 0.02  # seconds

Address = tuple[str, int]


@dataclass(slots=True)
class Line:
    """One router's socket, and the authenticators that may be answered, by port and identifier."""

    router: Reporter
    socket: socket.socket
    open: dict[tuple[int, int], deque[bytes]] = field(default_factory=dict)


class Fuzzer:
    """Several routers' sockets towards both ports of the server."""

    def __init__(self, routers: Sequence[Reporter], auth: Address, acct: Address) -> None:
        self.thrown = self.authentic = self.answered = self.signs = 0
        self.wrong: list[str] = []  # replies that must not be
        self._auth, self._acct = auth, acct
        self.lines = [Line(router, router_socket(router)) for router in routers]
        self._unsettled = 0
        for line in self.lines:
            line.socket.settimeout(0)

    def throw(self, datagram: bytes, line: Line, *, at_accounting: bool, is_known: bool = True) -> None:
        """Send it, and note whether it may be answered; now and then wait until the server has taken what was sent."""
        address = self._acct if at_accounting else self._auth
        codes = (wire.ACCOUNTING_REQUEST if at_accounting else wire.ACCESS_REQUEST, wire.STATUS_SERVER)
        if is_known and datagram[:1] and datagram[0] in codes and wire.is_authentic(datagram, line.router.secret):
            self.authentic += 1
            line.open.setdefault((address[1], datagram[1]), deque(maxlen=REMEMBERED)).append(datagram[4:20])
        line.socket.sendto(datagram, address)
        self.thrown += 1
        self._unsettled += 1
        if self._unsettled == BURST:
            self.settle()

    def settle(self) -> None:
        """Wait until both ports have taken all that was sent: they answer in order."""
        self._unsettled = 0
        line = self.lines[0]
        self.signs += 2
        waiting = []
        for address in (self._auth, self._acct):
            authenticator = secrets.token_bytes(16)
            packet = wire.keyed_request(wire.STATUS_SERVER, 0, authenticator, b"", line.router.secret)
            waiting.append((line.open.setdefault((address[1], 0), deque(maxlen=REMEMBERED)), authenticator))
            waiting[-1][0].append(authenticator)
            line.socket.sendto(packet, address)
        deadline = time.monotonic() + PATIENCE
        while any(authenticator in asked for asked, authenticator in waiting):
            if time.monotonic() > deadline:
                raise Failed(f"Status-Server was not answered within {PATIENCE:.0f} s after {self.thrown} datagrams")
            self.take()

    def linger(self, seconds: float) -> None:
        """Judge what comes back late."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            select.select([line.socket for line in self.lines], [], [], left)
            self.take()

    def take(self) -> None:
        """Judge what has come back to any socket."""
        for line in self.lines:
            while True:
                try:
                    reply, sender = line.socket.recvfrom(wire.LONGEST)
                except (BlockingIOError, ConnectionRefusedError):
                    break
                self._judge(line, reply, sender[1])

    def close(self) -> None:
        for line in self.lines:
            line.socket.close()

    def _judge(self, line: Line, reply: bytes, port: int) -> None:
        asked = line.open.get((port, reply[1]), ()) if len(reply) >= 20 else ()
        for authenticator in reversed(asked):
            if wire.is_reply(reply, reply[1], authenticator, line.router.secret):
                line.open[port, reply[1]].remove(authenticator)
                self.answered += 1
                return
        self.wrong.append(f"{reply.hex()} to {line.router.name} from port {port}")


class Watch:
    """A process that asks both ports for a sign of life."""

    def __init__(self, router: Reporter, addresses: Sequence[Address]) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=watch, args=(theirs, router, addresses), daemon=True)

    def __enter__(self) -> "Watch":
        self._process.start()
        self._ours.recv()  # it asks now
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def stop(self) -> list[float]:
        """Seconds until each answer, in the order of asking; what came too late counts for as long as was waited."""
        self._ours.send("stop")
        answers: list[float] = self._ours.recv()
        return answers


def watch(orders: Connection, router: Reporter, addresses: Sequence[Address]) -> None:
    """What the process of a `Watch` does."""
    chance = random.Random()
    seconds: list[float] = []
    with router_socket(router) as sock:
        sock.settimeout(1.0)
        orders.send("watching")
        while not orders.poll(WATCH_EVERY):
            for address in addresses:
                packet = wire.keyed_request(
                    wire.STATUS_SERVER, len(seconds) % 256, chance.randbytes(16), b"", router.secret
                )
                seconds.append(_seconds_until_answered(sock, packet, address, router.secret))
    orders.send(seconds)


def _seconds_until_answered(sock: socket.socket, packet: bytes, address: Address, secret: bytes) -> float:
    began = time.perf_counter()
    sock.sendto(packet, address)
    try:
        while not wire.is_reply(sock.recv(wire.LONGEST), packet[1], packet[4:20], secret):
            pass  # the late answer to an earlier one
    except TimeoutError:
        pass
    return time.perf_counter() - began
