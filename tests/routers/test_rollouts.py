"""One change for many routers: ring by ring, held by what fails, followed by who was away. Against simulated routers over TLS."""

import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import psycopg
import pytest

from benchmarks.fleet import Fleet, FleetThread, Member, configured, dial_by, found_city
from benchmarks.live_router import Live
from hotspot import worker as works
from hotspot.areas.importer import import_packaged_areas
from hotspot.areas.service import top_area
from hotspot.db import Database
from hotspot.errors import Invalid
from hotspot.jobs import Task, Work, pending
from hotspot.paths import shipped
from hotspot.routers import ledger, rollouts, subjects
from hotspot.routers.configs import load
from hotspot.routers.ledger import Outcome
from hotspot.routers.provision import alone
from hotspot.routers.rollouts import Order
from hotspot.routers.rollouts_models import RolloutKind, RolloutRouter, RolloutState, Standing
from hotspot.routers.rollouts_progress import GIVEN_UP_AFTER, MOST_LOST, night_of
from hotspot.routers.rollouts_progress import NAME as TASK_NAME
from hotspot.routers.rollouts_work import TASK, NotYet, take_turn
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means, subject_of
from hotspot.settings import Settings
from hotspot.simulator.routeros.traps import failure
from hotspot.sites.settings import give
from hotspot.worker import Worker
from tests.routers.managed import NAME, enrol, means_of
from tests.world import World

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
        take_turn(means, int(work.args["rollout"]), work.router_id)

    task = Task(TASK_NAME, work, timedelta(milliseconds=200))
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


@pytest.fixture
def one(world: World, database: Database, settings: Settings) -> Iterator[Live]:
    """The only router that takes part: a fresh one."""
    with Live() as live:
        enrol(database, settings, live)
        yield live


@pytest.fixture
def turns(one: Live, world: World, database: Database, settings: Settings) -> Means:
    return means_of(database, settings, one, now=lambda: world.now)


def standing(means: Means, number: int) -> RolloutRouter:
    with means.database.reading() as db:
        (row,) = rollouts.rows_of(db, number)
        db.expunge(row)
        return row


def turn(means: Means, number: int) -> RolloutRouter:
    """Do one job of this rollout; whether it is to be tried again is in the row."""
    with suppress(NotYet):
        take_turn(means, number, standing(means, number).router_id)
    return standing(means, number)


def test_what_needs_a_decision_is_left_to_a_person_with_the_plan_to_look_at(turns: Means, one: Live) -> None:
    one.do("/interface/bridge/add", name="hotspot-guests")
    number = start(turns)

    row = turn(turns, number)

    assert row.state == Standing.FAILED
    assert f"needs a person, see hotspot routers plan {NAME}" in row.why
    assert row.plan_id is not None
    assert state(turns.database, number)[0] == RolloutState.PAUSED


def test_a_run_that_a_dead_worker_left_is_settled_and_the_change_made(turns: Means, one: Live) -> None:
    class Dies(BaseException):
        pass

    def dies(_address: IPv4Address, _port: int) -> socket.socket:
        if one.rows("/ip/hotspot"):  # in the middle of being changed
            raise Dies
        return one.dial(_address, _port)

    number = start(turns)
    with pytest.raises(Dies):
        turn(replace(turns, dial=dies), number)
    one.cut()
    assert standing(turns, number).state == Standing.RUNNING

    row = turn(turns, number)

    assert (row.state, row.why) == (Standing.DONE, "")
    assert one.rows("/ip/hotspot")
    with turns.database.reading() as db:
        latest, before = ledger.runs_of(db, row.router_id)
    assert (latest.outcome, before.outcome) == (Outcome.CONFIRMED, Outcome.ROLLED_BACK)


def test_a_router_that_every_change_cuts_off_fails_in_the_end_and_is_as_before(turns: Means, one: Live) -> None:
    def cuts(_address: IPv4Address, _port: int) -> socket.socket:
        if one.router.safe_mode.hold is not None and one.rows("/ip/hotspot"):
            one.cut()
            raise ConnectionRefusedError
        return one.dial(_address, _port)

    number = start(turns)
    cut_off = replace(turns, dial=cuts)

    rows = [turn(cut_off, number) for _ in range(MOST_LOST)]

    assert [row.state for row in rows] == [Standing.PENDING, Standing.PENDING, Standing.FAILED]
    assert "lost while it was being changed, 3 of 3 times" in rows[-1].why
    assert one.rows("/ip/hotspot") == []


def test_a_router_that_is_unwell_afterwards_fails_at_once(turns: Means, one: Live) -> None:
    def nobody(_arguments: Mapping[str, str]) -> bytes:
        raise failure("connection timeout")

    one.router.fetches = nobody
    number = start(turns)

    row = turn(turns, number)

    assert (row.state, row.why.split(":")[0]) == (Standing.FAILED, "rolled-back")


def test_a_router_that_somebody_works_on_is_tried_again(turns: Means, one: Live) -> None:
    number = start(turns)
    with turns.database.reading() as db:
        subject = subject_of(db, get_router_named(db, NAME), turns.settings, now=turns.clock())

    with alone(turns, subject):
        row = turn(turns, number)

    assert (row.state, row.why) == (
        Standing.PENDING,
        f"Something else is being done on {NAME} right now; try again when that is over",
    )


def test_who_is_away_for_a_month_is_given_up(turns: Means, one: Live) -> None:
    def gone(_address: IPv4Address, _port: int) -> socket.socket:
        raise ConnectionRefusedError

    number = start(turns)
    away = replace(turns, dial=gone)

    assert turn(away, number).state == Standing.OFFLINE
    assert turn(away, number).state == Standing.OFFLINE
    later = replace(away, clock=lambda: turns.clock() + GIVEN_UP_AFTER)
    row = turn(later, number)

    assert (row.state, row.why.split(":")[0]) == (Standing.FAILED, "given up after 28 days")


def test_a_database_that_is_away_is_no_mistake_and_the_turn_is_taken_again(turns: Means, one: Live) -> None:
    def away(_address: IPv4Address, _port: int) -> socket.socket:
        raise psycopg.OperationalError("the server closed the connection")

    number = start(turns)

    with pytest.raises(psycopg.OperationalError):
        turn(replace(turns, dial=away), number)

    assert standing(turns, number).state == Standing.RUNNING
    assert turn(turns, number).state == Standing.DONE


def test_who_comes_back_after_the_end_is_left_alone(turns: Means, one: Live) -> None:
    def stops(address: IPv4Address, port: int) -> socket.socket:
        with turns.database.writing() as db:
            rollouts.stop(db, number, who="Bob", now=turns.clock())
        return one.dial(address, port)

    def gone(_address: IPv4Address, _port: int) -> socket.socket:
        raise ConnectionRefusedError

    number = start(turns)
    turn(replace(turns, dial=gone), number)

    assert turn(replace(turns, dial=stops), number).state == Standing.WAITING
    assert one.rows("/ip/hotspot") == []


def test_a_mistake_of_ours_is_told_and_ends_the_job(turns: Means, one: Live) -> None:
    def wrong(_address: IPv4Address, _port: int) -> socket.socket:
        raise ValueError("secret words")

    number = start(turns)

    with pytest.raises(ValueError, match="secret"):
        turn(replace(turns, dial=wrong), number)

    assert standing(turns, number).why == "a mistake of ours; the log has more"


def test_router_configs_that_can_not_be_read_fail_the_turn(
    turns: Means, one: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.toml").write_text("[[item]")
    monkeypatch.setattr(subjects, "shipped", lambda _name: tmp_path)
    number = start(turns)

    with pytest.raises(Invalid, match=r"broken\.toml"):
        TASK.run(Work(turns.database, turns.settings, standing(turns, number).router_id, {"rollout": number}, 0))

    row = standing(turns, number)
    assert (row.state, "broken.toml" in row.why) == (Standing.FAILED, True)
    assert state(turns.database, number)[0] == RolloutState.PAUSED


def test_an_upgrade_is_followed_by_what_the_site_wants(turns: Means, one: Live) -> None:
    one.router.version_text = "7.20.8"
    order = replace(ALL_AT_ONCE, kind=RolloutKind.FIRMWARE, version="7.24", channel="stable")
    number = start(turns, order)
    job = Work(turns.database, turns.settings, 1, {"rollout": number}, 0)

    row = turn(turns, number)

    assert (row.state, row.packages) == (Standing.DONE, ["routeros", "wifi-qcom"])
    assert one.router.version_text == "7.24"
    assert one.rows("/ip/hotspot")
    with turns.database.reading() as db:
        assert get_router_named(db, NAME).version == "7.24"
    TASK.run(job)  # another job for the same does nothing


def test_a_router_lost_in_its_upgrade_holds_the_ring(turns: Means, one: Live) -> None:
    def gone_then(address: IPv4Address, port: int) -> socket.socket:
        if one.router.boot:
            raise ConnectionRefusedError
        return one.dial(address, port)

    order = replace(ALL_AT_ONCE, kind=RolloutKind.FIRMWARE, version="7.24", channel="stable")
    number = start(turns, order)

    row = turn(replace(turns, dial=gone_then), number)

    assert row.state == Standing.FAILED
    assert "does not answer since it was restarted" in row.why


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
            told = {name: row.why for name, row in rollouts.named_rows_of(db, number) if row.state == Standing.OFFLINE}
            waiting = {job.router_id for job in pending(db)}
        assert set(told) == away
        assert all("can't be reached" in why for why in told.values())
        assert len(waiting) == len(away)  # tried again, also now that all else is over

        fleet.inside(Fleet.come_back)
        eventually(means.database, number, done=COUNT)

    assert set(fleet.inside(Fleet.ssids).values()) == {frozenset({NEW})}
    assert fleet.fleet.count.most <= means.settings.router_connections
