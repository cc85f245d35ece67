"""Commands about where an area's office is on the web, and about who is on duty."""

from typing import Annotated

import typer

from hotspot.areas import service as areas
from hotspot.cli.output import AsJson, DataDir, changing, print_made
from hotspot.staff import service as staff


def set_area(
    code: Annotated[str, typer.Argument(help="Official code, as in `hotspot areas list`.")],
    website: Annotated[str | None, typer.Option("--website", help='Address of its website; "" takes it away.')] = None,
    social: Annotated[
        list[str] | None, typer.Option("--social", help='Address on social media, up to four; "" takes them away.')
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say where an area's office is on the web; its sites' welcome page shows it."""
    with changing(data_dir) as (_settings, db, _now):
        area = areas.get_area(db, code)
        areas.set_contacts(db, area, website=website, social_media=social)
        row = {"code": code, "website": area.website, "social_media": area.social_media}
        sentence = f"{area.name}: {', '.join([area.website or 'no website', *(area.social_media or [])])}"
    print_made(row, sentence, as_json=as_json)


def set_duty(
    name: Annotated[str, typer.Option("--name", help="Name of the staff account.")],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether they may send an alert alone.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say who is a duty officer: they may send an emergency broadcast alone, which somebody reviews afterwards."""
    with changing(data_dir) as (_settings, db, _now):
        staff.set_duty(db, name, is_on_duty=on)
    sentence = f"{name} is a duty officer now." if on else f"{name} is no duty officer any more."
    print_made({"name": name, "is_duty_officer": on}, sentence, as_json=as_json)
