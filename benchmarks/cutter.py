"""A line between controller and router that breaks once, at a chosen place, and works again for whoever dials anew."""

import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final, Literal

HEADER: Final = 5  # octets of a TLS record's: type, version, length (RFC 8446 §5.1)
CHUNK: Final = 65_536
Direction = Literal["to", "from"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Behind so many octets, or TLS records (a sentence is one or a few), towards the router or from it."""

    direction: Direction
    unit: Literal["octets", "records"]
    behind: int


@dataclass(slots=True)
class Seen:
    """What went one way over all connections of a run."""

    octets: int = 0
    records: int = 0


@dataclass(slots=True)
class _Records:
    """Finds the ends of TLS records in a stream."""

    left: int = 0
    header: bytearray = field(default_factory=bytearray)

    def ends(self, octets: bytes) -> list[int]:
        found, at = [], 0
        while at < len(octets):
            if self.left:
                step = min(self.left, len(octets) - at)
                self.left -= step
                at += step
                if not self.left:
                    found.append(at)
                continue
            self.header.append(octets[at])
            at += 1
            if len(self.header) == HEADER:
                self.left = int.from_bytes(self.header[3:], "big")
                self.header.clear()
        return found


class Cutter:
    """Sockets to a router, each with a thread that carries what is said; `cut` may be set before a run."""

    def __init__(self, router: Callable[[], tuple[str, int]]) -> None:
        self.cut: Cut | None = None
        self.seen: dict[Direction, Seen] = {"to": Seen(), "from": Seen()}
        self.was_cut = False
        self._router = router
        self._threads: list[threading.Thread] = []

    def begin(self, cut: Cut | None) -> None:
        self.cut, self.was_cut = cut, False
        self.seen = {"to": Seen(), "from": Seen()}

    def dial(self, _address: IPv4Address, _port: int) -> socket.socket:
        near, mine = socket.socketpair()
        far = socket.create_connection(self._router(), timeout=10)
        thread = threading.Thread(target=self._carry, args=(mine, far), daemon=True)
        thread.start()
        self._threads.append(thread)
        return near

    def join(self) -> None:
        """Wait for all connections to be over."""
        for thread in self._threads:
            thread.join(30)
        self._threads.clear()

    def _carry(self, mine: socket.socket, far: socket.socket) -> None:
        records: dict[Direction, _Records] = {"to": _Records(), "from": _Records()}
        with mine, far:
            try:
                while True:
                    for ready in select.select([mine, far], [], [], 60)[0]:
                        direction: Direction = "to" if ready is mine else "from"
                        octets = ready.recv(CHUNK)
                        allowed = self._allowed(direction, octets, records[direction])
                        (far if ready is mine else mine).sendall(octets[:allowed])
                        if not octets or allowed < len(octets) or self._is_at_cut(direction):
                            self._break(mine, far)
                            return
            except OSError:
                return

    def _allowed(self, direction: Direction, octets: bytes, records: _Records) -> int:
        """How much of this goes through before the line breaks."""
        seen, ends = self.seen[direction], records.ends(octets)
        allowed = len(octets)
        cut = self.cut
        if cut and cut.direction == direction and not self.was_cut:
            before = seen.octets if cut.unit == "octets" else seen.records
            remaining = cut.behind - before
            if cut.unit == "octets":
                allowed = min(allowed, remaining)
            elif remaining <= len(ends):
                allowed = ends[remaining - 1] if remaining > 0 else 0
        seen.octets += len(octets)
        seen.records += len(ends)
        return allowed

    def _is_at_cut(self, direction: Direction) -> bool:
        cut = self.cut
        if cut is None or self.was_cut or cut.direction != direction:
            return False
        seen = self.seen[direction]
        self.was_cut = (seen.octets if cut.unit == "octets" else seen.records) >= cut.behind
        return self.was_cut

    def _break(self, mine: socket.socket, far: socket.socket) -> None:
        """The controller's end is gone at once; the router still does what reached it."""
        if self.cut is not None:
            self._is_at_cut(self.cut.direction)
        mine.close()
        far.shutdown(socket.SHUT_WR)
        while far.recv(CHUNK):
            pass
