"""What keeps codes from being guessed, sprayed over many numbers, and sent for somebody's income.

Nothing is counted by address: a whole site shares one. Messages are counted until somebody enters their code, then they are given
back: real people enter their codes, and who has messages sent for money, or to annoy, never does. So a busy evening has room, and
an attack on a block of numbers or through one site ends there, while others go on. Guesses are counted alike: each right code
makes room for one wrong one. What closes says so in the log and in the metrics, and opens again by itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlmodel import Session

from hotspot.guests.limits import Counted, Exceeded, Limit, count, find_full, give_back, take
from hotspot.security import Keys
from hotspot.throttle import Throttle

log = structlog.get_logger()

SHORT: Final = timedelta(minutes=10)
DAY: Final = timedelta(days=1)

# Messages. Of ten people one or two never enter their code: the message came late, the number was wrong, they had other plans.
OF_A_DEVICE: Final = Limit("messages for a device", 10, DAY)  # a family with one phone, and its mistakes
OF_A_PHONE: Final = Limit("messages to a phone", 5, DAY)
OF_A_PREFIX: Final = (
    Limit("codes of a prefix not entered within minutes", 30, SHORT),
    Limit("codes of a prefix not entered within a day", 100, DAY),  # some 600 people of ten thousand sign in
)
OF_A_SITE: Final = (
    Limit("codes of a site not entered within minutes", 200, SHORT),  # a concert: 500 people, their codes on the way
    Limit("codes of a site not entered within a day", 1_000, DAY),
)
ALL_MESSAGES: Final = "messages of a day"  # how many, the operator says: it is their money

# Guesses. Each has a chance of one in a million: 3,000 a day hit once in a year.
WRONG_AT_A_SITE: Final = (
    Limit("wrong codes at a site within minutes", 40, SHORT),
    Limit("wrong codes at a site", 400, DAY),
)
WRONG_ANYWHERE: Final = (Limit("wrong codes within minutes", 300, SHORT), Limit("wrong codes", 3_000, DAY))

STOPPED: Final = Counter("hotspot_phone_codes_stopped", "Codes not sent and guesses not looked at, by limit", ["limit"])
_alarms: Final = Throttle(1, SHORT)  # an attack is told every ten minutes, not with every try


def take_message(
    db: Session, *, device_id: UUID, prefix_id: UUID, site_id: int, messages_a_day: int, keys: Keys, now: datetime
) -> Exceeded | None:
    """Take room for one message, or return what leaves none."""
    counted = [
        OF_A_DEVICE.of(device_id),
        *(limit.of(prefix_id) for limit in OF_A_PREFIX),
        *(limit.of(site_id) for limit in OF_A_SITE),
        Limit(ALL_MESSAGES, messages_a_day, DAY).of(),
    ]
    return _told(_take(db, counted, keys=keys, now=now), site_id, now)


def take_phone(db: Session, phone_id: UUID, *, keys: Keys, now: datetime) -> bool:
    """Take one of the phone's messages of the day; False when it has had them, after exactly the same work."""
    return count(db, OF_A_PHONE.of(phone_id), keys=keys, now=now) <= OF_A_PHONE.most


def give_messages_back(db: Session, *, prefix_id: UUID, site_id: int, messages: int, keys: Keys, now: datetime) -> None:
    """A code was entered that so many messages had brought: they were no waste."""
    for one in [*(limit.of(prefix_id) for limit in OF_A_PREFIX), *(limit.of(site_id) for limit in OF_A_SITE)]:
        for _ in range(messages):
            give_back(db, [one], keys=keys, now=now)


def take_guesses(db: Session, site_id: int, guesses: int, *, keys: Keys, now: datetime) -> Exceeded | None:
    """Take room for so many guesses before they are looked at, or return what leaves none."""
    for _ in range(guesses):
        if exceeded := _take(db, _wrong(site_id), keys=keys, now=now):
            return _told(exceeded, site_id, now)
    return None


def give_guesses_back(db: Session, site_id: int, guesses: int, *, keys: Keys, now: datetime) -> None:
    """One of the guesses was right: all of them are given back, and one more that was wrong."""
    for one in _wrong(site_id):
        for _ in range(guesses + 1):
            give_back(db, [one], keys=keys, now=now)


def _take(db: Session, counted: Sequence[Counted], *, keys: Keys, now: datetime) -> Exceeded | None:
    """Look first, so that an attack that is stopped writes nothing and makes nobody wait; then take."""
    return find_full(db, counted, keys=keys, now=now) or take(db, counted, keys=keys, now=now)


def _wrong(site_id: int) -> Sequence[Counted]:
    return [*(limit.of(site_id) for limit in WRONG_AT_A_SITE), *(limit.of() for limit in WRONG_ANYWHERE)]


def _told(exceeded: Exceeded | None, site_id: int, now: datetime) -> Exceeded | None:
    if exceeded is not None:
        name = exceeded.limit.name
        STOPPED.labels(name).inc()
        if exceeded.limit is not OF_A_DEVICE and _alarms.admits(f"{name} {site_id}", now):
            log.error("phone codes are stopped", limit=name, site_id=site_id, until=exceeded.until.isoformat())
    return exceeded
