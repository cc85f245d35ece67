"""Information and alerts as staff type them."""

from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text

from hotspot.db import Database
from hotspot.portal.counts import Counts
from hotspot.staff.service import disable_staff
from tests.cli.test_cli import environment, run, said
from tests.world import World

__all__ = ["environment"]  # the fixture

BANNER = '[id]\ntitle = "MPP"\ntext = "Buka."\nalt = "Gedung"\n'
ALERT = '[id]\ntitle = "Banjir"\ntext = "Naik."\n[en]\ntitle = "Flood"\ntext = "Go up."\n'


@pytest.fixture
def banner(tmp_path: Path) -> Path:
    file = tmp_path / "banner.toml"
    file.write_text(BANNER)
    return file


@pytest.fixture
def alert(tmp_path: Path) -> Path:
    file = tmp_path / "alert.toml"
    file.write_text(ALERT)
    return file


def test_one_drafts_information_and_another_approves_it(
    banner: Path, tmp_path: Path, world: World, database: Database
) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 64)).save(picture)
    made = said("banners", "draft", str(banner), "--area", "19.71", "--image", str(picture), "--as", "Bob")
    assert made == {"number": 1, "revision": 1}
    assert run("banners", "approve", "1", "--revision", "1", "--as", "Bob").exit_code == 6
    assert said("banners", "approve", "1", "--revision", "1", "--as", "Charlie") == {"number": 1, "approved": True}

    (row,) = said("banners", "list")

    assert (row["state"], row["title"], row["drafted_by"], row["approved_by"]) == ("shown", "MPP", "Bob", "Charlie")
    edited = said("banners", "edit", "1", str(banner), "--revision", "1", "--as", "Alice")
    assert edited == {"number": 1, "revision": 2}
    assert said("banners", "list")[0]["state"] == "draft"
    assert said("banners", "end", "1", "--as", "Charlie") == {"number": 1, "ended": True}
    assert "MPP" in run("banners", "list").stdout


def test_information_may_be_for_one_site_alone(banner: Path, world: World) -> None:
    said("banners", "draft", str(banner), "--site", "alun-alun", "--as", "Bob")

    assert said("banners", "list")[0]["place"] == "Alun-Alun"


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--as", "Bob"), 2, "--area CODE or --site SLUG"),
        (("--area", "19.71", "--site", "alun-alun", "--as", "Bob"), 2, "--area CODE or --site SLUG"),
        (("--area", "99", "--as", "Bob"), 4, "99"),
        (("--area", "19.71", "--as", "Nobody"), 4, "Nobody"),
        (("--area", "19.71", "--as", "Charlie"), 6, "disabled"),
        (("--area", "19.71", "--as", "Bob", "--image", "missing.png"), 2, "missing.png"),
        (("--area", "19.71", "--as", "Bob", "--image", __file__), 2, "JPEG, PNG or WebP"),
    ],
)
def test_what_can_not_be_drafted_is_one_line(
    banner: Path, world: World, database: Database, words: tuple[str, ...], code: int, line: str
) -> None:
    with database.writing() as db:
        disable_staff(db, "Charlie", world.now)

    result = run("banners", "draft", str(banner), *words)

    assert (result.exit_code, line in result.stderr.replace("\n", " ")) == (code, True), result.output


def test_the_report_counts_pages_by_banner_and_kelurahan(banner: Path, world: World, database: Database) -> None:
    said("banners", "draft", str(banner), "--area", "19.71", "--as", "Bob")
    assert "Nothing was counted" in run("banners", "report").stdout
    counts = Counts(database)
    counts.count_shown(world.alun_alun, [1])
    counts.count_shown(world.perpustakaan, [1])
    counts.count_followed(world.perpustakaan, 1)
    with database.reading() as db:
        now = db.scalar(text("SELECT now()"))
    counts.flush(now)

    assert said("banners", "report") == [{"number": 1, "title": "MPP", "shown": 2, "followed": 1}]
    assert said("banners", "report", "1") == [
        {"area": "19.71.02.1002", "name": "Gedung Nasional", "shown": 1, "followed": 0},
        {"area": "19.71.05.1004", "name": "Bukit Sari", "shown": 1, "followed": 1},
    ]
    assert run("banners", "report", "9").exit_code == 4


def test_a_new_installation_has_drafts_for_its_city() -> None:
    rows = said("banners", "list")

    assert [(row["state"], row["place"], row["drafted_by"]) for row in rows] == [
        ("draft", "Kota Pangkalpinang (19.71)", "")
    ] * 3


def test_an_alert_is_sent_by_two_and_taken_down(alert: Path, world: World) -> None:
    words = ("broadcast", "start", str(alert), "--area", "19.71", "--hours", "6")
    assert "hotspot broadcast approve 1" in run(*words, "--drill", "--as", "Bob").stdout
    assert run("broadcast", "approve", "1", "--as", "Bob").exit_code == 6
    assert said("broadcast", "approve", "1", "--as", "Alice") == {"number": 1, "state": "shown"}
    (row,) = said("broadcast", "list")
    assert (row["state"], row["drill"], row["title"], row["review"]) == ("shown", True, "Banjir", "")
    assert (row["drafted"][:4], row["approved"][:6]) == ("Bob ", "Alice ")
    assert said("broadcast", "end", "1", "--as", "Charlie") == {"number": 1, "state": "over"}
    assert run("broadcast", "end", "1", "--as", "Charlie").exit_code == 3
    assert run(*words[:-1], "49", "--as", "Bob").exit_code == 2


def test_the_duty_officer_sends_it_alone_and_it_is_listed_until_reviewed(alert: Path, world: World) -> None:
    words = ("broadcast", "start", str(alert), "--area", "19.71", "--hours", "6", "--alone", "--as", "Bob")
    assert run(*words).exit_code == 6
    assert said("staff", "duty", "--name", "Bob", "--on") == {"name": "Bob", "is_duty_officer": True}
    assert "hotspot broadcast review 1" in run(*words).stdout
    assert said("broadcast", "list")[0]["review"] == "STILL TO REVIEW"

    assert run("broadcast", "review", "1", "--as", "Bob").exit_code == 6
    assert said("broadcast", "review", "1", "--as", "Alice") == {"number": 1, "reviewed": True}

    assert said("broadcast", "list")[0]["review"].startswith("Alice ")
    assert "no duty officer" in run("staff", "duty", "--name", "Bob", "--off").stdout
    assert run(*words).exit_code == 6


def test_an_office_is_given_its_addresses(world: World) -> None:
    words = ("areas", "set", "19.71.05.1004")
    made = said(*words, "--website", "https://kel.example.go.id", "--social", "https://instagram.com/kel")
    assert made == {
        "code": "19.71.05.1004",
        "website": "https://kel.example.go.id",
        "social_media": ["https://instagram.com/kel"],
    }
    assert "no website, https://instagram.com/kel" in run(*words, "--website", "").stdout
    assert said(*words, "--social", "")["social_media"] is None  # type: ignore[call-overload]
    assert run(*words, "--website", "ftp://x").exit_code == 2
    five = [word for number in range(5) for word in ("--social", f"https://a.id/{number}")]
    assert run(*words, *five).exit_code == 2
