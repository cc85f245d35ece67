"""Reports → rows, in one statement a batch. The same report twice changes nothing.

The SQL does to the stored row what `counters.join` does to two reports; a property test holds the two against each other. Beyond
that it lets a session that was given up as lost live again. Everything is scoped to the router that signed the report; what a
report says is over elsewhere, `endings` closes.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from hotspot import arrays
from hotspot.usage.counters import LONGEST_SESSION, WALL_SLACK, Counted, EndedBy, Report, Suspicion, join, unwrap
from hotspot.usage.endings import Boot, end_before_boots, supersede

Connection = psycopg.Connection[Any]

ANCHOR_SLACK: Final = timedelta(minutes=5)
"""How far apart two reports may put the start of one session: Acct-Delay-Time is whole seconds, networks hold packets back."""

KINDS: Final[dict[str, tuple[str, Callable[[Iterable[Any]], str]]]] = {
    "router_id": ("int", arrays.numbers),
    "session_key": ("uuid", arrays.uuids),
    "site_id": ("int", arrays.numbers),
    "device_id": ("uuid", arrays.uuids),
    "admission_id": ("uuid", arrays.uuids),
    "acct_session_id": ("text", arrays.texts),
    "address": ("text", arrays.texts),
    "started_at": ("timestamptz", arrays.moments),
    "last_seen_at": ("timestamptz", arrays.moments),
    "start_seen_at": ("timestamptz", arrays.moments),
    "router_time": ("timestamptz", arrays.moments),
    "ended_at": ("timestamptz", arrays.moments),
    "end_cause": ("int", arrays.numbers),
    "seconds": ("bigint", arrays.numbers),
    "octets_from_device": ("bigint", arrays.numbers),
    "octets_to_device": ("bigint", arrays.numbers),
    "packets_from_device": ("bigint", arrays.numbers),
    "packets_to_device": ("bigint", arrays.numbers),
    "counting": ("smallint", arrays.numbers),
    "suspicion": ("text", arrays.texts),
}
"""What of a report is stored, and how it travels."""
assert tuple(KINDS) == Report._fields[: len(KINDS)]

# GREATEST and LEAST pass over nulls: what is missing changes nothing. The first Stop is the end; a Stop overrides every end that was
# only inferred. Text is compared by code point, as Python does, whatever the database's locale.
#
# Growth belongs to the hour in which it was reported. The row itself is the mark of its latest hour; the older of two hours that meet
# here is set aside, and becomes a usage_mark.
SAVE_REPORTS: Final = f"""
    WITH saved AS (
        INSERT INTO guest_session AS known ({", ".join(KINDS)}, ended_by)
        SELECT *, CASE WHEN ended_at IS NOT NULL THEN '{EndedBy.STOP}' END
        FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, (kind, _) in KINDS.items())}) AS report ({", ".join(KINDS)})
        ON CONFLICT (router_id, session_key) DO UPDATE SET
            site_id = LEAST(known.site_id, excluded.site_id),
            device_id = LEAST(known.device_id, excluded.device_id),
            admission_id = LEAST(known.admission_id, excluded.admission_id),
            acct_session_id = LEAST(known.acct_session_id, excluded.acct_session_id COLLATE "C"),
            address = GREATEST(known.address, excluded.address COLLATE "C"),
            started_at = LEAST(known.started_at, excluded.started_at),
            last_seen_at = GREATEST(known.last_seen_at, excluded.last_seen_at),
            start_seen_at = LEAST(known.start_seen_at, excluded.start_seen_at),
            router_time = GREATEST(known.router_time, excluded.router_time),
            end_cause = CASE
                WHEN known.ended_at IS NULL OR known.ended_by <> '{EndedBy.STOP}' OR excluded.ended_at < known.ended_at
                    THEN excluded.end_cause
                WHEN excluded.ended_at = known.ended_at AND excluded.end_cause IS NULL THEN NULL
                WHEN excluded.ended_at = known.ended_at AND known.end_cause IS NOT NULL
                    THEN LEAST(known.end_cause, excluded.end_cause)
                ELSE known.end_cause END,
            ended_at = CASE
                WHEN known.ended_by = '{EndedBy.STOP}' THEN LEAST(known.ended_at, excluded.ended_at)
                WHEN excluded.ended_at IS NOT NULL THEN excluded.ended_at
                WHEN known.ended_by = '{EndedBy.LOST}' AND excluded.last_seen_at > known.last_seen_at THEN NULL
                ELSE known.ended_at END,
            ended_by = CASE
                WHEN excluded.ended_at IS NOT NULL THEN '{EndedBy.STOP}'
                WHEN known.ended_by = '{EndedBy.LOST}' AND excluded.last_seen_at > known.last_seen_at THEN NULL
                ELSE known.ended_by END,
            seconds = GREATEST(known.seconds, excluded.seconds),
            octets_from_device = GREATEST(known.octets_from_device, excluded.octets_from_device),
            octets_to_device = GREATEST(known.octets_to_device, excluded.octets_to_device),
            packets_from_device = GREATEST(known.packets_from_device, excluded.packets_from_device),
            packets_to_device = GREATEST(known.packets_to_device, excluded.packets_to_device),
            counting = GREATEST(known.counting, excluded.counting),
            suspicion = CASE
                WHEN '{Suspicion.COUNTERS}' IN (known.suspicion, excluded.suspicion) THEN '{Suspicion.COUNTERS}'
                WHEN LEAST(known.started_at, excluded.started_at)
                    < LEAST(known.start_seen_at, excluded.start_seen_at) - interval '{WALL_SLACK.seconds} seconds'
                    THEN '{Suspicion.TIME}' END,
            aside_hour = CASE
                WHEN date_trunc('hour', known.last_seen_at) <> date_trunc('hour', excluded.last_seen_at)
                    THEN date_trunc('hour', LEAST(known.last_seen_at, excluded.last_seen_at)) END,
            aside_from_device = CASE WHEN known.last_seen_at < excluded.last_seen_at
                THEN known.octets_from_device ELSE excluded.octets_from_device END,
            aside_to_device = CASE WHEN known.last_seen_at < excluded.last_seen_at
                THEN known.octets_to_device ELSE excluded.octets_to_device END
        RETURNING id, router_id, session_key, started_at, last_seen_at, aside_hour, aside_from_device, aside_to_device
    ), marked AS (
        INSERT INTO usage_mark AS known (session_id, hour, octets_from_device, octets_to_device)
        SELECT id, aside_hour, COALESCE(aside_from_device, 0), COALESCE(aside_to_device, 0)
        FROM saved WHERE aside_hour IS NOT NULL AND COALESCE(aside_from_device, aside_to_device) IS NOT NULL
        ON CONFLICT (session_id, hour) DO UPDATE SET
            octets_from_device = GREATEST(known.octets_from_device, excluded.octets_from_device),
            octets_to_device = GREATEST(known.octets_to_device, excluded.octets_to_device)
    ), noted AS (
        INSERT INTO usage_dirty (since, until)
        SELECT DISTINCT date_trunc('hour', started_at), date_trunc('hour', last_seen_at) FROM saved
    )
    SELECT router_id, id, session_key FROM saved
"""  # noqa: S608  (names of ours)

KNOWN_COUNTS: Final = """
    SELECT router_id, session_key, counting, seconds, octets_from_device, octets_to_device
    FROM guest_session JOIN unnest(%s::int[], %s::uuid[]) AS asked (router_id, session_key) USING (router_id, session_key)
    FOR UPDATE OF guest_session
"""

SESSIONS_WITHOUT_CLASS: Final = """
    SELECT session_key, started_at, router_time FROM guest_session
    WHERE device_id = %s AND router_id = %s AND acct_session_id = %s AND admission_id IS NULL
        AND started_at BETWEEN %s AND %s
    ORDER BY started_at
"""


def session_key(acct_session_id: str, *rest: bytes) -> UUID:
    """Return what identifies a session within its router.

    Acct-Session-Id alone is used again after a reboot, so our own Class (RFC 2865 §5.25) goes with it; without a Class the device
    and, in `record`, the start do.
    """
    parts = (acct_session_id.encode(), *rest)
    framed = b"".join([len(part).to_bytes(2, "big") + part for part in parts])
    return UUID(bytes=hashlib.blake2b(framed, digest_size=16).digest())


def record(connection: Connection, reports: Sequence[Report], boots: Sequence[Boot] = ()) -> None:
    """Store a batch of single reports, in any order and any number of times, all of them or none.

    1. Which session a report without Class belongs to is looked up. 2. Sessions are saved, joined as far as they can be in one go.
    3. What the reports end elsewhere is ended: the device's other sessions, and what a router forgot in a reboot.
    """
    is_plain = not boots and not any(
        report.start_seen_at is not None or needs_the_long_way(report) for report in reports
    )
    rounds = rounds_of(reports) if is_plain else []
    if len(rounds) == 1:
        _save(connection, rounds[0])  # one statement is a transaction by itself
        return
    with connection.transaction():
        anchored = reports if is_plain else _anchored(connection, reports)
        for sessions in rounds or rounds_of(anchored):
            _save(connection, sessions if is_plain else _unwrapped(connection, sessions))
        supersede(connection, [report for report in anchored if report.start_seen_at is not None])
        end_before_boots(connection, boots)


def _save(connection: Connection, sessions: Sequence[Report]) -> None:
    connection.execute(SAVE_REPORTS, values_of(sessions), prepare=True)


def values_of(sessions: Sequence[Report]) -> dict[str, str]:
    """Return the values of `SAVE_REPORTS`, in an order that keeps two writers from waiting for each other in a ring."""
    columns = list(zip(*sorted(sessions, key=place), strict=True))
    return {name: write(columns[number]) for number, (name, (_, write)) in enumerate(KINDS.items())}


def place(report: Report) -> tuple[int, int]:
    """The session's identity in plain numbers, which compare and hash faster than a UUID does."""
    return report.router_id, report.session_key.int


def rounds_of(reports: Iterable[Report]) -> list[list[Report]]:
    """Join a batch to one report a session; what must not be joined beforehand goes to a further round.

    Those are reports of different hours, whose marks would be lost, and counters that may have wrapped between them.
    """
    rounds: list[dict[tuple[int, int], Report]] = []
    for report in reports:
        identity = (report.router_id, report.session_key.int)
        for sessions in rounds:
            known = sessions.get(identity)
            if known is None:
                sessions[identity] = report
                break
            if known.hour == report.hour and not (known.may_have_wrapped or report.may_have_wrapped):
                sessions[identity] = join(known, report)
                break
        else:
            rounds.append({identity: report})
    return [list(sessions.values()) for sessions in rounds]


# --- reports out of the ordinary -----------------------------------------------------------------------------------------


def needs_the_long_way(report: Report) -> bool:
    """Whether the database must be asked first what this report means: it has no Class, or 32 bits that may have wrapped."""
    return not report.is_classed or report.may_have_wrapped


def _unwrapped(connection: Connection, sessions: Sequence[Report]) -> list[Report]:
    """Unwrap what may have wrapped since its session was last heard of; the rows stay locked until they are saved."""
    narrow = sorted((report for report in sessions if report.may_have_wrapped), key=place)
    if not narrow:
        return list(sessions)
    asked = arrays.numbers(one.router_id for one in narrow), arrays.uuids(one.session_key for one in narrow)
    known = {(row[0], row[1]): Counted(*row[2:]) for row in connection.execute(KNOWN_COUNTS, asked)}
    return [
        unwrap(report, known[report.identity]) if report.may_have_wrapped and report.identity in known else report
        for report in sessions
    ]


def _anchored(connection: Connection, reports: Sequence[Report]) -> list[Report]:
    """Give each report without Class the key of the session that began when it says, known or new."""
    anchored = [report for report in reports if report.is_classed]
    foreign = sorted((report for report in reports if not report.is_classed), key=_named)
    for (router_id, acct_session_id, device), group in groupby(foreign, key=_named):
        connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (router_id, acct_session_id))
        together = list(group)
        first = min(report.started_at for report in together) - LONGEST_SESSION
        last = max(report.started_at for report in together) + ANCHOR_SLACK
        facts = (together[0].device_id, router_id, acct_session_id, first, last)
        known = [_Anchor(*row) for row in connection.execute(SESSIONS_WITHOUT_CLASS, facts)]
        for report in together:
            key = next((anchor.session_key for anchor in known if anchor.holds(report)), None)
            if key is None:
                key = session_key(acct_session_id, device, report.started_at.isoformat().encode())
                known.append(_Anchor(key, report.started_at, report.router_time))
            anchored.append(report._replace(session_key=key, is_classed=True))
    return anchored


class _Anchor(NamedTuple):
    """A stored session without Class: when it began, and the last that its router's clock said."""

    session_key: UUID
    started_at: datetime
    router_time: datetime | None

    def holds(self, report: Report) -> bool:
        """Whether the report is of this session: it puts the start where this does, or it is an old one that was sent again.

        Old by the router's own clock: what it said before its last word here, and not so long before that its clock was reset.
        """
        if abs(self.started_at - report.started_at) <= ANCHOR_SLACK:
            return True
        if self.router_time is None or report.router_time is None:
            return False
        return timedelta() <= self.router_time - report.router_time <= LONGEST_SESSION


def _named(report: Report) -> tuple[int, str, bytes]:
    return report.router_id, report.acct_session_id, report.device_id.bytes
