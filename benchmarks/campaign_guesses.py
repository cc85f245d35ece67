"""Random codes against live vouchers: none is found, at the service with no limit, and over HTTP hardly any is looked at.

1. The service looks at all the guesses, without any limit: none is right; in between right codes are, so that it is the real one.
2. Over HTTP, from a device of its own each, guesses are looked at until the site's budget is used up, and no more. One device gets its
few tries. Meanwhile people who hold vouchers get in with code and number.
3. Codes that never existed, that were voided, and that go with another number get the same page in the same time.

Run by `make campaign-guesses`; ends with `N passed, N failed`, where each guess is one case.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final, NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from benchmarks.campaign import Failed, Installation, Verdict, installation, parser, progress, say
from benchmarks.guests_at_the_door import Answer, Phone
from benchmarks.radius_city import SLUG
from hotspot.db import Database, open_database
from hotspot.guests import vouchers
from hotspot.guests.guessing import DEVICE, SITE
from hotspot.guests.passes import Unusable
from hotspot.guests.printed_codes import LENGTH, SYMBOLS, Typed, grouped
from hotspot.guests.vouchers import Printable
from hotspot.security import Keys
from hotspot.sites.models import Site
from hotspot.sites.settings import give

AT_ONCE: Final = 500  # guesses in one transaction of the service
HOLDERS: Final = 20
MOST_WAITS: Final = 90  # seconds; the site's presses are counted by the minute
SEES: Final = 0.05
"""How far the medians of two answers may lie apart, as a part of the smaller one: less is noise to who measures from outside."""


class City(NamedTuple):
    """The database of a running program, and its live vouchers."""

    database: Database
    keys: Keys
    site_id: int
    live: Sequence[Printable]


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--guesses {options.guesses} --vouchers {options.vouchers} --seed {options.seed}")
    with verdict.whatever_happens(), installation("serve") as installed, city_of(installed, options.vouchers) as city:
        chance = random.Random(options.seed)
        guess_at_the_service(city, options.guesses, chance, verdict)
        guess_over_http(installed, city, options.requests, chance, verdict)
        compare_answers(installed, city, options.pairs, chance, verdict)
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-guesses", __doc__)
    options.add_argument("--guesses", type=int, default=1_000_000, help="looked at by the service")
    options.add_argument("--vouchers", type=int, default=10_000, help="that are live")
    options.add_argument("--requests", type=int, default=2_000, help="guesses over HTTP, each from a device of its own")
    options.add_argument("--pairs", type=int, default=1_000, help="answers of each kind that are compared")
    return options.parse_args(arguments)


@contextmanager
def city_of(installed: Installation, count: int) -> Iterator[City]:
    """Give the site vouchers as its only way to sign in."""
    now, keys = datetime.now(UTC), installed.settings.keys
    with closing(open_database(installed.settings, migrate=False)) as database:
        with database.writing() as db:
            site = db.exec(select(Site).where(Site.slug == SLUG)).one()
            give(db, site, "sign_in", "voucher")
            wanted = vouchers.checked_batch(now, name="live", count=count, valid_until=now + timedelta(days=30))
            batch = vouchers.make_batch(db, wanted, site, made_by="campaign", now=now)
            for _ in vouchers.add_vouchers(db, batch, count, keys=keys):
                pass
            assert batch.id is not None
            assert site.id is not None
            _, live = vouchers.take_codes(db, batch.id, keys=keys)
            site_id = site.id
        yield City(database, keys, site_id, live)


def guess(chance: random.Random) -> str:
    return "".join(chance.choices(SYMBOLS, k=LENGTH))


# --- without limits --------------------------------------------------------------------------------------------------


def guess_at_the_service(city: City, guesses: int, chance: random.Random, verdict: Verdict) -> None:
    with progress() as bar:
        for done in bar.track(range(0, guesses, AT_ONCE), description="guesses"):
            with city.database.writing() as db:
                found = [_redeem(db, city, guess(chance)) for _ in range(min(AT_ONCE, guesses - done))]
                right = _redeem(db, city, chance.choice(city.live).code)
                db.rollback()
            if not isinstance(right, UUID):
                raise Failed(f"a live voucher is {right}, so that nothing is shown by guesses that fail")
            judge(found, verdict)


def _redeem(db: Session, city: City, code: str) -> UUID | Unusable:
    return vouchers.redeem(db, Typed(code), site_id=city.site_id, keys=city.keys, now=datetime.now(UTC))


def judge(found: Sequence[UUID | Unusable], verdict: Verdict) -> None:
    """Each guess that found nothing is a case that is passed."""
    wrong = found.count(Unusable.UNKNOWN)
    verdict.passes(wrong)
    for _ in range(len(found) - wrong):
        verdict.fails("a random code was a voucher's")


# --- over HTTP -------------------------------------------------------------------------------------------------------


def guess_over_http(
    installed: Installation, city: City, requests: int, chance: random.Random, verdict: Verdict
) -> None:
    """Guess from one device, then from many, while people who hold vouchers come now and then."""
    typing = typist(installed, chance)
    one = Phone(installed.program.ports["--http-port"], installed.routers[0].address, 1)
    with closing(one):
        allow("one device", [one.type_in(guess(chance)).status for _ in range(6)], DEVICE.most, verdict)
    began = time.monotonic()
    guesses, holders = [], []
    every = max(1, requests // HOLDERS)
    for number in range(requests):
        guesses.append(typing(guess(chance)).status)
        if number % every == every - 1:
            voucher = city.live[number // every]
            holders.append(typing(f"{grouped(voucher.code)} {voucher.number}").status)
    windows = 1 + int((time.monotonic() - began) // SITE.window.total_seconds())
    allow("a site", guesses, windows * SITE.most, verdict)
    say.print(f"{guesses.count(403)} of {requests} guesses over HTTP were looked at, {guesses.count(429)} were not")
    for status in holders:
        if status == 303:
            verdict.passes()
        else:
            verdict.fails(f"who holds a voucher was answered {status} while the site was flooded")


def allow(whose: str, statuses: Sequence[int], most: int, verdict: Verdict) -> None:
    """Hold guesses to their limit: looked at (403) that often at most, and not looked at (429) from then on."""
    others = [status for status in statuses if status not in (403, 429)]
    verdict.passes(len(statuses) - len(others))
    for status in others:
        verdict.fails(f"a guess of {whose} was answered {status}")
    if statuses.count(403) > most:
        verdict.fails(f"{statuses.count(403)} guesses of {whose} were looked at, {most} may be")


def typist(installed: Installation, chance: random.Random) -> Callable[[str], Answer]:
    """Return how to type a code with a device that nobody has seen before."""

    def type_in(code: str) -> Answer:
        number = chance.getrandbits(40)
        with closing(Phone(installed.program.ports["--http-port"], installed.routers[0].address, number)) as phone:
            return phone.type_in(code)

    return type_in


# --- what an answer gives away ---------------------------------------------------------------------------------------


def compare_answers(installed: Installation, city: City, pairs: int, chance: random.Random, verdict: Verdict) -> None:
    void, other = city.live[-1], city.live[-2]
    with city.database.writing() as db:
        vouchers.void_voucher(db, void.number, now=datetime.now(UTC))
    kinds: dict[str, Callable[[], str]] = {
        "unknown": lambda: f"{guess(chance)} {other.number}",
        "void": lambda: f"{void.code} {void.number}",
        "another's number": lambda: f"{other.code} {void.number}",
    }
    typing = typist(installed, chance)
    answers: dict[str, list[Answer]] = {kind: [] for kind in kinds}
    with progress() as bar:
        for _ in bar.track(range(pairs), description="answers"):
            for kind in chance.sample(list(kinds), len(kinds)):
                answers[kind].append(_patiently(typing, kinds[kind]()))
    look_alike(answers, verdict)


def _patiently(typing: Callable[[str], Answer], code: str) -> Answer:
    """Type a code again while the site lets no more presses through: that limit knows nothing of codes."""
    for _ in range(MOST_WAITS):
        answer = typing(code)
        if answer.status != 429:
            return answer
        time.sleep(1)
    raise Failed(f"the site let nobody press a button for {MOST_WAITS} s")


def look_alike(answers: dict[str, list[Answer]], verdict: Verdict) -> None:
    """Hold the answers to one status, one page and one time."""
    pages = {(one.status, one.page) for given in answers.values() for one in given}
    if len(pages) == 1:
        verdict.passes(sum(map(len, answers.values())))
    else:
        verdict.fails(f"wrong codes got {len(pages)} different answers: {sorted({status for status, _ in pages})}")
    medians = {kind: median(one.seconds for one in given) for kind, given in answers.items()}
    say.print("median answers: " + ", ".join(f"{kind} {seconds * 1000:.2f} ms" for kind, seconds in medians.items()))
    apart = max(medians.values()) / min(medians.values()) - 1
    if apart < SEES:
        verdict.passes()
    else:
        verdict.fails(f"the medians of the answers lie {apart:.1%} apart")


if __name__ == "__main__":
    sys.exit(main())
