"""What runs when hotspot serves: web, RADIUS, clock and the worker of jobs together (`hotspot serve`) or each alone.

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
from typing import Protocol

import structlog
import uvicorn
from prometheus_client import Gauge
from uvicorn.protocols.http.h11_impl import H11Protocol

from hotspot.app import create_app
from hotspot.clock import Clock
from hotspot.db import Database
from hotspot.errors import Unavailable
from hotspot.jobs import Task
from hotspot.radius.server import RadiusServer
from hotspot.routers import api_tests, nightly, rollouts_work, takeover, tasks
from hotspot.settings import SERVED_AT, BadSetting, Settings, make_folder
from hotspot.setup import open_installation
from hotspot.supervisor import RadiusProcesses
from hotspot.telemetry import metrics_told
from hotspot.worker import Worker

log = structlog.get_logger()

BEAT = Gauge("hotspot_beat_timestamp_seconds", "When this process last found all its parts alive", ["part"])
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_HEAD = 64 * 1024  # octets of a request's line and headers; what a router hands over stays below 8 KiB
LINGER = 2.0  # seconds
LOOK_UP_EVERY = 0.5  # seconds
REFUSAL = b"""<!doctype html><html lang="id"><head><meta charset="utf-8"><title>Permintaan tidak terbaca</title>
<meta name="viewport" content="width=device-width,initial-scale=1"></head><body><main><h1>Permintaan tidak terbaca</h1>
<p>Alamat yang dikirim terlalu panjang atau rusak. Buka kembali halaman dari jaringan Wi-Fi.</p>
<p lang="en">The address that was sent is too long or damaged. Open the page again from the Wi-Fi network.</p></main></body></html>
"""
REFUSAL_HEADERS = (
    "content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\nconnection: close\r\n"
    "content-security-policy: default-src 'none'\r\n"
)
TASKS: tuple[Task, ...] = (
    takeover.TASK,
    rollouts_work.TASK,
    nightly.TASK,
    api_tests.TASK,
    *tasks.TASKS,
)  # what may be queued for routers; a feature with such work adds its task here
BEAT_EVERY = 5.0  # seconds; `hotspot health` calls a process dead after a minute without one


class WebPortTaken(Unavailable):
    """Can't listen on {address}: {problem}; give another port or stop what uses it"""


class Part(StrEnum):
    """What a process can do."""

    WEB = "web"
    RADIUS = "radius"
    CLOCK = "clock"
    JOBS = "jobs"


class Service(Protocol):
    """What one part is, started and stopped."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def is_alive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Running:
    """A process that serves: where it can be reached."""

    settings: Settings
    database: Database
    http_port: int | None
    radius_auth_port: int | None
    radius_acct_port: int | None
    radsec_port: int | None


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
            http=StrictHttp,
            h11_max_incomplete_event_size=LONGEST_HEAD,
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


class StrictHttp(H11Protocol):
    """Answers a request that can't be read, or whose head is too long, with a page, and reads no more of it."""

    is_refused = False

    def data_received(self, data: bytes) -> None:
        if not self.is_refused:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Answer, then linger: closing while the phone still sends would take the page away from it (RFC 9112 §9.6)."""
        del msg  # says nothing to a guest
        self.is_refused = True
        head = (
            f"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: {len(REFUSAL)}\r\n{REFUSAL_HEADERS}\r\n"
        )
        self.transport.write(head.encode() + REFUSAL)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `wait`: the parts are stopped together, in order."""
        yield


def _with_real_port(settings: Settings) -> Settings:
    """Choose the port now when any will do: links and redirects must name the real one."""
    return settings.model_copy(update={"http_port": free_port()}) if settings.http_port == 0 else settings


def free_port() -> int:
    """Return a TCP port that nobody uses at the moment."""
    with _bound("127.0.0.1", 0) as probe:
        return int(probe.getsockname()[1])


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
    settings = _with_real_port(settings)
    with ExitStack() as stack:
        if database is None:
            database = open_installation(settings, now=datetime.now(UTC))
            stack.callback(database.close)
        stack.enter_context(metrics_told(settings.metrics_port))
        alive: dict[Part, Callable[[], bool]] = {}

        def start(part: Part, service: Service) -> None:
            service.start()
            stack.callback(service.stop)
            alive[part] = service.is_alive

        radius = _radius(settings, database) if Part.RADIUS in parts else None
        if radius is not None:
            start(Part.RADIUS, radius)
        if Part.CLOCK in parts:
            start(Part.CLOCK, Clock(database, settings))
        if Part.JOBS in parts:
            start(Part.JOBS, Worker(database, settings, TASKS))
        web = Web(settings, database) if Part.WEB in parts else None
        if web is not None:
            start(Part.WEB, web)
            stack.enter_context(_address_told(settings))
        stack.enter_context(_beating(alive))
        told = radius.ports.told() if radius else {}
        yield Running(
            settings,
            database,
            web.port if web else None,
            *(told[name][1] if name in told else None for name in ("auth", "acct", "radsec")),
        )


def _radius(settings: Settings, database: Database) -> RadiusServer | RadiusProcesses:
    """RADIUS in a thread of this process, or in processes of its own when there are to be several."""
    return RadiusProcesses(settings) if settings.radius_processes > 1 else RadiusServer.of(settings, database)


@contextmanager
def _address_told(settings: Settings) -> Iterator[None]:
    """Leave the address in the data directory while serving, for commands that print links."""
    told = settings.data_dir / SERVED_AT
    try:
        make_folder(settings.data_dir)
        told.write_text(f"{settings.base_url}\n")
    except (BadSetting, OSError) as error:  # a container's folder may be read-only; links then name HOTSPOT_PUBLIC_URL
        log.info("can't leave the served address", problem=str(error))
    try:
        yield
    finally:
        told.unlink(missing_ok=True)


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


_asked_to_end = threading.Event()


def end_on_signals() -> None:
    """Let Ctrl-C, systemd, Docker and a closed terminal end this process in order: from now on, also while it still starts."""
    _asked_to_end.clear()
    for number in SIGNALS:
        signal.signal(number, _end)


def wait_for_signal() -> None:
    """Block until somebody asks this process to end.

    It looks up every so often: a signal that comes just before a thread falls asleep doesn't wake it, and Python runs handlers awake.
    """
    while not _asked_to_end.wait(LOOK_UP_EVERY):
        pass


def _end(_number: int, _frame: FrameType | None) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # what was started is being stopped; asking twice must not cut that short
    _asked_to_end.set()  # raised within a finalizer, the exit below is lost; whoever waits ends all the same
    raise SystemExit(0)
