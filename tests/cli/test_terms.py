"""Terms from the command line: two persons, and what each of them is told."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hotspot.cli.main import app
from hotspot.db import Database
from hotspot.staff.service import disable_staff
from tests.conftest import SECRET_KEY

TEXT = 'title = "Syarat"\nsummary = "Pakai dengan baik."\nbody = "{body}"\n'


@pytest.fixture(autouse=True)
def _installation(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTSPOT_DATABASE_URL", database_url)
    monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path / "data"))
    for name, role in (("Alice", "admin"), ("Bob", "network"), ("Charlie", "official")):
        assert run("staff", "add", "--name", name, "--role", role).exit_code == 0


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(*words: str) -> dict[str, object]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def written(tmp_path: Path, body: str = "Panjang.") -> str:
    file = tmp_path / "terms.toml"
    file.write_text("".join(f"[{language}]\n{TEXT.format(body=body)}" for language in ("id", "en")))
    return str(file)


def approve(row: dict[str, object], who: str) -> Result:
    return run("terms", "approve", str(row["version"]), "--as", who, "--sha256", str(row["sha256"]))


def test_what_one_person_drafts_another_one_approves(tmp_path: Path) -> None:
    draft = said("terms", "draft", written(tmp_path), "--as", "Bob")

    assert (draft["version"], draft["approved"]) == (2, None)
    assert str(draft["drafted"]).startswith("Bob, ")
    assert "(command line)" in str(draft["drafted"]), "nobody proves to be Bob there"
    assert "version 2 holds from" in approve(draft, "Alice").stdout
    assert "hotspot (packaged document)" in run("terms", "list").stdout
    again = approve(draft, "Alice")
    assert (again.exit_code, "approved already" in again.stderr) == (3, True)


def test_a_draft_says_where_it_can_be_approved(tmp_path: Path) -> None:
    assert "/console/terms/public/2" in run("terms", "draft", written(tmp_path), "--as", "Bob").stdout


def test_nobody_approves_what_they_drafted(tmp_path: Path) -> None:
    result = approve(said("terms", "draft", written(tmp_path), "--as", "Alice"), "Alice")

    assert result.exit_code == 6
    assert "somebody else" in result.stderr


@pytest.mark.parametrize(
    ("drafter", "approver", "code"), [("Charlie", "Alice", 6), ("Alice", "Bob", 6), ("Alice", "Nobody", 4)]
)
def test_officials_draft_nothing_and_only_admins_approve(
    tmp_path: Path, drafter: str, approver: str, code: int
) -> None:
    drafted = run("terms", "draft", written(tmp_path), "--as", drafter)
    if drafted.exit_code == 0:
        drafted = approve(said("terms", "draft", written(tmp_path, "Lain."), "--as", drafter), approver)

    assert drafted.exit_code == code


def test_a_disabled_account_drafts_nothing(tmp_path: Path, database: Database) -> None:
    with database.writing() as db:
        disable_staff(db, "Bob", datetime.now(UTC))

    result = run("terms", "draft", written(tmp_path), "--as", "Bob")

    assert (result.exit_code, "is disabled" in result.stderr) == (6, True)


def test_a_version_shows_its_words_or_what_it_changes(tmp_path: Path) -> None:
    approve(said("terms", "draft", written(tmp_path), "--as", "Bob"), "Alice")
    said("terms", "draft", written(tmp_path, "Pendek."), "--as", "Bob", "--wording-only", "--from", "2099-01-01")

    whole, difference = run("terms", "show", "3").stdout, run("terms", "show", "3", "--difference").stdout
    assert "Pakai dengan baik." in whole
    assert "against version 2" in difference
    assert "- Panjang." in difference
    assert "+ Pendek." in difference
    assert "baik" not in difference
    shown = said("terms", "show", "3")
    assert (shown["from"], shown["material"]) == ("2098-12-31T17:00+00:00", False), "midnight in Pangkalpinang"
    assert "It is the first version." in run("terms", "show", "1", "--difference").stdout


def test_the_list_tells_where_a_document_is_asked_for(tmp_path: Path) -> None:
    assert run("settings", "set", "terms", "library", "--area", "19.71.05").exit_code == 0

    assert "library is asked for at Gerunggang (19.71.05) and below." in run("terms", "list").stdout
