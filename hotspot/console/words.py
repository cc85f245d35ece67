"""Pages in the reader's language: templates, numbers, amounts of data, days and times; addresses that keep the language.

Amounts are decimal (1 GB = 1,000,000,000 octets), as sellers of data count them.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from babel import Locale
from babel.dates import format_date, format_interval, format_time, get_timezone_name
from babel.numbers import format_decimal
from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from hotspot.languages import translations
from hotspot.reports.figures import Period
from hotspot.settings import Settings
from hotspot.web import language_of, templates

HERE = Path(__file__).parent
STATIC = HERE / "static"
UNKNOWN = "–"
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
STEP = 1000


class Words:
    """What one page says: the language it speaks, the zone it counts days in."""

    def __init__(self, language: str, settings: Settings) -> None:
        self.language = language
        self.locale = Locale.parse(language)
        self._zone = settings.zone

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.locale)

    def number_or_dash(self, value: int | None) -> str:
        return UNKNOWN if value is None else self.number(value)

    def octets(self, value: int | None) -> str:
        """Write an amount of data, three digits at most and its unit; None is a dash."""
        if value is None:
            return UNKNOWN
        amount, unit = float(value), 0
        while round(amount, 1 if unit else 0) >= STEP and unit < len(UNITS) - 1:
            amount, unit = amount / STEP, unit + 1
        pattern = "#,##0" if unit < 2 or amount >= 100 else "#,##0.#"
        return f"{format_decimal(amount, pattern, locale=self.locale)} {UNITS[unit]}"

    def part(self, part: int, whole: int) -> str:
        """Return a share as a width in SVG."""
        return f"{100 * part / whole if whole else 0:.1f}%"

    def day(self, day: date) -> str:
        return format_date(day, "d MMM", locale=self.locale)

    def whole_day(self, day: date) -> str:
        return format_date(day, "full", locale=self.locale)

    def weekdays(self, days: str) -> str:
        """Write days that are digits, Monday being 1 (ISO 8601)."""
        names = self.locale.days["format"]["wide"]
        return ", ".join(str(names[int(day) - 1]) for day in days)

    def local(self, at: datetime) -> date:
        """Return the day that a moment is on here."""
        return at.astimezone(self._zone).date()

    def hour(self, at: datetime) -> str:
        return format_time(at.astimezone(self._zone), "HH", locale=self.locale)

    def time(self, at: datetime) -> str:
        return format_time(at.astimezone(self._zone), "short", locale=self.locale)

    def exact_time(self, at: datetime) -> str:
        """Write a time with seconds and the zone's short name, WIB in Pangkalpinang."""
        local = at.astimezone(self._zone)
        zone = get_timezone_name(local, "short", locale=self.locale)
        return f"{format_time(local, 'medium', locale=self.locale)} {zone}"

    def moment(self, at: datetime) -> str:
        """Write the local day and the time with seconds."""
        return f"{self.day(at.astimezone(self._zone).date())}, {self.exact_time(at)}"

    def fill(self, message: str, facts: Mapping[str, object]) -> str:
        """Say a message id in the page's language, with its facts."""
        return translations(self.language).gettext(message) % facts

    def month(self, day: date) -> str:
        return format_date(day, "LLLL y", locale=self.locale)

    def span(self, period: Period) -> str:
        """Write the days of a period: one day in full, else from and to."""
        if period.is_one_day:
            return self.whole_day(period.first)
        return str(format_interval(period.first, period.last, "yMMMd", locale=self.locale))

    def name_of(self, language: str) -> str:
        """Return what a language calls itself."""
        locale = Locale.parse(language)
        return (locale.get_language_name(locale) or language).capitalize()


def asset(name: str) -> str | None:
    """Return the address of a static file, with its content's version; None when the build could not bring the file."""
    path = STATIC / name
    return f"/static/{name}?v={_version(path, path.stat().st_mtime_ns)}" if path.is_file() else None


@cache
def _version(path: Path, changed_at: int) -> str:
    del changed_at  # part of the key: a file that changed is read again
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def address(request: Request, path: str, **parameters: str | None) -> str:
    """Return an address of ours with these parameters, and with the language that was asked for."""
    wanted = {"lang": request.query_params.get("lang"), **parameters}
    query = urlencode({name: value for name, value in wanted.items() if value})
    return f"{path}?{query}" if query else path


def page(request: Request, template: str, facts: Mapping[str, object], *, status: int = 200) -> Response:
    """Fill a template in the reader's language."""
    settings: Settings = request.app.state.settings
    language = language_of(request)

    def here(path: str, **parameters: str | None) -> str:
        return address(request, path, **parameters)

    def in_language(other: str) -> str:
        return f"{request.url.path}?{urlencode({**request.query_params, 'lang': other})}"

    text = (
        templates(language, HERE / "templates")
        .get_template(template)
        .render(
            {"staff": None, "may_look_up": False, "form_token": "", **facts},
            words=Words(language, settings),
            settings=settings,
            address=here,
            in_language=in_language,
            asset=asset,
        )
    )
    return HTMLResponse(text, status, {"vary": "accept-language, cookie", "content-language": language})
