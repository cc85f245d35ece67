"""A slice of `make campaign-cuts`: the line breaks at every sentence boundary towards the router, and at many from it."""

from collections.abc import Iterator

import pytest

from benchmarks.campaign_cuts import Bench
from hotspot.routers.ledger import Outcome


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
