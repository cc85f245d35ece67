"""/system/scheduler: when a row's script is due. It really runs when the router ticks."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.state import Configuration, Row
from hotspot.simulator.routeros.traps import Trap, invalid_value
from hotspot.simulator.routeros.values import milliseconds

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

PATH: Final = "/system/scheduler"
STARTUP: Final = "startup"
DATE: Final = "%Y-%m-%d"
TIME: Final = "%H:%M:%S"


def zone_of(config: Configuration) -> ZoneInfo:
    """The zone that /system/clock names; UTC when it is set by hand."""
    name = config.value("/system/clock", config.singleton("/system/clock"), "time-zone-name")
    try:
        return ZoneInfo("UTC" if name == "manual" else name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@dataclass(slots=True)
class Due:
    """When a row runs next, seconds since 1970, and how often it has."""

    next: float | None
    runs: int = 0


class Scheduler:
    """The rows' due times."""

    def __init__(self, router: "SimulatedRouterOS") -> None:
        self._router = router
        self._due: dict[tuple[int, str, str, str], Due] = {}

    def completed(self, row: Row, _before: Row | None) -> Row:
        """Give a row that says nothing of its start now as start."""
        now = datetime.fromtimestamp(self._router.wall(), zone_of(self._router.config))
        fields = dict(row.fields)
        start = fields.get("start-time")
        if start != STARTUP:
            fields["start-date"] = self._date(fields.get("start-date") or now.strftime(DATE))
            fields["start-time"] = self._time(start or now.strftime(TIME))
        return replace(row, fields=fields)

    @staticmethod
    def _date(text: str) -> str:
        try:
            return datetime.strptime(text, DATE).replace(tzinfo=UTC).strftime(DATE)
        except ValueError:
            raise invalid_value("start-date") from None

    @staticmethod
    def _time(text: str) -> str:
        try:
            return datetime.strptime(text, TIME).replace(tzinfo=UTC).strftime(TIME)
        except ValueError:
            raise invalid_value("start-time") from None

    def due(self, row: Row) -> Due:
        """When the row runs; it is reckoned anew when its times change."""
        key = (
            row.id,
            row.fields.get("start-date", ""),
            row.fields.get("start-time", ""),
            row.fields.get("interval", "0s"),
        )
        if key not in self._due:
            runs = next((due.runs for known, due in self._due.items() if known[0] == row.id), 0)
            for known in [known for known in self._due if known[0] == row.id]:
                del self._due[known]
            self._due[key] = Due(self._first(row), runs)
        return self._due[key]

    def _interval(self, row: Row) -> float:
        return milliseconds(row.fields.get("interval", "0s")) / 1000

    def _first(self, row: Row) -> float | None:
        now, interval = self._router.wall(), self._interval(row)
        if row.fields.get("start-time") == STARTUP:
            return now + interval if interval else None
        text = f"{row.fields['start-date']} {row.fields['start-time']}"
        start = datetime.strptime(text, f"{DATE} {TIME}").replace(tzinfo=zone_of(self._router.config)).timestamp()
        if start > now:
            return start
        missed = int((now - start) // interval) + 1 if interval else 0
        return start + missed * interval if interval else None

    def outputs(self, row: Row) -> dict[str, str]:
        due = self.due(row)
        text = {"run-count": str(due.runs)}
        if due.next is not None:
            when = datetime.fromtimestamp(due.next, zone_of(self._router.config))
            text["next-run"] = when.strftime(f"{DATE} {TIME}")
        return text

    def tick(self) -> None:
        """Run what is due, each row once however long it was due."""
        now = self._router.wall()
        for row in self._rows():
            due = self.due(row)
            if due.next is None or due.next > now:
                continue
            interval = self._interval(row)
            due.next = due.next + (int((now - due.next) // interval) + 1) * interval if interval else None
            due.runs += 1
            self._run(row)

    def boot(self) -> None:
        """Forget the counts and run what is to run at start-up."""
        self._due.clear()
        for row in self._rows():
            if row.fields.get("start-time") == STARTUP:
                self.due(row).runs += 1
                self._run(row)

    def _rows(self) -> list[Row]:
        if not self._router.device_mode.allows("scheduler"):
            return []
        return [row for row in self._router.config.rows(PATH) if row.fields.get("disabled") != "true"]

    def _run(self, row: Row) -> None:
        """Run the event, which may be a script's name; the log hears how it failed, as on the router."""
        name = row.fields["name"]
        source = row.fields.get("on-event", "")
        script = self._router.config.find("/system/script", source)
        policies = frozenset(row.fields["policy"].split(","))
        session = Session(row.outputs.get("owner", ""), policies, via="scheduler")
        try:
            self._router.interpreter.run(script.fields.get("source", "") if script else source, session=session)
        except Trap as trap:
            self._router.write_log("script,error", f"executing script {name} failed: {trap.text}")
