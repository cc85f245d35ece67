"""Commands about consents and what is held about a device: verify, export as proof, withdraw; show and forget, for requests by letter."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hotspot.cli.guests import device_named
from hotspot.cli.output import (
    NOT_WANTED,
    AsJson,
    DataDir,
    add_group,
    counting,
    installation,
    looking,
    people,
    print_json,
    save_pieces,
    who,
)
from hotspot.errors import Invalid
from hotspot.guests import proof
from hotspot.guests.chain import NOTHING_BEFORE
from hotspot.guests.proof import Broken
from hotspot.portal import held
from hotspot.portal.held import Deed
from hotspot.radius import control
from hotspot.radius.disconnect import Ending, Gone, meaning
from hotspot.sites.service import get_site

NOT_DONE = 5  # the exit code of what does not answer

Device = Annotated[str, typer.Option("--device", help="MAC address, or the pseudonym in `hotspot sessions list`.")]


class BadHead(Invalid):
    """A head is 64 hexadecimal digits, as `hotspot consents verify` prints it"""


class OneProof(Invalid):
    """Say what to write out: --site SLUG, --device MAC, or --chain"""


def add_to(app: typer.Typer) -> None:
    groups: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
        "consents": ("The ledger of consents.", {"verify": verify, "export": export, "withdraw": withdraw}),
        "guests": ("What is held about a device.", {"show": show, "forget": forget}),
    }
    for name, (help_text, commands) in groups.items():
        add_group(app, name, help_text, commands)


# --- the ledger ----------------------------------------------------------------------------------------------------------


def verify(
    head: Annotated[
        str | None, typer.Option("--head", help="A head that was printed earlier: is it still in the chain?")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole chain; name the first entry that is not as it was made, or print the head to be kept elsewhere."""
    with looking(data_dir) as (_settings, db), counting("Verifying") as tell:
        proof.at_one_moment(db)
        found = proof.verify(db, kept=_head(head), tell=_out_of(proof.head_of(db).seq, tell))
    if isinstance(found, Broken):
        if as_json:
            print_json({"verified": False, "broken": found.seq, "problem": found.problem})
        else:
            people.print(f"Entry {found.seq} is broken: {found.problem}.", markup=False, soft_wrap=True)
        raise typer.Exit(NOT_WANTED)
    row = {
        "verified": True,
        "entries": found.head.seq,
        "without_facts": found.without_facts,
        "head": found.head.hash.hex(),
    }
    if as_json:
        print_json(row)
    else:
        people.print(
            f"All {found.head.seq:,} entries follow each other; the facts of {found.without_facts:,} were deleted in time.\n"
            f"Head, to be kept elsewhere: {row['head']}",
            soft_wrap=True,
        )


def _head(given: str | None) -> bytes | None:
    if given is None:
        return None
    try:
        head = bytes.fromhex(given)
    except ValueError:
        raise BadHead from None
    if len(head) != len(NOTHING_BEFORE):
        raise BadHead
    return head


def _out_of(last: int, tell: Callable[[int, int | None], None]) -> Callable[[int], None]:
    return lambda seq: tell(seq, last)


def export(
    out: Annotated[Path, typer.Option("--out", help="The file to write, readable by you alone.")],
    site: Annotated[str | None, typer.Option("--site", help="All that was agreed to at this site.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="All that this device agreed to.")] = None,
    chain: Annotated[
        bool, typer.Option("--chain", help="The whole chain without anybody's data, to verify the others by.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Write proof of consent as lines of JSON, or the chain that it is verified by."""
    with looking(data_dir) as (settings, db):
        if [site is not None, device is not None, chain].count(True) != 1:
            raise OneProof
        proof.at_one_moment(db)
        if chain:
            lines = proof.chain_lines(db)
        elif site is not None:
            lines = proof.proof_lines(db, now=datetime.now(UTC), site=get_site(db, site))
        else:
            lines = proof.proof_lines(db, now=datetime.now(UTC), device_id=device_named(device or "", settings.keys))
        save_pieces(out, _octets(lines))
    people.print(f"Written to {out}.", markup=False, soft_wrap=True)


def _octets(lines: Iterable[str]) -> Iterable[bytes]:
    return (f"{line}\n".encode() for line in lines)


# --- a device ------------------------------------------------------------------------------------------------------------


def withdraw(device: Device, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Withdraw what a device agreed to, as its owner asks: its sessions end, and it is let in nowhere without a page."""
    with installation(data_dir) as (settings, database):
        now = datetime.now(UTC)
        with database.writing() as db:
            deed = held.withdraw(db, device_named(device, settings.keys), by=who(), now=now)
        endings = control.end_all(database, deed.sessions, keys=settings.keys, now=now)
    _tell(deed, endings, "Withdrawn. What was agreed to is kept as proof until its time is over.", as_json=as_json)


def show(device: Device, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show all that is held about a device."""
    with looking(data_dir) as (settings, db):
        device_id = device_named(device, settings.keys)
        found = held.held_about(db, device_id)
    if as_json:
        print_json({"device": device_id, **_plain(found)})
        return
    people.print(f"Device {device_id}")
    for name, value in _plain(found).items():
        people.print(f"\n{name}: {len(value)}" if isinstance(value, list) else f"\n{name}: {value or 'none'}")
        for row in value if isinstance(value, list) else ():
            people.print(f"  {row}", markup=False, soft_wrap=True)


def _plain(found: held.Held) -> dict[str, Any]:
    return {
        "agreements": [one._asdict() for one in found.agreements],
        "withdrawn_at": list(found.withdrawn_at),
        "visits": [one._asdict() for one in found.visits],
        "tries": [one._asdict() for one in found.tries],
        "attempts": [one._asdict() for one in found.attempts],
        "codes": [one._asdict() for one in found.codes],
        "block": None if found.block is None else found.block._asdict(),
    }


def forget(
    device: Device,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Delete what is held about a device, as its owner asks: at once, and for good. A block stays."""
    if not yes:
        typer.confirm("Delete what is held about this device, for good?", abort=True, err=True)
    with installation(data_dir) as (settings, database):
        now = datetime.now(UTC)
        with database.writing() as db:
            deed = held.erase(
                db, device_named(device, settings.keys), keys=settings.keys, zone=settings.zone, by=who(), now=now
            )
        endings = control.end_all(database, deed.sessions, keys=settings.keys, now=now)
    assert deed.erased is not None
    said = (
        f"Deleted: {deed.erased.consents} consents, {deed.erased.log_ins} log-ins; {deed.erased.sessions} visits are nobody's now."
        if deed.erased.is_something
        else "Nothing is held about this device."
    )
    _tell(deed, endings, said, as_json=as_json)


def _tell(deed: Deed, endings: dict[int, Ending], said: str, *, as_json: bool) -> None:
    if as_json:
        erased = None if deed.erased is None else deed.erased._asdict()
        print_json({"erased": erased, "sessions": {number: type(one).__name__ for number, one in endings.items()}})
    else:
        people.print(said, markup=False, soft_wrap=True)
        for number, ending in endings.items():
            people.print(f"Session {number}: {meaning(ending)}", soft_wrap=True, markup=False)
    if not all(isinstance(ending, Gone) for ending in endings.values()):
        raise typer.Exit(NOT_DONE)
