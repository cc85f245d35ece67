"""The servers that are measured, each a process of its own, and the processor time that they and the database use."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from benchmarks.radius_load import Address
from benchmarks.radius_packets import Guest
from hotspot.settings import Settings

OURS, THEIRS = "hotspot", "FreeRADIUS"
ENDS_WITHIN: Final = 20.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A RADIUS server that runs: where it listens, its processes, and how people become able to log in."""

    product: str
    name: str
    auth: Address
    acct: Address
    process: psutil.Process
    issue_credentials: Callable[[int], Sequence[Guest]]


@contextmanager
def hotspot_radius(
    settings: Settings, folder: Path, *, processes: int, issue_credentials: Callable[[int], Sequence[Guest]]
) -> Iterator[Contender]:
    """`hotspot radius` as an operator starts it, between entering and leaving the block."""
    ports = free_port(), free_port()
    command = [sys.executable, "-m", "hotspot.cli.main", "radius", "--json", "--data-dir", str(settings.data_dir)]
    command += ["--radius-auth-port", str(ports[0]), "--radius-acct-port", str(ports[1])]
    command += ["--processes", str(processes)] if processes > 1 else []
    log_file = folder / f"hotspot-{processes}.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        if not ready:
            raise RuntimeError(f"hotspot radius does not start:\n{log_file.read_text(errors='replace')[-4_000:]}")
        said = json.loads(ready)
        yield Contender(
            product=OURS,
            name=f"{OURS} ×{processes}",
            auth=("127.0.0.1", said["radius_auth_port"]),
            acct=("127.0.0.1", said["radius_acct_port"]),
            process=psutil.Process(process.pid),
            issue_credentials=issue_credentials,
        )
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, as systemd would, and see that it does."""
    process.terminate()
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def postmaster_of(settings: Settings) -> psutil.Process:
    """The embedded PostgreSQL's first process."""
    return psutil.Process(int((settings.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]))


class Spent(NamedTuple):
    """Seconds of processor time: what a server used, what the database did, and what the machine did and could have done."""

    server: float
    database: float
    busy: float
    all: float

    def __sub__(self, earlier: "Spent") -> "Spent":
        return Spent(*(now - then for now, then in zip(self, earlier, strict=True)))


def spent(server: psutil.Process, postmaster: psutil.Process) -> Spent:
    """Read how much processor time was used so far."""
    machine = psutil.cpu_times()
    everything = sum(machine[:8])  # user, nice, system, idle, iowait, irq, softirq, steal; guests count as user already
    return Spent(_of_tree(server), _of_tree(postmaster), everything - machine.idle - machine.iowait, everything)


def _of_tree(process: psutil.Process) -> float:
    """What the process, its children and those of them that ended have used."""
    seconds = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            seconds += sum(member.cpu_times()[:4])  # user, system, and both of the children it has seen end
        except psutil.NoSuchProcess:
            continue
    return seconds


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
