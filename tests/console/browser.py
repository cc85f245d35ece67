"""A browser with cookies and without scripts, in this process; and a clock that tests set."""

import asyncio
import re
from datetime import datetime, timedelta

import httpx
from starlette.types import ASGIApp

FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


class Clock:
    """The time as tests say it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, time: timedelta) -> None:
        self.now += time


class Browser:
    """Follows no redirects; says Indonesian first, as its owner does."""

    def __init__(self, app: ASGIApp, base_url: str = "http://127.0.0.1:8080") -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=base_url)
        self.cookies = self._client.cookies

    def request(self, method: str, url: str, **more: object) -> httpx.Response:
        return self._runner.run(self._client.request(method, url, **more))

    def get(self, url: str, **more: object) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: object) -> httpx.Response:
        return self.request("POST", url, **more)

    def press_button(self, link: str, **headers: str) -> httpx.Response:
        """Open a login link as a person does, and press its button."""
        return self.post(link, data={"form_token": form_token(self.get(link).text)}, headers=headers)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


def form_token(page: str) -> str:
    found = FORM_TOKEN.search(page)
    assert found is not None
    return found[1]
