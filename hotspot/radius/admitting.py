"""A batch of log-ins, decided in the caller's transaction: who won a credential, who is known, what each may have.

The answers may leave only after the commit: with it credentials are used up, places are held, and the decisions are in the log.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import structlog
from sqlmodel import Session

from hotspot.guests.models import Credential
from hotspot.guests.passes import BY_CODE, Held, passes_of
from hotspot.guests.refusals import Refusal, words
from hotspot.guests.service import (
    Agreed,
    Decided,
    Presented,
    Redeemed,
    blocked_devices,
    find_credentials,
    latest_consents,
    log_admissions,
    redeem,
    take_turns,
)
from hotspot.radius.metrics import REFUSED
from hotspot.radius.policy import (
    NO_CAP,
    Allowance,
    Answer,
    Cap,
    Pass,
    Refused,
    Speed,
    Standing,
    accept,
    decide,
    midnight_before,
    reject,
    why_over,
)
from hotspot.radius.rulebook import Rulebook, SiteRules
from hotspot.radius.service import AccessAsked
from hotspot.security import Keys
from hotspot.usage.allowances import NOTHING, Used, devices_online, used_of_passes, used_since
from hotspot.usage.endings import MISSED_REPORTS

log = structlog.get_logger()

Whose = tuple[UUID, int]
"""A guest, and the site where they ask."""
NO_PASS: Final = Pass(valid_for=timedelta())
"""Of a guest who signed in with a code whose pass was deleted long after it had ended."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who has shown that they may ask: with a credential they won, or as a device whose consent still holds."""

    guest_id: UUID
    device_id: UUID
    language: str
    admission_id: UUID
    site_id: int
    rules: SiteRules
    cap: Cap = NO_CAP
    needs_pass: bool = False

    @property
    def has_several_devices(self) -> bool:
        """Whether somebody decided who this guest is; else the device is a guest of its own."""
        return self.guest_id != self.device_id


Candidates = Sequence[Applicant]
"""Who one request may be, not nobody: the newest first; only the last may need no pass."""


@dataclass(frozen=True, slots=True)
class Turned:
    """Somebody who has not, and in which language to say so."""

    refusal: Refusal
    language: str
    guest_id: UUID | None = None


class Desk:
    """Decide log-ins; used by one thread at a time."""

    def __init__(self, *, keys: Keys, zone: ZoneInfo, default_language: str, rulebook: Rulebook | None = None) -> None:
        self._keys = keys
        self.zone = zone
        self._default_language = default_language
        self.rulebook = rulebook or Rulebook()

    def answer_all(self, db: Session, asked: Sequence[AccessAsked], *, now: datetime) -> list[Answer]:
        """Decide a batch.

        1. Credentials are redeemed by one conditional UPDATE; of two requests with the same one, one has won it. 2. A known device is
        recognised by its last consent whose pass, if it needs one, gives something. 3. Guests with several devices are decided one at a
        time, until the commit. 4. What everybody has used is looked up, and policy decides, counting in those who were let in before in
        the same batch. 5. All of it is logged.
        """
        if not asked:
            return []
        rules = self.rulebook.of(db, {request.router.site_id for request in asked}, now=now)
        recognised = self._recognised(db, asked, rules, now=now)
        several = {
            (one.guest_id, one.site_id)
            for case in recognised
            if not isinstance(case, Turned)
            for one in case
            if one.has_several_devices
        }
        take_turns(db, {guest for guest, _ in several})
        passes = _passes_left(db, several, now=now)
        cases = [case if isinstance(case, Turned) else _chosen(case, passes) for case in recognised]
        applicants = [case for case in cases if isinstance(case, Applicant)]
        standings = _Standings(db, applicants, passes, now=now.astimezone(self.zone))
        answers, decided = [], []
        for request, case in zip(asked, cases, strict=True):
            answer, entry = self._decided(request, case, standings, now=now)
            answers.append(answer)
            decided.append(entry)
        log_admissions(db, decided, now=now)
        return answers

    # --- who is it -----------------------------------------------------------------------------------------------------------

    def _recognised(
        self, db: Session, asked: Sequence[AccessAsked], rules: Mapping[int, SiteRules | None], *, now: datetime
    ) -> list[Candidates | Turned]:
        presented = [_presented(request) for request in asked]
        won = redeem(db, [one for one in presented if one is not None], now=now)
        consents = latest_consents(
            db, [request.device_id for request in asked if request.is_known_device and request.device_id]
        )
        cases: list[Candidates | Turned | None] = []
        for request, one in zip(asked, presented, strict=True):
            site_rules = rules[request.router.site_id]
            if request.refusal is not None or site_rules is None:
                cases.append(Turned(request.refusal or Refusal.NOT_READY, self._default_language))
            elif request.is_known_device:
                cases.append(self._remembered(request, site_rules, consents, now=now))
            elif (
                one is not None and (redeemed := won.pop(one, None)) is not None
            ):  # popped: nobody else in the batch has it
                cases.append([_winner(one, redeemed, site_rules)])
            else:
                cases.append(None)
        return self._with_reasons(db, asked, cases, now=now)

    def _remembered(
        self, request: AccessAsked, site_rules: SiteRules, consents: Mapping[UUID, Sequence[Agreed]], *, now: datetime
    ) -> Candidates | Turned:
        """A device that the router knows by its MAC address: let in without a page, as long as its consent holds here."""
        assert request.device_id is not None, "what is incomplete was refused"
        given = consents.get(request.device_id, ())
        candidates = []
        for agreed in given:
            if site_rules.remembers(agreed, now=now):
                needs_pass = agreed.method in BY_CODE
                candidates.append(
                    Applicant(
                        agreed.guest_id,
                        request.device_id,
                        agreed.language,
                        uuid4(),
                        request.router.site_id,
                        site_rules,
                        needs_pass=needs_pass,
                    )
                )
                if not needs_pass:
                    break
        if candidates:
            return candidates
        if not given:
            return Turned(Refusal.NO_CONSENT, self._default_language)
        return Turned(Refusal.NO_CONSENT, given[0].language, given[0].guest_id)

    def _with_reasons(
        self, db: Session, asked: Sequence[AccessAsked], cases: Sequence[Candidates | Turned | None], *, now: datetime
    ) -> list[Candidates | Turned]:
        """Say of each lost credential why it was lost."""
        lost = [
            request.credential_id
            for request, case in zip(asked, cases, strict=True)
            if (case is None or isinstance(case, Turned)) and request.credential_id is not None
        ]
        known = find_credentials(db, lost) if lost else {}
        return [
            self._turned(request, case, known, now=now) if case is None or isinstance(case, Turned) else case
            for request, case in zip(asked, cases, strict=True)
        ]

    def _turned(
        self, request: AccessAsked, case: Turned | None, known: Mapping[UUID, Credential], *, now: datetime
    ) -> Turned:
        credential = known.get(request.credential_id) if request.credential_id else None
        refusal = case.refusal if case is not None else why_lost(credential, request, now=now)
        if credential is not None:
            return Turned(refusal, credential.language, credential.guest_id)
        return case or Turned(refusal, self._default_language)

    # --- what may they have --------------------------------------------------------------------------------------------------

    def _decided(
        self, request: AccessAsked, case: Applicant | Turned, standings: "_Standings", *, now: datetime
    ) -> tuple[Answer, Decided]:
        local = now.astimezone(self.zone)
        if isinstance(case, Turned):
            return self._refused(request, Refused(case.refusal), case.guest_id, case.language, local)
        found = decide(case.rules.rules, standings.of(case), local)
        if isinstance(found, Refused):
            return self._refused(request, found, case.guest_id, case.language, local)
        standings.let_in(case)
        return accept(case.admission_id, found), self._admitted(request, case, found, now=now)

    def _admitted(self, request: AccessAsked, case: Applicant, allowance: Allowance, *, now: datetime) -> Decided:
        is_own_name = request.user_name == case.admission_id.hex
        sealed = None if is_own_name else self._keys.seal(request.user_name, context=f"admission:{case.admission_id}")
        return Decided(
            id=case.admission_id,
            router_id=request.router.id,
            site_id=request.router.site_id,
            device_id=case.device_id,
            guest_id=case.guest_id,
            refusal=None,
            user_name=sealed,
            held_until=now + MISSED_REPORTS * allowance.interim,  # as long as a session without reports would hold it
            slowed_at=now if allowance.is_slow else None,
        )

    def _refused(
        self, request: AccessAsked, refused: Refused, guest_id: UUID | None, language: str, now: datetime
    ) -> tuple[Answer, Decided]:
        REFUSED.labels(refused.refusal).inc()
        log.info(
            "log-in refused",
            router=request.router.name,
            reason=str(refused.refusal),
            credential=str(request.credential_id),
        )
        until = None if refused.until is None else refused.until.astimezone(self.zone)
        entry = Decided(
            id=uuid4(),
            router_id=request.router.id,
            site_id=request.router.site_id,
            device_id=request.device_id,
            guest_id=guest_id,
            refusal=refused.refusal,
            user_name=None,
            held_until=None,
            slowed_at=None,
        )
        return reject(refused.refusal, words(refused.refusal, language, until=until, now=now)), entry


class _Standings:
    """What is known of the applicants, read once for all of them; `now` is local."""

    def __init__(
        self, db: Session, applicants: Collection[Applicant], passes: Mapping[Whose, Pass], *, now: datetime
    ) -> None:
        limited = {one.guest_id for one in applicants if one.rules.rules.has_daily_limit}
        self._used: Mapping[UUID, Used] = used_since(db, limited, midnight=midnight_before(now))
        several = {one.guest_id for one in applicants if one.has_several_devices}
        self._online = devices_online(db, several, now=now)
        self._passes = passes
        devices = {one.device_id for one in applicants}
        self._blocked = blocked_devices(db, devices, now=now) if devices else {}

    def of(self, one: Applicant) -> Standing:
        used = self._used.get(one.guest_id, NOTHING)
        return Standing(
            is_blocked=one.device_id in self._blocked,
            blocked_until=self._blocked.get(one.device_id),
            other_devices=len(self._online.get(one.guest_id, set()) - {one.device_id}),
            online_today=used.online,
            octets_today=used.octets,
            held=_held(one, self._passes),
            cap=one.cap,
        )

    def let_in(self, one: Applicant) -> None:
        self._online.setdefault(one.guest_id, set()).add(one.device_id)


def _chosen(candidates: Candidates, passes: Mapping[Whose, Pass]) -> Applicant:
    """Return the first whose pass gives something or who needs none; if there is nobody like that, the first, who is told why."""
    usable = (one for one in candidates if not one.needs_pass or why_over(_held(one, passes) or NO_PASS) is None)
    return next(usable, candidates[0])


def _held(one: Applicant, passes: Mapping[Whose, Pass]) -> Pass | None:
    return passes.get((one.guest_id, one.site_id), NO_PASS if one.needs_pass else None)


def _passes_left(db: Session, guests: Collection[Whose], *, now: datetime) -> dict[Whose, Pass]:
    """What is left of the passes of these guests, each at the site they ask at."""
    passes = passes_of(db, guests)
    used = used_of_passes(db, {guest: held.begun_at for (guest, _), held in passes.items() if held.is_counted})
    return {(guest, site): _left(held, used.get(guest, NOTHING), now) for (guest, site), held in passes.items()}


def _left(held: Held, used: Used, now: datetime) -> Pass:
    has_speed = held.up_kbps is not None and held.down_kbps is not None
    return Pass(
        valid_for=held.valid_until - now,
        is_here=held.is_here,
        time=None if held.seconds is None else timedelta(seconds=held.seconds) - used.online,
        octets=None if held.octets is None else held.octets - used.octets,
        devices=held.devices,
        speed=Speed(held.up_kbps or 0, held.down_kbps or 0) if has_speed else None,
    )


def _winner(presented: Presented, redeemed: Redeemed, rules: SiteRules) -> Applicant:
    seconds = redeemed.cap_seconds
    cap = Cap(None if seconds is None else timedelta(seconds=seconds), redeemed.cap_octets)
    return Applicant(
        redeemed.guest_id,
        presented.device_id,
        redeemed.language,
        presented.credential_id,
        presented.site_id,
        rules,
        cap,
    )


def _presented(request: AccessAsked) -> Presented | None:
    if request.refusal is not None or request.credential_id is None or request.device_id is None:
        return None
    return Presented(request.credential_id, request.router.site_id, request.device_id)


def why_lost(credential: Credential | None, request: AccessAsked, *, now: datetime) -> Refusal:
    """Say why a proven credential could not be redeemed."""
    if credential is None:
        return Refusal.UNKNOWN
    if credential.site_id != request.router.site_id:
        return Refusal.OTHER_SITE
    if credential.device_id != request.device_id:
        return Refusal.OTHER_DEVICE
    return Refusal.EXPIRED if credential.used_at is None and credential.expires_at <= now else Refusal.USED
