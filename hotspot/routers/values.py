"""What the holes of router configs are filled with, each value with who said so. Pure: the doors bring what they know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from hotspot.routers.menus import FLASH, Version

TUNNEL_INTERFACE: Final = "hotspot"  # the name enrolment gives the WireGuard interface


@dataclass(frozen=True, slots=True)
class Value:
    """A text, or several for `each`; `source` says in words where it comes from. A secret's text is never shown."""

    text: str | tuple[str, ...] = field(repr=False)
    source: str
    secret: bool = False


Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class RouterFacts:
    """What a router says of itself. `interfaces` maps each name to its type as /interface prints it: ether, wifi, wlan, bridge.

    `uplinks` are the interfaces by which it reaches the controller; `networks` those of addresses that aren't ours, with the interface of
    each; `virtual` those that did not come with the box; `device_mode` its
    features; `licence` its level, None: unknown.
    """

    version: Version
    model: str = ""
    packages: frozenset[str] = frozenset()
    interfaces: Mapping[str, str] = field(default_factory=dict)
    uplinks: frozenset[str] = frozenset()
    networks: tuple[tuple[IPv4Network, str], ...] = ()
    virtual: frozenset[str] = frozenset()
    has_flash: bool = False
    device_mode: Mapping[str, bool] = field(default_factory=dict)
    licence: int | None = None
    architecture: str = ""

    @property
    def wifi(self) -> str:
        """Return which tree its radios are in: "wifi", "wireless", or "" without radios. A box has one of the drivers only."""
        types = set(self.interfaces.values())
        return "wifi" if "wifi" in types else "wireless" if "wlan" in types else ""

    @property
    def line_networks(self) -> tuple[IPv4Network, ...]:
        """Return the networks by which it reaches the controller."""
        return tuple(network for network, interface in self.networks if interface in self.uplinks)

    @property
    def radios(self) -> tuple[str, ...]:
        """Return its own radios that are there for guests: not an office's network beside them, and none that it has its line by."""
        kept = self.virtual | self.uplinks
        return tuple(name for name, kind in self.interfaces.items() if kind in {"wifi", "wlan"} and name not in kept)


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The TLS of a router's log-in page; empty where it has none, and `lack` says why, if there is more to say than that.

    `certificates` are what its certificate and that one's issuers are called on the router. `said` tells in words which it is,
    `host_said` who gave the name. `api` is the address of its captive portal API where phones may be told of it.
    """

    host: str = ""
    certificates: tuple[str, ...] = ()
    said: str = ""
    host_said: str = ""
    lack: str = ""
    api: str = ""

    @property
    def certificate(self) -> str:
        return self.certificates[0] if self.certificates else ""


@dataclass(frozen=True, slots=True)
class RouterIdentity:
    """What the controller knows of one router."""

    name: str
    tunnel_address: IPv4Address
    radius_secret: str = field(repr=False)
    coa_port: int
    login: LoginPage = LoginPage()


@dataclass(frozen=True, slots=True)
class Controller:
    """Where routers find us: our end of the tunnel, the RADIUS servers in the order to try, and the site's portal."""

    address: IPv4Address
    radius_servers: tuple[IPv4Address, ...]
    portal_url: str
    portal_host: str
    portal_port: int
    time_zone: str
    radius_port: int = 1812
    accounting_port: int = 1813
    tunnel_interface: str = TUNNEL_INTERFACE


def router_values(identity: RouterIdentity, facts: RouterFacts) -> dict[str, Value]:
    """Return the values ``router.…``."""
    said, seen = f"router {identity.name}", "the router itself"
    return {
        "router.name": Value(identity.name, said),
        "router.tunnel_address": Value(str(identity.tunnel_address), said),
        "router.radius_secret": Value(identity.radius_secret, said, secret=True),
        "router.coa_port": Value(str(identity.coa_port), said),
        "router.certificate": Value(identity.login.certificate, identity.login.said or said),
        "router.login_host": Value(identity.login.host, identity.login.host_said or said),
        "router.captive_api": Value(identity.login.api, "its self-test"),
        "router.flash": Value(FLASH if facts.has_flash else "", seen),
        "router.radios": Value(facts.radios, seen),
    }


def controller_values(controller: Controller) -> dict[str, Value]:
    """Return the values ``controller.…`` and ``portal.…``."""
    said = "the controller's settings"
    return {
        "controller.address": Value(str(controller.address), said),
        "controller.tunnel_interface": Value(controller.tunnel_interface, said),
        "controller.radius_servers": Value(tuple(str(address) for address in controller.radius_servers), said),
        "controller.further_radius_servers": Value(tuple(str(one) for one in controller.radius_servers[1:]), said),
        "controller.radius_port": Value(str(controller.radius_port), said),
        "controller.accounting_port": Value(str(controller.accounting_port), said),
        "controller.time_zone": Value(controller.time_zone, said),
        "portal.url": Value(controller.portal_url, said),
        "portal.host": Value(controller.portal_host, said),
        "portal.port": Value(str(controller.portal_port), said),
    }


def site_values(settings: Mapping[str, object], places: Mapping[str, str]) -> dict[str, Value]:
    """Return the values ``site.…`` of a site's effective settings, and ``guest.…``, which follow from its guest network.

    `places` says in words who gave each setting, as `sites.settings.Effective.places` does. A text setting that is a list, separated by
    commas, serves as one text and, under its name with ``_each``, for `each`.
    """
    values = {}
    for key, setting in settings.items():
        text = "" if setting is None else str(setting)
        values[f"site.{key}"] = Value(text, places[key])
        values[f"site.{key}_each"] = Value(tuple(part for part in text.split(",") if part), places[key])
    country = values["site.wifi_country"]
    values["site.wireless_country"] = Value(
        str(country.text).lower(), country.source
    )  # /interface/wireless writes it so
    return values | _guest_values(IPv4Network(str(settings["guest_network"])), places["guest_network"])


def _guest_values(network: IPv4Network, place: str) -> dict[str, Value]:
    gateway = network.network_address + 1
    texts = {
        "network": str(network),
        "gateway": str(gateway),
        "address": f"{gateway}/{network.prefixlen}",
        "pool": f"{gateway + 1}-{network.broadcast_address - 1}",
    }
    return {f"guest.{name}": Value(text, place) for name, text in texts.items()}
