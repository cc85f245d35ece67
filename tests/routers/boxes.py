"""Boxes that call the controller over HTTP, each with its own key and serial number."""

import asyncio
import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from hotspot.db import Database
from hotspot.routers import inbox
from hotspot.routers.enrol import adopt, complete, issue_token
from hotspot.routers.models import Caller, Router
from hotspot.routers.service import get_router_named
from hotspot.settings import Settings

CONTACT = "/api/enrol/v1/contact"
SCRIPT = "/api/enrol/v1/script"
FINGERPRINT = "ab" * 32


@dataclass(frozen=True, slots=True)
class Box:
    """One router as it leaves the shop; the same serial number with another key is another box, or a reset one."""

    serial: str
    seed: str = ""

    @property
    def key(self) -> str:
        return base64.b64encode(sha256(f"{self.serial} {self.seed}".encode()).digest()).decode()

    def says(self, token: str = "", **changed: Any) -> dict[str, Any]:
        return {
            "token": token,
            "serial": self.serial,
            "model": "hAP ax^2",
            "version": "7.20.8 (stable)",
            "licence": "4",
            "wireguard_key": self.key,
            "fingerprint": FINGERPRINT,
            "packages": ["routeros", "wifi-qcom"],
            "device_mode": {"mode": "advanced", "hotspot": "yes", "fetch": True},
            **changed,
        }


@dataclass(slots=True)
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


class Line:
    """Requests to the application in this process, one by one or all at once."""

    def __init__(self, app: ASGIApp, source: tuple[str, int] = ("", 0)) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=source)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", timeout=60)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def post_all(self, path: str, bodies: Iterable[dict[str, Any]]) -> list[httpx.Response]:
        """Post them all at once."""

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(self._client.post(path, json=body) for body in bodies))

        return self._runner.run(together())

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()


@dataclass(slots=True)
class Controller:
    """The controller as routers meet it, and its database as tests look into it."""

    app: FastAPI
    line: Line
    database: Database
    clock: Clock
    site: int
    other_site: int

    def token(self, *, site: int | None = None, serial: str | None = None) -> str:
        with self.database.writing() as db:
            bound = self.site if site is None and serial is None else site
            return issue_token(db, site_id=bound, serial=serial, now=self.clock())

    def hears(self, box: Box, token: str = "", **changed: Any) -> dict[str, Any]:
        answer = self.line.post(CONTACT, json=box.says(token, **changed))
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def hears_all(self, said: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = self.line.post_all(CONTACT, said)
        assert {answer.status_code for answer in answers} == {200}
        return [answer.json() for answer in answers]

    def router(self, name: str) -> Router:
        with self.database.reading() as db:
            router = get_router_named(db, name)
            db.expunge(router)
            return router

    def completes(self, name: str, fingerprint: str = FINGERPRINT) -> None:
        with self.database.writing() as db:
            complete(db, name, fingerprint=fingerprint, now=self.clock())


def callers(controller: Controller) -> list[Caller]:
    with controller.database.reading() as db:
        found = list(inbox.callers(db))
        db.expunge_all()
        return found


def adopted(controller: Controller, settings: Settings, *, site: int | None = None, again: bool = False) -> str:
    """Adopt the only caller."""
    (caller,) = callers(controller)
    assert caller.id is not None
    with controller.database.writing() as db:
        return adopt(db, caller.id, site_id=site, again=again, settings=settings, now=controller.clock()).name
