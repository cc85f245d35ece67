"""What is queued for routers, and the copies of their configuration: as staff ask for them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hotspot.db import Database
from hotspot.jobs import enqueue
from hotspot.routers.backups import Reason, store
from tests.cli.test_cli import environment, run, said
from tests.world import World

__all__ = ["environment"]  # the fixture


def test_a_pending_job_says_of_which_router_when_it_is_tried_next_and_why(database: Database, world: World) -> None:
    next_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    with database.writing() as db:
        number = enqueue(db, "greet", world.router, {})
        enqueue(db, "greet", 4711, {})
        db.execute(
            text(
                "UPDATE procrastinate_jobs SET attempts = 3, scheduled_at = :next_at, args = args || jsonb_build_object('problem', CAST(:problem AS text)) WHERE id = :number"
            ),
            {"next_at": next_at, "problem": "it does not answer", "number": number},
        )

    rows = said("jobs", "list")
    people = run("jobs", "list").stdout

    assert isinstance(rows, list)
    pending, queued = rows
    assert datetime.now(UTC) - datetime.fromisoformat(pending.pop("since")) < timedelta(minutes=1)
    assert datetime.fromisoformat(pending.pop("next_at")) == next_at
    assert pending == {
        "job": number,
        "task": "greet",
        "router": "alun-alun-1",
        "state": "pending",
        "attempts": 3,
        "problem": "it does not answer",
    }
    assert (queued["router"], queued["state"], queued["next_at"]) == ("#4711", "queued", None)
    assert "alun-alun-1" in people
    assert "it does not answer" in people


def test_a_waiting_job_is_cancelled_once(database: Database, world: World) -> None:
    with database.writing() as db:
        number = enqueue(db, "greet", world.router, {})
        enqueue(db, "greet", world.other_router, {})

    assert [row["job"] for row in said("jobs", "list", "--router", "alun-alun-1")] == [number]  # type: ignore[attr-defined]
    assert said("jobs", "cancel", str(number)) == {"job": number, "state": "cancelled"}
    again = run("jobs", "cancel", str(number))

    assert (again.exit_code, f"No job {number} waits" in again.output) == (4, True)
    assert len(said("jobs", "list")) == 1  # type: ignore[arg-type]


def test_without_jobs_the_list_says_so() -> None:
    assert run("jobs", "list").stdout == "Nothing waits and nothing failed.\n"


@pytest.fixture
def two_backups(database: Database, world: World) -> list[int | None]:
    with database.writing() as db:
        return [
            store(
                db,
                world.router,
                f"# copy {day}\n".encode(),
                reason=Reason.CHANGE,
                version="7.20.4",
                keys=world.keys,
                now=world.now + timedelta(days=day),
            ).id
            for day in (1, 2)
        ]


def test_stored_backups_are_listed_the_newest_first(two_backups: list[int | None]) -> None:
    rows = said("routers", "backup", "alun-alun-1", "--list")

    assert isinstance(rows, list)
    assert [row["number"] for row in rows] == two_backups[::-1]
    assert rows[0] | {"sha256": ""} == {
        "number": two_backups[1],
        "taken_at": "2026-03-04T12:00:00+07:00",
        "reason": "before-change",
        "version": "7.20.4",
        "octets": 9,
        "sha256": "",
        "restorable": False,
    }
    assert "before-change" in run("routers", "backup", "alun-alun-1", "--list").stdout
    assert "perpustakaan-1 has no backup" in run("routers", "backup", "perpustakaan-1", "--list").stdout


def test_a_backup_is_written_for_its_owner_alone(two_backups: list[int | None], tmp_path: Path) -> None:
    file = tmp_path / "copy.rsc"

    newest = run("routers", "backup", "alun-alun-1", "--export", str(file))
    assert file.read_text() == "# copy 2\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "Keep it safe" in newest.stdout

    said("routers", "backup", "alun-alun-1", "--export", str(file), "--number", str(two_backups[0]))
    assert file.read_text() == "# copy 1\n"


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["alun-alun-1"], 3, "alun-alun-1 is manual"),
        (["alun-alun-1", "--list", "--export", "x"], 3, "--list or --export FILE"),
        (["nobody", "--list"], 4, "nobody"),
        (["alun-alun-1", "--export", "x", "--number", "4711"], 4, "alun-alun-1 has no such backup"),
        (["alun-alun-1", "--export", "/nonexistent/file"], 5, "/nonexistent/file"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_an_exit_code(
    words: list[str], code: int, line: str, two_backups: list[int | None]
) -> None:
    result = run("routers", "backup", *words)

    assert result.exit_code == code, result.output
    assert line in result.stderr.replace("\n", " ")
