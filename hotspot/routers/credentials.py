"""The secrets a router shares with us, and their rotation in two phases (see `rotation`), kept sealed.

The RADIUS secret lies in `secret` and, while it is rotated, the one before in `previous_secret`; RADIUS takes either, so nobody is
refused in between. A rotation with a time (`service.rotate_secret`) is for routers configured by hand and is over by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from sqlmodel import Session, select

from hotspot.errors import Conflict
from hotspot.routers import rotation
from hotspot.routers.enrol import api_context, new_password, tell
from hotspot.routers.handover import BOOTSTRAP, USER
from hotspot.routers.models import Router, RouterState
from hotspot.routers.rotation import Credential
from hotspot.routers.service import NoSuchRouter, new_secret
from hotspot.security import Keys


class Kind(StrEnum):
    """Which secret: the password of the controller's API user, or the RADIUS secret."""

    API = "api"
    RADIUS = "radius"


class NoPassword(Conflict):
    """{name} has no API password: it was configured by hand, or was replaced"""


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password that a router may know."""

    user: str
    password: str = field(repr=False)


def logins_of(router: Router, keys: Keys) -> tuple[Login, ...]:
    """Return what opens the router's API, in the order to try: its own user while it isn't proven comes after the bootstrap's.

    Raises:
        NoPassword: it never was enrolled.
    """
    own = tuple(Login(USER, password) for password in _api(router, keys).to_try)
    if router.state != RouterState.WAITING or router.bootstrap_password is None:
        return own
    return (Login(BOOTSTRAP, keys.unseal(router.bootstrap_password, context=api_context(router.name))), *own)


def credential_of(router: Router, kind: Kind, keys: Keys) -> Credential:
    """Return what is known of a router's secret.

    Raises:
        NoPassword: it never was enrolled.
    """
    return _api(router, keys) if kind is Kind.API else _radius(router, keys)


def begin(db: Session, name: str, kind: Kind, *, keys: Keys) -> Credential:
    """Store the next secret before the router hears of it; a rotation that was begun goes on with its own.

    Raises:
        NoSuchRouter, NoPassword: there is no such router, or no such secret.
    """
    fresh = new_password() if kind is Kind.API else new_secret()
    return _change(db, name, kind, lambda credential: rotation.begin(credential, fresh), keys=keys)


def confirm(db: Session, name: str, kind: Kind, *, keys: Keys) -> Credential:
    """The router was seen with the next secret: it is the current one, and the one before is forgotten."""
    return _change(db, name, kind, rotation.confirm, keys=keys)


def abandon(db: Session, name: str, kind: Kind, *, keys: Keys) -> Credential:
    """The router was seen with the current secret: the next one is forgotten."""
    return _change(db, name, kind, rotation.abandon, keys=keys)


def _change(db: Session, name: str, kind: Kind, step: Callable[[Credential], Credential], *, keys: Keys) -> Credential:
    router = db.exec(select(Router).where(Router.name == name).with_for_update()).first()
    if router is None:
        raise NoSuchRouter(name=name)
    before = credential_of(router, kind, keys)
    after = step(before)
    if after != before:
        (_keep_api if kind is Kind.API else _keep_radius)(router, after, keys)
        db.flush()
        tell(db)
    return after


def _api(router: Router, keys: Keys) -> Credential:
    if router.api_password is None:
        raise NoPassword(name=router.name)
    context, following = api_context(router.name), router.next_api_password
    return Credential(
        keys.unseal(router.api_password, context=context),
        None if following is None else keys.unseal(following, context=context),
    )


def _keep_api(router: Router, credential: Credential, keys: Keys) -> None:
    context, following = api_context(router.name), credential.next
    router.api_password = keys.seal(credential.current, context=context)
    router.next_api_password = None if following is None else keys.seal(following, context=context)


def _radius(router: Router, keys: Keys) -> Credential:
    context = f"router:{router.name}"
    newest = keys.unseal(router.secret, context=context)
    if router.previous_secret is None or router.previous_until is not None:
        return Credential(newest)
    return Credential(keys.unseal(router.previous_secret, context=context), newest)


def _keep_radius(router: Router, credential: Credential, keys: Keys) -> None:
    context, following = f"router:{router.name}", credential.next
    router.secret = keys.seal(following or credential.current, context=context)
    router.previous_secret = None if following is None else keys.seal(credential.current, context=context)
    router.previous_until = None
