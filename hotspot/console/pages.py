"""Pages of the console: signing in and out, usage by area."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from hotspot.console import access
from hotspot.console.access import ConsoleRoute, SignedIn, staff_facts
from hotspot.console.drawing import Chart, Slot, draw
from hotspot.console.words import Words, address, page
from hotspot.reports import queries
from hotspot.reports.figures import Named, Point, Usage, parse_period
from hotspot.settings import Settings
from hotspot.staff import service as staff_service
from hotspot.web import Db, Now, ReadDb, SettingsDep, language_of

routes = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)

FormToken = Annotated[str, Form(alias="form_token")]
REFRESH_SECONDS = 15  # without scripts; with them the figures change every 5 s


@routes.get("")
def home(request: Request) -> Response:
    return RedirectResponse(address(request, "/console/usage"), 303)


# --- signing in and out --------------------------------------------------------------------------------------------------


@routes.get("/login")
def how_to_sign_in(request: Request) -> Response:
    """Say how to get a link; there is nothing else for somebody who has not signed in."""
    return page(request, "sign_in.html", {"token": None})


@routes.get("/login/{token}")
def ask_to_sign_in(request: Request, token: str, settings: SettingsDep) -> Response:
    """Show one button. A GET never signs in: mail scanners and messengers follow links."""
    cookie = access.new_form_cookie(request, settings)
    response = page(request, "sign_in.html", {"token": token, "form_token": access.form_token(settings, cookie)})
    access.set_cookie(response, settings, access.form_cookie(settings), cookie)
    return response


@routes.post("/login/{token}")
def sign_in(
    request: Request, token: str, settings: SettingsDep, db: Db, now: Now, form_token: FormToken = ""
) -> Response:
    """Use the link up: 1. refuse a forged form; 2. one request wins; 3. an earlier log-in of this browser ends."""
    access.refuse_forged(request, settings, access.form_cookie(settings), form_token)
    cookie = staff_service.sign_in(db, token, now)
    if earlier := request.cookies.get(access.staff_cookie(settings)):
        staff_service.sign_out(db, earlier)
    response = RedirectResponse(address(request, "/console/usage"), 303)
    access.set_cookie(response, settings, access.staff_cookie(settings), cookie)
    access.drop_cookie(response, settings, access.form_cookie(settings))
    return response


@routes.post("/logout")
def sign_out(request: Request, staff: SignedIn, settings: SettingsDep, db: Db, form_token: FormToken = "") -> Response:
    del staff  # only somebody who is signed in can sign out
    name = access.staff_cookie(settings)
    access.refuse_forged(request, settings, name, form_token)
    staff_service.sign_out(db, request.cookies[name])
    response = RedirectResponse(address(request, "/console/login"), 303)
    access.drop_cookie(response, settings, name)
    return response


# --- usage ---------------------------------------------------------------------------------------------------------------


def _asked(
    db: ReadDb, now: Now, settings: SettingsDep, area: str = "", site: str = "", period: str = ""
) -> Usage | None:
    """Answer what the address asks for; None when there is no area yet that one could ask about."""
    wanted = parse_period(period, now.astimezone(settings.zone).date())
    if site:
        return queries.usage_of_site(db, site, wanted, now=now, zone=settings.zone)
    if area or queries.tree_state(db).areas:
        return queries.usage_by_area(db, area, wanted, now=now, zone=settings.zone)
    return None


@routes.get("/usage")
def usage_page(
    request: Request,
    staff: SignedIn,
    usage: Annotated[Usage | None, Depends(_asked)],
    db: ReadDb,
    now: Now,
    settings: SettingsDep,
    live: str = "",
) -> Response:
    """Show the usage of an area or a site, and of what lies below it."""
    facts = staff_facts(request, staff, settings)
    if usage is None:
        return page(request, "empty.html", facts)
    facts |= _usage_facts(request, usage, now, settings)
    facts |= {
        "periods": list(Named),
        "months": queries.months_with_usage(db, now.astimezone(settings.zone).date()),
        "has_sites": queries.tree_state(db).sites > 0,
        "is_live": live != "off",
        "refresh_seconds": REFRESH_SECONDS,
    }
    return page(request, "usage.html", facts)


@routes.get("/usage/live")
def usage_fragment(
    request: Request,
    staff: SignedIn,
    usage: Annotated[Usage | None, Depends(_asked)],
    now: Now,
    settings: SettingsDep,
) -> Response:
    """Return the part of the usage page that changes; htmx lays it over the old one every five seconds."""
    del staff
    if usage is None:
        return Response(status_code=204)  # htmx changes nothing
    return page(request, "usage_live.html", {**_usage_facts(request, usage, now, settings), "is_live": True})


def _usage_facts(request: Request, usage: Usage, now: datetime, settings: Settings) -> dict[str, object]:
    words = Words(language_of(request), settings)
    so_far = [point for point in usage.series if point.starts_at <= now]
    charts = _charts(usage, now, words)
    chart_data = {chart.name: chart.plain for chart in charts}
    return {"usage": usage, "charts": charts, "chart_data": chart_data, "so_far": so_far, "now": now}


def _charts(usage: Usage, now: datetime, words: Words) -> tuple[Chart, Chart]:
    """Draw devices, and data down and up, along the period's hours or days; the future stays blank."""

    def slot(point: Point, *values: int | None) -> Slot:
        shown = values if point.starts_at <= now else (None,) * len(values)
        if usage.period.is_one_day:
            return Slot(words.hour(point.starts_at), words.time(point.starts_at), shown)
        return Slot(words.day(point.starts_at.date()), words.whole_day(point.starts_at.date()), shown)

    devices = [slot(point, point.figures.devices) for point in usage.series]
    moved = [slot(point, point.figures.octets_to_device, point.figures.octets_from_device) for point in usage.series]
    return (
        draw("devices", ("devices",), devices, words.number_or_dash),
        draw("data", ("down", "up"), moved, words.octets),
    )
