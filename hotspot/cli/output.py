"""What commands share: options, opening the database, printing for people and for programs, exit codes."""

import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from sqlmodel import Session

from hotspot.db import Database
from hotspot.errors import Conflict, HotspotError, Invalid, NotAllowed, NotFound, Unavailable
from hotspot.settings import Settings, load_for_command
from hotspot.setup import open_installation
from hotspot.staff.models import StaffAccount
from hotspot.staff.service import StaffDisabled, get_staff
from hotspot.telemetry import configure_logging

EXIT = {Invalid: 2, Conflict: 3, NotFound: 4, Unavailable: 5, NotAllowed: 6}
NOT_WANTED = EXIT[Conflict]  # also where nothing went wrong, and what was found or done is not what one would want

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where the embedded database and generated key live.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of it, and change nothing.")]
ActingAs = Annotated[str, typer.Option("--as", help="Your staff account: what two persons decide is noted with it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON for programs.")]


class UnreadableFile(Invalid):
    """Can't read {path}: {problem}"""


class CannotSave(Unavailable):
    """Can't write {path}: {problem}"""


class Screen(Console):
    """Where people read. What routers say of themselves, and what files hold, can't move the cursor or rename the window."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_printable(segment.text))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text)


people = Screen(highlight=False, width=None if sys.stdout.isatty() else 200)  # in a pipe no name is cut
errors = Screen(stderr=True, highlight=False)


def fail(error: HotspotError) -> typer.Exit:
    """Say what is wrong in one line and return the exit to raise."""
    errors.print(f"hotspot: {error}", style="red", markup=False, soft_wrap=True)
    return typer.Exit(next((code for family, code in EXIT.items() if isinstance(error, family)), 1))


@contextmanager
def telling_errors() -> Iterator[None]:
    """Turn our errors into their line and exit code."""
    try:
        yield
    except HotspotError as error:
        raise fail(error) from error


@contextmanager
def installation(data_dir: Path | None) -> Iterator[tuple[Settings, Database]]:
    """Open the installation for one command."""
    with telling_errors():
        settings = load_for_command(data_dir)
        configure_logging(settings.model_copy(update={"log_level": "warning"}))
        database = open_installation(settings, now=datetime.now(UTC))
        try:
            yield settings, database
        finally:
            database.close()


@contextmanager
def changing(data_dir: Path | None, *, dry_run: bool = False) -> Iterator[tuple[Settings, Session, datetime]]:
    """Open one transaction for a command that changes something; commits when it ends well, unless it is only tried."""
    with installation(data_dir) as (settings, database), database.writing() as db:
        yield settings, db, datetime.now(UTC)
        if dry_run:
            db.rollback()


@contextmanager
def looking(data_dir: Path | None) -> Iterator[tuple[Settings, Session]]:
    with installation(data_dir) as (settings, database), database.reading() as db:
        yield settings, db


def who() -> str:
    """Return who is noted as having done something."""
    return f"{getpass.getuser()} (command line)"


@contextmanager
def counting(words: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show how far something is, of how much if that is known, to people who watch."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task(words, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def acting(db: Session, name: str) -> StaffAccount:
    """Return whose decision a command carries out. Whoever may run commands could name anybody: two persons is a matter of trust here.

    Raises:
        NoSuchStaff, StaffDisabled: there is nobody of that name who may decide.
    """
    staff = get_staff(db, name)
    if staff.disabled_at is not None:
        raise StaffDisabled(name=name)
    return staff


def add_group(app: typer.Typer, name: str, help_text: str, commands: Mapping[str, Callable[..., None]]) -> typer.Typer:
    """Add a group of commands, `hotspot NAME COMMAND`, and return it."""
    group = typer.Typer(help=help_text, no_args_is_help=True)
    for command, function in commands.items():
        group.command(command)(function)
    app.add_typer(group, name=name)
    return group


def print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)  # noqa: T201  (for programs)


def print_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool, title: str, empty: str) -> None:
    """Print rows as a table, or as one JSON list; an empty table says the next step."""
    if as_json:
        print_json(list(rows))
    elif not rows:
        people.print(empty)
    else:
        table = Table(title=title, title_justify="left")
        for name in rows[0]:
            table.add_column(name, overflow="fold")  # what is cut can't be copied into the next command
        for row in rows:
            table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))  # never markup
        people.print(table)


def print_made(row: Mapping[str, object], sentence: str, *, as_json: bool, dry_run: bool = False) -> None:
    """Print what was made, or would be: its row for programs, a sentence for people."""
    if dry_run:
        row, sentence = {**row, "dry_run": True}, f"Nothing was changed yet. It would be: {sentence}"
    if as_json:
        print_json(row)
    else:
        people.print(sentence, markup=False, soft_wrap=True)


def read_text(path: Path) -> str:
    """Read a file that somebody named.

    Raises:
        UnreadableFile: it can't be read, or is no text.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(path=path, problem=error) from error


def save(path: Path, content: bytes) -> None:
    """Write a file for its owner alone: it holds secrets.

    Raises:
        CannotSave: it can't be written there.
    """
    save_pieces(path, [content])


def save_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file as `save` does, piece by piece, for what may be too much to hold at once."""
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        with path.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise CannotSave(path=path, problem=error.strerror) from error
