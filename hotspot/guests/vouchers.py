"""Vouchers: made in batches, printed, used, voided. Read and typed as `printed_codes`; guessing is limited by `guessing`."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy import text
from sqlmodel import Session, col, select, update

from hotspot import arrays
from hotspot.areas.models import Area
from hotspot.errors import Conflict, Invalid, NotFound
from hotspot.guests.passes import GuestPass, Unusable, end_passes
from hotspot.guests.printed_codes import NO_CODE, Typed, new_code
from hotspot.guests.vouchers_models import NewBatch, Voucher, VoucherBatch, VoucherState
from hotspot.security import Keys
from hotspot.sites.models import Site
from hotspot.sites.settings import OCTETS_PER_MEGABYTE

KIND: Final = "voucher"
AT_ONCE: Final = 500  # vouchers made in one statement
CODES_KEPT: Final = timedelta(days=1)  # until they are printed
LATEST_END: Final = timedelta(days=731)


class BadBatch(Invalid):
    """These vouchers can't be made: {problem}"""


class NoSuchBatch(NotFound):
    """There is no batch of vouchers {number}; see: hotspot vouchers list"""


class NoSuchVoucher(NotFound):
    """There is no voucher with the number {number}"""


class NoCodesLeft(Conflict):
    """The codes of batch {number} were printed or are older than a day, and are kept nowhere; void the batch and make another"""


class Printable(NamedTuple):
    """A voucher as it goes to the printer: the only time that its code and its number are together."""

    number: int
    code: str


# --- making --------------------------------------------------------------------------------------------------------------


def checked_batch(now: datetime, **wanted: Any) -> NewBatch:  # noqa: ANN401  (checked here)
    """Return what somebody asks for, checked.

    Raises:
        BadBatch: a number or date that can't be.
    """
    try:
        batch = NewBatch(**wanted)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise BadBatch(problem=" ".join([*map(str, problem["loc"]), problem["msg"]])) from error
    if not now < batch.valid_until <= now + LATEST_END:
        raise BadBatch(problem="the end must be ahead, within two years")
    return batch


def make_batch(db: Session, wanted: NewBatch, place: Area | Site, *, made_by: str, now: datetime) -> VoucherBatch:
    """Begin a batch for a place; `add_vouchers` fills it in the same transaction."""
    batch = VoucherBatch(
        **wanted.model_dump(exclude={"count"}),
        area_id=place.id if isinstance(place, Area) else None,
        site_id=place.id if isinstance(place, Site) else None,
        made_at=now,
        made_by=made_by,
    )
    db.add(batch)
    db.flush()
    return batch


ADD: Final = """
    INSERT INTO voucher (batch_id, code_hash, guest_id)
    SELECT %(batch)s, code_hash, guest_id
    FROM unnest(%(hashes)s::bytea[], %(guests)s::uuid[]) WITH ORDINALITY AS made (code_hash, guest_id, place) ORDER BY place
    RETURNING id, code_hash
"""


def add_vouchers(db: Session, batch: VoucherBatch, count: int, *, keys: Keys) -> Iterator[int]:
    """Make the vouchers of a batch, telling after each statement how many there are; at the end seal their codes for the printer."""
    made: list[Printable] = []
    while len(made) < count:
        codes = {
            keys.printed_code_hash(KIND, code): code
            for code in (new_code() for _ in range(min(AT_ONCE, count - len(made))))
        }
        facts = {
            "batch": batch.id,
            "hashes": arrays.octets(codes),
            "guests": arrays.uuids(uuid4() for _ in codes),
        }
        rows = db.connection().exec_driver_sql(ADD, facts)
        made += [Printable(number, codes[bytes(code_hash)]) for number, code_hash in rows]
        yield len(made)
    lines = "\n".join(f"{one.number} {one.code}" for one in sorted(made))
    batch.sealed = keys.seal(lines, context=_context(batch))
    db.add(batch)
    db.flush()


def _context(batch: VoucherBatch) -> str:
    return f"voucher batch:{batch.id}"


def take_codes(db: Session, number: int, *, keys: Keys) -> tuple[VoucherBatch, list[Printable]]:
    """Return a batch and its codes for the printer; with the commit they are gone.

    Raises:
        NoSuchBatch, NoCodesLeft
    """
    batch = db.exec(select(VoucherBatch).where(VoucherBatch.id == number).with_for_update()).first()
    if batch is None:
        raise NoSuchBatch(number=number)
    if batch.sealed is None:
        raise NoCodesLeft(number=number)
    lines = keys.unseal(batch.sealed, context=_context(batch)).splitlines()
    batch.sealed = None
    db.add(batch)
    db.flush()
    return batch, [Printable(int(number), code) for number, code in (line.split() for line in lines)]


def forget_printed_codes(db: Session, *, now: datetime) -> None:
    """Delete the codes that nobody printed within a day."""
    db.execute(
        text("UPDATE voucher_batch SET sealed = NULL WHERE sealed IS NOT NULL AND made_at <= :before"),
        {"before": now - CODES_KEPT},
    )


FORGET: Final = """
    WITH gone AS (
        DELETE FROM voucher USING voucher_batch AS batch
        WHERE batch.id = batch_id AND batch.valid_until < :before RETURNING guest_id
    )
    DELETE FROM guest_pass USING gone WHERE guest_pass.guest_id = gone.guest_id
"""


def forget_vouchers(db: Session, *, before: datetime) -> None:
    """Delete batches that ended before then, with their vouchers and the passes these gave."""
    db.execute(text(FORGET), {"before": before})
    db.execute(text("DELETE FROM voucher_batch WHERE valid_until < :before"), {"before": before})


# --- using ---------------------------------------------------------------------------------------------------------------

# One row, or none: whatever was typed costs the same look.
FIND: Final = """
    WITH RECURSIVE chain (id, parent_id) AS (
        SELECT area.id, area.parent_id FROM site JOIN area ON area.id = site.area_id WHERE site.id = :site
        UNION ALL
        SELECT area.id, area.parent_id FROM chain JOIN area ON area.id = chain.parent_id
    )
    SELECT voucher.id, voucher.guest_id, voucher.batch_id, first_used_at, void_at, batch.valid_until AS batch_until,
        held.valid_until, spent_at, COALESCE(batch.site_id = :site, batch.area_id IN (SELECT id FROM chain)) AS is_here
    FROM voucher JOIN voucher_batch AS batch ON batch.id = voucher.batch_id
    LEFT JOIN guest_pass AS held ON held.guest_id = voucher.guest_id
    WHERE code_hash = :code_hash
"""


class _Found(NamedTuple):
    number: int
    guest_id: UUID
    batch_id: int
    first_used_at: datetime | None
    void_at: datetime | None
    batch_until: datetime
    valid_until: datetime | None
    spent_at: datetime | None
    is_here: bool


def redeem(db: Session, typed: Typed | None, *, site_id: int, keys: Keys, now: datetime) -> UUID | Unusable:
    """Return the guest whose voucher was typed, or why it is of no use here.

    1. It is looked up. 2. A first use is one conditional UPDATE; of several at the same moment one begins the pass. 3. The others,
    and whoever comes later with the same voucher, are the same guest as long as the pass holds: how many devices may be online at
    once is decided at each log-in.
    """
    found = _find(db, typed, site_id, keys)
    problem = _problem(found, typed, now)
    if found is None or problem is not None:
        return problem or Unusable.UNKNOWN
    if found.first_used_at is None and not _begin(db, found, now):
        again = _find(db, typed, site_id, keys)  # somebody was faster, or it was voided this moment
        return _problem(again, typed, now) or found.guest_id
    return found.guest_id


def _find(db: Session, typed: Typed | None, site_id: int, keys: Keys) -> _Found | None:
    code_hash = keys.printed_code_hash(KIND, (typed or NO_CODE).code)
    row = db.execute(text(FIND), {"site": site_id, "code_hash": code_hash}).first()
    return None if row is None else _Found(*row)


def _problem(found: _Found | None, typed: Typed | None, now: datetime) -> Unusable | None:
    if found is None or typed is None or found.void_at is not None:
        return Unusable.UNKNOWN
    if typed.number not in (None, found.number):
        return Unusable.UNKNOWN
    if found.spent_at is not None:
        return Unusable.USED_UP
    if (found.valid_until or found.batch_until) <= now:
        return Unusable.EXPIRED
    return None if found.is_here else Unusable.ELSEWHERE


BEGIN: Final = "UPDATE voucher SET first_used_at = :now WHERE id = :id AND first_used_at IS NULL AND void_at IS NULL"


def _begin(db: Session, found: _Found, now: datetime) -> bool:
    if not db.connection().execute(text(BEGIN), {"id": found.number, "now": now}).rowcount:
        return False
    batch = db.get_one(VoucherBatch, found.batch_id)
    db.add(
        GuestPass(
            guest_id=found.guest_id,
            area_id=batch.area_id,
            site_id=batch.site_id,
            begun_at=now,
            valid_until=min(batch.valid_until, now + timedelta(hours=batch.life_hours)),
            seconds=None if batch.minutes is None else batch.minutes * 60,
            octets=None if batch.megabytes is None else batch.megabytes * OCTETS_PER_MEGABYTE,
            devices=batch.devices,
            up_kbps=batch.up_kbps,
            down_kbps=batch.down_kbps,
        )
    )
    db.flush()
    return True


# --- looking after -------------------------------------------------------------------------------------------------------

STATE: Final = """
    CASE WHEN void_at IS NOT NULL THEN 'void'
        WHEN spent_at IS NOT NULL THEN 'used up'
        WHEN COALESCE(held.valid_until, batch.valid_until) <= :now THEN 'expired'
        WHEN first_used_at IS NULL THEN 'unused' ELSE 'active' END
"""
VOUCHERS: Final = f"""
    SELECT voucher.id, voucher.batch_id, {STATE} AS state, first_used_at, void_at, held.valid_until
    FROM voucher JOIN voucher_batch AS batch ON batch.id = voucher.batch_id
    LEFT JOIN guest_pass AS held ON held.guest_id = voucher.guest_id
"""  # noqa: S608  (no value goes in)
COUNTS: Final = f"""
    SELECT batch_id, state, count(*) FROM ({VOUCHERS}) AS voucher GROUP BY batch_id, state
"""  # noqa: S608  (nor here)


class VoucherRow(NamedTuple):
    """A voucher as staff see it: never its code."""

    number: int
    batch: int
    state: VoucherState
    first_used_at: datetime | None
    void_at: datetime | None
    valid_until: datetime | None


class BatchRow(NamedTuple):
    """A batch, the words for its place, and how many of its vouchers are in each state."""

    batch: VoucherBatch
    place: str
    counts: dict[VoucherState, int]


def batches(db: Session, *, now: datetime) -> list[BatchRow]:
    """Return all batches, the latest first."""
    counts: dict[int, dict[VoucherState, int]] = {}
    for batch_id, state, count in db.execute(text(COUNTS), {"now": now}):
        counts.setdefault(batch_id, {})[VoucherState(state)] = count
    rows = db.exec(
        select(VoucherBatch, Area.name, Site.name)
        .outerjoin(Area, col(Area.id) == col(VoucherBatch.area_id))
        .outerjoin(Site, col(Site.id) == col(VoucherBatch.site_id))
        .order_by(col(VoucherBatch.id).desc())
    )
    return [BatchRow(batch, area or site, counts.get(batch.id or 0, {})) for batch, area, site in rows]


def get_batch(db: Session, number: int) -> VoucherBatch:
    """Return a batch.

    Raises:
        NoSuchBatch: there is none of that number.
    """
    batch = db.get(VoucherBatch, number)
    if batch is None:
        raise NoSuchBatch(number=number)
    return batch


def vouchers_of(db: Session, batch: int, *, now: datetime) -> list[VoucherRow]:
    """Return the vouchers of a batch by number."""
    get_batch(db, batch)
    rows = db.execute(text(f"{VOUCHERS} WHERE batch_id = :batch ORDER BY voucher.id"), {"batch": batch, "now": now})
    return [_row(row) for row in rows]


def get_voucher(db: Session, number: int, *, now: datetime) -> VoucherRow:
    """Return the voucher with this number printed on it.

    Raises:
        NoSuchVoucher: none has it.
    """
    row = db.execute(text(f"{VOUCHERS} WHERE voucher.id = :number"), {"number": number, "now": now}).first()
    if row is None:
        raise NoSuchVoucher(number=number)
    return _row(row)


def _row(row: Sequence[Any]) -> VoucherRow:
    return VoucherRow(row[0], row[1], VoucherState(row[2]), *row[3:])


def void_voucher(db: Session, number: int, *, now: datetime) -> int:
    """Make one voucher useless; its guest's sessions are ended by the clock. Return 0 when it was void before.

    Raises:
        NoSuchVoucher: none has this number.
    """
    get_voucher(db, number, now=now)
    return _void(db, col(Voucher.id) == number, now)


def void_batch(db: Session, number: int, *, now: datetime) -> int:
    """Make all vouchers of a batch useless, and forget its codes; return how many were not void before.

    Raises:
        NoSuchBatch: there is none of that number.
    """
    batch = get_batch(db, number)
    batch.sealed = None
    db.add(batch)
    return _void(db, col(Voucher.batch_id) == number, now)


def _void(db: Session, which: Any, now: datetime) -> int:  # noqa: ANN401  (a condition on vouchers)
    voided = db.execute(
        update(Voucher)
        .where(which, col(Voucher.void_at).is_(None))
        .values(void_at=now)
        .returning(col(Voucher.guest_id))
    )
    guests = list(voided.scalars())
    end_passes(db, guests, now=now)
    return len(guests)
