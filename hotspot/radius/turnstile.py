"""The short way in: log-ins about which there is nothing to weigh, many with one statement from inside the event loop.

It asks the same policy as the desk and lets in only whom the desk would let in with the same answer; everybody else is left to the
desk. Only rules that the desk has looked up lately count here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from hotspot.guests.express import Claim
from hotspot.radius.policy import Refused, Standing, accept_octets, decide, limits_octets, midnight_before
from hotspot.radius.rulebook import Rulebook, SiteRules
from hotspot.radius.service import AccessAsked
from hotspot.usage.counters import LONGEST_SESSION
from hotspot.usage.endings import MISSED_REPORTS

NOTHING_USED: Final = Standing()


class _Terms(NamedTuple):
    """What a guest who has used nothing yet gets at one site at this moment."""

    limits: bytes
    held_until: datetime
    unused_since: datetime | None


class Passing(NamedTuple):
    """Who may pass: each one's claim, place in the batch, and the attributes of the Accept, encoded."""

    claims: Sequence[Claim]
    places: Sequence[int]
    accepts: Sequence[bytes]


class Turnstile:
    """Look through batches; used by the loop's thread."""

    def __init__(self, rulebook: Rulebook, zone: ZoneInfo) -> None:
        self._rulebook, self._zone = rulebook, zone

    def look_through(self, asked: Sequence[AccessAsked | None], *, now: datetime) -> Passing:
        """Find those who may pass at once; a credential that is presented twice counts once."""
        at_site: dict[int, _Terms | None] = {}
        found: dict[UUID, tuple[Claim, int, bytes]] = {}
        for place, one in enumerate(asked):
            if one is None or not one.is_proven or one.device_id is None or one.credential_id is None:
                continue
            site_id = one.router.site_id
            if site_id not in at_site:
                at_site[site_id] = self._terms_at(site_id, now)
                if self._rulebook.is_ageing(site_id):
                    continue  # this one goes to the desk, which looks the rules up again
            terms = at_site[site_id]
            if terms is not None and one.credential_id not in found:
                claim = Claim(
                    one.credential_id, one.router.id, site_id, one.device_id, terms.held_until, terms.unused_since
                )
                found[one.credential_id] = claim, place, accept_octets(one.credential_id, terms.limits)
        passing = sorted(found.values(), key=_number)  # so that two servers seldom wait for each other
        claims, places, accepts = zip(*passing, strict=True) if passing else ((), (), ())
        return Passing(claims, places, accepts)

    def _terms_at(self, site_id: int, now: datetime) -> _Terms | None:
        known = self._rulebook.fresh(site_id)
        if known is None:
            return None
        allowance = decide(known.rules, NOTHING_USED, now.astimezone(self._zone))
        if isinstance(allowance, Refused):
            return None
        return _Terms(
            limits_octets(allowance), now + MISSED_REPORTS * allowance.interim, self._unused_since(known, now)
        )

    def _unused_since(self, known: SiteRules, now: datetime) -> datetime | None:
        if not known.rules.has_daily_limit:
            return None
        return midnight_before(now.astimezone(self._zone)) - LONGEST_SESSION


def _number(found: tuple[Claim, int, bytes]) -> int:
    return found[0].credential_id.int
