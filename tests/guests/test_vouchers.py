"""Vouchers: made, printed once, used by who holds them, voided; their codes are kept nowhere."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from hotspot.areas.service import get_area
from hotspot.db import Database
from hotspot.guests import vouchers
from hotspot.guests.passes import GuestPass, Unusable, note_spent
from hotspot.guests.printed_codes import Typed, grouped, read_typed
from hotspot.guests.vouchers import BadBatch, NoCodesLeft, NoSuchBatch, NoSuchVoucher, Printable, redeem
from hotspot.guests.vouchers_models import Voucher, VoucherState
from hotspot.sites.models import Site
from tests.conftest import NOW
from tests.world import GERUNGGANG, TAMAN_SARI, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make(database: Database, world: World, count: int = 3, *, area: str = "", **more: Any) -> list[Printable]:
    """Make a batch for Alun-Alun, or an area, and take its codes to the printer."""
    wanted = vouchers.checked_batch(NOW, **{"name": "Rapat", "count": count, "valid_until": NOW + 7 * DAY, **more})
    with database.writing() as db:
        place = get_area(db, area) if area else db.get_one(Site, world.alun_alun)
        batch = vouchers.make_batch(db, wanted, place, made_by="Alice", now=NOW)
        for _ in vouchers.add_vouchers(db, batch, count, keys=world.keys):
            pass
        return vouchers.take_codes(db, batch.id or 0, keys=world.keys)[1]


def use(
    database: Database, world: World, code: str, *, number: int | None = None, now: datetime = NOW, site: int = 0
) -> UUID | Unusable:
    typed = read_typed(f"{code} {number or ''}")
    with database.writing() as db:
        return redeem(db, typed, site_id=site or world.alun_alun, keys=world.keys, now=now)


def state(database: Database, number: int, now: datetime = NOW) -> VoucherState:
    with database.reading() as db:
        return vouchers.get_voucher(db, number, now=now).state


# --- making --------------------------------------------------------------------------------------------------------------


def test_a_batch_has_different_codes_and_numbers_in_a_row(database: Database, world: World) -> None:
    made = make(database, world, 1_203)

    assert [one.number for one in made] == list(range(made[0].number, made[0].number + 1_203))
    assert len({one.code for one in made}) == 1_203


def test_the_database_knows_no_code_once_they_were_printed(database: Database, world: World) -> None:
    (made,) = make(database, world, 1)

    with database.reading() as db:
        kept = str(
            db.execute(text("SELECT * FROM voucher")).all() + db.execute(text("SELECT * FROM voucher_batch")).all()
        )
        (voucher,) = db.exec(select(Voucher)).all()
    assert made.code not in kept
    assert grouped(made.code) not in kept
    assert made.code.encode().hex() not in kept
    assert len(voucher.code_hash) == 32


def test_codes_are_given_to_the_printer_once(database: Database, world: World) -> None:
    make(database, world)

    with database.writing() as db, pytest.raises(NoCodesLeft):
        vouchers.take_codes(db, 1, keys=world.keys)
    with database.writing() as db, pytest.raises(NoSuchBatch):
        vouchers.take_codes(db, 2, keys=world.keys)


def test_codes_that_nobody_printed_are_gone_after_a_day(database: Database, world: World) -> None:
    wanted = vouchers.checked_batch(NOW, name="Rapat", count=2, valid_until=NOW + DAY)
    with database.writing() as db:
        batch = vouchers.make_batch(db, wanted, db.get_one(Site, world.alun_alun), made_by="Alice", now=NOW)
        assert list(vouchers.add_vouchers(db, batch, 2, keys=world.keys)) == [2]
        vouchers.forget_printed_codes(db, now=NOW + DAY - timedelta(seconds=1))
        db.refresh(batch)
        assert batch.sealed is not None

    with database.writing() as db:
        vouchers.forget_printed_codes(db, now=NOW + DAY)
    with database.writing() as db, pytest.raises(NoCodesLeft):
        vouchers.take_codes(db, 1, keys=world.keys)


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"count": 10_001},
        {"name": " "},
        {"name": "Rapat\n" + "x" * 3 + "\x1b[2J"},
        {"minutes": 4},
        {"megabytes": 0},
        {"devices": 51},
        {"life_hours": 24 * 90 + 1},
        {"up_kbps": 64},
        {"valid_until": NOW},
        {"valid_until": NOW + 732 * DAY},
        {"valid_until": NOW.replace(tzinfo=None)},
        {"colour": "red"},
    ],
)
def test_a_batch_that_can_not_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadBatch):
        vouchers.checked_batch(NOW, **{"name": "Rapat", "count": 1, "valid_until": NOW + DAY, **wrong})


# --- using ---------------------------------------------------------------------------------------------------------------


def test_the_first_use_begins_the_pass_that_the_batch_describes(database: Database, world: World) -> None:
    (made,) = make(database, world, 1, minutes=60, megabytes=500, devices=2, up_kbps=900, down_kbps=800, life_hours=48)

    guest = use(database, world, grouped(made.code).lower(), now=NOW + HOUR)

    with database.reading() as db:
        held = db.get_one(GuestPass, guest)
        assert (held.begun_at, held.valid_until) == (NOW + HOUR, NOW + 49 * HOUR)
        assert (held.seconds, held.octets, held.devices) == (3_600, 500_000_000, 2)
        assert (held.up_kbps, held.down_kbps, held.site_id, held.area_id) == (900, 800, world.alun_alun, None)


def test_a_pass_ends_with_its_batch_at_the_latest(database: Database, world: World) -> None:
    (made,) = make(database, world, 1)

    guest = use(database, world, made.code, now=NOW + 7 * DAY - HOUR)

    with database.reading() as db:
        assert db.get_one(GuestPass, guest).valid_until == NOW + 7 * DAY


def test_the_same_voucher_is_the_same_guest_again_as_long_as_it_holds(database: Database, world: World) -> None:
    first, second = make(database, world, 2)
    guest = use(database, world, first.code)

    assert use(database, world, first.code, now=NOW + 23 * HOUR) == guest
    assert use(database, world, first.code, number=first.number, now=NOW + HOUR) == guest
    assert use(database, world, first.code, now=NOW + 24 * HOUR) is Unusable.EXPIRED
    assert use(database, world, second.code) != guest


def test_of_many_who_use_one_voucher_at_once_all_are_the_one_guest_of_one_pass(
    database: Database, world: World
) -> None:
    made = make(database, world, 5)
    with ThreadPoolExecutor(8) as pool:
        for one in made:
            guests = set(pool.map(lambda _, code=one.code: use(database, world, code), range(12)))
            assert len(guests) == 1
            assert all(isinstance(guest, UUID) for guest in guests)

    with database.reading() as db:
        assert len(db.exec(select(GuestPass)).all()) == 5


def test_who_is_second_finds_the_pass_that_the_first_one_began(database: Database, world: World) -> None:
    (made,) = make(database, world, 1)
    with database.writing() as db:
        before = vouchers._find(db, Typed(made.code), world.alun_alun, world.keys)
    guest = use(database, world, made.code)

    with database.writing() as db:
        assert before is not None
        assert not vouchers._begin(db, before, NOW)

    assert use(database, world, made.code) == guest


def test_what_is_of_no_use_and_why(database: Database, world: World) -> None:
    late, void, spent, mine = make(database, world, 4)
    use(database, world, spent.code)
    with database.writing() as db:
        vouchers.void_voucher(db, void.number, now=NOW)
        note_spent(db, [db.get_one(Voucher, spent.number).guest_id], now=NOW)

    assert use(database, world, "RTK4-9QXW-2HJD") is Unusable.UNKNOWN
    assert use(database, world, "no code") is Unusable.UNKNOWN
    assert use(database, world, void.code) is Unusable.UNKNOWN, "what was taken back is as if it never was"
    assert use(database, world, mine.code, number=void.number) is Unusable.UNKNOWN, "the number is of another one"
    assert use(database, world, late.code, now=NOW + 7 * DAY) is Unusable.EXPIRED
    assert use(database, world, spent.code) is Unusable.USED_UP
    assert use(database, world, mine.code, site=world.perpustakaan) is Unusable.ELSEWHERE
    assert isinstance(use(database, world, mine.code), UUID)


def test_a_voucher_of_an_area_is_good_at_each_of_its_sites(database: Database, world: World) -> None:
    here, there = make(database, world, 1, area=TAMAN_SARI), make(database, world, 1, area=GERUNGGANG)

    assert isinstance(use(database, world, here[0].code), UUID)
    assert use(database, world, there[0].code) is Unusable.ELSEWHERE
    assert isinstance(use(database, world, there[0].code, site=world.perpustakaan), UUID)


# --- looking after -------------------------------------------------------------------------------------------------------


def test_every_state_is_shown_and_counted(database: Database, world: World) -> None:
    unused, active, spent, expired, void = make(database, world, 5, life_hours=1)
    guest = use(database, world, spent.code)
    use(database, world, expired.code, now=NOW - 2 * HOUR)
    use(database, world, active.code)
    with database.writing() as db:
        note_spent(db, [guest] if isinstance(guest, UUID) else [], now=NOW)
        vouchers.void_voucher(db, void.number, now=NOW)

    states = [state(database, one.number) for one in (unused, active, spent, expired, void)]

    assert states == [VoucherState(name) for name in ("unused", "active", "used up", "expired", "void")]
    with database.reading() as db:
        ((batch, place, counts),) = vouchers.batches(db, now=NOW)
        rows = vouchers.vouchers_of(db, batch.id or 0, now=NOW)
    assert (place, counts) == ("Alun-Alun", dict.fromkeys(VoucherState, 1))
    assert [row.state for row in rows] == states
    assert state(database, unused.number, NOW + 8 * DAY) is VoucherState.EXPIRED


def test_voiding_a_batch_ends_passes_and_forgets_codes(database: Database, world: World) -> None:
    made = make(database, world, 3)
    guest = use(database, world, made[0].code)

    with database.writing() as db:
        assert vouchers.void_batch(db, 1, now=NOW + HOUR) == 3
        assert vouchers.void_batch(db, 1, now=NOW + HOUR) == 0

    assert {use(database, world, one.code, now=NOW + HOUR) for one in made} == {Unusable.UNKNOWN}
    with database.reading() as db:
        assert db.get_one(GuestPass, guest).valid_until == NOW + HOUR


def test_numbers_that_are_nobodys_are_named(database: Database, world: World) -> None:
    with database.writing() as db:
        for ask in (vouchers.get_voucher, vouchers.void_voucher):
            with pytest.raises(NoSuchVoucher):
                ask(db, 7, now=NOW)
        for ask in (vouchers.vouchers_of, vouchers.void_batch):
            with pytest.raises(NoSuchBatch):
                ask(db, 7, now=NOW)


def test_what_ended_long_ago_is_forgotten_with_its_passes(database: Database, world: World) -> None:
    (old,) = make(database, world, 1)
    (fresh,) = make(database, world, 1, valid_until=NOW + 30 * DAY)
    use(database, world, old.code)
    guest = use(database, world, fresh.code)

    with database.writing() as db:
        vouchers.forget_vouchers(db, before=NOW + 8 * DAY)

    with database.reading() as db:
        assert [held.guest_id for held in db.exec(select(GuestPass))] == [guest]
        assert [row.batch.id for row in vouchers.batches(db, now=NOW)] == [2]
