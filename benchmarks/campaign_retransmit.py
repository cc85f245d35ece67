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
from benchmarks.campaign import Installation, Verdict, installation, parser, progress, status_of
from benchmarks.radius_city import credentials_used, issue_credentials
from benchmarks.radius_logins import Asking, Question
from benchmarks.radius_packets import Guest
from hotspot.db import Database, open_database

AT_A_TIME: Final = 250  # all copies of a log-in lie within the half minute for which a reply is kept
AT_ONCE: Final = 10  # copies that don't wait for the first reply
REFUSED: Final = 0.2  # the share of log-ins with a wrong password
PATIENCE: Final = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--logins {options.logins} --copies {options.copies} --seed {options.seed}")
    with verdict.whatever_happens(), installation("radius") as installed:
        run(installed, options, verdict)
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-retransmit", __doc__)
    options.add_argument("--logins", type=int, default=1_000)
    options.add_argument("--copies", type=int, default=100, help="how often each is asked for again")
    return options.parse_args(arguments)


def run(installed: Installation, options: argparse.Namespace, verdict: Verdict) -> None:
    with closing(open_database(installed.settings, migrate=False)) as database:
        decided, used = _decisions(installed), credentials_used(database)
        asked = _ask_all(installed, database, options)
        decided, used = _decisions(installed) - decided, credentials_used(database) - used
    for question in asked:
        judge(question, verdict)
    accepts = sum(wire.ACCESS_ACCEPT in question.codes for question in asked)
    judge_decisions(decided, logins=len(asked), accepts=accepts, used=used, verdict=verdict)


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
            guests = issue_credentials(database, installed.settings.keys, min(AT_A_TIME, options.logins - len(asked)))
            questions = [asking.question(_spoiled(guest, chance)) for guest in guests]
            _race(asking, questions, at_once, installed)
            bar.advance(task, at_once * len(questions))
            for _ in range(options.copies - at_once):
                _repeat(asking, questions)
                bar.advance(task, len(questions))
            asked += questions
        asking.raise_if_strays()
    return asked


def _spoiled(guest: Guest, chance: random.Random) -> Guest:
    return guest._replace(password=b"guess") if chance.random() < REFUSED else guest


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


def judge(question: Question, verdict: Verdict) -> None:
    """Hold a log-in to its promise: every copy after the first reply was answered, and all replies are the same octets."""
    if len(question.replies) < question.wanted:
        verdict.fails(f"{question}: {question.wanted - len(question.replies)} copies were not answered")
    elif len(set(question.replies)) != 1:
        verdict.fails(f"{question}: {len(set(question.replies))} different replies")
    else:
        verdict.passes()


def judge_decisions(decided: int, *, logins: int, accepts: int, used: int, verdict: Verdict) -> None:
    """Hold the server to having decided each log-in once: by its own count, and by what the database says was used up."""
    if decided != logins:
        verdict.fails(f"{decided} decisions were made for {logins} log-ins")
    elif used != accepts:
        verdict.fails(f"{used} credentials are used up by {accepts} accepted log-ins")
    else:
        verdict.passes()


if __name__ == "__main__":
    sys.exit(main())
