"""One credential, redeemed by many requests at once, again and again: exactly one Accept in every round.

The requests come from all routers of the credential's site, each with its own Request Authenticator, so that nothing but the
database decides who wins. Run by `make campaign-redemption`; ends with `N passed, N failed`, where each round is one case.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from benchmarks import wire
from benchmarks.campaign import Failed, Installation, Verdict, installation, parser, progress
from benchmarks.radius_city import credentials_used, issue_credentials
from benchmarks.radius_logins import Asking
from hotspot.db import open_database

PATIENCE: Final = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--rounds {options.rounds} --requests {options.requests} --seed {options.seed}")
    with verdict.whatever_happens(), installation("radius") as installed:
        run(installed, options, verdict)
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-redemption", __doc__)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--requests", type=int, default=1_000, help="requests at once, 2048 at the most")
    return options.parse_args(arguments)


def run(installed: Installation, options: argparse.Namespace, verdict: Verdict) -> None:
    chance = random.Random(options.seed)
    with (
        closing(open_database(installed.settings, migrate=False)) as database,
        closing(Asking(installed.routers, installed.program.auth_address, chance)) as asking,
        progress() as bar,
    ):
        for number in bar.track(range(1, options.rounds + 1), description="redemptions"):
            used = credentials_used(database)
            (guest,) = issue_credentials(database, installed.settings.keys, 1)
            questions = [asking.question(guest) for _ in range(options.requests)]
            asking.send(questions)
            asking.gather(questions, patience=PATIENCE)
            try:
                judge([question.codes for question in questions], credentials_used(database) - used)
                verdict.passes()
            except Failed as failure:
                verdict.fails(f"round {number}: {failure}")
        asking.raise_if_strays()


def judge(answers: Sequence[set[int]], used: int) -> None:
    """Hold a round to its promise: every request got one kind of answer, one of them is the Accept, one credential was used."""
    if unanswered := sum(not codes for codes in answers):
        raise Failed(f"{unanswered} of {len(answers)} requests were not answered")
    if any(len(codes) > 1 or not codes <= {wire.ACCESS_ACCEPT, wire.ACCESS_REJECT} for codes in answers):
        raise Failed("a request got two different answers")
    if (accepts := sum(codes == {wire.ACCESS_ACCEPT} for codes in answers)) != 1:
        raise Failed(f"{accepts} of {len(answers)} requests were accepted")
    if used != 1:
        raise Failed(f"{used} credentials were used up")


if __name__ == "__main__":
    sys.exit(main())
