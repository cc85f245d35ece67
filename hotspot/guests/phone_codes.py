"""Codes that are sent to phones: asked for, entered, and forgotten.

A code is six random digits, good for ten minutes, five tries and one use, at the site and with the device that asked for it. What is
known of it is kept here by site and device, because a phone's sheet closes while the message is read: whoever comes back goes
on where they were. A MAC address is no secret; so nothing kept by it tells a number or a part of one, and a device's earlier
codes stay good beside later ones, or whoever names a neighbour's device could keep it out. (They can use up its tries.) The
answer to a number is the same whether it is known or not, and whether it has had its messages for the day.
"""

import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.guests.limits import Exceeded
from hotspot.guests.phone_limits import (
    give_guesses_back,
    give_messages_back,
    take_guesses,
    take_message,
    take_phone,
)
from hotspot.guests.phone_models import MessageState, PhoneCode, PhoneMessage
from hotspot.guests.phone_numbers import PhoneNumber
from hotspot.jobs import run_errand
from hotspot.security import Keys

ERRAND: Final = "send code"
LIFE: Final = timedelta(minutes=10)
MOST_TRIES: Final = 5
AT_ONCE: Final = 3  # of a device's codes that what is entered is compared with
FIRST_PAUSE: Final = timedelta(seconds=30)  # until the same code may be sent again; it doubles
DOUBLE_TAP: Final = timedelta(minutes=1)  # for as long as a credential lives
KEPT: Final = timedelta(days=1)  # afterwards nobody asks any more what became of it
DIGITS: Final = 6
CODE: Final = re.compile(f"[0-9]{{{DIGITS}}}")
DEVICE_LOCK: Final = 0x70686F6E  # "phon": one thing at a time is asked for a device


class Visitor(NamedTuple):
    """Who asks: a device, at a site."""

    site_id: int
    device_id: UUID


@dataclass(frozen=True, slots=True)
class Waiting:
    """A code that may still be entered, and its last message: whether it failed, and when another may be asked for."""

    code_id: UUID
    phone_id: UUID
    has_failed: bool
    asked_at: datetime
    again_at: datetime
    tries_left: int


class Right(NamedTuple):
    """The code was entered: the guest has this phone."""

    phone_id: UUID


class Wrong(NamedTuple):
    """It is another code; of the tries so many are left."""

    tries_left: int


class Unreadable(NamedTuple):
    """That are no six digits; it was no try."""


class Nothing(NamedTuple):
    """There is no code to enter, or not any more."""


# --- asking --------------------------------------------------------------------------------------------------------------


def ask(
    db: Session,
    visitor: Visitor,
    number: PhoneNumber,
    *,
    language: str,
    messages_a_day: int,
    keys: Keys,
    now: datetime,
) -> Waiting | Exceeded:
    """Have a fresh code sent to the number; asked twice, as by a double tap, it is one code and one message."""
    _take_turns(db, visitor)
    phone_id, prefix_id = keys.phone_id(number.text), keys.phone_id(number.prefix)
    before = find_waiting(db, visitor, now=now)
    if before is not None and before.phone_id == phone_id and now < before.again_at and not before.has_failed:
        return before
    exceeded = take_message(
        db,
        device_id=visitor.device_id,
        prefix_id=prefix_id,
        site_id=visitor.site_id,
        messages_a_day=messages_a_day,
        keys=keys,
        now=now,
    )
    if exceeded is not None:
        return exceeded
    code_id, digits = uuid4(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    code = PhoneCode(
        id=code_id,
        site_id=visitor.site_id,
        device_id=visitor.device_id,
        phone_id=phone_id,
        prefix_id=prefix_id,
        code_hash=keys.phone_code_hash(code_id, digits),
        sealed=keys.seal(f"{number.text} {digits}", context=_context(code_id)),
        is_held=not take_phone(db, phone_id, keys=keys, now=now),
        language=language,
        created_at=now,
        expires_at=now + LIFE,
    )
    db.add(code)
    db.flush()
    _queue(db, code_id, is_held=code.is_held, now=now)
    return _get_waiting(db, visitor, now, code_id)


def send_again(
    db: Session, visitor: Visitor, code_id: UUID, *, messages_a_day: int, keys: Keys, now: datetime
) -> Waiting | Exceeded | Nothing:
    """Have the same code sent once more; too soon after the last message nothing is sent."""
    _take_turns(db, visitor)
    waiting = find_waiting(db, visitor, now=now, code_id=code_id)
    if waiting is None:
        return Nothing()
    if now < waiting.again_at:
        return waiting
    code = db.get_one(PhoneCode, code_id)
    exceeded = take_message(
        db,
        device_id=visitor.device_id,
        prefix_id=code.prefix_id,
        site_id=visitor.site_id,
        messages_a_day=messages_a_day,
        keys=keys,
        now=now,
    )
    if exceeded is not None:
        return exceeded
    is_held = not take_phone(db, code.phone_id, keys=keys, now=now) or code.is_held
    _queue(db, code_id, is_held=is_held, now=now)
    return _get_waiting(db, visitor, now, code_id)


def _take_turns(db: Session, visitor: Visitor) -> None:
    facts = {"space": DEVICE_LOCK, "device": visitor.device_id.hex}
    db.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:device))"), facts)


def _queue(db: Session, code_id: UUID, *, is_held: bool, now: datetime) -> None:
    """Queue the errand in any case: nobody can tell by the time it takes."""
    state = MessageState.HELD if is_held else MessageState.QUEUED
    message = PhoneMessage(id=uuid4(), code_id=code_id, state=state, queued_at=now)
    db.add(message)
    db.flush()
    run_errand(db, ERRAND, {"message": str(message.id)})


# --- coming back ---------------------------------------------------------------------------------------------------------

# The newest code that may be entered, or the one that is named, with its last message.
WAITING: Final = """
    SELECT code.id, code.phone_id, code.tries, latest.state, latest.queued_at, latest.messages
    FROM phone_code AS code CROSS JOIN LATERAL (
        SELECT state, queued_at, count(*) OVER () AS messages FROM phone_message
        WHERE code_id = code.id ORDER BY queued_at DESC LIMIT 1
    ) AS latest
    WHERE device_id = :device AND site_id = :site AND used_at IS NULL AND expires_at > :now AND tries < :most
        AND code.id = coalesce(CAST(:code AS uuid), code.id)
    ORDER BY created_at DESC LIMIT 1
"""


def find_waiting(db: Session, visitor: Visitor, *, now: datetime, code_id: UUID | None = None) -> Waiting | None:
    """Return the code that the device may enter at the site: the newest, or the one that is named."""
    facts = {"device": visitor.device_id, "site": visitor.site_id, "now": now, "most": MOST_TRIES, "code": code_id}
    row = db.execute(text(WAITING), facts).first()
    if row is None:
        return None
    return Waiting(
        code_id=row.id,
        phone_id=row.phone_id,
        has_failed=row.state == MessageState.FAILED,
        asked_at=row.queued_at,
        again_at=row.queued_at + FIRST_PAUSE * 2 ** (row.messages - 1),
        tries_left=MOST_TRIES - row.tries,
    )


def _get_waiting(db: Session, visitor: Visitor, now: datetime, code_id: UUID) -> Waiting:
    waiting = find_waiting(db, visitor, now=now, code_id=code_id)
    assert waiting is not None  # just made
    return waiting


# --- entering ------------------------------------------------------------------------------------------------------------

# Whoever guesses at the same moment waits here, and finds what the other left. Without KEY: a message may refer to it meanwhile.
CANDIDATES: Final = """
    SELECT id, phone_id, prefix_id, code_hash, is_held, tries FROM phone_code
    WHERE device_id = :device AND site_id = :site AND used_at IS NULL AND expires_at > :now AND tries < :most
    ORDER BY created_at DESC LIMIT :at_once FOR NO KEY UPDATE
"""
USE: Final = "UPDATE phone_code SET used_at = :now, used_by = :press, sealed = NULL WHERE id = :id AND used_at IS NULL"
PRESSED_AGAIN: Final = """
    SELECT id, phone_id, code_hash FROM phone_code
    WHERE device_id = :device AND site_id = :site AND used_by = :press AND used_at > :since
"""


def enter(
    db: Session, visitor: Visitor, typed: str, *, press: UUID, keys: Keys, now: datetime
) -> Right | Wrong | Unreadable | Nothing | Exceeded:
    """Compare what was typed with the device's codes, in constant time; commit whatever comes of it, for a wrong try counts.

    1. Lock the codes that may be entered. 2. Take room for the guesses, before any is looked at. 3. Count a try of each.
    4. The right one is used up by one conditional UPDATE. `press` names the page whose button was pressed: pressed twice, it gets
    the same answer again, for a minute.
    """
    digits = digits_of(typed)
    if not CODE.fullmatch(digits):
        return Unreadable()
    facts = {"device": visitor.device_id, "site": visitor.site_id, "now": now, "most": MOST_TRIES, "at_once": AT_ONCE}
    codes = db.execute(text(CANDIDATES), facts).all()
    if again := _pressed_again(db, visitor, digits, press, keys=keys, now=now):
        return again
    if not codes:
        return Nothing()
    if exceeded := take_guesses(db, visitor.site_id, len(codes), keys=keys, now=now):
        return exceeded
    ids = [code.id for code in codes]
    db.execute(text("UPDATE phone_code SET tries = tries + 1 WHERE id = ANY(:ids)"), {"ids": ids})
    right = [code for code in codes if hmac.compare_digest(keys.phone_code_hash(code.id, digits), code.code_hash)]
    for code in right:
        if (
            not code.is_held
            and db.connection().execute(text(USE), {"id": code.id, "press": press, "now": now}).rowcount
        ):
            give_guesses_back(db, visitor.site_id, len(codes), keys=keys, now=now)
            _give_messages_back(db, visitor, code.id, code.prefix_id, keys=keys, now=now)
            return Right(code.phone_id)
    return Wrong(max(MOST_TRIES - 1 - code.tries for code in codes))


def _pressed_again(
    db: Session, visitor: Visitor, digits: str, press: UUID, *, keys: Keys, now: datetime
) -> Right | None:
    """Return the success that this very press had; whoever waited for the lock while it was had sees it now."""
    facts = {"device": visitor.device_id, "site": visitor.site_id, "press": press, "since": now - DOUBLE_TAP}
    for code in db.execute(text(PRESSED_AGAIN), facts):
        if hmac.compare_digest(keys.phone_code_hash(code.id, digits), code.code_hash):
            return Right(code.phone_id)
    return None


def digits_of(typed: str) -> str:
    """Return a code as it may be typed or pasted, with blanks or dashes, or in other digits than ours, as six plain ones."""
    kept = (character for character in typed[:64] if not character.isspace() and character not in "-‐–.")
    return "".join(str(unicodedata.digit(character, character)) for character in kept)


def _give_messages_back(
    db: Session, visitor: Visitor, code_id: UUID, prefix_id: UUID, *, keys: Keys, now: datetime
) -> None:
    messages = db.scalar(text("SELECT count(*) FROM phone_message WHERE code_id = :code"), {"code": code_id})
    assert messages is not None  # a count
    give_messages_back(db, prefix_id=prefix_id, site_id=visitor.site_id, messages=messages, keys=keys, now=now)


# --- the sealed number ---------------------------------------------------------------------------------------------------


def _context(code_id: UUID) -> str:
    return f"phone code:{code_id}"


def unsealed(code: PhoneCode, keys: Keys) -> tuple[PhoneNumber, str] | None:
    """Return the number and the code; None when they are forgotten."""
    if code.sealed is None:
        return None
    number, _, digits = keys.unseal(code.sealed, context=_context(code.id)).partition(" ")
    return PhoneNumber(number), digits


def ending(db: Session, code_id: UUID, keys: Keys) -> str:
    """Return the last three digits of the number, for whoever has typed it; empty when it is forgotten."""
    code = db.exec(select(PhoneCode).where(col(PhoneCode.id) == code_id)).first()
    found = None if code is None else unsealed(code, keys)
    return "" if found is None else found[0].text[-3:]


def forget_phone_codes(db: Session, *, now: datetime) -> int:
    """Forget the numbers of codes that are too old to be entered, and a day later the codes. Return how many of those."""
    db.execute(
        text("UPDATE phone_code SET sealed = NULL WHERE expires_at <= :now AND sealed IS NOT NULL"), {"now": now}
    )
    gone = db.connection().execute(text("DELETE FROM phone_code WHERE expires_at <= :before"), {"before": now - KEPT})
    return gone.rowcount
