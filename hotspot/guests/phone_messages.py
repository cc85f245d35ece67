"""Brings queued messages to phones, through whoever the operator has chosen: the errand behind every code.

A message is claimed before it is sent and settled afterwards, each in a transaction of its own. Who finds one claimed already knows
that its worker died in between, and sends nothing: it may be on its way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlmodel import Session

from hotspot.areas.service import top_area
from hotspot.db import Database
from hotspot.guests import phone_codes
from hotspot.guests.phone_models import MessageState, PhoneCode
from hotspot.guests.refusals import N_
from hotspot.guests.senders.configuration import Messaging, read_messaging, senders_of
from hotspot.guests.senders.local import ConsoleSender
from hotspot.guests.senders.messages import Message, Sent
from hotspot.guests.senders.post import NobodyTook, Post
from hotspot.jobs import Errand
from hotspot.languages import translations
from hotspot.settings import Settings

log = structlog.get_logger()

STALE: Final = timedelta(minutes=2)  # of a code's life that must be left: it has to arrive, be read and be typed
# No line for the browser to read the code by (`@host #code`): the sheets of phones have no such reading, and a phone that knows it
# would then offer the code at that one host alone.
TEXT: Final = N_(
    "Your code for the free Wi-Fi of %(city)s: %(code)s. Valid for 10 minutes. Tell it to nobody, whoever asks."
)

CLAIM: Final = """
    UPDATE phone_message SET state = 'sending' WHERE id = :id AND state = 'queued' RETURNING code_id
"""
LAST_SENDER: Final = """
    SELECT sender FROM phone_message WHERE code_id = :code AND sender IS NOT NULL ORDER BY queued_at DESC LIMIT 1
"""
SETTLE: Final = """
    UPDATE phone_message SET state = :state, sender = :sender, settled_at = :now WHERE id = :id AND state = 'sending'
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to send, and who sent the code last, if it was sent before."""

    message: Message
    last_sender: str | None


@cache
def messaging_of(path: Path | None) -> Messaging:
    """Return what the operator's file says; it is read once, so that a change holds from the next start."""
    return read_messaging(path)


@cache
def post_of(path: Path | None, *, is_demo: bool) -> Post:
    """Return the senders of the operator's file; in a demo without one, messages are shown where it was started."""
    senders = senders_of(messaging_of(path))
    return Post([ConsoleSender("console")] if is_demo and not senders else senders)


def bring(database: Database, settings: Settings, args: Mapping[str, Any]) -> None:
    """Send the message that the arguments name, once."""
    message_id, now = UUID(args["message"]), datetime.now(UTC)
    messaging = messaging_of(settings.senders_file)
    with database.writing() as db:
        claimed = _claim(db, message_id, messaging, settings, now)
    if claimed is None:
        return
    became = post_of(settings.senders_file, is_demo=settings.demo).deliver(
        claimed.message, now=now, last=claimed.last_sender
    )
    if isinstance(became, NobodyTook):
        log.error("a code was not sent", problems=list(became.problems) or "there are no senders")
        state, sender = MessageState.FAILED, None
    else:
        state = MessageState.SENT if isinstance(became.outcome, Sent) else MessageState.UNSURE
        sender = became.sender
    with database.writing() as db:
        _settle(db, message_id, state, sender, now=datetime.now(UTC))


ERRAND: Final = Errand(phone_codes.ERRAND, bring)


def _claim(db: Session, message_id: UUID, messaging: Messaging, settings: Settings, now: datetime) -> Claimed | None:
    claimed = db.execute(text(CLAIM), {"id": message_id}).first()
    if claimed is None:
        _settle(db, message_id, MessageState.UNSURE, None, now=now)
        return None
    code = db.get_one(PhoneCode, claimed.code_id)
    found = phone_codes.unsealed(code, settings.keys)
    if found is None or code.used_at is not None or now > code.expires_at - STALE:
        _settle(db, message_id, MessageState.FAILED, None, now=now)
        return None
    number, digits = found
    words = text_of(messaging, code.language, city=settings.city or top_area(db).name, code=digits)
    last = db.scalar(text(LAST_SENDER), {"code": code.id})
    return Claimed(Message(message_id, number, words, digits, code.language), last)


def _settle(db: Session, message_id: UUID, state: MessageState, sender: str | None, *, now: datetime) -> None:
    db.execute(text(SETTLE), {"id": message_id, "state": state, "sender": sender, "now": now})


def text_of(messaging: Messaging, language: str, *, city: str, code: str) -> str:
    """Return the message in the guest's language, in the operator's words where they gave some."""
    if language in messaging.texts:
        return messaging.texts[language].format(code=code, city=city)
    return translations(language).gettext(TEXT) % {"code": code, "city": city}
