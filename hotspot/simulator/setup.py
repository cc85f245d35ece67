"""What makes a simulated router serve guests: the parts of its configuration that phones, RADIUS and staff come to notice.

A test writes one down; a simulated RouterOS is read into one (`reading`). No I/O.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Final

from hotspot.simulator.garden import Rule

Address = tuple[str, int]
POOL: Final = ((IPv4Address("10.5.48.10"), IPv4Address("10.5.63.169")),)


class MacAuthMode(StrEnum):
    """What goes with a device's MAC address as user name: mac-auth-password, or the address again."""

    AS_USERNAME = "mac-as-username"
    AS_USERNAME_AND_PASSWORD = "mac-as-username-and-password"  # noqa: S105 - the name of a mode


@dataclass(frozen=True, slots=True)
class RadiusEntry:
    """A row of /radius: whom to ask, from which address, and for how long. `number` is the row's own."""

    secret: bytes = field(repr=False)
    auth: Address
    acct: Address
    source: str = "127.0.0.1"
    timeout: timedelta = timedelta(seconds=3)
    tries: int = 3
    number: int = 0


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What /ip/hotspot/user/profile says of everybody about whom RADIUS says nothing else; None is no limit."""

    session_timeout: timedelta | None = None
    idle_timeout: timedelta | None = None
    keepalive_timeout: timedelta | None = timedelta(minutes=2)
    rate_limit: str = ""


@dataclass(frozen=True, slots=True)
class RouterSetup:
    """What an operator has configured: /system/identity, /radius and /radius/incoming, the wireless networks and the hotspot on them.

    `coa_port` is where it hears Disconnect and CoA: 0 for any free port, None for accept=no. With "mac" in `login_by` it asks about
    every device that appears. `interim` is how often it reports, None as RADIUS says. Without a `garden` the portal alone is free.
    `html` are the directories in which its pages lie, the first that has one wins; () is the one that hotspot ships.
    """

    name: str
    radius: tuple[RadiusEntry, ...]
    coa_port: int | None = 0
    login_by: frozenset[str] = frozenset({"http-chap", "http-pap"})
    mac_auth_mode: MacAuthMode = MacAuthMode.AS_USERNAME
    mac_auth_password: str = ""
    sessions: int | None = 200  # licence level 4
    server: str = "hotspot1"
    interface: str = "bridge-hotspot"
    ssids: frozenset[str] = frozenset({"WiFi Publik"})
    pool: tuple[tuple[IPv4Address, IPv4Address], ...] = POOL
    forget_after: timedelta | None = timedelta(minutes=5)  # /ip/hotspot idle-timeout: hosts that are not logged in
    runs: bool = True  # a hotspot server is there, and DHCP to bring devices to it
    reports: bool = True  # radius-accounting
    interim: timedelta | None = None
    profile: UserProfile = UserProfile()
    garden: tuple[Rule, ...] | None = None
    html: tuple[str, ...] = ()
    captive_api: str = ""  # what DHCP tells devices in option 114
