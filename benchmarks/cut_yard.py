"""A controller with its database and a box beside it, both put back at will: where enrolment and rotation are cut."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any, Final, Self
from urllib.parse import urlsplit

import uvicorn
from sqlmodel import delete, select

from benchmarks.cutter import Cutter
from benchmarks.live_router import Live
from benchmarks.radius_city import SLUG, add_reporters
from hotspot.app import create_app
from hotspot.db import Database
from hotspot.http_server import StrictHttp
from hotspot.paths import shipped
from hotspot.routers import enrol
from hotspot.routers.api import Calls
from hotspot.routers.configs import load
from hotspot.routers.contact import FirstContact
from hotspot.routers.models import Caller, EnrolmentToken, Router
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means
from hotspot.routers.tunnels import tunnel_of
from hotspot.settings import Settings
from hotspot.simulator.routeros.files import File
from hotspot.simulator.routeros.state import Configuration
from hotspot.simulator.routeros.traps import Trap, failure
from hotspot.sites.service import get_site
from hotspot.throttle import Throttle

DEAD: Final = f"{SLUG}-1"  # the name that enrolment gives the first router of the site
DEAD_KEY: Final = "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI="
LARGEST_ANSWER: Final = 1 << 20


class Box(Live):
    """A router as it leaves the shop; what it fetches comes over the line."""

    def _enrol(self) -> None:
        """That is what is cut."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the box and the controller were at a moment."""

    config: Configuration
    files: Mapping[str, File]
    routers: tuple[dict[str, Any], ...] = field(repr=False)


class Yard:
    """The box, the controller, and two lines between them that can be cut: to the box's API, and to the controller's web server."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.settings, self.database = settings, database
        self.box = Box()
        self._configs = load(shipped("router_configs"))
        self.api = Cutter(lambda: self.box.server.endpoint("api-ssl"))
        self.web = Cutter(lambda: self._web_address)
        self.box.router.fetches = self._fetch
        self.now = datetime.fromtimestamp(self.box.clock.wall(), UTC)
        add_reporters(database, settings, 0)
        self._bury_one()
        app = create_app(settings, database, now=lambda: self.now)
        app.state.calls = Calls(*(Throttle(10**9, timedelta(minutes=1)) for _ in range(2)))
        config = uvicorn.Config(app, http=StrictHttp, log_config=None, access_log=False, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._web_address: tuple[str, int] = self._socket.getsockname()[:2]
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def _bury_one(self) -> None:
        """A router that enrolled at the site and is dead since: its identity is waiting for another box."""
        with self.database.writing() as db:
            token = enrol.issue_token(db, site_id=get_site(db, SLUG).id, serial=None, now=self.now)
            contact = FirstContact("DEAD0001", DEAD_KEY, "7.20.8", token=token, fingerprint="ab" * 32)
            enrol.first_contact(db, contact, source="192.0.2.1", settings=self.settings, now=self.now)
            enrol.complete(db, DEAD, fingerprint="ab" * 32, now=self.now)

    def __enter__(self) -> Self:
        self.box.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
        self.box.__exit__()

    def join(self) -> None:
        self.api.join()
        self.web.join()

    # What it is, and was

    def scene(self) -> Scene:
        self.join()
        with self.database.reading() as db:
            routers = tuple(router.model_dump() for router in db.exec(select(Router)))
        router = self.box.router
        return Scene(router.config, dict(router.files.items()), routers)

    def put_back(self, scene: Scene) -> None:
        self.join()
        with self.database.writing() as db:
            for table in (Router, EnrolmentToken, Caller):
                db.execute(delete(table))
            db.add_all(Router(**known) for known in scene.routers)
        self.box.at_once(lambda: self._put_box_back(scene))

    def _put_box_back(self, scene: Scene) -> None:
        router = self.box.router
        router.safe_mode.hold = None
        router.restore(scene.config)
        for name in [name for name, _file in router.files.items()]:
            router.files.delete(name)
        for name, file in scene.files.items():
            router.files.write(name, file.contents, is_directory=file.is_directory, modified=file.modified)

    def router(self, name: str) -> Router:
        with self.database.reading() as db:
            router = get_router_named(db, name)
            db.expunge(router)
            return router

    @property
    def own_name(self) -> str:
        """What the box is called while it stands at no site."""
        return f"router-{self.box.router.serial}"

    # Lines

    def means(self, *, cut: bool) -> Means:
        """The controller's means, over the line that may be cut or past it."""
        return Means(
            self.database,
            self.settings,
            self._configs,
            dial=self._dial_over_line if cut else self._dial,
            wait=lambda _seconds: None,
            clock=lambda: self.now,
        )

    def _dial_over_line(self, address: IPv4Address, port: int) -> socket.socket:
        self._raise_unless_there(address)
        return self.api.dial(address, port)

    def _dial(self, address: IPv4Address, port: int) -> socket.socket:
        self._raise_unless_there(address)
        return self.box.dial(address, port)

    def _raise_unless_there(self, address: IPv4Address) -> None:
        """As in the tunnel: the box has the address, and the controller lets it through."""
        with self.database.reading() as db:
            through = [one for peer in tunnel_of(db, self.settings).peers for one in peer.addresses]
        if address not in through or not self.box.at_once(lambda: self.box.has(address)):
            raise TimeoutError

    def run_script(self, source: str) -> None:
        """Run a script as somebody who pastes it; what stops it is on the screen."""
        with suppress(Trap):
            self.box.router.interpreter.run(source, session=self.box.admin)

    def _fetch(self, arguments: Mapping[str, str]) -> bytes:
        """``/tool/fetch``: a whole answer, or none."""
        url = urlsplit(arguments["url"])
        body = arguments.get("http-data", "").encode()
        head = [f"{arguments.get('http-method', 'get').upper()} {url.path} HTTP/1.1", f"Host: {url.netloc}"]
        head += [arguments["http-header-field"], f"Content-Length: {len(body)}", "Connection: close", "", ""]
        answer = b""
        with suppress(OSError), self.web.dial(IPv4Address("127.0.0.1"), 0) as sock:
            sock.sendall("\r\n".join(head).encode() + body)
            while (piece := sock.recv(65_536)) and len(answer) < LARGEST_ANSWER:
                answer += piece
        said, _, octets = answer.partition(b"\r\n\r\n")
        if not said.startswith(b"HTTP/1.1 200 ") or f"content-length: {len(octets)}".encode() not in said:
            raise failure("connection closed")
        return octets
