"""/radius/incoming of a simulated router: it ends and changes sessions when its RADIUS server asks (RFC 5176).

As RouterOS is known to do (manual, RADIUS client): at least two attributes must say which session is meant, a user name alone does not;
limits, timeouts and the user profile can be changed, the address and the total limit can't. Where that is silent, the RFC stands: a
request is carried out as a whole or not at all, every attribute counts, and what can't be authentic or is old meets silence.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hotspot.radius.attributes import MIKROTIK, Attr, Attributes, ErrorCause, Key, MikroTik, TerminateCause, make
from hotspot.radius.packet import Code, MalformedPacket, Packet, Secret, flaw_in_request, parse, sign_reply
from hotspot.safety import is_loopback
from hotspot.simulator.listener import NotLoopback
from hotspot.simulator.radius_client import Accept, Address
from hotspot.simulator.rates import BadRateLimit
from hotspot.simulator.router import Router
from hotspot.simulator.sessions import Session

WINDOW: Final = 300.0
"""Seconds that an Event-Timestamp may differ from the router's clock (RFC 5176 §6.3)."""
REMEMBERED: Final = 2 * WINDOW
"""Seconds that an answer is kept: so long can a request with a timestamp of the near future be replayed."""
MOST_REMEMBERED: Final = 4096
_ENOUGH: Final = 2
_OUR_VENDOR: Final = MIKROTIK.to_bytes(4, "big")
_ANSWERS: Final = {
    Code.DISCONNECT_REQUEST: (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
    Code.COA_REQUEST: (Code.COA_ACK, Code.COA_NAK),
}
_ECHOED: Final = frozenset({Attr.STATE, Attr.PROXY_STATE})  # §3.1, §3.3
_IDENTITY: Final[frozenset[Key]] = frozenset({
    Attr.NAS_IDENTIFIER, Attr.NAS_IP_ADDRESS,
    Attr.USER_NAME, Attr.ACCT_SESSION_ID, Attr.NAS_PORT, Attr.FRAMED_IP_ADDRESS, Attr.CALLING_STATION_ID,
    Attr.MESSAGE_AUTHENTICATOR, Attr.EVENT_TIMESTAMP, *_ECHOED,
})  # fmt: skip
_CHANGES: Final[frozenset[Key]] = frozenset({
    Attr.SESSION_TIMEOUT, Attr.IDLE_TIMEOUT, Attr.PORT_LIMIT, Attr.FILTER_ID,
    MikroTik.GROUP, MikroTik.RATE_LIMIT, MikroTik.MARK_ID, MikroTik.ADVERTISE_URL, MikroTik.ADVERTISE_INTERVAL,
    MikroTik.RECV_LIMIT, MikroTik.RECV_LIMIT_GIGAWORDS, MikroTik.XMIT_LIMIT, MikroTik.XMIT_LIMIT_GIGAWORDS,
})  # fmt: skip


class _Nak(Exception):
    """The router will not do it."""

    def __init__(self, cause: ErrorCause) -> None:
        super().__init__(cause)
        self.cause = cause


class Incoming(asyncio.DatagramProtocol):
    """Hears from `open` to `close`, on the router's own address; `address` is known in between, unless accept=no.

    `seen_as` says what address a caller seems to have, say its tunnel's.
    """

    def __init__(self, router: Router, *, seen_as: Callable[[str], str] = str) -> None:
        self.address: Address | None = None
        self.is_powered = True
        self._router = router
        self._seen_as = seen_as
        self._answered: dict[bytes, tuple[float, bytes]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Listen, if /radius/incoming says so.

        Raises:
            NotLoopback: other machines could reach it.
        """
        port, source = self._router.setup.coa_port, str(self._router.radius.nas.address)
        if port is None or not self._router.setup.radius:
            return
        if not is_loopback(source):
            raise NotLoopback(host=source)
        loop = asyncio.get_running_loop()
        here = (source, port)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=here)
        self.address = self._transport.get_extra_info("sockname")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = self.address = None

    async def move(self) -> None:
        """Listen where /radius/incoming says now."""
        self.close()
        with suppress(OSError, NotLoopback):  # then nobody is heard
            await self.open()

    def forget(self) -> None:
        """Lose what was answered, as a restart does."""
        self._answered.clear()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Answer the servers of the /radius entries; only they share their secrets (RFC 5176 §6.1)."""
        if not self.is_powered or self._transport is None:
            return
        asker = self._seen_as(addr[0])
        secret = next((entry.secret for entry in self._router.setup.radius if entry.auth[0] == asker), None)
        reply = None if secret is None else self._reply(data, Secret(secret))
        if reply is not None:
            self._transport.sendto(reply, addr)

    def _reply(self, data: bytes, secret: Secret) -> bytes | None:
        """Return the reply, the same one to a repeated or replayed request; None for what the RFC meets with silence."""
        try:
            request = parse(data)
            attributes = Attributes(request.attributes)
            asked_at = attributes.integer(Attr.EVENT_TIMESTAMP)
        except MalformedPacket:
            return None
        is_old = asked_at is not None and abs(asked_at - self._router.clock.wall()) > WINDOW
        if is_old or request.code not in _ANSWERS or flaw_in_request(request, secret):
            return None
        now = self._router.clock.monotonic()
        known = self._answered.get(request.authenticator)
        if known is not None and now - known[0] <= REMEMBERED:
            return known[1]
        reply = self._decide(request, attributes, secret)
        if len(self._answered) >= MOST_REMEMBERED:
            del self._answered[next(iter(self._answered))]
        self._answered[request.authenticator] = now, reply
        return reply

    def _decide(self, request: Packet, attributes: Attributes, secret: Secret) -> bytes:
        ack, nak = _ANSWERS[Code(request.code)]
        echoed = tuple((kind, value) for kind, value in request.attributes if kind in _ECHOED)
        try:
            self._carry_out(request, attributes)
        except _Nak as refused:
            cause = refused.cause
        except BadRateLimit:
            cause = ErrorCause.INVALID_ATTRIBUTE_VALUE
        except MalformedPacket:
            cause = ErrorCause.INVALID_REQUEST
        else:
            return sign_reply(request, ack, echoed, secret)
        return sign_reply(request, nak, (make(Attr.ERROR_CAUSE, cause), *echoed), secret)

    def _carry_out(self, request: Packet, attributes: Attributes) -> None:
        is_change = request.code == Code.COA_REQUEST
        if any(kind == Attr.VENDOR_SPECIFIC and value[:4] != _OUR_VENDOR for kind, value in request.attributes):
            raise _Nak(ErrorCause.UNSUPPORTED_ATTRIBUTE)
        self._refuse(attributes, is_change=is_change)
        session = self._meant(attributes)
        now = self._router.clock.monotonic()
        if is_change:
            session.change(Accept.of(attributes), now)
        else:
            session.move(now)
            self._router.end(session, TerminateCause.ADMIN_RESET)

    def _refuse(self, attributes: Attributes, *, is_change: bool) -> None:
        """Refuse what the router can't do, before it looks for the session."""
        keys = set(attributes)
        if Attr.SERVICE_TYPE in keys:
            raise _Nak(ErrorCause.UNSUPPORTED_SERVICE)
        if not keys <= (_IDENTITY | _CHANGES if is_change else _IDENTITY):
            raise _Nak(ErrorCause.UNSUPPORTED_ATTRIBUTE)
        if is_change and not keys & _CHANGES:
            raise _Nak(ErrorCause.MISSING_ATTRIBUTE)
        nas = self._router.radius.nas
        name, address = attributes.text(Attr.NAS_IDENTIFIER), attributes.address(Attr.NAS_IP_ADDRESS)
        if name not in (None, nas.identifier) or address not in (None, nas.address):
            raise _Nak(ErrorCause.NAS_IDENTIFICATION_MISMATCH)

    def _meant(self, attributes: Attributes) -> Session:
        """Find the session that all the given attributes name; any two of them name one at most."""
        given = {
            Attr.USER_NAME: attributes.text(Attr.USER_NAME),
            Attr.CALLING_STATION_ID: attributes.text(Attr.CALLING_STATION_ID),
            Attr.FRAMED_IP_ADDRESS: attributes.address(Attr.FRAMED_IP_ADDRESS),
            Attr.ACCT_SESSION_ID: attributes.text(Attr.ACCT_SESSION_ID),
            Attr.NAS_PORT: attributes.integer(Attr.NAS_PORT),
        }
        wanted = {key: value for key, value in given.items() if value is not None}
        if len(wanted) < _ENOUGH:
            raise _Nak(ErrorCause.MISSING_ATTRIBUTE)
        for session in self._router.sessions.values():
            if wanted.items() <= _names_of(session).items():
                return session
        raise _Nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)


def _names_of(session: Session) -> dict[Attr, object]:
    login = session.login
    return {
        Attr.USER_NAME: login.user_name,
        Attr.CALLING_STATION_ID: login.mac,
        Attr.FRAMED_IP_ADDRESS: login.address,
        Attr.ACCT_SESSION_ID: f"{login.session_number:08x}",
        Attr.NAS_PORT: login.session_number,
    }
