"""How a run ends where RADIUS decides, and where a router says what no router says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from sqlmodel import select

from benchmarks.live_router import Live
from hotspot.routers import provision
from hotspot.routers.health import NOT_PROVEN
from hotspot.routers.ledger import Outcome
from hotspot.routers.runs import ProvisionRun
from hotspot.routers.subjects import Means
from hotspot.simulator.routeros.commands import Call
from hotspot.simulator.routeros.sessions import Result
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.routers.managed import NAME, applied

USED: Final = {"requests": "50", "accepts": "48", "rejects": "2", "timeouts": "0"}


@pytest.fixture
def used(means: Means, live: Live) -> Means:
    """A router whose RADIUS has answered fifty guests, as its controller's RADIUS is about to get another port."""
    applied(means)
    counts(live, **USED)
    return replace(means, settings=means.settings.model_copy(update={"radius_auth_port": 9999}))


def counts(live: Live, **counters: str) -> None:
    (row,) = live.router.config.rows("/radius")
    live.router.radius_counters[row.id] = counters


def guests_come(live: Live, **counters: str) -> Callable[[float], None]:
    """Let the counters grow while somebody waits for that."""
    return lambda _seconds: live.at_once(lambda: counts(live, **USED | counters))


def test_a_plan_after_which_radius_answers_nobody_goes_back(used: Means, live: Live) -> None:
    wait = guests_come(live, requests="53", timeouts="3")

    done = applied(replace(used, wait=wait))

    assert done.outcome == Outcome.ROLLED_BACK
    assert done.reason == "RADIUS has answered none of 3 requests (no answer)"
    assert live.rows("/radius")[0]["authentication-port"] != "9999"


def test_a_plan_after_which_radius_answers_is_proven(used: Means, live: Live) -> None:
    wait = guests_come(live, requests="53", accepts="50")

    done = applied(replace(used, wait=wait))

    assert (done.outcome, done.reason) == (Outcome.CONFIRMED, "")


def test_where_nobody_logs_in_meanwhile_the_run_says_that_radius_is_not_proven(used: Means) -> None:
    waited: list[float] = []

    done = applied(replace(used, wait=waited.append))

    assert (done.outcome, done.reason) == (Outcome.CONFIRMED, NOT_PROVEN)
    assert sum(waited) == 7  # seconds in which somebody might have


def test_a_log_in_is_not_waited_for_where_radius_stays_as_it_is(means: Means, live: Live) -> None:
    applied(means)
    counts(live, **USED)
    with means.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "ssid", "Another")
    waited: list[float] = []

    done = applied(replace(means, wait=waited.append))

    assert (done.outcome, done.reason, waited) == (Outcome.CONFIRMED, NOT_PROVEN, [])


def test_further_radius_servers_are_asked_after_the_controller_and_may_disconnect(means: Means, live: Live) -> None:
    two = replace(means, settings=means.settings.model_copy(update={"radius_addresses": "10.253.0.9"}))

    assert applied(two).outcome == Outcome.CONFIRMED

    rows = live.rows("/radius")
    assert [row["address"] for row in rows] == ["10.253.0.1", "10.253.0.9"]
    assert {(row["timeout"], row["require-message-auth"]) for row in rows} == {("3s", "yes-for-request-resp")}
    port = next(row["port"] for row in live.rows("/radius/incoming"))
    accepted = [row["src-address"] for row in live.rows("/ip/firewall/filter") if row.get("dst-port") == port]
    assert accepted == ["10.253.0.1", "10.253.0.9"]
    assert provision.make_plan(two, NAME, made_by="Bob").plan.is_empty
    assert applied(means, provision.make_plan(means, NAME, made_by="Bob")).outcome == Outcome.CONFIRMED
    assert [row["address"] for row in live.rows("/radius")] == ["10.253.0.1"]


# --- routers that lie ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["7.20.8" + "9" * 300, "7.20.8\0", "7.20.8 \udce9"])
def test_a_version_that_is_none_ends_no_run(means: Means, live: Live, said: str) -> None:
    plan = provision.make_plan(means, NAME, made_by="Bob")
    real = live.router.run

    def lies(path: str, command: str, arguments: dict[str, str], **more: object) -> Result:
        result = real(path, command, arguments, **more)  # type: ignore[arg-type]
        if path == "/system/resource" and arguments.get(".proplist") == "version":
            return Result([{"version": said}])
        return result

    live.router.run = lies  # type: ignore[method-assign,assignment]
    assert applied(means, plan).outcome == Outcome.CONFIRMED


def test_rows_without_a_number_are_left_alone(means: Means, live: Live) -> None:
    def lies(_call: Call) -> Result:
        return Result([{"name": "hotspot-guests", "ranges": "10.5.50.2-10.5.50.254"}])

    live.router.actions["/ip/pool", "print"] = lies

    done = applied(means)

    assert done.outcome == Outcome.ROLLED_BACK
    assert "still not as wanted" in done.reason


def test_a_mistake_of_ours_ends_the_run_and_the_router_goes_back(
    means: Means, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = live.router.config
    real = provision.attempt_of

    def mistaken(*facts: object) -> object:
        attempt = real(*facts)  # type: ignore[arg-type]

        def step(connection: object, change: object, fields_of: object) -> None:
            if change is attempt.changes[5]:
                raise KeyError(".id")
            attempt.step(connection, change, fields_of)  # type: ignore[arg-type]

        return replace(attempt, step=step)

    monkeypatch.setattr(provision, "attempt_of", mistaken)

    done = applied(means)

    assert done.outcome == Outcome.ROLLED_BACK
    assert done.reason == "a mistake of ours (KeyError; the log has more)"
    assert {path: rows for path, rows in live.router.config.tables.items() if rows} == {
        path: rows for path, rows in before.tables.items() if rows
    }
    with means.database.reading() as db:
        assert [run.outcome for run in db.exec(select(ProvisionRun))] == [Outcome.ROLLED_BACK]
