"""The command that changes a router's secrets: rotate."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from hotspot.cli.output import NOT_WANTED, AsJson, DataDir, errors, installation, people, print_json
from hotspot.cli.provisioning import LOST, Name
from hotspot.errors import Unavailable
from hotspot.routers import connection, rotating
from hotspot.routers.credentials import Kind
from hotspot.routers.rotating import Foreseen, Standing, Turn
from hotspot.routers.subjects import Means

WORDS: Final = {Kind.API: "API password", Kind.RADIUS: "RADIUS secret"}
ENDINGS: Final = {
    Standing.ROTATED: "{name} has a new {secret}.",
    Standing.AS_BEFORE: "{name} keeps its {secret}: {problem}.",
    Standing.BOTH_VALID: "{name} may have a new {secret}, and the old one is still good: {problem}. "
    "To finish it: hotspot routers rotate {name} --{kind}",
}
dial = connection.dial


def rotate(
    name: Name,
    api: Annotated[bool, typer.Option("--api", help="Only the password of the controller's log-in.")] = False,
    radius: Annotated[bool, typer.Option("--radius", help="Only the RADIUS secret.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and change nothing.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give a router new secrets; the ones before are good until the router was seen with the new ones."""
    chosen = [kind for kind, is_chosen in ((Kind.API, api), (Kind.RADIUS, radius)) if is_chosen] or list(Kind)
    with installation(data_dir) as (settings, database):
        means = Means.of(database, settings, dial=dial)
        if dry_run:
            _print_foreseen(name, rotating.foresee(means, name, chosen), as_json=as_json)
            return
        turns = rotating.rotate(means, name, chosen, report=_silent if as_json else _said)
    _print_turns(name, turns, as_json=as_json)
    problems = [turn.problem for turn in turns if turn.problem is not None]
    if problems:
        raise typer.Exit(LOST if any(isinstance(problem, Unavailable) for problem in problems) else NOT_WANTED)


def _silent(_words: str) -> None:
    """For programs there is only the answer."""


def _said(words: str) -> None:
    errors.print(words, markup=False, soft_wrap=True)


def _print_foreseen(name: str, foreseen: Sequence[Foreseen], *, as_json: bool) -> None:
    if as_json:
        print_json([{"router": name, "secret": one.kind, "goes_on": one.goes_on} for one in foreseen])
        return
    for one in foreseen:
        what = "the rotation that was begun would be finished" if one.goes_on else "would be changed"
        people.print(f"{name}: {WORDS[one.kind]}: {what}.", markup=False, soft_wrap=True)


def _print_turns(name: str, turns: Sequence[Turn], *, as_json: bool) -> None:
    if as_json:
        rows = [(turn.kind, turn.standing, "" if turn.problem is None else str(turn.problem)) for turn in turns]
        print_json([{"router": name, "secret": kind, "state": state, "problem": why} for kind, state, why in rows])
        return
    for turn in turns:
        words = ENDINGS[turn.standing].format(name=name, secret=WORDS[turn.kind], problem=turn.problem, kind=turn.kind)
        people.print(words, markup=False, soft_wrap=True)
