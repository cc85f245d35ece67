"""A router as the product's Disconnect and CoA meet it: a socket whose every reply the test chooses."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address

from hotspot.radius.attributes import Attr, Attributes, ErrorCause, make
from hotspot.radius.disconnect import Target
from hotspot.radius.packet import Code, Packet, RawAttribute, Secret, parse, sign_reply

WORD = b"the-secret-of-alun-alun-32-chars"
SECRET = Secret(WORD)
NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
ACK, NAK = Code.DISCONNECT_ACK, Code.DISCONNECT_NAK
SHORT = (0.05, 0.05, 0.05)
LONG = (5.0, 5.0)
IMPATIENT = (0.2, 0.8)  # the second is for a busy machine

Replies = Callable[[Packet], Iterable[bytes]]


def answer(code: Code, *attributes: RawAttribute, secret: Secret = SECRET) -> Replies:
    return lambda request: [sign_reply(request, code, attributes, secret)]


def nak(cause: ErrorCause, code: Code = NAK) -> Replies:
    return answer(code, make(Attr.ERROR_CAUSE, cause))


def silence(_: Packet) -> list[bytes]:
    return []


@dataclass
class ScriptedRouter:
    """Answers one request after the other as the script says; the last line of the script goes on for ever."""

    socket: socket.socket
    script: tuple[Replies, ...]
    seen: list[Packet] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)

    @property
    def target(self) -> Target:
        host, port = self.socket.getsockname()[:2]
        return Target(ip_address(host), SECRET, "80100014", "gina", IPv4Address("10.5.50.2"), "alun-alun-1", port)

    def serve(self) -> None:
        while True:
            data, asker = self.socket.recvfrom(4096)
            if not data:
                return
            request = parse(data)
            replies = self.script[min(len(self.seen), len(self.script) - 1)]
            self.seen.append(request)
            self.sources.append(asker[1])
            for reply in replies(request):
                self.socket.sendto(reply, asker)

    @property
    def asked(self) -> list[Attributes]:
        return [Attributes(packet.attributes) for packet in self.seen]


@contextmanager
def router(*script: Replies, host: str = "127.0.0.2") -> Iterator[ScriptedRouter]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as ear:
        ear.bind((host, 0))
        scripted = ScriptedRouter(ear, script)
        thread = threading.Thread(target=scripted.serve)
        thread.start()
        try:
            yield scripted
        finally:
            with closing(socket.socket(family, socket.SOCK_DGRAM)) as end:
                end.sendto(b"", ear.getsockname())
            thread.join()
