"""The boxes that can be simulated: ports, radios, where files live, what device-mode and licence they leave the factory with. Pure."""

from dataclasses import dataclass
from typing import Final

MODES: Final = {
    "home": "",
    "basic": "scheduler socks fetch pptp l2tp bandwidth-test sniffer ipsec romon proxy smb email zerotier routerboard",
    "advanced": "scheduler socks fetch pptp l2tp bandwidth-test traffic-gen sniffer ipsec romon proxy hotspot smb email zerotier",
    "rose": "scheduler socks fetch pptp l2tp bandwidth-test traffic-gen sniffer ipsec romon proxy hotspot smb email zerotier container",
}
SESSIONS: Final = {0: 1, 1: 1, 3: 1, 4: 200, 5: 500, 6: None}
"""Concurrent hotspot users by licence level; None is no limit."""


@dataclass(frozen=True, slots=True)
class Board:
    """A model."""

    name: str
    architecture: str
    ethernets: int
    wifi: int = 0
    wireless: int = 0
    flash: bool = False
    mode: str = "home"
    licence: int = 4
    packages: tuple[str, ...] = ("routeros",)
    routerboard: bool = True


BOARDS: Final = {
    board.name: board
    for board in (
        Board("hAP ax^2", "arm64", 5, wifi=2, packages=("routeros", "wifi-qcom")),
        Board("hAP ac^2", "arm", 5, wifi=2, flash=True, packages=("routeros", "wifi-qcom-ac")),
        Board("cAP ax", "arm64", 2, wifi=2, packages=("routeros", "wifi-qcom")),
        Board("RB951Ui-2HnD", "mipsbe", 5, wireless=1, flash=True, packages=("routeros", "wireless")),
        Board("hAP lite", "smips", 4, wireless=1, flash=True, packages=("routeros", "wireless")),
        Board("RB5009UG+S+", "arm64", 9, mode="basic", licence=5),
        Board("CCR2004-16G-2S+", "arm64", 18, mode="advanced", licence=6),
        Board("CHR", "x86_64", 1, mode="advanced", licence=6, routerboard=False),
    )
}
