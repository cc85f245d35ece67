"""What happens to every router each night: queued once, copied, compared, and the answer kept."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlmodel import select

from benchmarks.live_router import Live
from hotspot.clock import TABLE
from hotspot.db import Database
from hotspot.jobs import Work, enqueue, pending
from hotspot.process import TASKS
from hotspot.routers import nightly, provision
from hotspot.routers.backups import Reason, backups_of, image_of, unsealed
from hotspot.routers.checks import RouterCheck, checks, tell_counts
from hotspot.routers.connection import RouterRefused, RouterUnreachable
from hotspot.routers.nightly import Busy, look_at, minute_of, queue_checks
from hotspot.routers.runs import ProvisionPlan
from hotspot.routers.subjects import Means
from hotspot.settings import Settings
from hotspot.simulator.routeros.sessions import Result
from hotspot.simulator.routeros.traps import Trap
from tests.routers.managed import NAME, applied, enrol
from tests.world import World

ONE_AT_NIGHT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)  # 1 o'clock on the 3rd in Pangkalpinang


@pytest.fixture
def enrolled(world: World, database: Database, settings: Settings) -> World:
    with Live() as box:
        enrol(database, settings, box)
    return world


def queued(database: Database, settings: Settings, now: datetime) -> list[int]:
    with database.writing() as db:
        return list(queue_checks(db, settings, now=now))


def seen(means: Means, world: World) -> RouterCheck:
    with means.database.reading() as db:
        return checks(db)[world.router].model_copy()


def test_each_router_is_queued_once_a_night_at_its_own_minute(
    enrolled: World, database: Database, settings: Settings
) -> None:
    its_minute = ONE_AT_NIGHT + timedelta(minutes=minute_of(enrolled.router))

    assert queued(database, settings, its_minute - timedelta(minutes=1)) == []
    assert queued(database, settings, its_minute) == [enrolled.router]
    assert queued(database, settings, its_minute) == []  # another clock, or this one after a restart
    assert queued(database, settings, its_minute + timedelta(minutes=90)) == []
    with database.reading() as db:
        assert [(job.task, job.router_id) for job in pending(db)] == [(nightly.TASK.name, enrolled.router)]
    assert queued(database, settings, its_minute + timedelta(days=1)) == [enrolled.router]


def test_a_clock_that_was_stopped_makes_up_until_six_and_not_by_day(
    enrolled: World, database: Database, settings: Settings
) -> None:
    assert queued(database, settings, ONE_AT_NIGHT - timedelta(minutes=1)) == []
    assert queued(database, settings, ONE_AT_NIGHT + timedelta(hours=5)) == []
    assert queued(database, settings, ONE_AT_NIGHT + timedelta(hours=4, minutes=59)) == [enrolled.router]


def test_what_a_person_asks_for_by_night_does_not_wait_behind_the_nightly_look(
    enrolled: World, database: Database, settings: Settings
) -> None:
    (router, *_) = queued(database, settings, datetime(2026, 3, 2, 21, tzinfo=UTC))

    with database.writing() as db:
        enqueue(db, "apply", router, {})
        taken = db.execute(text("SELECT task_name FROM procrastinate_fetch_job_v2(NULL, NULL)")).scalar_one()

    assert taken == "apply"


def test_the_minutes_of_a_city_fill_the_window_evenly() -> None:
    minutes = [minute_of(router) for router in range(1, 361)]

    assert (min(minutes), max(minutes)) == (0, 179)
    assert max(minutes.count(minute) for minute in range(180)) == 2
    assert all(abs(one - other) > 1 for one, other in pairwise(minutes))


def test_the_clock_queues_and_a_worker_knows_the_task() -> None:
    assert "look at routers by night" in [schedule.name for schedule in TABLE]
    assert nightly.TASK in TASKS


def test_a_night_keeps_a_copy_and_how_the_router_differs(
    means: Means, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "dial", means.dial)

    nightly.TASK.run(Work(means.database, means.settings, world.router, {}, 0))

    held = seen(means, world)
    assert held.differs is not None
    assert held.differs > 30
    assert held.drifted_since == held.checked_at
    with means.database.reading() as db:
        (copy,) = backups_of(db, world.router)
        assert copy.reason == Reason.NIGHTLY
        assert (copy.model, copy.serial) == ("", "")  # this cast's router never said
        assert b"/interface wireguard" in unsealed(copy, world.keys)
        image = image_of(copy, world.keys)
        assert image is not None
        assert image.startswith(b"simulated-backup-sealed")
        assert copy.image is not None
        assert b"simulated-backup" not in copy.image
        assert db.get_one(ProvisionPlan, held.plan_id).made_by == nightly.BY_NIGHT


def test_a_drift_that_stays_keeps_its_beginning_and_its_plan_until_it_is_over(means: Means, world: World) -> None:
    first = nightly.check(means, NAME, made_by="Bob")
    again = nightly.check(means, NAME, made_by="Bob")

    assert (again.drifted_since, again.plan_id) == (first.drifted_since, first.plan_id)
    assert again.checked_at is not None
    assert first.checked_at is not None
    assert again.checked_at > first.checked_at
    with means.database.reading() as db:
        assert len(db.exec(select(ProvisionPlan)).all()) == 1

    assert first.plan_id is not None
    provision.apply(means, first.plan_id, made_by="Bob")

    after = seen(means, world)  # at once, not only by night
    assert (after.differs, after.drifted_since, after.plan_id) == (0, None, None)
    assert nightly.check(means, NAME, made_by="Bob").differs == 0


def test_a_router_that_is_away_is_told_so_and_tried_again(means: Means, live: Live, world: World) -> None:
    applied(means)
    live.server.is_reachable = False

    for _ in range(2):
        with pytest.raises(RouterUnreachable):
            look_at(means, NAME)

    away = seen(means, world)
    assert away.unreachable_since is not None
    assert "can't be reached" in away.problem
    assert away.differs == 0  # what was last known stays
    with means.database.writing() as db:
        tell_counts(db, now=world.now)
    assert REGISTRY.get_sample_value("hotspot_routers_unreachable") == 1

    live.server.is_reachable = True
    look_at(means, NAME)

    back = seen(means, world)
    assert (back.unreachable_since, back.problem) == (None, "")
    with means.database.writing() as db:
        tell_counts(db, now=world.now + timedelta(days=3))
    assert REGISTRY.get_sample_value("hotspot_routers_unreachable") == 0
    assert REGISTRY.get_sample_value("hotspot_routers_drifted") == 0
    assert REGISTRY.get_sample_value("hotspot_routers_unchecked") == 1


def test_a_router_at_work_is_looked_at_later(means: Means, live: Live) -> None:
    with provision.alone(means, provision._subject(means, NAME)), pytest.raises(Busy):
        look_at(means, NAME)
    live.at_once(lambda: live.do("/safe-mode/take"))
    with pytest.raises(Busy):
        look_at(means, NAME)


def test_a_router_that_can_not_be_copied_is_compared_all_the_same(means: Means, live: Live, world: World) -> None:
    def refuses(_call: object) -> Result:
        raise Trap("not enough permissions (9)")

    live.router.actions["/system/backup", "save"] = refuses
    look_at(means, NAME)
    with means.database.reading() as db:
        (text_alone,) = backups_of(db, world.router)
        assert (text_alone.image, text_alone.size > 100) == (None, True)
    assert seen(means, world).differs

    first = seen(means, world).checked_at
    live.router.actions["", "export"] = refuses
    with pytest.raises(RouterRefused, match="not enough permissions"):
        look_at(means, NAME)
    assert seen(means, world).checked_at != first


def test_a_copy_that_can_not_be_read_leaves_no_file_behind(means: Means, live: Live) -> None:
    def refuses(_call: object) -> Result:
        raise Trap("failure: no")

    live.router.actions["/file", "read"] = refuses

    with pytest.raises(RouterRefused, match="failure: no"):
        nightly.copy_now(means, NAME, reason=Reason.ASKED)

    assert [row["name"] for row in live.rows("/file") if "hotspot-copy" in row["name"]] == []


def test_a_router_that_is_too_old_is_not_called_unreachable(means: Means, live: Live, world: World) -> None:
    live.at_once(lambda: setattr(live.router, "version_text", "7.18.2"))

    with pytest.raises(provision.NotReady):
        nightly.check(means, NAME, made_by="Bob")

    held = seen(means, world)
    assert held.unreachable_since is None
    assert "7.18.2" in held.problem
