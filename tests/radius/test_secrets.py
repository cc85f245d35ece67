"""Which secret proves which router: while one is replaced, and behind a proxy."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.radius.nases import table_of
from hotspot.radius.packet import Code, Packet, sign_request
from hotspot.radius.server import RadiusServer
from tests.radius.radius_city import ALUN_ALUN, City, Router, dropped, serving


class TestSecretsWithOverlap:
    """While a router's secret is being replaced, both count; the reply is signed with the one that was used."""

    OLD, NEW = "the-secret-that-is-being-replaced", "the-secret-that-comes-in-its-place"

    @pytest.mark.parametrize("secret", [OLD, NEW])
    @pytest.mark.parametrize("chap", [False, True], ids=["pap", "chap"])
    def test_both_secrets_are_answered_in_kind(self, city: City, secret: str, chap: bool) -> None:
        with self.replacing(city) as server, Router(server, ALUN_ALUN, secret=secret, name="alun-alun-1") as router:
            accept = router.ask(router.access_request(city.credential(), chap=chap))  # checks the signature
            stored = router.ask(router.report(StatusType.START, "80100014"))

        assert accept is not None
        assert accept.code == Code.ACCESS_ACCEPT
        assert stored is not None

    def test_a_third_one_is_not(self, city: City) -> None:
        before = dropped("bad_message_authenticator")
        with self.replacing(city) as server, Router(server, ALUN_ALUN, name="alun-alun-1") as router:
            assert router.hears_nothing(sign_request(router.access_request(city.credential()), router.secret))

        assert dropped("bad_message_authenticator") == before + 1

    @contextmanager
    def replacing(self, city: City) -> Iterator[RadiusServer]:
        with serving(city) as server:
            router = server._nases.by_name["alun-alun-1"][0].router
            changed = replace(router, secret=self.NEW.encode(), previous_secret=self.OLD.encode())
            server._nases.by_address = table_of([changed])
            yield server


def test_a_packet_that_came_through_a_proxy_must_name_its_router(city: City, radius: RadiusServer) -> None:
    """A proxy's address says nothing about the router, even where only one router is known there."""
    before = dropped("unknown_nas_identifier")
    state = make(Attr.PROXY_STATE, b"1")
    with Router(radius, ALUN_ALUN, name="another router") as router:
        direct = router.ask(router.access_request(city.credential()))
        proxied = router.access_request(city.credential(), state)

        assert router.hears_nothing(sign_request(proxied, router.secret))

    assert direct is not None
    assert dropped("unknown_nas_identifier") == before + 1


@pytest.mark.parametrize("secret", ["first-secret-behind-one-address!", "second-secret-behind-one-address"])
def test_a_proxy_that_asks_whether_we_are_alive_needs_no_routers_name(city: City, secret: str) -> None:
    for name, its_secret in (("one", "first-secret-behind-one-address!"), ("two", "second-secret-behind-one-address")):
        city.add_router(name, site="alun-alun", address="127.0.0.20", secret=its_secret)
    with serving(city) as server, Router(server, "127.0.0.20", secret=secret) as proxy:
        asked = Packet(Code.STATUS_SERVER, 1, b"is anybody there")

        reply = proxy.ask(asked)

    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT
