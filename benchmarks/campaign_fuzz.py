"""Mutated and forged datagrams over live UDP: no exception, no reply to what isn't authentic, no growth, always a sign of life.

First mutations of right packets at both ports, signed or not; then forged Access-Requests. Run by `make campaign-fuzz`; ends
with `N passed, N failed`, where each promise is one case.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from rich.progress import Progress

from benchmarks import wire
from benchmarks.campaign import Installation, Verdict, installation, parser, progress, say
from benchmarks.fuzzer import Fuzzer, Watch
from benchmarks.mutations import Original, forge, mutate
from benchmarks.radius_city import issue_credentials
from benchmarks.radius_logins import Asking, access_attributes
from benchmarks.radius_packets import Reporter
from hotspot.db import Database, open_database

GROWTH: Final = 20 << 20  # octets of resident memory after the warm-up
WARM_UP: Final = 0.2  # the share of mutated datagrams after which caches and pools have their size
SIGN_OF_LIFE: Final = 0.1  # seconds
REACHED: Final = 0.99  # the share of datagrams the server must have counted; a full socket buffer takes the others
WRONG_PORT: Final = 0.03
LINGER: Final = 1.5  # seconds; a refusal may be held back for one
LOGINS_EVERY: Final = 20_000  # datagrams; then there are new credentials to use up
STRANGER: Final = "127.0.99.1"
TROUBLE: Final = ("Traceback", '"level": "error"', '"level": "critical"')
ACCOUNTING_KINDS: Final = (1, 2, 3, 7, 8)  # Start, Stop, Interim-Update, Accounting-On, Accounting-Off


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--datagrams {options.datagrams} --forged {options.forged} --seed {options.seed}")
    with verdict.whatever_happens(), installation("radius") as installed:
        run(installed, options, verdict)
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-fuzz", __doc__)
    options.add_argument("--datagrams", type=int, default=1_000_000, help="mutated datagrams")
    options.add_argument("--forged", type=int, default=1_000_000, help="forged Access-Requests")
    options.add_argument("--sign-of-life", type=float, default=SIGN_OF_LIFE, help="seconds for Status-Server")
    return options.parse_args(arguments)


def run(installed: Installation, options: argparse.Namespace, verdict: Verdict) -> None:
    with closing(open_database(installed.settings, migrate=False)) as database:
        _attack(installed, database, options, verdict)
        _judge_guest(installed, database, random.Random(options.seed + 1), verdict)
    judge_log(installed.program.log(), installed.program.counters(), verdict)


def _attack(installed: Installation, database: Database, options: argparse.Namespace, verdict: Verdict) -> None:
    program, (*attackers, watcher) = installed.program, installed.routers
    chance = random.Random(options.seed)
    before = _counted(program.counters())
    addresses = program.auth_address, program.acct_address
    stranger = Reporter(STRANGER, "stranger", attackers[0].secret)
    with closing(Fuzzer([*attackers, stranger], *addresses)) as fuzzer, Watch(watcher, addresses) as watch:
        with progress() as bar:
            growth = _throw_mutants(installed, database, fuzzer, options.datagrams, chance, bar)
            wrong = len(fuzzer.wrong)
            say.print(
                f"{fuzzer.authentic} of the mutants are authentic, {fuzzer.answered} were answered", highlight=False
            )
            _throw_forged(installed, database, fuzzer, options.forged, chance, bar)
        signs = watch.stop()
    judge_replies(fuzzer.wrong[:wrong], "mutated", verdict)
    judge_replies(fuzzer.wrong[wrong:], "forged", verdict)
    judge_growth(growth, verdict)
    judge_signs(signs, options.sign_of_life, verdict)
    judge_reach(fuzzer.thrown + fuzzer.signs + len(signs), _counted(program.counters()) - before, verdict)


def _throw_mutants(
    installed: Installation, database: Database, fuzzer: Fuzzer, count: int, chance: random.Random, bar: Progress
) -> float:
    """Throw them; give the growth of the server's memory since the warm-up, in octets."""
    resident = 0
    originals: dict[str, tuple[list[Original], list[Original]]] = {}
    for number in bar.track(range(count), description="mutated"):
        if number % LOGINS_EVERY == 0:
            for line in fuzzer.lines:
                originals[line.router.name] = _originals(line.router, installed, database, chance)
        if number == int(count * WARM_UP):
            fuzzer.settle()
            resident = installed.program.resident_octets()
        line = chance.choice(fuzzer.lines)
        at_accounting = chance.random() < 0.5
        datagram = mutate(originals[line.router.name][at_accounting], line.router.secret, chance)
        is_known = line.router.address != STRANGER
        fuzzer.throw(datagram, line, at_accounting=at_accounting ^ (chance.random() < WRONG_PORT), is_known=is_known)
    fuzzer.settle()
    return installed.program.resident_octets() - resident


def _throw_forged(
    installed: Installation, database: Database, fuzzer: Fuzzer, count: int, chance: random.Random, bar: Progress
) -> None:
    originals = {line.router.name: _originals(line.router, installed, database, chance)[0][:2] for line in fuzzer.lines}
    for _ in bar.track(range(count), description="forged"):
        line = chance.choice(fuzzer.lines)
        original = chance.choice(originals[line.router.name])
        if line.router.address == STRANGER:  # knows the secret, and is nobody
            identifier, authenticator = chance.randrange(1, 256), chance.randbytes(16)
            body = b"".join(original.attributes)
            datagram = wire.keyed_request(wire.ACCESS_REQUEST, identifier, authenticator, body, line.router.secret)
        else:
            datagram = forge(original, line.router.secret, chance)
        fuzzer.throw(datagram, line, at_accounting=False, is_known=False)
    fuzzer.settle()
    fuzzer.linger(LINGER)


def _originals(
    router: Reporter, installed: Installation, database: Database, chance: random.Random
) -> tuple[list[Original], list[Original]]:
    """Right packets of a router, for the authentication port and for the accounting port."""
    chap, pap, spare = issue_credentials(database, installed.settings.keys, 3)
    authenticator = chance.randbytes(16)
    asking = [
        Original(wire.ACCESS_REQUEST, access_attributes(guest, router, 0x80100014, authenticator, chap=guest is chap))
        for guest in (chap, pap)
    ]
    status = Original(wire.STATUS_SERVER, [wire.attribute(32, router.name.encode())])
    shared = [part for part in access_attributes(spare, router, 0x80100015, authenticator, chap=True) if part[0] != 3]
    reports = [
        Original(
            wire.ACCOUNTING_REQUEST, [wire.number(40, kind), *shared, *_counters(spare.class_), wire.number(41, 0)]
        )
        for kind in ACCOUNTING_KINDS
    ]
    return [*asking, status], [*reports, status]


def _counters(class_: bytes) -> list[bytes]:
    numbers = (
        (42, 700_000_001),
        (52, 1),
        (47, 11),
        (43, 3),
        (53, 2),
        (48, 12),
        (46, 300),
        (49, 1),
        (55, 1_772_427_600),
    )
    return [wire.attribute(25, class_), *(wire.number(kind, value) for kind, value in numbers)]


# --- promises --------------------------------------------------------------------------------------------------------------


def judge_replies(wrong: Sequence[str], kind: str, verdict: Verdict) -> None:
    if wrong:
        verdict.fails(f"{len(wrong)} replies to {kind} datagrams that aren't authentic, the first: {wrong[0]}")
    else:
        verdict.passes()


def judge_growth(growth: float, verdict: Verdict) -> None:
    said = f"resident memory grew by {growth / (1 << 20):.1f} MiB after the warm-up"
    say.print(said, highlight=False)
    if growth > GROWTH:
        verdict.fails(said)
    else:
        verdict.passes()


def judge_signs(seconds: Sequence[float], limit: float, verdict: Verdict) -> None:
    """Hold the signs of life to their limit, all of them."""
    if not seconds:
        verdict.fails("nobody asked for a sign of life")
        return
    longest, nearly = max(seconds), sorted(seconds)[len(seconds) * 99 // 100]
    said = (
        f"{len(seconds)} signs of life, 99 % within {nearly * 1e3:.1f} ms,"
        f" all within {longest * 1e3:.1f} ms (number {seconds.index(longest) + 1})"
    )
    say.print(said, highlight=False)
    if longest > limit:
        verdict.fails(f"{said}; {sum(one > limit for one in seconds)} of them too late")
    else:
        verdict.passes()


def judge_reach(sent: int, counted: float, verdict: Verdict) -> None:
    """What the server has not even counted proves nothing."""
    say.print(f"{sent} datagrams sent, {counted:.0f} counted by the server", highlight=False)
    if counted < sent * REACHED:
        verdict.fails(f"the server has counted {counted:.0f} of {sent} datagrams")
    else:
        verdict.passes()


def judge_log(log: str, counters: dict[str, float], verdict: Verdict) -> None:
    """No exception, neither logged nor counted."""
    troubled = [line for line in log.splitlines() if any(mark in line for mark in TROUBLE)]
    errors = sum(count for name, count in counters.items() if 'reason="internal_error"' in name)
    if troubled or errors:
        verdict.fails(f"{errors:.0f} internal errors counted, {len(troubled)} lines of trouble logged: {troubled[:1]}")
    else:
        verdict.passes()


def _judge_guest(installed: Installation, database: Database, chance: random.Random, verdict: Verdict) -> None:
    """After all that a guest gets in."""
    with closing(Asking(installed.routers, installed.program.auth_address, chance)) as asking:
        questions = [asking.question(guest) for guest in issue_credentials(database, installed.settings.keys, 1)]
        asking.send(questions)
        asking.gather(questions, patience=10)
    if questions[0].codes == {wire.ACCESS_ACCEPT}:
        verdict.passes()
    else:
        verdict.fails("a guest with a right credential does not get in any more")


def _counted(counters: dict[str, float]) -> float:
    names = ("hotspot_radius_dropped_total", "hotspot_radius_answered_total", "hotspot_radius_resent_total")
    return sum(count for name, count in counters.items() if name.startswith(names))


if __name__ == "__main__":
    sys.exit(main())
