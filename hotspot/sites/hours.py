"""Hours of a day as a setting or a form writes them, "06:00-22:00", in local time. Pure."""

from datetime import time
from typing import NamedTuple


class Hours(NamedTuple):
    """From when till when; `closes` before `opens` is on the next day, and both the same is the whole day."""

    opens: time
    closes: time

    def has(self, clock: time) -> bool:
        """Tell whether it is open when local clocks show this."""
        if self.opens < self.closes:
            return self.opens <= clock < self.closes
        return self.opens == self.closes or clock >= self.opens or clock < self.closes


def parse_hours(written: str) -> Hours | None:
    """Read hours that were checked before; None where nothing is written: always."""
    if not written:
        return None
    opens, closes = written.split("-")
    return Hours(time.fromisoformat(opens), time.fromisoformat(closes))
