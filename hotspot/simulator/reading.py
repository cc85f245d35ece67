"""A simulated RouterOS's configuration → what it serves guests by. What isn't there, is off or can't work serves nobody.

The chain that phones need: a radio with an open network, whose bridge (or itself) is the interface of a hotspot server; there an address and
a DHCP server with a pool and a gateway. Behind it the profile, the user profile ``default``, the walled garden and /radius.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_interface, ip_network
from typing import Final

from hotspot.simulator.garden import Rule
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.state import Configuration, Row
from hotspot.simulator.routeros.values import Mismatch, milliseconds
from hotspot.simulator.setup import MacAuthMode, RadiusEntry, RouterSetup, UserProfile

HOTSPOT: Final = "/ip/hotspot"
PROFILE: Final = "/ip/hotspot/profile"
USER_PROFILE: Final = "/ip/hotspot/user/profile"
GARDEN: Final = "/ip/hotspot/walled-garden"
GARDEN_IP: Final = "/ip/hotspot/walled-garden/ip"
WIFI: Final = "/interface/wifi"
WIRELESS: Final = "/interface/wireless"
SECURITY_PROFILES: Final = "/interface/wireless/security-profiles"
PORTS: Final = "/interface/bridge/port"
ADDRESSES: Final = "/ip/address"
DHCP: Final = "/ip/dhcp-server"
NETWORKS: Final = "/ip/dhcp-server/network"
OPTIONS: Final = "/ip/dhcp-server/option"
OPTION_SETS: Final = "/ip/dhcp-server/option/sets"
CAPTIVE_API: Final = "114"
POOLS: Final = "/ip/pool"
RADIUS: Final = "/radius"
INCOMING: Final = "/radius/incoming"
UNREAD: Final = ("src-address", "src-address-list", "dst-address-list")
"""Matchers of a walled garden that depend on more than what is asked for; a row with one fits nothing here."""

Pool = tuple[tuple[IPv4Address, IPv4Address], ...]


def read_setup(box: SimulatedRouterOS, *, own_address: str) -> RouterSetup:
    """Read what the box serves by now; `own_address` is where its questions come from if /radius says nothing else."""
    reading = _Reading(box, own_address)
    server = reading.server()
    if server is None:
        return RouterSetup(box.identity, (), coa_port=None, ssids=frozenset(), runs=False, garden=())
    return reading.setup(server)


class _Reading:
    """One look at a configuration."""

    def __init__(self, box: SimulatedRouterOS, own_address: str) -> None:
        self._box, self._own = box, own_address
        self._config: Configuration = box.config

    def setup(self, server: Row) -> RouterSetup:
        interface = self._value(HOTSPOT, server, "interface")
        profile = self._config.find(PROFILE, self._value(HOTSPOT, server, "profile")) or Row(0)
        pool = self.pool(interface)

        def said(name: str) -> str:
            return self._value(PROFILE, profile, name)

        return RouterSetup(
            self._box.identity,
            tuple(self.radius()) if said("use-radius") == "true" else (),
            coa_port=self.coa_port(),
            login_by=frozenset(said("login-by").split(",")),
            mac_auth_mode=MacAuthMode(said("mac-auth-mode")),
            mac_auth_password=said("mac-auth-password"),
            sessions=self._box.sessions_allowed,
            server=server.fields["name"],
            interface=interface,
            ssids=frozenset(self.networks(interface)),
            pool=pool,
            forget_after=time(self._value(HOTSPOT, server, "idle-timeout")),
            runs=bool(pool),
            reports=said("radius-accounting") == "true",
            interim=time(said("radius-interim-update")),
            profile=self.user_profile(),
            garden=tuple(self.garden(server.fields["name"])),
            html=tuple(name for name in (said("html-directory-override"), said("html-directory")) if name),
            captive_api=self.captive_api(interface),
        )

    def _value(self, path: str, row: Row, name: str) -> str:
        return self._config.value(path, row, name)

    def _enabled(self, path: str) -> list[Row]:
        return [row for row in self._config.rows(path) if self._value(path, row, "disabled") != "true"]

    # --- where phones come in ----------------------------------------------------------------------------------------------

    def server(self) -> Row | None:
        """The hotspot server that runs: device-mode lets it, and its interface is there and on."""
        if not self._box.device_mode.allows("hotspot"):
            return None
        for row in self._enabled(HOTSPOT):
            interface = self._config.find("/interface", self._value(HOTSPOT, row, "interface"))
            if interface is not None and interface.fields.get("disabled") != "true":
                return row
        return None

    def networks(self, interface: str) -> Iterator[str]:
        """The names of the open networks that lead to the interface."""
        ports = {
            self._value(PORTS, row, "interface"): self._value(PORTS, row, "bridge") for row in self._enabled(PORTS)
        }
        radios = {WIFI: self._wifi, WIRELESS: self._wireless}
        for path in (path for path in radios if path in self._box.menus):
            for row in self._enabled(path):
                ssid, bridge = radios[path](row)
                name = row.fields.get("name", "")
                if ssid and interface == (ports.get(name) or bridge or name):  # a port of a bridge stays one
                    yield ssid

    def _wifi(self, row: Row) -> tuple[str, str]:
        """The network's name, empty unless it is an open access point, and the bridge that its datapath names."""
        if self._wifi_says(row, "configuration", "mode") not in ("", "ap"):
            return "", ""
        if self._wifi_says(row, "security", "authentication-types"):
            return "", ""
        bridge = self._wifi_says(row, "datapath", "bridge")
        return self._wifi_says(row, "configuration", "ssid"), "" if bridge == "none" else bridge

    def _wifi_says(self, row: Row, group: str, name: str) -> str:
        """What stands on the radio wins over the profile it names, that over what its configuration says."""
        configuration = self._config.find(f"{WIFI}/configuration", row.fields.get("configuration", "")) or Row(0)
        for source in (row, configuration):
            if f"{group}.{name}" in source.fields:
                return source.fields[f"{group}.{name}"]
            named = self._config.find(f"{WIFI}/{group}", source.fields.get(group, ""))
            if named is not None and name in named.fields:
                return named.fields[name]
        return ""

    def _wireless(self, row: Row) -> tuple[str, str]:
        security = self._config.find(SECURITY_PROFILES, self._value(WIRELESS, row, "security-profile")) or Row(0)
        is_open = self._value(SECURITY_PROFILES, security, "mode") == "none"
        is_on = self._value(WIRELESS, row, "mode") in ("ap-bridge", "bridge")
        return (self._value(WIRELESS, row, "ssid") if is_open and is_on else ""), ""

    def pool(self, interface: str) -> Pool:
        """The addresses that DHCP gives out there; none where devices would not learn their gateway."""
        own = [row for row in self._enabled(ADDRESSES) if self._value(ADDRESSES, row, "interface") == interface]
        found = [row for row in self._enabled(DHCP) if self._value(DHCP, row, "interface") == interface]
        if not own or not found:
            return ()
        pool = self._config.find(POOLS, self._value(DHCP, found[0], "address-pool"))
        if pool is None:
            return ()
        address = ip_interface(self._value(ADDRESSES, own[0], "address")).ip
        if not any(self._leads_out(row, address) for row in self._config.rows(NETWORKS)):
            return ()
        return tuple(_spans(self._value(POOLS, pool, "ranges")))

    def captive_api(self, interface: str) -> str:
        """The text of option 114 (RFC 8910) that devices get there: an option of the network, or of a set of it or its server."""
        servers = [row for row in self._enabled(DHCP) if self._value(DHCP, row, "interface") == interface]
        networks = self._config.rows(NETWORKS)
        sets = [self._value(DHCP, row, "dhcp-option-set") for row in servers]
        sets += [self._value(NETWORKS, row, "dhcp-option-set") for row in networks]
        given = [self._value(NETWORKS, row, "dhcp-option") for row in networks]
        given += [
            self._value(OPTION_SETS, row, "options") for row in self._config.rows(OPTION_SETS) if row.name in sets
        ]
        names = ",".join(given).split(",")
        options = [row for row in self._config.rows(OPTIONS) if row.name in names and row.fields["code"] == CAPTIVE_API]
        return self._value(OPTIONS, options[0], "value").strip("'") if options else ""

    def _leads_out(self, row: Row, address: IPv4Address | IPv6Address) -> bool:
        network = ip_network(self._value(NETWORKS, row, "address"))
        return address in network and bool(self._value(NETWORKS, row, "gateway"))

    # --- what happens to them there ----------------------------------------------------------------------------------------

    def user_profile(self) -> UserProfile:
        row = self._config.find(USER_PROFILE, "default") or Row(0)

        def said(name: str) -> str:
            return self._value(USER_PROFILE, row, name)

        return UserProfile(
            session_timeout=time(said("session-timeout")),
            idle_timeout=time(said("idle-timeout")),
            keepalive_timeout=time(said("keepalive-timeout")),
            rate_limit=said("rate-limit"),
        )

    def radius(self) -> Iterator[RadiusEntry]:
        """The servers that a hotspot asks, over UDP, from the top."""
        for row in self._enabled(RADIUS):
            said = _sayer(self._config, RADIUS, row)
            if "hotspot" not in said("service").split(",") or said("protocol") != "udp":
                continue
            source = said("src-address")
            yield RadiusEntry(
                said("secret").encode("utf-8", "surrogateescape"),
                auth=(said("address"), int(said("authentication-port"))),
                acct=(said("address"), int(said("accounting-port"))),
                source=self._own if ip_address(source).is_unspecified or ":" in source else source,
                timeout=time(said("timeout")) or timedelta(milliseconds=1),
                number=row.id,
            )

    def coa_port(self) -> int | None:
        said = _sayer(self._config, INCOMING, self._config.singleton(INCOMING))
        return int(said("port")) if said("accept") == "true" else None

    def garden(self, server: str) -> Iterator[Rule]:
        for path in (GARDEN_IP, GARDEN):
            for row in self._enabled(path):
                if not any(row.fields.get(name) for name in UNREAD) and _is_for(row.fields.get("server", ""), server):
                    yield _rule(path, row)


def _sayer(config: Configuration, path: str, row: Row) -> Callable[[str], str]:
    return lambda name: config.value(path, row, name)


def _is_for(named: str, server: str) -> bool:
    """Whether a row counts for a server: it names none, this one, or forbids another one."""
    return named != f"!{server}" if named.startswith("!") else named in ("", server)


def _rule(path: str, row: Row) -> Rule:
    fields = row.fields
    return Rule(
        accepts=fields.get("action", "accept") in ("accept", "allow"),
        behind_proxy=path == GARDEN,
        host=fields.get("dst-host", ""),
        address=fields.get("dst-address", ""),
        port=fields.get("dst-port", ""),
        protocol=fields.get("protocol", ""),
        method=fields.get("method", ""),
        path=fields.get("path", ""),
    )


def _spans(ranges: str) -> Iterator[tuple[IPv4Address, IPv4Address]]:
    """``10.5.50.2-10.5.50.254,10.5.51.1,10.5.52.0/24``: from and to of each."""
    for part in ranges.split(","):
        first, dash, last = part.partition("-")
        network = IPv4Network((first, 32) if dash else part)
        yield network[0], IPv4Address(last) if dash else network[-1]


def time(text: str) -> timedelta | None:
    """A time as the router prints it; None for words such as none or received, and for none at all."""
    try:
        return timedelta(milliseconds=milliseconds(text)) if text else None
    except Mismatch:
        return None
