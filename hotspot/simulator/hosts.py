"""A hotspot's host table (/ip/hotspot/host): which devices the router sees, logged in or not.

On a cable the router learns a device's MAC address from its frames. Here the source address of a connection stands for the device:
whoever connects from an address that joined as a device is that device. An address that never joined, like the browser of somebody
trying the simulation, gets a made-up MAC address that stays the same for this router.
"""

import hashlib
import random
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from hotspot.errors import Unavailable
from hotspot.guests.models import MacAddress

CHALLENGE_LIFE: Final = 3600.0  # seconds without activity (RouterOS manual, HTTP CHAP)
BACKGROUND: Final = 2_000.0, 20_000.0  # octets/s from and to a browser that never joined: apps in the background


Pool = Sequence[tuple[IPv4Address, IPv4Address]]
"""The addresses that DHCP gives out: from and to, several times."""


class PoolEmpty(Unavailable):
    """All addresses of this hotspot are given out"""


@dataclass(slots=True)
class Challenge:
    """HTTP CHAP: one octet and sixteen, for one log-in."""

    identifier: int
    octets: bytes
    shown_at: float

    @classmethod
    def fresh(cls, now: float) -> "Challenge":
        return cls(secrets.randbelow(256), secrets.token_bytes(16), now)

    def is_alive(self, now: float) -> bool:
        return now - self.shown_at <= CHALLENGE_LIFE


@dataclass(frozen=True, slots=True)
class Appetite:
    """How much a live phone moves by itself on average, octets per second from and to the device."""

    from_device: float
    to_device: float

    def eat(self, chance: random.Random, seconds: float) -> tuple[int, int]:
        """Return what it moves in this time: often little, sometimes much, seldom nothing."""
        share = chance.expovariate(1.0)
        return int(self.from_device * seconds * share), int(self.to_device * seconds * share)


@dataclass(slots=True)
class Host:
    """A device that the router sees. `is_near` false: it went away and has not said so.

    `was_greeted`: the router has asked RADIUS about its MAC address since it appeared.
    """

    mac: MacAddress
    address: IPv4Address
    since: float
    seen_at: float
    appetite: Appetite | None = None
    challenge: Challenge | None = None
    is_near: bool = True
    is_logging_in: bool = False
    was_greeted: bool = False

    def offered_challenge(self, now: float) -> Challenge:
        """Return the challenge that stands for the next log-in, a new one when it was used or lapsed."""
        if self.challenge is None or not self.challenge.is_alive(now):
            self.challenge = Challenge.fresh(now)
        self.challenge.shown_at = now
        return self.challenge

    def used_challenge(self, now: float) -> Challenge | None:
        """Return the challenge and forget it: nobody can answer it twice."""
        found, self.challenge = self.challenge, None
        return found if found is not None and found.is_alive(now) else None


@dataclass(frozen=True, slots=True)
class _Associated:
    """A device in the air around the router, and the network it has joined; "" for one that just appeared."""

    mac: MacAddress
    appetite: Appetite | None
    ssid: str = ""


class HostTable:
    """The hosts of one router, and the devices that are in the air around it."""

    def __init__(self, router_name: str, pool: Pool) -> None:
        self.pool = pool
        self._router_name = router_name
        self._air: dict[str, _Associated] = {}
        self._hosts: dict[MacAddress, Host] = {}

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts.values())

    def __len__(self) -> int:
        return len(self._hosts)

    def join(self, source: str, mac: MacAddress, appetite: Appetite | None = None, *, ssid: str = "") -> None:
        """Associate: from now on, `source` is this device; a reboot of the router does not change that."""
        self._air[source] = _Associated(mac, appetite, ssid)

    def leave(self, source: str) -> None:
        """Walk out of range, saying nothing."""
        gone = self._air.pop(source, None)
        if gone is not None and gone.mac in self._hosts:
            self._hosts[gone.mac].is_near = False

    def lose(self, ssids: Collection[str]) -> None:
        """These networks are gone from the air, and so is who was in them."""
        for source in [source for source, associated in self._air.items() if associated.ssid in ssids]:
            self.leave(source)

    def associated(self, source: str) -> MacAddress | None:
        """Which device connects from here, if one has joined."""
        found = self._air.get(source)
        return None if found is None else found.mac

    def seen(self, source: str, now: float) -> Host:
        """Return the host behind `source`, adding it as DHCP and its first packet would.

        Raises:
            PoolEmpty: there is no address left.
        """
        if source not in self._air:
            self._air[source] = _Associated(made_up_mac(self._router_name, source), Appetite(*BACKGROUND))
        associated = self._air[source]
        host = self._hosts.get(associated.mac)
        if host is None:
            host = Host(associated.mac, self._free_address(), now, now, associated.appetite)
            self._hosts[associated.mac] = host
        host.is_near = True
        return host

    def drop(self, mac: MacAddress) -> None:
        self._hosts.pop(mac, None)

    def clear(self) -> None:
        """Forget everything the router knew; what is in the air stays there."""
        self._hosts.clear()

    def _free_address(self) -> IPv4Address:
        taken = {host.address for host in self._hosts.values()}
        for first, last in self.pool:
            for number in range(int(last) - int(first) + 1):
                if first + number not in taken:
                    return first + number
        raise PoolEmpty


def made_up_mac(router_name: str, source: str) -> MacAddress:
    """Return the random-looking address a phone would use here: locally administered, the same every time."""
    octets = hashlib.sha256(f"{router_name}\n{source}".encode()).digest()[:6]
    return MacAddress(bytes([octets[0] & 0xFC | 0x02]) + octets[1:])
