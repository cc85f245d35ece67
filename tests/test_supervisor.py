"""Several RADIUS processes on one port: they share the work, are looked after, and end together."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from hotspot.cli.main import app
from hotspot.db import Database
from hotspot.process import Part, running
from hotspot.radius.packet import Code, Packet, Secret, flaw_in_reply, parse, sign_request
from hotspot.radius.ports import PortTaken
from hotspot.settings import Settings
from hotspot.supervisor import ProcessDied, RadiusProcesses
from tests.radius.certificates import Authority
from tests.radius.radsec_peer import Peer, client_context, files, status
from tests.test_process import environment
from tests.world import ROUTER_SECRET, World

ASKED = Packet(Code.STATUS_SERVER, 1, b"is anybody there")
SECRET = Secret(ROUTER_SECRET.encode())


def free_ports(count: int) -> int:
    """The first of so many free TCP ports in a row, outside those that the system gives to anybody who asks for any."""
    for first in random.sample(range(20_000, 30_000), 100):
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no ports are free")


@pytest.fixture
def two(settings: Settings, world: World) -> Settings:
    return settings.model_copy(
        update={
            "http_port": 0,
            "radius_host": "127.0.0.1",
            "radius_auth_port": 0,
            "radius_acct_port": 0,
            "radius_processes": 2,
        }
    )


@contextmanager
def routers(count: int) -> Iterator[list[socket.socket]]:
    """Sockets at the router's address: as many as it takes for each process to get some of them."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.2", 0))
            sock.settimeout(30)
        yield sockets


def ask_all(sockets: list[socket.socket], port: int | None) -> None:
    """Ask once from each; every one must be answered, without asking again."""
    octets = sign_request(ASKED, SECRET)
    for sock in sockets:
        sock.sendto(octets, ("127.0.0.1", port or 0))
    for sock in sockets:
        assert flaw_in_reply(parse(sock.recv(4096)), parse(octets), SECRET) is None


def test_a_process_that_dies_is_replaced_and_no_question_is_lost(
    two: Settings, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = two.model_copy(update={"metrics_port": free_ports(3)})
    with running(settings, {Part.RADIUS}, database) as process, routers(16) as sockets:
        ask_all(sockets, process.radius_auth_port)
        before = serving_processes()
        assert len(before) == 2
        answered = [told(settings, number) for number in (1, 2)]
        assert sum(answered) == 16
        assert min(answered) > 0, "both had work"

        before[0].kill()
        with suppress(ChildProcessError):  # the supervisor has seen it already
            os.waitid(os.P_PID, before[0].pid, os.WEXITED | os.WNOWAIT)
        ask_all(sockets, process.radius_auth_port)

        assert set(serving_processes()) & set(before) == {before[1]}
        assert len(serving_processes()) == 2
    assert serving_processes() == []
    assert "died and is started again" in capsys.readouterr().out


def test_another_server_on_the_same_port_is_refused(two: Settings, database: Database) -> None:
    with running(two, {Part.RADIUS}, database) as process:
        for other in (1, 2):
            taken = two.model_copy(update={"radius_auth_port": process.radius_auth_port, "radius_processes": other})
            with pytest.raises(PortTaken, match=str(process.radius_auth_port)), running(taken, {Part.RADIUS}, database):
                pass


def below_a_taken_port(taken: socket.socket) -> int:
    """Take a port whose lower neighbour is free, and return that one."""
    for _ in range(100):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
            with suppress(OSError, OverflowError):
                taken.bind(("127.0.0.1", port + 1))
                taken.listen()
                return port
    raise AssertionError("no two neighbouring ports are free")


def test_a_process_that_can_not_start_fails_the_whole_start(two: Settings, database: Database) -> None:
    with socket.socket() as taken:
        settings = two.model_copy(update={"metrics_port": below_a_taken_port(taken) - 1})

        with pytest.raises(ProcessDied, match="RADIUS process 2 ended"):
            RadiusProcesses(settings).start()

    assert serving_processes() == []


def test_they_accept_radsec_connections_together(two: Settings, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    processes = RadiusProcesses(files(two, authority, authority.issue("radius.example")))
    processes.start()
    try:
        router = client_context(authority, authority.issue("alun-alun-1"))
        for _ in range(8):
            with Peer(processes, router) as peer:
                assert peer.ask(status()).code == Code.ACCESS_ACCEPT
    finally:
        processes.stop()


@contextmanager
def served(two: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """The whole command."""
    words = ["radius", "--processes", "2", "--radius-auth-port", "0", "--radius-acct-port", "0", "--json"]
    command = [sys.executable, "-m", "hotspot.cli.main", *words]
    with (
        environment(two, monkeypatch),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent,
    ):
        assert parent.stdout is not None
        yield parent, json.loads(parent.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_processes_end_with_their_supervisor(
    two: Settings, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    with served(two, monkeypatch) as (parent, ready):
        with routers(4) as sockets:
            ask_all(sockets, ready["radius_auth_port"])  # ready means that all serve
        children = serving_processes(parent.pid)
        assert len(children) == 2

        parent.send_signal(number)

        assert parent.wait(30) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


def test_a_port_that_is_taken_is_one_line_and_an_exit_code(two: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, environment(two, monkeypatch):
        taken.bind(("127.0.0.1", 0))
        words = ["radius", "--processes", "2", "--radius-auth-port", str(taken.getsockname()[1])]

        result = CliRunner().invoke(app, words)

    assert result.exit_code == 5
    assert "can't listen on" in result.stderr


def serving_processes(parent: int | None = None) -> list[psutil.Process]:
    children = psutil.Process(parent or os.getpid()).children()
    return [child for child in children if child.is_running() and "spawn_main" in " ".join(child.cmdline())]


def told(settings: Settings, number: int) -> float:
    """How many Status-Servers a process says it answered."""
    assert settings.metrics_port
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port + number}/metrics") as metrics:
        lines = metrics.read().decode().splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith('hotspot_radius_answered_total{kind="status')
    )
