"""Where the server listens: both families, exclusively, and shared among its own processes only."""

import errno
import socket
from dataclasses import dataclass

import pytest

from hotspot.radius import ports
from hotspot.radius.nases import plain, table_of
from hotspot.radius.packet import Code
from hotspot.radius.ports import PortTaken, close, datagrams, share, take
from hotspot.routers.service import KnownRouter
from tests.radius.radius_city import ALUN_ALUN, City, Router, serving

SECRET = "the-secret-of-the-router-on-ipv6"
LOOPBACK = ("127.0.0.1", "::1")


@dataclass
class At:
    """The server at one of its addresses."""

    auth_address: tuple[str, int]
    acct_address: tuple[str, int]


def test_routers_of_both_families_are_answered_on_the_same_port(city: City) -> None:
    city.add_router("six", site="alun-alun", address="::1", secret=SECRET)
    with serving(city, hosts=["0.0.0.0", "::"]) as server:
        six = At(*(("::1", address[1]) for address in (server.auth_address, server.acct_address)))
        with Router(six, "::1", secret=SECRET, name="six") as router:
            over_six = router.ask(router.access_request(city.credential()))
        with Router(server, ALUN_ALUN, name="alun-alun-1") as router:
            over_four = router.ask(router.access_request(city.credential()))

    assert over_six is not None
    assert over_six.code == Code.ACCESS_ACCEPT
    assert over_four is not None
    assert over_four.code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize(
    ("as_the_socket_says", "as_registered"),
    [
        ("::ffff:10.0.0.2", "10.0.0.2"),
        ("10.0.0.2", "::ffff:10.0.0.2"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%3", "fe80::1%eth0"),
        ("fd00::1", "FD00:0::1"),
    ],
)
def test_an_address_is_looked_up_in_one_spelling(as_the_socket_says: str, as_registered: str) -> None:
    assert plain(as_the_socket_says) in table_of([KnownRouter(1, "six", 1, as_registered, "", b"s" * 16)])


def test_a_mapped_source_is_the_router_with_that_ipv4_address(city: City) -> None:
    with serving(city, hosts=["127.0.0.1"]) as server:
        assert server._nases.at(f"::ffff:{ALUN_ALUN}") is server._nases.at(ALUN_ALUN) is not None
        assert server._nases.at("::ffff:127.0.0.99") is None


def test_any_free_port_is_the_same_at_every_address() -> None:
    bound = take(LOOPBACK, auth=0, acct=0, radsec=0)

    for sockets in (bound.auth, bound.acct, bound.radsec):
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
    bound.close()


def test_a_machine_without_ipv6_is_served_by_ipv4_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bind = ports._bound

    def without_ipv6(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
        if ":" in host:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return bind(host, port, kind)

    monkeypatch.setattr(ports, "_bound", without_ipv6)

    bound = datagrams(["127.0.0.1", "::"], 0)

    assert [sock.family for sock in bound] == [socket.AF_INET]
    assert "no IPv6" in capsys.readouterr().out
    close(bound)
    with pytest.raises(PortTaken, match=r"fd00::1 port \d+: Address family not supported"):
        datagrams(["127.0.0.1", "fd00::1"], 0)  # asked for by name: not passed over


@pytest.mark.parametrize("processes", [1, 2])
def test_a_port_is_refused_to_anybody_else_however_many_processes_share_it(processes: int) -> None:
    bound = take(LOOPBACK, auth=0, acct=0, radsec=0)
    shared = share(bound, processes)

    for named, sockets in (("auth", bound.auth), ("acct", bound.acct), ("radsec", bound.radsec)):
        wanted = {"auth": 0, "acct": 0, "radsec": 0} | {named: sockets[0].getsockname()[1]}
        with pytest.raises(PortTaken, match=f"port {wanted[named]}: Address already in use"):
            take(LOOPBACK, **wanted)
    for each in shared:
        each.close()


def test_datagrams_to_a_shared_port_are_spread_and_none_is_lost() -> None:
    first, second = share(take(["127.0.0.1"], auth=0, acct=0, radsec=None), 2)
    for _ in range(64):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as router:
            router.sendto(b"x", first.auth[0].getsockname())

    heard = [_count(each.auth[0]) for each in (first, second)]

    assert sum(heard) == 64
    assert min(heard) > 0
    first.close()
    second.close()


def _count(sock: socket.socket) -> int:
    heard = 0
    while True:
        try:
            sock.recv(8)
        except BlockingIOError:
            return heard
        heard += 1
