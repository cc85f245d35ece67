"""Who was heard, remembered."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from hotspot.discovery.mndp import Neighbour
from hotspot.discovery.service import MOST_NEIGHBOURS, Neighbourhood
from hotspot.guests.models import MacAddress

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def neighbour(number: int, identity: str = "") -> Neighbour:
    return Neighbour(MacAddress(bytes([2, 0, 0, 0, *number.to_bytes(2, "big")])), identity=identity)


def test_a_neighbour_is_one_entry_with_its_latest_words() -> None:
    neighbourhood = Neighbourhood()
    neighbourhood.remember(neighbour(1, "before"), NOW)
    neighbourhood.remember(neighbour(1, "after"), NOW + MINUTE)

    (entry,) = neighbourhood.heard()

    assert entry.neighbour.identity == "after"
    assert (entry.first_at, entry.last_at, entry.times) == (NOW, NOW + MINUTE, 2)


def test_neighbours_are_listed_by_identity_and_mac() -> None:
    neighbourhood = Neighbourhood()
    for said in (neighbour(3, "b"), neighbour(2, "a"), neighbour(1, "b")):
        neighbourhood.remember(said, NOW)

    assert [entry.neighbour for entry in neighbourhood.heard()] == [
        neighbour(2, "a"),
        neighbour(1, "b"),
        neighbour(3, "b"),
    ]


def test_who_was_silent_for_longest_is_forgotten_when_it_is_full() -> None:
    neighbourhood = Neighbourhood()
    for number in range(MOST_NEIGHBOURS):
        neighbourhood.remember(neighbour(number), NOW)
    neighbourhood.remember(neighbour(0), NOW)

    neighbourhood.remember(neighbour(MOST_NEIGHBOURS), NOW)

    assert len(neighbourhood.heard()) == MOST_NEIGHBOURS
    known = {entry.neighbour for entry in neighbourhood.heard()}
    assert neighbour(0) in known
    assert neighbour(1) not in known


def test_a_row_has_what_a_program_needs() -> None:
    said = Neighbour(
        MacAddress(bytes.fromhex("48a98a000001")),
        identity="bench-1",
        ipv4=IPv4Address("192.0.2.1"),
        ipv6=IPv6Address("fe80::1"),
        uptime=timedelta(days=1),
    )

    row = Neighbourhood().remember(said, NOW).row()

    assert row["mac"] == "48:A9:8A:00:00:01"
    assert (row["ipv4"], row["ipv6"], row["uptime_seconds"]) == ("192.0.2.1", "fe80::1", 86_400)
    assert (row["first_at"], row["times"]) == ("2026-03-02T05:00:00+00:00", 1)
