"""The controller's own way of logging a device in: it tells the router, and hears from it that the device is online.

What is to be done stands in the attempts themselves, so nothing is lost with a process, and any number of them may tell: a
conditional UPDATE takes an attempt, for one log-in at a time. Where the browser was tried first and the router asked nothing, the
controller tries once; where the controller was first and could not, the progress page hands the credential to the browser.
One connection at a time to a router, for all whose turn it is; no transaction is open meanwhile.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.guests.refusals import recognise
from hotspot.guests.service import CREDENTIAL_LIFE
from hotspot.portal.attempts import IMPATIENCE, UNDER_WAY, Stage, decide, stage_of, unseal_handed
from hotspot.portal.attempts_models import IS_OPEN, SignInAttempt, State
from hotspot.routers import active
from hotspot.routers.connection import Connection, Dial, RouterOS, RouterRefused, RouterUnreachable, dial
from hotspot.routers.models import Router, RouterState
from hotspot.routers.subjects import first_way, targets_of
from hotspot.settings import Settings
from hotspot.sites.settings import LoginWay

log = structlog.get_logger()

LOOK_EVERY: Final = 1.0  # seconds; the button wakes its own process at once
CLOSE_EVERY: Final = timedelta(seconds=5)
MOST_ROUTERS: Final = 8  # talked to at the same time, beside what jobs do
MOST_CLOSED: Final = 500
LOOKS: Final = 3  # for a device that was let in, until it is among those that are online
LOOK_PAUSE: Final = 0.3  # seconds
LONGEST_ANSWER: Final = 200
MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")
TOLD: Final = Counter("hotspot_portal_told", "Log-ins that the controller told to a router, by outcome", ["outcome"])

TAKE: Final = """
    WITH due AS (
        SELECT id FROM sign_in_attempt AS attempt
        WHERE decided_at IS NULL AND handed IS NOT NULL AND router_id <> ALL(:busy) AND (
            (way = 'controller' AND state = 'requested')
            OR (way = 'browser' AND state = 'sent' AND fell_back_at IS NULL AND sent_at <= :impatient))
            AND EXISTS (
                SELECT 1 FROM credential
                WHERE credential.id = attempt.credential_id AND used_at IS NULL AND expires_at > :now)
        ORDER BY requested_at LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE sign_in_attempt AS attempt SET state = 'sent', sent_at = :now, way = 'controller',
        fell_back_at = CASE WHEN way = 'browser' THEN :now ELSE fell_back_at END
    FROM due WHERE attempt.id = due.id
    RETURNING attempt.id, router_id, credential_id, handed
"""

RECORD: Final = """
    UPDATE sign_in_attempt SET state = :state, way = :way, fell_back_at = coalesce(fell_back_at, CAST(:fell_back_at AS timestamptz)),
        reason = :reason, answer = :answer, decided_at = CAST(:decided_at AS timestamptz),
        handed = CASE WHEN CAST(:decided_at AS timestamptz) IS NULL THEN handed END
    WHERE id = :id AND credential_id = :credential AND decided_at IS NULL AND way = 'controller' AND state = 'sent'
"""


# The controller's own credential for the same guest: who pressed has the other one, and may be anybody who named the device.
OF_ITS_OWN: Final = """
    INSERT INTO credential (
        id, site_id, device_id, guest_id, consent_id, language, cap_seconds, cap_octets, issued_at, expires_at)
    SELECT :told, site_id, device_id, guest_id, consent_id, language, cap_seconds, cap_octets, :now, :expires
    FROM credential WHERE id = :credential
"""


class Guest(NamedTuple):
    """One device to be let in: what its router is told. `credential_id` is of the press that it is for."""

    attempt_id: UUID
    credential_id: UUID
    mac: str
    ip: str
    user_name: str
    password: str


class Heard(NamedTuple):
    """What the router said. `stage` None: it could not be told, and the other way may do better."""

    stage: Stage | None
    answer: str


@dataclass
class Teller:
    """Tell routers whom to let in, in threads, until stopped. `wanted` is set by whoever has somebody that can't wait."""

    database: Database
    settings: Settings
    wanted: threading.Event = field(default_factory=threading.Event)
    dial: Dial = dial
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self._is_stopping = False
        self._busy: set[int] = set()
        self._closed_at = self.clock()
        self._pool = ThreadPoolExecutor(MOST_ROUTERS, "teller")
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more of them and let those under way end."""
        self._is_stopping = True
        self.wanted.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._is_stopping:
            self.wanted.wait(LOOK_EVERY)
            self.wanted.clear()
            try:
                self.look()
            except DBAPIError as error:
                log.warning("routers are told nothing while the database is away", problem=type(error).__name__)
            except Exception:  # a job: it is logged, and the loop lives
                log.exception("the teller failed")

    def look(self) -> list["Future[None]"]:
        """Take what is due and hand it to a thread for each router; now and then close the attempts that are over."""
        begun = []
        for router_id, guests in self._taken().items():
            self._busy.add(router_id)
            begun.append(self._pool.submit(self._go, router_id, guests))
        now = self.clock()
        if now >= self._closed_at + CLOSE_EVERY:
            self._closed_at = now
            with self.database.writing() as db:
                close_decided(db, now=now)
        return begun

    def _taken(self) -> dict[int, list[Guest]]:
        """Take no more of them than threads are free: who waits for one could lose a minute, all that a credential lives."""
        now, busy = self.clock(), list(self._busy)
        facts = {"now": now, "impatient": now - IMPATIENCE, "busy": busy, "most": MOST_ROUTERS - len(busy)}
        found: dict[int, list[Guest]] = {}
        with self.database.writing() as db:
            for row in db.execute(text(TAKE), facts).all():
                handed = unseal_handed(row.handed, row.id, self.settings.keys)
                told = uuid4()
                own = {"told": told, "credential": row.credential_id, "now": now, "expires": now + CREDENTIAL_LIFE}
                db.execute(text(OF_ITS_OWN), own)
                db.execute(
                    text("UPDATE sign_in_attempt SET told_id = :told WHERE id = :id"), {"told": told, "id": row.id}
                )
                password = self.settings.keys.one_time_password(told)
                guest = Guest(row.id, row.credential_id, handed["mac"], handed["ip"], told.hex, password)
                found.setdefault(row.router_id, []).append(guest)
        return found

    def _go(self, router_id: int, guests: Sequence[Guest]) -> None:
        """Tell one router about all of these."""
        try:
            self._tell(router_id, guests)
        except Exception:  # as in `_run`; those attempts end when their time is over
            log.exception("telling a router failed", router_id=router_id)
        finally:
            self._busy.discard(router_id)
            self.wanted.set()

    def _tell(self, router_id: int, guests: Sequence[Guest]) -> None:
        left = list(guests)
        try:
            with self._connected(router_id) as connection:
                while left:
                    self._record(left[0], ask(connection, left[0]))
                    left.pop(0)
        except HotspotError as error:
            log.warning("a router can't be told", router_id=router_id, guests=len(left), problem=str(error))
            for guest in left:
                self._record(guest, Heard(None, str(error)))

    def _connected(self, router_id: int) -> RouterOS:
        with self.database.reading() as db:
            router = db.exec(select(Router).where(Router.id == router_id)).one()
            if router.state != RouterState.ENROLLED:
                raise RouterUnreachable(router=router.name, problem=f"it is {router.state}")
            targets = targets_of(router, self.settings)
        return first_way(targets, self.dial)[1]

    def _record(self, guest: Guest, heard: Heard) -> None:
        TOLD.labels(heard.stage or "unreachable").inc()
        with self.database.writing() as db:
            record(db, guest, heard, now=self.clock())


def ask(connection: Connection, guest: Guest) -> Heard:
    """Let the device in, unless it is online already, and look whether it is.

    Raises:
        RouterUnreachable: there was no answer, and nobody knows what happened.
    """
    if active.is_online(connection, guest.mac):
        return Heard(Stage.ONLINE, "already online")
    try:
        active.log_in(connection, user=guest.user_name, password=guest.password, mac=guest.mac, ip=guest.ip)
    except RouterRefused as error:
        said = str(error.facts.get("problem", ""))
        return Heard(Stage.REFUSED if recognise(said) else None, said)
    for _ in range(LOOKS):
        if active.is_online(connection, guest.mac):
            return Heard(Stage.ONLINE, "online")
        time.sleep(LOOK_PAUSE)
    return Heard(Stage.WAITING, "let in, but not among those that are online")


def record(db: Session, guest: Guest, heard: Heard, *, now: datetime) -> None:
    """Write down what the router said, if the attempt still waits for it.

    1. Online: confirmed. 2. Refused by RADIUS: failed, for the other way would be refused, too. 3. It could not be told: the browser's
    turn, once; failed if that was tried before. 4. Let in and not seen: the report of the session will tell.
    """
    changed: dict[str, object] = {"state": State.SENT, "way": LoginWay.CONTROLLER, "reason": None, "decided_at": None}
    attempt = db.get(SignInAttempt, guest.attempt_id)
    was_second = attempt is not None and attempt.fell_back_at is not None
    match heard.stage:
        case Stage.ONLINE:
            changed |= {"state": State.CONFIRMED, "decided_at": now}
        case Stage.REFUSED:
            changed |= {"state": State.FAILED, "reason": Stage.REFUSED, "decided_at": now}
        case None if was_second:
            changed |= {"state": State.FAILED, "reason": Stage.NO_ANSWER, "decided_at": now}
        case None:
            changed |= {"state": State.REQUESTED, "way": LoginWay.BROWSER, "fell_back_at": now}
        case _:
            pass
    facts = {
        "id": guest.attempt_id,
        "credential": guest.credential_id,
        "answer": MAC.sub("…", heard.answer)[:LONGEST_ANSWER],
        "fell_back_at": None,
        **changed,
    }
    db.execute(text(RECORD), facts)


def close_decided(db: Session, *, now: datetime) -> int:
    """Write down how the attempts ended that are over, so that nothing more than needed is kept of them; return of how many."""
    still_open = (
        select(SignInAttempt).where(IS_OPEN, SignInAttempt.requested_at <= now - CLOSE_EVERY).limit(MOST_CLOSED)
    )
    closed = 0
    for attempt in db.exec(still_open).all():
        stage = stage_of(db, attempt, now=now)
        if stage not in UNDER_WAY:
            decide(db, attempt, stage, now=now)
            closed += 1
    return closed
