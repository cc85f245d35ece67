"""Log-ins asked for again and again, octet by octet the same: identical replies, and each was decided once.

Some copies come while the first one is still being decided, most of them afterwards; a share has the wrong password (RFC 5080
§2.2.2). Run by `make campaign-retransmit`; ends with `N passed, N failed`, where each log-in is one case.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from benchmarks import wire
from benchmarks.campaign import Installation, Outcome, installation, parser, progress, status_of
from benchmarks.radius_logins import Asking, Login, Question, issue_logins, used_credentials
from hotspot.db import Database, open_database

AT_A_TIME: Final = 250  # all copies of a log-in lie within the half minute for which a reply is kept
AT_ONCE: Final = 10  # copies that don't wait for the first reply
REFUSED: Final = 0.2  # the share of log-ins with a wrong password
PATIENCE: Final = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    outcome = Outcome(f"--logins {options.logins} --copies {options.copies} --seed {options.seed}")
    with outcome.whatever_happens(), installation("radius") as installed:
        run(installed, options, outcome)
    return outcome.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-retransmit", __doc__)
    options.add_argument("--logins", type=int, default=1_000)
    options.add_argument("--copies", type=int, default=100, help="how often each is asked for again")
    return options.parse_args(arguments)


def run(installed: Installation, options: argparse.Namespace, outcome: Outcome) -> None:
    with closing(open_database(installed.settings, migrate=False)) as database:
        decided, used = _decisions(installed), used_credentials(database)
        asked = _ask_all(installed, database, options)
        decided, used = _decisions(installed) - decided, used_credentials(database) - used
    for question in asked:
        judge(question, outcome)
    accepts = sum(wire.ACCESS_ACCEPT in question.codes for question in asked)
    judge_decisions(decided, logins=len(asked), accepts=accepts, used=used, outcome=outcome)


def _decisions(installed: Installation) -> int:
    counters = installed.program.counters()
    return int(sum(counters.get(f'hotspot_radius_answered_total{{kind="{kind}"}}', 0) for kind in ("accept", "reject")))


def _ask_all(installed: Installation, database: Database, options: argparse.Namespace) -> list[Question]:
    chance = random.Random(options.seed)
    asked: list[Question] = []
    at_once = min(AT_ONCE, options.copies)
    with closing(Asking(installed.routers, installed.program.auth_address, chance)) as asking, progress() as bar:
        task = bar.add_task("retransmissions", total=options.logins * options.copies)
        while len(asked) < options.logins:
            logins = issue_logins(database, installed.settings, min(AT_A_TIME, options.logins - len(asked)), chance)
            questions = [asking.question(_spoiled(login, chance)) for login in logins]
            _race(asking, questions, at_once, installed)
            bar.advance(task, at_once * len(questions))
            for _ in range(options.copies - at_once):
                _repeat(asking, questions)
                bar.advance(task, len(questions))
            asked += questions
        asking.raise_if_strays()
    return asked


def _spoiled(login: Login, chance: random.Random) -> Login:
    return login._replace(password=b"guess") if chance.random() < REFUSED else login


def _race(asking: Asking, questions: Sequence[Question], copies: int, installed: Installation) -> None:
    """Ask for the first time, and again before there can be a reply; wait for one, and for stragglers."""
    for _ in range(1 + copies):
        asking.send(questions)
    asking.gather(questions, patience=PATIENCE)
    status_of(
        installed.program.auth_address, installed.routers[0], wait=PATIENCE
    )  # what was sent before has been taken
    asking.receive(0)


def _repeat(asking: Asking, questions: Sequence[Question]) -> None:
    """Ask once more; every answer must come, and at once, for it only has to be looked up."""
    for question in questions:
        question.wanted = len(question.replies) + 1
    asking.send(questions)
    asking.gather(questions, patience=PATIENCE)


def judge(question: Question, outcome: Outcome) -> None:
    """Hold a log-in to its promise: every copy after the first reply was answered, and all replies are the same octets."""
    if len(question.replies) < question.wanted:
        outcome.fails(f"{question}: {question.wanted - len(question.replies)} copies were not answered")
    elif len(set(question.replies)) != 1:
        outcome.fails(f"{question}: {len(set(question.replies))} different replies")
    else:
        outcome.passes()


def judge_decisions(decided: int, *, logins: int, accepts: int, used: int, outcome: Outcome) -> None:
    """Hold the server to having decided each log-in once: by its own count, and by what the database says was used up."""
    if decided != logins:
        outcome.fails(f"{decided} decisions were made for {logins} log-ins")
    elif used != accepts:
        outcome.fails(f"{used} credentials are used up by {accepts} accepted log-ins")
    else:
        outcome.passes()


if __name__ == "__main__":
    sys.exit(main())
