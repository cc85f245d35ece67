"""Commands for vouchers: make, print, look after."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session

from hotspot.areas.models import Area
from hotspot.areas.service import top_area
from hotspot.cli.output import (
    AsJson,
    DataDir,
    add_group,
    changing,
    counting,
    looking,
    print_made,
    print_rows,
    save,
    who,
)
from hotspot.cli.places import OptionalArea, OptionalSite, one_place
from hotspot.errors import Invalid
from hotspot.guests import vouchers
from hotspot.guests.sheets import Heading, Paper, sheet
from hotspot.guests.vouchers_models import LONGEST_LIFE, MOST_VOUCHERS, VoucherBatch, VoucherState
from hotspot.routers.views import moment
from hotspot.settings import Settings
from hotspot.sites.models import Site
from hotspot.sites.settings import effective_at

BatchNumber = Annotated[int, typer.Argument(help="As in `hotspot vouchers list`.", min=1)]
VoucherNumber = Annotated[int, typer.Argument(help="The number printed on it.", min=1)]
DAY: Final = timedelta(days=1)


class BadDay(Invalid):
    """{given} is not a day such as 2026-12-31"""


class OneOrAll(Invalid):
    """Say which: the NUMBER of one voucher, or --batch"""


def make(
    name: Annotated[str, typer.Option("--name", help="What they are for.")],
    count: Annotated[int, typer.Option("--count", help="How many.", min=1, max=MOST_VOUCHERS)],
    until: Annotated[str, typer.Option("--until", help="Last day on which they can be used, as 2026-12-31.")],
    site: OptionalSite = None,
    area: OptionalArea = None,
    hours: Annotated[
        int, typer.Option("--hours", help="Good for so long from the first use.", min=1, max=LONGEST_LIFE.days * 24)
    ] = 24,
    minutes: Annotated[int | None, typer.Option("--minutes", help="Time online altogether.")] = None,
    megabytes: Annotated[int | None, typer.Option("--megabytes", help="Data altogether.")] = None,
    devices: Annotated[int, typer.Option("--devices", help="Devices online at once.")] = 1,
    up_kbps: Annotated[int | None, typer.Option("--up-kbps", help="Speed from the device.")] = None,
    down_kbps: Annotated[int | None, typer.Option("--down-kbps", help="Speed to it.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a batch of vouchers for a site or for all sites of an area; what isn't given is as the site has it."""
    with changing(data_dir) as (settings, db, now):
        wanted = vouchers.checked_batch(
            now,
            name=name,
            count=count,
            valid_until=_end_of(until, settings.zone),
            life_hours=hours,
            minutes=minutes,
            megabytes=megabytes,
            devices=devices,
            up_kbps=up_kbps,
            down_kbps=down_kbps,
        )
        batch = vouchers.make_batch(db, wanted, one_place(db, area, site), made_by=who(), now=now)
        with counting("vouchers") as tell:
            for done in vouchers.add_vouchers(db, batch, count, keys=settings.keys):
                tell(done, count)
        number = batch.id
    print_made(
        {"batch": number, "vouchers": count},
        f"Batch {number}: {count} vouchers. Print them within a day: hotspot vouchers sheet {number} --file vouchers.pdf",
        as_json=as_json,
    )


def _end_of(day: str, zone: ZoneInfo) -> datetime:
    """When that day is over."""
    try:
        return datetime.combine(date.fromisoformat(day) + DAY, time.min, zone)
    except (ValueError, OverflowError):
        raise BadDay(given=repr(day)) from None


def print_sheet(
    number: BatchNumber,
    file: Annotated[Path, typer.Option("--file", help="The PDF to write, for you alone to read.")],
    paper: Annotated[
        Paper, typer.Option("--paper", help="a4, to be cut; roll, for a 58 mm thermal printer.")
    ] = Paper.A4,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a batch as PDF, once: then nobody but the paper knows the codes."""
    with changing(data_dir) as (settings, db, _now):
        batch, codes = vouchers.take_codes(db, number, keys=settings.keys)
        heading = _heading(db, batch, settings)
        save(file, sheet(batch, codes, heading, paper=paper, languages=settings.languages, zone=settings.zone))
    print_made(
        {"batch": number, "vouchers": len(codes), "file": str(file)},
        f"{len(codes)} vouchers are in {file}. The codes are nowhere else now; delete the file when it is printed.",
        as_json=as_json,
    )


def _heading(db: Session, batch: VoucherBatch, settings: Settings) -> Heading:
    place = db.get_one(Area, batch.area_id) if batch.area_id is not None else db.get_one(Site, batch.site_id)
    return Heading(settings.city or top_area(db).name, place.name, effective_at(db, place).values.ssid)


def list_vouchers(
    batch: Annotated[int | None, typer.Option("--batch", help="The vouchers of this one.", min=1)] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the batches with how many vouchers are in each state, or the vouchers of one."""
    with looking(data_dir) as (settings, db):
        now = datetime.now(settings.zone)
        if batch is None:
            rows = [_batch(row, settings.zone) for row in vouchers.batches(db, now=now)]
        else:
            rows = [_voucher(row, settings.zone) for row in vouchers.vouchers_of(db, batch, now=now)]
    print_rows(rows, as_json=as_json, title="Vouchers", empty="No vouchers yet: hotspot vouchers make")


def _batch(row: vouchers.BatchRow, zone: ZoneInfo) -> dict[str, Any]:
    batch = row.batch
    return {
        "batch": batch.id,
        "name": batch.name,
        "place": row.place,
        **{state.value: row.counts.get(state, 0) for state in VoucherState},
        "valid_until": moment(batch.valid_until, zone),
        "hours": batch.life_hours,
        "minutes": batch.minutes,
        "megabytes": batch.megabytes,
        "devices": batch.devices,
        "made_by": batch.made_by,
        "to_be_printed": batch.sealed is not None,
    }


def _voucher(row: vouchers.VoucherRow, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "number": row.number,
        "batch": row.batch,
        "state": row.state.value,
        "first_used_at": moment(row.first_used_at, zone),
        "valid_until": moment(row.valid_until, zone),
        "void_at": moment(row.void_at, zone),
    }


def show(number: VoucherNumber, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what became of one voucher, by the number printed on it."""
    with looking(data_dir) as (settings, db):
        row = _voucher(vouchers.get_voucher(db, number, now=datetime.now(settings.zone)), settings.zone)
    print_rows([row], as_json=as_json, title="Voucher", empty="")


def void(
    number: Annotated[int | None, typer.Argument(help="The number printed on one.", min=1)] = None,
    batch: Annotated[int | None, typer.Option("--batch", help="All of this one.", min=1)] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a voucher, or all of a batch, useless; sessions that they opened end within a minute."""
    with changing(data_dir) as (_settings, db, now):
        if (number is None) == (batch is None):
            raise OneOrAll
        if batch is not None:
            voided = vouchers.void_batch(db, batch, now=now)
        else:
            voided = vouchers.void_voucher(db, number or 0, now=now)
    print_made({"voided": voided}, f"Vouchers that are void now and were not before: {voided}", as_json=as_json)


COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "make": make,
    "sheet": print_sheet,
    "list": list_vouchers,
    "show": show,
    "void": void,
}


def add_to(app: typer.Typer) -> None:
    add_group(app, "vouchers", "Vouchers: printed codes that let guests in.", COMMANDS)
