"""Routers: adding one that was configured by hand, and knowing them all by address."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.areas.service import ids_below
from hotspot.errors import Conflict, Invalid, NotFound
from hotspot.routers.models import COA_PORT, Router, RouterState
from hotspot.security import Keys
from hotspot.sites.models import Site

CHANGES = "routers_changed"  # PostgreSQL channel: somebody added or changed a router
SECRET_OCTETS = 24  # 192 bits: RADIUS secrets are attacked offline (RFC 2865 §8)
SHORTEST_SECRET = 16
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")
LOGIN_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,80}[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")


class RouterExists(Conflict):
    """There is a router named {name} already; identities must be unique"""


class NoSuchRouter(NotFound):
    """There is no router named {name}; see: hotspot routers list"""


class SiteNamed(NoSuchRouter):
    """There is no router named {name}; that is a site, and its routers are: {routers}"""


class BadRouter(Invalid):
    """{field}: {problem}"""


class NotPlaced(Conflict):
    """The router {name} stands at no site yet; see: hotspot routers place"""


@dataclass(frozen=True, slots=True)
class KnownRouter:
    """A router as RADIUS and the portal need it, its secret opened; the previous one still counts while it is replaced."""

    id: int
    name: str
    site_id: int
    address: str
    login_host: str
    secret: bytes = field(repr=False)
    previous_secret: bytes | None = field(default=None, repr=False)
    coa_port: int = COA_PORT


def new_secret() -> str:
    """Return a fresh RADIUS secret of 192 bits, 32 characters."""
    return secrets.token_urlsafe(SECRET_OCTETS)


def add_router(
    db: Session,
    *,
    name: str,
    site_id: int,
    address: str,
    secret: str,
    login_host: str = "",
    coa_port: int = COA_PORT,
    keys: Keys,
    now: datetime,
) -> Router:
    """Register a router that is configured by hand; RADIUS knows it as soon as this commits.

    Raises:
        RouterExists: the identity is taken.
        BadRouter: a field that can't be used, with what to do.
    """
    _check(name, secret, login_host)
    if find_router(db, name) is not None:
        raise RouterExists(name=name)
    router = Router(
        name=name,
        site_id=site_id,
        address=_source_address(address),
        login_host=login_host.lower(),
        coa_port=coa_port,
        secret=keys.seal(secret, context=f"router:{name}"),
        created_at=now,
    )
    db.add(router)
    db.flush()
    db.execute(text(f"NOTIFY {CHANGES}"))
    return router


def _check(name: str, secret: str, login_host: str) -> None:
    if not NAME.fullmatch(name):
        raise BadRouter(field="name", problem="1 to 63 letters, digits, blanks, dots, dashes or underscores")
    if len(secret) < SHORTEST_SECRET or not secret.isascii() or not secret.isprintable():
        raise BadRouter(field="secret", problem=f"needs {SHORTEST_SECRET} or more printable ASCII characters")
    if login_host and not LOGIN_HOST.fullmatch(login_host):
        raise BadRouter(field="login host", problem="is a host name or address, with :port where it is not 80 or 443")


def _source_address(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError as error:
        raise BadRouter(field="address", problem=f"{address!r} is not an IP address") from error


def rotate_secret(db: Session, name: str, *, overlap: timedelta, keys: Keys, now: datetime) -> str:
    """Give the router a new RADIUS secret and return it; the one it has is still taken until `overlap` is over.

    A rotation during a rotation keeps the secret that the router was given last; the one before it is forgotten.

    Raises:
        NoSuchRouter: nothing has this name.
    """
    router = db.exec(select(Router).where(Router.name == name).with_for_update()).first()
    if router is None:
        raise NoSuchRouter(name=name)
    secret = new_secret()
    router.previous_secret, router.previous_until = router.secret, now + overlap
    router.secret = keys.seal(secret, context=f"router:{name}")
    db.flush()
    db.execute(text(f"NOTIFY {CHANGES}"))
    return secret


def end_rotations(db: Session, *, now: datetime) -> int:
    """Forget the previous secrets whose time is over; return how many."""
    ended = db.connection().execute(
        text("UPDATE router SET previous_secret = NULL, previous_until = NULL WHERE previous_until <= :now"),
        {"now": now},
    )
    if ended.rowcount:
        db.execute(text(f"NOTIFY {CHANGES}"))
    return ended.rowcount


def get_router(db: Session, router_id: int) -> Router:
    """Return the router with this id.

    Raises:
        NoSuchRouter: there is none.
    """
    router = db.get(Router, router_id)
    if router is None:
        raise NoSuchRouter(name=f"number {router_id}")
    return router


def find_router(db: Session, name: str) -> Router | None:
    return db.exec(select(Router).where(Router.name == name)).first()


def get_router_named(db: Session, name: str) -> Router:
    """Return the router of this name.

    Raises:
        NoSuchRouter: there is none; a SiteNamed where a site is called so.
    """
    router = find_router(db, name)
    if router is None:
        site = db.exec(select(Site).where(Site.slug == name)).first()
        if site is None or site.id is None:
            raise NoSuchRouter(name=name)
        names = sorted(router.name for router in routers_of(db, site.id))
        raise SiteNamed(name=name, routers=", ".join(names) or "none yet")
    return router


def all_routers(db: Session) -> Sequence[Router]:
    return db.exec(select(Router).order_by(Router.name)).all()


def enrolled_in(db: Session, area: Area | None) -> list[str]:
    """Return the names of the enrolled routers at the sites of an area and below, or of all that are enrolled."""
    found = select(Router.name).where(Router.state == RouterState.ENROLLED).order_by(Router.name)
    if area is not None:
        found = found.join(Site, col(Site.id) == Router.site_id).where(col(Site.area_id).in_(ids_below(db, area)))
    return list(db.exec(found))


def known_routers(db: Session, keys: Keys) -> list[KnownRouter]:
    """Return the routers that may speak RADIUS, each with its secret opened: they have a site, and are no stranger or ghost."""
    speaking = (
        select(Router)
        .where(col(Router.site_id).is_not(None), col(Router.state).in_((RouterState.MANUAL, RouterState.ENROLLED)))
        .order_by(Router.name)
    )
    return [known(router, keys) for router in db.exec(speaking)]


def routers_of(db: Session, site_id: int) -> Sequence[Router]:
    return db.exec(select(Router).where(Router.site_id == site_id)).all()


def known(router: Router, keys: Keys) -> KnownRouter:
    """Open a router's secrets.

    Raises:
        NotPlaced: it stands at no site.
    """
    assert router.id is not None
    if router.site_id is None:
        raise NotPlaced(name=router.name)
    context = f"router:{router.name}"
    previous = router.previous_secret
    return KnownRouter(
        id=router.id,
        name=router.name,
        site_id=router.site_id,
        address=router.address,
        login_host=router.login_host,
        secret=keys.unseal(router.secret, context=context).encode(),
        previous_secret=None if previous is None else keys.unseal(previous, context=context).encode(),
        coa_port=router.coa_port,
    )
