"""What `hotspot doctor` checks: database, ports, certificates, clock, time zone, data directory. Each finding says what to do."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile

from sqlalchemy import text

from hotspot.db import open_database
from hotspot.errors import HotspotError
from hotspot.radius.certificates import BadCertificate, tls_context
from hotspot.radius.ports import PortTaken, Sockets, close, connections, datagrams
from hotspot.safety import problems
from hotspot.settings import Settings

OLDEST_BELIEVABLE = datetime(2026, 1, 1, tzinfo=UTC)  # older than this program: the machine's clock was never set
PATIENCE = timedelta(seconds=3)
LARGEST_SKEW = timedelta(seconds=5)  # consent times and session times are compared across machines


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what it found."""

    check: str
    is_well: bool
    text: str


def examine(settings: Settings, *, now: datetime) -> list[Finding]:
    """Run every check; a failing one never hides another."""
    return [
        *_settings(settings),
        *_data_dir(settings),
        *_database(settings),
        *_ports(settings),
        *_radsec(settings, now),
        *_time(settings, now),
    ]


def _settings(settings: Settings) -> Iterator[Finding]:
    found = problems(settings)
    for problem in found:
        yield Finding("settings", is_well=False, text=problem)
    if not found:
        yield Finding("settings", is_well=True, text="safe to serve the public")


def _data_dir(settings: Settings) -> Iterator[Finding]:
    directory = settings.data_dir.resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=directory):
            yield Finding("data directory", is_well=True, text=f"{directory} is writable")
    except OSError as error:
        problem = f"can't write to {directory} ({error.strerror}); give another --data-dir or its rights to this user"
        yield Finding("data directory", is_well=False, text=problem)


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        with closing(open_database(settings, migrate=False, patience=PATIENCE)) as database, database.reading() as db:
            version = db.scalar(text("SHOW server_version"))
            durable = db.scalar(
                text("SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'")
            )
            skew = db.scalar(text("SELECT clock_timestamp()")) - datetime.now(UTC)
    except (HotspotError, OSError) as error:
        yield Finding("database", is_well=False, text=str(error))
        return
    where = "embedded" if settings.database_url is None else "given by HOTSPOT_DATABASE_URL"
    yield Finding("database", is_well=True, text=f"PostgreSQL {version}, {where}")
    promise = "fsync is on" if durable else "fsync or full_page_writes is off: a power cut loses data; turn both on"
    yield Finding("durability", is_well=bool(durable), text=promise)
    yield Finding(
        "database clock",
        is_well=abs(skew) < LARGEST_SKEW,
        text=f"differs by {abs(skew.total_seconds()):.1f} s from this machine's"
        + ("" if abs(skew) < LARGEST_SKEW else "; let both keep time by NTP"),
    )


def _ports(settings: Settings) -> Iterator[Finding]:
    yield _port("portal and console", [settings.http_host], settings.http_port, connections)
    yield _port("RADIUS authentication", settings.radius_hosts, settings.radius_auth_port, datagrams)
    yield _port("RADIUS accounting", settings.radius_hosts, settings.radius_acct_port, datagrams)
    if settings.radsec_port is not None:
        yield _port("RadSec", settings.radius_hosts, settings.radsec_port, connections)


def _port(name: str, hosts: Sequence[str], port: int, bind: Callable[[Sequence[str], int], Sockets]) -> Finding:
    try:
        close(bind(hosts, port))
    except PortTaken as taken:
        problem = "{host} port {port}: {problem}".format(**taken.facts)
        advice = "if hotspot runs already this is fine, else choose another port"
        return Finding(f"port of {name}", is_well=False, text=f"{problem}; {advice}")
    return Finding(f"port of {name}", is_well=True, text=f"{', '.join(hosts)} port {port} is free")


def _radsec(settings: Settings, now: datetime) -> Iterator[Finding]:
    if settings.radsec_port is None:
        return
    try:
        tls_context(settings, now=now)
    except BadCertificate as problem:
        yield Finding("RadSec", is_well=False, text=str(problem))
    else:
        yield Finding("RadSec", is_well=True, text="certificate, key and CA fit together and are valid")


def _time(settings: Settings, now: datetime) -> Iterator[Finding]:
    is_set = now > OLDEST_BELIEVABLE
    text_ = f"{now:%Y-%m-%d %H:%M:%S} UTC" + ("" if is_set else " can't be right; set the clock, best by NTP")
    yield Finding("clock", is_well=is_set, text=text_)
    local = now.astimezone(settings.zone)
    yield Finding(
        "time zone", is_well=True, text=f"{settings.time_zone}: it is {local:%H:%M} there, days begin at 00:00"
    )
