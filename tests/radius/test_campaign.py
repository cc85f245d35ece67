"""Short slices of the campaigns, which `make campaign-…` runs whole; and that each notices what it is there to notice.

Slices have more patience than campaigns: here other tests share the processor.
"""

import socket
from collections.abc import Iterator
from types import ModuleType

import pytest

from benchmarks import (
    campaign_chaos,
    campaign_fuzz,
    campaign_radius,
    campaign_redemption,
    campaign_retransmit,
    wire,
)
from benchmarks.campaign import Failed, Installation, Verdict, installation
from benchmarks.radius_logins import Question
from benchmarks.radius_packets import Reporter
from benchmarks.radius_sessions import Totals

SLICES = {
    campaign_chaos: (["--sessions", "100", "--interims", "4", "--longest-delay", "0.3"], 100),
    campaign_fuzz: (["--datagrams", "10000", "--forged", "5000", "--sign-of-life", "5"], 7),
    campaign_retransmit: (["--logins", "40", "--copies", "20"], 41),
    campaign_redemption: (["--rounds", "2", "--requests", "400"], 2),
}


@pytest.fixture
def verdict() -> Verdict:
    return Verdict("--seed 1971")


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    """One program for all slices that leave it alive."""
    with installation("radius") as installed:
        yield installed


@pytest.mark.parametrize("campaign", SLICES, ids=lambda campaign: campaign.__name__.partition("_")[2])
def test_a_slice_holds(installed: Installation, verdict: Verdict, campaign: ModuleType) -> None:
    options, cases = SLICES[campaign]

    campaign.run(installed, campaign.options_of([*options, "--seed", "1971"]), verdict)

    assert (verdict.passed, verdict.failed) == (cases, 0)


def test_kills_and_a_stop_of_the_database_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = campaign_radius.main(["--rounds", "1", "--seed", "1971", "--serves-within", "20"])

    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 0 failed"
    assert code == 0


class TestKills:
    NAME, OTHER = ("bench-1", "80100000"), ("bench-2", "80100000")  # a session id is its router's own
    TOLD = campaign_radius.Told(sent_octets=10, acked_octets=5, acked_start=True, acked_stop=True)
    RIGHT = campaign_radius.Stored(times=1, octets=10, has_ended=True)

    def test_a_right_session_is_passed(self) -> None:
        assert campaign_radius.compare({self.NAME: self.TOLD}, {self.NAME: self.RIGHT}) == 1

    @pytest.mark.parametrize(
        "stored",
        [
            {},
            {NAME: RIGHT, OTHER: RIGHT},
            {NAME: RIGHT._replace(times=2)},
            {NAME: RIGHT._replace(octets=4)},
            {NAME: RIGHT._replace(octets=11)},
            {NAME: RIGHT._replace(has_ended=False)},
        ],
        ids=["lost", "invented", "doubled", "too-little", "too-much", "stop-lost"],
    )
    def test_a_wrong_one_is_noticed(self, stored: dict[tuple[str, str], campaign_radius.Stored]) -> None:
        with pytest.raises(Failed):
            campaign_radius.compare({self.NAME: self.TOLD}, stored)


class TestChaos:
    TOTALS = Totals(1, 2, 3, 4, 5)
    RIGHT = campaign_chaos.Row(TOTALS, has_ended=True)

    def test_a_right_session_is_passed(self, verdict: Verdict) -> None:
        campaign_chaos.compare({"a": self.TOTALS}, {"a": [self.RIGHT]}, verdict)

        assert (verdict.passed, verdict.failed) == (1, 0)

    @pytest.mark.parametrize(
        "stored",
        [
            {},
            {"a": [RIGHT, RIGHT]},
            {"a": [RIGHT._replace(has_ended=False)]},
        ],
        ids=["lost", "doubled", "going-on"],
    )
    def test_a_wrong_one_is_noticed(self, stored: dict[str, list[campaign_chaos.Row]], verdict: Verdict) -> None:
        campaign_chaos.compare({"a": self.TOTALS}, stored, verdict)

        assert (verdict.passed, verdict.failed) == (0, 1)

    @pytest.mark.parametrize("figure", Totals._fields)
    def test_a_wrong_figure_is_noticed(self, figure: str, verdict: Verdict) -> None:
        stored = self.RIGHT._replace(totals=self.TOTALS._replace(**{figure: 0}))

        campaign_chaos.compare({"a": self.TOTALS}, {"a": [stored]}, verdict)

        assert (verdict.passed, verdict.failed) == (0, 1)

    def test_one_that_nobody_reported_is_noticed(self, verdict: Verdict) -> None:
        campaign_chaos.compare({}, {"a": [self.RIGHT]}, verdict)

        assert verdict.failed == 1


class TestFuzz:
    def test_a_logged_and_a_counted_exception_are_noticed(self, verdict: Verdict) -> None:
        campaign_fuzz.judge_log('{"event": "what it says at start", "level": "warning"}', {}, verdict)
        assert verdict.failed == 0

        campaign_fuzz.judge_log('{"event": "a datagram failed", "level": "error"}', {}, verdict)
        campaign_fuzz.judge_log('{"exception": "Traceback (most recent call last)"}', {}, verdict)
        campaign_fuzz.judge_log("", {'hotspot_radius_dropped_total{reason="internal_error"}': 1.0}, verdict)
        assert verdict.failed == 3

    def test_a_late_sign_of_life_is_noticed(self, verdict: Verdict) -> None:
        campaign_fuzz.judge_signs([0.001, 0.099], 0.1, verdict)
        assert verdict.failed == 0

        campaign_fuzz.judge_signs([0.001, 0.101, 0.001], 0.1, verdict)
        campaign_fuzz.judge_signs([], 0.1, verdict)
        assert verdict.failed == 2

    def test_growth_a_wrong_reply_and_datagrams_that_never_arrived_are_noticed(self, verdict: Verdict) -> None:
        campaign_fuzz.judge_growth(20 << 20, verdict)
        campaign_fuzz.judge_replies([], "forged", verdict)
        campaign_fuzz.judge_reach(100, 99, verdict)
        assert verdict.failed == 0

        campaign_fuzz.judge_growth((20 << 20) + 1, verdict)
        campaign_fuzz.judge_replies(["02… to bench-1"], "forged", verdict)
        campaign_fuzz.judge_reach(100, 98, verdict)
        assert verdict.failed == 3


class TestRetransmit:
    def question(self, *replies: bytes, wanted: int = 2) -> Question:
        router = Reporter("127.0.11.1", "alun-alun-1", b"")
        with socket.socket() as unused:
            return Question(router, unused, b"\x01\x07", list(replies), wanted)

    def test_another_reply_and_a_missing_one_are_noticed(self, verdict: Verdict) -> None:
        campaign_retransmit.judge(self.question(b"yes", b"yes"), verdict)
        assert verdict.failed == 0

        campaign_retransmit.judge(self.question(b"yes", b"no"), verdict)
        campaign_retransmit.judge(self.question(b"yes"), verdict)
        campaign_retransmit.judge(self.question(), verdict)
        assert verdict.failed == 3

    def test_a_second_decision_and_a_second_use_are_noticed(self, verdict: Verdict) -> None:
        campaign_retransmit.judge_decisions(3, logins=3, accepts=2, used=2, verdict=verdict)
        assert verdict.failed == 0

        campaign_retransmit.judge_decisions(4, logins=3, accepts=2, used=2, verdict=verdict)
        campaign_retransmit.judge_decisions(3, logins=3, accepts=2, used=3, verdict=verdict)
        assert verdict.failed == 2


class TestRedemption:
    ACCEPT, REJECT = {wire.ACCESS_ACCEPT}, {wire.ACCESS_REJECT}

    def test_one_winner_is_passed(self) -> None:
        campaign_redemption.judge([self.REJECT, self.ACCEPT, self.REJECT], used=1)

    @pytest.mark.parametrize(
        ("answers", "used"),
        [
            ([ACCEPT, ACCEPT], 1),
            ([REJECT, REJECT], 1),
            ([ACCEPT, set()], 1),
            ([ACCEPT | REJECT, REJECT], 1),
            ([ACCEPT, REJECT], 2),
        ],
        ids=["two-winners", "no-winner", "unanswered", "two-answers", "two-uses"],
    )
    def test_anything_else_is_noticed(self, answers: list[set[int]], used: int) -> None:
        with pytest.raises(Failed):
            campaign_redemption.judge(answers, used=used)


def test_a_campaign_that_proves_nothing_has_not_passed(verdict: Verdict, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict.report() == 1

    verdict.passes()
    assert verdict.report() == 0

    with verdict.whatever_happens():
        raise Failed("the program ended instead of serving")
    assert verdict.report() == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["replay with: --seed 1971", "1 passed, 1 failed"]
