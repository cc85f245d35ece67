"""What holds at each site, as policy needs it, kept for a second: a change of settings or terms holds a second later.

One query asks for all the sites of a batch that are not known fresh. A site whose settings this program can't use has no rules, and
its guests are refused; the others don't notice.
"""

import time as clock
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlmodel import Session

from hotspot.guests.service import Agreed
from hotspot.guests.terms import still_agreed
from hotspot.radius.policy import Rules, Speed
from hotspot.sites.hours import parse_hours
from hotspot.sites.settings import OCTETS_PER_MEGABYTE, BadStoredValue, SignIn, SiteSettings, effective_at_sites

log = structlog.get_logger()

FRESH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class SiteRules:
    """The rules of one site; `agreed`: SHA-256 of the terms a consent may name, `remember`: for how long it counts.

    `methods`: how a guest may have signed in. A consent that was given by any other is no ticket into this site.
    """

    rules: Rules
    agreed: frozenset[str]
    remember: timedelta
    methods: frozenset[str] = frozenset({SignIn.ONE_TAP})

    def remembers(self, consent: Agreed, *, now: datetime) -> bool:
        """Whether a device with this consent is let in without a page."""
        return (
            consent.terms_sha256 in self.agreed
            and consent.method in self.methods
            and consent.given_at > now - self.remember
        )


class Rulebook:
    """Ask `of` for the rules of some sites, in one thread at a time; any thread may ask for what is `fresh`."""

    def __init__(
        self, *, fresh_seconds: float = FRESH_SECONDS, monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._known: dict[int, tuple[float, SiteRules | None]] = {}
        self._fresh_seconds = fresh_seconds
        self._monotonic = monotonic

    def of(self, db: Session, sites: Collection[int], *, now: datetime) -> Mapping[int, SiteRules | None]:
        """Return the rules of each of the sites, None where there are none that can be used."""
        moment = self._monotonic()
        stale = [site for site in sites if self.is_ageing(site)]
        if stale:
            for site, values in effective_at_sites(db, stale).items():
                self._known[site] = (moment + self._fresh_seconds, _rules_in(db, values, site=site, now=now))
        return {site: self._known[site][1] for site in sites}

    def fresh(self, site: int) -> SiteRules | None:
        """Return the rules of a site as far as they were looked up less than a second ago; asks no database."""
        fresh_until, rules = self._known.get(site, (0.0, None))
        return rules if fresh_until > self._monotonic() else None

    def is_ageing(self, site: int) -> bool:
        """Whether somebody should soon ask `of` for this site, lest its rules are not fresh."""
        return self._known.get(site, (0.0, None))[0] <= self._monotonic() + self._fresh_seconds / 2


def _rules_in(db: Session, values: SiteSettings | BadStoredValue, *, site: int, now: datetime) -> SiteRules | None:
    if isinstance(values, BadStoredValue):
        log.error("guests of a site are refused: its settings can't be used", site=site, problem=str(values))
        return None
    return SiteRules(
        rules=rules_of(values),
        agreed=still_agreed(db, values.terms, now),
        remember=timedelta(days=values.remember_days),
        methods=frozenset(values.ways_to_sign_in),
    )


def rules_of(values: SiteSettings) -> Rules:
    """Return a site's settings as policy reads them."""
    has_slow = values.slow_up_kbps is not None and values.slow_down_kbps is not None
    return Rules(
        session=timedelta(minutes=values.session_minutes),
        idle=timedelta(minutes=values.idle_minutes),
        interim=timedelta(seconds=values.interim_seconds),
        speed=Speed(values.speed_up_kbps, values.speed_down_kbps),
        session_octets=_octets(values.data_megabytes),
        day=None if values.daily_minutes is None else timedelta(minutes=values.daily_minutes),
        day_octets=_octets(values.daily_megabytes),
        slow=Speed(values.slow_up_kbps or 0, values.slow_down_kbps or 0) if has_slow else None,
        devices=values.devices_per_guest,
        hours=parse_hours(values.opening_hours),
    )


def _octets(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * OCTETS_PER_MEGABYTE
