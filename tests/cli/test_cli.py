"""The command line as its users type it: people get sentences and tables, programs one line of JSON."""

import json
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from hotspot.cli.main import app
from hotspot.db import Database
from hotspot.routers.models import Router
from tests.conftest import SECRET_KEY

ALUN_ALUN = ["sites", "add", "--name", "Alun-Alun Taman Merdeka", "--area", "19.71.02.1002"]


@pytest.fixture(autouse=True)
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTSPOT_DATABASE_URL", database_url)
    monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(*words: str) -> object:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1, "one line for programs"
    return json.loads(result.stdout)


def test_a_new_installation_knows_the_packaged_areas() -> None:
    rows = said("areas", "list")

    assert isinstance(rows, list)
    assert [sum(row["level"] == level for row in rows) for level in ("kota", "kecamatan", "kelurahan")] == [1, 7, 42]


def test_adding_a_site_says_where_its_router_sends_phones() -> None:
    row = said(*ALUN_ALUN)

    assert row == {
        "slug": "alun-alun-taman-merdeka",
        "name": "Alun-Alun Taman Merdeka",
        "area": "19.71.02.1002",
        "state": "live",
        "portal_url": "http://127.0.0.1:8080/p/alun-alun-taman-merdeka",
    }
    assert "Alun-Alun Taman Merdeka" in run("sites", "list").stdout
    assert run("sites", "state", "alun-alun-taman-merdeka", "retired").exit_code == 0
    assert said("sites", "list")[0]["state"] == "retired"  # type: ignore[index]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["sites", "add", "--name", "X", "--area", "99.99"], 4, "99.99"),
        (["sites", "add", "--name", "X", "--area", "19.71"], 2, "kelurahan"),
        (["settings", "set", "ssid", "X"], 2, "--area CODE or --site SLUG"),
        (["settings", "set", "nonsense", "1", "--area", "19.71"], 2, "session_minutes"),
        (["staff", "login-link", "--name", "Nobody"], 4, "Nobody"),
        (["areas", "import", "missing.csv"], 2, "missing.csv"),
        (["broadcast", "start", "missing.toml", "--area", "19.71", "--hours", "1", "--as", "Alice"], 2, "missing.toml"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_an_exit_code(words: list[str], code: int, line: str) -> None:
    result = run(*words)

    assert result.exit_code == code
    assert line in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output


def test_a_router_configured_by_hand_is_added_with_its_secret_from_a_file(tmp_path: Path, database: Database) -> None:
    said(*ALUN_ALUN)
    secret = tmp_path / "secret"
    secret.write_text("a-secret-of-the-router-itself\n")
    words = ["routers", "add", "--name", "hs-alun-alun", "--site", "alun-alun-taman-merdeka", "--address", "127.0.0.1"]

    row = said(*words, "--secret-file", str(secret))

    assert isinstance(row, dict)
    assert "secret" not in row
    with database.reading() as db:
        stored = db.exec(select(Router)).one()
        assert b"a-secret" not in stored.secret
    again = run(*words, "--secret-file", str(secret))
    assert again.exit_code == 3
    assert "hs-alun-alun" in again.stderr


def test_without_a_file_a_secret_is_generated_and_shown_once() -> None:
    said(*ALUN_ALUN)

    row = said("routers", "add", "--name", "r", "--site", "alun-alun-taman-merdeka", "--address", "10.0.0.1")

    assert isinstance(row, dict)
    assert len(row["secret"]) == 32
    assert row["secret"] not in run("routers", "list").stdout


def test_a_setting_is_given_inherited_and_taken_back() -> None:
    said(*ALUN_ALUN)
    slug = "alun-alun-taman-merdeka"

    run("settings", "set", "ssid", "WiFi Kota", "--area", "19.71")
    run("settings", "set", "session_minutes", "30", "--site", slug)
    rows = {row["setting"]: row for row in said("settings", "list", "--site", slug)}  # type: ignore[attr-defined]
    assert rows["ssid"]["value"] == "WiFi Kota"
    assert (rows["session_minutes"]["value"], rows["session_minutes"]["from"]) == (30, slug)

    run("settings", "unset", "session_minutes", "--site", slug)
    rows = {row["setting"]: row for row in said("settings", "list", "--site", slug)}  # type: ignore[attr-defined]
    assert rows["session_minutes"]["from"] == "default"


def test_staff_sign_in_by_a_link_that_is_printed() -> None:
    assert run("staff", "add", "--name", "Alice", "--role", "admin").exit_code == 0

    assert said("staff", "login-link", "--name", "Alice")["link"].startswith("http://127.0.0.1:8080/console/login/")  # type: ignore[index]


@pytest.mark.parametrize("content", ["[id", "title = 1", "[id]\ntitle = 1"])
def test_a_file_of_texts_in_another_shape_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "texts.toml"
    file.write_text(content)

    result = run("broadcast", "start", str(file), "--area", "19.71", "--hours", "1", "--as", "Alice")

    assert result.exit_code == 2
    assert "texts.toml" in result.stderr.replace("\n", " ")


def test_an_import_shows_the_difference_and_asks(tmp_path: Path) -> None:
    file = tmp_path / "areas.csv"
    file.write_text("code,level,name,parent\n19.71.02.1002,kelurahan,Gedung Nasional Baru,19.71.02\n")

    refused = CliRunner().invoke(app, ["areas", "import", str(file)], input="n\n")
    assert "Gedung Nasional Baru" in refused.stdout
    assert refused.exit_code == 1
    assert "Gedung Nasional Baru" not in run("areas", "list").stdout

    assert said("areas", "import", str(file))["applied"] is False  # type: ignore[index]
    assert run("areas", "import", str(file), "--yes").exit_code == 0
    assert "Gedung Nasional Baru" in run("areas", "list").stdout


def test_empty_tables_say_the_next_step() -> None:
    assert "hotspot sites add" in run("sites", "list").stdout
    assert "hotspot routers add" in run("routers", "list").stdout


def test_migrate_ends_well() -> None:
    assert run("migrate").exit_code == 0
