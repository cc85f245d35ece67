"""What `hotspot doctor` checks: database, ports, clock, time zone, data directory. Each finding says what to do."""

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile

from sqlalchemy import text

from hotspot.db import open_database
from hotspot.errors import HotspotError
from hotspot.settings import Settings, problems

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
    wanted = (
        ("portal and console", settings.http_host, settings.http_port, socket.SOCK_STREAM),
        ("RADIUS authentication", settings.radius_host, settings.radius_auth_port, socket.SOCK_DGRAM),
        ("RADIUS accounting", settings.radius_host, settings.radius_acct_port, socket.SOCK_DGRAM),
    )
    for name, host, port, kind in wanted:
        yield _port(name, host, port, kind)


def _port(name: str, host: str, port: int, kind: socket.SocketKind) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        problem = (
            f"{host} port {port}: {error.strerror}; if hotspot runs already this is fine, else choose another port"
        )
        return Finding(f"port of {name}", is_well=False, text=problem)
    return Finding(f"port of {name}", is_well=True, text=f"{host} port {port} is free")


def _time(settings: Settings, now: datetime) -> Iterator[Finding]:
    is_set = now > OLDEST_BELIEVABLE
    text_ = f"{now:%Y-%m-%d %H:%M:%S} UTC" + ("" if is_set else " can't be right; set the clock, best by NTP")
    yield Finding("clock", is_well=is_set, text=text_)
    local = now.astimezone(settings.zone)
    yield Finding(
        "time zone", is_well=True, text=f"{settings.time_zone}: it is {local:%H:%M} there, days begin at 00:00"
    )
