"""Vouchers and residents' codes, as staff make, print and end them."""

import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from hotspot.db import Database
from hotspot.guests import vouchers
from hotspot.guests.printed_codes import read_typed
from hotspot.guests.residents import recognise
from tests.cli.test_cli import environment, run, said
from tests.world import GERUNGGANG, World

__all__ = ["environment"]  # the fixture

NEXT_WEEK = (datetime.now(UTC) + timedelta(days=7)).date().isoformat()
MAKE = ("vouchers", "make", "--name", "Rapat", "--until", NEXT_WEEK)


def made(*words: str) -> dict[str, Any]:
    row = said(*words)
    assert isinstance(row, dict)
    return row


def test_a_batch_is_made_printed_once_and_listed_with_its_states(
    database: Database, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "vouchers.pdf"
    assert made(*MAKE, "--count", "600", "--site", "alun-alun", "--minutes", "60") == {"batch": 1, "vouchers": 600}

    written = run("vouchers", "sheet", "1", "--file", str(file), "--paper", "roll")

    assert written.exit_code == 0, written.output
    assert "600 vouchers are in" in written.stdout
    assert file.read_bytes().startswith(b"%PDF-")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("vouchers", "sheet", "1", "--file", str(tmp_path / "again.pdf")).exit_code == 3
    (batch,) = said("vouchers", "list")  # type: ignore[misc]  # a list
    assert (batch["place"], batch["unused"], batch["active"], batch["minutes"]) == ("Alun-Alun", 600, 0, 60)
    assert batch["valid_until"].endswith("00:00:00+07:00")
    assert batch["to_be_printed"] is False


def test_a_file_that_can_not_be_written_leaves_the_codes_to_be_printed(
    database: Database, world: World, tmp_path: Path
) -> None:
    made(*MAKE, "--count", "1", "--area", GERUNGGANG)

    assert run("vouchers", "sheet", "1", "--file", str(tmp_path / "nowhere" / "new.pdf")).exit_code == 5
    assert run("vouchers", "sheet", "1", "--file", str(tmp_path / "new.pdf")).exit_code == 0


def test_vouchers_are_found_by_number_and_voided_one_or_all(database: Database, world: World) -> None:
    made(*MAKE, "--count", "3", "--site", "alun-alun")
    rows = said("vouchers", "list", "--batch", "1")
    assert isinstance(rows, list)
    number = str(rows[0]["number"])

    assert made("vouchers", "void", number) == {"voided": 1}
    assert made("vouchers", "void", number) == {"voided": 0}
    (shown,) = said("vouchers", "show", number)  # type: ignore[misc]  # a list
    assert shown["state"] == "void"
    assert made("vouchers", "void", "--batch", "1") == {"voided": 2}
    assert run("vouchers", "void").exit_code == 2
    assert run("vouchers", "show", "99").exit_code == 4
    assert run("vouchers", "list").exit_code == 0


def test_vouchers_that_can_not_be_are_one_line_and_an_exit_code(database: Database, world: World) -> None:
    assert run(*MAKE, "--count", "1").exit_code == 2, "no place"
    assert run(*MAKE, "--count", "1", "--site", "nowhere").exit_code == 4
    assert run(*MAKE, "--count", "1", "--site", "alun-alun", "--minutes", "1").exit_code == 2
    wrong = run("vouchers", "make", "--name", "x", "--until", "31.12.2026", "--count", "1", "--site", "alun-alun")
    assert (wrong.exit_code, "is not a day such as" in wrong.stderr) == (2, True)
    with database.reading() as db:
        assert db.scalar(text("SELECT count(*) FROM voucher_batch")) == 0
    assert "No vouchers yet" in run("vouchers", "list").stdout


def test_no_command_shows_a_vouchers_code(database: Database, world: World, tmp_path: Path) -> None:
    output = run(*MAKE, "--count", "2", "--site", "alun-alun").output
    with database.writing() as db:
        _, codes = vouchers.take_codes(db, 1, keys=world.keys)
        db.rollback()
    for words in (
        ("list",),
        ("list", "--batch", "1"),
        ("show", "1"),
        ("sheet", "1", "--file", str(tmp_path / "v.pdf")),
    ):
        output += run("vouchers", *words).output

    assert [one.code for one in codes if one.code[:4] in output] == []


def test_a_residents_code_is_shown_once_renewed_and_revoked(database: Database, world: World) -> None:
    shown = run("residents", "add", "--note", "counter 3", "--days", "30")
    found = re.search(r"([2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}) \(No\. 1\)", shown.stdout)
    assert found, shown.output
    code = found.group(1)
    assert code not in run("residents", "list").output

    def guest(code: str) -> object:
        with database.reading() as db:
            return recognise(db, read_typed(code), keys=world.keys, now=datetime.now(UTC))

    first = guest(code)
    assert made("residents", "renew", "1", "--days", "60")["code"] is None
    other = made("residents", "renew", "1", "--new-code")["code"]
    assert guest(other) == first
    assert guest(code) == "unknown"
    assert made("residents", "revoke", "1") == {"number": 1, "revoked": True}
    assert guest(other) == "unknown"
    assert run("residents", "renew", "1").exit_code == 3
    assert run("residents", "revoke", "7").exit_code == 4
    (row,) = said("residents", "list")  # type: ignore[misc]  # a list
    assert row["note"] == "counter 3"
    assert row["revoked_at"] is not None
