"""What runs when hotspot serves: web, RADIUS, clock and the worker of jobs together (`hotspot serve`) or each alone.

The web runs in the main thread, because signals arrive there; RADIUS has a thread with its own event loop, so that a slow page
never delays a packet. Whatever was started is stopped, in reverse, also when something fails half-way.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import FrameType
from typing import Protocol

import structlog
from prometheus_client import Gauge

from hotspot.app import create_app
from hotspot.clock import Clock
from hotspot.db import Database
from hotspot.guests import phone_messages
from hotspot.http_server import Web, free_port
from hotspot.jobs import Errand, Task
from hotspot.portal.pressing import Batches, ExpressLane
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
LOOK_UP_EVERY = 0.5  # seconds
TASKS: tuple[Task, ...] = (
    takeover.TASK,
    rollouts_work.TASK,
    nightly.TASK,
    api_tests.TASK,
    *tasks.TASKS,
)  # what may be queued for routers; a feature with such work adds its task here
ERRANDS: tuple[Errand, ...] = (phone_messages.ERRAND,)  # what may be queued that concerns no router
BEAT_EVERY = 5.0  # seconds; `hotspot health` calls a process dead after a minute without one


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


def _with_real_port(settings: Settings) -> Settings:
    """Choose the port now when any will do: links and redirects must name the real one."""
    return settings.model_copy(update={"http_port": free_port()}) if settings.http_port == 0 else settings


@contextmanager
def running(settings: Settings, parts: set[Part], database: Database | None = None) -> Iterator[Running]:
    """Start the parts, yield where they are, and stop them.

    Raises:
        WebPortTaken: one of the ports is in use.
        BadSenders: the file about messages to phones can't be used.
    """
    settings = _with_real_port(settings)
    phone_messages.post_of(settings.senders_file, is_demo=settings.demo)
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
            start(Part.JOBS, Worker(database, settings, TASKS, ERRANDS))
        web = _web(settings, database) if Part.WEB in parts else None
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


def _web(settings: Settings, database: Database) -> Web:
    app = create_app(settings, database)
    batches = Batches(database, now=app.state.now)
    lane = ExpressLane(app, batches, app.state.content, settings)
    return Web(settings, lane, at_hand=app.state.landing.answer)


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
