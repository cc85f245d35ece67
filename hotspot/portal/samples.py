"""A sample of every page that guests may see, in each of its states: what `hotspot portal preview`, `hotspot portal check` and the tests of
accessibility walk. A page is added here together with its template; its words are those that the page is given in earnest.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from markupsafe import Markup

from hotspot.guests.consents import Erased
from hotspot.guests.terms import packaged_texts
from hotspot.languages import known_languages
from hotspot.portal import explanations as say
from hotspot.portal import rendering
from hotspot.portal.explanations import Explanation
from hotspot.portal.methods import Asked
from hotspot.portal.offered import METHODS
from hotspot.portal.phone import CODE, NUMBER
from hotspot.portal.phone_pages import BAD_NUMBER, NOT_THE_CODE
from hotspot.portal.posted import Link, Notice, Office, Picture
from hotspot.portal.prose import blocks, in_language
from hotspot.portal.service import Left
from hotspot.settings import Settings
from hotspot.sites.settings import SignIn
from hotspot.themes import Theme

Words = dict[str, Any]
SETTINGS: Final = Settings.model_construct()  # nothing of this installation
NOON: Final = datetime(2026, 3, 2, 5, tzinfo=UTC)
ROUTER: Final = "http://10.5.50.1"
HOME: Final = "/p/alun-alun"
PLACE: Final[Words] = {
    "city": "Kota Pangkalpinang",
    "site": "Alun-Alun Taman Merdeka",
    "slug": "alun-alun",
    "area": "Gedung Nasional, Taman Sari",
    "ssid": "WiFi Publik",
    "demo": False,
}
NOWHERE: Final[Words] = PLACE | dict.fromkeys(("site", "slug", "area", "ssid"), "")
HIDDEN: Final[Words] = {
    "mac": "02:00:5E:10:00:01",
    "link-login-only": f"{ROUTER}/login",
    "link-orig": "http://example.com/",
    "lang": "id",
    "terms": "0" * 64,
    "token": "sample-token",
    "press": "sample-press",
}
LEAVE: Final[Words] = {"action": f"{HOME}/logout", "fields": {"t": "sample", "lang": "id"}, "label": "", "asks": None}
NEWS: Final = {
    "id": ("Imunisasi gratis", "Sabtu pukul 08.00 di semua puskesmas. Bawa buku KIA."),
    "en": ("Free immunisation", "Saturday 8 am at every puskesmas. Bring the KIA book."),
}
PICTURE: Final = "/sample.png"  # the preview has it
OFFICE: Final = Office("Kelurahan Gedung Nasional", [Link("www.example.org", f"{HOME}/office/0"), Link("@contoh", "")])
ALERT: Final = {
    "id": ("Banjir rob", "Jauhi pantai.\nNaik ke tempat yang lebih tinggi."),
    "en": ("Tidal flood", "Stay away from the beach.\nGo to higher ground."),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One page in one state. `words` makes what its template is given, in a language; `frame` stands around it."""

    name: str
    template: str
    words: Callable[[str], Words]
    frame: Words = field(default_factory=lambda: PLACE)


def render(sample: Sample, theme: Theme, language: str, languages: Iterable[str] | None = None) -> str:
    """Return the sample as HTML.

    Raises:
        jinja2.TemplateError: the theme's template can't be used with these words.
        BadTheme: its style sheet can't.
    """
    return rendering.draw(
        theme,
        sample.template,
        language=language,
        languages=known_languages() if languages is None else languages,
        address=HOME,
        carried={},
        frame=sample.frame,
        **sample.words(language),
    )


def welcome_with(notices: Sequence[Notice], theme: Theme, language: str, languages: Sequence[str], frame: Words) -> str:
    """Return a welcome page that shows these notices, for a look before guests see them.

    Raises:
        BadTheme, jinja2.TemplateError: as `render`.
    """
    sample = Sample("welcome", "welcome.html", lambda spoken: _welcome(spoken, notices=notices), frame)
    return render(sample, theme, language, languages)


# --- words -------------------------------------------------------------------------------------------------------------------


def _terms(language: str) -> Words:
    spoken, texts = in_language(packaged_texts("public"), language, ("en",))
    shown = {
        "language": spoken,
        "title": texts["title"],
        "summary": blocks(texts["summary"]),
        "body": blocks(texts["body"]),
    }
    return shown | {"version": 3, "since": rendering.date_of(NOON, SETTINGS, language)}


def _notices(language: str) -> list[Notice]:
    spoken, (title, text) = in_language(NEWS, language, ("en",))
    link = Link("www.example.org", f"{HOME}/go/1")
    return [Notice(1, spoken, title, Markup("<p>{}</p>").format(text), link, None)]


def _pictured(language: str) -> list[Notice]:
    return [replace(notice, picture=Picture(PICTURE, 320, 120, "Puskesmas")) for notice in _notices(language)]


def _alert(language: str, *, is_drill: bool = False) -> Words:
    spoken, (title, text) = in_language(ALERT, language, ("en",))
    return {"language": spoken, "title": title, "text": text, "is_drill": is_drill}


def _forms(*names: SignIn) -> list[Words]:
    """A form for each way to sign in, in their order; all that this program has, where none is named."""
    known = {method.name: method for method in METHODS}
    return [
        {
            "action": f"{HOME}/{method.action}",
            "fields": {**HIDDEN, "method": method.name.value},
            "label": method.label,
            "asks": method.asks,
        }
        for method in (known[name] for name in names or known)
    ]


def _welcome(language: str, **changed: object) -> Words:
    usual = {
        "notices": _notices(language),
        "terms": _terms(language),
        "forms": _forms(SignIn.ONE_TAP),
        "office": None,
        "changed": "",
    }
    return usual | changed


def _online(language: str, *, octets: int | None, **changed: object) -> Words:
    left = Left(NOON + timedelta(minutes=78), timedelta(minutes=78), octets, 150_000_000)
    usual: dict[str, Any] = {
        "left": rendering.figures(left, SETTINGS, language),
        "wanted_host": "",
        "sign_out": f"{ROUTER}/logout",
        "again": f"{HOME}/online?t=sample",
        "leave": None,
        "forms": [],
        "your_data": f"{HOME}/privacy?t=sample",
    }
    return usual | changed


def _problem(
    explanation: Explanation, quoted: str = "", again: str = f"{HOME}?lang=id", code: str = ""
) -> Callable[[str], Words]:
    return lambda _language: {"problem": explanation, "quoted": quoted, "again": again, "code": code}


def _goodbye(_language: str) -> Words:
    return {"used": {"time": "1 h 18 min", "data": "150 MB"}, "again": f"{ROUTER}/login"}


def _info(language: str, **changed: object) -> Words:
    usual = {
        "notices": _notices(language),
        "street": "Jalan Merdeka 1",
        "hours": ("06.00", "22.00"),
        "is_open": True,
        "is_planned": False,
        "portal": HOME,
    }
    return usual | changed


def _deeds(*names: str) -> Words:
    return {
        name: {"action": f"{HOME}/privacy/{name}", "fields": {**HIDDEN, "t": "sample"}, "asks": None} for name in names
    }


def _your_data(language: str) -> Words:
    at = f"{rendering.date_of(NOON, SETTINGS, language)}, {rendering.clock_time(NOON, SETTINGS, language)}"
    site = PLACE["site"]
    agreement = {"at": at, "site": site, "document": "public", "version": 3, "language": "English", "method": "one tap"}
    visit = {"start": at, "end": "", "site": site, "received": "130 MB", "sent": "20 MB", "address": "10.5.50.17"}
    held = {
        "agreements": _list({**agreement, "holds": True}, {**agreement, "document": "", "holds": False}),
        "withdrawals": _list(at),
        "visits": _list(visit, {**visit, "end": at, "address": ""}, more=12),
        "tries": _list(
            {"at": at, "site": site, "reason": "the Wi-Fi was closed"}, {"at": at, "site": site, "reason": ""}
        ),
        "attempts": _list({"at": at, "site": site, "code": "K7M2P"}),
        "codes": _list({"at": at, "site": site, "used": True}, {"at": at, "site": site, "used": False}),
        "block": {"reason": "Mengganggu tamu lain", "until": at},
    }
    return {"held": held, "forms": _deeds("withdraw", "delete")}


def _no_data(_language: str) -> Words:
    lists = ("agreements", "withdrawals", "visits", "tries", "attempts", "codes")
    held = {"block": None} | {name: _list() for name in lists}
    return {"held": held, "forms": _deeds("withdraw", "delete")}


def _list(*rows: object, more: int = 0) -> Words:
    return {"rows": rows, "more": more}


def _done(deed: str, erased: Erased | None, *forms: str) -> Callable[[str], Words]:
    return lambda _language: {"deed": deed, "erased": erased, "forms": _deeds(*forms)}


def _phone(action: str, label: str, asks: Asked | None) -> Words:
    return {"action": f"{HOME}/{action}", "fields": {**HIDDEN, "p": "sample"}, "label": label, "asks": asks}


def _code(_language: str, **changed: object) -> Words:
    usual: dict[str, Any] = {
        "ending": "89",
        "problem": "",
        "tries": 4,
        "code": _phone("phone/code", "Agree and connect", CODE),
        "again": None,
        "online": None,
        "minutes": 3,
        "number": _phone("phone", "Send me a code", NUMBER),
        "other": "",
    }
    return usual | changed


def _code_again(language: str) -> Words:
    again = _phone("phone/again", "Send the code again", None)
    online = _phone("phone/online", "Go online to receive it", None)
    return _code(language, problem=NOT_THE_CODE, again=again, online=online, other=HOME, ending="")


def _number(_language: str) -> Words:
    return {"problem": BAD_NUMBER, "number": _phone("phone", "Send me a code", NUMBER), "other": HOME}


def _sending(_language: str) -> Words:
    return {"ending": "89", "refresh_seconds": 10, "ready": f"{HOME}/phone?ready=1"}


SAMPLES: Final[tuple[Sample, ...]] = (
    Sample("welcome", "welcome.html", _welcome),
    Sample("welcome-codes", "welcome.html", lambda language: _welcome(language, forms=_forms())),
    Sample(
        "welcome-picture",
        "welcome.html",
        lambda language: _welcome(language, office=OFFICE, notices=_pictured(language)),
    ),
    Sample("welcome-preview", "welcome.html", lambda language: _welcome(language, forms=[])),
    Sample("welcome-terms-changed", "welcome.html", lambda language: _welcome(language, changed=say.TERMS_CHANGED)),
    Sample("welcome-demo", "welcome.html", _welcome, PLACE | {"demo": True}),
    Sample("phone-number", "phone_number.html", _number),
    Sample("phone-sending", "phone_sending.html", _sending),
    Sample("phone-code", "phone_code.html", _code),
    Sample("phone-code-wrong", "phone_code.html", _code_again),
    Sample("welcome-alert", "welcome.html", lambda language: _welcome(language, alerts=[_alert(language)])),
    Sample(
        "welcome-drill", "welcome.html", lambda language: _welcome(language, alerts=[_alert(language, is_drill=True)])
    ),
    Sample("connecting", "connecting.html", lambda _language: {"refresh_seconds": 10, "refresh_to": ""}),
    Sample("online", "online.html", lambda language: _online(language, octets=350_000_000, wanted_host="example.com")),
    Sample("online-no-limit", "online.html", lambda language: _online(language, octets=None, sign_out="", leave=LEAVE)),
    Sample("online-of-another-press", "online.html", lambda language: _online(language, octets=None, left=None)),
    Sample(
        "online-again", "online.html", lambda language: _online(language, octets=None, forms=_forms(SignIn.ONE_TAP))
    ),
    Sample("problem", "problem.html", _problem(say.ROUTER_ERRORS["radius-timeout"])),
    Sample("problem-with-code", "problem.html", _problem(say.NO_REQUEST, code="K7Q2M")),
    Sample("goodbye", "goodbye.html", _goodbye),
    Sample("goodbye-to-anybody", "goodbye.html", lambda _language: {"used": None, "again": ""}),
    Sample("help", "help.html", lambda _language: {"contact": ""}),
    Sample("help-with-contact", "help.html", lambda _language: {"contact": "Dinas Kominfo, 0717 000 000"}),
    Sample("problem-quoted", "problem.html", _problem(say.UNKNOWN_ERROR, quoted="Wartungsarbeiten bis 15 Uhr")),
    Sample("problem-no-way-on", "problem.html", _problem(say.EXPIRED, again="")),
    Sample("problem-nowhere", "problem.html", _problem(say.NO_SUCH_SITE, again=""), NOWHERE),
    Sample("terms", "terms.html", lambda language: {"terms": _terms(language)}),
    Sample("your-data", "your_data.html", _your_data),
    Sample("your-data-none", "your_data.html", _no_data),
    Sample("withdrawn", "done.html", _done("withdraw", None, "delete")),
    Sample("deleted", "done.html", _done("delete", Erased(NOON, "guest", 2, 1, 5, 4))),
    Sample("deleted-nothing", "done.html", _done("delete", None)),
    Sample("info", "info.html", _info),
    Sample("info-closed", "info.html", lambda language: _info(language, is_open=False, notices=[])),
    Sample("info-planned", "info.html", lambda language: _info(language, is_open=False, is_planned=True, hours=())),
)
