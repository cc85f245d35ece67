"""The RADIUS server: UDP sockets, and TLS connections where RadSec is on, served by one event loop in a thread of its own.

The loop's thread receives, verifies, reads and replies; two lanes (log-ins, accounting) carry what was read into the database: many
datagrams to one commit, replies only after it. What a packet is and whether it may be answered is `reception`'s. RFC 2865, 2866,
5080 §2.2.2, 5997, 6614.
"""

import asyncio
import gc
import socket
import ssl
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from hotspot.db import Database
from hotspot.radius import metrics, reject_delay
from hotspot.radius.admitting import Desk
from hotspot.radius.certificates import tls_context
from hotspot.radius.nases import NasTable
from hotspot.radius.packet import Code
from hotspot.radius.ports import Address, Ports, address_of, take
from hotspot.radius.radsec import IDLE_SECONDS, RadSec
from hotspot.radius.reception import Received, Reception
from hotspot.radius.rulebook import FRESH_SECONDS, Rulebook
from hotspot.radius.settle import Settler
from hotspot.security import Keys
from hotspot.settings import Settings

log = structlog.get_logger()

DRAIN: Final = 64  # datagrams read in one go: then they are on their way while the next are read
LONGEST_READ: Final = 4097  # one more than a packet may have, so that a longer datagram is seen to be longer
STOP_PATIENCE: Final = 5.0
OLDEST: Final = 2  # generation of the garbage collector
LOOK_THROUGH_EVERY: Final = 100  # full collections
AUTHENTICATION: Final = frozenset({int(Code.ACCESS_REQUEST)})
ACCOUNTING: Final = frozenset({int(Code.ACCOUNTING_REQUEST)})
UTC_ZONE: Final = ZoneInfo("UTC")


def utc_now() -> datetime:
    return datetime.now(UTC)


def settle_memory() -> None:
    """Keep what lives long out of the garbage collector's sight: a full collection would stop RADIUS for a tenth of a second.

    What is loaded by now stays; what later survives a full collection is kept out, too, so that each object is looked through once.
    Every so often everything is, because a ring of objects may have died unseen.
    """
    gc.collect()
    gc.freeze()
    gc.callbacks.append(_keep_out_survivors(count(1)))


def _keep_out_survivors(collections: Iterator[int]) -> Callable[[str, dict[str, int]], None]:
    def collected(phase: str, about: dict[str, int]) -> None:
        if phase == "stop" and about["generation"] == OLDEST:
            if next(collections) % LOOK_THROUGH_EVERY:
                gc.freeze()
            else:
                gc.unfreeze()

    return collected


class RadiusServer:
    """Serve RADIUS in a thread of its own, between `start` and `stop`."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        hosts: Sequence[str] = ("127.0.0.1",),
        auth_port: int = 0,
        acct_port: int = 0,
        radsec_port: int = 0,
        tls: ssl.SSLContext | None = None,
        ports: Ports | None = None,
        reject_delay: float = reject_delay.SECONDS,
        radsec_idle: float = IDLE_SECONDS,
        default_language: str = "id",
        zone: ZoneInfo = UTC_ZONE,
        rules_last: float = FRESH_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare a server; RadSec is on when it gets a TLS context. `ports` are given when another process has bound them."""
        self._nases = NasTable(database, keys)
        desk = Desk(
            keys=keys, zone=zone, default_language=default_language, rulebook=Rulebook(fresh_seconds=rules_last)
        )
        self._settler = Settler(database, desk, clock=clock)
        self._keys, self._clock = keys, clock
        self._hosts, self._wanted_ports = hosts, (auth_port, acct_port, radsec_port)
        self._tls, self._ports = tls, ports
        self._reject_delay, self._radsec_idle = reject_delay, radsec_idle
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, settings: Settings, database: Database, *, ports: Ports | None = None) -> "RadiusServer":
        """The server these settings ask for.

        Raises:
            BadCertificate: RadSec is on, and one of its files can't be used.
        """
        return cls(
            database,
            settings.keys,
            hosts=settings.radius_hosts,
            auth_port=settings.radius_auth_port,
            acct_port=settings.radius_acct_port,
            radsec_port=settings.radsec_port or 0,
            tls=None if settings.radsec_port is None else tls_context(settings, now=utc_now()),
            ports=ports,
            reject_delay=settings.radius_reject_delay,
            default_language=settings.languages[0],
            zone=settings.zone,
        )

    # --- life --------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bind the ports, load the routers and serve.

        Raises:
            PortTaken: naming the port that is taken or not permitted.
        """
        auth, acct, radsec = self._wanted_ports
        self.ports = self._ports or take(self._hosts, auth=auth, acct=acct, radsec=radsec if self._tls else None)
        self._nases.start()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="radius", daemon=True)
        self._thread.start()
        log.info("RADIUS is listening", **self.ports.told())

    def stop(self) -> None:
        """Stop to receive, let what is being committed end and be answered, close the ports. Harmless when not started."""
        if self._thread is None:
            return
        with suppress(RuntimeError):  # its loop has ended already
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(3 * STOP_PATIENCE)
        self._nases.stop()
        self._thread = None

    def is_alive(self) -> bool:
        """Whether its thread serves; a health check asks."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def auth_address(self) -> Address:
        """Where it listens for authentication, with the port the system gave when 0 was asked."""
        return address_of(self.ports.auth)

    @property
    def acct_address(self) -> Address:
        """Where it listens for accounting."""
        return address_of(self.ports.acct)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._settler.close()
            self._loop.close()
            self.ports.close()

    async def _serve(self) -> None:
        loop = self._loop
        self._reception = Reception(
            loop, self._settler, self._keys, reject_delay=self._reject_delay, patience=STOP_PATIENCE
        )
        for sockets, wanted in ((self.ports.auth, AUTHENTICATION), (self.ports.acct, ACCOUNTING)):
            for sock in sockets:
                sock.settimeout(0)
                loop.add_reader(sock, self._drain, sock, wanted)
        radsec = self._radsec_listener = self._radsec()
        await self._stopping.wait()
        for sock in (*self.ports.auth, *self.ports.acct):
            loop.remove_reader(sock)
        if radsec is not None:
            radsec.stop_accepting()
        await self._reception.finish()
        if radsec is not None:
            await radsec.finish()

    def _radsec(self) -> RadSec | None:
        if self._tls is None:
            return None
        radsec = RadSec(self._reception, self._nases, self._tls, clock=self._clock, idle=self._radsec_idle)
        radsec.accept_from(self.ports.radsec)
        return radsec

    # --- datagrams ---------------------------------------------------------------------------------------------------------

    def _drain(self, sock: socket.socket, wanted: Container[int]) -> None:
        """Read what lies in the socket's buffer: one call of the loop for many datagrams."""
        now = self._clock()
        receive, routers_at = self._reception.receive, self._nases.at
        for _ in range(DRAIN):
            try:
                datagram, sender = sock.recvfrom(LONGEST_READ)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier reply, reported here by the kernel
                continue
            candidates = routers_at(sender[0])
            if candidates is None:
                metrics.drop("unknown_source")
            else:
                receive(Received(datagram, candidates, wanted, sender, partial(_send, sock, sender), now))
        self._reception.commit()


def _send(sock: socket.socket, receiver: Any, reply: bytes | None) -> None:  # noqa: ANN401  (an address of either family)
    if reply is None:
        return
    try:
        sock.sendto(reply, receiver)
    except OSError:  # a full send buffer or an unreachable router: it will ask again
        metrics.drop("not_sent")
