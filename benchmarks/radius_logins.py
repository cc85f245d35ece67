"""Guests who log in: Access-Requests as RouterOS shapes them, many of them on their way at once.

Unlike the benchmark's load, every reply is kept, and the same question may be asked again and again.
"""

import random
import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks import wire
from benchmarks.campaign import Failed, router_socket
from benchmarks.radius_packets import Guest, Reporter

RESEND_AFTER: Final = 3.0  # what RouterOS is told to wait


def access_attributes(guest: Guest, router: Reporter, port: int, authenticator: bytes, *, chap: bool) -> list[bytes]:
    """The attributes of a log-in in RouterOS' order, without Message-Authenticator."""
    challenge = authenticator[::-1]
    if chap:
        proof = [wire.attribute(60, challenge), wire.attribute(3, wire.chap_response(guest.password, challenge))]
    else:
        proof = [wire.attribute(2, wire.hidden_password(guest.password, authenticator, router.secret))]
    return [
        wire.number(61, 19),
        wire.attribute(31, guest.mac),
        wire.attribute(30, b"hs-vlan888-hotspot"),
        wire.attribute(87, b"bridge-hotspot"),
        wire.attribute(1, guest.user_name),
        wire.number(5, port),
        wire.attribute(44, f"{port:08x}".encode()),
        wire.attribute(8, bytes((10, 5, 50, 2))),
        wire.attribute(26, (14988).to_bytes(4, "big") + bytes((10, 6, 10, 5, 50, 2))),
        *proof,
        wire.number(6, 1),
        wire.attribute(32, router.name.encode()),
        wire.attribute(4, socket.inet_aton(router.address)),
    ]


@dataclass(slots=True, eq=False)
class Question:
    """One Access-Request, and the verified replies to it in the order in which they came."""

    router: Reporter
    socket: socket.socket
    octets: bytes = field(repr=False)
    replies: list[bytes] = field(default_factory=list)
    wanted: int = 1  # replies

    @property
    def codes(self) -> set[int]:
        """What it was answered: one code, if all is well."""
        return {reply[0] for reply in self.replies}

    def __str__(self) -> str:
        return f"{self.router.name}'s request {self.octets[1]}"


class Asking:
    """Access-Requests of many routers on their way at once: one socket a router, 256 identifiers each."""

    def __init__(self, routers: Sequence[Reporter], server: tuple[str, int], chance: random.Random) -> None:
        self._strays = 0
        self._server, self._chance = server, chance
        self._selector = selectors.DefaultSelector()
        self._sockets = [(router, router_socket(router)) for router in routers]
        self._asked: dict[tuple[int, int], Question] = {}
        self._count = 0
        for _, sock in self._sockets:
            sock.settimeout(0)
            self._selector.register(sock, selectors.EVENT_READ)

    def question(self, guest: Guest) -> Question:
        """Make the next request, by the next router, with its next identifier; half of them by CHAP, half by PAP."""
        router, sock = self._sockets[self._count % len(self._sockets)]
        identifier = self._count // len(self._sockets) % 256
        port, authenticator = 0x80100000 + self._count, self._chance.randbytes(16)
        attributes = access_attributes(guest, router, port, authenticator, chap=self._chance.random() < 0.5)
        octets = wire.keyed_request(wire.ACCESS_REQUEST, identifier, authenticator, b"".join(attributes), router.secret)
        self._count += 1
        asked = self._asked[sock.fileno(), identifier] = Question(router, sock, octets)
        return asked

    def send(self, questions: Iterable[Question]) -> None:
        for question in questions:
            question.socket.sendto(question.octets, self._server)

    def gather(self, questions: Sequence[Question], *, patience: float) -> None:
        """Wait until each has the replies that are wanted, asking again as a router would."""
        deadline, resend_at = time.monotonic() + patience, time.monotonic() + RESEND_AFTER
        while (lacking := [asked for asked in questions if len(asked.replies) < asked.wanted]) and (
            time.monotonic() < deadline
        ):
            self.receive(0.05)
            if time.monotonic() > resend_at:
                self.send(lacking)
                resend_at += RESEND_AFTER

    def receive(self, wait: float) -> None:
        """Take what has come, after waiting for it no longer than this."""
        for key, _ in self._selector.select(wait):
            sock: socket.socket = key.fileobj  # type: ignore[assignment]  # a socket, as registered
            while (reply := _reply_of(sock)) is not None:
                self._keep(sock, reply)

    def raise_if_strays(self) -> None:
        if self._strays:
            raise Failed(f"{self._strays} replies are no right answer to anything that was asked")

    def close(self) -> None:
        self._selector.close()
        for _, sock in self._sockets:
            sock.close()

    def _keep(self, sock: socket.socket, reply: bytes) -> None:
        asked = self._asked.get((sock.fileno(), reply[1])) if len(reply) >= 20 else None
        if asked is None or not wire.is_reply(reply, asked.octets[1], asked.octets[4:20], asked.router.secret):
            self._strays += 1
        else:
            asked.replies.append(reply)


def _reply_of(sock: socket.socket) -> bytes | None:
    try:
        return sock.recv(wire.LONGEST)
    except (BlockingIOError, ConnectionRefusedError):
        return None
