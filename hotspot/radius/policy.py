"""A guest's standing and what holds at the site → Accept with limits, or Reject with a reason.

Pure: who the guest is and whether a credential was won is the service's finding, the words are `guests.refusals`. Days and opening
hours are those of the site's local time; `now` brings its zone along.
"""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from hotspot.guests.refusals import Refusal
from hotspot.radius.attributes import Attr, MikroTik, make, make64
from hotspot.radius.packet import Code, RawAttribute, encode_attributes
from hotspot.sites.hours import Hours

DAY: Final = timedelta(days=1)
SHORTEST: Final = timedelta(minutes=1)
"""Less than this left is nothing left: a session of seconds only annoys."""


_CLASS_HEAD: Final = bytes((Attr.CLASS, 18))


class Speed(NamedTuple):
    """kbit/s, as the guest sees it."""

    up_kbps: int
    down_kbps: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds at a site. None: no limit; `slow` None: once the day's data is used, no more."""

    session: timedelta
    idle: timedelta
    interim: timedelta
    speed: Speed
    session_octets: int | None = None
    day: timedelta | None = None
    day_octets: int | None = None
    slow: Speed | None = None
    devices: int = 1
    hours: Hours | None = None

    @property
    def has_daily_limit(self) -> bool:
        """Whether it matters what a guest has used today."""
        return self.day is not None or self.day_octets is not None


@dataclass(frozen=True, slots=True)
class Pass:
    """What is left of a guest's pass. `time` and `octets` take the place of the site's limits by day, where they are given;

    `devices` and `speed` that of the site's. None: as the site has it.
    """

    valid_for: timedelta
    is_here: bool = True
    time: timedelta | None = None
    octets: int | None = None
    devices: int | None = None
    speed: Speed | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """What bounds this one session, below everything else; None: nothing more."""

    time: timedelta | None = None
    octets: int | None = None


NO_CAP: Final = Cap()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a guest at the moment of asking; "today" since the last local midnight."""

    is_blocked: bool = False
    blocked_until: datetime | None = None
    other_devices: int = 0
    online_today: timedelta = timedelta()
    octets_today: int = 0
    held: Pass | None = None
    cap: Cap = NO_CAP


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the router may let a guest have; `octets` both ways together or None for no limit.

    `is_slow`: the day's data is used up.
    """

    session: timedelta
    idle: timedelta
    interim: timedelta
    speed: Speed
    octets: int | None = None
    is_slow: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Not now; `until` is when it is worth trying again, where that is known."""

    refusal: Refusal
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The code and attributes of a reply, before it is signed."""

    code: Code
    attributes: tuple[RawAttribute, ...]
    refusal: Refusal | None = None


def decide(rules: Rules, standing: Standing, now: datetime) -> Allowance | Refused:
    """Say what the guest may have now.

    1. A blocked device nothing. 2. Nobody outside opening hours, nor beyond closing time. 3. Who has a pass, no more than is left of
    it. 4. No device more than the guest may have online. 5. No more time than is left of the day's. 6. Once the day's data is used,
    the slow speed if there is one. 7. The session is never longer or larger than its cap.
    """
    if standing.is_blocked:
        return Refused(Refusal.BLOCKED, standing.blocked_until)
    open_for = _open_for(rules.hours, now)
    if open_for < SHORTEST:
        return Refused(Refusal.CLOSED, _next(rules.hours.opens, now) if rules.hours else None)
    if standing.held is None:
        return _by_day(rules, standing, open_for, now)
    over = why_over(standing.held)
    if over is not None:
        return Refused(over)
    return _by_day(_with_pass(rules, standing.held), standing, min(open_for, standing.held.valid_for), now)


def why_over(held: Pass) -> Refusal | None:
    """Say why a pass gives nothing here and now; None if it does."""
    if not held.is_here:
        return Refusal.PASS_ELSEWHERE
    if held.valid_for < SHORTEST:
        return Refusal.PASS_OVER
    if held.time is not None and held.time < SHORTEST:
        return Refusal.PASS_TIME_USED
    if held.octets is not None and held.octets <= 0:
        return Refusal.PASS_DATA_USED
    return None


def _with_pass(rules: Rules, held: Pass) -> Rules:
    """What holds for the guest with this pass: its own numbers where it has them."""
    return replace(
        rules,
        session=min(rules.session, DAY if held.time is None else held.time),
        session_octets=_least(rules.session_octets, held.octets),
        day=rules.day if held.time is None else None,
        day_octets=rules.day_octets if held.octets is None else None,
        devices=held.devices or rules.devices,
        speed=held.speed or rules.speed,
    )


def _by_day(rules: Rules, standing: Standing, open_for: timedelta, now: datetime) -> Allowance | Refused:
    if standing.other_devices >= rules.devices:
        return Refused(Refusal.TOO_MANY_DEVICES)
    time_left = DAY if rules.day is None else rules.day - standing.online_today
    if time_left < SHORTEST:
        return Refused(Refusal.DAY_TIME_USED, _next(time.min, now))
    octets_left = None if rules.day_octets is None else max(0, rules.day_octets - standing.octets_today)
    is_slow = octets_left == 0
    if is_slow and rules.slow is None:
        return Refused(Refusal.DAY_DATA_USED, _next(time.min, now))
    return Allowance(
        session=min(rules.session, time_left, open_for, standing.cap.time or DAY),
        idle=rules.idle,
        interim=rules.interim,
        speed=rules.slow if is_slow and rules.slow is not None else rules.speed,
        octets=_least(rules.session_octets, octets_left if rules.slow is None else None, standing.cap.octets),
        is_slow=is_slow,
    )


def _least(*values: int | None) -> int | None:
    known = [value for value in values if value is not None]
    return min(known) if known else None


def _open_for(hours: Hours | None, now: datetime) -> timedelta:
    """How long it stays open; nothing when it is closed."""
    if hours is None or hours.opens == hours.closes:
        return DAY
    is_open = hours.has(now.timetz().replace(tzinfo=None))
    return _next(hours.closes, now) - now if is_open else timedelta()


def midnight_before(now: datetime) -> datetime:
    """When the day began; `now` is local."""
    return datetime.combine(now.date(), time.min, now.tzinfo)


def _next(clock: time, now: datetime) -> datetime:
    """The next moment when the site's clocks show this."""
    today = datetime.combine(now.date(), clock, now.tzinfo)
    return today if today > now else datetime.combine(now.date() + DAY, clock, now.tzinfo)


def rate_limit(speed: Speed) -> str:
    """Mikrotik-Rate-Limit, "rx/tx": rx first, which is what the client uploads."""
    return f"{speed.up_kbps}k/{speed.down_kbps}k"


def accept(admission_id: UUID, allowance: Allowance) -> Answer:
    """Let the guest in within the allowance; Class brings the admission back in every accounting report (RFC 2865 §5.25)."""
    return Answer(Code.ACCESS_ACCEPT, (*_limits(allowance), make(Attr.CLASS, admission_id.bytes)))


def accept_octets(admission_id: UUID, limits: bytes) -> bytes:
    """The attributes of `accept`, encoded, for an allowance whose limits are encoded."""
    return limits + _CLASS_HEAD + admission_id.bytes


def limits_octets(allowance: Allowance) -> bytes:
    """What `accept_octets` takes."""
    return encode_attributes(_limits(allowance))


@lru_cache(maxsize=1_024)
def _limits(allowance: Allowance) -> tuple[RawAttribute, ...]:
    """The attributes of an allowance, which most guests of a site share."""
    total = (
        make64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS, allowance.octets)
        if allowance.octets is not None
        else ()
    )
    return (
        make(Attr.SESSION_TIMEOUT, int(allowance.session.total_seconds())),
        make(Attr.IDLE_TIMEOUT, int(allowance.idle.total_seconds())),
        make(Attr.ACCT_INTERIM_INTERVAL, int(allowance.interim.total_seconds())),
        make(MikroTik.RATE_LIMIT, rate_limit(allowance.speed)),
        *total,
    )


def reject(refusal: Refusal, message: str) -> Answer:
    """Refuse in these words."""
    return Answer(Code.ACCESS_REJECT, (make(Attr.REPLY_MESSAGE, message),), refusal)
