"""The controller's WireGuard configuration as text, for ``wg`` and ``wg-quick``: typed values in, a file out."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from ipaddress import IPv4Address, IPv4Interface
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

HIDDEN: Final = "(hidden)"
HEAD: Final = "# Written by hotspot; what is changed here by hand is lost."


@dataclass(frozen=True, slots=True)
class Peer:
    """A router at the other end: its name, public key, and the addresses that may come from it."""

    name: str
    public_key: str
    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The controller's end. Routers dial out to it, so peers have no endpoint."""

    private_key: str = field(repr=False)
    address: IPv4Interface
    port: int
    peers: tuple[Peer, ...]


def new_private_key() -> str:
    """Return a fresh private key as WireGuard spells it."""
    return base64.b64encode(X25519PrivateKey.generate().private_bytes_raw()).decode()


def public_key_of(private_key: str) -> str:
    key = X25519PrivateKey.from_private_bytes(base64.b64decode(private_key)).public_key()
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def render(tunnel: Tunnel, *, for_quick: bool = True) -> str:
    """Return the file for ``wg-quick``; without `for_quick` the one for ``wg syncconf``, which knows no Address.

    The network's prefix stands at our own address, so the route to every peer is there before the peer is.
    """
    interface = [HEAD, "[Interface]", f"PrivateKey = {tunnel.private_key}", f"ListenPort = {tunnel.port}"]
    if for_quick:
        interface.append(f"Address = {tunnel.address}")
    blocks = ["\n".join(interface)]
    for peer in sorted(tunnel.peers, key=lambda one: one.addresses):
        allowed = ", ".join(f"{address}/32" for address in peer.addresses)
        blocks.append(f"# {peer.name}\n[Peer]\nPublicKey = {peer.public_key}\nAllowedIPs = {allowed}")
    return "\n\n".join(blocks) + "\n"


def shown(text: str) -> str:
    """Return the configuration without its secret."""
    return "\n".join(_shown(line) for line in text.splitlines()) + ("\n" if text else "")


def diff(before: str, after: str, *, name: str) -> Sequence[str]:
    """Return what changes between two files, line by line; a private key that changes is told, not shown."""
    return [
        _shown(line.rstrip("\n"))
        for line in unified_diff(
            before.splitlines(), after.splitlines(), f"{name} (now)", f"{name} (new)", n=2, lineterm=""
        )
    ]


def _shown(line: str) -> str:
    mark = line[: len(line) - len(line.lstrip("+- "))]
    return f"{mark}PrivateKey = {HIDDEN}" if line[len(mark) :].startswith("PrivateKey") else line
