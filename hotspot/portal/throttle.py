"""How often the portal's one button may be pressed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hotspot.guests.models import MacAddress
from hotspot.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Presses:
    """Limits on the buttons: by device at a site, and far coarser by site, against devices that a script makes up.

    Never by the address that a press comes from: a whole site shares one, and one person in it would shut out all the others.
    """

    # Weak links make people press again; a full stadium lets go of its phones at once.
    by_device: Throttle = field(default_factory=lambda: Throttle(6, timedelta(minutes=1)))
    by_site: Throttle = field(default_factory=lambda: Throttle(3_000, timedelta(minutes=1)))

    def admit(self, *, site_id: int, mac: MacAddress, now: datetime) -> bool:
        return self.by_device.admits(f"{site_id} {mac}", now) and self.by_site.admits(str(site_id), now)
