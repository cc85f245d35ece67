"""A router as provisioning sees it: where it is reached and as whom, and what it should be."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Self
from urllib.parse import urlsplit

from sqlmodel import Session

from hotspot.db import Database
from hotspot.errors import Conflict, HotspotError
from hotspot.paths import shipped
from hotspot.routers import connection as door
from hotspot.routers.captive_api import judged
from hotspot.routers.certificates import FindImportable
from hotspot.routers.configs import RouterConfigs, load
from hotspot.routers.connection import Dial, RouterOS, RouterRefused, RouterUnreachable, Target
from hotspot.routers.credentials import logins_of
from hotspot.routers.desired import Desired, desire
from hotspot.routers.identity import addresses_of
from hotspot.routers.login_pages import current, importables, login_page
from hotspot.routers.models import Router, RouterState
from hotspot.routers.service import NotPlaced
from hotspot.routers.tunnels import controller_address
from hotspot.routers.values import (
    Controller,
    RouterFacts,
    RouterIdentity,
    Value,
    controller_values,
    router_values,
    site_values,
)
from hotspot.settings import Settings
from hotspot.sites.models import Site, home
from hotspot.sites.settings import effective

PORTS: Final = {"http": 80, "https": 443}


class NotManaged(Conflict):
    """{name} is {state}; only a router that has enrolled can be configured from here"""


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Means:
    """What provisioning works with. `dial` opens sockets to routers, `wait` lets seconds pass."""

    database: Database
    settings: Settings
    configs: RouterConfigs
    dial: Dial = door.dial
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = now

    @classmethod
    def of(
        cls, database: Database, settings: Settings, *, dial: Dial = door.dial, clock: Callable[[], datetime] = now
    ) -> Self:
        """The means with the router configs that are there now: an operator may have changed them.

        Raises:
            UnreadableConfig, BadConfig: one of them can't be used.
        """
        return cls(database, settings, load(shipped("router_configs")), dial=dial, clock=clock)


@dataclass(frozen=True, slots=True)
class Subject:
    """One enrolled router at its site. `targets` are the ways in, in the order to try them.

    `find_importable` gives the certificates that can be put on it. `only` are the menus that are looked at; empty: all.
    """

    id: int
    name: str
    targets: tuple[Target, ...]
    identity: RouterIdentity = field(repr=False)
    controller: Controller
    site: dict[str, Value] = field(repr=False)
    find_importable: FindImportable = field(repr=False)
    only: tuple[str, ...] = ()

    @property
    def portal(self) -> str:
        return self.controller.portal_url

    @property
    def guests(self) -> IPv4Network:
        return IPv4Network(str(self.site["guest.network"].text))

    @property
    def is_moving(self) -> bool:
        """It took over the identity of another one, and has its tunnel address still to take."""
        return len({target.address for target in self.targets}) > 1


def subject_of(db: Session, router: Router, settings: Settings, *, now: datetime, only: Sequence[str] = ()) -> Subject:
    """Gather what is known of a router; `now` decides whether its certificate still counts.

    Raises:
        NotManaged: it was configured by hand, waits for its enrolment, or was replaced.
        NotPlaced: it stands at no site, so nobody knows what it should be.
    """
    if router.state != RouterState.ENROLLED or router.tunnel_address is None:
        raise NotManaged(name=router.name, state=router.state)
    if router.site_id is None:
        raise NotPlaced(name=router.name)
    assert router.id is not None
    held = effective(db, router.site_id)
    login = login_page(router.name, held.values, held.places, current(db), zone=settings.zone, now=now)
    return Subject(
        router.id,
        router.name,
        targets_of(router, settings),
        RouterIdentity(
            name=router.name,
            tunnel_address=IPv4Address(router.tunnel_address),
            radius_secret=settings.keys.unseal(router.secret, context=f"router:{router.name}"),
            coa_port=router.coa_port,
            login=judged(db, router.id, router.name, login, settings.zone),
        ),
        _controller(settings, db.get_one(Site, router.site_id)),
        site_values(held.values.model_dump(), held.places),
        importables(db, settings.keys),
        tuple(only),
    )


def targets_of(router: Router, settings: Settings) -> tuple[Target, ...]:
    """Return the ways into a router, in the order to try them: every log-in at each of its addresses."""
    logins = logins_of(router, settings.keys)
    return tuple(
        Target(
            router.name,
            IPv4Address(address),
            settings.tunnel_network,
            router.fingerprint,
            login.user,
            login.password,
        )
        for address in addresses_of(router)
        for login in logins
    )


def _controller(settings: Settings, site: Site) -> Controller:
    url = f"{settings.base_url}{home(site.slug)}"
    parts = urlsplit(url)
    address = controller_address(settings.tunnel_network)
    return Controller(
        address=address,
        radius_servers=(address, *settings.further_radius_servers),
        portal_url=url,
        portal_host=parts.hostname or "",
        portal_port=parts.port or PORTS[parts.scheme],
        time_zone=settings.time_zone,
        radius_port=settings.radius_auth_port,
        accounting_port=settings.radius_acct_port,
    )


def wanted(subject: Subject, configs: RouterConfigs, facts: RouterFacts) -> Desired:
    """Return what the router should be, given what it is."""
    values = subject.site | router_values(subject.identity, facts) | controller_values(subject.controller)
    desired = desire(configs.items, values, facts, configs.pages, subject.identity.login)
    if not subject.only:
        return desired
    rows = tuple(row for row in desired.rows if row.menu in subject.only)
    return replace(desired, rows=rows, menus=tuple(menu for menu in desired.menus if menu in subject.only))


def enter(means: Means, subject: Subject) -> RouterOS:
    """Open a connection by the first way that works.

    Raises:
        RouterUnreachable, RouterRefused, WrongCertificate, OutsideTunnel: what stood in the last way.
    """
    return first_way(subject.targets, means.dial)[1]


def first_way(targets: Sequence[Target], dial: Dial) -> tuple[Target, RouterOS]:
    """Try the ways into a router: while its address or a password is being changed there are several. Return the one that works.

    An address that is silent is not tried again with another password: each try waits as long.

    Raises:
        RouterUnreachable, RouterRefused, WrongCertificate, OutsideTunnel: what stood in the last way.
    """
    silent: set[IPv4Address] = set()
    problem: HotspotError | None = None
    for target in targets:
        if target.address in silent:
            continue
        try:
            return target, RouterOS.connect(target, dial=dial)
        except RouterUnreachable as error:
            silent.add(target.address)
            problem = error
        except RouterRefused as error:
            problem = error
    assert problem is not None  # there is always a way to try
    raise problem
