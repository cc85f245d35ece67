"""Several processes that answer RADIUS on the same ports, and the supervisor that looks after them.

The supervisor binds every socket and hands each process its own; the kernel spreads the routers among them. It keeps the sockets
open, so that what is sent to a process that died lies there until its successor reads it. They share nothing but the database.
"""

import multiprocessing
import signal
import threading
import time
from collections.abc import Container, Iterator
from contextlib import closing, contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

import structlog

from hotspot.db import open_database
from hotspot.errors import HotspotError, Unavailable
from hotspot.radius.certificates import tls_context
from hotspot.radius.ports import Ports, share, take
from hotspot.radius.server import RadiusServer, settle_memory, utc_now
from hotspot.settings import Settings
from hotspot.telemetry import configure_logging, metrics_told

log = structlog.get_logger()

START_PATIENCE: Final = 60.0  # seconds until a process must have become ready for the first time
STOP_PATIENCE: Final = 20.0  # longer than a server takes to commit what it has in hand
FIRST_PAUSE: Final = 0.5  # seconds before a process that died is started again; doubles with each death in a row
LONGEST_PAUSE: Final = 30.0
STEADY_AFTER: Final = 60.0  # a process that lived so long has died of something new
LOOK_EVERY: Final = 1.0  # seconds between two looks of a process at its server
_SPAWN: Final = multiprocessing.get_context("spawn")


class ProcessDied(Unavailable):
    """RADIUS process {number} ended while it started; the log says why"""


class RadiusProcesses:
    """Serve RADIUS by `settings.radius_processes` processes, between `start` and `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers: list[Worker] = []
        self._stop_heard, self._stop = _SPAWN.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._look_after, name="radius-supervisor", daemon=True)

    def start(self) -> None:
        """Bind the ports, start every process and return when all serve.

        Raises:
            PortTaken, BadCertificate: as `RadiusServer`.
            ProcessDied: one of them ended instead of serving.
        """
        settings = self._settings
        if settings.radsec_port is not None:
            tls_context(settings, now=utc_now())  # what is wrong is said here, once
        self.ports = take(
            settings.radius_hosts,
            auth=settings.radius_auth_port,
            acct=settings.radius_acct_port,
            radsec=settings.radsec_port,
        )
        shared = share(self.ports, settings.radius_processes)
        self._workers = [Worker(settings, number, ports) for number, ports in enumerate(shared, start=1)]
        try:
            for worker in self._workers:
                worker.start()
            for worker in self._workers:
                worker.wait_until_ready()
        except BaseException:
            self._end_all()
            raise
        self._thread.start()

    def stop(self) -> None:
        """End every process in order, then close the ports."""
        self._stop.close()
        self._thread.join()
        self._end_all()

    def is_alive(self) -> bool:
        """Whether every process runs; a health check asks."""
        return all(worker.start_at is None for worker in self._workers)

    def _look_after(self) -> None:
        while True:
            pauses = [worker.start_at - time.monotonic() for worker in self._workers if worker.start_at is not None]
            living = [worker.process.sentinel for worker in self._workers if worker.process and worker.start_at is None]
            ready = wait([self._stop_heard, *living], max(0.0, min(pauses)) if pauses else None)
            if self._stop_heard in ready:
                return
            for worker in self._workers:
                worker.look_after(ready, time.monotonic())

    def _end_all(self) -> None:
        for worker in self._workers:
            worker.ask_to_end()
        for worker in self._workers:
            worker.end()


class Worker:
    """One process after another that serves at these ports."""

    def __init__(self, settings: Settings, number: int, ports: Ports) -> None:
        self._settings, self._number, self._ports = settings, number, ports
        self._pause = FIRST_PAUSE
        self._started_at = 0.0
        self.process: SpawnProcess | None = None
        self.start_at: float | None = None
        """When it is to be started again; None while it lives."""

    def start(self) -> None:
        self._ready, ready = _SPAWN.Pipe(duplex=False)
        with closing(ready), _signals_left_to_us():
            process = _SPAWN.Process(
                target=_serve, args=(self._settings, self._ports, self._number, ready), daemon=True
            )
            process.start()
        self.process = process
        self._started_at, self.start_at = time.monotonic(), None

    def wait_until_ready(self) -> None:
        try:
            if self._ready.poll(START_PATIENCE):
                self._ready.recv()
                return
        except EOFError:
            pass
        raise ProcessDied(number=self._number)

    def look_after(self, ended: Container[object], now: float) -> None:
        """Start it again when it died, after a pause that doubles while it keeps dying."""
        if self.start_at is not None:
            if self.start_at <= now:
                self._start_again(now)
        elif self.process is not None and self.process.sentinel in ended:
            if now - self._started_at > STEADY_AFTER:
                self._pause = FIRST_PAUSE
            self.process.join()
            self._rest(now, f"exit code {self.process.exitcode}")

    def _start_again(self, now: float) -> None:
        try:
            self.start()
        except OSError as error:  # the machine has no room for another process at the moment
            self._rest(now, str(error))

    def _rest(self, now: float, problem: str) -> None:
        log.error(
            "a RADIUS process died and is started again", process=self._number, problem=problem, pause=self._pause
        )
        self.start_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def ask_to_end(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def end(self) -> None:
        """Wait for its end, force it when it takes too long, and close its ports."""
        if self.process is not None:
            self.process.join(STOP_PATIENCE)
            self.process.kill()
            self.process.join()
        self._ports.close()


@contextmanager
def _signals_left_to_us() -> Iterator[None]:
    """Let a process start with Ctrl-C and a closed terminal blocked: the supervisor hears them, and asks it to end."""
    resource_tracker.ensure_running()  # it would unblock them again
    blocked = {signal.SIGINT, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- in the process that serves ------------------------------------------------------------------------------------------


def _serve(settings: Settings, ports: Ports, number: int, ready: Connection) -> None:
    """Serve until asked to end, or until the supervisor is gone."""
    signal.signal(signal.SIGTERM, _end)
    configure_logging(settings)
    try:
        with metrics_told(metrics_port(settings, number)), closing(open_database(settings, migrate=False)) as database:
            server = RadiusServer.of(settings, database, ports=ports)
            try:
                server.start()
                settle_memory()
                ready.send(number)
                _wait_for_the_end(server)
            finally:
                server.stop()
    except HotspotError as error:
        log.error("a RADIUS process can't serve", process=number, problem=str(error))  # noqa: TRY400  (says it all)
        raise SystemExit(1) from error


def metrics_port(settings: Settings, number: int) -> int | None:
    """Where process `number` tells its metrics: its number above the supervisor's port."""
    return settings.metrics_port + number if settings.metrics_port else settings.metrics_port


def _wait_for_the_end(server: RadiusServer) -> None:
    supervisor = multiprocessing.parent_process()
    assert supervisor is not None
    while server.is_alive():
        if wait([supervisor.sentinel], LOOK_EVERY):
            return
    raise SystemExit(1)


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)
