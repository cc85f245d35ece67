"""What campaigns share: an installation with its program, what a failure is, and the last word."""

import argparse
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import wire
from benchmarks.radius_city import add_reporters
from benchmarks.radius_packets import Reporter
from hotspot.db import open_database
from hotspot.settings import Settings, load

ENDS_WITHIN: Final = 20.0
PATIENCE: Final = 60.0  # the very first start makes the database
MOST_TOLD: Final = 20  # failures told one by one; a broken server has thousands
say = Console(stderr=True)

_PORTS: Final = {
    "--http-port": socket.SOCK_STREAM,
    "--radius-auth-port": socket.SOCK_DGRAM,
    "--radius-acct-port": socket.SOCK_DGRAM,
}


class Failed(Exception):
    """A case that did not hold what it should; the message says what."""


class Verdict:
    """Counts the cases, tells those that failed, and has the last word."""

    def __init__(self, replay: str) -> None:
        self.passed = self.failed = 0
        self._replay = replay

    def passes(self, count: int = 1) -> None:
        self.passed += count

    def fails(self, why: str) -> None:
        self.failed += 1
        if self.failed <= MOST_TOLD:
            say.print(why, style="red", markup=False, soft_wrap=True)

    @contextmanager
    def whatever_happens(self) -> Iterator[None]:
        """Around all of a campaign: one that can't go on has failed."""
        try:
            yield
        except Failed as failure:
            self.fails(str(failure))

    def report(self) -> int:
        """Print the last line; give the exit code."""
        print(f"replay with: {self._replay}", file=sys.stdout if self.failed else sys.stderr)
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=name, description=description)
    made.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="what chance decides")
    return made


def progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=say)


class Program:
    """`hotspot serve`, or a part of it, as an operator starts it."""

    def __init__(self, data_dir: Path, log_file: Path, command: str = "serve") -> None:
        self.data_dir, self._log_file, self._command = data_dir, log_file, command
        self.ports = {name: _free_port(kind) for name, kind in _PORTS.items()}
        self._metrics_port = _free_port(socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def auth_address(self) -> tuple[str, int]:
        return "127.0.0.1", self.ports["--radius-auth-port"]

    @property
    def acct_address(self) -> tuple[str, int]:
        return "127.0.0.1", self.ports["--radius-acct-port"]

    def start(self) -> None:
        ports = [
            word
            for name, port in self.ports.items()
            if self._command == "serve" or "radius" in name
            for word in (name, str(port))
        ]
        command = [sys.executable, "-m", "hotspot.cli.main", self._command]
        environment = os.environ | {"HOTSPOT_METRICS_PORT": str(self._metrics_port), "HOTSPOT_LOG_LEVEL": "warning"}
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data_dir), *ports],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_database(self) -> None:
        self._postmaster().kill()

    def stop_database(self) -> None:
        """Stop it as somebody in a hurry does: at once, without a checkpoint, whoever is connected."""
        postmaster = self._postmaster()
        subprocess.run(
            [Path(postmaster.exe()).with_name("pg_ctl"), "stop", "-m", "immediate", "-D", self.data_dir / "postgres"],
            user=postmaster.username() if os.geteuid() == 0 else None,  # PostgreSQL never runs as root
            cwd="/",
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def _postmaster(self) -> psutil.Process:
        try:
            return psutil.Process(int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]))
        except (OSError, psutil.NoSuchProcess) as error:
            raise Failed(f"the database does not run, though nobody stopped it: {error}") from error

    def end(self) -> None:
        """Ask it to end, as systemd would."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"the program did not end within {ENDS_WITHIN:.0f} s of SIGTERM") from None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def resident_octets(self) -> int:
        """Its resident memory, with that of its children but not the database's."""
        assert self._process is not None
        itself = psutil.Process(self._process.pid)
        family = [itself, *(child for child in itself.children(recursive=True) if "postgres" not in child.name())]
        return sum(int(member.memory_info().rss) for member in family)

    def counters(self) -> dict[str, float]:
        """What it counts, by name and labels, as Prometheus reads it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
            if "_created" not in name
        }

    def log(self) -> str:
        return self._log_file.read_text(errors="replace")

    def last_words(self) -> str:
        return "\n".join(self.log().splitlines()[-15:])


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Installation(NamedTuple):
    """A fresh installation: its program, its settings, and the routers that it knows."""

    program: Program
    settings: Settings
    routers: Sequence[Reporter]


@contextmanager
def installation(command: str) -> Iterator[Installation]:
    """Make an installation with its routers and start its program; a failure that ends it all shows the last words."""
    with tempfile.TemporaryDirectory(prefix="hotspot-campaign-") as directory:
        settings = load(data_dir=Path(directory) / "data")
        database = open_database(settings)
        program = Program(settings.data_dir, Path(directory) / "program.log", command)
        try:
            try:
                routers = add_reporters(database, settings)
                program.start()
                wait_for_service(program, routers[0], PATIENCE)
            finally:
                database.close()
            yield Installation(program, settings, routers)
        except Failed:
            say.print(program.last_words(), markup=False)
            raise
        finally:
            program.end()


def wait_for_service(program: Program, router: Reporter, patience: float) -> None:
    """Ask both ports for a sign of life until they give it."""
    deadline = time.monotonic() + patience
    for address in (program.auth_address, program.acct_address):
        while not status_of(address, router, wait=0.1):
            if not program.is_running():
                raise Failed("the program ended instead of serving")
            if time.monotonic() > deadline:
                raise Failed(f"the program does not serve within {patience:.0f} s")


def status_of(address: tuple[str, int], router: Reporter, *, wait: float) -> bool:
    """Whether Status-Server is answered: what the port received before was taken, too."""
    authenticator = secrets.token_bytes(16)
    with router_socket(router) as sock:
        sock.settimeout(wait)
        sock.sendto(wire.keyed_request(wire.STATUS_SERVER, 0, authenticator, b"", router.secret), address)
        try:
            return wire.is_reply(sock.recv(wire.LONGEST), 0, authenticator, router.secret)
        except (TimeoutError, ConnectionRefusedError):
            return False


def router_socket(router: Reporter) -> socket.socket:
    """A socket of this router, with room for many replies."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((router.address, 0))
    return sock
