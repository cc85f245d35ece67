"""The door to routers, against the simulated RouterOS over TLS, and against peers that mean harm."""

import logging
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from time import monotonic
from typing import Any

import pytest

from benchmarks.live_router import PASSWORD, Live
from hotspot.routers import connection
from hotspot.routers.connection import (
    OutsideTunnel,
    RouterOS,
    RouterRefused,
    RouterUnreachable,
    WrongCertificate,
)
from hotspot.simulator.routeros import certificates
from hotspot.simulator.routeros.server import tls_context
from hotspot.simulator.routeros.wire import encode_sentence

POOL = "/ip/pool"
FILTER = "/ip/firewall/filter"


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with Live() as box:
        yield box


@pytest.fixture
def router(live: Live) -> Iterator[RouterOS]:
    before = live.router.config
    with RouterOS.connect(live.target(), dial=live.dial) as opened:
        yield opened
    live.at_once(lambda: live.router.restore(before))


def test_rows_are_made_read_changed_moved_and_removed(router: RouterOS) -> None:
    rule = {"chain": "input", "action": "accept"}
    first, last = (router.add(FILTER, {**rule, "comment": name}) for name in ("first", "last"))
    middle = router.add(FILTER, {**rule, "comment": "middle", "place-before": last})

    def order() -> list[str]:
        return [row["comment"] for row in router.read(FILTER, [".id", "comment"])]

    assert order() == ["first", "middle", "last"]
    router.move(FILTER, last, first)
    router.move(FILTER, first, None)
    assert order() == ["last", "middle", "first"]
    router.set(FILTER, middle, {"comment": "the middle", "protocol": "tcp"})
    router.unset(FILTER, middle, ["protocol"])
    router.remove(FILTER, last)
    assert router.read(FILTER, [".id", "comment", "protocol"]) == [
        {".id": middle, "comment": "the middle"},
        {".id": first, "comment": "first"},
    ]


def test_a_singleton_has_no_number(router: RouterOS) -> None:
    router.set("/system/identity", "", {"name": "1500"})

    assert router.read("/system/identity", ["name"]) == [{"name": "1500"}]  # text, whatever it looks like


def test_no_rows_are_an_empty_list(router: RouterOS) -> None:
    assert router.read(POOL, ["name"]) == []  # !empty since 7.18


@pytest.mark.parametrize("name", ["Perpustakaan Ñ 図書館 🛜", "no", "007", "a=b=c", "caf\U0010f0e9", "x" * 200])
def test_every_text_comes_back_as_it_went(router: RouterOS, name: str) -> None:
    """U+10F0E9 stands for the octet E9, which is no text of its own."""
    router.add(POOL, {"name": name, "ranges": "10.0.0.1"})

    assert router.read(POOL, ["name"]) == [{"name": name}]


def test_a_refusal_says_what_was_refused_and_the_connection_lives_on(router: RouterOS) -> None:
    with pytest.raises(RouterRefused) as refused:
        router.add("/ip/hotspot", {"interface": "nowhere"})
    assert refused.value.category == 1
    assert "/ip/hotspot/add: input does not match any value of interface" in str(refused.value)

    with pytest.raises(RouterRefused) as refused:
        router.call("/ip/nothing", "print", {})
    assert refused.value.category == 0
    assert router.read("/system/identity", ["name"])


def test_no_password_is_logged_or_shown(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), RouterOS.connect(live.target(), dial=live.dial):
        pass

    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(live.target())


def test_a_wrong_password_is_refused(live: Live) -> None:
    with pytest.raises(RouterRefused, match="invalid user name or password"):
        RouterOS.connect(live.target(password="p-another"), dial=live.dial)


def test_another_certificate_hears_nothing(live: Live) -> None:
    heard = live.at_once(lambda: len(live.router.log))

    with pytest.raises(WrongCertificate):
        RouterOS.connect(live.target(fingerprint="00" * 32, password="p-wrong"), dial=live.dial)

    assert live.at_once(lambda: len(live.router.log)) == heard  # a log-in would have failed, and been noted


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.254.0.2", "10.253.0.0", "10.253.0.1", "10.253.255.255", "169.254.1.1", "8.8.8.8"]
)
def test_only_routers_in_the_tunnel_are_dialled(live: Live, address: str) -> None:
    dials = live.dials

    with pytest.raises(OutsideTunnel, match=address):
        RouterOS.connect(live.target(address=IPv4Address(address)), dial=live.dial)

    assert live.dials == dials


def test_a_router_that_is_away_is_unreachable(live: Live) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = unused.getsockname()
    with pytest.raises(RouterUnreachable, match="refused"):
        RouterOS.connect(live.target(), dial=lambda _address, _port: socket.create_connection(nowhere, 1))


def test_a_cut_connection_is_unreachable_and_stays_closed(live: Live) -> None:
    with RouterOS.connect(live.target(), dial=live.dial) as router:
        live.cut()
        for _ in range(2):
            with pytest.raises(RouterUnreachable):
                router.read(POOL, ["name"])


# --- peers that mean harm ------------------------------------------------------------------------------------------------


Deed = Callable[[ssl.SSLSocket], None]


@pytest.fixture
def against(live: Live) -> Iterator[Callable[[Deed], RouterOS]]:
    """Somebody with the router's own certificate who logs us in, reads a question and then does something else."""
    opened: list[Any] = []

    def serve(deed: Deed) -> RouterOS:
        near, far = socket.socketpair()
        context = tls_context(certificates.pair_of(live.router.config, "hotspot-api"))

        def answer() -> None:
            try:
                with context.wrap_socket(far, server_side=True) as peer:
                    peer.recv(65536)
                    peer.sendall(encode_sentence(["!done"]))
                    peer.recv(65536)
                    deed(peer)
            except OSError:
                pass  # the victim has had enough

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        opened.extend([near, far, thread])
        router = RouterOS.connect(live.target(), dial=lambda _address, _port: near)
        opened.insert(0, router)
        return router

    yield serve
    for each in opened:
        (each.join if isinstance(each, threading.Thread) else each.close)()


def _says(octets: bytes) -> Deed:
    return lambda peer: peer.sendall(octets)


def _says_forever(octets: bytes) -> Deed:
    def deed(peer: ssl.SSLSocket) -> None:
        while True:
            peer.sendall(octets * 1000)

    return deed


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (_says(b"\xf8\x00\x00"), "controll byte"),
        (_says(b"\xf0\xff\xff\xff\xff"), "controll byte"),
        (_says(b"\xef\xff\xff\xff"), "a word of its answer is too long"),
        (_says_forever(b"\x00"), "too long"),
        (_says_forever(b"\x01a"), "a sentence of its answer is too long"),
        (_says_forever(encode_sentence(["!re", "=a="])), "its answer is too long"),
        (_says_forever(encode_sentence(["!trap", "=message=a"])), "its answer is too long"),
        (_says_forever(encode_sentence(["!re", "=a=" + "b" * 100_000])), "its answer is too long"),
        (_says(encode_sentence(["!fatal", "too \x1b[31mmany"])), "it ended the conversation (too ·[31mmany)"),
        (lambda _peer: None, "it hung up"),
    ],
    ids=["control", "five octets", "giant word", "nothing", "words", "rows", "traps", "octets", "fatal", "gone"],
)
def test_a_hostile_peer_is_left(against: Callable[[Deed], RouterOS], deed: Deed, words: str) -> None:
    router = against(deed)

    with pytest.raises(RouterUnreachable) as left:
        router.read(POOL, ["name"])

    assert words in str(left.value)


def test_a_peer_that_dawdles_is_left_in_time(
    against: Callable[[Deed], RouterOS], monkeypatch: pytest.MonkeyPatch
) -> None:
    enough = threading.Event()

    def dawdle(peer: ssl.SSLSocket) -> None:
        while not enough.wait(0.02):
            peer.sendall(encode_sentence(["!re", "=a="]))

    router = against(dawdle)
    began = monotonic()
    with pytest.raises(RouterUnreachable, match=r"no answer within 0\.3 seconds"):
        router.call(POOL, "print", {}, patience=0.3)
    assert monotonic() - began < 5
    enough.set()
    with pytest.raises(RouterUnreachable):  # whose answer would the next one be?
        router.read(POOL, ["name"])


def test_a_refusal_is_repeated_in_part_and_without_control_characters(against: Callable[[Deed], RouterOS]) -> None:
    said = encode_sentence(["!trap", "=category=x", "=message=\x1b[2J" + "{a}" * 1000]) + encode_sentence(["!done"])
    router = against(_says(said))

    with pytest.raises(RouterRefused) as refused:
        router.read(POOL, ["name"])

    assert refused.value.category is None
    assert "·[2J{a}{a}" in str(refused.value)
    assert len(str(refused.value)) < connection.LONGEST_MESSAGE + 60


def test_several_refusals_are_one(against: Callable[[Deed], RouterOS]) -> None:
    trap = encode_sentence(["!trap", "=message=first"]), encode_sentence(["!trap", "=message=second"])
    router = against(_says(b"".join(trap) + encode_sentence(["!done"])))

    with pytest.raises(RouterRefused, match="first"):
        router.read(POOL, ["name"])


def test_no_octets_do_more_than_end_a_call(live: Live) -> None:
    """Random answers, some of them near the truth, in the process itself: only the two errors come out."""
    chance = random.Random(4)
    true = encode_sentence(["!re", "=.id=*1", "=name=a"]) + encode_sentence(["!done"])
    for _ in range(3000):
        octets = bytearray(true * 2 if chance.random() < 0.7 else chance.randbytes(60))
        for _ in range(chance.randrange(4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        near, far = socket.socketpair()
        far.sendall(octets)
        far.close()
        router = RouterOS("it", connection._Stream(near, b""))
        try:
            assert all(isinstance(text, str) for row in router.read(POOL, ["name"]) for text in row.values())
        except (RouterUnreachable, RouterRefused):
            pass
        finally:
            router.close()
