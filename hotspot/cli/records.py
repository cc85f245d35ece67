"""Commands that look after areas, sites, routers, settings and staff."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from hotspot.areas import importer
from hotspot.areas import service as areas
from hotspot.cli import (
    api_tests,
    backups,
    banners,
    broadcasts,
    enrolment,
    inbox,
    offices,
    provisioning,
    router_configs,
    terms,
    tokens,
)
from hotspot.cli import looking as looking_at
from hotspot.cli.output import (
    AsJson,
    DataDir,
    DryRun,
    add_group,
    changing,
    looking,
    people,
    print_json,
    print_made,
    print_rows,
    read_text,
)
from hotspot.cli.places import OptionalArea, OptionalSite, one_place
from hotspot.cli.rotation import rotate
from hotspot.cli.site_import import import_sites
from hotspot.routers import service as routers
from hotspot.routers.models import COA_PORT
from hotspot.sites import service as sites
from hotspot.sites import settings as site_settings
from hotspot.sites.models import SiteState, home
from hotspot.staff import service as staff
from hotspot.staff.models import Role

AreaCode = Annotated[str, typer.Option("--area", help="Official code, as in `hotspot areas list`.")]


def add_to(app: typer.Typer) -> None:
    groups: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
        "areas": ("The area tree.", {"import": import_areas, "list": list_areas, "set": offices.set_area}),
        "routers": (
            "MikroTik boxes.",
            {
                "add": add_router,
                "rotate": rotate,
                "rotate-secret": rotate_secret,
                **looking_at.COMMANDS,
                **api_tests.COMMANDS,
                **backups.COMMANDS,
                **enrolment.COMMANDS,
                **inbox.COMMANDS,
                **provisioning.COMMANDS,
                **router_configs.COMMANDS,
            },
        ),
        "sites": (
            "Places with Wi-Fi.",
            {"add": add_site, "import": import_sites, "list": list_sites, "state": set_site_state},
        ),
        "settings": ("What holds where.", {"list": list_settings, "set": set_setting, "unset": unset_setting}),
        "staff": (
            "Who signs in to the console.",
            {"add": add_staff, "login-link": make_login_link, "duty": offices.set_duty},
        ),
        "terms": ("What guests agree to.", terms.COMMANDS),
        "banners": ("The city's information on the portal.", banners.COMMANDS),
        "broadcast": ("Emergency broadcasts.", broadcasts.COMMANDS),
    }
    for name, (help_text, commands) in groups.items():
        group = add_group(app, name, help_text, commands)
        if name == "staff":
            tokens.add_to(group)


# --- areas ---------------------------------------------------------------------------------------------------------------


def import_areas(
    file: Annotated[Path, typer.Argument(help="A .csv or .geojson file.")],
    replace: Annotated[bool, typer.Option("--replace", help="Remove areas that the file does not name.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Extend or replace the area tree; shows the difference first, then applies all of it or nothing."""
    with changing(data_dir) as (_settings, db, _now):
        diff = importer.compare(db, importer.read_file(file, db), replace=replace)
        if as_json:
            print_json({"applied": yes, **diff.summary()})
        else:
            people.print("\n".join(diff.lines()) or "Nothing would change.", markup=False)
        if diff.is_empty or (as_json and not yes):
            return
        if not yes and not typer.confirm("Apply?"):
            raise typer.Abort
        importer.apply(db, diff)


def list_areas(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the area tree."""
    with looking(data_dir) as (_settings, db):
        rows = [{"code": area.code, "level": area.level, "name": area.name} for area in areas.tree(db)]
    print_rows(rows, as_json=as_json, title="Areas", empty="No areas yet: hotspot areas import FILE.csv")


# --- sites ---------------------------------------------------------------------------------------------------------------


def add_site(
    name: Annotated[str, typer.Option("--name", help="Name as people know the place.")],
    area: AreaCode,
    address: Annotated[str, typer.Option("--address", help="Street address.")] = "",
    latitude: Annotated[float | None, typer.Option("--latitude", min=-90, max=90)] = None,
    longitude: Annotated[float | None, typer.Option("--longitude", min=-180, max=180)] = None,
    state: Annotated[SiteState, typer.Option("--state")] = SiteState.LIVE,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a place with Wi-Fi inside a kelurahan."""
    with changing(data_dir, dry_run=dry_run) as (settings, db, now):
        site = sites.add_site(
            db,
            name=name,
            area_code=area,
            address=address,
            latitude=latitude,
            longitude=longitude,
            state=state,
            now=now,
        )
        row = {
            "slug": site.slug,
            "name": site.name,
            "area": area,
            "state": site.state,
            "portal_url": f"{settings.base_url}{home(site.slug)}",
        }
    sentence = f"Added {row['slug']}; its router sends phones to {row['portal_url']}"
    print_made(row, sentence, as_json=as_json, dry_run=dry_run)


def list_sites(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every site with its kelurahan."""
    with looking(data_dir) as (_settings, db):
        rows = [
            {"slug": site.slug, "name": site.name, "area": area.code, "kelurahan": area.name, "state": site.state}
            for site, area in sites.all_sites(db)
        ]
    empty = "No sites yet: hotspot sites add --name NAME --area CODE"
    print_rows(rows, as_json=as_json, title="Sites", empty=empty)


def set_site_state(
    slug: Annotated[str, typer.Argument(help="Slug of the site.")],
    state: Annotated[SiteState, typer.Argument()],
    data_dir: DataDir = None,
) -> None:
    """Say that a site is planned, live or retired."""
    with changing(data_dir) as (_settings, db, _now):
        sites.set_state(db, sites.get_site(db, slug), state)
    people.print(f"{slug} is {state} now.")


# --- routers -------------------------------------------------------------------------------------------------------------


def add_router(
    name: Annotated[str, typer.Option("--name", help="The router's identity (/system/identity), its NAS-Identifier.")],
    site: Annotated[str, typer.Option("--site", help="Slug of its site.")],
    address: Annotated[str, typer.Option("--address", help="Source address of its RADIUS packets.")],
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", help="File with its RADIUS secret; without, one is generated.")
    ] = None,
    login_host: Annotated[
        str, typer.Option("--login-host", help="host[:port] of its login page as phones see it; default: --address.")
    ] = "",
    coa_port: Annotated[
        int, typer.Option("--coa-port", min=1, max=65535, help="UDP port of its /radius incoming.")
    ] = COA_PORT,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register a router that was configured by hand."""
    with changing(data_dir) as (settings, db, now):
        secret = read_text(secret_file).strip() if secret_file else routers.new_secret()
        place = sites.get_site(db, site)
        assert place.id is not None
        router = routers.add_router(
            db,
            name=name,
            site_id=place.id,
            address=address,
            secret=secret,
            login_host=login_host,
            coa_port=coa_port,
            keys=settings.keys,
            now=now,
        )
        row = {"id": router.id, "name": router.name, "site": site, "address": router.address}
    sentence = f"Added {name}."
    if secret_file is None:
        row["secret"] = secret
        sentence += f" Its RADIUS secret, shown only now: {secret}"
    print_made(row, sentence, as_json=as_json)


def rotate_secret(
    name: Annotated[str, typer.Argument(help="The router's identity.")],
    hours: Annotated[
        int, typer.Option("--overlap-hours", min=1, max=720, help="How long the old one still works.")
    ] = 24,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give a router a new RADIUS secret; until the overlap is over it may use either."""
    with changing(data_dir) as (settings, db, now):
        secret = routers.rotate_secret(db, name, overlap=timedelta(hours=hours), keys=settings.keys, now=now)
    sentence = f"The new RADIUS secret of {name}, shown only now: {secret}\nThe old one works for {hours} more hours."
    print_made({"name": name, "secret": secret, "overlap_hours": hours}, sentence, as_json=as_json)


# --- settings ------------------------------------------------------------------------------------------------------------


def list_settings(
    site: Annotated[str, typer.Option("--site", help="Slug of the site.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what holds at a site and where each value comes from."""
    with looking(data_dir) as (_settings, db):
        effective = site_settings.effective(db, sites.get_site(db, site).id or 0)
    rows = [
        {
            "setting": key,
            "value": getattr(effective.values, key),
            "from": effective.sources[key],
            "place": effective.places[key],
        }
        for key in effective.sources
    ]
    print_rows(rows, as_json=as_json, title=f"Settings at {site}", empty="")


def set_setting(
    key: Annotated[str, typer.Argument(help="As in `hotspot settings list`.")],
    value: Annotated[str, typer.Argument(help="A number, text, or null.")],
    area: OptionalArea = None,
    site: OptionalSite = None,
    data_dir: DataDir = None,
) -> None:
    """Give a value for an area or a site; it holds for everything below until something nearer says otherwise."""
    with changing(data_dir) as (_settings, db, _now):
        site_settings.give(db, one_place(db, area, site), key, site_settings.read_value(key, value))
    people.print(f"{key} is {value} for {area or site} now.", markup=False)


def unset_setting(
    key: Annotated[str, typer.Argument()],
    area: OptionalArea = None,
    site: OptionalSite = None,
    data_dir: DataDir = None,
) -> None:
    """Let an area or a site inherit a setting again."""
    with changing(data_dir) as (_settings, db, _now):
        site_settings.take_back(db, one_place(db, area, site), key)
    people.print(f"{key} is inherited for {area or site} now.")


# --- staff ---------------------------------------------------------------------------------------------------------------


def add_staff(
    name: Annotated[str, typer.Option("--name")],
    role: Annotated[Role, typer.Option("--role")] = Role.OFFICIAL,
    data_dir: DataDir = None,
) -> None:
    """Add a person who may sign in to the console."""
    with changing(data_dir) as (_settings, db, now):
        staff.add_staff(db, name=name, role=role, now=now)
    people.print(f'Added. Sign in with: hotspot staff login-link --name "{name}"', markup=False)


def make_login_link(
    name: Annotated[str, typer.Option("--name")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print a link that signs one browser in, once, within 15 minutes."""
    with changing(data_dir) as (settings, db, now):
        token = staff.make_login_link(db, name=name, now=now)
        link = f"{settings.base_url}/console/login/{token}"
    print_made({"link": link}, link, as_json=as_json)
