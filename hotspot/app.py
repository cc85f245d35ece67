"""The web application: portal for guests, console for staff, enrolment for routers, an API for programs, one health address for machines."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

import hotspot.api.document
import hotspot.console.banners
import hotspot.console.broadcasts
import hotspot.console.pages
import hotspot.console.support
import hotspot.console.terms
import hotspot.portal.capport
import hotspot.portal.information
import hotspot.portal.leaving
import hotspot.portal.pages
import hotspot.portal.phone_pages
import hotspot.portal.privacy
import hotspot.routers.api
from hotspot import web
from hotspot.api.access import Uses
from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.portal import door
from hotspot.portal.content import Content
from hotspot.portal.counts import Counts
from hotspot.portal.handoff import Stop
from hotspot.portal.landing import Landing
from hotspot.portal.pages import draw_welcome
from hotspot.portal.teller import Teller
from hotspot.portal.throttle import Presses
from hotspot.radius import control
from hotspot.routers import connection
from hotspot.routers.api import Calls
from hotspot.settings import Settings
from hotspot.static_files import ImmutableFiles

STATIC = Path(hotspot.console.pages.__file__).parent / "static"


def utc_now() -> datetime:
    return datetime.now(UTC)


ROUTES: Final = (
    hotspot.portal.information.images,
    hotspot.portal.information.routes,
    hotspot.portal.pages.routes,
    hotspot.portal.phone_pages.routes,
    hotspot.portal.capport.routes,
    hotspot.portal.privacy.routes,
    hotspot.portal.leaving.routes,
    hotspot.console.pages.routes,
    hotspot.console.terms.routes,
    hotspot.console.banners.routes,
    hotspot.console.broadcasts.routes,
    hotspot.console.support.routes,
    hotspot.routers.api.routes,
    hotspot.routers.api.images,
    hotspot.api.document.routes,
)


def create_app(settings: Settings, database: Database, *, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return the application over an open database; whoever opened it closes it."""
    app = FastAPI(title="hotspot", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_at_work)
    app.state.settings = settings
    app.state.database = database
    app.state.now = now
    app.state.content = Content(database, settings.languages, settings.zone)
    app.state.presses = Presses()
    app.state.teller = Teller(database, settings)
    app.state.calls = Calls()
    app.state.uses = Uses()
    app.state.counts = counts = Counts(database)
    app.state.landing = Landing(app.state.content, counts, settings, draw=partial(draw_welcome, app), now=now)
    app.state.dial = connection.dial
    app.state.end_sessions = partial(control.end_all, database, keys=settings.keys)
    for routes in ROUTES:
        app.include_router(routes)
    app.add_api_route("/", home, include_in_schema=False)
    app.add_api_route("/health", health, include_in_schema=False)
    app.mount("/static", ImmutableFiles(directory=STATIC), name="static")
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=6)
    app.add_exception_handler(Stop, door.explain)
    app.add_exception_handler(HotspotError, web.answer_hotspot_error)
    app.add_exception_handler(HTTPException, web.answer_http_error)
    for away in (OperationalError, PoolTimeoutError, DBAPIError):
        app.add_exception_handler(away, web.answer_database_error)
    app.add_exception_handler(Exception, web.answer_unexpected_error)
    return app


@asynccontextmanager
async def _at_work(app: FastAPI) -> AsyncIterator[None]:
    """While it serves, add to the database what is counted, and tell routers whom to let in; the rest when it ends."""
    app.state.counts.start()
    app.state.teller.start()
    yield
    await run_in_threadpool(app.state.teller.stop)
    await run_in_threadpool(app.state.counts.stop)


def home() -> Response:
    """Whoever opens the bare address is staff: guests come through their router."""
    return RedirectResponse("/console/usage", 303)


def health(db: web.ReadDb) -> Response:
    """200 when the database answers; load balancers and the container's health check ask here."""
    db.execute(text("SELECT 1"))
    return Response("ok\n", media_type="text/plain", headers={"cache-control": "no-store"})
