"""Guests and devices that ask to be let in, and what they are told."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import select

from hotspot.guests.models import Admission
from hotspot.guests.service import (
    Login,
    Presented,
    give_consent,
    issue_credential,
    redeem,
)
from hotspot.guests.terms import current, ensure_default_terms
from hotspot.radius.attributes import Attr, Attributes, StatusType, make
from hotspot.radius.packet import Code, Packet, chap_password
from hotspot.sites.models import Site
from hotspot.sites.settings import SignIn, give
from tests.radius.radius_city import (
    GINA_MAC,
    City,
    Router,
)

MINUTE = timedelta(minutes=1)


def rule(city: City, site: str = "alun-alun", **settings: Any) -> None:
    """Decide settings for a site; the test's server reads them afresh each time."""
    with city.database.writing() as db:
        place = db.get_one(Site, city.sites[site])
        for key, value in settings.items():
            give(db, place, key, value)


def agree(
    city: City,
    mac: str = GINA_MAC,
    *,
    guest: UUID | None = None,
    site: str = "alun-alun",
    used: bool = False,
    method: SignIn = SignIn.ONE_TAP,
    **caps: int,
) -> Login:
    """A device's owner agrees to the terms that hold, and gets a credential; `used`: and was let in with it."""
    with city.database.writing() as db:
        ensure_default_terms(db, city.clock.now)
        consent = give_consent(
            db,
            device_id=city.device(mac),
            guest_id=guest,
            site_id=city.sites[site],
            terms_sha256=current(db, "public", city.clock.now).sha256,
            language="en",
            now=city.clock.now,
            method=method,
        )
        login = issue_credential(db, consent, keys=city.keys, now=city.clock.now, **caps)
        if used:
            presented = Presented(login.credential_id, city.sites[site], city.device(mac))
            assert redeem(db, [presented], now=city.clock.now)
        return login


def known_device(router: Router, mac: str = GINA_MAC, *, name: str | None = None, chap: bool = False) -> Packet:
    """What RouterOS asks by itself for a device it sees (login-by=mac): the address is name and, by default, password."""
    request = router.access_request(Login(uuid4(), ""), mac=mac)
    user = name or mac
    proof = (
        (make(Attr.CHAP_CHALLENGE, bytes(16)), make(Attr.CHAP_PASSWORD, chap_password(3, user.encode(), bytes(16))))
        if chap
        else ()
    )
    kept = tuple(one for one in request.attributes if one[0] not in (Attr.USER_NAME, Attr.USER_PASSWORD))
    return Packet(1, request.identifier, request.authenticator, (make(Attr.USER_NAME, user), *proof, *kept))


def accepted(reply: Packet | None) -> Attributes:
    assert reply is not None
    told = Attributes(reply.attributes)
    assert reply.code == Code.ACCESS_ACCEPT, told.text(Attr.REPLY_MESSAGE)
    return told


def refused(reply: Packet | None) -> str:
    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT
    return Attributes(reply.attributes).text(Attr.REPLY_MESSAGE) or ""


def admissions(city: City) -> list[Admission]:
    with city.database.reading() as db:
        return list(db.exec(select(Admission).order_by(Admission.decided_at)))  # type: ignore[arg-type]


def used(router: Router, told: Attributes, session: str, *, seconds: int, octets: int, **more: Any) -> Packet | None:
    klass = told.octets(Attr.CLASS)
    assert klass is not None
    counters = (
        make(Attr.ACCT_SESSION_TIME, seconds),
        make(Attr.ACCT_OUTPUT_OCTETS, octets),
        make(Attr.ACCT_OUTPUT_GIGAWORDS, 0),
    )
    status = more.pop("status", StatusType.INTERIM_UPDATE)
    return router.ask(router.report(status, session, make(Attr.CLASS, klass), *counters, **more))
