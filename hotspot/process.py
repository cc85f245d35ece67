"""What runs in one process: web, RADIUS and clock together (`hotspot serve`) or each alone.

The web runs in the main thread, because signals arrive there; RADIUS has a thread with its own event loop, so that a slow page
never delays a packet. Whatever was started is stopped, in reverse, also when something fails half-way.
"""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import FrameType

import structlog
import uvicorn
from prometheus_client import Gauge, start_http_server

from hotspot.app import create_app
from hotspot.clock import Clock
from hotspot.db import Database
from hotspot.errors import Unavailable
from hotspot.radius.server import RadiusServer
from hotspot.settings import Settings
from hotspot.setup import open_installation

log = structlog.get_logger()

BEAT = Gauge("hotspot_beat_timestamp_seconds", "When this process last found all its parts alive", ["part"])
BEAT_EVERY = 5.0  # seconds; `hotspot health` calls a process dead after a minute without one


class WebPortTaken(Unavailable):
    """Can't listen on {address}: {problem}; give another port or stop what uses it"""


class Part(StrEnum):
    """What a process can do."""

    WEB = "web"
    RADIUS = "radius"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Running:
    """A process that serves: where it can be reached."""

    settings: Settings
    database: Database
    http_port: int | None
    radius_auth_port: int | None
    radius_acct_port: int | None


class Web:
    """uvicorn over our application, in a thread of its own or in the main one."""

    def __init__(self, settings: Settings, database: Database) -> None:
        config = uvicorn.Config(
            create_app(settings, database),
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            timeout_keep_alive=5,
            h11_max_incomplete_event_size=16 * 1024,
            limit_concurrency=1000,
            timeout_graceful_shutdown=3,
        )
        self._socket = _bound(settings.http_host, settings.http_port)
        self.port: int = self._socket.getsockname()[1]
        self._server = _QuietServer(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)

    def start(self) -> None:
        """Return when it answers: what is printed as ready is ready."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.01)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `wait`: the parts are stopped together, in order."""
        yield


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise WebPortTaken(address=f"{host}:{port}", problem=error.strerror) from error
    return bound


@contextmanager
def running(settings: Settings, parts: set[Part], database: Database | None = None) -> Iterator[Running]:
    """Start the parts, yield where they are, and stop them.

    Raises:
        WebPortTaken: one of the ports is in use.
    """
    with ExitStack() as stack:
        if database is None:
            database = open_installation(settings, now=datetime.now(UTC))
            stack.callback(database.close)
        if settings.metrics_port is not None:
            metrics, thread = start_http_server(settings.metrics_port, addr="127.0.0.1")
            stack.callback(thread.join)
            stack.callback(metrics.server_close)
            stack.callback(metrics.shutdown)
        alive: dict[Part, Callable[[], bool]] = {}
        radius = RadiusServer.of(settings, database) if Part.RADIUS in parts else None
        if radius is not None:
            radius.start()
            stack.callback(radius.stop)
            alive[Part.RADIUS] = radius.is_alive
        if Part.CLOCK in parts:
            clock = Clock(database, settings)
            clock.start()
            stack.callback(clock.stop)
            alive[Part.CLOCK] = lambda: True
        web = Web(settings, database) if Part.WEB in parts else None
        if web is not None:
            web.start()
            stack.callback(web.stop)
            alive[Part.WEB] = web.is_alive
        stack.enter_context(_beating(alive))
        yield Running(
            settings,
            database,
            web.port if web else None,
            radius.auth_address[1] if radius else None,
            radius.acct_address[1] if radius else None,
        )


@contextmanager
def _beating(alive: dict[Part, Callable[[], bool]]) -> Iterator[None]:
    done = threading.Event()

    def beat() -> None:
        while True:
            for part, is_alive in alive.items():
                if is_alive():
                    BEAT.labels(part).set_to_current_time()
            if done.wait(BEAT_EVERY):
                return

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    yield
    done.set()
    thread.join()
    BEAT.clear()


def wait_for_signal() -> None:
    """Block until somebody asks this process to end (Ctrl-C, systemd, Docker)."""
    asked = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    while not asked.wait(1.0):  # a bare wait would hold signals back on some systems
        pass
