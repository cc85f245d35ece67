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
from typer.testing import CliRunner

from hotspot.cli.main import app
from hotspot.db import open_database
from hotspot.simulator.demo import NotADemo, demo_settings, mark


def test_the_demo_is_a_living_city_and_leaves_nothing_running(data_dir: Path) -> None:
    words = ["demo", "--data-dir", str(data_dir / "demo"), "--port", "0", "--sites", "3", "--json"]
    command = [sys.executable, "-m", "hotspot.cli.main", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        assert demo.stdout is not None
        links = json.loads(demo.stdout.readline())
        assert links["sites"] == 3
        assert "mac=" in str(httpx.get(links["phone"], follow_redirects=True).text), "a person can be the phone"
        preview = httpx.get(links["portal_preview"])
        assert "Alun-Alun" in preview.text

        with httpx.Client(follow_redirects=True) as office:
            page = office.get(links["console"])
            assert "Demo" in page.text
        eventually_online(data_dir / "demo")

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


def eventually_online(directory: Path) -> None:
    database = open_database(demo_settings(directory, 1), migrate=False)
    deadline = time.monotonic() + 30
    online = 0
    while online < 2:
        assert time.monotonic() < deadline, "no phone came"
        time.sleep(0.3)
        with database.engine.connect() as connection:
            online = (
                connection.exec_driver_sql("SELECT count(*) FROM guest_session WHERE ended_at IS NULL").scalar() or 0
            )
    database.close()


def test_a_folder_that_holds_something_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    with pytest.raises(NotADemo, match="not empty"):
        mark(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
