"""A guest's standing → Accept with limits, or Reject with a reason in the guest's language.

Pure. Who the guest is and whether the credential was won is the service's finding; the words the router shows are made here, kept
short because RouterOS puts them into its page as `$(error)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from hotspot.radius.attributes import Attr, MikroTik, make, make64
from hotspot.radius.packet import Code, RawAttribute


class Refusal(StrEnum):
    """Why a log-in is refused; the value goes to the log, the guest reads less."""

    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown_credential"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason
    OTHER_SITE = "other_site"
    OTHER_DEVICE = "other_device"
    USED = "already_used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the router may let a guest have; rates in kbit/s, `octets` both ways together or None for no limit."""

    session: timedelta
    idle: timedelta
    interim: timedelta
    up_kbps: int
    down_kbps: int
    octets: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The code and attributes of a reply, before it is signed."""

    code: Code
    attributes: tuple[RawAttribute, ...]
    refusal: Refusal | None = None


_INVALID: Final = {
    "id": "Izin masuk ini tidak berlaku. Silakan ulangi dari awal.",
    "en": "This login is not valid. Please start again.",
}
_WORDS: Final[Mapping[Refusal, Mapping[str, str]]] = {
    Refusal.USED: {
        "id": "Izin masuk ini sudah dipakai. Silakan ulangi dari awal.",
        "en": "This login was already used. Please start again.",
    },
    Refusal.EXPIRED: {
        "id": "Waktu untuk masuk sudah habis. Silakan ulangi dari awal.",
        "en": "The time to log in ran out. Please start again.",
    },
}
"""The other reasons are told in the same words, so that a guess learns nothing from them."""


def accept(credential_id: UUID, allowance: Allowance) -> Answer:
    """Let the guest in within the allowance; Class brings the credential back in every accounting report (RFC 2865 §5.25)."""
    limit = (
        make64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS, allowance.octets)
        if allowance.octets is not None
        else ()
    )
    attributes = (
        make(Attr.SESSION_TIMEOUT, int(allowance.session.total_seconds())),
        make(Attr.IDLE_TIMEOUT, int(allowance.idle.total_seconds())),
        make(Attr.ACCT_INTERIM_INTERVAL, int(allowance.interim.total_seconds())),
        make(MikroTik.RATE_LIMIT, f"{allowance.up_kbps}k/{allowance.down_kbps}k"),  # rx first: what the client uploads
        *limit,
        make(Attr.CLASS, credential_id.bytes),
    )
    return Answer(Code.ACCESS_ACCEPT, attributes)


def reject(refusal: Refusal, language: str) -> Answer:
    """Refuse, in the guest's language or else in English."""
    words = _WORDS.get(refusal, _INVALID)
    message = words.get(language, words["en"])
    return Answer(Code.ACCESS_REJECT, (make(Attr.REPLY_MESSAGE, message),), refusal)
