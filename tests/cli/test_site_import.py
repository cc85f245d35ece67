"""`hotspot sites import` as its users type it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hotspot.cli.main import app
from tests.conftest import SECRET_KEY
from tests.spreadsheets.books import book_of

ROWS = [
    ["Nama", "Kelurahan", "Alamat", "Lat", "Long"],
    ["Taman Mandara", "Gedung Nasional", "Jl. Merdeka", -2.13, 106.11],
]


@pytest.fixture(autouse=True)
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTSPOT_DATABASE_URL", database_url)
    monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path / "data"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["sites", *words])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "lokasi.XLSX"
    path.write_bytes(book_of(*ROWS))
    return path


def test_a_dry_run_shows_and_changes_nothing(book: Path) -> None:
    said = run("import", str(book), "--dry-run")

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "+ Taman Mandara, Gedung Nasional (19.71.02.1002)",
        "1 new, 0 changed, 0 as they were. Nothing was changed yet.",
    ]
    assert json.loads(run("list", "--json").stdout) == []


def test_a_workbook_is_imported_once_and_known_again(book: Path) -> None:
    first = json.loads(run("import", str(book), "--state", "planned", "--json").stdout)
    second = run("import", str(book))

    assert first == {
        "applied": True,
        "added": [{"row": 2, "name": "Taman Mandara", "area": "19.71.02.1002"}],
        "changed": {},
        "unchanged": 0,
        "ignored_columns": [],
    }
    assert second.stdout == "0 new, 0 changed, 1 as they were.\n"
    (site,) = json.loads(run("list", "--json").stdout)
    assert (site["slug"], site["state"]) == ("taman-mandara", "planned")


def test_a_wrong_row_is_told_by_row_and_column_and_nothing_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("No;name;code\n1;Good;19.71.02.1002\n2;[red]Bad;19.71.99\n")

    people, program = run("import", str(file)), run("import", str(file), "--json")

    assert people.exit_code == program.exit_code == 2
    assert people.stdout.startswith("row 3, code: no area has the code '19.71.99'; all of them: hotspot areas list")
    assert "nothing was changed; problems: 1" in people.stderr
    assert json.loads(program.stdout) == {
        "applied": False,
        "problems": [
            {
                "row": 3,
                "column": "code",
                "problem": "no area has the code '19.71.99'",
                "hint": "all of them: hotspot areas list",
            }
        ],
    }
    assert json.loads(run("list", "--json").stdout) == []


def test_columns_without_a_meaning_are_named_and_long_differences_are_cut(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("No,name,code\n" + "".join(f"{i},Pos {i},19.71.02.1002\n" for i in range(101)))

    lines = run("import", str(file)).stdout.splitlines()

    assert lines[100:] == [
        "… and 1 more; --json has all of them",
        "Columns that were not used: No",
        "101 new, 0 changed, 0 as they were.",
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["missing.csv"], "missing.csv"),
        (["sites.xls"], "neither a .csv nor an .xlsx file"),
        (["sites.csv", "--state", "retired"], "planned or live, not retired"),
    ],
)
def test_a_file_or_state_that_can_not_be_is_refused(words: list[str], line: str) -> None:
    said = run("import", *words)

    assert said.exit_code == 2
    assert line in said.stderr
