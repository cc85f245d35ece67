"""How often the portal's one button may be pressed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hotspot.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Presses:
    """Limits on the one button: by device and site, and far coarser by address, which a whole site shares."""

    by_device: Throttle = field(
        default_factory=lambda: Throttle(6, timedelta(minutes=1))
    )  # weak links make people press again
    by_address: Throttle = field(
        default_factory=lambda: Throttle(300, timedelta(minutes=1))
    )  # a stadium behind one NAT

    def admit(self, *, device: str, address: str, now: datetime) -> bool:
        return self.by_device.admits(device, now) and self.by_address.admits(address, now)
