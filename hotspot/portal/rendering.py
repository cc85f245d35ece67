"""Pages of a theme as answers: the language, the one inlined style sheet, and headers that let nothing else in.

The Content-Security-Policy names the style sheet by its hash and, in form-action, the router that the log-in is redirected to:
browsers apply form-action to the redirects of a form as well (CSP3 §6.4.1).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from urllib.parse import urlencode

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from hotspot import web
from hotspot.languages import choose, translations
from hotspot.portal.broadcasts import Alert
from hotspot.portal.handoff import Stop
from hotspot.portal.service import Left, Place
from hotspot.settings import Settings
from hotspot.sites.models import home
from hotspot.sites.settings import OCTETS_PER_MEGABYTE
from hotspot.themes import DEFAULT, Theme, style_of, theme_or_default

NAMES: Final = {"id": "Bahasa Indonesia", "en": "English"}
MEGABYTES_PER_GIGABYTE: Final = 1000


def speak(request: Request, settings: Settings, pairs: Mapping[str, str]) -> str:
    """Choose the language of this answer and remember it for a page that says what went wrong."""
    language = choose(settings.languages, pairs.get("lang"), request.headers.get("accept-language"))
    request.state.language = language
    return language


def page(
    request: Request,
    template: str,
    *,
    language: str,
    address: str,
    carried: Mapping[str, str],
    place: Place | None = None,
    status: int = 200,
    routers: Iterable[str] = (),
    has_images: bool = False,
    alerts: Sequence[Alert] | None = None,
    **words: object,
) -> Response:
    """Return a page of the place's theme.

    `address` and `carried` are where the language switch leads: the same page in another language. `routers` are the origins
    that the page's form may be redirected to. Above it stand the `alerts`, else what the place that the address names alerts of.
    """
    settings: Settings = request.app.state.settings
    theme = theme_or_default(place.settings.theme if place else _theme_at_hand(request))
    html = draw(
        theme,
        template,
        language=language,
        languages=settings.languages,
        address=address,
        carried=carried,
        frame=_frame(settings, place),
        alerts=[alert.words(language, settings.languages) for alert in _alerts(request, alerts)],
        **words,
    )
    digest = style_of(theme).digest
    return HTMLResponse(html, status, {**headers(routers, digest, has_images=has_images), "content-language": language})


def _frame(settings: Settings, place: Place | None) -> dict[str, object]:
    """Return what stands around every page; of a page that belongs to no place little is known."""
    return {
        "city": settings.city or (place.areas[-1] if place and place.areas else ""),
        "site": place.site.name if place else "",
        "slug": place.site.slug if place else "",
        "area": ", ".join(place.areas[:-1]) if place else "",
        "ssid": place.settings.ssid if place else "",
        "demo": settings.demo,
    }


def draw(
    theme: Theme,
    template: str,
    *,
    language: str,
    languages: Iterable[str],
    address: str,
    carried: Mapping[str, str],
    frame: Mapping[str, object],
    alerts: Sequence[Mapping[str, object]] = (),
    **words: object,
) -> str:
    """Return a page of the theme as HTML; `frame` as `_frame` makes it."""
    return (
        web.templates(language, *theme.folders)
        .get_template(template)
        .render(
            language=language,
            direction=_direction_of(language),
            switches=_switches(languages, language, address, carried),
            style=Markup(style_of(theme).text),  # noqa: S704  (a file of the installation, which `style_of` has checked)
            alerts=alerts,
            **frame,
            **words,
        )
    )


def problem(request: Request, stop: Stop) -> Response:
    """Return the page that says what is in the way and what to do; it knows no site, because that may be what is wrong."""
    settings: Settings = request.app.state.settings
    language = getattr(request.state, "language", None) or speak(request, settings, {})
    answer = page(
        request,
        "problem.html",
        language=language,
        address=home(request.path_params["slug"]) if request.method == "POST" else "",
        carried={},
        status=stop.explanation.status,
        problem=stop.explanation,
        quoted="",
        again=stop.again,
        code="",
    )
    if stop.explanation.status == 405:
        answer.headers["allow"] = "POST"
    return answer


def _theme_at_hand(request: Request) -> str:
    """Return the theme of the place that the address names, where it is known without asking the database."""
    shown = request.app.state.content.find_at_hand(request.path_params["slug"], request.app.state.now())
    return shown.place.settings.theme if shown is not None else DEFAULT


def _alerts(request: Request, known: Sequence[Alert] | None) -> Sequence[Alert]:
    if known is not None:
        return known
    found: Sequence[Alert] = request.app.state.content.alerts(
        request.path_params.get("slug", ""), request.app.state.now()
    )
    return found


def headers(routers: Iterable[str] = (), style_digest: str = "", *, has_images: bool = False) -> dict[str, str]:
    """Return what every answer of the portal carries."""
    policy = [
        "default-src 'none'",
        f"style-src 'sha256-{style_digest}'" if style_digest else "style-src 'none'",
        *(["img-src 'self'"] if has_images else []),
        " ".join(["form-action 'self'", *routers]),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    return {
        "cache-control": "no-store",
        "content-security-policy": "; ".join(policy),
        "referrer-policy": "no-referrer",
        "vary": "accept-language",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }


def link(address: str, carried: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in carried.items() if value})
    return f"{address}?{query}" if query else address


def _switches(
    languages: Iterable[str], language: str, address: str, carried: Mapping[str, str]
) -> list[dict[str, object]]:
    return [
        {
            "language": code,
            "name": name_of(code),
            "is_current": code == language,
            "link": link(address, {**carried, "lang": code}),
        }
        for code in languages
    ]


@cache
def name_of(language: str) -> str:
    try:
        return NAMES.get(language) or str(Locale.parse(language).language_name)
    except (UnknownLocaleError, ValueError):
        return language


@cache
def _direction_of(language: str) -> str:
    """Return the `dir` of a page: "ltr" or "rtl"."""
    try:
        return Locale.parse(language).text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


# --- figures in the person's language ----------------------------------------------------------------------------------------


def figures(left: Left, settings: Settings, language: str) -> dict[str, str]:
    """Return what is left as words: time, until, data (empty where there is no limit) and data used."""
    return {
        "time": duration(left.time, language),
        "until": clock_time(left.until, settings, language),
        "data": "" if left.octets is None else amount(left.octets, language),
        "used": amount(left.octets_used, language),
    }


def duration(time: timedelta, language: str) -> str:
    say = translations(language).gettext
    minutes = int(time.total_seconds()) // 60
    if minutes < 1:
        return say("less than a minute")
    if minutes < 60:
        return say("%(minutes)d min") % {"minutes": minutes}
    return say("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


def clock_time(at: datetime, settings: Settings, language: str) -> str:
    return format_time(at, "short", tzinfo=settings.zone, locale=language)


def date_of(at: datetime, settings: Settings, language: str) -> str:
    return format_date(at.astimezone(settings.zone).date(), "long", locale=language)


def amount(octets: int, language: str) -> str:
    megabytes = octets / OCTETS_PER_MEGABYTE
    if megabytes >= MEGABYTES_PER_GIGABYTE:
        return f"{format_decimal(round(megabytes / MEGABYTES_PER_GIGABYTE, 1), locale=language)} GB"
    return f"{format_decimal(round(megabytes, 1 if megabytes < 10 else 0), locale=language)} MB"
