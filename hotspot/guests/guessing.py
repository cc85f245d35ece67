"""Limits on guessing printed codes, so that trying them out leads nowhere and keeps nobody else out.

1. One device at one site has a few tries a quarter of an hour; then it is stopped.
2. All devices of a site together, and of all sites, have a budget of wrong codes: devices are cheap to invent. When it is used up,
   the number that is printed with the code has to be typed, too. Who holds the paper has it; for who guesses, there is now one right
   code rather than one for each voucher, so these tries need no budget. Nobody can use a budget up to keep others out.

No address counts: a whole site shares one. A device's try is taken before the code is looked at, and given back for a right one. The
shared budgets are looked at before and counted after a wrong code, so that right ones never wait for each other.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import Session

from hotspot.guests.limits import Counted, Exceeded, Limit, find_full, give_back, take
from hotspot.guests.printed_codes import Typed
from hotspot.security import Keys

DEVICE: Final = Limit("printed code by device", 8, timedelta(minutes=15))
SITE: Final = Limit("printed code by site", 300, timedelta(minutes=10))  # as many people, each mistyping once
EVERYWHERE: Final = Limit("printed code", 2_000, timedelta(minutes=10))
"""All year long: a chance of 0.003 % to find one of 10,000 live vouchers."""


def take_try(
    db: Session, typed: Typed | None, *, device_id: UUID, site_id: int, keys: Keys, now: datetime
) -> Exceeded | None:
    """Take a try for what was typed, or say which limit leaves no room. The caller commits, whatever comes of it.

    `needs_number` tells whether the same code would be looked at with its number behind it.
    """
    exceeded = take(db, [DEVICE.of(site_id, device_id)], keys=keys, now=now)
    if exceeded is not None:
        return exceeded
    full = find_full(db, _shared(typed, site_id), keys=keys, now=now)
    if full is not None:
        return_try(db, device_id=device_id, site_id=site_id, keys=keys, now=now)
    return full


def needs_number(exceeded: Exceeded) -> bool:
    return exceeded.limit is not DEVICE


def return_try(db: Session, *, device_id: UUID, site_id: int, keys: Keys, now: datetime) -> None:
    """Give the device's try back: the code was right."""
    give_back(db, [DEVICE.of(site_id, device_id)], keys=keys, now=now)


def note_wrong(db: Session, typed: Typed | None, *, site_id: int, keys: Keys, now: datetime) -> None:
    """Count a wrong code in the budgets that all devices share."""
    take(db, _shared(typed, site_id), keys=keys, now=now)


def _shared(typed: Typed | None, site_id: int) -> list[Counted]:
    has_number = typed is not None and typed.number is not None
    return [] if has_number else [SITE.of(site_id), EVERYWHERE.of()]
