"""Who goes first: the routers of a rollout in rings, each tried only when the one before is well. Pure."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

TENTH: Final = 10  # one router in ten


class Ring(IntEnum):
    """One router; a tenth of all, spread over the city; the canary's kecamatan; everybody else."""

    CANARY = 1
    TENTH = 2
    KECAMATAN = 3
    ALL = 4

    @property
    def words(self) -> str:
        return {Ring.CANARY: "canary", Ring.TENTH: "10 %", Ring.KECAMATAN: "kecamatan"}.get(self, "all")


class Member(NamedTuple):
    """A router that takes part, and the code of its kecamatan."""

    router_id: int
    name: str
    kecamatan: str


def arrange(members: Sequence[Member], canary: str | None = None) -> dict[Ring, list[Member]]:
    """Put every router into one ring; without a canary's name it is the first by kecamatan and name. Rings may be empty."""
    waiting = sorted(members, key=lambda member: (member.kecamatan, member.name))
    first = next((member for member in waiting if canary in (None, member.name)), None)
    if first is None:
        return {ring: [] for ring in Ring}
    waiting.remove(first)
    tenth = _spread(waiting, -(-len(members) // TENTH))
    chosen = {member.router_id for member in tenth}
    rest = [member for member in waiting if member.router_id not in chosen]
    return {
        Ring.CANARY: [first],
        Ring.TENTH: tenth,
        Ring.KECAMATAN: [member for member in rest if member.kecamatan == first.kecamatan],
        Ring.ALL: [member for member in rest if member.kecamatan != first.kecamatan],
    }


def _spread(members: Sequence[Member], count: int) -> list[Member]:
    """Take this many, or all, at even distances."""
    count = min(count, len(members))
    return [members[number * len(members) // count] for number in range(count)]
