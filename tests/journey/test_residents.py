"""A short slice of `make campaign-residents`, and that the campaign notices what it is there to notice."""

import pytest

from benchmarks import campaign_residents
from benchmarks.campaign import Verdict
from benchmarks.radius_packets import Reporter
from benchmarks.residents import Seen, Target
from tests import world
from tests.journey.conftest import ROUTERS, Product

LIMIT = 0.3


@pytest.fixture
def verdict() -> Verdict:
    return Verdict("--seed 1971")


def target(product: Product) -> Target:
    process = product.process
    assert process.radius_auth_port is not None
    assert process.radius_acct_port is not None
    router = Reporter(ROUTERS["alun-alun"], "alun-alun-1", world.ROUTER_SECRET.encode())
    host = "127.0.0.1"
    auth, acct = (host, process.radius_auth_port), (host, process.radius_acct_port)
    return Target(host, product.settings.http_port, auth, acct, "alun-alun", [router])


def test_residents_get_online_and_the_one_who_does_not_stop_is_refused(product: Product, verdict: Verdict) -> None:
    words = ["--residents", "20", "--minutes", "0.04", "--pace", "0.04", "--seed", "1971", "--limit", "5000"]

    campaign_residents.run(target(product), campaign_residents.options_of(words), verdict)

    assert verdict.failed == 0
    assert verdict.passed > 20 + 7, "walks, pages and the abuser"


def seen(**more: object) -> Seen:
    found = Seen(online=3, abusers=[7])
    found.latencies["welcome"] += [0.01] * 90 + [0.2] * 10
    for name, value in more.items():
        setattr(found, name, value)
    return found


def test_what_is_well_passes(verdict: Verdict) -> None:
    campaign_residents.judge(seen(), verdict, limit=LIMIT)

    assert (verdict.passed, verdict.failed) == (5, 0)


@pytest.mark.parametrize(
    ("more", "limit"),
    [({"not_online": 1}, LIMIT), ({"abusers": [11]}, LIMIT), ({}, 0.1)],
    ids=["not online", "abuser", "slow"],
)
def test_what_is_not_well_fails(verdict: Verdict, more: dict[str, object], limit: float) -> None:
    campaign_residents.judge(seen(**more), verdict, limit=limit)

    assert verdict.failed == 1
