"""A small city with a running RADIUS server: two sites, each with a router, on addresses of the loopback net."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from hotspot.areas.models import Area
from hotspot.db import Database
from hotspot.guests.service import Login, give_consent, issue_credential
from hotspot.radius.attributes import Attr, MikroTik, StatusType, make
from hotspot.radius.metrics import DROPPED
from hotspot.radius.packet import (
    Code,
    Packet,
    RawAttribute,
    Secret,
    chap_password,
    flaw_in_reply,
    hide_password,
    parse,
    sign_request,
)
from hotspot.radius.server import RadiusServer
from hotspot.routers.service import add_router
from hotspot.security import Keys
from hotspot.sites.models import Site

GINA_MAC = "BC:24:11:EB:56:4D"
OTHER_MAC = "BC:24:11:00:00:02"
ALUN_ALUN = "127.0.0.2"
PERPUSTAKAAN = "127.0.0.3"
SECRETS = {ALUN_ALUN: "the-secret-of-alun-alun-32-chars", PERPUSTAKAAN: "the-secret-of-perpustakaan-32-ch"}
PATIENCE = 5.0
SILENCE = 0.25


@dataclass
class Clock:
    """A clock that the test moves."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


@dataclass
class City:
    database: Database
    keys: Keys
    clock: Clock
    sites: dict[str, int] = field(default_factory=dict)

    def add_site(self, slug: str, area_id: int) -> int:
        with self.database.writing() as db:
            site = Site(slug=slug, name=slug, area_id=area_id, created_at=self.clock.now)
            db.add(site)
            db.flush()
            assert site.id is not None
            self.sites[slug] = site.id
            return site.id

    def add_router(self, name: str, *, site: str, address: str, secret: str) -> None:
        with self.database.writing() as db:
            add_router(
                db,
                name=name,
                site_id=self.sites[site],
                address=address,
                secret=secret,
                keys=self.keys,
                now=self.clock.now,
            )

    def credential(self, *, site: str = "alun-alun", mac: str = GINA_MAC, language: str = "id") -> Login:
        """What the portal hands to a phone after its owner agreed."""
        with self.database.writing() as db:
            consent = give_consent(
                db,
                device_id=self.device(mac),
                site_id=self.sites[site],
                terms_sha256="0" * 64,
                language=language,
                now=self.clock.now,
            )
            return issue_credential(db, consent, keys=self.keys, now=self.clock.now)

    def device(self, mac: str) -> UUID:
        return self.keys.device_id(bytes.fromhex(mac.replace(":", "")))


def build_city(database: Database, keys: Keys, clock: Clock) -> City:
    """Two sites of one kelurahan, each with its router."""
    city = City(database, keys, clock)
    with database.writing() as db:
        area = Area(code="19.71.05.1004", name="Kelurahan", level="kelurahan")
        db.add(area)
        db.flush()
        area_id = area.id
    assert area_id is not None
    city.add_site("alun-alun", area_id)
    city.add_site("perpustakaan", area_id)
    city.add_router("alun-alun-1", site="alun-alun", address=ALUN_ALUN, secret=SECRETS[ALUN_ALUN])
    city.add_router("perpus-1", site="perpustakaan", address=PERPUSTAKAAN, secret=SECRETS[PERPUSTAKAAN])
    return city


class Server(Protocol):
    """Where a router asks."""

    @property
    def auth_address(self) -> tuple[str, int]: ...

    @property
    def acct_address(self) -> tuple[str, int]: ...


class Router:
    """A router as a plain socket: asks, and gives the verified reply or None for silence."""

    def __init__(self, server: Server, address: str, *, secret: str | None = None, name: str = "router") -> None:
        self.server, self.name = server, name
        self.secret = Secret((secret or SECRETS[address]).encode())
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.identifier = 0

    def __enter__(self) -> "Router":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def access_request(
        self,
        login: Login,
        *extra: RawAttribute,
        mac: str | None = GINA_MAC,
        password: str | None = None,
        chap: bool = False,
        code: Code = Code.ACCESS_REQUEST,
    ) -> Packet:
        self.identifier = (self.identifier + 1) % 256
        authenticator = bytes([self.identifier]) + login.credential_id.bytes[:15]
        word = (login.password if password is None else password).encode()
        proof = (
            (
                make(Attr.CHAP_CHALLENGE, b"0123456789abcdef"),
                make(Attr.CHAP_PASSWORD, chap_password(9, word, b"0123456789abcdef")),
            )
            if chap
            else (make(Attr.USER_PASSWORD, hide_password(word, authenticator, self.secret)),)
        )
        attributes = (
            *((make(Attr.CALLING_STATION_ID, mac),) if mac else ()),
            make(Attr.USER_NAME, login.user_name),
            make(Attr.FRAMED_IP_ADDRESS, IPv4Address("10.5.50.2")),
            *proof,
            make(Attr.NAS_IDENTIFIER, self.name),
            *extra,
        )
        return Packet(code, self.identifier, authenticator, attributes)

    def report(
        self, status: StatusType, session: str, *extra: RawAttribute, mac: str = GINA_MAC, user: str = "gina"
    ) -> Packet:
        self.identifier = (self.identifier + 1) % 256
        attributes = (
            make(Attr.ACCT_STATUS_TYPE, status),
            make(Attr.CALLING_STATION_ID, mac),
            make(Attr.USER_NAME, user),
            make(Attr.ACCT_SESSION_ID, session),
            make(MikroTik.HOST_IP, IPv4Address("10.5.50.2")),
            make(Attr.NAS_IDENTIFIER, self.name),
            *extra,
        )
        return Packet(Code.ACCOUNTING_REQUEST, self.identifier, bytes(16), attributes)

    def ask(self, packet: Packet, *, wait: float = PATIENCE) -> Packet | None:
        return self.ask_octets(sign_request(packet, self.secret), wait=wait)

    def ask_octets(
        self, octets: bytes, *, wait: float = PATIENCE, port: str | None = None, check: bool = True
    ) -> Packet | None:
        """Send bytes to the port their code belongs to; the reply must be authentic."""
        is_accounting = octets[:1] == bytes([Code.ACCOUNTING_REQUEST])
        to_accounting = port == "acct" if port else is_accounting
        self.socket.settimeout(wait)
        self.socket.sendto(octets, self.server.acct_address if to_accounting else self.server.auth_address)
        try:
            reply = parse(self.socket.recv(4096))
        except TimeoutError:
            return None
        assert not check or flaw_in_reply(reply, parse(octets), self.secret) is None
        return reply

    def is_met_with_silence(self, octets: bytes, *, port: str | None = None) -> bool:
        """Whether nothing comes back before the reply to a Status-Server sent right after; the server answers in order."""
        is_accounting = port == "acct" if port else octets[:1] == bytes([Code.ACCOUNTING_REQUEST])
        address = self.server.acct_address if is_accounting else self.server.auth_address
        self.socket.sendto(octets, address)
        status = Packet(Code.STATUS_SERVER, 255, b"is anybody there", (make(Attr.NAS_IDENTIFIER, self.name),))
        reply = self.ask_octets(
            sign_request(status, self.secret), port="acct" if is_accounting else "auth", check=False
        )
        return reply is not None and flaw_in_reply(reply, status, self.secret) is None

    def hears_nothing(self, octets: bytes, *, port: str | None = None) -> bool:
        """Whether nothing comes back for a while: for a server that can't answer at all."""
        return self.ask_octets(octets, wait=SILENCE, port=port) is None


def dropped(reason: str) -> float:
    """How many datagrams were dropped for this reason so far."""
    return DROPPED.labels(reason)._value.get()


@contextmanager
def serving(city: City, *, reject_delay: float = 0.0, **options: Any) -> Iterator[RadiusServer]:
    usual = {"hosts": ["0.0.0.0"], "zone": ZoneInfo("Asia/Jakarta"), "rules_last": 0.0, "clock": city.clock}
    server = RadiusServer(city.database, city.keys, **usual | options, reject_delay=reject_delay)
    server.start()
    try:
        yield server
    finally:
        server.stop()
