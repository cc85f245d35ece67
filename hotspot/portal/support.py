"""Support codes: five characters by which staff find what became of a guest's attempt, and nobody anything else.

The trace says when and where what happened, and why it stopped; no device, no address, no code that a guest typed.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import RowMapping, text
from sqlmodel import Session, col, select

from hotspot.errors import NotFound
from hotspot.guests.refusals import N_
from hotspot.portal.attempts_models import SignInAttempt, State

ALPHABET: Final = "23456789ACDEFGHJKMNPQRTUVWXY"  # none that looks like another, read aloud or on a small screen
LENGTH: Final = 5
MOST_TRIES: Final = 5
MOST_FOUND: Final = 3
KEPT: Final = timedelta(days=30)

FIND: Final = """
    SELECT attempt.*, site.name AS site, router.name AS router, consent.given_at, terms.name AS terms, terms.version,
        credential.used_at, admission.decided_at AS admitted_at, refused.decided_at AS refused_at, refused.refusal,
        session.started_at, session.ended_at, session.ended_by
    FROM sign_in_attempt AS attempt
    LEFT JOIN site ON site.id = attempt.site_id
    LEFT JOIN router ON router.id = attempt.router_id
    LEFT JOIN consent ON consent.id = attempt.consent_id
    LEFT JOIN terms ON terms.sha256 = consent.terms_sha256
    LEFT JOIN credential AS told ON told.id = attempt.told_id AND told.used_at IS NOT NULL
    LEFT JOIN credential ON credential.id = COALESCE(told.id, attempt.credential_id)
    LEFT JOIN admission ON admission.id = credential.id
    LEFT JOIN LATERAL (
        SELECT refusal, decided_at FROM admission
        WHERE admission.guest_id = credential.guest_id AND device_id = attempt.device_id AND refusal IS NOT NULL
            AND decided_at BETWEEN attempt.requested_at AND attempt.requested_at + interval '5 minutes'
        ORDER BY decided_at DESC LIMIT 1) AS refused ON admission.id IS NULL
    LEFT JOIN LATERAL (
        SELECT started_at, ended_at, ended_by FROM guest_session
        WHERE guest_session.device_id = attempt.device_id AND admission_id = credential.id
        ORDER BY started_at DESC LIMIT 1) AS session ON TRUE
    WHERE support_code = :code ORDER BY requested_at DESC LIMIT :most
"""


class NoSuchCode(NotFound):
    """No attempt of the last 30 days has the code {code}"""


class Step(NamedTuple):
    """One thing that happened: `said` is a message id, to be filled with the facts in whatever language."""

    at: datetime
    said: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of one attempt, in order."""

    code: str
    state: str
    steps: tuple[Step, ...]


def random_code() -> str:
    """Draw a code; most likely nobody has it."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def new_code(db: Session) -> str:
    """Return a code that no attempt has that is kept; two that begin in the same moment may share one, and staff see both."""
    code = ""
    for _ in range(MOST_TRIES):
        code = random_code()
        if db.exec(select(SignInAttempt.id).where(col(SignInAttempt.support_code) == code).limit(1)).first() is None:
            break
    return code


def traces(db: Session, code: str) -> list[Trace]:
    """Return what became of the attempts with this code, the latest first; nearly always it is one.

    Raises:
        NoSuchCode: none has it, or it is no code.
    """
    written = "".join(code.upper().split())
    if len(written) != LENGTH or not set(written) <= set(ALPHABET):
        raise NoSuchCode(code=repr(code[:20]))
    found = db.execute(text(FIND), {"code": written, "most": MOST_FOUND}).mappings().all()
    if not found:
        raise NoSuchCode(code=written)
    return [Trace(written, row["state"], tuple(sorted(_steps(row), key=lambda step: step.at))) for row in found]


def _steps(row: RowMapping) -> Iterator[Step]:
    """Tell what happened, from what the tables keep of it."""
    yield from _asked(row)
    yield from _tried(row)
    yield from _judged(row)
    yield from _ended(row)


def _asked(row: RowMapping) -> Iterator[Step]:
    facts = {"site": row["site"], "router": row["router"], "browser": row["browser"], "language": row["language"]}
    yield Step(
        row["requested_at"], N_("Asked to get online at %(site)s, router %(router)s (%(browser)s, %(language)s)"), facts
    )
    if row["given_at"] is not None:
        agreed = {"terms": row["terms"], "version": row["version"], "method": row["method"]}
        yield Step(row["given_at"], N_("Agreed to the terms %(terms)s, version %(version)s, by %(method)s"), agreed)


def _tried(row: RowMapping) -> Iterator[Step]:
    first_is_browser = (row["way"] == "browser") == (row["fell_back_at"] is None)
    first, second = _WAYS if first_is_browser else _WAYS[::-1]
    yield Step(row["requested_at"], first, {})
    if row["fell_back_at"] is not None:
        yield Step(row["fell_back_at"], N_("That came to nothing, so the other way was tried"), {})
        yield Step(row["fell_back_at"], second, {})
    if row["answer"]:
        at = row["decided_at"] or row["fell_back_at"] or row["sent_at"] or row["requested_at"]
        yield Step(at, N_("The router told the controller: %(answer)s"), {"answer": row["answer"]})


_WAYS: Final = (
    N_("The browser was sent to the router with a one-time credential"),
    N_("The controller told the router to let the device in"),
)


def _judged(row: RowMapping) -> Iterator[Step]:
    if row["admitted_at"] is not None:
        yield Step(row["admitted_at"], N_("RADIUS let the device in"), {})
    elif row["refused_at"] is not None:
        yield Step(row["refused_at"], N_("RADIUS refused the device: %(refusal)s"), {"refusal": row["refusal"]})
    elif row["used_at"] is None and row["decided_at"] is not None:
        yield Step(row["decided_at"], N_("RADIUS was never asked"), {})


def _ended(row: RowMapping) -> Iterator[Step]:
    if row["started_at"] is not None:
        yield Step(row["started_at"], N_("The router reported that the session began"), {})
    if row["decided_at"] is not None:
        is_online = row["state"] == State.CONFIRMED
        yield Step(
            row["decided_at"],
            N_("The device was online") if is_online else N_("The attempt failed: %(reason)s"),
            {} if is_online else {"reason": row["reason"] or "–"},
        )
    if row["ended_at"] is not None:
        yield Step(row["ended_at"], N_("The session ended: %(cause)s"), {"cause": row["ended_by"] or "–"})


def forget_attempts(db: Session, *, before: datetime) -> int:
    """Delete attempts from before then. Return how many."""
    gone = db.connection().execute(text("DELETE FROM sign_in_attempt WHERE requested_at < :before"), {"before": before})
    return gone.rowcount
