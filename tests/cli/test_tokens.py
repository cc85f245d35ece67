"""Tokens of programs, as staff make and end them."""

import re
from datetime import UTC, datetime, timedelta

from hotspot.db import Database
from hotspot.staff.tokens import find_bearer
from tests.cli.test_cli import environment, run, said
from tests.world import World

__all__ = ["environment"]  # the fixture


def test_a_token_is_shown_once_listed_without_it_and_ended(database: Database, world: World) -> None:
    made = run("staff", "token", "create", "--name", "Bob", "--label", "map", "--scope", "operate", "--days", "2")
    found = re.search(r"hotspot_[\w-]{43}", made.stdout)
    assert found, made.output
    token = found.group()

    listed = said("staff", "token", "list")

    assert isinstance(listed, list)
    (row,) = listed
    assert (row["number"], row["name"], row["label"], row["scope"], row["revoked_at"]) == (
        1,
        "Bob",
        "map",
        "operate",
        None,
    )
    until = datetime.fromisoformat(row["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=1, hours=23) < until <= timedelta(days=2)
    assert token not in run("staff", "token", "list").output
    assert said("staff", "token", "revoke", "1") == {"number": 1, "revoked": True}
    with database.reading() as db:
        assert find_bearer(db, token, now=datetime.now(UTC)) is None


def test_a_token_that_can_not_be_is_one_line_and_an_exit_code(world: World) -> None:
    create = ("staff", "token", "create", "--label", "map", "--name")

    assert run(*create, "Nobody").exit_code == 4
    assert run(*create, "Charlie", "--scope", "operate").exit_code == 3
    assert run(*create, "Bob", "--days", "400").exit_code == 2
    assert run("staff", "token", "revoke", "7").exit_code == 4
    assert "No token yet" in run("staff", "token", "list").stdout
    made = said(*create, "Charlie")
    assert isinstance(made, dict)
    assert made["token"].startswith("hotspot_")
