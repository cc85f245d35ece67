"""Enrolment: from a token to a router behind its tunnel.

Staff issue a token; the router calls with it (`first_contact`) and is given its place in the tunnel; the controller takes over through
the tunnel (`handover`) and says so (`complete`). Who calls without leave waits in the `inbox`.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from typing import Final

import structlog
from sqlalchemy import text
from sqlmodel import Session, col, or_, select

from hotspot.errors import Conflict, Invalid
from hotspot.jobs import enqueue
from hotspot.routers import inbox, tunnels
from hotspot.routers.contact import FirstContact
from hotspot.routers.handover import TAKE_OVER
from hotspot.routers.models import EnrolmentToken, Router, RouterState
from hotspot.routers.service import CHANGES, find_router, get_router_named, new_secret
from hotspot.security import Keys, token_hash
from hotspot.settings import Settings
from hotspot.sites.models import Site

log = structlog.get_logger()

TOKEN_LIFE: Final = timedelta(minutes=30)
ADOPTION_LIFE: Final = timedelta(hours=24)  # an adopted box calls by itself or is run again by somebody on the way
TOKEN_OCTETS: Final = 20  # 160 bits, and 27 characters: short enough for a small QR code
PASSWORD_OCTETS: Final = 24  # 192 bits
WAIT: Final = (
    "this router waits in the inbox. Read its serial number to the office; once it is adopted, run this again."
)
DONE: Final = "this router is enrolled already."


class Unbound(Invalid):
    """Say for what: --site SLUG, --serial NUMBER, or both"""


class SerialKnown(Conflict):
    """The serial number {serial} belongs to {name}; if that box was reset and calls again, say --again"""


class NotWaiting(Conflict):
    """{name} is {state}; only a waiting router can be taken over"""


class OtherCertificate(Conflict):
    """{name} shows another certificate than the one it reported; somebody may stand between, so nothing was told to it"""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a router needs for its tunnel. It may ask again within its time and is told the same."""

    address: IPv4Address
    controller: IPv4Address
    public_key: str
    endpoint_host: str
    endpoint_port: int
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """No tunnel now; `say` tells the person beside the router why."""

    say: str


Answer = Admitted | Held


# --- tokens --------------------------------------------------------------------------------------------------------------


def issue_token(db: Session, *, site_id: int | None, serial: str | None, now: datetime) -> str:
    """Return a fresh token that enrols one router within `TOKEN_LIFE`; only its hash is kept.

    Raises:
        Unbound: neither a site nor a serial number is given.
    """
    if site_id is None and serial is None:
        raise Unbound
    token = secrets.token_urlsafe(TOKEN_OCTETS)
    db.add(
        EnrolmentToken(
            token_hash=token_hash(token), site_id=site_id, serial=serial, created_at=now, expires_at=now + TOKEN_LIFE
        )
    )
    db.flush()
    return token


def may_call(db: Session, token: str, *, now: datetime) -> bool:
    """Tell whether somebody may call with the token: it is open, or its router may repeat the call, whose answer was lost, say."""
    hashed = token_hash(token)
    is_open = select(EnrolmentToken.id).where(
        EnrolmentToken.token_hash == hashed,
        col(EnrolmentToken.redeemed_at).is_(None),
        EnrolmentToken.expires_at > now,
    )
    may_repeat = select(Router.id).where(Router.token_hash == hashed, col(Router.answers_until) > now)
    return any(db.exec(found).first() is not None for found in (is_open, may_repeat))


# One winner, whoever else asks at the same moment. A token for a site moves no router that stands elsewhere, and takes none out of service:
# for one that is enrolled, staff name its serial number. Nobody takes over another router's key. Serial number and key are only claims.
REDEEM = """
    UPDATE enrolment_token SET redeemed_at = :now
    WHERE token_hash = :hash AND redeemed_at IS NULL AND expires_at > :now AND (serial IS NULL OR serial = :serial)
    AND NOT EXISTS (
        SELECT FROM router WHERE router.serial = :serial AND enrolment_token.serial IS NULL
        AND (router.site_id IS DISTINCT FROM enrolment_token.site_id OR router.state = 'enrolled')
    )
    AND NOT EXISTS (SELECT FROM router WHERE wireguard_key = :key AND router.serial IS DISTINCT FROM :serial)
    RETURNING site_id, expires_at
"""


# --- the first contact ---------------------------------------------------------------------------------------------------


def first_contact(db: Session, contact: FirstContact, *, source: str, settings: Settings, now: datetime) -> Answer:
    """Answer a router that calls, and see to it that one that gets its place is taken over (see `takeover`).

    1. A token that is open to it is redeemed, and it gets its place. 2. Who has a place already, and repeats the call because the
    answer was lost, is told the same. 3. Everybody else waits in the inbox; why is not said, for it may be somebody who guesses.
    """
    hashed = token_hash(contact.token)
    asked = {"now": now, "hash": hashed, "serial": contact.serial, "key": contact.wireguard_key}
    won = db.connection().execute(text(REDEEM), asked).first()
    router = _repeating(db, contact, hashed, now=now) if won is None else None
    if router is not None and not router.fingerprint:  # its certificate was not ready when it called first
        router.fingerprint = contact.fingerprint
    if won is not None:
        router = admit(db, contact, site_id=won.site_id, settings=settings, now=now)
        router.token_hash, router.answers_until = hashed, won.expires_at
    if router is None:
        inbox.note(db, contact, source=source, now=now)
        return Held(WAIT)
    db.flush()
    return _answer(db, router, settings)


def _repeating(db: Session, contact: FirstContact, hashed: bytes, *, now: datetime) -> Router | None:
    same = select(Router).where(
        Router.serial == contact.serial,
        Router.wireguard_key == contact.wireguard_key,
        col(Router.answers_until) > now,
        or_(col(Router.token_hash).is_(None), Router.token_hash == hashed),
    )
    return db.exec(same).first()


def _answer(db: Session, router: Router, settings: Settings) -> Answer:
    if router.state != RouterState.WAITING:
        return Held(DONE)
    assert router.id is not None
    assert router.tunnel_address is not None
    assert router.bootstrap_password is not None
    enqueue(db, TAKE_OVER, router.id, {})  # tried again until the tunnel stands
    return Admitted(
        address=IPv4Address(router.tunnel_address),
        controller=tunnels.controller_address(settings.tunnel_network),
        public_key=tunnels.public_key(db, settings.keys),
        endpoint_host=settings.tunnel_endpoint,
        endpoint_port=settings.tunnel_port,
        password=settings.keys.unseal(router.bootstrap_password, context=api_context(router.name)),
    )


def admit(db: Session, contact: FirstContact, *, site_id: int | None, settings: Settings, now: datetime) -> Router:
    """Give a router its place, or the one it has had: a name, an address in the tunnel, and secrets that nobody has seen.

    A known one keeps name, site, address and RADIUS secret; its API passwords are new, and RADIUS does not listen until it is complete.
    """
    address = tunnels.new_address(
        db, settings.tunnel_network, settings.further_radius_servers
    )  # from here on one enrolment at a time
    router = db.exec(select(Router).where(Router.serial == contact.serial)).first()
    if router is None:
        name = _new_name(db, contact.serial, site_id)
        secret = settings.keys.seal(new_secret(), context=f"router:{name}")
        router = Router(name=name, address=str(address), secret=secret, serial=contact.serial, created_at=now)
        db.add(router)
    router.tunnel_address = router.address = router.tunnel_address or str(address)
    router.site_id = router.site_id if site_id is None else site_id
    router.state = RouterState.WAITING
    take_facts(router, contact)
    renew_passwords(router, settings.keys)
    inbox.forget(db, contact)
    db.flush()
    tell(db)
    log.info("a router was admitted", router=router.name, serial=contact.serial, address=router.tunnel_address)
    return router


def adopt(db: Session, number: int, *, site_id: int | None, again: bool, settings: Settings, now: datetime) -> Router:
    """Let a router in from the inbox; it is given its place when it calls the next time. `again`: its serial number may be known.

    Raises:
        NoSuchCaller: nothing in the inbox has this number.
        SerialKnown: there is a router with this serial number, and nobody said that it was reset.
    """
    contact = inbox.get_contact(db, number)
    known = db.exec(select(Router).where(Router.serial == contact.serial)).first()
    if known is not None and not again:
        raise SerialKnown(serial=contact.serial, name=known.name)
    router = admit(db, contact, site_id=site_id, settings=settings, now=now)
    router.token_hash, router.answers_until = None, now + ADOPTION_LIFE
    db.flush()
    return router


def take_facts(router: Router, contact: FirstContact) -> None:
    router.model, router.version, router.licence = contact.model, contact.version, contact.licence
    router.packages, router.device_mode = list(contact.packages), dict(contact.device_mode)
    router.wireguard_key, router.fingerprint = contact.wireguard_key, contact.fingerprint


def renew_passwords(router: Router, keys: Keys) -> None:
    """Both log-ins are made and kept before the router hears of them, so that no cut can lose one."""
    context = api_context(router.name)
    router.bootstrap_password = keys.seal(new_password(), context=context)
    router.api_password = keys.seal(new_password(), context=context)
    router.next_api_password = None


def new_password() -> str:
    """Return a fresh API password of 192 bits; the letter in front keeps scripts from taking it for a number."""
    return "p" + secrets.token_urlsafe(PASSWORD_OCTETS)


def api_context(name: str) -> str:
    return f"router-api:{name}"


def tell(db: Session) -> None:
    """Let RADIUS and the tunnel know when this commits."""
    db.execute(text(f"NOTIFY {CHANGES}"))


def _new_name(db: Session, serial: str, site_id: int | None) -> str:
    site = None if site_id is None else db.get_one(Site, site_id)
    base = f"router-{re.sub('[^A-Za-z0-9]', '-', serial)}" if site is None else site.slug
    names = (base if site is None and number == 1 else f"{base}-{number}" for number in count(1))
    return next(name for name in names if find_router(db, name) is None)


# --- afterwards ----------------------------------------------------------------------------------------------------------


def complete(db: Session, name: str, *, fingerprint: str, now: datetime) -> None:
    """The controller's own log-in works: the router is enrolled, and the bootstrap's password is forgotten. Saying it twice is once.

    Raises:
        NoSuchRouter: nothing has this name.
        OtherCertificate: it isn't the one that the router reported at first contact.
        NotWaiting: it was not admitted, or was replaced.
    """
    router = get_router_named(db, name)
    if router.fingerprint not in ("", fingerprint):
        raise OtherCertificate(name=name)
    if router.state == RouterState.ENROLLED:
        return
    if router.state != RouterState.WAITING:
        raise NotWaiting(name=name, state=router.state)
    router.state, router.fingerprint = RouterState.ENROLLED, fingerprint
    router.enrolled_at, router.bootstrap_password = now, None
    db.flush()
    tell(db)
    log.info("a router is enrolled", router=name)


def forget_old(db: Session, *, now: datetime) -> None:
    """Delete the tokens and calls whose time is over; a token's hash stays for as long as its router may repeat it."""
    db.execute(text("DELETE FROM enrolment_token WHERE expires_at <= :now"), {"now": now})
    inbox.forget_silent(db, now=now)
