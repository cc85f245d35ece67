"""Which router may be speaking: look-up tables by source address and by name, kept fresh through PostgreSQL LISTEN.

The table by address only proposes a router; that it really is that router is proven by its secret, packet by packet. The table by
name is for RadSec, where a certificate has proven the name (RFC 6614 §2.4).
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.radius.attributes import Attr
from hotspot.radius.packet import Code, Packet, Secret
from hotspot.routers.service import CHANGES, KnownRouter, known_routers
from hotspot.security import Keys

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0
MOST_SECRETS: Final = 8  # tried for one Status-Server from an address that many routers share
RADSEC_SECRET: Final = Secret(b"radsec")  # RFC 6614 §2.3: fixed, because TLS does what the secret did
POLL_SECONDS: Final = 0.2  # how soon the thread notices that it should stop


@dataclass(frozen=True, slots=True)
class Nas:
    """A known router and one of its secrets, ready to check and sign."""

    router: KnownRouter
    secret: Secret = field(repr=False)


Secrets = tuple[Nas, ...]
"""One router under each secret it may use: the current one first, then the one that is being replaced."""


class Candidates(NamedTuple):
    """The routers that share a source address, or a certificate."""

    by_name: Mapping[bytes, Secrets]
    lone: Secrets | None  # the only one
    anyone: Secrets  # each secret once, for who asks without being a router


def together(routers: Sequence[Secrets]) -> Candidates:
    """These routers, to be told apart by NAS-Identifier when there are several."""
    return Candidates(
        {nases[0].router.name.encode(): nases for nases in routers},
        routers[0] if len(routers) == 1 else None,
        tuple({nas.secret.octets: nas for nases in routers for nas in nases}.values())[:MOST_SECRETS],
    )


def table_of(routers: Sequence[KnownRouter]) -> Mapping[str, Candidates]:
    """Routers by source address; several share one where an address translator or a proxy stands before them."""
    table: dict[str, list[Secrets]] = {}
    for router in routers:
        secrets = [router.secret, *([router.previous_secret] if router.previous_secret else [])]
        table.setdefault(plain(router.address), []).append(tuple(Nas(router, Secret(secret)) for secret in secrets))
    return {address: together(candidates) for address, candidates in table.items()}


def names_of(routers: Sequence[KnownRouter]) -> Mapping[str, Secrets]:
    """Routers by name, as RadSec needs them: with the secret that everybody has there."""
    return {router.name: (Nas(router, RADSEC_SECRET),) for router in routers}


def plain(address: str) -> str:
    """Spell an address the one way we look it up: IPv4 in IPv6 as IPv4, and no scope, which is this machine's own affair."""
    parsed = ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def choose(candidates: Candidates, packet: Packet, *, is_proxied: bool = False) -> Secrets | None:
    """The one router the packet can come from, under each of its secrets.

    Where several share an address, or a proxy has handed the packet on, NAS-Identifier is the router's name (RFC 2865 §5.32). Only
    Status-Server may go without: a proxy asks for itself whether we are alive (RFC 5997 §4.2).
    """
    if candidates.lone is not None and not is_proxied:
        return candidates.lone
    if packet.code == Code.STATUS_SERVER:
        return candidates.anyone
    named = next((value for kind, value in packet.attributes if kind == Attr.NAS_IDENTIFIER), b"")
    return candidates.by_name.get(named)


class NasTable:
    """The table and the thread that keeps it fresh; a database that is away leaves the last known table in use."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self.by_address: Mapping[str, Candidates] = {}
        self.by_name: Mapping[str, Secrets] = {}
        self._database = database
        self._keys = keys
        self._stopping = threading.Event()
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, name="radius-routers", daemon=True)

    def start(self, *, patience: float = 5.0) -> None:
        """Start to follow the database; wait a moment for the first load, but serve without it rather than not at all."""
        self._thread.start()
        if not self._loaded.wait(patience):
            log.warning("routers are not loaded yet; RADIUS stays silent until they are")

    def at(self, source: str) -> Candidates | None:
        """The routers whose packets come from this address, as the socket spells it: one look-up for a stranger."""
        candidates = self.by_address.get(source)
        if candidates is None and ("%" in source or source.startswith("::ffff:")):
            return self.by_address.get(plain(source))
        return candidates

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10 * POLL_SECONDS)

    def _keep_fresh(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except (psycopg.Error, SQLAlchemyError, HotspotError) as error:
                log.warning("can't follow changes of routers; trying again", problem=_first_line(error))
                self._stopping.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        """1. Listen, 2. load, 3. load again whenever told; in this order no change is missed."""
        with self._database.connect() as connection:
            connection.execute(f"LISTEN {CHANGES}")
            self._load()
            while not self._stopping.is_set():
                with suppress(StopIteration):
                    next(connection.notifies(timeout=POLL_SECONDS, stop_after=1))
                    self._load()

    def _load(self) -> None:
        with self._database.reading() as db:
            routers = known_routers(db, self._keys)
        self.by_address, self.by_name = table_of(routers), names_of(routers)
        self._loaded.set()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
