"""What can't be authenticated meets silence and a counter; what can is answered."""

import random
from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest

from hotspot.radius.attributes import Attr, make
from hotspot.radius.packet import (
    NO_AUTHENTICATOR,
    Code,
    Packet,
    RawAttribute,
    Secret,
    encode,
    sign_request,
)
from hotspot.radius.server import RadiusServer
from tests.radius.radius_city import City, Router, dropped, serving

EMPTY = make(Attr.MESSAGE_AUTHENTICATOR, NO_AUTHENTICATOR)
PROXY_STATE = make(Attr.PROXY_STATE, b"\x01chosen by an attacker")


def without(packet: Packet) -> bytes:
    return encode(packet)


def bad(packet: Packet) -> bytes:
    return encode(_with(packet, *packet.attributes, (80, b"x" * 16)))


def truncated(packet: Packet) -> bytes:
    octets = encode(packet) + b"\x50\x0a" + bytes(8)
    return octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]


def twice(packet: Packet) -> bytes:
    signed = sign_request(_with(packet, *packet.attributes, EMPTY), SECRET)
    octets = signed + signed[-18:]
    return octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]


def last(packet: Packet) -> bytes:
    return sign_request(_with(packet, *packet.attributes, EMPTY), SECRET)


def first(packet: Packet) -> bytes:
    return sign_request(_with(packet, EMPTY, *packet.attributes), SECRET)


def by_another_secret(packet: Packet) -> bytes:
    return sign_request(packet, Secret(b"a secret that somebody made up.."))


SECRET = Secret(b"the-secret-of-alun-alun-32-chars")
REFUSED = {
    without: "no_message_authenticator",
    bad: "bad_message_authenticator",
    truncated: "malformed",
    twice: "malformed",
    by_another_secret: "bad_message_authenticator",
}


def _with(packet: Packet, *attributes: RawAttribute) -> Packet:
    return Packet(packet.code, packet.identifier, packet.authenticator, attributes)


@pytest.mark.parametrize("proxied", [(), (PROXY_STATE,)], ids=["no-proxy-state", "proxy-state"])
@pytest.mark.parametrize("chap", [False, True], ids=["pap", "chap"])
class TestMatrix:
    @pytest.mark.parametrize("signing", REFUSED, ids=lambda signing: signing.__name__)
    def test_only_silence_for(
        self,
        city: City,
        router: Router,
        chap: bool,
        proxied: tuple[RawAttribute, ...],
        signing: Callable[[Packet], bytes],
    ) -> None:
        login = city.credential()
        before = dropped(REFUSED[signing])

        assert router.is_met_with_silence(signing(router.access_request(login, *proxied, chap=chap)))

        assert dropped(REFUSED[signing]) == before + 1
        reply = router.ask(router.access_request(login, chap=chap))  # the credential is still good
        assert reply is not None
        assert reply.code == Code.ACCESS_ACCEPT

    @pytest.mark.parametrize("signing", [first, last], ids=lambda signing: signing.__name__)
    @pytest.mark.parametrize("password", [None, "guess"], ids=["accept", "reject"])
    def test_a_valid_one_is_answered_with_its_own_first(
        self,
        city: City,
        router: Router,
        chap: bool,
        proxied: tuple[RawAttribute, ...],
        signing: Callable[[Packet], bytes],
        password: str | None,
    ) -> None:
        asked = router.access_request(city.credential(), *proxied, chap=chap, password=password)

        reply = router.ask_octets(signing(asked))

        assert reply is not None
        assert reply.code == (Code.ACCESS_REJECT if password else Code.ACCESS_ACCEPT)
        assert reply.octets[20] == 80
        assert [value for kind, value in reply.attributes if kind == Attr.PROXY_STATE] == [
            value for _, value in proxied
        ]  # RFC 2865 §5.33: given back unchanged


def test_unknown_sources_meet_silence(city: City, radius: RadiusServer) -> None:
    before = dropped("unknown_source")
    with Router(radius, "127.0.0.77", secret="the-secret-of-alun-alun-32-chars") as stranger:
        asked = stranger.access_request(city.credential())

        assert stranger.hears_nothing(sign_request(asked, stranger.secret))

    assert dropped("unknown_source") == before + 1


@pytest.mark.parametrize(
    ("octets", "port", "reason"),
    [
        (b"", "auth", "malformed"),
        (b"\x01" * 19, "auth", "malformed"),
        (bytes(4097), "auth", "malformed"),
        (b"\x04\x01\x00\x14" + bytes(16), "auth", "wrong_code"),
        (b"\x01\x01\x00\x14" + bytes(16), "acct", "wrong_code"),
        (b"\x02\x01\x00\x14" + bytes(16), "auth", "wrong_code"),
        (b"\x28\x01\x00\x14" + bytes(16), "acct", "wrong_code"),
        (b"\x04\x01\x00\x14" + bytes(16), "acct", "bad_authenticator"),
        (b"\x0c\x01\x00\x14" + bytes(16), "auth", "no_message_authenticator"),
    ],
)
def test_other_datagrams_meet_silence(router: Router, octets: bytes, port: str, reason: str) -> None:
    before = dropped(reason)

    assert router.is_met_with_silence(octets, port=port)

    assert dropped(reason) == before + 1


def test_a_password_given_twice_over_is_dropped_and_may_be_asked_again(city: City, router: Router) -> None:
    asked = router.access_request(city.credential(), make(Attr.CHAP_PASSWORD, bytes(17)))
    octets = sign_request(asked, router.secret)
    before = dropped("malformed")

    assert router.is_met_with_silence(octets)
    assert router.is_met_with_silence(octets)

    assert dropped("malformed") == before + 2


def test_any_damage_to_a_signed_packet_is_met_with_silence(city: City, router: Router) -> None:
    login, chance = city.credential(), random.Random(19_71)
    right = sign_request(router.access_request(login), router.secret)
    router.socket.settimeout(0.5)

    for _ in range(1_000):
        octets = bytearray(right)
        octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        router.socket.sendto(octets, router.server.auth_address)

    with pytest.raises(TimeoutError):
        router.socket.recv(4096)
    reply = router.ask_octets(right)
    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT


class TestTwoRoutersBehindOneAddress:
    """Told apart by NAS-Identifier, and each proven by its own secret."""

    ADDRESS = "127.0.0.20"
    SECRETS: ClassVar = {
        "alun-alun-2": "first-secret-behind-one-address!",
        "perpus-2": "second-secret-behind-one-address",
    }

    @pytest.fixture
    def shared(self, city: City) -> Iterator[RadiusServer]:
        for name, site in (("alun-alun-2", "alun-alun"), ("perpus-2", "perpustakaan")):
            city.add_router(name, site=site, address=self.ADDRESS, secret=self.SECRETS[name])
        with serving(city) as radius:
            yield radius

    @pytest.mark.parametrize(("name", "site"), [("alun-alun-2", "alun-alun"), ("perpus-2", "perpustakaan")])
    def test_each_authenticates_its_own_site(self, city: City, shared: RadiusServer, name: str, site: str) -> None:
        other = "perpustakaan" if site == "alun-alun" else "alun-alun"
        with Router(shared, self.ADDRESS, secret=self.SECRETS[name], name=name) as router:
            own = router.ask(router.access_request(city.credential(site=site)))
            foreign = router.ask(router.access_request(city.credential(site=other)))

        assert own is not None
        assert own.code == Code.ACCESS_ACCEPT
        assert foreign is not None
        assert foreign.code == Code.ACCESS_REJECT

    @pytest.mark.parametrize(("name", "claimed"), [("alun-alun-2", "perpus-2"), ("perpus-2", "alun-alun-2")])
    def test_swapped_identifiers_meet_silence(self, city: City, shared: RadiusServer, name: str, claimed: str) -> None:
        before = dropped("bad_message_authenticator")
        with Router(shared, self.ADDRESS, secret=self.SECRETS[name], name=claimed) as router:
            asked = router.access_request(city.credential(site="perpustakaan"))

            assert router.hears_nothing(sign_request(asked, router.secret))

        assert dropped("bad_message_authenticator") == before + 1

    @pytest.mark.parametrize("claimed", ["alun-alun-1", "nobody", "alun-alun-2 "])
    def test_other_identifiers_meet_silence(self, city: City, shared: RadiusServer, claimed: str) -> None:
        before = dropped("unknown_nas_identifier")
        with Router(shared, self.ADDRESS, secret=self.SECRETS["alun-alun-2"], name=claimed) as router:
            asked = router.access_request(city.credential())

            assert router.hears_nothing(sign_request(asked, router.secret))

        assert dropped("unknown_nas_identifier") == before + 1


def test_an_invalid_packet_never_touches_the_duplicate_cache(city: City, router: Router) -> None:
    asked = router.access_request(city.credential())
    forged = sign_request(asked, Secret(b"a secret that somebody made up.."))

    assert router.is_met_with_silence(forged)
    reply = router.ask_octets(sign_request(asked, router.secret))  # same identifier and authenticator

    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize("proxied", [[b"x"] * 33, [b"x" * 253] * 9])
def test_a_reply_that_would_not_fit_is_never_begun(city: City, router: Router, proxied: list[bytes]) -> None:
    login = city.credential()
    asked = router.access_request(login, *(make(Attr.PROXY_STATE, value) for value in proxied))

    assert router.is_met_with_silence(sign_request(asked, router.secret))

    reply = router.ask(router.access_request(login))
    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT
