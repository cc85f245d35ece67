"""Planning many routers at once, as staff type it; three boxes in two kecamatan do it in the demo's test."""

from benchmarks.live_router import Live
from tests.cli.test_cli import environment, run
from tests.cli.test_provisioning import NAME, answered, live

__all__ = ["environment", "live"]  # the fixtures
HERE, ELSEWHERE = "19.71.02", "19.71.05"


def test_one_must_say_what_to_plan() -> None:
    for words in ((), (NAME, "--all"), ("--area", HERE, "--all"), ("--all", "--accept", "/ip/pool hotspot-guests")):
        result = run("routers", "plan", *words)

        assert result.exit_code == 2
        assert "--area CODE" in result.stderr


def test_an_area_that_is_not_there_is_said(live: Live) -> None:
    assert run("routers", "plan", "--area", "19.71.99").exit_code == 4


def test_those_that_differ_are_listed_with_what_to_type(live: Live) -> None:
    (row,) = answered("plan", "--area", HERE)
    shown = run("routers", "plan", "--all")

    assert (row["router"], row["conflicts"]) == (NAME, 0)
    assert row["next"] == f"hotspot routers apply {row['plan']}"
    assert "To do on 1 of 1 routers" in shown.stdout
    assert answered("plan", "--area", ELSEWHERE) == []
    assert "No router has enrolled there yet" in run("routers", "plan", "--area", ELSEWHERE).stdout

    assert run("routers", "apply", row["plan"]).exit_code == 0

    assert answered("plan", "--all") == []
    assert "Nothing to do: 1 router is what it should be." in run("routers", "plan", "--all").stdout


def test_a_conflict_is_for_a_person_to_look_at(live: Live) -> None:
    live.at_once(lambda: live.do("/ip/pool/add", name="hotspot-guests", ranges="10.9.9.2"))

    (row,) = answered("plan", "--all", code=3)

    assert row["conflicts"] == 1
    assert row["next"].endswith(f"hotspot routers plan {NAME}")


def test_one_that_does_not_answer_has_its_reason_in_the_table(live: Live) -> None:
    live.at_once(lambda: setattr(live.server, "is_reachable", False))

    (row,) = answered("plan", "--all", code=3)

    assert (row["plan"], row["changes"]) == (None, 0)
    assert "can't be reached" in row["next"]
