"""What MikroTik puts on a home router in the shop: a line on ether1, one bridge for everything else, a firewall, closed radios.

Only what others may meet is here; it is written by the router's own commands, so that it is as valid as what a person types.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from hotspot.simulator.routeros.sessions import Session

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

LINE: Final = "ether1"
PASSPHRASE: Final = "ON-THE-LABEL"  # noqa: S105  (nobody's)
Sentence = tuple[str, Mapping[str, str]]
FILTER: Final = "/ip/firewall/filter/add"
SET_UP: Final[tuple[Sentence, ...]] = (
    ("/interface/bridge/add", {"name": "bridge", "comment": "defconf"}),
    ("/interface/list/add", {"name": "WAN", "comment": "defconf"}),
    ("/interface/list/add", {"name": "LAN", "comment": "defconf"}),
    ("/interface/list/member/add", {"list": "LAN", "interface": "bridge", "comment": "defconf"}),
    ("/interface/list/member/add", {"list": "WAN", "interface": LINE, "comment": "defconf"}),
    ("/ip/pool/add", {"name": "default-dhcp", "ranges": "192.168.88.10-192.168.88.254"}),
    ("/ip/address/add", {"address": "192.168.88.1/24", "interface": "bridge", "comment": "defconf"}),
    ("/ip/dhcp-server/add", {"name": "defconf", "interface": "bridge", "address-pool": "default-dhcp"}),
    (
        "/ip/dhcp-server/network/add",
        {"address": "192.168.88.0/24", "gateway": "192.168.88.1", "dns-server": "192.168.88.1", "comment": "defconf"},
    ),
    ("/ip/dhcp-client/add", {"interface": LINE, "comment": "defconf"}),
    ("/ip/dns/set", {"allow-remote-requests": "yes"}),
    ("/ip/dns/static/add", {"name": "router.lan", "address": "192.168.88.1", "comment": "defconf"}),
    (FILTER, {"chain": "input", "action": "accept", "connection-state": "established,related,untracked"}),
    (FILTER, {"chain": "input", "action": "drop", "connection-state": "invalid"}),
    (FILTER, {"chain": "input", "action": "accept", "protocol": "icmp"}),
    (FILTER, {"chain": "input", "action": "drop", "in-interface-list": "!LAN"}),
    (FILTER, {"chain": "forward", "action": "fasttrack-connection", "connection-state": "established,related"}),
    (FILTER, {"chain": "forward", "action": "accept", "connection-state": "established,related,untracked"}),
    (FILTER, {"chain": "forward", "action": "drop", "connection-state": "invalid"}),
    (
        FILTER,
        {
            "chain": "forward",
            "action": "drop",
            "connection-state": "new",
            "connection-nat-state": "!dstnat",
            "in-interface-list": "WAN",
        },
    ),
    ("/ip/firewall/nat/add", {"chain": "srcnat", "action": "masquerade", "out-interface-list": "WAN"}),
    ("/tool/mac-server/set", {"allowed-interface-list": "LAN"}),
    ("/tool/mac-server/mac-winbox/set", {"allowed-interface-list": "LAN"}),
    ("/ip/neighbor/discovery-settings/set", {"discover-interface-list": "LAN"}),
)


def set_up(router: "SimulatedRouterOS") -> None:
    """Configure a box that has nothing."""
    factory = Session("", via="defconf")
    for sentence, fields in (*SET_UP, *_ports_and_radios(router)):
        path, _, command = sentence.rpartition("/")
        router.run(path, command, fields, session=factory)


def _ports_and_radios(router: "SimulatedRouterOS") -> Iterator[Sentence]:
    ssid = f"MikroTik-{router.serial[-6:]}"
    for row in router.config.rows("/interface/ethernet"):
        if row.name != LINE:
            yield _port(row.name or "")
    for row in router.config.rows("/interface/wifi"):
        yield (
            "/interface/wifi/set",
            {
                ".id": row.number,
                "configuration.mode": "ap",
                "configuration.ssid": ssid,
                "security.authentication-types": "wpa2-psk,wpa3-psk",
                "security.passphrase": PASSPHRASE,
                "security.ft": "yes",
                "disabled": "no",
            },
        )
        yield _port(row.name or "")
    for row in router.config.rows("/interface/wireless"):
        yield "/interface/wireless/set", {".id": row.number, "mode": "ap-bridge", "ssid": ssid, "disabled": "no"}
        yield _port(row.name or "")


def _port(interface: str) -> Sentence:
    return "/interface/bridge/port/add", {"bridge": "bridge", "interface": interface, "comment": "defconf"}
