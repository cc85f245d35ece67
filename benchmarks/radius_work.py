"""What routers ask of a RADIUS server: reports of sessions, log-ins, or the same datagrams for an echo.

A work hands every slot — one outstanding request of one router — its own endless or finite row of exchanges. A slot owns eight
identifiers: four in turn for what is asked, four for what is asked again, so that nothing prepared collides with a retransmission.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from typing import Final, Protocol

from benchmarks.radius_packets import (
    FIRST_SESSION,
    Exchange,
    Guest,
    Reporter,
    Shape,
    access_request,
    later,
    report,
    strangers,
)

IDENTIFIERS_A_SLOT: Final = 8
FIRST_TRIES: Final = 4

SessionName = tuple[str, str]
"""Router and Acct-Session-Id: the second is unique per router only."""


@dataclass(slots=True)
class Told:
    """One session: what its router has sent and what the server has acknowledged."""

    sent_octets: int = 0
    acked_octets: int = -1
    acked_start: bool = False
    acked_stop: bool = False


class Work(Protocol):
    """What the slots of a load ask."""

    def of_slot(self, reporter: Reporter, first_identifier: int) -> Iterator[Exchange]:
        """Begin the row of exchanges of one more slot."""
        ...

    def again(self, reporter: Reporter, identifier: int, exchange: Exchange, delay: int) -> Exchange:
        """Make what a router sends when nothing came back for `delay` seconds."""
        ...


class SessionNumbers:
    """Counts each router's sessions, over all that it reports: a router that counted anew would have rebooted."""

    def __init__(self) -> None:
        self._next: dict[str, Iterator[int]] = {}

    def of_router(self, reporter: Reporter) -> Iterator[int]:
        return self._next.setdefault(reporter.address, count(FIRST_SESSION))


class Accounting:
    """Sessions from Start to Stop, one after the other in each slot; remembers what was told."""

    def __init__(self, numbers: SessionNumbers, *, shape: Shape | None = None) -> None:
        self._numbers, self._shape, self._guests = numbers, shape or Shape(), strangers()
        self._begun: list[tuple[Reporter, list[tuple[int, int]]]] = []  # by slot: its sessions and their first steps

    def of_slot(self, reporter: Reporter, first_identifier: int) -> Iterator[Exchange]:
        begun: list[tuple[int, int]] = []
        # Slots begin at different steps, as if they had been online before: the mix is that of a city from the first packet on.
        first_step = len(self._begun) % self._shape.steps
        self._begun.append((reporter, begun))
        return self._sessions(reporter, first_identifier, begun, first_step)

    def _sessions(
        self, reporter: Reporter, first_identifier: int, begun: list[tuple[int, int]], step: int
    ) -> Iterator[Exchange]:
        identifiers = _in_turn(first_identifier)
        for port in self._numbers.of_router(reporter):
            guest = next(self._guests)
            begun.append((port, step))
            while step < self._shape.steps:
                yield report(reporter, next(identifiers), guest, port, step, self._shape)
                step += 1
            step = 0

    def again(self, reporter: Reporter, identifier: int, exchange: Exchange, delay: int) -> Exchange:
        return later(reporter, identifier, exchange, delay)

    def told(self, acked: Sequence[int]) -> Mapping[SessionName, Told]:
        """Say of every session what was sent and what is acknowledged, from how many exchanges each slot got through."""
        told: dict[SessionName, Told] = {}
        for (reporter, begun), done in zip(self._begun, acked, strict=True):
            before = 0  # exchanges of the slot's earlier sessions
            for port, first_step in begun:
                if before > done:
                    break  # made ahead, and never sent
                told[reporter.name, f"{port:08x}"] = self._story(first_step, done - before)
                before += self._shape.steps - first_step
        return told

    def sessions_acknowledged(self, acked: Sequence[int]) -> int:
        """Count the sessions of which the server has acknowledged anything."""
        return sum(story.acked_start or story.acked_octets >= 0 for story in self.told(acked).values())

    def _story(self, first_step: int, done: int) -> Told:
        """The session of which `done` exchanges are over, and one more has perhaps been sent."""
        last = self._shape.steps - 1
        acked = min(first_step + done - 1, last)
        return Told(
            sent_octets=min(first_step + done, last) * self._shape.octets,
            acked_octets=acked * self._shape.octets if done and acked else -1,
            acked_start=first_step == 0 and done > 0,
            acked_stop=acked == last and done > 0,
        )


class LogIns:
    """One Access-Request for every credential, each used once; retransmitted unchanged (RFC 5080 §2.2.1)."""

    def __init__(self, numbers: SessionNumbers, credentials: Iterable[Guest]) -> None:
        self._numbers, self._credentials = numbers, iter(credentials)

    def of_slot(self, reporter: Reporter, first_identifier: int) -> Iterator[Exchange]:
        identifiers, ports = _in_turn(first_identifier), self._numbers.of_router(reporter)
        for guest in self._credentials:
            yield access_request(reporter, next(identifiers), guest, next(ports))

    def again(self, reporter: Reporter, identifier: int, exchange: Exchange, delay: int) -> Exchange:  # noqa: ARG002
        return exchange


class Echoed(Accounting):
    """The same reports, for a peer that sends every datagram back as it came."""

    def of_slot(self, reporter: Reporter, first_identifier: int) -> Iterator[Exchange]:
        for packet, _ in super().of_slot(reporter, first_identifier):
            yield Exchange(packet, packet)

    def again(self, reporter: Reporter, identifier: int, exchange: Exchange, delay: int) -> Exchange:
        packet, _ = super().again(reporter, identifier, exchange, delay)
        return Exchange(packet, packet)


def _in_turn(first_identifier: int) -> Iterator[int]:
    return cycle(range(first_identifier, first_identifier + FIRST_TRIES))
