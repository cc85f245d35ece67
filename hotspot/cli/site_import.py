"""The ``hotspot sites import`` command: many places from one table of a spreadsheet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hotspot.cli.output import AsJson, DataDir, changing, counting, looking, people, print_json
from hotspot.errors import Invalid
from hotspot.sites import importer
from hotspot.sites.importer import BadSites, Diff, SiteFile
from hotspot.sites.models import SiteState
from hotspot.spreadsheets.files import lines_of
from hotspot.spreadsheets.limits import Line

MOST_SHOWN = 100


class NotForNewSites(Invalid):
    """A new site is planned or live, not {state}"""


def import_sites(
    file: Annotated[Path, typer.Argument(help="A .csv or .xlsx file with a row for each place.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would change, and change nothing.")] = False,
    state: Annotated[SiteState, typer.Option("--state", help="Of the new ones: planned or live.")] = SiteState.LIVE,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add or change many places at once: all of them, or none when a single row is wrong."""
    if dry_run:
        with looking(data_dir) as (_settings, db), _telling_problems(as_json=as_json):
            _tell(importer.compare(db, _read(file, state)), applied=False, as_json=as_json)
        return
    with changing(data_dir) as (_settings, db, now), _telling_problems(as_json=as_json):
        sites = _read(file, state)
        with counting("Writing") as tell:
            diff = importer.bring_in(db, sites, state=state, now=now, written=tell)
    _tell(diff, applied=True, as_json=as_json)


def _read(file: Path, state: SiteState) -> SiteFile:
    if state is SiteState.RETIRED:
        raise NotForNewSites(state=state)
    with counting("Reading") as tell:

        def lines() -> Iterator[Line]:
            for line in lines_of(file):
                tell(line.number, None)
                yield line

        return importer.read(lines())


@contextmanager
def _telling_problems(*, as_json: bool) -> Iterator[None]:
    """Print what is wrong row by row before the error itself is told."""
    try:
        yield
    except BadSites as bad:
        if as_json:
            print_json({"applied": False, "problems": [problem._asdict() for problem in bad.problems]})
        else:
            _print_some([str(problem) for problem in bad.problems])
        raise


def _tell(diff: Diff, *, applied: bool, as_json: bool) -> None:
    if as_json:
        print_json({"applied": applied, **diff.summary()})
        return
    _print_some(diff.lines())
    if diff.ignored:
        people.print(f"Columns that were not used: {', '.join(diff.ignored)}", markup=False)
    done = "" if applied else " Nothing was changed yet."
    figures = f"{len(diff.added):,} new, {len(diff.changed):,} changed, {diff.unchanged:,} as they were."
    people.print(figures + done, markup=False)


def _print_some(lines: list[str]) -> None:
    for line in lines[:MOST_SHOWN]:
        people.print(line, markup=False, soft_wrap=True)
    if len(lines) > MOST_SHOWN:
        people.print(f"… and {len(lines) - MOST_SHOWN:,} more; --json has all of them")
