"""Usage worked out the slow and plain way, to hold the roll-up's SQL against."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from hotspot.usage.counters import Identity, Report, join_all

HOUR = timedelta(hours=1)
Place = tuple[str, int]


class Mark(NamedTuple):
    """A session's highest counters among the reports of one UTC hour."""

    identity: Identity
    hour: datetime
    octets_from_device: int
    octets_to_device: int


@dataclass
class Figures:
    sessions: int = 0
    devices: set[UUID] = field(default_factory=set)
    peak: int = 0
    from_device: int = 0
    to_device: int = 0

    @property
    def row(self) -> tuple[int, int, int, int, int]:
        return self.sessions, len(self.devices), self.peak, self.from_device, self.to_device


def whole_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def left_at(session: Report) -> datetime:
    return max(session.started_at, session.ended_at or session.last_seen_at)


def hours_of(session: Report) -> list[datetime]:
    first = whole_hour(session.started_at)
    return [first + HOUR * number for number in range(int((left_at(session) - first) / HOUR) + 1)]


def marks(reports: Iterable[Report]) -> list[Mark]:
    """Return the hour marks of single (not joined) reports, one a session and hour, in a fixed order."""
    highest: dict[tuple[Identity, datetime], Mark] = {}
    for report in reports:
        if report.octets_from_device is None and report.octets_to_device is None:
            continue
        known = highest.get((report.identity, report.hour))
        highest[report.identity, report.hour] = Mark(
            report.identity,
            report.hour,
            max(report.octets_from_device or 0, known.octets_from_device if known else 0),
            max(report.octets_to_device or 0, known.octets_to_device if known else 0),
        )
    return [highest[key] for key in sorted(highest)]


def hours(found: Collection[Report], places: Mapping[int, list[Place]]) -> dict[tuple[Place, datetime], Figures]:
    """Return the figures of each place and UTC hour; `places` says for each site what it counts towards."""
    sessions = join_all(found)
    figures: dict[tuple[Place, datetime], Figures] = {}
    present: dict[tuple[Place, datetime], list[tuple[datetime, datetime]]] = {}
    for session in sessions.values():
        for place in places[session.site_id]:
            for hour in hours_of(session):
                its = figures.setdefault((place, hour), Figures())
                its.sessions += whole_hour(session.started_at) == hour
                its.devices.add(session.device_id)
                stay = (max(session.started_at, hour), min(left_at(session), hour + HOUR))
                present.setdefault((place, hour), []).append(stay)
    for key, stays in present.items():
        figures[key].peak = max(sum(came <= at <= went for came, went in stays) for at, _ in stays)
    highest: dict[tuple[int, UUID], tuple[int, int]] = {}
    for mark in sorted(marks(found), key=lambda mark: (mark.identity, mark.hour)):
        before = highest.get(mark.identity, (0, 0))
        now = max(before[0], mark.octets_from_device), max(before[1], mark.octets_to_device)
        highest[mark.identity] = now
        if now == before:
            continue
        for place in places[sessions[mark.identity].site_id]:
            its = figures.setdefault((place, mark.hour), Figures())
            its.from_device += now[0] - before[0]
            its.to_device += now[1] - before[1]
    return figures


def days(
    found: Collection[Report], places: Mapping[int, list[Place]], zone: ZoneInfo
) -> dict[tuple[Place, date], Figures]:
    """Return the figures of each place and local day."""
    figures: dict[tuple[Place, date], Figures] = {}
    for (place, hour), its in hours(found, places).items():
        day = figures.setdefault((place, hour.astimezone(zone).date()), Figures())
        day.sessions += its.sessions
        day.devices |= its.devices
        day.peak = max(day.peak, its.peak)
        day.from_device += its.from_device
        day.to_device += its.to_device
    return figures
