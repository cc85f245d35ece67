"""Every sample page of a theme to look at, in frames the size of a phone: `hotspot portal preview`.

For a designer's own machine; no database. A page is read from its files each time it is asked for. Whether it
is light or dark is decided by the preview, not by the browser.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import urlencode

from jinja2 import TemplateError
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from hotspot import web
from hotspot.languages import known_languages
from hotspot.portal.inspection import FAULTS, inspect
from hotspot.portal.samples import PICTURE, SAMPLES, SETTINGS, render
from hotspot.themes import BadTheme, get_theme, known_themes

SCHEMES: Final = ("light", "dark")
IN_DARK: Final = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
STYLE: Final = """
body { margin: 0; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; background: #e4e7ea; color: #1b1f23; }
nav { margin-bottom: .5rem; } nav a, nav b { margin-right: .75rem; } a { color: #0a4f8c; }
ul { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 1rem 0; padding: 0; list-style: none; }
iframe { display: block; width: 320px; height: 600px; border: .5rem solid #1b1f23; border-radius: 1.25rem; background: #fff; }
pre { white-space: pre-wrap; background: #fff; padding: .75rem; }
"""
GREY: Final = base64.b64decode(  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)
DIGEST: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body>{body}</body></html>
"""


def preview_app(theme: str) -> Starlette:
    """Return the pages of the preview; `theme` is shown first."""

    def show_all(request: Request) -> Response:
        return _all(_asked(request, theme))

    def show_one(request: Request) -> Response:
        return _one(request.path_params["sample"], _asked(request, theme))

    def show_picture(_request: Request) -> Response:
        return Response(GREY, media_type="image/png")

    return Starlette(
        routes=[Route("/", show_all), Route("/page/{sample}", show_one), Route(PICTURE, show_picture)],
    )


def _asked(request: Request, theme: str) -> dict[str, str]:
    """Read theme, language and scheme, each only what is known."""
    web.templates.cache_clear()  # a page that the theme has only now takes the place of the default's
    known = {"theme": known_themes(), "lang": known_languages(), "scheme": SCHEMES}
    usual = {"theme": theme, "lang": SETTINGS.languages[0], "scheme": "light"}
    given = {name: request.query_params.get(name, "") for name in known}
    return {name: given[name] if given[name] in known[name] else usual[name] for name in known}


def _all(asked: Mapping[str, str]) -> Response:
    choices = {"theme": known_themes(), "lang": known_languages(), "scheme": SCHEMES}
    rows = [_choice(name, each, asked) for name, each in choices.items()]
    findings = [str(finding) for finding in inspect(get_theme(asked["theme"]))]
    query = urlencode(asked)
    frames = [
        f'<li><a href="/page/{sample.name}?{query}">{sample.name}</a>'
        f'<iframe title="{sample.name}" src="/page/{sample.name}?{escape(query)}"></iframe></li>'
        for sample in SAMPLES
    ]
    said = escape("\n".join(findings)) or "hotspot portal check finds nothing to mend."
    body = f"<h1>Theme {asked['theme']}</h1>{''.join(rows)}<pre>{said}</pre><ul>{''.join(frames)}</ul>"
    return _answer(PAGE.format(title=f"Theme {asked['theme']}", style=STYLE, body=body), DIGEST)


def _choice(name: str, values: Sequence[str], asked: Mapping[str, str]) -> str:
    links = [
        f"<b>{value}</b>"
        if value == asked[name]
        else f'<a href="/?{escape(urlencode({**asked, name: value}))}">{value}</a>'
        for value in values
    ]
    return f'<nav aria-label="{name}">{name}: {" ".join(links)}</nav>'


def _one(name: str, asked: Mapping[str, str]) -> Response:
    sample = next((sample for sample in SAMPLES if sample.name == name), None)
    if sample is None:
        return Response("There is no such sample.", 404, media_type="text/plain")
    try:
        html = render(sample, get_theme(asked["theme"]), asked["lang"])
    except (BadTheme, *FAULTS) as error:
        words = error.message if isinstance(error, TemplateError) else str(error)
        body = f"<h1>This page can't be shown</h1><pre>{escape(words or '')}</pre>"
        return _answer(PAGE.format(title="Broken", style=STYLE, body=body), DIGEST)
    return framed(html, asked["scheme"])


def framed(html: str, scheme: str) -> Response:
    """Return a guest page to look at in a frame, light or dark whatever the browser prefers."""
    html = IN_DARK.sub("@media all" if scheme == "dark" else "@media not all", html)
    html = html.replace('content="light dark"', f'content="{scheme}"')
    style = html.partition("<style>")[2].partition("</style>")[0]
    return _answer(html, base64.b64encode(hashlib.sha256(style.encode()).digest()).decode())


def _answer(html: str, digest: str) -> Response:
    """The policy of the portal's pages, but for the frames; forms lead nowhere."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; frame-src 'self'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    return HTMLResponse(Markup(html), 200, {"content-security-policy": policy, "cache-control": "no-store"})  # noqa: S704  (escaped above)
