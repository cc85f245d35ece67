"""Routers that were heard, kept for staff: what is renewed, what is bounded, what is forgotten."""

from datetime import timedelta

import pytest

from hotspot.db import Database
from hotspot.discovery import kept
from hotspot.discovery.mndp import Neighbour
from hotspot.discovery.service import Heard
from hotspot.guests.models import MacAddress
from tests.conftest import NOW

DAY = timedelta(days=1)


def heard(number: int, identity: str = "MikroTik", at: timedelta = timedelta()) -> Heard:
    said = Neighbour(MacAddress(bytes([2, 0, 0, 0, *number.to_bytes(2, "big")])), identity=identity)
    return Heard(said, NOW + at, NOW + at, 1)


def keep(database: Database, *entries: Heard, at: timedelta = timedelta()) -> None:
    with database.writing() as db:
        kept.keep(db, entries, heard_on="eth1", now=NOW + at)


def names(database: Database, at: timedelta = timedelta()) -> list[str]:
    with database.reading() as db:
        return [one.identity for one in kept.neighbours(db, now=NOW + at)]


def test_a_router_is_kept_once_with_its_latest_words_and_since_when(database: Database) -> None:
    keep(database, heard(1, "before"))
    keep(database, heard(1, "after", DAY), heard(2, "other"), at=DAY)

    with database.reading() as db:
        one, other = kept.neighbours(db, now=NOW + DAY)
    assert (one.identity, one.first_at, one.last_at, one.heard_on) == ("after", NOW, NOW + DAY, "eth1")
    assert other.identity == "other"


def test_who_was_silent_for_a_week_is_forgotten(database: Database) -> None:
    keep(database, heard(1, "old"))

    assert names(database, 7 * DAY) == []
    with database.reading() as db, pytest.raises(kept.NoSuchNeighbour, match="02:00:00:00:00:01 was heard"):
        kept.get_neighbour(db, heard(1).neighbour.mac, now=NOW + 7 * DAY)
    keep(database, heard(2, "new", 7 * DAY), at=7 * DAY)
    assert names(database) == ["new"]


def test_a_flood_of_made_up_routers_drives_nobody_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 3)
    keep(database, heard(1, "real"))

    keep(database, *(heard(number, "flood") for number in range(2, 20)))
    keep(database, heard(1, "real, again"))

    assert sorted(names(database)) == ["flood", "flood", "real, again"]
