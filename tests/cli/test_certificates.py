"""Adding, renewing, listing and forgetting certificates of log-in pages: as staff type it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hotspot.cli.main import app
from hotspot.db import Database
from hotspot.routers.models import RouterState
from hotspot.routers.service import get_router_named
from tests.cli.test_cli import environment, run, said
from tests.routers.public_ca import PublicCa
from tests.world import TAMAN_SARI, World

__all__ = ["environment"]  # the fixture
HOST = "login.wifi.example.org"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    ca = PublicCa(datetime.now(UTC))
    for name, days in (("first", 30), ("second", 90)):
        chain, key = ca.files(HOST, days=days)
        found[f"{name}.pem"], found[f"{name}.key"] = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        found[f"{name}.pem"].write_bytes(chain)
        found[f"{name}.key"].write_bytes(key)
    return found


def add(files: dict[str, Path], which: str, name: str = "wifi-kota") -> list[str]:
    return ["certificates", "add", name, "--cert", str(files[f"{which}.pem"]), "--key", str(files[f"{which}.key"])]


def test_a_certificate_is_added_renewed_and_forgotten(files: dict[str, Path], database: Database, world: World) -> None:
    assert "No certificate yet" in run("certificates", "list").stdout

    first = run(*add(files, "first"))

    assert first.exit_code == 0, first.output
    assert f"wifi-kota is good for {HOST} until " in first.stdout
    assert "hotspot settings set login_host" in first.stdout
    with database.writing() as db:
        router = get_router_named(db, "alun-alun-1")
        router.state = RouterState.ENROLLED
    assert run("settings", "set", "login_host", HOST, "--area", TAMAN_SARI).exit_code == 0
    second = run(*add(files, "second"))
    assert "To put it on: hotspot routers plan alun-alun-1" in second.stdout
    (row,) = said("certificates", "list")  # type: ignore[misc]
    assert (row["name"], row["names"], row["routers"]) == ("wifi-kota", [HOST], ["alun-alun-1"])
    assert row["days_left"] in (89, 90)
    assert "alun-alun-1" in run("certificates", "list").stdout
    assert said("certificates", "remove", "wifi-kota") == {"name": "wifi-kota"}
    assert said("certificates", "list") == []
    run(*add(files, "first"))
    assert "wifi-kota is forgotten here" in run("certificates", "remove", "wifi-kota").stdout


def test_the_key_may_come_by_standard_input(files: dict[str, Path]) -> None:
    words = ["certificates", "add", "wifi-kota", "--cert", str(files["first.pem"]), "--key", "-", "--json"]

    result = CliRunner().invoke(app, words, input=files["first.key"].read_bytes())

    assert result.exit_code == 0, result.output
    assert '"routers": []' in result.stdout
    assert "PRIVATE" not in result.output


def test_what_can_not_be_done_is_one_line_and_an_exit_code(files: dict[str, Path]) -> None:
    files["second.key"], wrong = files["first.key"], files["second.key"]

    for words, code, line in (
        (add(files, "second"), 2, "the key belongs to another certificate"),
        (add({**files, "first.key": wrong.with_name("none")}, "first"), 2, "No such file"),
        (add(files, "first", "Wifi Kota"), 2, "a-z, 0-9"),
        (["certificates", "remove", "nothing"], 4, "no certificate nothing"),
        (["settings", "set", "login_host", "x.local", "--area", TAMAN_SARI], 2, ".local"),
        (["settings", "set", "login_host", "no host", "--area", TAMAN_SARI], 2, "is not a host name such as"),
    ):
        result = run(*words)
        assert result.exit_code == code, result.output
        assert line in result.stderr.replace("\n", " ")
