"""What pages and APIs share: transactions as dependencies, the time, templates in a language, errors as HTTP answers.

Features' `pages.py` and `api.py` use it; it knows no feature.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session
from starlette.exceptions import HTTPException

from hotspot.errors import Conflict, HotspotError, Invalid, NotAllowed, NotFound, Unavailable
from hotspot.languages import choose, translations
from hotspot.settings import Settings

log = structlog.get_logger()

STATUS = {NotFound: 404, NotAllowed: 403, Conflict: 409, Invalid: 422, Unavailable: 503}
RETRY_AFTER = "5"  # seconds; a database restart is over by then


def _writing(request: Request) -> Iterator[Session]:
    with request.app.state.database.writing() as db:
        yield db


def _reading(request: Request) -> Iterator[Session]:
    with request.app.state.database.reading() as db:
        yield db


def _now(request: Request) -> datetime:
    now: datetime = request.app.state.now()
    return now


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def has_foreign_origin(request: Request, settings: Settings) -> bool:
    """Tell whether the browser says that another site sent this: Origin names neither the host we are configured as nor the one it called.

    Under the policy ``no-referrer`` browsers send ``Origin: null`` with our own forms too (Fetch §3.1), so a null origin decides nothing.
    """
    origin = request.headers.get("origin", "null")
    own = urlsplit(settings.base_url).netloc, request.headers.get("host", "")  # a page can't forge its Host
    return origin != "null" and urlsplit(origin).netloc not in own


async def read_body(request: Request, most: int, too_large: Exception) -> bytes:
    """Read a request's body before anybody parses it, and no more than is allowed.

    Raises:
        too_large: it has more than `most` octets; the rest is not read.
        ClientDisconnect: it was cut off.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise too_large
    return bytes(body)


# scope="function": the transaction ends before the answer leaves, so a failed commit is a failed answer.
Db = Annotated[Session, Depends(_writing, scope="function")]
ReadDb = Annotated[Session, Depends(_reading, scope="function")]
Now = Annotated[datetime, Depends(_now)]
SettingsDep = Annotated[Settings, Depends(_settings)]


@cache
def templates(language: str, *folders: Path) -> Environment:
    """Return the templates of the folders, the first that has a name wins, speaking `language`."""
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # by the extension
    return environment


def language_of(request: Request) -> str:
    """Return the language to answer in: ``?lang=``, else Accept-Language, else the installation's first."""
    available = _settings(request).languages
    return choose(available, request.query_params.get("lang"), request.headers.get("accept-language"))


def status_of(error: HotspotError) -> int:
    return next((status for family, status in STATUS.items() if isinstance(error, family)), 500)


PLAIN_PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"></head><body>{demo}<main><h1>{title}</h1><p>{text}</p></main></body></html>
"""


def plain_page(request: Request, status: int, title: str, text: str = "") -> Response:
    """Return a bare page for errors that no feature dresses up; `title` and `text` are English message ids or sentences.

    Programs, which ask below ``/api/``, get the same in JSON and in English.
    """
    headers = {"cache-control": "no-store", "content-security-policy": "default-src 'none'", "vary": "accept-language"}
    if status == 503:
        headers["retry-after"] = RETRY_AFTER
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": text or title}, status, headers)
    language = language_of(request)
    say = translations(language).gettext
    demo = (
        f"<p><strong>Demo.</strong> {escape(say('simulated city, invented figures'))}</p>"
        if _settings(request).demo
        else ""
    )
    page = PLAIN_PAGE.format(
        demo=demo, language=language, title=escape(say(title)), text=escape(say(text) if text else "")
    )
    return HTMLResponse(page, status, headers)


def _path(request: Request) -> str:
    """The address as the program knows it (``/console/login/{token}``), never as it was called: it may hold a secret."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "?"))


def answer_hotspot_error(request: Request, error: Exception) -> Response:
    """Turn an error of ours into its page; what went wrong inside is logged, not shown."""
    assert isinstance(error, HotspotError)
    status = status_of(error)
    log.info("refused", path=_path(request), status=status, problem=str(error))
    return plain_page(request, status, "This did not work", str(error))


def answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = {404: "This page does not exist", 405: "This page can't be used this way"}.get(error.status_code)
    return plain_page(request, error.status_code, title or "This did not work")


def answer_unexpected_error(request: Request, error: Exception) -> Response:
    """One of the three places that catch everything: the request fails, the server lives, the log knows."""
    log.error("unexpected error", path=_path(request), exc_info=error)
    return plain_page(request, 500, "Something went wrong here", "It is not your fault. Please try again in a moment.")


def answer_database_error(request: Request, error: Exception) -> Response:
    log.error("database error", path=_path(request), problem=_first_line(error))
    return plain_page(request, 503, "The service is resting for a moment", "Please try again in a few seconds.")


def _first_line(error: Exception) -> str:
    """The database's own words, without the statement and its values."""
    return next(iter(str(getattr(error, "orig", type(error).__name__)).splitlines()), "")
