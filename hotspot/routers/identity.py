"""Where a router stands, and what happens to its identity when the box dies.

The identity is the name, the site, the RADIUS secret and the tunnel address, with all usage that was ever reported under it. The
hardware is what enrolment learns of a box. Replacing a router puts other hardware under the same identity.
"""

from sqlmodel import Session

from hotspot.errors import Conflict
from hotspot.jobs import enqueue
from hotspot.routers.enrol import api_context, tell
from hotspot.routers.handover import TAKE_OVER
from hotspot.routers.models import Router, RouterState
from hotspot.routers.service import get_router_named
from hotspot.security import Keys

HARDWARE = ("serial", "model", "version", "licence", "packages", "device_mode", "wireguard_key", "fingerprint", "state")
HARDWARE_TIMES = ("token_hash", "answers_until", "enrolled_at")
PASSWORDS = ("bootstrap_password", "api_password", "next_api_password")


class CannotPlace(Conflict):
    """{name} was replaced; place the router that has its identity now"""


class CannotReplace(Conflict):
    """{name} {problem}"""


def place(db: Session, name: str, *, site_id: int) -> None:
    """Say at which site a router stands; RADIUS answers it there as soon as this commits.

    Raises:
        NoSuchRouter, CannotPlace: there is none, or only the record of one.
    """
    router = get_router_named(db, name)
    if router.state == RouterState.REPLACED:
        raise CannotPlace(name=name)
    router.site_id = site_id
    db.flush()
    tell(db)


def replace(db: Session, old: str, new: str, *, keys: Keys) -> None:
    """Give the identity of a dead box to another one that was enrolled or adopted and is placed nowhere.

    1. The hardware changes places, its passwords sealed anew for the other name. 2. What the dead box was stays, under the other name,
    as a record that nothing answers to. 3. The new box keeps its own tunnel address beside the identity's until it has taken that one,
    which is queued (see `settling`).

    Raises:
        NoSuchRouter: one of the names is nobody's.
        CannotReplace: the new one is no unplaced router with a tunnel, or the old one is only a record.
    """
    identity, fresh = get_router_named(db, old), get_router_named(db, new)
    if identity.state == RouterState.REPLACED:
        raise CannotReplace(name=old, problem="was replaced already")
    if fresh.id == identity.id or fresh.site_id is not None:
        raise CannotReplace(
            name=new, problem="stands at a site; only a router that is placed nowhere can take another's identity"
        )
    if fresh.tunnel_address is None or fresh.state not in (RouterState.WAITING, RouterState.ENROLLED):
        raise CannotReplace(name=new, problem="is not enrolled")
    own_address = fresh.tunnel_address
    _exchange(db, identity, fresh, keys)
    fresh.state, fresh.wireguard_key, fresh.answers_until = RouterState.REPLACED, None, None
    fresh.bootstrap_password = fresh.api_password = fresh.next_api_password = None
    if identity.tunnel_address is None:  # it was configured by hand
        identity.tunnel_address = identity.address = own_address
    else:
        identity.previous_tunnel_address = own_address
    db.flush()
    assert identity.id is not None
    enqueue(db, TAKE_OVER, identity.id, {})
    tell(db)


def _exchange(db: Session, identity: Router, fresh: Router, keys: Keys) -> None:
    """Let the rows change their hardware; unique values are put aside in between."""
    columns = (*HARDWARE, *HARDWARE_TIMES)
    old_box, new_box = ({name: getattr(router, name) for name in columns} for router in (identity, fresh))
    passwords = _moved(fresh, identity, keys)
    for router in (identity, fresh):
        router.serial = router.wireguard_key = router.previous_tunnel_address = None
    fresh.tunnel_address = None
    db.flush()
    for router, box in ((identity, new_box), (fresh, old_box)):
        for name, value in box.items():
            setattr(router, name, value)
    for name, sealed in passwords.items():
        setattr(identity, name, sealed)


def _moved(source: Router, target: Router, keys: Keys) -> dict[str, bytes | None]:
    """The passwords of one router, sealed for another name."""
    moved: dict[str, bytes | None] = {}
    for name in PASSWORDS:
        sealed: bytes | None = getattr(source, name)
        plain = None if sealed is None else keys.unseal(sealed, context=api_context(source.name))
        moved[name] = None if plain is None else keys.seal(plain, context=api_context(target.name))
    return moved


def addresses_of(router: Router) -> tuple[str, ...]:
    """Where a router may be reached through the tunnel: at the address it should have, and at the one it may still have."""
    return tuple(address for address in (router.tunnel_address, router.previous_tunnel_address) if address is not None)


def settle_address(db: Session, name: str) -> None:
    """The router was reached at the address it should have; nobody lets the other one through any more."""
    router = get_router_named(db, name)
    if router.previous_tunnel_address is not None:
        router.previous_tunnel_address = None
        db.flush()
        tell(db)
