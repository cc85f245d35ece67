"""The ledger read again: verified from its first entry to its last, and written out as proof for others.

What is verified: that each entry follows the one before it, that nothing is missing between them, and that consents, withdrawals and
erasures say what their entries commit to. Entries without facts are those whose facts were deleted, by request or because their time
was over; an erasure is never deleted. That nobody took entries off the end shows only who kept an earlier head elsewhere.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.guests.chain import NOTHING_BEFORE, Facts, Kind, Link, commit_to, flaw, line, moment
from hotspot.guests.consents import Erased, Given, Withdrawn
from hotspot.guests.models import Terms
from hotspot.sites.models import Site

AT_ONCE: Final = 5_000  # entries in memory at a time
LINK_COLUMNS: Final = len(Link._fields)

LINKS: Final = """
    SELECT seq, at, kind, commitment, prev, hash FROM ledger_entry WHERE seq > :after ORDER BY seq LIMIT :most
"""
Read = Callable[[Sequence[Any]], Facts]
FACTS: Final[Mapping[str, tuple[str, Read]]] = {
    Kind.GIVEN: (
        "SELECT entry, salt, device_id, guest_id, site_id, terms_sha256, language, method, given_at FROM consent",
        lambda row: Given(*row[2:]).facts(),
    ),
    Kind.WITHDRAWN: (
        "SELECT entry, salt, device_id, withdrawn_at, by FROM withdrawal",
        lambda row: Withdrawn(*row[2:]).facts(),
    ),
    Kind.ERASED: (
        "SELECT entry, salt, erased_at, by, consents, withdrawals, log_ins, sessions FROM erasure",
        lambda row: Erased(*row[2:]).facts(),
    ),
}
"""Where the facts of each kind of entry are kept, and how its row says them."""


BEYOND: Final = """
    SELECT EXISTS (SELECT FROM (
        SELECT entry FROM consent UNION ALL SELECT entry FROM withdrawal UNION ALL SELECT entry FROM erasure) AS stated
    WHERE entry > :last OR entry < 1)
"""


class Stated(NamedTuple):
    """Facts with their salt, as they are kept."""

    kind: str
    facts: Facts
    salt: bytes


class Head(NamedTuple):
    """The last entry: who keeps its hash elsewhere can tell later that nothing before it was changed."""

    seq: int
    hash: bytes


class Verified(NamedTuple):
    """The whole chain is as it was made."""

    head: Head
    without_facts: int


class Broken(NamedTuple):
    """The first entry that is not as it was made, and why."""

    seq: int
    problem: str


def at_one_moment(db: Session) -> None:
    """Have this transaction, in which nothing was read yet, see the ledger as it is now, however long it takes to walk it."""
    db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def head_of(db: Session) -> Head:
    """Return the last entry, or number 0 where there is none yet."""
    row = db.execute(text("SELECT seq, hash FROM ledger_entry ORDER BY seq DESC LIMIT 1")).first()
    return Head(0, NOTHING_BEFORE) if row is None else Head(*row)


def verify(
    db: Session, *, kept: bytes | None = None, tell: Callable[[int], None] = lambda _seq: None
) -> Verified | Broken:
    """Check every entry in its order and stop at the first that is broken; `kept` is an earlier head, `tell` hears how far it is."""
    before: Link | None = None
    without_facts, seen_kept = 0, kept is None or kept == NOTHING_BEFORE
    for links, stated in _chunks(db):
        for link in links:
            told = stated.get(link.seq, ())
            problem = flaw(link, before) or _contradiction(link, told)
            if problem:
                return Broken(min(link.seq, before.seq + 1 if before else 1), problem)
            without_facts += not told
            seen_kept = seen_kept or link.hash == kept
            before = link
        tell(links[-1].seq)
    head = Head(0, NOTHING_BEFORE) if before is None else Head(before.seq, before.hash)
    return _end(db, head, seen_kept=seen_kept) or Verified(head, without_facts)


def _end(db: Session, head: Head, *, seen_kept: bool) -> Broken | None:
    if db.scalar(text(BEYOND), {"last": head.seq}):
        return Broken(head.seq + 1, "the entry is missing")
    if not seen_kept:
        return Broken(head.seq + 1, "the head that was kept is not in the chain: entries were taken away or made anew")
    return None


def _contradiction(link: Link, told: tuple[Stated, ...]) -> str | None:
    if not told:
        return "what was erased is not said any more" if link.kind == Kind.ERASED else None
    for stated in told:
        if stated.kind != link.kind or commit_to(stated.facts, stated.salt) != link.commitment:
            return f"what is kept as {stated.kind} is not what the entry commits to"
    return None


def _chunks(db: Session) -> Iterator[tuple[list[Link], dict[int, tuple[Stated, ...]]]]:
    after = -(2**63)  # also what somebody slipped in before the first
    while links := [Link(*row) for row in db.execute(text(LINKS), {"after": after, "most": AT_ONCE})]:
        yield links, _stated(db, links[0].seq, links[-1].seq)
        after = links[-1].seq


def _stated(db: Session, first: int, last: int) -> dict[int, tuple[Stated, ...]]:
    found: dict[int, tuple[Stated, ...]] = {}
    for kind, (select_facts, read) in FACTS.items():
        for row in db.execute(
            text(f"{select_facts} WHERE entry BETWEEN :first AND :last"), {"first": first, "last": last}
        ):
            found[row[0]] = (*found.get(row[0], ()), Stated(kind, read(tuple(row)), row[1]))
    return found


# --- proof for others ----------------------------------------------------------------------------------------------------


def chain_lines(db: Session) -> Iterator[str]:
    """Write every entry as the line that is hashed, and its hash behind it: nobody's data, and all that an auditor needs."""
    for links, _ in _chunks(db):
        for link in links:
            yield f"{line(link)} {link.hash.hex()}"


def proof_lines(
    db: Session, *, now: datetime, site: Site | None = None, device_id: UUID | None = None
) -> Iterator[str]:
    """Write, as lines of JSON, what a device said or what was agreed to at a site, with the texts and the entries of the ledger.

    The first line says what it is and names the head; then one line for each version of the terms, then one for each statement.
    """
    head = head_of(db)
    scope = {"site": site.slug} if site is not None else {"device": str(device_id)}
    yield _json(
        {"proof": "consents", **scope, "made_at": moment(now), "head": {"seq": head.seq, "hash": head.hash.hex()}}
    )
    bound = {"site": None if site is None else site.id, "device": device_id}
    agreed = text(f"SELECT DISTINCT terms_sha256 FROM consent WHERE {_scoped(Kind.GIVEN, site)}")  # noqa: S608  (no value goes in)
    hashes = list(db.execute(agreed, bound).scalars())
    for terms in db.exec(select(Terms).where(col(Terms.sha256).in_(hashes)).order_by(Terms.name, col(Terms.version))):
        yield _json({"terms": _written(terms)})
    for kind in (Kind.GIVEN, Kind.WITHDRAWN):
        select_facts, read = FACTS[kind]
        joined = (
            f"SELECT link.*, stated.* FROM ({select_facts}) AS stated JOIN ledger_entry AS link ON link.seq = entry"  # noqa: S608  (nor here)
        )
        rows = db.execute(text(f"{joined} WHERE {_scoped(kind, site)} ORDER BY seq"), bound)
        for row in map(tuple, rows.yield_per(AT_ONCE)):
            link, stated = Link(*row[:LINK_COLUMNS]), row[LINK_COLUMNS:]
            yield _json({kind: {"salt": stated[1].hex(), "facts": read(stated)}, "entry": _entry(link)})


def _scoped(kind: str, site: Site | None) -> str:
    if site is None:
        return "device_id = :device"
    return (
        "site_id = :site"
        if kind == Kind.GIVEN
        else "device_id IN (SELECT device_id FROM consent WHERE site_id = :site)"
    )


def _entry(link: Link) -> dict[str, str | int]:
    return {
        "seq": link.seq,
        "at": moment(link.at),
        "kind": link.kind,
        "commitment": link.commitment.hex(),
        "prev": link.prev.hex(),
        "hash": link.hash.hex(),
    }


def _written(terms: Terms) -> dict[str, object]:
    return {
        "name": terms.name,
        "version": terms.version,
        "sha256": terms.sha256,
        "effective_at": moment(terms.effective_at),
        "is_material": terms.is_material,
        "drafted_by": terms.drafted_by,
        "approved_by": terms.approved_by,
        "texts": terms.texts,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=False)
