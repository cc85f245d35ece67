"""kill -9 under accounting load, again and again: what was acknowledged must be stored, once, and service must be back soon.

Three campaigns over one installation. The `hotspot serve` process is killed, then the postmaster of its embedded database: after
each the program is started again. Then the database is stopped at once, without a checkpoint, while the program goes on: the next
command that opens the installation starts the database, and the program has to find it by itself. Each time it has to acknowledge
within five seconds, and the database is compared with what the routers remember. Run by `make campaign-radius`; ends with
`N passed, N failed`, and with the seed that replays a failure.
"""

import argparse
import random
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from sqlalchemy import text

from benchmarks.campaign import Failed, Program, Verdict, installation, parser, say
from benchmarks.radius_load import Load
from benchmarks.radius_packets import Reporter, Shape
from benchmarks.radius_work import Accounting, SessionName, SessionNumbers, Told
from hotspot.db import open_database
from hotspot.settings import Settings

SERVES_WITHIN: Final = (
    5.0  # seconds from the start of the program, or the return of its database, to the first acknowledgement
)
PATIENCE: Final = 60.0  # what comes later than it should is still compared
WINDOW: Final = 64
SHAPE: Final = Shape(interims=6, octets=700_000_001)  # crosses 2³² within a session, so that gigawords are spoken
ON_ITS_WAY: Final = 0.1  # seconds that an acknowledgement may take from the program's socket to the router

WHAT_IS_STORED = """
    SELECT router.name, acct_session_id, count(*) AS times, max(octets_from_device) AS octets,
        bool_or(ended_at IS NOT NULL) AS has_ended
    FROM guest_session JOIN router ON router.id = router_id GROUP BY router.name, acct_session_id
"""


class Stored(NamedTuple):
    """What the database says of one router's Acct-Session-Id."""

    times: int
    octets: int | None
    has_ended: bool


class Routers:
    """All routers of the installation, what they ask, and what they remember of it."""

    def __init__(self, reporters: Sequence[Reporter], server: tuple[str, int]) -> None:
        self._work = Accounting(SessionNumbers(), shape=SHAPE)
        self._load = Load(self._work, reporters, server, window=WINDOW, resend_after=0.5)
        self.run, self.close = self._load.run, self._load.close

    @property
    def acked(self) -> int:
        return self._load.acked

    @property
    def told(self) -> Mapping[SessionName, Told]:
        return self._work.told(self._load.progress)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    planned = {"program": options.programs, "database": options.databases, "stop": options.stops}
    verdict = Verdict(" ".join(f"--{kind}s {count}" for kind, count in planned.items()) + f" --seed {options.seed}")
    chance = random.Random(options.seed)
    with verdict.whatever_happens(), installation("serve") as (program, settings, routers):
        reports = Routers(routers, program.acct_address)
        try:
            for kind, count in planned.items():
                for number in range(1, count + 1):
                    try:
                        said = _round(kind, program, settings, reports, chance, options.serves_within)
                        verdict.passes()
                        say.print(f"{kind} {number}/{count}: {said}", soft_wrap=True)
                    except Failed as failure:
                        verdict.fails(f"{kind} {number}/{count}: {failure}")
                        say.print(program.last_words(), markup=False, soft_wrap=True)
                        _stand_up_again(program, reports)
        finally:
            reports.close()
    return verdict.report()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-radius", __doc__)
    options.add_argument("--rounds", type=int, default=20, help="kills of each kind that is not given its own number")
    options.add_argument("--programs", type=int, help="kills of the program")
    options.add_argument("--databases", type=int, help="kills of the database's postmaster")
    options.add_argument("--stops", type=int, help="immediate stops of the database")
    options.add_argument(
        "--serves-within", type=float, default=SERVES_WITHIN, help="seconds until the first acknowledgement"
    )
    chosen = options.parse_args(arguments)
    for kind in ("programs", "databases", "stops"):
        if getattr(chosen, kind) is None:
            setattr(chosen, kind, chosen.rounds)
    return chosen


def _round(
    kind: str, program: Program, settings: Settings, reports: Routers, chance: random.Random, limit: float
) -> str:
    """1. Load, 2. kill or stop at a random moment, 3. stand up again and wait for service, 4. compare what is stored."""
    acked = reports.acked
    reports.run(chance.uniform(0.2, 1.2))
    {"program": _kill_program, "database": _kill_database, "stop": _stop_database}[kind](program, reports, chance)
    reports.run(ON_ITS_WAY)  # so that the first acknowledgement from now on is one of the service that is back
    if kind == "stop":
        open_database(settings, migrate=False).close()  # as any command does; it stays up for the program
    else:
        program.start()
    seconds = _wait_for_acknowledgement(program, reports, PATIENCE)
    sessions = compare(reports.told, _stored_sessions(settings))
    if seconds > limit:
        raise Failed(f"all {sessions} sessions are right, but the first acknowledgement took {seconds:.1f} s")
    return f"{reports.acked - acked} acknowledged, {sessions} sessions compared, served after {seconds:.1f} s"


def _kill_program(program: Program, reports: Routers, chance: random.Random) -> None:
    program.kill()
    reports.run(chance.uniform(0.0, 0.2))  # takes in what had left the socket before the kill


def _kill_database(program: Program, reports: Routers, chance: random.Random) -> None:
    program.kill_database()
    _live_on_without(program, reports, chance)
    program.end()


def _stop_database(program: Program, reports: Routers, chance: random.Random) -> None:
    program.stop_database()
    _live_on_without(program, reports, chance)


def _live_on_without(program: Program, reports: Routers, chance: random.Random) -> None:
    reports.run(chance.uniform(0.0, 0.5))  # whatever is acknowledged now is held against the database later
    if not program.is_running():
        raise Failed("the program died with its database")


def _wait_for_acknowledgement(program: Program, reports: Routers, limit: float) -> float:
    before, began = reports.acked, time.monotonic()
    while reports.acked == before:
        reports.run(0.05)
        if not program.is_running():
            raise Failed("the program ended instead of serving")
        if time.monotonic() - began > limit:
            raise Failed(f"nothing was acknowledged within {limit:.0f} s")
    return time.monotonic() - began


def _stored_sessions(settings: Settings) -> dict[SessionName, Stored]:
    with closing(open_database(settings, migrate=False)) as database, database.reading() as db:
        return {(row[0], row[1]): Stored(*row[2:]) for row in db.execute(text(WHAT_IS_STORED))}


def compare(told: Mapping[SessionName, Told], stored: Mapping[SessionName, Stored]) -> int:
    """Hold what is stored against what the routers remember; give how many sessions were compared, or raise `Failed`."""
    if invented := stored.keys() - told.keys():
        raise Failed(f"{len(invented)} sessions are stored that no router reported")
    for session, story in told.items():
        row = stored.get(session)
        if row is None:
            if story.acked_start or story.acked_octets >= 0:
                raise Failed(f"session {session} was acknowledged and is lost")
            continue
        if row.times != 1:
            raise Failed(f"session {session} is stored {row.times} times")
        if not story.acked_octets <= (row.octets or 0) <= story.sent_octets:
            raise Failed(f"session {session}: {row.octets} octets stored, {story.acked_octets} acknowledged")
        if story.acked_stop and not row.has_ended:
            raise Failed(f"session {session}: its Stop was acknowledged and is lost")
    return len(stored)


def _stand_up_again(program: Program, reports: Routers) -> None:
    """Let the next round begin from a program that serves."""
    if not program.is_running():
        program.start()
        _wait_for_acknowledgement(program, reports, PATIENCE)


if __name__ == "__main__":
    sys.exit(main())
