"""Who was heard: one entry a MAC address, the latest words, bounded.

In memory, for as long as somebody listens; `kept` keeps what `heard()` returns for longer.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from hotspot.discovery.mndp import Neighbour
from hotspot.guests.models import MacAddress

MOST_NEIGHBOURS = 1000  # a flood of made-up routers costs no more memory than this; a bench has dozens


@dataclass(frozen=True, slots=True)
class Heard:
    """A neighbour, since when, until when and how many times it was heard."""

    neighbour: Neighbour
    first_at: datetime
    last_at: datetime
    times: int

    def row(self) -> dict[str, str | int | None]:
        """Return it for programs."""
        said = self.neighbour
        return {
            "mac": str(said.mac),
            "identity": said.identity,
            "board": said.board,
            "version": said.version,
            "platform": said.platform,
            "software_id": said.software_id,
            "interface": said.interface,
            "ipv4": str(said.ipv4) if said.ipv4 else None,
            "ipv6": str(said.ipv6) if said.ipv6 else None,
            "uptime_seconds": int(said.uptime.total_seconds()) if said.uptime is not None else None,
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
            "times": self.times,
        }


class Neighbourhood:
    """Remembers neighbours; when it is full, who was not heard for longest is forgotten."""

    def __init__(self) -> None:
        self._heard: dict[MacAddress, Heard] = {}  # the latest last

    def remember(self, neighbour: Neighbour, now: datetime) -> Heard:
        """Take note of an announcement and return what is known of its sender."""
        before = self._heard.pop(neighbour.mac, None)
        entry = (
            replace(before, neighbour=neighbour, last_at=now, times=before.times + 1)
            if before
            else Heard(neighbour, first_at=now, last_at=now, times=1)
        )
        if len(self._heard) >= MOST_NEIGHBOURS:
            del self._heard[next(iter(self._heard))]
        self._heard[neighbour.mac] = entry
        return entry

    def heard(self) -> list[Heard]:
        """Return everybody, by identity and MAC address."""
        return sorted(self._heard.values(), key=lambda entry: (entry.neighbour.identity, entry.neighbour.mac))
