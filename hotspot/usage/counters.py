"""Reports about a guest session, and how they are joined. Pure.

A report says "so much, as of then". Joining takes the earliest start, the latest sight, the highest counters — operations for
which order, repetition and grouping make no difference — so any permutation or duplication of a session's packets ends in the
same totals (RFC 2866 §4.1 has the router retransmit until it is answered).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

LARGEST_COUNTER: Final = 2**50
"""Octets of ten days at 10 Gbit/s; more is noise, and thousands of the largest still add up in a bigint."""
LONGEST_SESSION: Final = timedelta(days=7)  # a longer Acct-Session-Time is noise: policy never allows more than a day
LONGEST_DELAY: Final = timedelta(days=7)  # how long a router may hold a report back (Acct-Delay-Time, RFC 2866 §5.2)
GIGAWORD: Final = 2**32

MOST_OCTETS_A_SECOND: Final = 2 * 125_000_000
"""Twice what a gigabit port carries: no device behind an access point moves more, so a counter that says so is wrong."""
SLACK_SECONDS: Final = 60  # traffic counted before the first second is, and buffers
WALL_SLACK: Final = timedelta(
    minutes=2
)  # how far Acct-Session-Time may run ahead of the wall: delays, a router's rough clock

Identity = tuple[int, UUID]
T = TypeVar("T", int, str, datetime, UUID)


class EndedBy(StrEnum):
    """Who said that a session is over. Only the router's own Stop is certain; the others are drawn from what else is known."""

    STOP = "stop"
    LOST = "lost"  # three reports were due and none came: the only end that a later report undoes
    SUPERSEDED = "superseded"  # the device began a session elsewhere
    REBOOT = "reboot"  # the router started anew and knows nothing of it
    WITHDRAWN = "withdrawn"  # who was online agrees no longer; the router is asked until it reports the Stop


class Suspicion(StrEnum):
    """Why a session's figures are kept out of reports."""

    COUNTERS = "counters"  # more octets than a line carries in the time
    TIME = "time"  # online for longer than since its Start


class Counting(IntEnum):
    """How a session's octets are counted; the highest that was seen holds."""

    OCTETS_ONLY = 0  # the router never sent gigawords: 32 bits that may have wrapped
    WRAPS_INFERRED = 1  # they have, and nothing else could explain it
    GIGAWORDS = 2


class Report(NamedTuple):
    """What one accounting packet says of a session, or several of them joined.

    `last_seen_at` is the server's time of receipt less Acct-Delay-Time; `router_time` what the router's own clock said, which is
    stored and never used. Counters are the session's totals, None: not reported. Without our Class `is_classed` is False and the key
    says nothing of when the session began. `most_from_device` and `most_to_device`: octets a second that the session's speed
    allows, for `unwrap`; None: no wrap can be inferred.
    """

    router_id: int
    session_key: UUID
    site_id: int
    device_id: UUID
    admission_id: UUID | None
    acct_session_id: str
    address: str | None
    started_at: datetime
    last_seen_at: datetime
    start_seen_at: datetime | None = None
    router_time: datetime | None = None
    ended_at: datetime | None = None
    end_cause: int | None = None
    seconds: int | None = None
    octets_from_device: int | None = None
    octets_to_device: int | None = None
    packets_from_device: int | None = None
    packets_to_device: int | None = None
    counting: int = Counting.GIGAWORDS
    suspicion: str | None = None
    is_classed: bool = True
    most_from_device: int | None = None
    most_to_device: int | None = None

    @property
    def identity(self) -> Identity:
        return self.router_id, self.session_key

    @property
    def may_have_wrapped(self) -> bool:
        """Whether its octets are 32 bits of what may be more."""
        return self.counting == Counting.OCTETS_ONLY and self.octets_to_device is not None

    @property
    def hour(self) -> datetime:
        """The UTC hour it speaks of."""
        return self.last_seen_at.replace(minute=0, second=0, microsecond=0)


class Counted(NamedTuple):
    """What is stored of a session's octets, as far as wraps go."""

    counting: int
    seconds: int | None
    octets_from_device: int | None
    octets_to_device: int | None


def unwrap(report: Report, known: Counted) -> Report:
    """Return the report with 64-bit totals where its 32 bits have wrapped for certain, and marked as inferred.

    Certain: the router never sent gigawords, the report is later than what is known, its counter is lower, and at the session's
    speed one wrap explains that and two can't. What is not certain stays as it is: totals never go down, so nothing is lost but it.
    """
    if known.counting == Counting.GIGAWORDS or report.seconds is None or known.seconds is None:
        return report
    elapsed = report.seconds - known.seconds
    up = _unwrapped(report.octets_from_device, known.octets_from_device, report.most_from_device, elapsed)
    down = _unwrapped(report.octets_to_device, known.octets_to_device, report.most_to_device, elapsed)
    if (up, down) == (report.octets_from_device, report.octets_to_device):
        return report
    return report._replace(octets_from_device=up, octets_to_device=down, counting=Counting.WRAPS_INFERRED)


def _unwrapped(low: int | None, known: int | None, most: int | None, elapsed: int) -> int | None:
    if low is None or known is None or most is None or elapsed <= 0:
        return low
    total = known - known % GIGAWORD + low
    if total < known:
        total += GIGAWORD
    is_certain = total - known <= most * elapsed < GIGAWORD
    return total if is_certain else low


def suspicion_of(
    *,
    seconds: int | None,
    octets_from_device: int | None,
    octets_to_device: int | None,
    started_at: datetime,
    start_seen_at: datetime | None,
) -> str | None:
    """Say what can't be true of a session: more octets than a line carries in its time, or a start long before its Start."""
    octets = (octets_from_device or 0) + (octets_to_device or 0)
    if octets > MOST_OCTETS_A_SECOND * ((seconds or 0) + SLACK_SECONDS):
        return Suspicion.COUNTERS
    if start_seen_at is not None and started_at < start_seen_at - WALL_SLACK:
        return Suspicion.TIME
    return None


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
    Wraps are not looked for here: that needs the order in which reports came (`ingest`).
    """
    ended_at, end_cause = _first_stop(one, other)
    started_at = min(one.started_at, other.started_at)
    start_seen_at = _lowest(one.start_seen_at, other.start_seen_at)
    is_ahead = start_seen_at is not None and started_at < start_seen_at - WALL_SLACK
    return one._replace(
        site_id=min(one.site_id, other.site_id),
        device_id=min(one.device_id, other.device_id),
        admission_id=_lowest(one.admission_id, other.admission_id),
        acct_session_id=min(one.acct_session_id, other.acct_session_id),
        address=_highest(one.address, other.address),
        started_at=started_at,
        last_seen_at=max(one.last_seen_at, other.last_seen_at),
        start_seen_at=start_seen_at,
        router_time=_highest(one.router_time, other.router_time),
        ended_at=ended_at,
        end_cause=end_cause,
        seconds=_highest(one.seconds, other.seconds),
        octets_from_device=_highest(one.octets_from_device, other.octets_from_device),
        octets_to_device=_highest(one.octets_to_device, other.octets_to_device),
        packets_from_device=_highest(one.packets_from_device, other.packets_from_device),
        packets_to_device=_highest(one.packets_to_device, other.packets_to_device),
        counting=max(one.counting, other.counting),
        suspicion=Suspicion.COUNTERS
        if Suspicion.COUNTERS in (one.suspicion, other.suspicion)
        else (Suspicion.TIME if is_ahead else None),
        most_from_device=_highest(one.most_from_device, other.most_from_device),
        most_to_device=_highest(one.most_to_device, other.most_to_device),
    )


def join_all(reports: Iterable[Report]) -> dict[Identity, Report]:
    """Join reports to one a session."""
    joined: dict[Identity, Report] = {}
    for report in reports:
        known = joined.get(report.identity)
        joined[report.identity] = join(known, report) if known else report
    return dict(sorted(joined.items()))


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


def _lowest(one: T | None, other: T | None) -> T | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None
