"""Sessions reported through a network that loses, doubles, reorders and corrupts: every total must come out exact.

Afterwards each session is one row, and its octets, packets and duration are those that its router counted. Run by
`make campaign-chaos`; ends with `N passed, N failed`, where each session is one case.
"""

import argparse
import random
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

from sqlalchemy import text

from benchmarks.campaign import Failed, Installation, Verdict, installation, parser, progress, say, status_of
from benchmarks.chaos import Proxy, Weather
from benchmarks.radius_sessions import Reporting, Session, Totals, sessions
from hotspot.db import Database, open_database

WHAT_IS_STORED = """
    SELECT acct_session_id, octets_from_device, octets_to_device, packets_from_device, packets_to_device, seconds,
           ended_at IS NOT NULL AS has_ended
    FROM guest_session WHERE id > :before
"""


class Row(NamedTuple):
    """What the database says of a session."""

    totals: Totals
    has_ended: bool


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--sessions {options.sessions} --interims {options.interims} --seed {options.seed}")
    with verdict.whatever_happens(), installation("radius") as installed:
        run(installed, options, verdict)
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-chaos", __doc__)
    options.add_argument("--sessions", type=int, default=10_000)
    options.add_argument("--interims", type=int, default=28, help="reports of a session between its Start and its Stop")
    options.add_argument("--window", type=int, default=1_024, help="sessions that are reported at the same time")
    for name, share in (("loss", 0.10), ("duplication", 0.10), ("reordering", 0.10), ("corruption", 0.05)):
        options.add_argument(f"--{name}", type=float, default=share, help=f"share of datagrams, default {share}")
    options.add_argument("--longest-delay", type=float, default=1.0, help="seconds that a reordered one is held back")
    return options.parse_args(arguments)


def run(installed: Installation, options: argparse.Namespace, verdict: Verdict) -> None:
    with closing(open_database(installed.settings, migrate=False)) as database:
        before = _newest_session(database)
        told = _report_through_chaos(installed, options)
        compare(told, _stored(database, before), verdict)


def _report_through_chaos(installed: Installation, options: argparse.Namespace) -> dict[str, Totals]:
    shares = options.loss, options.duplication, options.reordering, options.corruption
    weather = Weather(*shares, options.longest_delay)
    chance = random.Random(options.seed)
    planned = sessions(installed.routers, options.sessions, options.interims, chance, now=int(time.time()))
    told: dict[str, Totals] = {}
    with (
        Proxy(installed.program.acct_address, weather, options.seed) as proxy,
        closing(Reporting(installed.routers, proxy.address, window=options.window)) as reporting,
        progress() as bar,
    ):
        task = bar.add_task("sessions", total=options.sessions)

        def done(session: Session) -> None:
            told[session.acct_session_id] = session.totals
            bar.advance(task)

        reporting.run(planned, done)
        fates = proxy.stop()
    if not status_of(
        installed.program.acct_address, installed.routers[0], wait=10
    ):  # what came before it is stored now
        raise Failed("the program does not answer any more")
    say.print(f"{reporting.sent} reports sent; the network: {fates}", highlight=False, soft_wrap=True)
    return told


def _newest_session(database: Database) -> int:
    with database.reading() as db:
        return int(db.scalar(text("SELECT max(id) FROM guest_session")) or 0)


def _stored(database: Database, before: int) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    with database.reading() as db:
        for session, *totals, has_ended in db.execute(text(WHAT_IS_STORED), {"before": before}):
            found.setdefault(session, []).append(Row(Totals(*totals), has_ended))
    return found


def compare(told: Mapping[str, Totals], stored: Mapping[str, Sequence[Row]], verdict: Verdict) -> None:
    """Hold every session to what its router counted; what no router reported is a failure, too."""
    for name in stored.keys() - told.keys():
        verdict.fails(f"session {name} is stored, and no router reported it")
    for name, totals in told.items():
        rows = stored.get(name, [])
        if len(rows) != 1:
            verdict.fails(f"session {name} is stored {len(rows)} times")
        elif rows[0].totals != totals:
            verdict.fails(f"session {name}: {rows[0].totals} stored, {totals} counted")
        elif not rows[0].has_ended:
            verdict.fails(f"session {name} has not ended")
        else:
            verdict.passes()


if __name__ == "__main__":
    sys.exit(main())
