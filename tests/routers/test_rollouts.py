"""One change for many routers: ring by ring, held by what fails, followed by who was away. Against simulated routers over TLS."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.fleet import Fleet, FleetThread, Member, configured, dial_by, found_city
from hotspot import worker as works
from hotspot.areas.importer import import_packaged_areas
from hotspot.areas.service import top_area
from hotspot.db import Database
from hotspot.jobs import Task, Work, pending
from hotspot.paths import shipped
from hotspot.routers import rollouts
from hotspot.routers.configs import load
from hotspot.routers.rollouts import Order
from hotspot.routers.rollouts_models import RolloutKind, RolloutState
from hotspot.routers.rollouts_progress import NAME, night_of
from hotspot.routers.rollouts_work import take_turn
from hotspot.routers.subjects import Means
from hotspot.settings import Settings
from hotspot.sites.settings import give
from hotspot.worker import Worker

COUNT = 12
NEW = "Kota Cerdas"
ALL_AT_ONCE = Order(RolloutKind.CONFIGURATION, "Bob", at_any_time=True)
PATIENCE = 20.0


@pytest.fixture
def members(database: Database, settings: Settings, now: datetime) -> list[Member]:
    with database.writing() as db:
        import_packaged_areas(db)
    return found_city(database, settings, COUNT, now=now)


@pytest.fixture
def fleet(database: Database, settings: Settings, members: list[Member], now: datetime) -> Iterator[FleetThread]:
    model = configured(database, settings, members[0], now=now)
    with FleetThread(model, members, random.Random(7), swallows=False) as fleet:
        yield fleet


@pytest.fixture
def means(database: Database, settings: Settings, fleet: FleetThread) -> Means:
    configs = load(shipped("router_configs"))
    return Means(
        database,
        settings,
        configs,
        dial=dial_by(fleet.fleet.ports),
        wait=lambda _seconds: None,
        clock=lambda: datetime.now(UTC),
    )


def rename(database: Database, ssid: str = NEW) -> None:
    with database.writing() as db:
        give(db, top_area(db), "ssid", ssid)


def start(means: Means, order: Order = ALL_AT_ONCE) -> int:
    with means.database.writing() as db:
        rollout = rollouts.start(db, order, night=night_of(means.settings), now=means.clock())
        assert rollout.id is not None
        return rollout.id


@contextmanager
def workers(means: Means, count: int = 1) -> Iterator[None]:
    """Workers that try again at once, as many as are asked for."""

    def work(work: Work) -> None:
        take_turn(means, int(work.args["rollout"]), work.router_id, is_last=work.is_last)

    task = Task(NAME, work, timedelta(milliseconds=200))
    with ExitStack() as stack:
        for _ in range(count):
            worker = Worker(means.database, means.settings, [task])
            worker.start()
            stack.callback(worker.stop)
        yield


def standings(database: Database, number: int) -> Counter[str]:
    with database.reading() as db:
        return Counter(row.state for row in rollouts.rows_of(db, number))


def state(database: Database, number: int) -> tuple[str, str]:
    with database.reading() as db:
        rollout = rollouts.get_rollout(db, number)
        return rollout.state, rollout.why


def eventually(database: Database, number: int, **wanted: int) -> None:
    tick = threading.Event()
    for _ in range(int(PATIENCE * 20)):
        if standings(database, number) == wanted:
            return
        tick.wait(0.05)
    raise AssertionError(f"{standings(database, number)} instead of {wanted}")


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(works, "POLL_EVERY", timedelta(milliseconds=50))


def test_a_change_reaches_everybody_who_is_there_and_follows_those_who_come_back(
    means: Means, fleet: FleetThread, members: list[Member]
) -> None:
    away = {members[3].name, members[7].name}
    fleet.inside(lambda routers: routers.go(away))
    rename(means.database)
    number = start(means)

    with workers(means, 2):
        eventually(means.database, number, done=COUNT - 2, offline=2)
        assert state(means.database, number) == (RolloutState.DONE, "")
        ssids = fleet.inside(Fleet.ssids)
        assert {name for name, told in ssids.items() if told == {NEW}} == {member.name for member in members} - away
        with means.database.reading() as db:
            assert all("can't be reached" in job.problem for job in pending(db))

        fleet.inside(Fleet.come_back)
        eventually(means.database, number, done=COUNT)

    assert set(fleet.inside(Fleet.ssids).values()) == {frozenset({NEW})}
    assert fleet.fleet.count.most <= means.settings.router_connections
