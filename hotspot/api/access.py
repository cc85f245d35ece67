"""Who may use the API, how much may be sent, and how errors are told (RFC 6750, RFC 9457)."""

import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from hotspot.errors import HotspotError, Invalid, NotAllowed, Unavailable
from hotspot.staff.tokens import TOKEN, Bearer, find_bearer
from hotspot.throttle import Throttle
from hotspot.web import RETRY_AFTER, Now, read_body, status_of

log = structlog.get_logger()

MOST_OCTETS: Final = 64 * 1024  # a request here is a few names
LONGEST_DETAIL: Final = 1000  # characters; the names of fields are the sender's
MOST_AT_ONCE: Final = 4  # requests that wait for a router: each holds a thread, and guests need theirs
PROBLEM: Final = "application/problem+json"
HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
MINUTE: Final = timedelta(minutes=1)
TITLES: Final = {
    400: "No JSON",
    401: "No valid token",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible with this method",
    409: "Conflict",
    413: "Too large",
    422: "Can't be used",
    429: "Too many requests",
    503: "Not available",
}


class NoToken(NotAllowed):
    """Show a token that is good: Authorization: Bearer …; make one with: hotspot staff token create"""


class MayOnlyRead(NotAllowed):
    """{name}'s token may only read; this takes one with --scope operate, of an admin or network staff"""


class RoutersAreNotTheirs(NotAllowed):
    """{name} is neither admin nor network staff; routers are looked after by those"""


class TooOften(NotAllowed):
    """Too many requests; try again in a minute"""


class TooManyWait(Unavailable):
    """Other requests wait for routers already; try again in a few seconds"""


class TooLarge(NotAllowed):
    """More than {most} octets were sent"""


class CutOff(Invalid):
    """The request was cut off"""


STATUS: Final[dict[type[HotspotError], int]] = {NoToken: 401, TooOften: 429, TooLarge: 413}


@dataclass(frozen=True, slots=True)
class Uses:
    """Limits: tries without a good token by address, requests by token, and how many may wait for routers at once."""

    guesses: Throttle = field(default_factory=lambda: Throttle(30, MINUTE))
    requests: Throttle = field(default_factory=lambda: Throttle(600, MINUTE))
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_AT_ONCE))

    @contextmanager
    def wait_for_router(self) -> Iterator[None]:
        """Hold one of the places for requests that wait for a router.

        Raises:
            TooManyWait: none is free.
        """
        if not self.waiting.acquire(blocking=False):
            raise TooManyWait
        try:
            yield
        finally:
            self.waiting.release()


class ApiRoute(APIRoute):
    """Bound what is read of a request, give every answer its headers, and tell errors as problems."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_safely(request: Request) -> Response:
            try:
                response = await answer(await _bounded(request))
            except HotspotError as error:
                response = problem(STATUS.get(type(error)) or status_of(error), str(error))
            except RequestValidationError as error:
                response = problem(422, _words(error))
            except HTTPException as error:  # FastAPI's, of a body that can't be read as JSON
                response = problem(error.status_code, "The body can't be read as JSON")
            except DBAPIError as error:
                log.warning("the API waits for the database", path=self.path, problem=type(error.orig).__name__)
                response = problem(503, "The database does not answer; try again in a few seconds")
            response.headers.update(HEADERS)
            return response

        return answer_safely


def problem(status: int, detail: str) -> Response:
    """Return an error as RFC 9457 §3 has it."""
    headers = dict(HEADERS)
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status in (429, 503):
        headers["retry-after"] = "60" if status == 429 else RETRY_AFTER
    told = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": detail}
    return JSONResponse(told, status, headers, PROBLEM)


def _words(error: RequestValidationError) -> str:
    """What is wrong, without what was sent: it may be a secret put into the wrong place."""
    found = (f"{'.'.join(map(str, each['loc'][1:])) or 'the body'}: {each['msg']}" for each in error.errors()[:10])
    return "; ".join(found)[:LONGEST_DETAIL]


async def _bounded(request: Request) -> Request:
    """Read the body, and no more than is allowed, before anybody parses it."""
    try:
        body = await read_body(request, MOST_OCTETS, TooLarge(most=MOST_OCTETS))
    except ClientDisconnect:  # nobody hears the answer, and it is no mistake of ours
        raise CutOff from None

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


def _reader(request: Request, now: Now) -> Bearer:
    """Return who asks. The database is asked in a transaction of its own, which is over before a router is."""
    uses: Uses = request.app.state.uses
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = None
    if scheme.lower() == "bearer" and TOKEN.fullmatch(token):
        with request.app.state.database.reading() as db:
            bearer = find_bearer(db, token, now=now)
    if bearer is None:
        if not uses.guesses.admits(request.client.host if request.client else "", now):
            raise TooOften
        raise NoToken
    if not uses.requests.admits(str(bearer.token), now):
        raise TooOften
    return bearer


def _network_reader(reader: Annotated[Bearer, Depends(_reader)]) -> Bearer:
    if not reader.is_network_staff:
        raise RoutersAreNotTheirs(name=reader.name)
    return reader


def _operator(reader: Annotated[Bearer, Depends(_reader)]) -> Bearer:
    if not reader.may_operate:
        raise MayOnlyRead(name=reader.name)
    return reader


Operator = Annotated[Bearer, Depends(_operator)]


def readers(tag: str) -> APIRouter:
    """Return routes for every good token."""
    return APIRouter(route_class=ApiRoute, dependencies=[Depends(_reader)], tags=[tag])


def network_readers(tag: str) -> APIRouter:
    """Return routes for every good token of admins and network staff."""
    return APIRouter(route_class=ApiRoute, dependencies=[Depends(_network_reader)], tags=[tag])


def operators(tag: str) -> APIRouter:
    """Return routes for tokens that may change something."""
    return APIRouter(route_class=ApiRoute, dependencies=[Depends(_operator)], tags=[tag])


def acting(bearer: Bearer) -> str:
    """Return what is noted as who did something."""
    return f"{bearer.name} (API token {bearer.token})"[:100]
