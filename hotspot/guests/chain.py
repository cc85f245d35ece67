"""The chain that proves consents: how a link is made of the one before it, and what facts it commits to. Pure.

A commitment is the SHA-256 of a salt, in hex, followed by the facts as JSON with sorted keys and no blanks. A link's hash is the
SHA-256 of one line: the hash before it, its number, moment, kind and commitment, parted by single blanks. `ledger_append` in the
database writes the same line; what is here reads it again. Facts and salt may be deleted: without the salt nobody can find out from
a commitment what was agreed to, and the chain stays whole.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

NOTHING_BEFORE: Final = bytes(32)
SALT_OCTETS: Final = 16  # 128 bits: nobody tries all devices' consents against a commitment

Facts = Mapping[str, str | int]
_written = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


class Kind(StrEnum):
    """What an entry is about."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


class Link(NamedTuple):
    """An entry of the ledger as it is stored."""

    seq: int
    at: datetime
    kind: str
    commitment: bytes
    prev: bytes
    hash: bytes


def moment(at: datetime) -> str:
    """Write a moment: UTC, to the microsecond, which is what PostgreSQL keeps."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(facts: Facts) -> str:
    return _written(facts)


def commit_to(facts: Facts, salt: bytes) -> bytes:
    return hashlib.sha256((salt.hex() + _written(facts)).encode()).digest()


def line(link: Link) -> str:
    """Return the line whose SHA-256 is the link's hash."""
    return f"{link.prev.hex()} {link.seq} {moment(link.at)} {link.kind} {link.commitment.hex()}"


def flaw(link: Link, before: Link | None) -> str | None:
    """Say what is wrong with a link that should follow the one before it; None when it does."""
    number = 1 if before is None else before.seq + 1
    if link.seq != number:
        return f"entry {number} is missing"
    if link.prev != (NOTHING_BEFORE if before is None else before.hash):
        return "it does not follow the entry before it"
    if link.hash != hashlib.sha256(line(link).encode()).digest():
        return "its hash is not that of what it says"
    return None
