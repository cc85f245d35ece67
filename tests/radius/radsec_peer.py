"""A RadSec client on the standard library's TLS, and the settings of a server it can talk to."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hotspot.radius.metrics import RADSEC_CLOSED
from hotspot.radius.packet import Code, Packet, Secret, flaw_in_reply, parse, sign_request
from hotspot.radius.server import RadiusServer
from hotspot.settings import Settings
from hotspot.supervisor import RadiusProcesses
from tests.radius.certificates import Authority, Issued
from tests.radius.radius_city import PATIENCE

RADSEC = Secret(b"radsec")


@dataclass
class Nowhere:
    """What a `Router` needs that makes packets and sends none."""

    auth_address: tuple[str, int] = ("127.0.0.1", 9)
    acct_address: tuple[str, int] = ("127.0.0.1", 9)


def files(settings: Settings, authority: Authority, own: Issued) -> Settings:
    named = {"radsec_port": 0, "radsec_cert": own.cert, "radsec_key": own.key, "radsec_ca": authority.file}
    return settings.model_copy(update=named)


def client_context(authority: Authority, issued: Issued | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    if issued is not None:
        context.load_cert_chain(issued.cert, issued.key)
    return context


class Peer:
    """A RadSec client: a TLS connection and the packets in it."""

    def __init__(self, server: RadiusServer | RadiusProcesses, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(server.ports.radsec[0].getsockname(), timeout=PATIENCE)
        try:
            self.socket = context.wrap_socket(plain)
        except OSError:
            plain.close()
            raise
        self._received = b""

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, packet: Packet) -> Packet:
        octets = sign_request(packet, RADSEC)
        self.socket.sendall(octets)
        reply = self.hear()
        assert reply is not None
        assert flaw_in_reply(reply, parse(octets), RADSEC) is None
        return reply

    def hear(self) -> Packet | None:
        """The next packet; None at the end of the connection."""
        while len(self._received) < 4 or len(self._received) < int.from_bytes(self._received[2:4], "big"):
            try:
                more = self.socket.recv(4096)
            except (ssl.SSLError, ConnectionResetError):
                return None
            if not more:
                return None
            self._received += more
        length = int.from_bytes(self._received[2:4], "big")
        packet, self._received = self._received[:length], self._received[length:]
        return parse(packet)


@contextmanager
def connected(server: RadiusServer, authority: Authority, issued: Issued | None) -> Iterator[Peer]:
    with Peer(server, client_context(authority, issued)) as peer:
        yield peer


def closed(reason: str) -> float:
    return RADSEC_CLOSED.labels(reason)._value.get()


def status(identifier: int = 1) -> Packet:
    return Packet(Code.STATUS_SERVER, identifier, b"is anybody there")


def hears_nothing_but_the_end(server: RadiusServer, context: ssl.SSLContext) -> bool:
    """Whether a client is cut off: in TLS 1.3 it learns that only after its own side of the handshake."""
    try:
        with Peer(server, context) as peer:
            peer.socket.sendall(sign_request(status(), RADSEC))
            return peer.hear() is None
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return True
