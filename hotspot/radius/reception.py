"""From octets and the routers that may have sent them to a job in a lane: everything before the database, for UDP and RadSec alike.

Verification comes first; what can't be authenticated meets silence and a counter. Log-ins go through the duplicate cache
(RFC 5080 §2.2.2); a report may be stored twice, so it needs none.
"""

import asyncio
import time
from collections.abc import Container, Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from hotspot.radius import metrics
from hotspot.radius.duplicates import Asker, DuplicateCache, Seen
from hotspot.radius.lane import Lane
from hotspot.radius.nases import Candidates, Nas, Secrets, choose
from hotspot.radius.packet import (
    Code,
    MalformedPacket,
    Packet,
    RawAttribute,
    acknowledgement,
    flaw_in_request,
    is_from_holder,
    is_keyed,
    parse,
    sign_reply,
)
from hotspot.radius.reject_delay import RejectDelay
from hotspot.radius.reports import UnusableReport, read_report, report_layouts, said_in
from hotspot.radius.service import Shown, access_layouts, proxy_states, read_access, shown_in
from hotspot.radius.settle import Accounted, LogIn, Reply, Settler
from hotspot.security import Keys

log = structlog.get_logger()

LOGIN_CAPACITY: Final = 2_048
"""Short: whoever waits longer than this takes has given up, and the phone asks anew. The oldest gives way."""
ACCOUNTING_CAPACITY: Final = 16_384
"""Long: a report that is given up may be a session's last. Some 65 MB when full."""
# Plain numbers for what each packet is held against: a look at a member of an enumeration costs 0.1 µs.
_ACCESS_REQUEST, _ACCESS_REJECT = int(Code.ACCESS_REQUEST), int(Code.ACCESS_REJECT)
_ACCOUNTING_REQUEST, _STATUS_SERVER = int(Code.ACCOUNTING_REQUEST), int(Code.STATUS_SERVER)
ADVICE_EVERY: Final = 60.0  # seconds between two log lines about the same thing


@dataclass(slots=True)  # not frozen: that costs each packet 0.4 µs
class Received:
    """A packet as it came in, before anything is believed of it."""

    octets: bytes
    candidates: Candidates  # the routers that may have sent it
    wanted: Container[int]  # the codes that are taken where it came in, besides Status-Server
    asker: Hashable  # where it came from, for the duplicate cache
    reply: Reply
    at: datetime


class Reception:
    """Take requests in, put what they ask into the lanes, and let the answers out."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, settler: Settler, keys: Keys, *, reject_delay: float, patience: float
    ) -> None:
        self._logins = Lane(
            "logins",
            loop,
            settle=settler.logins,
            deliver=_deliver,
            capacity=LOGIN_CAPACITY,
            shortcut=settler.logins_at_once,
            overlaps=True,  # each log-in is a matter of its own
        )
        self._reports = Lane(
            "accounting",
            loop,
            settle=settler.reports,
            deliver=_deliver,
            capacity=ACCOUNTING_CAPACITY,
            shortcut=settler.reports_at_once,
        )
        self._rejects = RejectDelay(loop, reject_delay)
        self._duplicates = DuplicateCache()
        self._report_layouts, self._access_layouts = report_layouts(), access_layouts()
        self._keys, self._patience = keys, patience
        self._advice = Advice()

    def receive(self, received: Received) -> bool:
        """Take one packet in; whatever becomes of it, its `reply` is called once.

        Returns False for what is no packet or not authentic: a stream that carries such can't be trusted to go on
        (RFC 6613 §2.6.4).
        """
        try:
            self._take(received)
        except _Dropped as dropped:
            reason, is_sound = dropped.reason, dropped.is_sound
        except UnusableReport:
            reason, is_sound = "unusable_report", True
        except MalformedPacket:  # a value that says nothing, in a packet that is well-formed and authentic
            reason, is_sound = "malformed", True
        except Exception:
            log.exception("a packet failed", asker=received.asker, size=len(received.octets))
            reason, is_sound = "internal_error", True
        else:
            return True
        metrics.drop(reason)
        received.reply(None)
        return is_sound

    def commit(self) -> None:
        """Hand what was taken in to the database; called when nothing more lies ready."""
        self._logins.commit()
        self._reports.commit()

    async def finish(self) -> None:
        """Let what is being committed end and be answered."""
        await asyncio.gather(
            self._logins.finish(patience=self._patience), self._reports.finish(patience=self._patience)
        )
        self._rejects.flush()

    def _take(self, received: Received) -> None:
        if self._has_taken_report(received) or self._has_taken_login(received):
            return
        wanted, reply = received.wanted, received.reply
        try:
            packet = parse(received.octets)
        except MalformedPacket as error:
            raise _Dropped("malformed", is_sound=False) from error
        code = packet.code
        if code not in wanted and code != _STATUS_SERVER:
            raise _Dropped("wrong_code")
        proxied = proxy_states(packet)
        nases = choose(received.candidates, packet, is_proxied=bool(proxied))
        if nases is None:
            raise _Dropped("unknown_nas_identifier")
        nas = self._proven(nases, packet)
        if code == _ACCOUNTING_REQUEST:
            report = read_report(said_in(packet.attributes), nas.router, self._keys, received_at=received.at)
            self._report_layouts.learn(packet.octets, packet.attributes)
            acknowledged = sign_reply(packet, Code.ACCOUNTING_RESPONSE, proxied, nas.secret)
            self._reports.add(Accounted(reply, nas, report, acknowledged))
        elif code == _ACCESS_REQUEST:
            shown = shown_in(packet.attributes)
            self._log_in(received, shown, nas, proxied)
            self._access_layouts.learn(packet.octets, packet.attributes)
        elif _ACCESS_REQUEST in wanted:
            self._logins.add(LogIn(reply, packet.octets, nas, proxied))
        else:
            alive = sign_reply(packet, Code.ACCOUNTING_RESPONSE, proxied, nas.secret)
            self._reports.add(Accounted(reply, nas, None, alive))

    def _has_taken_report(self, received: Received) -> bool:
        """Take an Accounting-Request of a known layout in the short way; whatever else it is goes the long one."""
        octets, candidates = received.octets, received.candidates
        known = self._report_layouts.read(octets) if _ACCOUNTING_REQUEST in received.wanted else None
        if known is None:
            return False
        said, signature_at = known
        for nas in candidates.lone or candidates.by_name.get(said.nas_identifier or b"", ()):
            if is_from_holder(octets, nas.secret, signature_at=signature_at):
                report = read_report(said, nas.router, self._keys, received_at=received.at)
                self._reports.add(Accounted(received.reply, nas, report, acknowledgement(octets, nas.secret)))
                return True
        return False

    def _has_taken_login(self, received: Received) -> bool:
        """Take an Access-Request of a known layout in the short way; whatever else it is goes the long one."""
        octets, candidates = received.octets, received.candidates
        known = self._access_layouts.read(octets) if _ACCESS_REQUEST in received.wanted else None
        if known is None:
            return False
        shown, signature_at = known
        if signature_at is None:
            return False
        for nas in candidates.lone or candidates.by_name.get(shown.nas_identifier or b"", ()):
            if is_keyed(octets, octets[4:20], signature_at, nas.secret):
                self._log_in(received, shown, nas, ())
                return True
        return False

    def _proven(self, nases: Secrets, packet: Packet) -> Nas:
        """The router under the secret that the packet was made with."""
        flaws = []
        for nas in nases:
            flaw = flaw_in_request(packet, nas.secret)
            if flaw is None:
                return nas
            flaws.append(flaw)
        self._advice.give(
            nases[0].router.name,
            "unauthentic RADIUS packets from a router's address; wrong secret?",
            router=nases[0].router.name,
            flaw=str(flaws[0]),
        )
        raise _Dropped(flaws[0], is_sound=False)

    def _log_in(self, received: Received, shown: Shown, nas: Nas, proxied: tuple[RawAttribute, ...]) -> None:
        octets, reply = received.octets, received.reply
        key, authenticator = (received.asker, octets[1]), octets[4:20]
        asked = read_access(shown, authenticator, nas.router, nas.secret, self._keys)
        seen = self._duplicates.look(key, authenticator, now=time.monotonic())
        if seen is Seen.IN_PROGRESS:
            raise _Dropped("in_progress")
        if isinstance(seen, bytes):
            metrics.RESENT.inc()
            reply(seen)
            return
        answer = partial(self._answer, key, authenticator, reply)
        self._logins.add(LogIn(answer, octets, nas, proxied, asked))

    def _answer(self, key: Asker, authenticator: bytes, reply: Reply, octets: bytes | None) -> None:
        if octets is not None and octets[0] == _ACCESS_REJECT:
            self._rejects.hold(partial(self._send, key, authenticator, reply, octets))
        else:
            self._send(key, authenticator, reply, octets)

    def _send(self, key: Asker, authenticator: bytes, reply: Reply, octets: bytes | None) -> None:
        self._duplicates.keep(key, authenticator, octets)
        reply(octets)


class _Dropped(Exception):
    """A packet that gets no answer."""

    def __init__(self, reason: str, *, is_sound: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.is_sound = reason, is_sound


class Advice:
    """Tell the operator what silence means, about each subject once a minute."""

    def __init__(self) -> None:
        self._given: dict[str, float] = {}

    def give(self, subject: str, sentence: str, **facts: object) -> None:
        now = time.monotonic()
        if now - self._given.get(subject, -ADVICE_EVERY) >= ADVICE_EVERY:
            self._given[subject] = now
            log.warning(sentence, **facts)


def _deliver(job: LogIn | Accounted, octets: bytes | None) -> None:
    job.reply(octets)
