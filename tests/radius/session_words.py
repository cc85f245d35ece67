"""What routers report of sessions, in few words, and what is stored of it."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import select

from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.radius.packet import RawAttribute
from hotspot.usage.models import GuestSession
from tests.radius.radius_city import GINA_MAC, City, Router

GIGAWORD = 1 << 32
MINUTE = timedelta(minutes=1)
ID = "80100014"
START, INTERIM, STOP = StatusType.START, StatusType.INTERIM_UPDATE, StatusType.STOP


def counted(down: int, up: int = 0, *, gigawords: bool = True) -> tuple[RawAttribute, ...]:
    low = (make(Attr.ACCT_OUTPUT_OCTETS, down % GIGAWORD), make(Attr.ACCT_INPUT_OCTETS, up % GIGAWORD))
    if not gigawords:
        return low
    return (*low, make(Attr.ACCT_OUTPUT_GIGAWORDS, down // GIGAWORD), make(Attr.ACCT_INPUT_GIGAWORDS, up // GIGAWORD))


def since(seconds: int) -> RawAttribute:
    return make(Attr.ACCT_SESSION_TIME, seconds)


def klass(number: int = 1) -> RawAttribute:
    return make(Attr.CLASS, UUID(int=number).bytes)


def stored(city: City) -> list[GuestSession]:
    with city.database.reading() as db:
        return list(db.exec(select(GuestSession).order_by(GuestSession.id)))  # type: ignore[arg-type]


def only(city: City) -> GuestSession:
    (session,) = stored(city)
    return session


def tell(router: Router, status: StatusType, *said: RawAttribute, session: str = ID, mac: str = GINA_MAC) -> None:
    assert router.ask(router.report(status, session, *said, mac=mac)) is not None
