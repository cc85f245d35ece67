"""Where routers call to enrol, below ``/api/enrol/v1``: JSON in and out, and the script for who shows a token. And where one that is
restored fetches its image.

A token is never in an address: in the body of the contact, and in the header field Authorization for the script. The answer never says what
was wrong with one. What is sent is bounded before it is read, and counted by the address it comes from and altogether.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect

from hotspot.errors import Invalid, NotFound, Unavailable
from hotspot.routers import bootstrap, enrol, restore
from hotspot.routers.bundle import bootstrap_for
from hotspot.routers.contact import MOST_OCTETS, TOKEN, FirstContact, parse
from hotspot.routers.enrol import Admitted, Answer
from hotspot.throttle import Throttle
from hotspot.web import Db, Now, ReadDb, SettingsDep, read_body

routes = APIRouter(prefix="/api/enrol/v1", include_in_schema=False)
images = APIRouter(include_in_schema=False)
NO_STORE: Final = {"cache-control": "no-store"}
EVERYBODY: Final = "everybody"


class TooMuch(Invalid):
    """This is more than a router has to say"""


class CutOff(Invalid):
    """The call was cut off"""


class TooOften(Unavailable):
    """Too many calls; try again in a minute"""


class NoSuchScript(NotFound):
    """There is no script for this token: it is used up, too old, or was never issued"""


@dataclass(frozen=True, slots=True)
class Calls:
    """Limits: by source address, behind which a whole warehouse may stand, and altogether, which the database can bear."""

    by_address: Throttle = field(default_factory=lambda: Throttle(60, timedelta(minutes=1)))
    altogether: Throttle = field(default_factory=lambda: Throttle(1200, timedelta(minutes=1)))

    def admit(self, address: str, now: datetime) -> bool:
        return self.by_address.admits(address, now) and self.altogether.admits(EVERYBODY, now)


def _source(request: Request, now: Now) -> str:
    """Count the call and return where it comes from."""
    address = _neighbourhood(request.client.host if request.client else "")
    calls: Calls = request.app.state.calls
    if not calls.admit(address, now):
        raise TooOften
    return address


def _neighbourhood(address: str) -> str:
    """The address, or what one customer has of IPv6: a /64 is full of addresses to change to."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""  # a socket without one
    return address if parsed.version == 4 else str(ip_network(f"{address.partition('%')[0]}/64", strict=False))


Source = Annotated[str, Depends(_source)]


async def _contact(request: Request, source: Source) -> FirstContact:
    del source  # only so that it is counted before anything is read
    try:
        return parse(await read_body(request, MOST_OCTETS, TooMuch()))
    except ClientDisconnect:  # what was cut off is no contact, and nobody hears the answer
        raise CutOff from None


@routes.post("/contact")
def contact(
    said: Annotated[FirstContact, Depends(_contact)], source: Source, db: Db, settings: SettingsDep, now: Now
) -> Response:
    """A router's first contact, and every repetition of it."""
    answer = enrol.first_contact(db, said, source=source, settings=settings, now=now)
    return JSONResponse(_told(answer), headers=NO_STORE)


def _told(answer: Answer) -> dict[str, Any]:
    """The answer as the script reads it; no value but the port looks like a number to RouterOS."""
    if not isinstance(answer, Admitted):
        return {"next": "wait", "say": answer.say}
    return {
        "next": "tunnel",
        "address": str(answer.address),
        "controller": str(answer.controller),
        "public_key": answer.public_key,
        "endpoint_host": answer.endpoint_host,
        "endpoint_port": answer.endpoint_port,
        "password": answer.password,
    }


@routes.get("/script")
def script(request: Request, source: Source, db: ReadDb, settings: SettingsDep, now: Now) -> Response:
    """The script of a token that may still call; fetching it uses nothing up."""
    del source  # only counted
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not TOKEN.fullmatch(token) or not enrol.may_call(db, token, now=now):
        raise NoSuchScript
    return PlainTextResponse(bootstrap.script(bootstrap_for(settings, token)), headers=NO_STORE)


@images.get(restore.ADDRESS)
def image(request: Request, source: Source, db: ReadDb, settings: SettingsDep, now: Now) -> Response:
    """The image of a copy, for the router that is to load it."""
    del source  # only counted
    scheme, _, ticket = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise restore.NoSuchImage
    octets = restore.redeem_ticket(db, ticket, keys=settings.keys, now=now)
    return Response(octets, media_type="application/octet-stream", headers=NO_STORE)
