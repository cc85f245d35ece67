"""The RADIUS client of a simulated router: signs, sends, retransmits, and believes only what it can verify.

It behaves as RouterOS does at `/radius service=hotspot require-message-auth=yes-for-request-resp`: an Access reply without a
valid Message-Authenticator is dropped and counted as a bad reply. What a log-in leads to is the gateway's business.
"""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address
from types import TracebackType
from typing import Final, Self

from hotspot.radius.attributes import (
    LOGIN_USER,
    WIRELESS_802_11,
    Attr,
    Attributes,
    MikroTik,
    StatusType,
    TerminateCause,
    Wispr,
    make,
    split64,
)
from hotspot.radius.packet import (
    NO_AUTHENTICATOR,
    Code,
    MalformedPacket,
    Packet,
    RawAttribute,
    Secret,
    chap_password,
    flaw_in_reply,
    hide_password,
    parse,
    sign_request,
)

Address = tuple[str, int]
_IDENTIFIERS: Final = 256


@dataclass(frozen=True, slots=True)
class Nas:
    """How a router names itself: /system/identity, its address, the hotspot server's name and interface."""

    identifier: str
    address: IPv4Address
    server_name: str = "hotspot1"
    interface: str = "bridge-hotspot"
    logoff_url: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """One device on the router; `session_number` is NAS-Port, and in hex Acct-Session-Id (0x80100014 → "80100014")."""

    user_name: str
    mac: str
    address: IPv4Address
    session_number: int


@dataclass(frozen=True, slots=True)
class Pap:
    """A password as typed."""

    password: str


@dataclass(frozen=True, slots=True)
class Chap:
    """What the browser made of the password and the router's challenge (RFC 2865 §5.3)."""

    chap_id: int
    challenge: bytes
    response: bytes

    @classmethod
    def of(cls, password: str, *, chap_id: int, challenge: bytes) -> Self:
        return cls(chap_id, challenge, chap_password(chap_id, password.encode(), challenge)[1:])


@dataclass(frozen=True, slots=True)
class Usage:
    """Totals of a session so far; `from_device` is Acct-Input, what the guest uploads."""

    seconds: int = 0
    octets_from_device: int = 0
    octets_to_device: int = 0
    packets_from_device: int = 0
    packets_to_device: int = 0


@dataclass(frozen=True, slots=True)
class Accept:
    """The router may let the device in, within these limits."""

    session_timeout: timedelta | None
    idle_timeout: timedelta | None
    interim_interval: timedelta | None
    rate_limit: str | None
    total_limit: int | None
    recv_limit: int | None
    xmit_limit: int | None
    klass: bytes | None
    attributes: Attributes

    @classmethod
    def of(cls, attributes: Attributes) -> Self:
        """Read the limits that a hotspot honours, of an Access-Accept or a CoA-Request."""
        return cls(
            session_timeout=_seconds(attributes, Attr.SESSION_TIMEOUT),
            idle_timeout=_seconds(attributes, Attr.IDLE_TIMEOUT),
            interim_interval=_seconds(attributes, Attr.ACCT_INTERIM_INTERVAL),
            rate_limit=attributes.text(MikroTik.RATE_LIMIT),
            total_limit=attributes.integer64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS),
            recv_limit=attributes.integer64(MikroTik.RECV_LIMIT, MikroTik.RECV_LIMIT_GIGAWORDS),
            xmit_limit=attributes.integer64(MikroTik.XMIT_LIMIT, MikroTik.XMIT_LIMIT_GIGAWORDS),
            klass=attributes.octets(Attr.CLASS),
            attributes=attributes,
        )


@dataclass(frozen=True, slots=True)
class Reject:
    """The router shows `message` as its error."""

    message: str | None


@dataclass(frozen=True, slots=True)
class Timeout:
    """Nobody answered: "RADIUS server is not responding"."""


@dataclass(slots=True)
class Monitor:
    """The counters of /radius/monitor."""

    requests: int = 0
    accepts: int = 0
    rejects: int = 0
    resends: int = 0
    timeouts: int = 0
    bad_replies: int = 0
    last_request_rtt: timedelta | None = None

    def told(self) -> dict[str, str]:
        """As the router prints them."""
        counted = ("requests", "accepts", "rejects", "resends", "timeouts", "bad_replies")
        return {"pending": "0", **{name.replace("_", "-"): str(getattr(self, name)) for name in counted}}


@dataclass(slots=True)
class _Exchange:
    request: Packet
    answered: asyncio.Future[Packet]
    sent_at: float = field(default_factory=time.monotonic)


class RadiusClient:
    """Ask one RADIUS server, from one socket; use as `async with`."""

    def __init__(
        self,
        nas: Nas,
        secret: bytes,
        *,
        auth: Address,
        acct: Address,
        source: str = "0.0.0.0",  # noqa: S104 - the system picks the address that leads to the server
        timeout: timedelta = timedelta(seconds=3),
        tries: int = 3,
    ) -> None:
        self.nas = nas
        self.monitor = Monitor()
        self._secret = Secret(secret)
        self._auth, self._acct, self._source = auth, acct, source
        self._timeout, self._tries = timeout, tries
        self._open: dict[tuple[Address, int], _Exchange] = {}
        self._free = asyncio.Semaphore(_IDENTIFIERS // 2)
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Door(self), local_addr=(self._source, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        await asyncio.sleep(0)  # the transport closes its socket in the next turn of the loop

    async def authenticate(self, login: Login, password: Pap | Chap) -> Accept | Reject | Timeout:
        """Send one Access-Request, the same bytes up to `tries` times, and give the verified answer."""
        authenticator = secrets.token_bytes(16)
        attributes = (*self._identity(login), *self._proof(password, authenticator), *self._place())
        reply = await self._exchange(self._auth, Code.ACCESS_REQUEST, authenticator, attributes, tries=self._tries)
        if reply is None:
            self.monitor.timeouts += 1
            return Timeout()
        answer = _answer_in(reply)
        if isinstance(answer, Accept):
            self.monitor.accepts += 1
        else:
            self.monitor.rejects += 1
        return answer

    async def account(
        self,
        login: Login,
        status: StatusType,
        *,
        usage: Usage | None = None,
        cause: TerminateCause | None = None,
        klass: bytes | None = None,
        event_at: int | None = None,
    ) -> bool:
        """Report Start, Interim-Update or Stop; True when acknowledged.

        A retransmission says how late it is, so it is another packet with another identifier (RFC 2866 §5.2).
        """
        started = time.monotonic()
        event_at = int(time.time()) if event_at is None else event_at
        for attempt in range(self._tries):
            delay = int(time.monotonic() - started)
            attributes = self._report(login, status, usage, cause, klass, event_at=event_at, delay=delay)
            self.monitor.resends += attempt > 0
            reply = await self._exchange(self._acct, Code.ACCOUNTING_REQUEST, NO_AUTHENTICATOR, attributes, tries=1)
            if reply is not None:
                return True
        self.monitor.timeouts += 1
        return False

    # --- what a router says, in its order (FreeRADIUS log of a RouterOS 7.15 hotspot) -------------------------------------

    def _identity(self, login: Login) -> tuple[RawAttribute, ...]:
        return (
            make(Attr.NAS_PORT_TYPE, WIRELESS_802_11),
            make(Attr.CALLING_STATION_ID, login.mac),
            make(Attr.CALLED_STATION_ID, self.nas.server_name),
            make(Attr.NAS_PORT_ID, self.nas.interface),
            make(Attr.USER_NAME, login.user_name),
            make(Attr.NAS_PORT, login.session_number),
            make(Attr.ACCT_SESSION_ID, f"{login.session_number:08x}"),
            make(Attr.FRAMED_IP_ADDRESS, login.address),
            make(MikroTik.HOST_IP, login.address),
        )

    def _proof(self, password: Pap | Chap, authenticator: bytes) -> tuple[RawAttribute, ...]:
        if isinstance(password, Pap):
            hidden = hide_password(password.password.encode(), authenticator, self._secret)
            return (make(Attr.USER_PASSWORD, hidden),)
        return (
            make(Attr.CHAP_CHALLENGE, password.challenge),
            make(Attr.CHAP_PASSWORD, bytes((password.chap_id,)) + password.response),
        )

    def _place(self) -> tuple[RawAttribute, ...]:
        logoff = (make(Wispr.LOGOFF_URL, self.nas.logoff_url),) if self.nas.logoff_url else ()
        return (make(Attr.SERVICE_TYPE, LOGIN_USER), *logoff, *self._self())

    def _self(self) -> tuple[RawAttribute, ...]:
        return (make(Attr.NAS_IDENTIFIER, self.nas.identifier), make(Attr.NAS_IP_ADDRESS, self.nas.address))

    def _report(
        self,
        login: Login,
        status: StatusType,
        usage: Usage | None,
        cause: TerminateCause | None,
        klass: bytes | None,
        *,
        event_at: int,
        delay: int,
    ) -> tuple[RawAttribute, ...]:
        return (
            make(Attr.ACCT_STATUS_TYPE, status),
            *self._identity(login),
            *((make(Attr.CLASS, klass),) if klass else ()),
            make(Attr.EVENT_TIMESTAMP, event_at),
            *(_counters(usage) if usage else ()),
            *((make(Attr.ACCT_TERMINATE_CAUSE, cause),) if cause else ()),
            *self._self(),
            make(Attr.ACCT_DELAY_TIME, delay),
        )

    # --- the wire ----------------------------------------------------------------------------------------------------------

    async def _exchange(
        self, server: Address, code: Code, authenticator: bytes, attributes: tuple[RawAttribute, ...], *, tries: int
    ) -> Packet | None:
        async with self._free:
            identifier = self._unused_identifier(server)
            octets = sign_request(Packet(code, identifier, authenticator, attributes), self._secret)
            exchange = _Exchange(parse(octets), asyncio.get_running_loop().create_future())
            self._open[server, identifier] = exchange
            self.monitor.requests += 1
            try:
                return await self._send_until_answered(server, octets, exchange, tries)
            finally:
                del self._open[server, identifier]

    async def _send_until_answered(
        self, server: Address, octets: bytes, exchange: _Exchange, tries: int
    ) -> Packet | None:
        assert self._transport is not None, "use the client inside `async with`"
        for attempt in range(tries):
            self.monitor.resends += attempt > 0
            self._transport.sendto(octets, server)
            done, _ = await asyncio.wait([exchange.answered], timeout=self._timeout.total_seconds())
            if done:
                self.monitor.last_request_rtt = timedelta(seconds=time.monotonic() - exchange.sent_at)
                return exchange.answered.result()
        return None

    def _unused_identifier(self, server: Address) -> int:
        while True:
            identifier = secrets.randbelow(_IDENTIFIERS)
            if (server, identifier) not in self._open:
                return identifier

    def receive(self, datagram: bytes, sender: Address) -> None:
        """Hand a reply to whoever waits for it; drop and count what can't be verified or nobody waits for."""
        try:
            reply = parse(datagram)
        except MalformedPacket:
            self.monitor.bad_replies += 1
            return
        exchange = self._open.get((sender, reply.identifier))
        if exchange is None or flaw_in_reply(reply, exchange.request, self._secret) or not _fits(exchange, reply):
            self.monitor.bad_replies += 1
        elif not exchange.answered.done():
            exchange.answered.set_result(reply)


class _Door(asyncio.DatagramProtocol):
    def __init__(self, client: RadiusClient) -> None:
        self._client = client

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._client.receive(data, addr)


def _fits(exchange: _Exchange, reply: Packet) -> bool:
    """Whether this kind of reply answers this kind of request."""
    if exchange.request.code == Code.ACCOUNTING_REQUEST:
        return reply.code == Code.ACCOUNTING_RESPONSE
    return reply.code in (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT)


def _counters(usage: Usage) -> tuple[RawAttribute, ...]:
    from_low, from_high = split64(usage.octets_from_device)
    to_low, to_high = split64(usage.octets_to_device)
    return (
        make(Attr.ACCT_INPUT_OCTETS, from_low),
        make(Attr.ACCT_INPUT_GIGAWORDS, from_high),
        make(Attr.ACCT_INPUT_PACKETS, usage.packets_from_device),
        make(Attr.ACCT_OUTPUT_OCTETS, to_low),
        make(Attr.ACCT_OUTPUT_GIGAWORDS, to_high),
        make(Attr.ACCT_OUTPUT_PACKETS, usage.packets_to_device),
        make(Attr.ACCT_SESSION_TIME, usage.seconds),
    )


def _answer_in(reply: Packet) -> Accept | Reject:
    attributes = Attributes(reply.attributes)
    if reply.code == Code.ACCESS_REJECT:
        return Reject(attributes.text(Attr.REPLY_MESSAGE))
    return Accept.of(attributes)


def _seconds(attributes: Attributes, key: Attr) -> timedelta | None:
    seconds = attributes.integer(key)
    return None if seconds is None else timedelta(seconds=seconds)
