"""A short slice of the campaign; `make campaign-radius` runs all of it."""

import pytest

from benchmarks import campaign_radius


def test_a_kill_of_the_program_and_one_of_its_database_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    # Twenty seconds instead of five: here other tests share the processor; the campaign itself measures the five.
    code = campaign_radius.main(["--rounds", "1", "--seed", "1971", "--serves-within", "20"])

    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"
    assert code == 0


def test_a_lost_an_invented_and_a_doubled_session_are_noticed() -> None:
    told = campaign_radius.Told(sent_octets=10, acked_octets=5, acked_start=True, acked_stop=True)
    right = campaign_radius.Stored(times=1, octets=10, has_ended=True)

    name, other = ("bench-1", "80100000"), ("bench-2", "80100000")  # a session id is its router's own

    campaign_radius.compare({name: told}, {name: right})

    for stored in (
        {},
        {name: right, other: right},
        {name: right._replace(times=2)},
        {name: right._replace(octets=4)},
        {name: right._replace(octets=11)},
        {name: right._replace(has_ended=False)},
    ):
        with pytest.raises(campaign_radius.Failed):
            campaign_radius.compare({name: told}, stored)
