"""The RADIUS server: two UDP sockets, verification first, many datagrams to one commit, replies only after it.

The event loop's thread receives, verifies, reads and replies; two lanes (log-ins, accounting) carry what was read into the
database. Datagrams that can't be authenticated meet silence and a counter. RFC 2865, 2866, 5080 §2.2.2, 5997.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from hotspot.db import Database
from hotspot.errors import Unavailable
from hotspot.radius import metrics
from hotspot.radius.admitting import Desk
from hotspot.radius.duplicates import DuplicateCache, Seen
from hotspot.radius.lane import Lane
from hotspot.radius.nases import Nas, NasTable, choose
from hotspot.radius.packet import Code, Flaw, MalformedPacket, Packet, flaw_in_request, parse
from hotspot.radius.rulebook import FRESH_SECONDS, Rulebook
from hotspot.radius.service import UnusableReport, proxy_states, read_access, read_report
from hotspot.radius.settle import Job, Settler
from hotspot.security import Keys
from hotspot.settings import Settings

log = structlog.get_logger()

RECEIVE_BUFFER: Final = 8 << 20  # octets; the kernel grants what net.core.rmem_max allows
DRAIN: Final = 512  # datagrams read in one go before the other socket gets its turn
LONGEST_READ: Final = 4097  # one more than a packet may have, so that a longer datagram is seen to be longer
LOGIN_CAPACITY: Final = 2_048
ACCOUNTING_CAPACITY: Final = 16_384
STOP_PATIENCE: Final = 5.0
ADVICE_EVERY: Final = 60.0  # seconds between two log lines about one router's wrong secret

UTC_ZONE: Final = ZoneInfo("UTC")
Address = tuple[str, int]


class PortTaken(Unavailable):
    """The RADIUS server can't listen on {host} port {port}: {problem}"""


def utc_now() -> datetime:
    return datetime.now(UTC)


class RadiusServer:
    """Serve RADIUS in a thread of its own, between `start` and `stop`."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        host: str = "127.0.0.1",
        auth_port: int = 0,
        acct_port: int = 0,
        default_language: str = "id",
        zone: ZoneInfo = UTC_ZONE,
        rules_last: float = FRESH_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._nases = NasTable(database, keys)
        desk = Desk(
            keys=keys, zone=zone, default_language=default_language, rulebook=Rulebook(fresh_seconds=rules_last)
        )
        self._settler = Settler(database, desk, clock=clock)
        self._keys, self._clock = keys, clock
        self._host, self._ports = host, (auth_port, acct_port)
        self._duplicates = DuplicateCache()
        self._advised: dict[int, float] = {}
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, settings: Settings, database: Database) -> "RadiusServer":
        """The server these settings ask for."""
        return cls(
            database,
            settings.keys,
            host=settings.radius_host,
            auth_port=settings.radius_auth_port,
            acct_port=settings.radius_acct_port,
            default_language=settings.languages[0],
            zone=settings.zone,
        )

    # --- life --------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bind both ports, load the routers and serve.

        Raises:
            PortTaken: naming the port that is taken or not permitted.
        """
        self._auth = _bound(self._host, self._ports[0])
        try:
            self._acct = _bound(self._host, self._ports[1])
        except PortTaken:
            self._auth.close()
            raise
        self._nases.start()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="radius", daemon=True)
        self._thread.start()
        log.info("RADIUS is listening", auth=self.auth_address, acct=self.acct_address)

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
        return _address(self._auth)

    @property
    def acct_address(self) -> Address:
        """Where it listens for accounting."""
        return _address(self._acct)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()
            self._settler.close()
            self._auth.close()
            self._acct.close()

    async def _serve(self) -> None:
        self._logins = Lane(
            "logins", self._loop, settle=self._settler.logins, deliver=_deliver, capacity=LOGIN_CAPACITY
        )
        self._reports = Lane(
            "accounting", self._loop, settle=self._settler.reports, deliver=_deliver, capacity=ACCOUNTING_CAPACITY
        )
        self._loop.add_reader(self._auth, self._drain, self._auth, self._receive_auth, self._logins)
        self._loop.add_reader(self._acct, self._drain, self._acct, self._receive_acct, self._reports)
        await self._stopping.wait()
        self._loop.remove_reader(self._auth)
        self._loop.remove_reader(self._acct)
        await asyncio.gather(self._logins.finish(patience=STOP_PATIENCE), self._reports.finish(patience=STOP_PATIENCE))

    # --- receiving ---------------------------------------------------------------------------------------------------------

    def _drain(self, sock: socket.socket, receive: Callable[[bytes, Address, datetime], None], lane: Lane[Job]) -> None:
        """Read what lies in the socket's buffer: one call of the loop for many datagrams."""
        now = self._clock()
        for _ in range(DRAIN):
            try:
                datagram, sender = sock.recvfrom(LONGEST_READ)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier reply, reported here by the kernel
                continue
            try:
                receive(datagram, sender[:2], now)
            except UnusableReport:
                metrics.drop("unusable_report")
            except MalformedPacket:
                metrics.drop("malformed")
            except Exception:
                log.exception("a datagram failed", sender=sender[0], size=len(datagram))
                metrics.drop("internal_error")
        lane.commit()

    def _receive_auth(self, datagram: bytes, sender: Address, _received_at: datetime) -> None:
        request = self._authentic(datagram, sender, Code.ACCESS_REQUEST)
        if request is None:
            return
        packet, nas = request
        proxied = proxy_states(packet)
        if packet.code == Code.STATUS_SERVER:
            self._logins.add(Job(partial(_send, self._auth, sender), packet, nas, proxied))
            return
        asked = read_access(packet, nas.router, nas.secret, self._keys)
        if not self._is_duplicate(packet, sender):
            reply = partial(self._answer_login, packet, sender)
            self._logins.add(Job(reply, packet, nas, proxied, asked=asked))

    def _receive_acct(self, datagram: bytes, sender: Address, received_at: datetime) -> None:
        request = self._authentic(datagram, sender, Code.ACCOUNTING_REQUEST)
        if request is None:
            return
        packet, nas = request
        proxied = proxy_states(packet)
        report = None
        if packet.code == Code.ACCOUNTING_REQUEST:
            report = read_report(packet, nas.router, self._keys, received_at=received_at)
        self._reports.add(Job(partial(_send, self._acct, sender), packet, nas, proxied, report=report))

    def _authentic(self, datagram: bytes, sender: Address, wanted: Code) -> tuple[Packet, Nas] | None:
        """Parse and verify before anything else; None, counted, when it can't be shown who sent this."""
        candidates = self._nases.by_address.get(sender[0])
        if candidates is None:
            metrics.drop("unknown_source")
            return None
        packet = parse(datagram)
        if packet.code not in (wanted, Code.STATUS_SERVER):
            metrics.drop("wrong_code")
            return None
        nas = choose(candidates, packet)
        if nas is None:
            metrics.drop("unknown_nas_identifier")
            return None
        flaw = flaw_in_request(packet, nas.secret)
        if flaw is not None:
            metrics.drop(flaw)
            self._advise(nas, flaw)
            return None
        return packet, nas

    def _advise(self, nas: Nas, flaw: Flaw) -> None:
        """Tell the operator, once a minute and router, what silence means."""
        now = time.monotonic()
        if now - self._advised.get(nas.router.id, -ADVICE_EVERY) >= ADVICE_EVERY:
            self._advised[nas.router.id] = now
            log.warning(
                "unauthentic RADIUS packets from a router's address; wrong secret?",
                router=nas.router.name,
                flaw=str(flaw),
            )

    def _is_duplicate(self, packet: Packet, sender: Address) -> bool:
        seen = self._duplicates.look(_asker(sender, packet), packet.authenticator, now=time.monotonic())
        if isinstance(seen, bytes):
            metrics.RESENT.inc()
            _send(self._auth, sender, seen)
        elif seen is Seen.IN_PROGRESS:
            metrics.drop("in_progress")
        return seen is not Seen.NEW

    # --- replying ----------------------------------------------------------------------------------------------------------

    def _answer_login(self, packet: Packet, sender: Address, reply: bytes | None) -> None:
        self._duplicates.keep(_asker(sender, packet), packet.authenticator, reply)
        _send(self._auth, sender, reply)


def _deliver(job: Job, reply: bytes | None) -> None:
    job.reply(reply)


def _asker(sender: Address, packet: Packet) -> tuple[str, int, int]:
    return sender[0], sender[1], packet.identifier


def _send(sock: socket.socket, receiver: Address, reply: bytes | None) -> None:
    if reply is None:
        return
    try:
        sock.sendto(reply, receiver)
    except OSError:  # a full send buffer or an unreachable router: it will ask again
        metrics.drop("not_sent")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise PortTaken(host=host, port=port, problem=error.strerror) from error
    return sock


def _address(sock: socket.socket) -> Address:
    name = sock.getsockname()
    return str(name[0]), int(name[1])
