"""Processes as an operator runs them: started, asked for their health, refused when unsafe, ended by a signal."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from hotspot.cli.main import app
from hotspot.db import Database
from hotspot.http_server import WebPortTaken
from hotspot.process import Part, running
from hotspot.settings import DEMO_SECRET_KEY, SERVED_AT, Settings
from tests.conftest import SECRET_KEY

ANY_PORTS = {"http_port": 0, "radius_host": "127.0.0.1", "radius_auth_port": 0, "radius_acct_port": 0}


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def any_ports(settings: Settings) -> Settings:
    return settings.model_copy(update=ANY_PORTS)


def test_all_parts_run_in_one_process_and_end_together(any_ports: Settings, database: Database) -> None:
    with running(any_ports, set(Part), database) as process:
        address = f"http://127.0.0.1:{process.http_port}"
        assert httpx.get(f"{address}/health").text == "ok\n"
        assert process.radius_auth_port != process.radius_acct_port

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/health")


def test_a_taken_http_port_is_one_clear_error(any_ports: Settings, database: Database) -> None:
    with running(any_ports, {Part.WEB}, database) as process:
        taken = any_ports.model_copy(update={"http_port": process.http_port})

        with pytest.raises(WebPortTaken, match=f"127.0.0.1:{process.http_port}"), running(taken, {Part.WEB}, database):
            pass


@contextmanager
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    assert settings.database_url is not None
    with monkeypatch.context() as patch:
        patch.setenv("HOTSPOT_DATABASE_URL", settings.database_url.get_secret_value())
        patch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
        patch.setenv("HOTSPOT_METRICS_PORT", str(settings.metrics_port or ""))
        patch.setenv("HOTSPOT_DATA_DIR", str(settings.data_dir))
        yield


def test_health_tells_a_running_part_from_a_dead_one(
    any_ports: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = any_ports.model_copy(update={"metrics_port": free_port()})
    health = CliRunner()
    with environment(settings, monkeypatch):
        with running(settings, {Part.WEB, Part.RADIUS}, database) as process:
            port = str(process.http_port)
            assert health.invoke(app, ["health", "web", "--http-port", port]).exit_code == 0
            assert health.invoke(app, ["health", "radius"]).exit_code == 0
            assert "not this part" in health.invoke(app, ["health", "worker"]).stdout
            assert "no such part" in health.invoke(app, ["health", "teapot"]).stdout

        for words in (["health", "web", "--http-port", port], ["health", "radius"]):
            result = health.invoke(app, words)
            assert result.exit_code == 1
            assert "does not answer" in result.stdout


def test_the_worker_is_well_when_its_clock_and_its_jobs_are(
    any_ports: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = any_ports.model_copy(update={"metrics_port": free_port()})
    with environment(settings, monkeypatch):
        with running(settings, {Part.CLOCK, Part.JOBS}, database):
            assert CliRunner().invoke(app, ["health", "worker"]).stdout == "worker: well\n"
        with running(settings, {Part.CLOCK}, database):
            assert CliRunner().invoke(app, ["health", "worker"]).exit_code == 1


def test_health_without_a_metrics_port_says_what_to_set(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["health", "radius", "--data-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert "HOTSPOT_METRICS_PORT" in result.stdout


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("HOTSPOT_SECRET_KEY", DEMO_SECRET_KEY, "HOTSPOT_SECRET_KEY: this is the demo's secret"),
        ("HOTSPOT_SECRET_KEY", "change-me", "HOTSPOT_SECRET_KEY: this is a placeholder"),
        ("HOTSPOT_FORWARDED_ALLOW_IPS", "*", "HOTSPOT_FORWARDED_ALLOW_IPS"),
        ("HOTSPOT_PUBLIC_URL", "http://wifi.example", "HOTSPOT_PUBLIC_URL"),
        ("HOTSPOT_DEMO", "true", "HOTSPOT_DEMO"),
        ("HOTSPOT_TIME_ZONE", "Mars/Olympus", "time_zone: there is no time zone"),
        ("HOTSPOT_SECRET_KEY_FILE", "missing-file", "HOTSPOT_SECRET_KEY_FILE: can't read missing-file"),
    ],
)
def test_serve_refuses_what_is_unsafe_and_names_it(
    variable: str, value: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    result = CliRunner().invoke(app, ["serve", "--data-dir", str(tmp_path / "data")])

    assert result.exit_code != 0
    assert line in result.stderr.replace("\n", " ")
    assert not (tmp_path / "data").exists(), "nothing was started"


def test_serve_in_a_fresh_directory_needs_no_setting_and_ends_on_a_signal(data_dir: Path) -> None:
    """The whole command, as an outside tool drives it: embedded database, one line of JSON, then work."""
    command = [sys.executable, "-m", "hotspot.cli.main"]
    ports = ["--http-port", str(free_port()), "--radius-auth-port", str(free_port())]
    words = ["serve", "--data-dir", str(data_dir), *ports, "--radius-acct-port", str(free_port()), "--json"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as serving:
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline())
        assert httpx.get(f"{ready['http']}/health").status_code == 200

        add = [
            "sites",
            "add",
            "--name",
            "Perpustakaan",
            "--area",
            "19.71.04.1001",
            "--data-dir",
            str(data_dir),
            "--json",
        ]
        added = subprocess.run([*command, *add], capture_output=True, text=True, check=True)
        assert httpx.get(f"{ready['http']}/p/{json.loads(added.stdout)['slug']}").status_code == 200

        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=30) == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists(), "the embedded database was stopped"
    assert oct((data_dir / "secret.key").stat().st_mode & 0o777) == "0o600"


def test_while_something_serves_links_name_its_address(
    any_ports: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = ["sites", "add", "--name", "Perpustakaan", "--area", "19.71.04.1001", "--json"]
    with environment(any_ports, monkeypatch), running(any_ports, {Part.WEB}, database) as process:
        added = json.loads(CliRunner().invoke(app, add).stdout)

    assert added["portal_url"] == f"http://127.0.0.1:{process.http_port}/p/perpustakaan"
    assert process.http_port != 0
    assert not (any_ports.data_dir / SERVED_AT).exists()


def test_another_key_than_the_databases_is_refused_before_anything_is_stored(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with environment(settings, monkeypatch):
        assert CliRunner().invoke(app, ["migrate"]).exit_code == 0
        monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY[::-1])

        result = CliRunner().invoke(app, ["sites", "list"])

    assert result.exit_code == 2
    assert "HOTSPOT_SECRET_KEY" in result.stderr


@pytest.mark.parametrize("size", [70_000, 1_048_576])
def test_a_request_that_is_too_long_gets_a_page_and_nothing_is_kept(
    size: int, any_ports: Settings, database: Database
) -> None:
    with running(any_ports, {Part.WEB}, database) as process:
        target = f"/p/alun-alun?mac={'A' * size}"
        with socket.create_connection(("127.0.0.1", process.http_port or 0)) as phone:
            phone.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            answer = b"".join(iter(lambda: phone.recv(65536), b""))

    assert answer.startswith((b"HTTP/1.1 414 ", b"HTTP/1.1 431 "))
    assert b"<h1>" in answer


def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(app, ["migrate", "--data-dir", str(tmp_path / "file" / "below")])

    assert result.exit_code == 2
    assert "can't make the folder" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_starts_ends_it_in_order(number: signal.Signals, data_dir: Path) -> None:
    words = [
        "serve",
        "--data-dir",
        str(data_dir),
        "--http-port",
        "0",
        "--radius-auth-port",
        "0",
        "--radius-acct-port",
        "0",
    ]
    command = [sys.executable, "-m", "hotspot.cli.main", *words, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as serving:
        assert serving.stdout is not None
        assert json.loads(serving.stdout.readline())["http"].startswith("http://127.0.0.1:")
        serving.send_signal(number)  # at once: it has only just become ready

        try:
            assert serving.wait(timeout=30) == 0
        finally:
            serving.kill()
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_a_signal_that_is_lost_in_a_finalizer_still_ends_it() -> None:
    code = """
import os, signal
from hotspot.process import end_on_signals, wait_for_signal

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass

end_on_signals()
Finalized()
wait_for_signal()
"""

    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True, env=os.environ)


def test_a_signal_that_wakes_nobody_still_ends_it() -> None:
    """One that another thread takes doesn't wake the main one, nor does one that comes just before that falls asleep."""
    code = """
import signal, threading
from hotspot.process import end_on_signals, wait_for_signal

end_on_signals()
threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()
wait_for_signal()
"""

    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True, env=os.environ)


def test_serving_never_loads_the_simulator() -> None:
    code = "import sys, hotspot.cli.main, hotspot.process; print(any('simulator' in name for name in sys.modules))"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)

    assert said.stdout.strip() == "False"
