"""Support codes: five characters by which staff find what became of a guest's attempt, and nobody anything else."""

import secrets
from typing import Final

from sqlmodel import Session, col, select

from hotspot.portal.attempts_models import SignInAttempt

ALPHABET: Final = "23456789ACDEFGHJKMNPQRTUVWXY"  # none that looks like another, read aloud or on a small screen
LENGTH: Final = 5
MOST_TRIES: Final = 5


def new_code(db: Session) -> str:
    """Return a code that no attempt has that is kept; two that begin in the same moment may share one, and staff see both."""
    code = ""
    for _ in range(MOST_TRIES):
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        if db.exec(select(SignInAttempt.id).where(col(SignInAttempt.support_code) == code).limit(1)).first() is None:
            break
    return code
