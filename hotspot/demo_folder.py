"""The folder of a demo: marked as one, with what other commands must know to meet the routers of the demo that runs from it.

Each folder has a network of its own inside 127.0.0.0/8 that stands for the tunnel, so that several demos can run side by side.
"""

import random
import socket
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from hotspot.errors import Conflict, Invalid

MARKER: Final = "DEMO"
NOTE: Final = "# Made by `hotspot demo`; `hotspot serve` refuses it. Remove the folder to begin anew.\n"
NETWORKS: Final = [network for second in range(66, 127) for network in IPv4Network(f"127.{second}.0.0/16").subnets(4)]
USUAL: Final[Mapping[str, Any]] = {"tunnel_network": NETWORKS[0]}
KEYS: Final = ("tunnel_network", "radius_auth_port", "radius_acct_port")


class NotADemo(Conflict):
    """{path} is not empty and was not made by `hotspot demo`; give another --data-dir"""


class BadMark(Invalid):
    """{path} is marked as a demo's, but not as any demo marks it; remove the folder to begin anew"""


def is_demo(directory: Path) -> bool:
    """Tell whether `hotspot demo` made the directory."""
    return (directory / MARKER).exists()


def mark(directory: Path) -> None:
    """Make the directory a demo's, or prepare it for another run: the network stays, the ports are free ones.

    Raises:
        NotADemo: it holds something else.
    """
    if directory.exists() and any(directory.iterdir()) and not is_demo(directory):
        raise NotADemo(path=directory)
    directory.mkdir(parents=True, exist_ok=True)
    network = settings_of(directory)["tunnel_network"] if is_demo(directory) else random.choice(NETWORKS)  # noqa: S311  (no secret)
    auth, acct = _free_ports(2)
    lines = (f'tunnel_network = "{network}"', f"radius_auth_port = {auth}", f"radius_acct_port = {acct}", "")
    (directory / MARKER).write_text(NOTE + "\n".join(lines))


def settings_of(directory: Path) -> dict[str, Any]:
    """Return the settings that the mark gives; what is missing or can't be read is as usual."""
    said: dict[str, Any] = {}
    with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        said = tomllib.loads((directory / MARKER).read_text())
    return {**USUAL, **{key: said[key] for key in KEYS if key in said}}


def _free_ports(count: int) -> list[int]:
    """UDP ports that nobody uses at the moment."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
