"""What is behind a simulated gateway once a device is logged in: the hosts that phones probe, and a page for every other name.

The probe answers are octet for octet what the real hosts send, because a phone compares them; everything else says that it is a
simulation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hotspot.simulator.listener import Answer

APPLE: Final = b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
WINDOWS: Final = b"Microsoft Connect Test"
FIREFOX: Final = b"success\n"
FIREFOX_CANONICAL: Final = b'<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>'

ELSEWHERE: Final = b"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>The internet, simulated</title></head>
<body>
<p>Your device is online. This page stands for the whole internet: everything here is a simulation.</p>
<p lang="id">Perangkat Anda online. Halaman ini mewakili seluruh internet: semuanya simulasi.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _Known:
    status: int
    kind: str
    body: bytes


_NO_CONTENT: Final = _Known(204, "", b"")
_KNOWN: Final[Mapping[tuple[str, str], _Known]] = {
    ("captive.apple.com", "/hotspot-detect.html"): _Known(200, "text/html", APPLE),
    ("captive.apple.com", "/"): _Known(200, "text/html", APPLE),
    ("connectivitycheck.gstatic.com", "/generate_204"): _NO_CONTENT,
    ("clients3.google.com", "/generate_204"): _NO_CONTENT,
    ("connectivitycheck.platform.hicloud.com", "/generate_204"): _NO_CONTENT,
    ("www.msftconnecttest.com", "/connecttest.txt"): _Known(200, "text/plain", WINDOWS),
    ("detectportal.firefox.com", "/success.txt"): _Known(200, "text/plain", FIREFOX),
    ("detectportal.firefox.com", "/canonical.html"): _Known(200, "text/html", FIREFOX_CANONICAL),
}
_ELSEWHERE: Final = _Known(200, "text/html; charset=utf-8", ELSEWHERE)


def answer(host: str, path: str) -> Answer:
    """Answer as this host of the internet would."""
    known = _KNOWN.get((host.lower(), path), _ELSEWHERE)
    kind = (("Content-Type", known.kind),) if known.kind else ()
    return Answer(known.status, known.body, (*kind, ("Cache-Control", "no-store")))
