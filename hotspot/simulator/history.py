"""Thirty days that the demo city never had: plausible sessions, the same ones for the same seed.

Written the way `usage.ingest` would have left them (sessions and hour marks), by COPY because there are tens of thousands.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session

from hotspot.simulator.places import Place, busyness
from hotspot.usage.counters import Counting, EndedBy

ARRIVALS_IN_A_BUSY_HOUR = 4.0  # at a place of size 1: about 40,000 sessions a month in 44 places
REGULARS = 120  # devices that come back to a place of size 1
HOUR = timedelta(hours=1)
SESSION_COLUMNS = (
    "id, router_id, session_key, site_id, device_id, acct_session_id, address, started_at, last_seen_at, ended_at, ended_by,"
    " end_cause, seconds, octets_from_device, octets_to_device, packets_from_device, packets_to_device, counting"
)
USER_REQUEST, IDLE_TIMEOUT, SESSION_TIMEOUT = 1, 4, 5  # RFC 2866 §5.10


@dataclass(frozen=True, slots=True)
class Hotspot:
    """A demo site whose past is written."""

    place: Place
    site_id: int
    router_id: int


@dataclass(frozen=True, slots=True)
class Stay:
    """One guest session of the past."""

    device: UUID
    started_at: datetime
    length: timedelta
    octets_up: int
    octets_down: int
    cause: int


def write_history(
    db: Session, hotspots: Sequence[Hotspot], *, since: datetime, until: datetime, zone: ZoneInfo, seed: int
) -> int:
    """Write ended sessions of [since, until) for every hotspot; return how many. The caller rolls up."""
    cursor = db.connection().connection.cursor()
    written = 0
    first = (db.scalar(text("SELECT COALESCE(MAX(id), 0) FROM guest_session")) or 0) + 1
    stays = [
        (hotspot, stay)
        for hotspot in hotspots
        for stay in stays_at(hotspot.place, since=since, until=until, zone=zone, seed=seed)
    ]
    with cursor.copy(f"COPY guest_session ({SESSION_COLUMNS}) FROM STDIN") as copy:
        for written, (hotspot, stay) in enumerate(stays, 1):
            copy.write_row(_session_row(first + written - 1, hotspot, stay))
    with cursor.copy("COPY usage_mark (session_id, hour, octets_from_device, octets_to_device) FROM STDIN") as copy:
        for number, (_, stay) in enumerate(stays):
            for hour, up, down in marks_of(stay):
                copy.write_row((first + number, hour, up, down))
    cursor.execute("SELECT setval(pg_get_serial_sequence('guest_session', 'id'), %s)", (first + written,))
    return written


def stays_at(place: Place, *, since: datetime, until: datetime, zone: ZoneInfo, seed: int) -> Iterator[Stay]:
    """Return the sessions that began and ended within the period, by the place's daily rhythm."""
    dice = random.Random(f"{seed} {place.name} {since.isoformat()}")  # noqa: S311  (a demo, not a secret)
    regulars = [UUID(int=dice.getrandbits(128)) for _ in range(int(REGULARS * place.size))]
    hour = since
    while hour < until:
        local = hour.astimezone(zone)
        expected = ARRIVALS_IN_A_BUSY_HOUR * busyness(place, weekday=local.weekday(), hour=local.hour)
        for _ in range(_poisson(dice, expected)):
            stay = _stay(dice, hour + dice.random() * HOUR, regulars)
            if stay.started_at + stay.length < until:
                yield stay
        hour += HOUR


def marks_of(stay: Stay) -> Iterator[tuple[datetime, int, int]]:
    """Return the counters at the end of each hour but the last, of which the session is the mark; the use is even over the stay."""
    end = stay.started_at + stay.length
    hour = stay.started_at.replace(minute=0, second=0, microsecond=0)
    while hour + HOUR <= end:
        part = (hour + HOUR - stay.started_at) / stay.length
        yield hour, int(stay.octets_up * part), int(stay.octets_down * part)
        hour += HOUR


def _stay(dice: random.Random, started_at: datetime, regulars: Sequence[UUID]) -> Stay:
    # Regulars come back, some of them often; the others are seen once: a visitor, or a phone that made up a new address.
    device = (
        regulars[int(len(regulars) * dice.random() ** 2)] if dice.random() < 0.6 else UUID(int=dice.getrandbits(128))
    )
    minutes = min(120.0, max(1.5, dice.lognormvariate(2.9, 0.9)))
    down = int(min(3e9, dice.lognormvariate(16.6, 1.4)) * (0.3 + minutes / 40))
    if minutes == 120.0:
        cause = SESSION_TIMEOUT
    else:
        cause = IDLE_TIMEOUT if dice.random() < 0.8 else USER_REQUEST
    return Stay(device, started_at, timedelta(minutes=minutes), int(down * dice.uniform(0.05, 0.25)), down, cause)


def _session_row(number: int, hotspot: Hotspot, stay: Stay) -> tuple[object, ...]:
    end = stay.started_at + stay.length
    key = UUID(int=(hotspot.router_id << 64) | number)
    address = f"10.5.{number // 250 % 250}.{number % 250 + 2}"
    seconds = int(stay.length.total_seconds())
    counters = (stay.octets_up, stay.octets_down, stay.octets_up // 600, stay.octets_down // 1100, Counting.GIGAWORDS)
    times = (stay.started_at, end, end, EndedBy.STOP, stay.cause, seconds)
    return (
        number,
        hotspot.router_id,
        key,
        hotspot.site_id,
        stay.device,
        f"history-{number}",
        address,
        *times,
        *counters,
    )


def _poisson(dice: random.Random, expected: float) -> int:
    """Return how many come when `expected` do on average (arrivals one after the other within an hour)."""
    count = -1
    passed = 0.0
    while passed < expected:
        count += 1
        passed += dice.expovariate(1.0)
    return max(count, 0)
