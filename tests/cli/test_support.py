"""`hotspot support CODE`."""

from datetime import timedelta

from hotspot.db import Database
from tests.attempts import failed_attempt
from tests.cli.test_cli import environment, run, said
from tests.world import World

__all__ = ["environment"]  # the fixture


def test_staff_see_step_by_step_what_became_of_an_attempt_in_the_citys_time(database: Database, world: World) -> None:
    with database.writing() as db:
        db.add(
            failed_attempt(
                device_id=world.device(),
                requested_at=world.now,
                site_id=world.alun_alun,
                router_id=world.router,
                answer="unknown host IP 10.5.50.17",
                fell_back_at=world.now + timedelta(seconds=1),
                decided_at=world.now + timedelta(seconds=60),
            )
        )

    rows = said("support", "k7q2m")
    people = run("support", "K7Q2M").stdout
    nobodys = run("support", "AAAAA")

    assert isinstance(rows, list)
    assert rows[0] == {
        "code": "K7Q2M",
        "at": "2026-03-02 12:00:00+07:00",
        "what": "Asked to get online at Alun-Alun, router alun-alun-1 (android, id)",
    }
    assert [row["what"] for row in rows[1:]] == [
        "The controller told the router to let the device in",
        "That came to nothing, so the other way was tried",
        "The browser was sent to the router with a one-time credential",
        "The router told the controller: unknown host IP 10.5.50.17",
        "RADIUS was never asked",
        "The attempt failed: no answer",
    ]
    assert "unknown host IP" in people
    assert (nobodys.exit_code, "No attempt of the last 30 days has the code AAAAA" in nobodys.output) == (4, True)
