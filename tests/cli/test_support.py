"""`hotspot support CODE`."""

from datetime import timedelta
from uuid import UUID

from hotspot.db import Database
from hotspot.portal.attempts_models import SignInAttempt
from tests.cli.test_cli import environment, run, said
from tests.world import World

__all__ = ["environment"]  # the fixture


def test_staff_see_step_by_step_what_became_of_an_attempt_in_the_citys_time(database: Database, world: World) -> None:
    with database.writing() as db:
        db.add(
            SignInAttempt(
                id=UUID(int=1),
                site_id=world.alun_alun,
                router_id=world.router,
                device_id=world.device(),
                support_code="K7Q2M",
                method="one-tap",
                consent_id=1,
                press=UUID(int=2),
                credential_id=UUID(int=3),
                way="browser",
                state="failed",
                reason="no answer",
                answer="unknown host IP 10.5.50.17",
                language="id",
                browser="android",
                requested_at=world.now,
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
