"""RADIUS over TLS: framing is strict, and nothing a connection can do goes on without end."""

import socket
import ssl
from contextlib import suppress

import pytest
from sqlalchemy import text

from hotspot.radius import radsec as bounds
from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.radius.metrics import RADSEC_CONNECTIONS
from hotspot.radius.packet import Code, Packet, Secret, sign_request
from hotspot.radius.server import RadiusServer
from tests.radius.certificates import Authority, Issued
from tests.radius.radius_city import PATIENCE, SILENCE, City, Router, serving
from tests.radius.radsec_peer import RADSEC, client_context, closed, connected, hears_nothing_but_the_end, status


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_packets_are_framed_by_their_length_however_they_are_cut(
    radsec: RadiusServer, authority: Authority, alun_alun: Issued, packets: Router, size: int
) -> None:
    reports = [packets.report(StatusType.START, f"8010{number:04d}") for number in range(10)]
    stream = b"".join(sign_request(report, RADSEC) for report in reports)
    with connected(radsec, authority, alun_alun) as peer:
        for start in range(0, len(stream), size):
            peer.socket.sendall(stream[start : start + size])

        answered = {reply.identifier for reply in (peer.hear() for _ in reports) if reply}

    assert answered == {report.identifier for report in reports}


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\x01\x01\x00\x13" + bytes(20), "bad_length"),
        (b"\x01\x01\x10\x01" + bytes(20), "bad_length"),
        (b"\x01\x01\xff\xff" + bytes(20), "bad_length"),
        (b"GET / HTTP/1.1\r\n\r\n", "bad_length"),
        (b"\x0c\x01\x00\x16" + bytes(16) + b"\x50\x01", "unsound"),
        (sign_request(status(), Secret(b"another secret")), "unsound"),
    ],
    ids=["too short", "too long", "far too long", "http", "malformed", "unauthentic"],
)
def test_a_stream_that_can_not_be_trusted_is_closed(
    radsec: RadiusServer, authority: Authority, alun_alun: Issued, octets: bytes, reason: str
) -> None:
    before = closed(reason)
    with connected(radsec, authority, alun_alun) as peer:
        peer.socket.sendall(octets)

        assert peer.hear() is None

    assert closed(reason) == before + 1


def test_an_authentic_packet_that_says_nothing_leaves_the_connection_open(
    radsec: RadiusServer, authority: Authority, alun_alun: Issued, packets: Router
) -> None:
    with connected(radsec, authority, alun_alun) as peer:
        for useless in (packets.report(StatusType.START, "a\0b"), packets.report(15, "80100014")):
            peer.socket.sendall(sign_request(useless, RADSEC))

        assert peer.ask(status()).code == Code.ACCESS_ACCEPT


def test_an_idle_connection_is_closed(city: City, tls: ssl.SSLContext, authority: Authority, alun_alun: Issued) -> None:
    before = closed("idle")
    with (
        serving(city, hosts=["127.0.0.1"], tls=tls, radsec_idle=SILENCE) as server,
        connected(server, authority, alun_alun) as peer,
    ):
        assert peer.ask(status()).code == Code.ACCESS_ACCEPT
        assert peer.hear() is None

    assert closed("idle") == before + 1
    assert RADSEC_CONNECTIONS._value.get() == 0


def test_connections_are_bounded(
    radsec: RadiusServer, authority: Authority, alun_alun: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_CONNECTIONS", 2)
    with connected(radsec, authority, alun_alun) as first, connected(radsec, authority, alun_alun) as second:
        first.ask(status())
        second.ask(status())

        assert hears_nothing_but_the_end(radsec, client_context(authority, alun_alun))

        first.ask(status())
    assert RADSEC_CONNECTIONS._value.get() <= 2


def test_a_flood_of_open_handshakes_keeps_no_router_out(
    radsec: RadiusServer, authority: Authority, alun_alun: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_HANDSHAKES", 4)
    address = radsec.ports.radsec[0].getsockname()
    strangers = [socket.create_connection(address, timeout=PATIENCE) for _ in range(12)]

    with connected(radsec, authority, alun_alun) as peer:
        assert peer.ask(status()).code == Code.ACCESS_ACCEPT
    assert strangers[0].recv(1) == b"", "the oldest gave way"
    for stranger in strangers:
        stranger.close()


def test_requests_beyond_the_bound_wait_in_the_connection_and_none_is_lost(
    city: City,
    radsec: RadiusServer,
    authority: Authority,
    alun_alun: Issued,
    packets: Router,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "MOST_OUTSTANDING", 8)
    reports = [packets.report(StatusType.START, f"8010{number:04d}") for number in range(200)]
    with connected(radsec, authority, alun_alun) as peer:
        with city.database.engine.begin() as holder:
            holder.execute(text("LOCK TABLE guest_session IN EXCLUSIVE MODE"))
            peer.socket.sendall(b"".join(sign_request(report, RADSEC) for report in reports))
            peer.socket.settimeout(SILENCE)
            with pytest.raises(TimeoutError):
                peer.hear()
            connection = next(iter(radsec._radsec_listener._connections))
            assert connection._outstanding == 8
        peer.socket.settimeout(PATIENCE)

        answered = [reply.identifier for reply in (peer.hear() for _ in reports) if reply]

    assert sorted(answered) == sorted(report.identifier for report in reports)


def test_who_does_not_read_replies_is_not_read_from_and_holds_no_memory(
    city: City, tls: ssl.SSLContext, authority: Authority, alun_alun: Issued
) -> None:
    long_reply = [make(Attr.PROXY_STATE, bytes([number]) * 200) for number in range(8)]
    asked = Packet(Code.STATUS_SERVER, 1, b"is anybody there", (*long_reply, make(Attr.NAS_IDENTIFIER, "alun-alun-1")))
    octets = sign_request(asked, RADSEC) * 50
    before = closed("idle")
    with (
        serving(city, hosts=["127.0.0.1"], tls=tls, radsec_idle=1.0) as server,
        connected(server, authority, alun_alun) as peer,
    ):
        peer.socket.settimeout(SILENCE)
        sent = 0
        with suppress(TimeoutError):
            while sent < 64 << 20:
                peer.socket.sendall(octets)
                sent += len(octets)
        transport = next(iter(server._radsec_listener._connections))._transport
        kept = transport.get_write_buffer_size()

        peer.socket.settimeout(PATIENCE)
        while peer.hear() is not None:
            pass

    assert sent < 64 << 20, "the sender was made to wait"
    assert kept <= bounds.MOST_UNREAD + bounds.MOST_OUTSTANDING * 4096
    assert closed("idle") == before + 1


def test_a_server_that_stops_answers_what_it_committed_and_closes(
    city: City, tls: ssl.SSLContext, authority: Authority, alun_alun: Issued, packets: Router
) -> None:
    with (
        serving(city, hosts=["127.0.0.1"], tls=tls, reject_delay=3600) as server,
        connected(server, authority, alun_alun) as peer,
    ):
        packet = packets.access_request(city.credential(), password="guess")
        peer.socket.sendall(sign_request(packet, RADSEC))
        peer.ask(status(200))

        server.stop()

        last = peer.hear()
        assert last is not None
        assert last.code == Code.ACCESS_REJECT
        assert peer.hear() is None
