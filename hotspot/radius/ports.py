"""The sockets that RADIUS listens on: both families, exclusively taken, shared afterwards among the processes of one server.

A port is first bound without SO_REUSEPORT, so that another program's, or another hotspot's, is noticed; only then is it opened to
the further sockets of this server, among which the kernel spreads the routers.
"""

import errno
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import structlog

from hotspot.errors import Unavailable

log = structlog.get_logger()

RECEIVE_BUFFER: Final = 8 << 20  # octets; the kernel grants what net.core.rmem_max allows
BACKLOG: Final = 256  # connections that the kernel holds until they are accepted
PORT_TRIES: Final = 20  # how often any free port is looked for that is free in both families
NO_IPV6: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})

Address = tuple[str, int]
Sockets = tuple[socket.socket, ...]


class PortTaken(Unavailable):
    """The RADIUS server can't listen on {host} port {port}: {problem}"""


@dataclass(frozen=True, slots=True)
class Ports:
    """The bound sockets of one process; `radsec` is empty where RadSec is off."""

    auth: Sockets
    acct: Sockets
    radsec: Sockets = ()

    def told(self) -> dict[str, Address]:
        """Where it listens, by what is spoken there."""
        named = {"auth": self.auth, "acct": self.acct, "radsec": self.radsec}
        return {name: address_of(sockets) for name, sockets in named.items() if sockets}

    def close(self) -> None:
        close((*self.auth, *self.acct, *self.radsec))


def take(hosts: Sequence[str], *, auth: int, acct: int, radsec: int | None) -> Ports:
    """Bind every port at every address; port 0 takes one that is free at all of them.

    Raises:
        PortTaken: naming the port that is taken or not permitted.
    """
    with ExitStack() as undo:

        def kept(sockets: Sockets) -> Sockets:
            undo.callback(close, sockets)
            return sockets

        ports = Ports(
            kept(datagrams(hosts, auth)),
            kept(datagrams(hosts, acct)),
            () if radsec is None else kept(connections(hosts, radsec)),
        )
        undo.pop_all()
    return ports


def datagrams(hosts: Sequence[str], port: int) -> Sockets:
    """Bind a UDP port at every address."""
    return _everywhere(hosts, port, lambda host, port: _bound(host, port, socket.SOCK_DGRAM))


def connections(hosts: Sequence[str], port: int) -> Sockets:
    """Listen on a TCP port at every address."""
    sockets = _everywhere(hosts, port, lambda host, port: _bound(host, port, socket.SOCK_STREAM))
    for sock in sockets:
        sock.listen(BACKLOG)
    return sockets


def close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def share(ports: Ports, processes: int) -> list[Ports]:
    """Give each of several processes its own datagram sockets on the same ports; they accept RadSec connections together."""
    auth, acct = (list(zip(*(_shared(sock, processes) for sock in of), strict=True)) for of in (ports.auth, ports.acct))
    return [Ports(auth[number], acct[number], ports.radsec) for number in range(processes)]


def address_of(sockets: Sockets) -> Address:
    """Where the first of them listens."""
    name = sockets[0].getsockname()
    return str(name[0]), int(name[1])


def _everywhere(hosts: Sequence[str], port: int, bind: Callable[[str, int], socket.socket]) -> Sockets:
    tries = PORT_TRIES if port == 0 and len(hosts) > 1 else 1
    while True:
        tries -= 1
        try:
            return _at_each(hosts, port, bind)
        except PortTaken:
            if not tries:
                raise


def _at_each(hosts: Sequence[str], port: int, bind: Callable[[str, int], socket.socket]) -> Sockets:
    bound: list[socket.socket] = []
    for host in hosts:
        try:
            sock = bind(host, port)
        except OSError as error:
            if host == "::" and bound and error.errno in NO_IPV6:
                log.warning("this machine has no IPv6; RADIUS listens without it", problem=error.strerror)
                continue
            close(bound)
            raise PortTaken(host=host, port=port, problem=error.strerror) from error
        bound.append(sock)
        port = sock.getsockname()[1]
    return tuple(bound)


def _bound(host: str, port: int, kind: socket.SocketKind, *, is_shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.settimeout(0)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, is_shared)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def _shared(first: socket.socket, processes: int) -> Sockets:
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    host, port, *_ = first.getsockname()
    others = [_bound(host, port, socket.SOCK_DGRAM, is_shared=True) for _ in range(processes - 1)]
    return (first, *others)
