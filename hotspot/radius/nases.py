"""Which router may be speaking: a look-up table by source address, kept fresh through PostgreSQL LISTEN.

The table only proposes a router; that it really is that router is proven by its secret, packet by packet.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.radius.attributes import Attr
from hotspot.radius.packet import Packet, Secret
from hotspot.routers.service import CHANGES, KnownRouter, known_routers
from hotspot.security import Keys

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.2  # how soon the thread notices that it should stop


@dataclass(frozen=True, slots=True)
class Nas:
    """A known router and its secret, ready to check and sign."""

    router: KnownRouter
    secret: Secret = field(repr=False)


Table = Mapping[str, tuple[Nas, ...]]


def table_of(routers: list[KnownRouter]) -> Table:
    """Routers by source address; several share one where a network address translator stands before them."""
    table: dict[str, list[Nas]] = {}
    for router in routers:
        table.setdefault(str(ip_address(router.address)), []).append(Nas(router, Secret(router.secret)))
    return {address: tuple(nases) for address, nases in table.items()}


def choose(candidates: tuple[Nas, ...], packet: Packet) -> Nas | None:
    """The one router the packet can come from; where several share an address, NAS-Identifier is its name (RFC 2865 §5.32)."""
    if len(candidates) == 1:
        return candidates[0]
    named = next((value for kind, value in packet.attributes if kind == Attr.NAS_IDENTIFIER), b"")
    return next((nas for nas in candidates if nas.router.name.encode() == named), None)


class NasTable:
    """The table and the thread that keeps it fresh; a database that is away leaves the last known table in use."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self.by_address: Table = {}
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
        with psycopg.connect(self._database.dsn, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"LISTEN {CHANGES}")
            self._load()
            while not self._stopping.is_set():
                with suppress(StopIteration):
                    next(connection.notifies(timeout=POLL_SECONDS, stop_after=1))
                    self._load()

    def _load(self) -> None:
        with self._database.reading() as db:
            self.by_address = table_of(known_routers(db, self._keys))
        self._loaded.set()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
