"""Pages of the city's information: what there is, a form to write it, a look at how phones show it, and the second person's button."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.areas.service import get_area, tree
from hotspot.console import access
from hotspot.console.access import ConsoleRoute, SignedIn, staff_facts
from hotspot.console.drawing import Chart, Slot, draw
from hotspot.console.forms import Sent, SentForm
from hotspot.console.words import Words, address, page
from hotspot.languages import translations
from hotspot.portal import banners, preview, samples
from hotspot.portal.banners import BadBanner, Draft
from hotspot.portal.images import keep, redraw
from hotspot.portal.models import Banner
from hotspot.portal.posted import Piece, Posted
from hotspot.portal.schedule import Schedule
from hotspot.reports import banners as reports
from hotspot.settings import Settings
from hotspot.sites.models import Site, SiteState
from hotspot.sites.service import get_site
from hotspot.sites.settings import effective_at
from hotspot.staff.models import StaffAccount
from hotspot.themes import theme_or_default
from hotspot.web import Db, Now, ReadDb, SettingsDep, language_of

HERE: Final = "/console/banners"
DAYS: Final = 30
LOCAL: Final = "%Y-%m-%dT%H:%M"  # as <input type="datetime-local"> takes it
SCHEMES: Final = ("light", "dark")

routes = APIRouter(prefix=HERE, route_class=ConsoleRoute, include_in_schema=False)

FormToken = Annotated[str, Form()]
Revision = Annotated[str, Form()]


# --- looking -----------------------------------------------------------------------------------------------------------------


@routes.get("")
def list_banners(request: Request, staff: SignedIn, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """List all information, the newest first, with what was counted lately."""
    counts = reports.counts_by_banner(db, start=reports.since(DAYS, now=now, zone=settings.zone))
    rows = [
        {
            "number": banner.id,
            "title": banners.title_of(banner.texts, _spoken(request, settings)),
            "place": place,
            "state": banners.state_of(banner, now),
            "count": counts.get(banner.id or 0),
        }
        for banner, place in banners.all_banners(db)
    ]
    return page(request, "banners.html", {**staff_facts(request, staff, settings), "rows": rows, "days": DAYS})


def _spoken(request: Request, settings: Settings) -> Sequence[str]:
    return (language_of(request), *settings.languages)


@routes.get("/{number:int}")
def show_banner(
    request: Request, number: int, staff: SignedIn, db: ReadDb, now: Now, settings: SettingsDep
) -> Response:
    """Show one piece as phones will show it, who decided about it, and how often it was seen."""
    banner = banners.get_banner(db, number)
    words = Words(language_of(request), settings)
    start = reports.since(DAYS, now=now, zone=settings.zone)
    by_day = reports.counts_by_day(db, number, start=start, now=now, zone=settings.zone)
    facts = {
        "banner": banner,
        "title": banners.title_of(banner.texts, _spoken(request, settings)),
        "place": banners.place_of(db, banner),
        "state": banners.state_of(banner, now),
        "who": {name: banners.name_of(db, getattr(banner, f"{name}_by")) for name in ("drafted", "approved", "ended")},
        "links": banners.links_of(banner),
        "looks": [(language, scheme) for language in settings.languages for scheme in SCHEMES],
        "may_approve": banner.approved_at is None and banner.drafted_by != staff.id,
        "chart": _chart(by_day, words),
        "areas": reports.counts_by_area(db, number, start=start),
        "days": DAYS,
    }
    return page(request, "banner.html", {**staff_facts(request, staff, settings), **facts})


def _chart(by_day: Sequence[reports.Count], words: Words) -> Chart:
    slots = [
        Slot(words.day(day), words.whole_day(day), (count.shown,))
        for count in by_day
        for day in [datetime.fromisoformat(count.key).date()]
    ]
    return draw("shown", ("devices",), slots, words.number_or_dash)


@routes.get("/{number:int}/preview")
def preview_banner(
    number: int, staff: SignedIn, db: ReadDb, now: Now, settings: SettingsDep, language: str = "", scheme: str = ""
) -> Response:
    """Return the welcome page with this information on it, for a frame the width of a phone."""
    del staff  # only somebody who is signed in looks at drafts
    banner = banners.get_banner(db, number)
    place = banners.place_of(db, banner)
    values = effective_at(db, place).values
    piece = Piece.of(banner, banners.image_of(db, banner))
    posted = Posted("", values.walled_garden, until=now, pieces=[piece])
    chosen = language if language in settings.languages else settings.languages[0]
    frame = samples.PLACE | {"site": place.name, "area": "", "city": settings.city, "ssid": values.ssid}
    notices = posted.notices(chosen, settings.languages)
    theme = theme_or_default(values.theme)
    html = samples.welcome_with(notices, theme, chosen, settings.languages, frame)
    return preview.framed(html, scheme if scheme in SCHEMES else SCHEMES[0])


# --- writing -----------------------------------------------------------------------------------------------------------------


@routes.get("/new")
def show_new(request: Request, staff: SignedIn, db: ReadDb, now: Now, settings: SettingsDep) -> Response:
    """Show the empty form."""
    starts = now.astimezone(settings.zone).strftime(LOCAL)
    usual = {"starts": [starts], "priority": ["0"], "share": ["100"], "weekday": list("1234567")}
    return _form_page(request, staff, db, settings, usual)


@routes.get("/{number:int}/edit")
def show_edit(request: Request, number: int, staff: SignedIn, db: ReadDb, settings: SettingsDep) -> Response:
    """Show the form with what it says now."""
    banner = banners.get_banner(db, number)
    return _form_page(request, staff, db, settings, _filled(banner, settings), banner=banner)


def _filled(banner: Banner, settings: Settings) -> dict[str, list[str]]:
    def local(at: datetime | None) -> str:
        return "" if at is None else at.astimezone(settings.zone).strftime(LOCAL)

    opens, _, closes = banner.hours.partition("-")
    parts = {f"{part}_{spoken}": [words] for spoken, said in banner.texts.items() for part, words in said.items()}
    return parts | {
        "link": [banner.link],
        "starts": [local(banner.starts_at)],
        "ends": [local(banner.ends_at)],
        "weekday": list(banner.weekdays),
        "opens": [opens],
        "closes": [closes],
        "share": [str(banner.share)],
        "priority": [str(banner.priority)],
        "revision": [str(banner.revision)],
    }


def _form_page(
    request: Request,
    staff: StaffAccount,
    db: Session,
    settings: Settings,
    values: Mapping[str, list[str]],
    *,
    banner: Banner | None = None,
    problem: str = "",
) -> Response:
    sites = db.exec(select(Site).where(Site.state != SiteState.RETIRED).order_by(col(Site.name))).all()
    facts: dict[str, object] = {
        "banner": banner,
        "values": values,
        "areas": tree(db),
        "sites": sites,
        "limits": banners.LIMITS,
        "problem": problem,
    }
    facts |= staff_facts(request, staff, settings)
    return page(request, "banner_form.html", facts, status=422 if problem else 200)


@routes.post("")
def draft(request: Request, staff: SignedIn, sent: SentForm, db: Db, now: Now, settings: SettingsDep) -> Response:
    """Keep a new draft; what can't be used is said above the form, and nothing is kept."""
    access.refuse_forged_by_staff(request, settings, sent.get("form_token"))
    try:
        wanted = _wanted(db, sent, settings, now)
        number = banners.draft(db, _place(db, sent.get("place")), wanted, by=staff, now=now).id
    except BadBanner as error:
        return _again(request, staff, db, settings, sent, error)
    return RedirectResponse(address(request, f"{HERE}/{number}"), 303)


@routes.post("/{number:int}")
def edit(
    request: Request, number: int, staff: SignedIn, sent: SentForm, db: Db, now: Now, settings: SettingsDep
) -> Response:
    """Change it; it has to be approved again."""
    access.refuse_forged_by_staff(request, settings, sent.get("form_token"))
    banner = banners.get_banner(db, number)
    try:
        wanted = _wanted(db, sent, settings, now)
        banners.edit(db, number, wanted, revision=sent.whole("revision"), by=staff, now=now)
    except BadBanner as error:
        return _again(request, staff, db, settings, sent, error, banner=banner)
    return RedirectResponse(address(request, f"{HERE}/{number}"), 303)


def _again(
    request: Request,
    staff: StaffAccount,
    db: Session,
    settings: Settings,
    sent: Sent,
    error: BadBanner,
    *,
    banner: Banner | None = None,
) -> Response:
    """Show the form as it was sent, with what is wrong above it; nothing of it is kept, the picture neither."""
    db.rollback()
    problem = error.in_words(translations(language_of(request)).gettext)
    return _form_page(request, staff, db, settings, sent.values, banner=banner, problem=problem)


def _place(db: Session, value: str) -> Area | Site:
    kind, _, name = value.partition(":")
    return get_site(db, name) if kind == "site" else get_area(db, name)


def _wanted(db: Session, sent: Sent, settings: Settings, now: datetime) -> Draft:
    texts = {language: _parts(sent, language) for language in settings.languages}
    opens, closes = sent.get("opens"), sent.get("closes")
    when = Schedule(
        starts_at=sent.moment("starts", settings.zone) or now,
        ends_at=sent.moment("ends", settings.zone),
        weekdays="".join(sorted(set(sent.values.get("weekday", [])))),
        hours=f"{opens}-{closes}" if opens or closes else "",
        share=sent.whole("share"),
    )
    wanted = Draft(
        {language: parts for language, parts in texts.items() if any(parts.values())},
        when,
        sent.get("link"),
        "" if sent.get("no_image") else None,
        sent.whole("priority"),
    )
    return replace(wanted, image=keep(db, redraw(sent.file), now=now)) if sent.file else wanted


def _parts(sent: Sent, language: str) -> dict[str, str]:
    return {part: sent.get(f"{part}_{language}") for part in banners.LIMITS}


# --- deciding ----------------------------------------------------------------------------------------------------------------


@routes.post("/{number:int}/approve")
def approve(
    request: Request,
    number: int,
    staff: SignedIn,
    db: Db,
    now: Now,
    settings: SettingsDep,
    revision: Revision = "",
    form_token: FormToken = "",
) -> Response:
    """Let it be shown, as it was on the page with the button."""
    access.refuse_forged_by_staff(request, settings, form_token)
    seen = Sent({"revision": [revision]}).whole("revision")
    banners.approve(db, number, revision=seen, by=staff, now=now)
    return RedirectResponse(address(request, f"{HERE}/{number}"), 303)


@routes.post("/{number:int}/end")
def end(
    request: Request, number: int, staff: SignedIn, db: Db, now: Now, settings: SettingsDep, form_token: FormToken = ""
) -> Response:
    """Show it no longer."""
    access.refuse_forged_by_staff(request, settings, form_token)
    banners.end(db, number, by=staff, now=now)
    return RedirectResponse(address(request, f"{HERE}/{number}"), 303)
