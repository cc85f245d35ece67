"""A network that misbehaves: a UDP proxy between routers and a server that loses, doubles, reorders and corrupts, both ways.

Every router keeps its own source address towards the server, which knows routers by it. Chance is seeded: the same datagrams in
the same order meet the same fate. A process of its own, so that it takes no time from who sends and receives.
"""

import heapq
import multiprocessing
import random
import selectors
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

LONGEST: Final = 4097
BUFFER: Final = 4 << 20
DRAIN: Final = 64  # datagrams of one socket before the next gets its turn
LOOK_UP_EVERY: Final = 0.05  # seconds until it is noticed that all is over

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to a datagram, each by its own chance; a delay of up to `longest_delay` seconds is what reorders."""

    loss: float = 0.10
    duplication: float = 0.10
    reordering: float = 0.10
    corruption: float = 0.05
    longest_delay: float = 1.0


@dataclass(slots=True)
class Fates:
    """How many datagrams met which fate."""

    received: int = 0
    lost: int = 0
    doubled: int = 0
    delayed: int = 0
    corrupted: int = 0
    delivered: int = 0


@dataclass(slots=True)
class Chance:
    """Decides the fate of datagrams, one after the other. No I/O."""

    weather: Weather
    random: random.Random
    fates: Fates = field(default_factory=Fates)

    def copies_of(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """What arrives of a datagram, and how many seconds later: nothing, it, or it twice; each copy has its own luck."""
        self.fates.received += 1
        if self.random.random() < self.weather.loss:
            self.fates.lost += 1
            return []
        count = 1
        if self.random.random() < self.weather.duplication:
            self.fates.doubled += 1
            count = 2
        return [(self._delay(), self._as_it_arrives(datagram)) for _ in range(count)]

    def _delay(self) -> float:
        if self.random.random() >= self.weather.reordering:
            return 0.0
        self.fates.delayed += 1
        return self.random.uniform(0.0, self.weather.longest_delay)

    def _as_it_arrives(self, datagram: bytes) -> bytes:
        if not datagram or self.random.random() >= self.weather.corruption:
            return datagram
        self.fates.corrupted += 1
        damaged = bytearray(datagram)
        damaged[self.random.randrange(len(damaged))] ^= self.random.randrange(1, 256)
        return bytes(damaged)


class Proxy:
    """The misbehaving network in front of one port of the server."""

    address: Address  # stands for the server

    def __init__(self, server: Address, weather: Weather, seed: int) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=run, args=(theirs, server, weather, seed), daemon=True)

    def __enter__(self) -> "Proxy":
        self._process.start()
        self.address = self._ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def stop(self) -> Fates:
        """Deliver what is still on its way, and say what has happened."""
        self._ours.send("stop")
        fates: Fates = self._ours.recv()
        return fates


def run(orders: Connection, server: Address, weather: Weather, seed: int) -> None:
    """What the process does: say where it listens, carry until it is told to stop, say what has happened."""
    network = _Network(server, Chance(weather, random.Random(seed)))
    orders.send(network.address)
    while not orders.poll():
        network.carry(LOOK_UP_EVERY)
    over = time.monotonic() + weather.longest_delay
    while time.monotonic() < over:
        network.carry(LOOK_UP_EVERY)
    orders.send(network.chance.fates)


class _Network:
    """One socket that stands for the server; for each router's socket one that stands for the router."""

    def __init__(self, server: Address, chance: Chance) -> None:
        self.chance = chance
        self._server = server
        self._selector = selectors.DefaultSelector()
        self._front = _bound("127.0.0.1")
        self._selector.register(self._front, selectors.EVENT_READ, None)
        self._behind: dict[Address, socket.socket] = {}
        self._on_the_way: list[tuple[float, int, socket.socket, bytes, Address]] = []
        self._number = 0

    @property
    def address(self) -> Address:
        name: Address = self._front.getsockname()
        return name

    def carry(self, seconds: float) -> None:
        """Wait for datagrams no longer than this, and move what there is to move."""
        now = time.monotonic()
        wait = min(seconds, max(0.0, self._on_the_way[0][0] - now)) if self._on_the_way else seconds
        for key, _ in self._selector.select(wait):
            sock: socket.socket = key.fileobj  # type: ignore[assignment]  # a socket, as registered
            self._take(sock, key.data)
        now = time.monotonic()
        while self._on_the_way and self._on_the_way[0][0] <= now:
            _, _, sock, datagram, receiver = heapq.heappop(self._on_the_way)
            self._deliver(sock, datagram, receiver)

    def _take(self, sock: socket.socket, router: Address | None) -> None:
        """From a router when `router` is None, else an answer to that router."""
        for _ in range(DRAIN):
            try:
                datagram, sender = sock.recvfrom(LONGEST)
            except BlockingIOError:
                return
            except OSError:  # the server is not there at the moment: an ICMP error of something sent earlier
                continue
            if router is None:
                self._send(self._behind_of(sender), datagram, self._server)
            else:
                self._send(self._front, datagram, router)

    def _send(self, sock: socket.socket, datagram: bytes, receiver: Address) -> None:
        for delay, copy in self.chance.copies_of(datagram):
            if delay:
                self._number += 1
                due = time.monotonic() + delay
                heapq.heappush(self._on_the_way, (due, self._number, sock, copy, receiver))
            else:
                self._deliver(sock, copy, receiver)

    def _deliver(self, sock: socket.socket, datagram: bytes, receiver: Address) -> None:
        try:
            sock.sendto(datagram, receiver)
        except OSError:  # a full buffer or nobody there: lost, as on any network
            return
        self.chance.fates.delivered += 1

    def _behind_of(self, router: Address) -> socket.socket:
        sock = self._behind.get(router)
        if sock is None:
            sock = self._behind[router] = _bound(router[0])
            self._selector.register(sock, selectors.EVENT_READ, router)
        return sock


def _bound(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.settimeout(0)
    sock.bind((address, 0))
    return sock
