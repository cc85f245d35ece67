"""Phones that type codes into the portal's page over HTTP, each with a device of its own unless told otherwise."""

import http.client
import re
import time
from collections.abc import Mapping
from html import unescape
from typing import Final, NamedTuple
from urllib.parse import urlencode

from benchmarks.radius_city import SLUG

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


class Answer(NamedTuple):
    """What a phone was answered: `page` without the device's own address, so that two answers can be compared."""

    status: int
    page: str
    seconds: float


class Phone:
    """One device; it keeps no cookie and runs no script."""

    def __init__(self, port: int, router: str, number: int) -> None:
        self.mac = f"02:{number >> 32 & 255:02X}:" + ":".join(
            f"{number >> shift & 255:02X}" for shift in (24, 16, 8, 0)
        )
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._handed = {"mac": self.mac, "ip": "10.5.50.9", "link-login-only": f"http://{router}/login"}

    def type_in(self, code: str) -> Answer:
        """Open the page, type a code and press the button; only the button's answer is timed."""
        fields = self._fields()
        began = time.perf_counter()
        status, page = self._ask("POST", f"/p/{SLUG}/login", {**fields, "code": code})
        return Answer(status, page, time.perf_counter() - began)

    def close(self) -> None:
        self._connection.close()

    def _fields(self) -> dict[str, str]:
        _, page = self._ask("GET", f"/p/{SLUG}?{urlencode(self._handed)}", {})
        return {unescape(name): unescape(value) for name, value in HIDDEN.findall(page)}

    def _ask(self, method: str, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        self._connection.request(method, path, urlencode(fields) if fields else None, FORM if fields else {})
        answer = self._connection.getresponse()
        page = answer.read().decode()
        self._connection.close()  # the next question opens it anew: the program closes those that stay silent
        return answer.status, page if method == "GET" else page.replace(self.mac.replace(":", "%3A"), "")
