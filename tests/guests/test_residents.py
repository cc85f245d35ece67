"""Residents' codes: one guest on all devices, until the code runs out or is taken back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from hotspot.db import Database
from hotspot.guests import residents
from hotspot.guests.passes import GuestPass, Unusable
from hotspot.guests.printed_codes import read_typed
from hotspot.guests.residents import BadResident, Issued, NoSuchResident, Revoked, recognise
from tests.conftest import NOW
from tests.world import World

DAY = timedelta(days=1)


def issue(database: Database, world: World, note: str = "counter 3", life: timedelta = 365 * DAY) -> Issued:
    with database.writing() as db:
        return residents.issue(db, note=note, life=life, issued_by="Alice", keys=world.keys, now=NOW)


def typed(database: Database, world: World, text: str, now: Any = NOW) -> UUID | Unusable:
    with database.writing() as db:
        return recognise(db, read_typed(text), keys=world.keys, now=now)


def test_whoever_types_the_code_is_the_same_guest_until_it_runs_out(database: Database, world: World) -> None:
    gina, hadi = issue(database, world), issue(database, world)

    guest = typed(database, world, gina.code.lower())

    assert isinstance(guest, UUID)
    assert typed(database, world, f"{gina.code} {gina.number}") == guest
    assert typed(database, world, hadi.code) != guest
    assert typed(database, world, gina.code, NOW + 365 * DAY) is Unusable.EXPIRED


def test_codes_that_are_nobodys_are_unknown(database: Database, world: World) -> None:
    gina, hadi = issue(database, world), issue(database, world)

    for text_ in ("RTK4-9QXW-2HJD", "no code", f"{gina.code} {hadi.number}"):
        assert typed(database, world, text_) is Unusable.UNKNOWN


def test_of_a_resident_nothing_is_kept_that_tells_who_it_is_or_what_the_code_is(
    database: Database, world: World
) -> None:
    gina = issue(database, world)

    with database.reading() as db:
        row = db.execute(text("SELECT * FROM resident")).mappings().one()
        (listed,) = residents.residents(db)
    assert gina.code not in str(row)
    assert set(row) == {"id", "guest_id", "code_hash", "note", "issued_at", "issued_by", "revoked_at"}
    assert (listed.number, listed.note, listed.valid_until) == (gina.number, "counter 3", NOW + 365 * DAY)


def test_a_revoked_code_is_unknown_and_its_pass_over_at_once(database: Database, world: World) -> None:
    gina = issue(database, world)
    with database.writing() as db:
        residents.revoke(db, gina.number, now=NOW + DAY)

    assert typed(database, world, gina.code, NOW + DAY) is Unusable.UNKNOWN
    with database.writing() as db:
        assert db.exec(select(GuestPass.valid_until)).all() == [NOW + DAY]
        for ask in (residents.revoke, lambda *a, **k: residents.renew(*a, life=DAY, keys=world.keys, new=False, **k)):
            with pytest.raises(Revoked):
                ask(db, gina.number, now=NOW)


def test_a_renewed_code_holds_longer_and_a_lost_one_is_replaced_for_the_same_guest(
    database: Database, world: World
) -> None:
    gina = issue(database, world, life=DAY)
    guest = typed(database, world, gina.code)

    with database.writing() as db:
        longer = residents.renew(db, gina.number, life=9 * DAY, keys=world.keys, now=NOW, new=False)
    assert longer.code == ""
    assert typed(database, world, gina.code, NOW + 8 * DAY) == guest

    with database.writing() as db:
        other = residents.renew(db, gina.number, life=9 * DAY, keys=world.keys, now=NOW, new=True)
    assert typed(database, world, other.code) == guest
    assert typed(database, world, gina.code) is Unusable.UNKNOWN


@pytest.mark.parametrize("wrong", [{"note": "x" * 101}, {"note": "a\x1bb"}, {"life": timedelta()}, {"life": 732 * DAY}])
def test_a_code_that_can_not_be_is_refused(database: Database, world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadResident):
        issue(database, world, **wrong)
    with database.writing() as db, pytest.raises(NoSuchResident):
        residents.revoke(db, 7, now=NOW)


def test_what_ran_out_long_ago_is_forgotten(database: Database, world: World) -> None:
    issue(database, world, life=DAY)
    kept = issue(database, world)

    with database.writing() as db:
        residents.forget_residents(db, before=NOW + 2 * DAY)

    with database.reading() as db:
        assert [row.number for row in residents.residents(db)] == [kept.number]
        assert len(db.exec(select(GuestPass)).all()) == 1
