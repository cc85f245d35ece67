"""A slice of `make campaign-cuts`: the line breaks at every sentence boundary towards the router, and at many from it."""

from collections import Counter
from collections.abc import Iterator

import pytest

from benchmarks.campaign_cuts import Bench, Trial
from benchmarks.cut_stages import stages
from benchmarks.cut_yard import Yard
from hotspot.db import Database
from hotspot.routers.ledger import Outcome
from hotspot.settings import Settings


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(is_small=True) as prepared:
        yield prepared


def test_whatever_is_cut_the_router_is_as_before_or_as_wanted_and_reachable(bench: Bench) -> None:
    cuts = [cut for number, cut in enumerate(bench.cuts(8192)) if cut.direction == "to" or number % 12 == 0]

    endings = [bench.survives(cut) for cut in cuts]

    assert len(cuts) > 90
    outcomes = {None if ending is None else ending.outcome for ending in endings}
    assert outcomes == {None, Outcome.ROLLED_BACK, Outcome.CONFIRMED}  # each way of ending was met


def test_whatever_is_cut_while_a_router_enrols_moves_or_gets_secrets_it_is_reachable_and_the_next_time_it_is_done(
    database: Database, settings: Settings
) -> None:
    met: Counter[str] = Counter()
    with Yard(database, settings) as yard:
        for stage in stages(yard):
            trial = Trial(yard, stage)
            cuts = list(trial.cuts(1024))
            for cut in cuts[:: len(cuts) // 4]:
                trial.survives(cut)
                met[stage.name] += 1

    assert list(met) == ["enrolment", "take-over", "another address", "API password", "RADIUS secret"]
    assert min(met.values()) >= 4
