"""The download server of RouterOS as a simulated router finds it: which packages there are, for which architecture, since when. Pure."""

import re
from typing import Final, NamedTuple

from hotspot.simulator.routeros.table import Span, Version, parse_version

SERVER: Final = re.compile(r"https?://(?:download|upgrade)\.mikrotik\.com/routeros/([0-9.]+)/([^/]+)")
ARM: Final = frozenset({"arm", "arm64"})
WITH_RADIO: Final = frozenset({"arm", "arm64", "mipsbe", "mmips", "ppc", "smips", "x86"})
EVERYWHERE: Final = WITH_RADIO | {"tile"}
ALWAYS: Final = Span((), None)
SUFFIX: Final = {"x86": "", "x86_64": "", "powerpc": "-ppc"}
HASH: Final = b"0" * 64
ROUTEROS: Final = 13_000_000  # octets, of one package or another


class Published(NamedTuple):
    architectures: frozenset[str]
    span: Span = ALWAYS
    octets: int = 900_000


PACKAGES: Final[dict[str, Published]] = {
    "routeros": Published(EVERYWHERE, octets=ROUTEROS),
    "calea": Published(EVERYWHERE - {"smips"}),
    "container": Published(ARM | {"x86"}),
    "dude": Published(ARM | {"mmips", "tile", "x86"}),
    "hotspot": Published(frozenset({"smips"}), Span((7, 20), None)),  # part of the system on the others, and before
    "lora": Published(EVERYWHERE - {"smips"}, Span((), (7, 20))),
    "rose-storage": Published(ARM | {"tile", "x86"}, octets=3_200_000),
    "user-manager": Published(EVERYWHERE - {"smips"}),
    "wifi-qcom": Published(ARM, octets=10_700_000),
    "wifi-qcom-ac": Published(frozenset({"arm"}), octets=2_800_000),
    "wireless": Published(WITH_RADIO),
    "zerotier": Published(ARM),
}


def is_published(name: str, version: Version, architecture: str) -> bool:
    found = PACKAGES.get(name)
    plain = {"x86_64": "x86", "powerpc": "ppc"}.get(architecture, architecture)
    return found is not None and plain in found.architectures and found.span.knows(version)


def octets_of(name: str) -> int:
    return PACKAGES[name].octets if name in PACKAGES else 0


def sidecar(url: str) -> bytes | None:
    """The SHA-256 that stands beside a package; empty where there is none, None for an address of somebody else."""
    asked = SERVER.fullmatch(url)
    if asked is None:
        return None
    version, file = asked.groups()
    for name, published in PACKAGES.items():
        for architecture in published.architectures:
            package = f"{name}-{version}{SUFFIX.get(architecture, f'-{architecture}')}.npk"
            if file == f"{package}.sha256" and is_published(name, parse_version(version), architecture):
                return HASH + f"  {package}\n".encode()
    return b""
