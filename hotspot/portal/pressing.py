"""The one button without a thread: presses are read in the event loop, and all that came while a commit ran are the next one.

What is checked is what `door.receive` checks, against the place that is at hand; whether that still holds is looked at in the
transaction. Whoever is not the usual case — another way to sign in, an attempt that goes on, a refusal — goes the ordinary way, and so
does each press of a batch that fails. No gathering delay: an idle database gets a single press at once, a busy one all that came
meanwhile.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple
from uuid import uuid4

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Message, Receive, Scope, Send

from hotspot.db import Database
from hotspot.guests.chain import SALT_OCTETS
from hotspot.guests.service import CREDENTIAL_LIFE, Login
from hotspot.languages import choose
from hotspot.pipeline import Pipeline, Rows
from hotspot.portal import door, express
from hotspot.portal.attempts import seal_handed
from hotspot.portal.content import Content
from hotspot.portal.entering import ATTEMPT_LOCK, Entered
from hotspot.portal.express import Press
from hotspot.portal.handoff import Stop, read_pairs
from hotspot.portal.support import random_code
from hotspot.portal.visits import Visit
from hotspot.settings import Settings
from hotspot.sites.settings import LoginWay, SignIn, SiteSettings

log = structlog.get_logger()

PREFIX: Final = "/p/"
SUFFIX: Final = "/login"
LARGEST_BATCH: Final = 256
"""Larger ones gain nothing a press and make the first of them wait longer."""

Waiting = tuple[Press, "asyncio.Future[bool]"]


class Pressed(NamedTuple):
    """A press on its way: who, and the language of the answer."""

    visit: Visit
    language: str
    version: int


class Batches:
    """Presses on their way into the database; used in the event loop's thread only."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._waiting: deque[Waiting] = deque()
        self._pipeline: Pipeline | None = None
        self._opening: asyncio.Future[Pipeline] | None = None
        self._is_due = self._is_sent = False

    async def enter(self, press: Press) -> bool:
        """Let the press in and return once it is committed; False when it was not let in here."""
        if self._pipeline is None or self._pipeline.is_closed:
            self._open()
            return False
        loop = asyncio.get_running_loop()
        entered: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((press, entered))
        if not self._is_due and not self._is_sent:
            self._is_due = True
            loop.call_soon(self._send)  # with what comes in the same instant
        return await entered

    def close(self) -> None:
        """Give the connection back."""
        if self._opening is not None:
            self._opening.add_done_callback(_close_too_late)
        if self._pipeline is not None:
            self._pipeline.close()

    def _open(self) -> None:
        """Connect in a thread; who presses meanwhile goes the ordinary way."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().run_in_executor(None, self._connect)
            self._opening.add_done_callback(self._opened)

    def _connect(self) -> Pipeline:
        return Pipeline(self._database.connect(), express.STATEMENTS)

    def _opened(self, opening: "asyncio.Future[Pipeline]") -> None:
        self._opening = None
        try:
            self._pipeline = opening.result()
        except psycopg.Error as error:
            log.warning("presses take the ordinary way", problem=str(error).partition("\n")[0])

    def _send(self) -> None:
        self._is_due = False
        batch = self._next_batch()
        if not batch or self._pipeline is None:
            return
        self._is_sent = True
        presses = [press for press, _ in batch]
        steps = express.enter(
            presses,
            lock=ATTEMPT_LOCK,
            credential_life=CREDENTIAL_LIFE,
            now=self._now(),
        )
        self._pipeline.send(steps, partial(self._decided, batch))

    def _next_batch(self) -> list[Waiting]:
        """Take what waits, each device once a site: the second press of one goes on with what the first began.

        All of a batch were checked against the same content. The few of another version go the ordinary way.
        """
        batch: dict[str, Waiting] = {}
        version = self._waiting[0][0].version if self._waiting else 0
        for _ in range(min(len(self._waiting), LARGEST_BATCH)):
            press, entered = self._waiting.popleft()
            if press.turn in batch or press.version != version:
                entered.set_result(False)
            else:
                batch[press.turn] = (press, entered)
        return list(batch.values())

    def _decided(self, batch: Sequence[Waiting], rows: list[Rows] | None) -> None:
        self._is_sent = False
        if rows is None:
            log.warning("a batch of presses takes the ordinary way", presses=len(batch))
        entered = express.entered(rows) if rows is not None else set()
        if self._pipeline is not None and not self._pipeline.is_closed:
            self._send()  # first the next batch, then the answers: the database need not wait for them
        else:
            batch = [*batch, *self._waiting]
            self._waiting.clear()
        for place, (_, told) in enumerate(batch):
            if not told.done():  # the phone may have gone
                told.set_result(place in entered)


def _close_too_late(opening: "asyncio.Future[Pipeline]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


class ExpressLane:
    """An ASGI application in front of the whole one: takes the one button's presses, and hands on everything else."""

    def __init__(self, app: FastAPI, batches: Batches, content: Content, settings: Settings) -> None:
        self._app, self._batches, self._content, self._settings = app, batches, content, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                self._batches.close()
        elif scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(SUFFIX):
            await self._press(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _press(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages, body = await _received(receive)
        request = Request(scope)
        pressed = None if body is None else await self._find_pressed(request, body)
        if pressed is not None:
            press = _press_of(pressed)
            if await self._batches.enter(press):
                login = Login(press.credential_id, self._settings.keys.one_time_password(press.credential_id))
                entered = Entered(press.credential_id, press.support_code, login)
                await door.lead_on(request, pressed.visit, entered, pressed.language)(scope, receive, send)
                return
        await self._app(scope, _again(messages, receive), send)

    async def _find_pressed(self, request: Request, body: bytes) -> Pressed | None:
        """Return the press if it is the usual one; None sends it the ordinary way, which also says what is wrong with it."""
        scope, now = request.scope, self._app.state.now()
        slug = scope["path"].removeprefix(PREFIX).removesuffix(SUFFIX)
        if request.headers.get("content-type") != door.FORM:
            return None
        scope["app"], scope["path_params"] = self._app, {"slug": slug}
        try:
            door.refuse_foreign(request, slug)
            form = read_pairs(body)
            shown = self._content.find_at_hand(slug, now)
            if shown is None:
                shown = await run_in_threadpool(self._content.get, slug, now)
            if not _is_usual(shown.place.settings, form):
                return None
            language = choose(self._settings.languages, form.get("lang"), request.headers.get("accept-language"))
            visit = door.visit_of(request, shown.place, shown.welcome(language).terms, form, language, now)
        except (Stop, SQLAlchemyError):
            return None
        return Pressed(visit, language, shown.version) if visit.read_the_terms else None


def _is_usual(settings: SiteSettings, form: Mapping[str, str]) -> bool:
    """Whether the site has the one button, its phones go to the router themselves, and this form is that button's."""
    offers_one_tap = SignIn.ONE_TAP in settings.ways_to_sign_in and form.get("method") == SignIn.ONE_TAP
    return offers_one_tap and settings.login_way == LoginWay.BROWSER


def _press_of(pressed: Pressed) -> Press:
    visit = pressed.visit
    attempt_id, registered = uuid4(), visit.handed.registered
    assert registered is not None  # a visit has a router
    return Press(
        site_id=visit.place.site_id,
        router_id=registered.router_id,
        device_id=visit.device_id,
        terms_sha256=visit.terms.sha256,
        language=visit.language,
        press=visit.press,
        browser=visit.browser,
        salt=secrets.token_bytes(SALT_OCTETS),
        credential_id=uuid4(),
        attempt_id=attempt_id,
        support_code=random_code(),
        handed=seal_handed(visit.handed, attempt_id, visit.keys) if visit.can_be_told else None,
        version=pressed.version,
    )


async def _received(receive: Receive) -> tuple[list[Message], bytes | None]:
    """Receive a body; None where it was cut off or is more than a form of ours can be."""
    messages: list[Message] = []
    body = b""
    while len(body) <= door.BODY_OCTETS:
        messages.append(await receive())
        if messages[-1]["type"] != "http.request":
            return messages, None
        body += messages[-1].get("body", b"")
        if not messages[-1].get("more_body"):
            return messages, body
    return messages, None


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """Receive what was received already, then what comes after it."""
    received = iter(messages)

    async def again() -> Message:
        message = next(received, None)
        return await receive() if message is None else message

    return again
