"""The demo as somebody meets it: one command, one line when ready, a city that moves, and nothing left behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner, Result

from hotspot.cli.main import app
from hotspot.db import open_database
from hotspot.demo_folder import BadMark, NotADemo, mark
from hotspot.settings import DEMO_SECRET_KEY, demo_settings, load_for_command
from tests.conftest import SECRET_KEY


def test_the_demo_is_a_living_city_and_leaves_nothing_running(data_dir: Path) -> None:
    words = ["demo", "--data-dir", str(data_dir / "demo"), "--port", "0", "--sites", "4", "--json"]
    command = [sys.executable, "-m", "hotspot.cli.main", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        assert demo.stdout is not None
        links = json.loads(demo.stdout.readline())
        assert links["sites"] == 4
        assert "mac=" in str(httpx.get(links["phone"], follow_redirects=True).text), "a person can be the phone"
        preview = httpx.get(links["portal_preview"])
        assert "Alun-Alun" in preview.text

        with httpx.Client(follow_redirects=True) as office:
            page = office.get(links["console"])
            assert "Demo" in page.text
        eventually_online(data_dir / "demo", at_least=2)
        a_person_configures_the_last_router(data_dir / "demo", links["fresh_router"])
        another_name_for_one_kecamatan_is_a_plan_for_its_routers_alone(data_dir / "demo")

        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=30) == 0
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(data_dir) in " ".join(process.info["cmdline"] or [])
    ]
    assert left == []

    refused = CliRunner().invoke(app, ["serve", "--data-dir", str(data_dir / "demo")])
    assert refused.exit_code != 0
    assert "HOTSPOT_DATA_DIR" in refused.stderr


def routers(directory: Path, *words: str) -> Result:
    """Type a command in another terminal, about the demo that runs."""
    return CliRunner().invoke(app, ["routers", *words, "--data-dir", str(directory)])


def a_person_configures_the_last_router(directory: Path, name: str) -> None:
    plan = routers(directory, "plan", name)
    assert "+ /ip/hotspot guests" in plan.stdout, plan.output
    number = plan.stdout.split("hotspot routers apply ")[1].split()[0]

    applied = routers(directory, "apply", number)

    assert f"{name} is as planned" in applied.stdout, applied.output
    assert "Nothing to do" in routers(directory, "plan", name).stdout
    eventually_online(directory, name, at_least=1)


def another_name_for_one_kecamatan_is_a_plan_for_its_routers_alone(directory: Path) -> None:
    words = ["settings", "set", "ssid", "WiFi Bukit Intan", "--area", "19.71.01", "--data-dir", str(directory)]
    assert CliRunner().invoke(app, words).exit_code == 0

    differing = json.loads(routers(directory, "plan", "--all", "--json").stdout)

    assert [row["router"] for row in differing] == ["kantor-lurah-semabung-lama-1", "taman-bacang-1"]
    assert {row["changes"] for row in differing} <= {1, 2}, "one for each radio"


ONLINE = "SELECT count(*) FROM guest_session JOIN router ON router.id = router_id WHERE ended_at IS NULL AND name LIKE %(name)s"


def eventually_online(directory: Path, name: str = "%", *, at_least: int) -> None:
    database = open_database(demo_settings(directory), migrate=False)
    deadline = time.monotonic() + 30
    online = 0
    while online < at_least:
        assert time.monotonic() < deadline, "no phone came"
        time.sleep(0.2)
        with database.engine.connect() as connection:
            online = connection.exec_driver_sql(ONLINE, {"name": name}).scalar() or 0
    database.close()


def test_the_demo_takes_nothing_from_the_environment_of_a_real_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTSPOT_DATABASE_URL", "postgresql://hotspot@db.example/hotspot")
    monkeypatch.setenv("HOTSPOT_HTTP_HOST", "0.0.0.0")
    monkeypatch.setenv("HOTSPOT_PUBLIC_URL", "https://wifi.example")
    monkeypatch.setenv("HOTSPOT_FORWARDED_ALLOW_IPS", "*")

    settings = demo_settings(tmp_path, http_port=8123)

    assert settings.database_url is None
    assert settings.base_url == "http://127.0.0.1:8123"
    assert settings.radius_host == "127.0.0.1,127.66.0.1"
    assert settings.forwarded_allow_ips == "127.0.0.1"


def test_commands_about_a_demo_use_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
    mark(tmp_path / "demo")

    settings = load_for_command(tmp_path / "demo")

    assert settings.demo
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == DEMO_SECRET_KEY


def test_a_folder_that_holds_something_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    with pytest.raises(NotADemo, match="not empty"):
        mark(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_each_demo_has_a_network_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        mark(tmp_path / name)
    before = demo_settings(tmp_path / "one")

    mark(tmp_path / "one")

    again = demo_settings(tmp_path / "one")
    assert again.tunnel_network == before.tunnel_network
    assert again.tunnel_network.is_loopback
    assert str(again.tunnel_network[1]) in again.radius_host
    assert again.tunnel_network != demo_settings(tmp_path / "two").tunnel_network


@pytest.mark.parametrize("said", ["", "\xff", "tunnel_network", 'colour = "red"'])
def test_a_mark_that_says_nothing_leaves_what_is_usual(tmp_path: Path, said: str) -> None:
    (tmp_path / "DEMO").write_text(said, encoding="latin-1")

    assert str(demo_settings(tmp_path).tunnel_network) == "127.66.0.0/20"


@pytest.mark.parametrize(
    "said",
    [
        'tunnel_network = "10.0.0.0/20"',
        'tunnel_network = "127.0.0.0/7"',
        'tunnel_network = "127.0.0.1/32"',
        'tunnel_network = "x"',
        'radius_auth_port = "x"',
    ],
)
def test_a_demo_can_not_be_led_to_other_machines(tmp_path: Path, said: str) -> None:
    (tmp_path / "DEMO").write_text(said)

    with pytest.raises(BadMark, match="remove the folder"):
        demo_settings(tmp_path)
