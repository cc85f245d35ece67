"""Reports about a guest session, and how they are joined. Pure.

A report says "so much, as of then". Joining takes the earliest start, the latest sight, the highest counters — operations for
which order, repetition and grouping make no difference — so any permutation or duplication of a session's packets ends in the
same totals (RFC 2866 §4.1 has the router retransmit until it is answered).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

LARGEST_COUNTER = (
    2**50
)  # octets of ten days at 10 Gbit/s; more is noise, and thousands of the largest still add up in a bigint
LONGEST_SESSION = timedelta(days=7)  # a longer Acct-Session-Time is noise: policy never allows more than a day
LONGEST_DELAY = timedelta(days=7)  # how long a router may hold a report back (Acct-Delay-Time, RFC 2866 §5.2)

Identity = tuple[int, UUID]
T = TypeVar("T", int, str)


@dataclass(frozen=True, slots=True)
class Report:
    """What one accounting packet says of a session, or several of them joined.

    `happened_at` is the server's time of receipt less Acct-Delay-Time. Counters are the session's totals, None: not reported.
    """

    router_id: int
    session_key: UUID
    site_id: int
    device_id: UUID
    credential_id: UUID | None
    acct_session_id: str
    user_name: str
    address: str | None
    started_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None
    end_cause: int | None = None
    seconds: int | None = None
    octets_from_device: int | None = None
    octets_to_device: int | None = None
    packets_from_device: int | None = None
    packets_to_device: int | None = None

    @property
    def identity(self) -> Identity:
        return self.router_id, self.session_key


@dataclass(frozen=True, slots=True)
class Mark:
    """A session's highest counters among the reports of one UTC hour."""

    identity: Identity
    hour: datetime
    octets_from_device: int
    octets_to_device: int


def plausible_counter(value: int | None) -> int | None:
    """Return the counter if it can be one; what no session can have moved is not known rather than wrong."""
    return value if value is not None and 0 <= value <= LARGEST_COUNTER else None


def plausible_seconds(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= LONGEST_SESSION.total_seconds() else None


def happened_at(received_at: datetime, delay_seconds: int | None) -> datetime:
    """Return when the router meant it: receipt less Acct-Delay-Time, as far as that is believable."""
    delay = timedelta(seconds=delay_seconds or 0)
    return received_at - (delay if delay <= LONGEST_DELAY else timedelta())


def join(one: Report, other: Report) -> Report:
    """Join two reports of the same session: commutative, associative, idempotent.

    What should be the same in all of them (device, names) is the lowest if it is not: any rule does that order can't change.
    """
    ended_at, end_cause = _first_stop(one, other)
    return replace(
        one,
        site_id=min(one.site_id, other.site_id),
        device_id=min(one.device_id, other.device_id),
        credential_id=_lowest(one.credential_id, other.credential_id),
        acct_session_id=min(one.acct_session_id, other.acct_session_id),
        user_name=min(one.user_name, other.user_name),
        address=_highest(one.address, other.address),
        started_at=min(one.started_at, other.started_at),
        last_seen_at=max(one.last_seen_at, other.last_seen_at),
        ended_at=ended_at,
        end_cause=end_cause,
        seconds=_highest(one.seconds, other.seconds),
        octets_from_device=_highest(one.octets_from_device, other.octets_from_device),
        octets_to_device=_highest(one.octets_to_device, other.octets_to_device),
        packets_from_device=_highest(one.packets_from_device, other.packets_from_device),
        packets_to_device=_highest(one.packets_to_device, other.packets_to_device),
    )


def join_all(reports: Iterable[Report]) -> dict[Identity, Report]:
    """Join a batch to one report a session, in a fixed order so that two writers never wait for each other in a ring."""
    joined: dict[Identity, Report] = {}
    for report in reports:
        known = joined.get(report.identity)
        joined[report.identity] = join(known, report) if known else report
    return dict(sorted(joined.items()))


def marks(reports: Iterable[Report]) -> list[Mark]:
    """Return the hour marks of single (not joined) reports, one a session and hour, in a fixed order."""
    highest: dict[tuple[Identity, datetime], Mark] = {}
    for report in reports:
        if report.octets_from_device is None and report.octets_to_device is None:
            continue
        hour = report.last_seen_at.replace(minute=0, second=0, microsecond=0)
        known = highest.get((report.identity, hour))
        highest[report.identity, hour] = Mark(
            report.identity,
            hour,
            max(report.octets_from_device or 0, known.octets_from_device if known else 0),
            max(report.octets_to_device or 0, known.octets_to_device if known else 0),
        )
    return [highest[key] for key in sorted(highest)]


def _first_stop(one: Report, other: Report) -> tuple[datetime | None, int | None]:
    """The earliest Stop is the end; of two at the same instant the lower cause, so that order can't matter."""
    stops = [(r.ended_at, -1 if r.end_cause is None else r.end_cause) for r in (one, other) if r.ended_at is not None]
    if not stops:
        return None, None
    at, cause = min(stops)
    return at, None if cause < 0 else cause


def _highest(one: T | None, other: T | None) -> T | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None


def _lowest(one: UUID | None, other: UUID | None) -> UUID | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None
