"""How Apple, Android, Windows and Firefox find out that they are captive, and how each shows the portal to its owner.

Each asks its own host with its own User-Agent and has its own idea of success; anything else means "captive". What each does with the
portal's page (see `sheet`): Apple's and Android's look again after each page that was fully loaded; Android's goes away by itself as soon
as the device is online; Apple's holds the network, and closing it before that leaves the Wi-Fi. Newer Androids ask the network's own API
(RFC 8908) first, where DHCP names one (option 114). Windows and Firefox show the portal in the browser and look again in their own time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import httpx

from hotspot.simulator.internet import FIREFOX, FIREFOX_CANONICAL, WINDOWS

_TITLE_SUCCESS: Final = re.compile(
    rb"<title>\s*success\s*</title>.*<body>\s*success\s*</body>", re.IGNORECASE | re.DOTALL
)


class Verdict(StrEnum):
    """What a probe found."""

    ONLINE = "online"
    CAPTIVE = "captive"
    NO_NETWORK = "no network"


@dataclass(frozen=True, slots=True)
class Kind:
    """A system: where it probes, what it calls success, what it opens for its owner, with which browser, and how it shows that."""

    name: str
    probe_url: str
    probe_agent: str
    is_success: Callable[[httpx.Response], bool]
    opens: str
    browser_agent: str
    looks_after_pages: bool = False
    closes_when_online: bool = False
    leaves_when_closed: bool = False
    asks_api: bool = False


def _is_apple_success(response: httpx.Response) -> bool:
    return response.status_code == 200 and _TITLE_SUCCESS.search(response.content) is not None


def _is_android_success(response: httpx.Response) -> bool:
    return response.status_code == 204


def _is_windows_success(response: httpx.Response) -> bool:
    return response.status_code == 200 and response.content == WINDOWS


def _is_firefox_success(response: httpx.Response) -> bool:
    return response.status_code == 200 and response.content.strip() in (FIREFOX.strip(), FIREFOX_CANONICAL)


APPLE: Final = Kind(
    "Apple",
    "http://captive.apple.com/hotspot-detect.html",
    "CaptiveNetworkSupport-481.120.2 wispr",
    _is_apple_success,
    "http://captive.apple.com/hotspot-detect.html",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    looks_after_pages=True,
    leaves_when_closed=True,
)
ANDROID: Final = Kind(
    "Android",
    "http://connectivitycheck.gstatic.com/generate_204",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.32 Safari/537.36",
    _is_android_success,
    "http://connectivitycheck.gstatic.com/generate_204",
    "Mozilla/5.0 (Linux; Android 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/95.0 Mobile Safari/537.36",
    looks_after_pages=True,
    closes_when_online=True,
)
NEW_ANDROID: Final = replace(
    ANDROID,
    name="Android with API",
    browser_agent="Mozilla/5.0 (Linux; Android 15; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0 Mobile Safari/537.36",
    asks_api=True,
)
WINDOWS_LAPTOP: Final = Kind(
    "Windows",
    "http://www.msftconnecttest.com/connecttest.txt",
    "Microsoft NCSI",
    _is_windows_success,
    "http://www.msftconnecttest.com/redirect",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0 Safari/537.36 Edg/138.0",
)
FIREFOX_LAPTOP: Final = Kind(
    "Firefox",
    "http://detectportal.firefox.com/success.txt",
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    _is_firefox_success,
    "http://detectportal.firefox.com/canonical.html",
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
)
KINDS: Final = (APPLE, ANDROID, NEW_ANDROID, WINDOWS_LAPTOP, FIREFOX_LAPTOP)
