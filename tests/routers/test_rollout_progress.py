"""What moves a rollout on: rings open one behind the other, failures hold or stop it, who is away holds nobody. No router is asked."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from benchmarks.fleet import found_city
from hotspot.areas.importer import import_packaged_areas
from hotspot.areas.service import NoSuchArea
from hotspot.db import Database
from hotspot.jobs import pending
from hotspot.routers import rollouts
from hotspot.routers.rollouts import BadVersion, NobodyTakesPart, NoSuchRollout, NotNow, Order, UnderWayAlready
from hotspot.routers.rollouts_models import RolloutKind, RolloutState, Standing
from hotspot.routers.rollouts_progress import MOST_CANARIES, Ended, Turn, answered, claim, night_of, record
from hotspot.routers.rollouts_rings import Ring
from hotspot.routers.service import NoSuchRouter
from hotspot.settings import Settings
from tests.world import KOTA, TAMAN_SARI

COUNT = 24
AT_ONCE = Order(RolloutKind.CONFIGURATION, "Bob", at_any_time=True)
DONE, AWAY, FAILED = Ended(Standing.DONE), Ended(Standing.OFFLINE, "no answer"), Ended(Standing.FAILED, "unwell")


class City:
    """Rollouts in a city whose routers end as the test says."""

    def __init__(self, database: Database, settings: Settings, now: datetime) -> None:
        self.database, self.settings, self.now = database, settings, now
        with database.writing() as db:
            import_packaged_areas(db)
        self.members = found_city(database, settings, COUNT, now=now)
        self.number = 0

    def starts(self, order: Order = AT_ONCE) -> int:
        with self.database.writing() as db:
            self.number = rollouts.start(db, order, night=night_of(self.settings), now=self.now).id or 0
        return self.number

    def claims(self, router_id: int) -> Turn | None:
        with self.database.writing() as db:
            return claim(db, self.number, router_id, night=night_of(self.settings), now=self.now)

    def ends(self, turn: Turn | None, ended: Ended = DONE) -> None:
        assert turn is not None
        with self.database.writing() as db:
            if turn.was_away and ended is not AWAY:
                assert answered(db, turn, now=self.now)
            record(db, turn, ended, night=night_of(self.settings), now=self.now)

    def routers(self, *standings: Standing) -> list[int]:
        with self.database.reading() as db:
            return [row.router_id for row in rollouts.rows_of(db, self.number) if row.state in standings]

    def all_end(self, ended: Ended = DONE) -> None:
        for router_id in self.routers(Standing.PENDING):
            self.ends(self.claims(router_id), ended)

    @property
    def standings(self) -> Counter[str]:
        with self.database.reading() as db:
            return Counter(row.state for row in rollouts.rows_of(db, self.number))

    @property
    def state(self) -> tuple[str, int]:
        with self.database.reading() as db:
            rollout = rollouts.get_rollout(db, self.number)
            return rollout.state, rollout.ring

    @property
    def why(self) -> str:
        with self.database.reading() as db:
            return rollouts.get_rollout(db, self.number).why

    def queued(self) -> Sequence[datetime | None]:
        with self.database.reading() as db:
            return [job.next_at for job in pending(db)]

    def changes(self, what: Callable[..., None], **more: object) -> None:
        with self.database.writing() as db:
            what(db, self.number, **more)

    def resumes(self) -> None:
        self.changes(rollouts.resume, night=night_of(self.settings), now=self.now)


@pytest.fixture
def city(database: Database, settings: Settings, now: datetime) -> City:
    return City(database, settings, now)


def test_rings_open_one_behind_the_other_and_only_when_all_in_one_are_well(city: City) -> None:
    city.starts()
    sizes = []
    while city.state[0] == RolloutState.RUNNING:
        due = city.routers(Standing.PENDING)
        sizes.append((city.state[1], len(due)))
        *others, last = due
        for router_id in others:
            city.ends(city.claims(router_id))
        assert city.routers(Standing.PENDING) == [last]  # nobody else is due before this one is
        city.ends(city.claims(last))

    assert sizes == [(Ring.CANARY, 1), (Ring.TENTH, 3), (Ring.KECAMATAN, 4), (Ring.ALL, COUNT - 8)]
    assert city.state == (RolloutState.DONE, Ring.ALL)
    assert city.standings == {Standing.DONE: COUNT}


def test_who_is_away_holds_nobody_stays_visible_and_follows_when_all_else_is_over(city: City) -> None:
    city.starts()
    city.all_end()
    away = city.routers(Standing.PENDING)[0]
    city.ends(city.claims(away), AWAY)
    for _ in range(3):
        city.all_end()
    assert city.state[0] == RolloutState.DONE
    assert city.routers(Standing.OFFLINE) == [away]

    began = city.now
    city.now += timedelta(hours=7)
    city.ends(city.claims(away), AWAY)
    with city.database.reading() as db:
        (row,) = [row for row in rollouts.rows_of(db, city.number) if row.router_id == away]
    assert (row.since, row.why) == (began, "no answer")  # away since then, not since the last try

    city.ends(city.claims(away))
    assert city.standings == {Standing.DONE: COUNT}


def test_a_failure_holds_the_next_ring_until_somebody_resumes_and_it_is_tried_again(city: City) -> None:
    city.starts()
    city.all_end(FAILED)

    assert city.state == (RolloutState.PAUSED, Ring.CANARY)
    assert "look at it, then resume" in city.why
    assert city.standings == {Standing.FAILED: 1, Standing.WAITING: COUNT - 1}

    city.resumes()
    assert city.standings == {Standing.PENDING: 1, Standing.WAITING: COUNT - 1}
    city.all_end()
    assert city.state == (RolloutState.RUNNING, Ring.TENTH)


def test_after_two_failures_nobody_else_is_touched(city: City) -> None:
    city.starts()
    for _ in range(3):
        city.all_end()
    due = city.routers(Standing.PENDING)
    at_work = city.claims(due[0])
    city.ends(city.claims(due[1]), FAILED)
    assert city.state[0] == RolloutState.RUNNING
    city.ends(city.claims(due[2]), FAILED)

    assert city.state[0] == RolloutState.STOPPED
    assert city.why == "2 routers failed; the others are as they were"
    assert [city.claims(router_id) for router_id in due[3:]] == [None] * len(due[3:])
    city.ends(at_work)  # what was begun is ended
    assert city.standings == {Standing.DONE: 9, Standing.FAILED: 2, Standing.WAITING: COUNT - 11}
    with pytest.raises(NotNow, match="stopped"):
        city.resumes()


def test_two_who_fail_when_they_come_back_keep_the_change_from_the_others(city: City) -> None:
    city.starts()
    for _ in range(3):
        city.all_end()
    for router_id in city.routers(Standing.PENDING):
        city.ends(city.claims(router_id), AWAY)
    assert city.state[0] == RolloutState.DONE

    for router_id in city.routers(Standing.OFFLINE)[:2]:
        city.ends(city.claims(router_id), FAILED)

    assert city.state[0] == RolloutState.STOPPED
    assert city.standings[Standing.OFFLINE] == 0


def test_while_the_canary_is_away_another_goes_ahead_but_not_the_whole_city(city: City) -> None:
    city.starts()
    for _ in range(MOST_CANARIES + 2):
        city.all_end(AWAY)

    assert city.state == (RolloutState.RUNNING, Ring.CANARY)
    assert city.standings == {Standing.OFFLINE: MOST_CANARIES, Standing.WAITING: COUNT - MOST_CANARIES}
    assert "every canary is away" in city.why

    city.ends(city.claims(city.routers(Standing.OFFLINE)[0]))
    assert city.state == (RolloutState.RUNNING, Ring.TENTH)


def test_a_canary_that_is_lost_while_it_is_changed_holds_all(city: City) -> None:
    city.starts()
    city.all_end(Ended(Standing.PENDING, "lost", was_lost=True))

    assert city.standings == {Standing.PENDING: 1, Standing.WAITING: COUNT - 1}
    turn = city.claims(city.routers(Standing.PENDING)[0])
    assert turn is not None
    assert turn.lost == 1


def test_what_begins_in_daylight_waits_for_the_night_and_what_was_begun_is_ended(city: City, now: datetime) -> None:
    night = now.replace(hour=18)  # 01:00 in Pangkalpinang
    city.starts(replace(AT_ONCE, at_any_time=False))
    (canary,) = city.routers(Standing.PENDING)
    assert city.queued() == [night]
    assert "waits for the night, 2026-03-03 01:00" in city.why
    assert city.claims(canary) is None

    city.now = night
    turn = city.claims(canary)
    assert turn is not None
    city.now = now + timedelta(days=1)  # its worker died, and another one comes by day
    city.ends(city.claims(canary))

    assert city.state == (RolloutState.RUNNING, Ring.TENTH)
    assert set(city.queued()) == {night, night + timedelta(days=1)}


def test_a_paused_rollout_begins_with_nobody_and_goes_on_where_it_was(city: City) -> None:
    city.starts()
    city.all_end()
    at_work, waits, _ = city.routers(Standing.PENDING)
    turn = city.claims(at_work)
    city.changes(rollouts.pause, who="Bob")

    assert city.queued() == []
    assert city.claims(waits) is None
    assert city.claims(at_work) is not None  # its worker may have died
    city.ends(turn)
    assert (city.state, city.why) == ((RolloutState.PAUSED, Ring.TENTH), "paused by Bob")
    with pytest.raises(NotNow, match=r"paused; it can't be paused"):
        city.changes(rollouts.pause, who="Bob")

    city.resumes()
    assert len(city.queued()) == 2
    city.all_end()
    assert city.state == (RolloutState.RUNNING, Ring.KECAMATAN)


def test_a_stopped_rollout_leaves_the_rest_as_it_was(city: City) -> None:
    city.starts()
    city.all_end()
    city.changes(rollouts.stop, who="Bob", now=city.now)

    assert (city.state[0], city.why, city.queued()) == (RolloutState.STOPPED, "stopped by Bob", [])
    assert city.standings == {Standing.DONE: 1, Standing.WAITING: COUNT - 1}
    with pytest.raises(NotNow):
        city.changes(rollouts.stop, who="Bob", now=city.now)


def test_of_many_routers_that_end_at_once_one_opens_the_next_ring(city: City) -> None:
    city.starts()
    city.all_end()
    turns = [city.claims(router_id) for router_id in city.routers(Standing.PENDING)]
    together = threading.Barrier(len(turns))

    def end(turn: Turn | None) -> None:
        together.wait(5)
        city.ends(turn)

    threads = [threading.Thread(target=end, args=(turn,)) for turn in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert city.state == (RolloutState.RUNNING, Ring.KECAMATAN)
    assert city.standings == {Standing.DONE: 4, Standing.PENDING: 4, Standing.WAITING: COUNT - 8}


def test_one_router_is_in_one_rollout_of_a_kind_at_a_time(city: City) -> None:
    first = city.starts()
    with pytest.raises(UnderWayAlready, match=f"rollouts stop {first}"):
        city.starts(replace(AT_ONCE, area=TAMAN_SARI))
    city.starts(replace(AT_ONCE, kind=RolloutKind.FIRMWARE, version="7.24", channel="stable"))

    city.number = first
    city.changes(rollouts.stop, who="Bob", now=city.now)
    second = city.starts(replace(AT_ONCE, area=TAMAN_SARI))

    with city.database.reading() as db:
        assert [rollout.id for rollout in rollouts.all_rollouts(db)] == [second, second - 1, first]
        assert 0 < len(rollouts.named_rows_of(db, second)) < COUNT


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"area": "19.99"}, NoSuchArea, "19.99"),
        ({"canary": "nobody"}, NoSuchRouter, "nobody"),
        ({"kind": RolloutKind.FIRMWARE, "version": "7.18.2"}, BadVersion, "7.19.2 or newer"),
        ({"kind": RolloutKind.FIRMWARE, "version": "the latest"}, BadVersion, "the latest"),
    ],
)
def test_what_can_not_be_rolled_out_is_said(
    city: City, changed: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        city.starts(replace(AT_ONCE, **changed))  # type: ignore[arg-type]


def test_without_routers_there_is_nobody(database: Database, settings: Settings, now: datetime) -> None:
    with database.writing() as db:
        import_packaged_areas(db)
        with pytest.raises(NobodyTakesPart):
            rollouts.start(db, replace(AT_ONCE, area=KOTA), night=night_of(settings), now=now)
        with pytest.raises(NoSuchRollout, match="There is no rollout 7"):
            rollouts.get_rollout(db, 7)
        with pytest.raises(NoSuchRollout):
            rollouts.pause(db, 7, who="Bob")


def test_a_job_of_a_rollout_that_is_gone_does_nothing(city: City) -> None:
    city.number = 4711

    assert city.claims(1) is None
