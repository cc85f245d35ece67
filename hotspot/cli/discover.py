"""The ``hotspot discover`` command: routers heard on a staging interface, as they announce themselves."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hotspot.cli.output import DataDir, installation, people, print_json, telling_errors
from hotspot.errors import NotFound

if TYPE_CHECKING:  # scapy takes half a second to load: only this command pays
    from hotspot.discovery.service import Heard, Neighbourhood
    from hotspot.discovery.sniffer import Sniffer

PAUSE = timedelta(seconds=5)  # between two requests: whoever is plugged in shows up soon, the wire stays quiet
KEEP_EVERY = timedelta(seconds=10)
TICK = timedelta(seconds=1)
COLUMNS = ("Identity", "Board", "Version", "MAC", "Address", "Interface", "Seen")


class NobodyHeard(NotFound):
    """No MikroTik router was heard on {interface}; is its cable in, and does /ip/neighbor/discovery-settings allow that port?"""


def add_to(app: typer.Typer) -> None:
    app.command("discover")(discover)


def discover(
    interface: Annotated[
        str, typer.Argument(help="Network interface of this machine that the routers are plugged into.")
    ],
    seconds: Annotated[
        int, typer.Option("--seconds", min=0, max=86_400, help="How long to listen; 0: until Ctrl-C.")
    ] = 0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Show them in `hotspot routers inbox`, too, for a week.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each announcement.")] = False,
) -> None:
    """Show MikroTik routers on a wire, configured or not. Needs root or CAP_NET_RAW; changes nothing on them."""
    from hotspot.discovery.service import Neighbourhood  # noqa: PLC0415  (as below)
    from hotspot.discovery.sniffer import listening  # noqa: PLC0415  (loading scapy takes longer than any other command)

    neighbourhood = Neighbourhood()
    end = time.monotonic() + seconds if seconds else float("inf")
    with telling_errors(), _keeping(neighbourhood, interface, data_dir, wanted=keep) as note:
        with listening(interface) as sniffer, suppress(KeyboardInterrupt):
            said = _noted(_announcements(sniffer, neighbourhood, end), note)
            if as_json:
                for entry in said:
                    if entry:
                        print_json(entry.row())
            else:
                _show(said, neighbourhood, interface)
        if not neighbourhood.heard():
            raise NobodyHeard(interface=interface)


@contextmanager
def _keeping(
    neighbourhood: "Neighbourhood", interface: str, data_dir: Path | None, *, wanted: bool
) -> Iterator[Callable[[], None]]:
    """Yield what keeps the neighbours heard so far; it does so once more at the end."""
    if not wanted:
        yield lambda: None
        return
    from hotspot.discovery.kept import keep  # noqa: PLC0415  (no other way to listen needs a database)

    with installation(data_dir) as (_settings, database):

        def note() -> None:
            with database.writing() as db:
                keep(db, neighbourhood.heard(), heard_on=interface, now=datetime.now(UTC))

        yield note
        note()


def _noted(said: Iterable["Heard | None"], note: Callable[[], None]) -> Iterator["Heard | None"]:
    """Pass on what is said, and keep it every few seconds."""
    note_at = time.monotonic() + KEEP_EVERY.total_seconds()
    for entry in said:
        if time.monotonic() >= note_at:
            note()
            note_at = time.monotonic() + KEEP_EVERY.total_seconds()
        yield entry


def _announcements(sniffer: "Sniffer", neighbourhood: "Neighbourhood", end: float) -> Iterator["Heard | None"]:
    """Ask again and again; yield at least once a second, None when nobody spoke."""
    ask_at = 0.0
    while (now := time.monotonic()) < end:
        if now >= ask_at:
            sniffer.ask()
            ask_at = now + PAUSE.total_seconds()
        neighbour = sniffer.hear(min(TICK, timedelta(seconds=end - now)) if end < float("inf") else TICK)
        yield neighbourhood.remember(neighbour, datetime.now(UTC)) if neighbour else None


def _show(said: Iterable["Heard | None"], neighbourhood: "Neighbourhood", interface: str) -> None:
    with Live(console=people, auto_refresh=False) as live:
        for _ in said:
            live.update(table_of(neighbourhood.heard(), interface, datetime.now(UTC)), refresh=True)


def table_of(heard: Sequence["Heard"], interface: str, now: datetime) -> Table:
    """Return the neighbours as a table; what they say of themselves is text, never markup."""
    table = Table(title=f"Routers on {interface}", title_justify="left", caption="" if heard else "nobody yet")
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for entry in heard:
        said = entry.neighbour
        address = said.ipv4 or said.ipv6
        seen = f"{int((now - entry.last_at).total_seconds())} s ago"
        cells = (said.identity, said.board, said.version, str(said.mac), str(address or ""), said.interface, seen)
        table.add_row(*(Text(cell) for cell in cells))
    return table
