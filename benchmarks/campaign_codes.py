"""Codes for phones under attack, with a clock that is only said: guesses sprayed over many phones, messages pumped into few prefixes.

Each case is a promise: how many guesses are looked at, how many messages leave and until when, and that people at other sites, and
with other prefixes, get theirs meanwhile. Attackers take a fresh device for each code, for devices are cheap to invent. The database
is a real one, and many ask at once. Run by `make campaign-codes`; ends with `N passed, N failed`.
"""

import argparse
import itertools
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import text

from benchmarks.campaign import Failed, Verdict, parser, say
from hotspot.areas.importer import import_packaged_areas
from hotspot.areas.models import Level
from hotspot.areas.service import tree
from hotspot.db import Database, open_database
from hotspot.guests import phone_codes
from hotspot.guests.phone_codes import LIFE, MOST_TRIES, Right, Visitor, Waiting, Wrong
from hotspot.guests.phone_limits import DAY, OF_A_PREFIX, OF_A_SITE, WRONG_ANYWHERE, WRONG_AT_A_SITE
from hotspot.guests.phone_models import PhoneCode
from hotspot.guests.phone_numbers import PhoneNumber
from hotspot.security import Keys
from hotspot.settings import Settings, load
from hotspot.sites.models import SiteState
from hotspot.sites.service import add_site

T = TypeVar("T")

START: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SITES: Final = 40
AT_ONCE: Final = 8
CODES_A_PHONE: Final = 5
MOST_EVALUATED: Final = 5_000
SERVED: Final = 0.99  # of the people whom an attack is no business of
MESSAGES_A_DAY: Final = 1_000_000  # the operator's own budget is not what is looked at
MISTYPED: Final = 0.1
ATTACKED: Final = range(1000)  # prefixes; people have others


@dataclass
class City:
    """A city's sites, where codes are asked for and entered at the moment that is said."""

    database: Database
    keys: Keys
    sites: Sequence[int]
    chance: random.Random
    devices: Iterator[int] = field(default_factory=itertools.count)

    def stranger(self, site: int) -> Visitor:
        """A device that was never seen."""
        return Visitor(site, UUID(int=next(self.devices)))

    def ask(self, visitor: Visitor, number: PhoneNumber, now: datetime) -> bool:
        with self.database.writing() as db:
            asked = phone_codes.ask(
                db, visitor, number, language="id", messages_a_day=MESSAGES_A_DAY, keys=self.keys, now=now
            )
        return isinstance(asked, Waiting)

    def enter(self, visitor: Visitor, code: str, now: datetime) -> object:
        press = UUID(int=self.chance.getrandbits(128))
        with self.database.writing() as db:
            return phone_codes.enter(db, visitor, code, press=press, keys=self.keys, now=now)

    def guess(self, visitor: Visitor, now: datetime) -> bool:
        """Guess at the device's code; tell whether anybody looked at the guess."""
        return isinstance(self.enter(visitor, f"{self.chance.randrange(10**6):06}", now), Wrong | Right)

    def serve(self, site: int, now: datetime) -> bool:
        """Somebody signs in as people do, some of whom mistype; tell whether they got in."""
        visitor = self.stranger(site)
        if not self.ask(visitor, number_of(self.chance.randrange(1000, 10_000), self.chance.randrange(10_000)), now):
            return False
        code = self._read(visitor)
        if self.chance.random() < MISTYPED:
            self.enter(visitor, f"{(int(code) + 1) % 10**6:06}", now)
        return isinstance(self.enter(visitor, code, now), Right)

    def _read(self, visitor: Visitor) -> str:
        """What the message says."""
        with self.database.reading() as db:
            row = db.execute(text("SELECT id FROM phone_code WHERE device_id = :id"), {"id": visitor.device_id}).one()
            found = phone_codes.unsealed(db.get_one(PhoneCode, row.id), self.keys)
        assert found is not None  # it was asked for just now
        return found[1]

    def give_codes(self, visitors: Sequence[Visitor], now: datetime) -> None:
        """Let all of these have a code, as if no limit held for messages."""
        with self.database.writing() as db:
            for visitor in visitors:
                code_id = UUID(int=self.chance.getrandbits(128))
                db.add(
                    PhoneCode(
                        id=code_id,
                        site_id=visitor.site_id,
                        device_id=visitor.device_id,
                        phone_id=code_id,
                        prefix_id=code_id,
                        code_hash=self.keys.phone_code_hash(code_id, f"{self.chance.randrange(10**6):06}"),
                        language="id",
                        created_at=now,
                        expires_at=now + LIFE,
                    )
                )

    def messages(self) -> list[datetime]:
        """When the messages were queued that were not held back."""
        with self.database.reading() as db:
            return list(
                db.scalars(text("SELECT queued_at FROM phone_message WHERE state = 'queued' ORDER BY queued_at"))
            )

    def begin_anew(self) -> None:
        with self.database.writing() as db:
            for table in ("phone_message", "phone_code", "limit_window", "procrastinate_jobs"):
                db.execute(text(f"DELETE FROM {table}"))


def number_of(prefix: int, last: int) -> PhoneNumber:
    return PhoneNumber(f"+62812{prefix:04}{last:04}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    verdict = Verdict(f"--phones {options.phones} --sends {options.sends} --seed {options.seed}")
    with verdict.whatever_happens(), tempfile.TemporaryDirectory(prefix="hotspot-campaign-") as directory:
        settings = load(data_dir=Path(directory) / "data")
        with closing(open_database(settings)) as database:
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(
                    text("ALTER DATABASE hotspot SET synchronous_commit = off")
                )  # nobody cuts the power here
            database.engine.dispose()
            run(database, settings, options, verdict)
    return verdict.report()


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser("campaign-codes", __doc__)
    options.add_argument("--phones", type=int, default=10_000, help="that guesses are sprayed over, 25 at each")
    options.add_argument("--sends", type=int, default=100_000, help="that are asked for within a minute")
    options.add_argument("--people", type=int, default=500, help="who sign in meanwhile, in each case")
    return options.parse_args(arguments)


def run(database: Database, settings: Settings, options: argparse.Namespace, verdict: Verdict) -> None:
    city = City(database, settings.keys, make_sites(database), random.Random(options.seed))
    for case in (spray_one_site, spray_everywhere, pump_one_prefix, pump_one_site):
        city.begin_anew()
        try:
            case(city, options)
            verdict.passes()
        except Failed as failure:
            verdict.fails(f"{case.__name__}: {failure}")


def make_sites(database: Database) -> list[int]:
    with database.writing() as db:
        if not tree(db):
            import_packaged_areas(db)
        code = next(area.code for area in tree(db) if area.level == Level.KELURAHAN)
        made = [
            add_site(
                db,
                name=f"Site {n}",
                area_code=code,
                address="",
                latitude=None,
                longitude=None,
                state=SiteState.LIVE,
                now=START,
            )
            for n in range(SITES)
        ]
        return [site.id for site in made if site.id is not None]


# --- the cases -----------------------------------------------------------------------------------------------------------


def spray_one_site(city: City, options: argparse.Namespace) -> None:
    """Within a day 25 guesses at each phone, all through one site."""
    here, *elsewhere = city.sites
    pace = DAY / (options.phones * CODES_A_PHONE)

    def attack(turn: int) -> int:
        now, visitor, phone = START + turn * pace, city.stranger(here), turn % options.phones
        if not city.ask(visitor, number_of(ATTACKED[phone % len(ATTACKED)], phone // len(ATTACKED)), now):
            return 0  # there is no code to guess
        return sum(city.guess(visitor, now) for _ in range(MOST_TRIES))

    evaluated, served = _together(city, options, attack, options.phones * CODES_A_PHONE, elsewhere, DAY)
    _tell("guesses looked at, through one site", evaluated, served)
    _hold(evaluated <= WRONG_AT_A_SITE[1].most, f"{evaluated} guesses were looked at")
    _hold(served >= SERVED, f"{served:.1%} of the people at other sites got in")


def spray_everywhere(city: City, options: argparse.Namespace) -> None:
    """The same through all sites, by somebody whom no limit on messages stops."""
    rounds = [
        [city.stranger(site) for site, _ in zip(itertools.cycle(city.sites), range(options.phones))]
        for _ in range(CODES_A_PHONE)
    ]
    evaluated = 0
    for number, visitors in enumerate(rounds):
        begin = START + number * DAY / CODES_A_PHONE
        city.give_codes(visitors, begin)

        def attack(turn: int, visitors: Sequence[Visitor] = visitors, begin: datetime = begin) -> int:
            now = begin + turn * LIFE / (len(visitors) * MOST_TRIES)
            return int(city.guess(visitors[turn % len(visitors)], now))

        evaluated += sum(_many(attack, range(options.phones * MOST_TRIES)))
    _tell("guesses looked at, through all sites", evaluated)
    _hold(evaluated <= min(WRONG_ANYWHERE[1].most, MOST_EVALUATED), f"{evaluated} guesses were looked at")


def pump_one_prefix(city: City, options: argparse.Namespace) -> None:
    """Within a minute messages to a thousand numbers of one prefix, through all sites but one."""
    (calm, *attacked), numbers = city.sites, 1_000

    def attack(turn: int) -> int:
        now = START + turn * timedelta(minutes=1) / options.sends
        return city.ask(city.stranger(attacked[turn % len(attacked)]), number_of(ATTACKED[0], turn % numbers), now)

    _, served = _together(city, options, attack, options.sends, [calm, *attacked], timedelta(minutes=1))
    _judge_pumping(city, served, options, most=OF_A_PREFIX[0].most)


def pump_one_site(city: City, options: argparse.Namespace) -> None:
    """Within a minute messages to as many numbers in a thousand prefixes, through one site."""
    here, *elsewhere = city.sites

    def attack(turn: int) -> int:
        now = START + turn * timedelta(minutes=1) / options.sends
        return city.ask(city.stranger(here), number_of(ATTACKED[turn % len(ATTACKED)], turn % 9973), now)

    _, served = _together(city, options, attack, options.sends, elsewhere, timedelta(minutes=1))
    _judge_pumping(city, served, options, most=OF_A_SITE[0].most)


def _judge_pumping(city: City, served: float, options: argparse.Namespace, *, most: int) -> None:
    """Of the messages all but those of people are the attack's; the last of these left within the minute."""
    pumped = len(city.messages()) - round(served * options.people)
    _tell("messages pumped", pumped, served)
    _hold(pumped <= most, f"{pumped} messages were sent, {most} are the budget")
    _hold(served >= SERVED, f"{served:.1%} of other people got in")


def _together(
    city: City,
    options: argparse.Namespace,
    attack: Callable[[int], int],
    turns: int,
    calm: Sequence[int],
    lasting: timedelta,
) -> tuple[int, float]:
    """Attack, while people sign in at calm sites; return what the attack came to, and which part of the people was served."""
    every = max(turns // options.people, 1)
    counts: Counter[str] = Counter()

    def one(turn: int) -> tuple[int, bool | None]:
        is_somebodys = turn % every == 0 and turn // every < options.people
        at = START + turn * lasting / turns
        return attack(turn), city.serve(calm[turn % len(calm)], at) if is_somebodys else None

    for came_to, was_served in _many(one, range(turns)):
        counts["attack"] += came_to
        counts["people"] += was_served is not None
        counts["served"] += was_served is True
    return counts["attack"], counts["served"] / counts["people"]


def _many(work: Callable[[int], T], turns: Iterable[int]) -> Iterator[T]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(work, turns, chunksize=1)


def _tell(what: str, count: int, served: float | None = None) -> None:
    people = "" if served is None else f"; {served:.1%} of other people were served"
    say.print(f"{count} {what}{people}", markup=False)


def _hold(promise: bool, otherwise: str) -> None:  # noqa: FBT001  (a claim)
    if not promise:
        raise Failed(otherwise)


if __name__ == "__main__":
    sys.exit(main())
