"""Guests who go online at a router, and routers that the controller can ask about them."""

from ipaddress import IPv4Address

from sqlmodel import select

from hotspot.radius.attributes import Attr, Attributes, StatusType, make
from hotspot.radius.packet import Code
from hotspot.routers.models import Router as RegisteredRouter
from hotspot.usage.models import GuestSession
from tests.radius.asking import accepted, agree
from tests.radius.radius_city import GINA_MAC, City, Router
from tests.radius.scripted_router import ScriptedRouter, answer

ADDRESS = IPv4Address("10.5.50.2")
CHANGED = answer(Code.COA_ACK)


def hears_at(city: City, box: ScriptedRouter, name: str = "alun-alun-1") -> None:
    """Register where the router takes Disconnect and CoA."""
    with city.database.writing() as db:
        registered = db.exec(select(RegisteredRouter).where(RegisteredRouter.name == name)).one()
        registered.coa_port = box.socket.getsockname()[1]


def begin(router: Router, told: Attributes | None, session: str = "80100001", *, mac: str = GINA_MAC) -> None:
    """Report the Start of what was let in; without an Accept, of a session that nobody let in."""
    klass = () if told is None else (make(Attr.CLASS, told.octets(Attr.CLASS) or b""),)
    address = make(Attr.FRAMED_IP_ADDRESS, ADDRESS)
    assert router.ask(router.report(StatusType.START, session, *klass, address, mac=mac)) is not None


def online(city: City, router: Router, session: str = "80100001", *, mac: str = GINA_MAC) -> Attributes:
    """A guest agrees, is let in with a credential and begins a session."""
    site = "alun-alun" if router.name == "alun-alun-1" else "perpustakaan"
    told = accepted(router.ask(router.access_request(agree(city, mac, site=site), mac=mac)))
    begin(router, told, session, mac=mac)
    return told


def number_of(city: City, session: str = "80100001") -> int:
    with city.database.reading() as db:
        row = db.exec(select(GuestSession).where(GuestSession.acct_session_id == session)).one()
        assert row.id is not None
        return row.id
