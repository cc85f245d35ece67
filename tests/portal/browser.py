"""The portal and a router on loopback, for a real Chromium.

The router does what RouterOS does after the button: RADIUS's Accept, accounting's Start, and a redirect to `dst`.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.portal.visit import MAC, Visit

CHROMIUM = Path("/usr/bin/chromium")
NARROW = {"width": 320, "height": 568}  # the smallest phones still carried, and WCAG 2.2 §1.4.10
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def listening() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    return found


@contextmanager
def serving(app: ASGIApp, on: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [on]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Served:
    """A visit that a browser can make. `reports_start` false: the router lets the guest in and says nothing of it."""

    visit: Visit
    base: str
    router: str
    reports_start: bool = True

    def address(self, path: str = "", **more: str) -> str:
        return f"{self.base}/p/alun-alun{path}?{urlencode(more)}"

    def captured(self, **more: str) -> str:
        given = {"mac": MAC, "link-login-only": f"{self.router}/login", "link-orig": "http://example.com/", "error": ""}
        return self.address(**{**given, **more})

    def router_app(self) -> Starlette:
        def login(request: Request) -> Response:
            user_name = request.query_params["username"]
            self.visit.accept(user_name)
            if self.reports_start:
                self.visit.start(user_name)
            return RedirectResponse(request.query_params["dst"], 302)

        def logout(_: Request) -> Response:
            return HTMLResponse("<!doctype html><title>router</title><h1>signed out</h1>")

        return Starlette(routes=[Route("/login", login), Route("/logout", logout)])
