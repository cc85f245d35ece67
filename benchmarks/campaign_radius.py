"""kill -9 under accounting load, again and again: what was acknowledged must be stored, once, and the next start must serve soon.

Two campaigns over one installation: the `hotspot serve` process is killed, then the postmaster of its embedded database. After
every kill the program is started again, has to acknowledge within five seconds, and the database is compared with what the routers
remember. Run by `make campaign-radius`; ends with `N passed, N failed`, and with the seed that replays a failure.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from sqlalchemy import text

from benchmarks.radius_city import add_reporters
from benchmarks.radius_load import Load
from benchmarks.radius_packets import Reporter, Shape
from benchmarks.radius_work import Accounting, SessionName, SessionNumbers, Told
from hotspot.db import open_database
from hotspot.settings import Settings, load

SERVES_WITHIN: Final = 5.0  # seconds from the start of the program to its first acknowledgement
PATIENCE: Final = 60.0  # what comes later than it should is still compared; the very first start makes the database
ENDS_WITHIN: Final = 20.0
WINDOW: Final = 64
SHAPE: Final = Shape(interims=6, octets=700_000_001)  # crosses 2³² within a session, so that gigawords are spoken
say = Console(stderr=True)

WHAT_IS_STORED = """
    SELECT router.name, acct_session_id, count(*) AS times, max(octets_from_device) AS octets,
        bool_or(ended_at IS NOT NULL) AS has_ended
    FROM guest_session JOIN router ON router.id = router_id GROUP BY router.name, acct_session_id
"""


class Failed(Exception):
    """A round that did not hold what it should; the message says what."""


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


class Program:
    """`hotspot serve` as an operator starts it."""

    def __init__(self, data_dir: Path, log_file: Path) -> None:
        self.data_dir, self._log_file = data_dir, log_file
        self.ports = {name: _free_port(kind) for name, kind in _PORTS.items()}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def acct_address(self) -> tuple[str, int]:
        return "127.0.0.1", self.ports["--radius-acct-port"]

    def start(self) -> None:
        ports = [word for name, port in self.ports.items() for word in (name, str(port))]
        command = [sys.executable, "-m", "hotspot.cli.main", "serve"]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data_dir), *ports], stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_database(self) -> None:
        os.kill(int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def end(self) -> None:
        """Ask it to end, as systemd would."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"the program did not end within {ENDS_WITHIN:.0f} s of SIGTERM") from None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def last_words(self) -> str:
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-15:])


_PORTS: Final = {
    "--http-port": socket.SOCK_STREAM,
    "--radius-auth-port": socket.SOCK_DGRAM,
    "--radius-acct-port": socket.SOCK_DGRAM,
}


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    chance = random.Random(options.seed)
    passed = failed = 0
    with _installation() as (program, settings, reports):
        for kind in ("program", "database"):
            for number in range(1, options.rounds + 1):
                try:
                    outcome = _round(kind, program, settings, reports, chance, options.serves_within)
                    passed += 1
                    say.print(f"{kind} {number}/{options.rounds}: {outcome}", soft_wrap=True)
                except Failed as failure:
                    failed += 1
                    say.print(f"[red]{kind} {number}/{options.rounds}: {failure}[/red]", soft_wrap=True)
                    say.print(program.last_words(), markup=False, soft_wrap=True)
                    _stand_up_again(program, reports)
    if failed:
        print(f"replay with: --rounds {options.rounds} --seed {options.seed}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="campaign-radius", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="kills of each kind")
    parser.add_argument(
        "--serves-within", type=float, default=SERVES_WITHIN, help="seconds from a start to the first acknowledgement"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="when to kill")
    return parser.parse_args(arguments)


@contextmanager
def _installation() -> Iterator[tuple[Program, Settings, Routers]]:
    """A fresh installation with its routers, served."""
    with tempfile.TemporaryDirectory(prefix="hotspot-campaign-") as directory:
        settings = load(data_dir=Path(directory) / "data")
        database = open_database(settings)
        try:
            reporters = add_reporters(database, settings)
        finally:
            database.close()
        program = Program(settings.data_dir, Path(directory) / "serve.log")
        reports = Routers(reporters, program.acct_address)
        try:
            program.start()
            try:
                _wait_for_acknowledgement(program, reports, PATIENCE)
            except Failed:
                say.print(program.last_words())
                raise
            yield program, settings, reports
        finally:
            reports.close()
            program.end()


def _round(
    kind: str, program: Program, settings: Settings, reports: Routers, chance: random.Random, limit: float
) -> str:
    """1. Load, 2. kill at a random moment, 3. start again and wait for service, 4. compare what is stored."""
    acked = reports.acked
    reports.run(chance.uniform(0.2, 1.2))
    if kind == "program":
        program.kill()
        reports.run(chance.uniform(0.0, 0.2))  # takes in what had left the socket before the kill
    else:
        program.kill_database()
        reports.run(chance.uniform(0.0, 0.5))  # whatever is acknowledged now is held against the database later
        if not program.is_running():
            raise Failed("the program died with its database")
        program.end()
    program.start()
    seconds = _wait_for_acknowledgement(program, reports, PATIENCE)
    sessions = compare(reports.told, _stored_sessions(settings))
    if seconds > limit:
        raise Failed(f"all {sessions} sessions are right, but the first acknowledgement took {seconds:.1f} s")
    return f"{reports.acked - acked} acknowledged, {sessions} sessions compared, served after {seconds:.1f} s"


def _wait_for_acknowledgement(program: Program, reports: Routers, limit: float) -> float:
    before, began = reports.acked, time.monotonic()
    while reports.acked == before:
        reports.run(0.05)
        if not program.is_running():
            raise Failed("the program ended instead of serving")
        if time.monotonic() - began > limit:
            raise Failed(f"nothing was acknowledged within {limit:.0f} s of the start")
    return time.monotonic() - began


def _stored_sessions(settings: Settings) -> dict[SessionName, Stored]:
    database = open_database(settings, migrate=False)
    try:
        with database.reading() as db:
            return {(row[0], row[1]): Stored(*row[2:]) for row in db.execute(text(WHAT_IS_STORED))}
    finally:
        database.close()


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
