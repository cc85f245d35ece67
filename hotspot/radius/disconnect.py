"""End or change a guest session at its router (RFC 5176); a door out.

One question over UDP, from a socket of its own, and what came of it as a value: a router that refuses, is silent or can't be reached
is a result, never an exception. It blocks for seconds, so it is called from threads and commands, and never inside a write
transaction. Who may be disconnected, and what is recorded of it, is left to the caller.

On the router this is `/radius/incoming` (`accept=no` unless set). It must be asked from the address that its `/radius` entry names.
An answer is believed when it comes from the address and port asked and is signed for this very question; its Event-Timestamp is not
looked at, because a fresh question makes an old answer worthless and a router's clock may be wrong.
"""

import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from hotspot.radius.attributes import Attr, Attributes, ErrorCause, MikroTik, make
from hotspot.radius.metrics import BAD_REPLIES
from hotspot.radius.packet import (
    MAX_LENGTH,
    NO_AUTHENTICATOR,
    Code,
    MalformedPacket,
    Packet,
    RawAttribute,
    Secret,
    flaw_in_reply,
    parse,
    sign_request,
)
from hotspot.routers.models import COA_PORT

WAITS: Final = (1.0, 2.0, 4.0)
"""Seconds to wait after each try. RFC 5080 §2.2.1 doubles from 2 s for half a minute, but here a person waits for the answer."""
LOOKS: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each look for the Stop: a router sends it at once, and again after its timeout of 3 s if it got lost."""
_JITTER: Final = 0.1  # RFC 5080 §2.2.1
_ANSWERS: Final = {
    Code.DISCONNECT_REQUEST: (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
    Code.COA_REQUEST: (Code.COA_ACK, Code.COA_NAK),
}
_CHANCE: Final = random.SystemRandom()  # identifiers that can be foreseen help a forger (CVE-2013-0294, CVE-2013-0342)


@dataclass(frozen=True, slots=True)
class Target:
    """A session at a router: where to ask, and by what the router knows the session.

    RouterOS finds it by at least two attributes, so one of `user_name` and `framed_address` must be there; where the user name is a
    MAC it needs the address too, or it may take the wireless client for what is meant. `nas_identifier` is for routers that share an
    address: one with another name refuses instead of ending a session of its own.
    """

    address: IPv4Address | IPv6Address
    secret: Secret
    acct_session_id: str
    user_name: str | None = field(repr=False)
    framed_address: IPv4Address | None
    nas_identifier: str | None = None
    port: int = COA_PORT


@dataclass(frozen=True, slots=True)
class Done:
    """The router says that it did it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The router says that it did not; `cause` is its Error-Cause, if it gave one."""

    cause: int | None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came back that this router can have signed for this question."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The network says that it can't be delivered."""

    problem: str


class Evidence(StrEnum):
    """Who says that the session is over."""

    ROUTER = "router"
    ACCOUNTING = "accounting"


@dataclass(frozen=True, slots=True)
class Gone:
    """The session is over, and this is confirmed."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The router answered that it ended the session or has none, and nothing confirmed it."""


Outcome = Done | Refused | NoAnswer | Unreachable
Ending = Gone | Unconfirmed | Refused | NoAnswer | Unreachable


def disconnect(target: Target, *, now: datetime, waits: Sequence[float] = WAITS) -> Outcome:
    """Ask the router to end the session. `Done` is its word; `disconnect_and_verify` finds out whether it is true."""
    return _ask(target, Code.DISCONNECT_REQUEST, (), _CHANCE.randrange(256), now=now, waits=waits)


def change(
    target: Target,
    *,
    now: datetime,
    session_timeout: timedelta | None = None,
    rate_limit: str | None = None,
    waits: Sequence[float] = WAITS,
) -> Outcome:
    """Ask the router to hold the session to other limits; what is not given stays as it is.

    `session_timeout` counts from the session's start, as in an Accept. `rate_limit` is Mikrotik-Rate-Limit: what the guest uploads
    first, "2M/10M".
    """
    if session_timeout is None and rate_limit is None:
        raise ValueError("nothing to change")
    changes = (
        *(() if session_timeout is None else (make(Attr.SESSION_TIMEOUT, int(session_timeout.total_seconds())),)),
        *(() if rate_limit is None else (make(MikroTik.RATE_LIMIT, rate_limit),)),
    )
    return _ask(target, Code.COA_REQUEST, changes, _CHANCE.randrange(256), now=now, waits=waits)


def disconnect_and_verify(
    target: Target,
    *,
    now: datetime,
    is_gone: Callable[[], bool],
    waits: Sequence[float] = WAITS,
    looks: Sequence[float] = LOOKS,
    wait: Callable[[float], None] = time.sleep,
) -> Ending:
    """Ask the router to end the session and say `Gone` only when that is confirmed.

    `is_gone` tells whether the stored session has ended by now; it opens and closes a transaction of its own.

    1. Ask. 2. Whatever the answer, a session that is stored as ended is gone: the answer may have got lost. 3. A refusal or silence
    is the result. 4. Ask again: a router that knows no such session (any more) confirms it. The second question is another packet,
    or a router would repeat its first answer. 5. Otherwise wait for the Stop, a bounded time.
    """
    first, second = _CHANCE.sample(range(256), 2)
    outcome = _ask(target, Code.DISCONNECT_REQUEST, (), first, now=now, waits=waits)
    if is_gone():
        return Gone(Evidence.ACCOUNTING)
    if not isinstance(outcome, Done) and not _knows_no_session(outcome):
        return outcome
    if _knows_no_session(_ask(target, Code.DISCONNECT_REQUEST, (), second, now=now, waits=waits)):
        return Gone(Evidence.ROUTER)
    for seconds in looks:
        wait(seconds)
        if is_gone():
            return Gone(Evidence.ACCOUNTING)
    return Unconfirmed()


def meaning(outcome: Outcome | Ending) -> str:
    """Say in a sentence what this means for whoever pressed the button."""
    match outcome:
        case Done():
            return "The router says that it is done."
        case Gone(evidence):
            return _CONFIRMED[evidence]
        case Unconfirmed():
            return "The router was asked to end the session and did not object, but nothing confirms that it is over."
        case Refused(cause):
            return _refusal(cause)
        case NoAnswer():
            return (
                "The router did not answer. It may only be reachable through its tunnel, /radius incoming may say accept=no or "
                "another port, the secret may differ, or its clock may be wrong by more than five minutes."
            )
        case Unreachable(problem):
            return (
                f"The router can't be reached ({problem}). Its tunnel may be down, or /radius incoming says accept=no."
            )


_CONFIRMED: Final = {
    Evidence.ROUTER: "The session is over: the router does not know it any more.",
    Evidence.ACCOUNTING: "The session is over: the router's accounting has reported its end.",
}


def _refusal(cause: int | None) -> str:
    if cause is None:
        return "The router refused and gave no reason."
    if cause == ErrorCause.SESSION_CONTEXT_NOT_FOUND:
        return "The router does not know this session: it has ended already, or the router has restarted."
    known = cause in ErrorCause.__members__.values()
    return (
        f"The router refused: {ErrorCause(cause).name.replace('_', ' ').lower() if known else 'error cause'} ({cause})."
    )


def _knows_no_session(outcome: Outcome) -> bool:
    return outcome == Refused(ErrorCause.SESSION_CONTEXT_NOT_FOUND)


# --- the wire --------------------------------------------------------------------------------------------------------------


def _ask(
    target: Target,
    code: Code,
    changes: tuple[RawAttribute, ...],
    identifier: int,
    *,
    now: datetime,
    waits: Sequence[float],
) -> Outcome:
    """Send one request until it is answered, the same octets each time, so that the router acts once (RFC 5080 §2.2.2)."""
    attributes = (*_identity(target), make(Attr.EVENT_TIMESTAMP, int(now.timestamp())), *changes)
    octets = sign_request(Packet(code, identifier, NO_AUTHENTICATOR, attributes), target.secret)
    request = parse(octets)
    try:
        with _connected(target) as door:
            for seconds in waits:
                door.send(octets)
                until = time.monotonic() + seconds * _CHANCE.uniform(1 - _JITTER, 1 + _JITTER)
                outcome = _hear(door, request, target.secret, until=until)
                if outcome is not None:
                    return outcome
    except OSError as error:
        return Unreachable(error.strerror or str(error))
    return NoAnswer()


def _identity(target: Target) -> tuple[RawAttribute, ...]:
    """Message-Authenticator, filled in when it is signed, and what the router knows itself and the session by (RFC 5176 §3)."""
    given = (
        (Attr.NAS_IDENTIFIER, target.nas_identifier),
        (Attr.USER_NAME, target.user_name),
        (Attr.ACCT_SESSION_ID, target.acct_session_id),
        (Attr.FRAMED_IP_ADDRESS, target.framed_address),
    )
    signature = make(Attr.MESSAGE_AUTHENTICATOR, NO_AUTHENTICATOR)
    return signature, *(make(key, value) for key, value in given if value is not None)


def _connected(target: Target) -> socket.socket:
    """Open a socket on a random port that hears only the address asked, and what ICMP says of it."""
    family = socket.AF_INET6 if target.address.version == 6 else socket.AF_INET
    door = socket.socket(family, socket.SOCK_DGRAM)
    try:
        door.connect((str(target.address), target.port))
    except OSError:
        door.close()
        raise
    return door


def _hear(door: socket.socket, request: Packet, secret: Secret, *, until: float) -> Outcome | None:
    """Wait for the answer, dropping whatever can't be it; None when the time is over."""
    while (left := until - time.monotonic()) > 0:
        door.settimeout(left)
        try:
            datagram = door.recv(MAX_LENGTH + 1)
        except TimeoutError:
            return None
        answer = _read(datagram, request, secret)
        if not isinstance(answer, str):
            return answer
        BAD_REPLIES.labels(answer).inc()
    return None


def _read(datagram: bytes, request: Packet, secret: Secret) -> Done | Refused | str:
    """What the router answered, or why this is no answer of it."""
    try:
        reply = parse(datagram)
        cause = Attributes(reply.attributes).integer(Attr.ERROR_CAUSE)
    except MalformedPacket:
        return "malformed"
    if flaw := flaw_in_reply(reply, request, secret):
        return flaw.value
    ack, nak = _ANSWERS[Code(request.code)]
    if reply.code == ack:
        return Done()
    return Refused(cause) if reply.code == nak else "wrong_code"
