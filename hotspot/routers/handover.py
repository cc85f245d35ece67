"""What the controller does on a router once the tunnel stands, as data: from the bootstrap's log-in to its own.

Each step says how the router should be afterwards, so that doing it twice is doing it once, and after a cut the whole list is
simply done again. Before `ProveLogin` the bootstrap's log-in works throughout, after it the controller's own does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

USER: Final = "hotspot"
GROUP: Final = "hotspot"
BOOTSTRAP: Final = "hotspot-bootstrap"  # user, and the only one who may make users
SCHEDULE: Final = "hotspot-enrol"  # scheduler and script that call again
CERTIFICATE: Final = "hotspot-api"
INTERFACE: Final = "hotspot"  # of WireGuard
TUNNEL_MARK: Final = "hotspot:tunnel"  # comment of it and of its addresses
TAKE_OVER: Final = "take-over"  # the job that does it
SCRIPT_FILE: Final = "hotspot.rsc"
API_SSL_PORT: Final = 8729
ALLOWED: Final = ("api", "ftp", "password", "read", "reboot", "sensitive", "test", "write")
# /user/group adds up what it is told (measured on 7.20): what is not wanted is named, too.
DENIED: Final = ("local", "policy", "rest-api", "romon", "sniff", "ssh", "telnet", "web", "winbox")
POLICY: Final = ",".join((*ALLOWED, *(f"!{policy}" for policy in DENIED)))
OTHER_SERVICES: Final = ("telnet", "ftp", "www", "www-ssl", "api", "ssh", "winbox")


@dataclass(frozen=True, slots=True)
class Ensure:
    """The row with this key has these fields; in a menu where rows can be added it is added when missing."""

    menu: str
    key: Mapping[str, str]
    fields: Mapping[str, str] = field(repr=False)  # a password may be among them


@dataclass(frozen=True, slots=True)
class Absent:
    """No row with this key is there."""

    menu: str
    key: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProveLogin:
    """A new connection with this user and password succeeds; what follows is done only then."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """A menu that is one row has these fields, where the router has the menu."""

    menu: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RulesFirst:
    """These rules, each known by its comment, stand in this order before all others, where the router has the menu."""

    menu: str
    rules: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class NoEmptyPasswords:
    """Nobody logs in without a password: a user who could is given one that nobody knows."""


Step = Ensure | Absent | ProveLogin | Close | RulesFirst | NoEmptyPasswords
NOBODY: Final = "none"  # the interface list without interfaces
LAYER_2: Final = (
    Close("/tool/mac-server", {"allowed-interface-list": NOBODY}),
    Close("/tool/mac-server/mac-winbox", {"allowed-interface-list": NOBODY}),
    Close("/tool/mac-server/ping", {"enabled": "no"}),
    Close("/tool/romon", {"enabled": "no"}),
    Close("/tool/bandwidth-server", {"enabled": "no"}),
    Close("/ip/neighbor/discovery-settings", {"discover-interface-list": NOBODY}),
)
"""Doors that a firewall for IP doesn't guard, with the bandwidth test. Router configs hold two of them afterwards; the others are in no
menu that they manage."""
IPV6_FILTER: Final = "/ipv6/firewall/filter"
NO_IPV6: Final = RulesFirst(
    IPV6_FILTER,
    (
        {
            "chain": "input",
            "action": "accept",
            "connection-state": "established,related,untracked",
            "comment": "hotspot:answers",
        },
        {"chain": "input", "action": "accept", "protocol": "icmpv6", "comment": "hotspot:neighbours"},
        {
            "chain": "input",
            "action": "accept",
            "protocol": "udp",
            "dst-port": "546",
            "src-address": "fe80::/10",
            "comment": "hotspot:dhcp-client",
        },
        {"chain": "input", "action": "drop", "comment": "hotspot:input-rest"},
        {"chain": "forward", "action": "drop", "comment": "hotspot:no-forward"},
    ),
)
"""RouterOS' hotspot knows IPv4 only: what is let through by IPv6 passes by the portal. The tunnel may still run over it."""


def hand_over(*, controller: IPv4Address, password: str) -> tuple[Step, ...]:
    """Return the steps, in order; all are done in the bootstrap's session, for the controller's own user may not make or remove users.

    1. A group and a user of its own, let in from the controller's end of the tunnel alone. 2. api-ssl with the router's certificate,
    for the same end alone. 3. The new log-in is proven. 4. The other services are closed, the ways in by MAC address, and IPv6; no
    user is left without a password. 5. What the bootstrap left is removed, its user last.
    """
    only = f"{controller}/32"
    user = {"group": GROUP, "password": password, "address": only, "comment": "hotspot:api", "disabled": "no"}
    api_ssl = {"certificate": CERTIFICATE, "address": only, "tls-version": "only-1.2", "disabled": "no"}
    return (
        Ensure("/user/group", {"name": GROUP}, {"policy": POLICY}),
        Ensure("/user", {"name": USER}, user),
        Ensure("/ip/service", {"name": "api-ssl"}, api_ssl),
        ProveLogin(USER, password),
        *(Ensure("/ip/service", {"name": name}, {"disabled": "yes"}) for name in OTHER_SERVICES),
        *LAYER_2,
        NO_IPV6,
        NoEmptyPasswords(),
        Absent("/system/scheduler", {"name": SCHEDULE}),
        Absent("/system/script", {"name": SCHEDULE}),
        Absent("/file", {"name": SCRIPT_FILE}),
        Absent("/user", {"name": BOOTSTRAP}),
    )
