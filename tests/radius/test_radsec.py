"""RADIUS over TLS: the certificate says which router it is."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from hotspot.radius.attributes import StatusType
from hotspot.radius.packet import Code, sign_request
from hotspot.radius.server import RadiusServer
from hotspot.usage.models import GuestSession
from tests.radius.certificates import DAY, Authority, Issued
from tests.radius.radius_city import PATIENCE, City, Router
from tests.radius.radsec_peer import RADSEC, Peer, client_context, closed, connected, hears_nothing_but_the_end, status


def test_one_connection_carries_log_ins_accounting_and_status(
    city: City, radsec: RadiusServer, authority: Authority, alun_alun: Issued, packets: Router
) -> None:
    with connected(radsec, authority, alun_alun) as peer:
        by_pap = peer.ask(packets.access_request(city.credential()))
        by_chap = peer.ask(packets.access_request(city.credential(), chap=True))
        refused = peer.ask(packets.access_request(city.credential(), password="guess"))
        foreign = peer.ask(packets.access_request(city.credential(site="perpustakaan")))
        stored = peer.ask(packets.report(StatusType.START, "80100014"))
        alive = peer.ask(status())

    assert (by_pap.code, by_chap.code) == (Code.ACCESS_ACCEPT, Code.ACCESS_ACCEPT)
    assert (refused.code, foreign.code) == (Code.ACCESS_REJECT, Code.ACCESS_REJECT)
    assert stored.code == Code.ACCOUNTING_RESPONSE
    assert alive.code == Code.ACCESS_ACCEPT
    with city.database.reading() as db:
        assert db.exec(select(GuestSession)).one().site_id == city.sites["alun-alun"]


def test_the_certificate_says_which_router_it_is_whatever_the_packet_claims(
    city: City, radsec: RadiusServer, authority: Authority, packets: Router
) -> None:
    with connected(radsec, authority, authority.issue("", dns=("perpus-1",))) as peer:
        foreign = peer.ask(packets.access_request(city.credential(site="alun-alun")))
        own = peer.ask(packets.access_request(city.credential(site="perpustakaan")))

    assert packets.name == "alun-alun-1"
    assert foreign.code == Code.ACCESS_REJECT
    assert own.code == Code.ACCESS_ACCEPT


def test_a_proxys_certificate_names_all_its_routers_and_the_packet_one_of_them(
    city: City, radsec: RadiusServer, authority: Authority, packets: Router
) -> None:
    proxy = authority.issue("proxy.example", dns=("alun-alun-1", "perpus-1"))
    with connected(radsec, authority, proxy) as peer:
        first = peer.ask(packets.access_request(city.credential(site="alun-alun")))
        packets.name = "perpus-1"
        second = peer.ask(packets.access_request(city.credential(site="perpustakaan")))
        packets.name = "elsewhere"
        peer.socket.sendall(sign_request(packets.access_request(city.credential()), RADSEC))
        after = peer.ask(status())

    assert (first.code, second.code) == (Code.ACCESS_ACCEPT, Code.ACCESS_ACCEPT)
    assert after.identifier == 1, "the nameless request before it met silence"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda right, _: None,
        lambda _, folder: Authority(folder / "other").issue("alun-alun-1"),
        lambda right, _: right.issue("alun-alun-1", starts=-2 * DAY, ends=-DAY),
        lambda right, _: right.issue("alun-alun-1", starts=DAY),
    ],
    ids=["no certificate", "another authority", "expired", "not valid yet"],
)
def test_a_wrong_certificate_ends_the_handshake(
    radsec: RadiusServer,
    authority: Authority,
    alun_alun: Issued,
    tmp_path: Path,
    wrong: Callable[[Authority, Path], Issued | None],
) -> None:
    before = closed("handshake")

    assert hears_nothing_but_the_end(radsec, client_context(authority, wrong(authority, tmp_path)))

    with connected(radsec, authority, alun_alun) as peer:
        peer.ask(status())
    assert closed("handshake") == before + 1


def test_a_name_that_is_no_router_of_ours_is_shown_out(radsec: RadiusServer, authority: Authority) -> None:
    before = closed("unknown_name")

    with connected(radsec, authority, authority.issue("nobody")) as peer:
        assert peer.hear() is None, "without a packet from it"

    assert closed("unknown_name") == before + 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_refused(radsec: RadiusServer, authority: Authority, alun_alun: Issued) -> None:
    old = client_context(authority, alun_alun)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        Peer(radsec, old)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(
    radsec: RadiusServer, authority: Authority, alun_alun: Issued, version: ssl.TLSVersion
) -> None:
    context = client_context(authority, alun_alun)
    context.minimum_version = context.maximum_version = version

    with Peer(radsec, context) as peer:
        assert peer.ask(status()).code == Code.ACCESS_ACCEPT


def test_what_is_no_tls_is_closed(radsec: RadiusServer, authority: Authority, alun_alun: Issued) -> None:
    before = closed("handshake")
    with socket.create_connection(radsec.ports.radsec[0].getsockname(), timeout=PATIENCE) as plain:
        plain.sendall(sign_request(status(), RADSEC))
        while plain.recv(4096):
            pass
    with connected(radsec, authority, alun_alun) as peer:
        peer.ask(status())

    assert closed("handshake") == before + 1


def test_a_router_that_is_removed_is_shown_out_at_its_next_packet(
    radsec: RadiusServer, authority: Authority, alun_alun: Issued
) -> None:
    with connected(radsec, authority, alun_alun) as peer:
        peer.ask(status())
        radsec._nases.by_name = {}

        peer.socket.sendall(sign_request(status(2), RADSEC))

        assert peer.hear() is None
