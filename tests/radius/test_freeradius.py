"""FreeRADIUS in front of us, with the configuration of docs/operator.md: what our server says arrives, signed, at the router."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import select

from hotspot.radius.attributes import Attr, Attributes, MikroTik, StatusType, make
from hotspot.radius.metrics import ANSWERED
from hotspot.radius.packet import Code, sign_request
from hotspot.usage.models import GuestSession
from tests.radius.certificates import Authority
from tests.radius.freeradius import FREERADIUS, Front, documented, filled, free_udp_port, freeradius
from tests.radius.radius_city import City, Router, serving

pytestmark = pytest.mark.skipif(FREERADIUS is None, reason="FreeRADIUS (Debian: freeradius) is not installed")
SHARED = "secret-of-freeradius-and-hotspot"
SECRETS = {"alun-alun-7": "secret-of-alun-alun-7-at-the-front", "perpus-7": "secret-of-perpus-7-at-the-front!"}
ADDRESSES = {"alun-alun-7": "127.0.0.17", "perpus-7": "127.0.0.18"}


@pytest.fixture
def front(city: City, tmp_path: Path) -> Iterator[Front]:
    """FreeRADIUS with two routers, both registered at its address and with its secret."""
    with serving(city, hosts=["127.0.0.1"]) as server:
        proxy = filled(
            documented("proxy"),
            {
                "10.90.0.1": "127.0.0.1",
                "port = 1812": f"port = {server.auth_address[1]}",
                "port = 1813": f"port = {server.acct_address[1]}",
                "SECRET SHARED WITH HOTSPOT": SHARED,
            },
        )
        with front_of(city, tmp_path, proxy) as front:
            yield front


@pytest.fixture
def tls_front(city: City, tmp_path: Path, tls: ssl.SSLContext, authority: Authority) -> Iterator[Front]:
    """The same FreeRADIUS, which reaches us by RadSec alone."""
    issued = authority.issue("freeradius.example", dns=tuple(SECRETS))
    with serving(city, hosts=["127.0.0.1"], tls=tls) as server:
        proxy = filled(
            documented("radsec"),
            {
                "10.90.0.1": "127.0.0.1",
                "port = 2083": f"port = {server.ports.told()['radsec'][1]}",
                "/etc/freeradius/3.0/certs/radsec.pem": issued.cert,
                "/etc/freeradius/3.0/certs/radsec.key": issued.key,
                "/etc/freeradius/3.0/certs/radsec-ca.pem": authority.file,
            },
        )
        with front_of(city, tmp_path, proxy) as front:
            yield front


@contextmanager
def front_of(city: City, folder: Path, proxy: str) -> Iterator[Front]:
    for name, site in (("alun-alun-7", "alun-alun"), ("perpus-7", "perpustakaan")):
        city.add_router(name, site=site, address="127.0.0.1", secret=SHARED)
    auth, acct = free_udp_port(), free_udp_port()
    clients = "".join(
        filled(
            documented("clients"),
            {"client alun-alun-1": f"client {name}", "10.90.0.17": ADDRESSES[name], "SECRET OF ALUN-ALUN-1": secret},
        )
        for name, secret in SECRETS.items()
    )
    ports = {"ipaddr = *": "ipaddr = 127.0.0.1", "port = 1812": f"port = {auth}", "port = 1813": f"port = {acct}"}
    with freeradius(folder / "raddb", clients=clients, proxy=proxy, site=filled(documented("site"), ports)):
        yield Front(("127.0.0.1", auth), ("127.0.0.1", acct))


def router_behind(front: Front, name: str, *, claims: str | None = None) -> Router:
    return Router(front, ADDRESSES[name], secret=SECRETS[name], name=claims or name)


@pytest.mark.parametrize("chap", [False, True], ids=["pap", "chap"])
def test_a_log_in_is_accepted_through_it_with_all_limits(city: City, front: Front, chap: bool) -> None:
    with router_behind(front, "alun-alun-7") as router:
        asked = router.access_request(city.credential(), make(Attr.PROXY_STATE, b"the router's own"), chap=chap)

        reply = router.ask(asked)  # checks Message-Authenticator and the response authenticator

    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT
    told = Attributes(reply.attributes)
    assert told.integer(Attr.SESSION_TIMEOUT) == 7_200
    assert told.text(MikroTik.RATE_LIMIT) == "2000k/5000k"
    assert [value for kind, value in reply.attributes if kind == Attr.PROXY_STATE] == [b"the router's own"]


def test_a_refusal_comes_through_it_with_its_words(city: City, front: Front) -> None:
    with router_behind(front, "alun-alun-7") as router:
        reply = router.ask(router.access_request(city.credential(language="en"), password="guess"))

    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT
    assert Attributes(reply.attributes).text(Attr.REPLY_MESSAGE)


def test_each_router_behind_it_is_its_own_site(city: City, front: Front) -> None:
    login = city.credential(site="perpustakaan")
    with router_behind(front, "alun-alun-7") as one, router_behind(front, "perpus-7") as other:
        foreign = one.ask(one.access_request(login))
        own = other.ask(other.access_request(login))
        stored = other.ask(other.report(StatusType.START, "80100014"))

    assert foreign is not None
    assert foreign.code == Code.ACCESS_REJECT
    assert own is not None
    assert own.code == Code.ACCESS_ACCEPT
    assert stored is not None
    assert stored.code == Code.ACCOUNTING_RESPONSE
    with city.database.reading() as db:
        assert db.exec(select(GuestSession)).one().site_id == city.sites["perpustakaan"]


def test_a_router_behind_it_can_not_speak_for_another(city: City, front: Front) -> None:
    with router_behind(front, "alun-alun-7", claims="perpus-7") as router:
        reply = router.ask(router.access_request(city.credential(site="perpustakaan")))
        report = router.report(StatusType.START, "80100014")

        assert router.hears_nothing(sign_request(report, router.secret))

    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT
    with city.database.reading() as db:
        assert db.exec(select(GuestSession)).all() == []


def test_it_may_speak_radsec_with_us(city: City, tls_front: Front) -> None:
    before = ANSWERED.labels("accept")._value.get()
    with router_behind(tls_front, "alun-alun-7") as one, router_behind(tls_front, "perpus-7") as other:
        by_pap = one.ask(one.access_request(city.credential()))
        by_chap = other.ask(other.access_request(city.credential(site="perpustakaan"), chap=True))
        refused = one.ask(one.access_request(city.credential(site="perpustakaan")))
        stored = one.ask(one.report(StatusType.START, "80100014"))

    assert [reply.code for reply in (by_pap, by_chap, refused, stored) if reply] == [
        Code.ACCESS_ACCEPT,
        Code.ACCESS_ACCEPT,
        Code.ACCESS_REJECT,
        Code.ACCOUNTING_RESPONSE,
    ]
    assert ANSWERED.labels("accept")._value.get() == before + 2
