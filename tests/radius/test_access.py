"""Log-ins through real UDP and a real database: who gets in, who is refused, and that a credential works once."""

from datetime import timedelta

import pytest
from sqlmodel import select

from hotspot.guests.models import Credential
from hotspot.radius.attributes import Attr, Attributes, MikroTik, make
from hotspot.radius.packet import Code, Packet, chap_password, sign_request
from hotspot.radius.server import RadiusServer
from hotspot.sites.models import Site
from hotspot.sites.settings import give
from tests.radius.radius_city import ALUN_ALUN, OTHER_MAC, PERPUSTAKAAN, City, Clock, Router, serving


def code_of(reply: Packet | None) -> Code | None:
    return None if reply is None else Code(reply.code)


def words_of(reply: Packet | None) -> str | None:
    assert reply is not None
    return Attributes(reply.attributes).text(Attr.REPLY_MESSAGE)


@pytest.mark.parametrize("chap", [False, True], ids=["pap", "chap"])
def test_the_right_credential_gets_the_sites_allowance(city: City, router: Router, chap: bool) -> None:
    with city.database.writing() as db:
        site = db.exec(select(Site).where(Site.slug == "alun-alun")).one()
        give(db, site, "session_minutes", 45)
        give(db, site, "data_megabytes", 5_000)
    login = city.credential()

    reply = router.ask(router.access_request(login, chap=chap))

    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT
    assert reply.octets[20] == 80
    told = Attributes(reply.attributes)
    assert told.integer(Attr.SESSION_TIMEOUT) == 45 * 60
    assert told.integer(Attr.IDLE_TIMEOUT) == 15 * 60
    assert told.integer(Attr.ACCT_INTERIM_INTERVAL) == 300
    assert told.text(MikroTik.RATE_LIMIT) == "2000k/5000k"
    assert told.integer64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS) == 5_000_000_000
    assert told.octets(Attr.CLASS) == login.credential_id.bytes


def test_chap_without_a_challenge_uses_the_request_authenticator(city: City, router: Router) -> None:
    login = city.credential()
    asked = router.access_request(login, chap=True)
    from_authenticator = router.access_request(login, chap=True)
    kept = [pair for pair in from_authenticator.attributes if pair[0] not in (Attr.CHAP_CHALLENGE, Attr.CHAP_PASSWORD)]
    proof = make(Attr.CHAP_PASSWORD, chap_password(3, login.password.encode(), asked.authenticator))

    reply = router.ask(Packet(asked.code, asked.identifier, asked.authenticator, (*kept, proof)))

    assert code_of(reply) == Code.ACCESS_ACCEPT


def test_a_credential_works_once(city: City, router: Router) -> None:
    login = city.credential(language="en")

    first = router.ask(router.access_request(login))
    second = router.ask(router.access_request(login))

    assert code_of(first) == Code.ACCESS_ACCEPT
    assert code_of(second) == Code.ACCESS_REJECT
    assert words_of(second) == "This login was already used. Please start again."
    assert second is not None
    assert second.octets[20] == 80


def test_only_one_of_many_at_once_gets_in(city: City, radius: RadiusServer) -> None:
    login = city.credential()
    routers = [Router(radius, ALUN_ALUN, name="alun-alun-1") for _ in range(40)]
    for number, router in enumerate(routers):
        router.identifier = number
        router.socket.settimeout(5)
        router.socket.sendto(sign_request(router.access_request(login), router.secret), radius.auth_address)

    codes = [router.socket.recv(4096)[0] for router in routers]

    for router in routers:
        router.socket.close()
    assert codes.count(Code.ACCESS_ACCEPT) == 1
    assert codes.count(Code.ACCESS_REJECT) == 39


def test_a_credential_dies_after_a_minute(city: City, router: Router, clock: Clock) -> None:
    in_time, late = city.credential(mac="BC:24:11:00:00:05"), city.credential()

    clock.advance(timedelta(seconds=59))
    assert code_of(router.ask(router.access_request(in_time, mac="BC:24:11:00:00:05"))) == Code.ACCESS_ACCEPT
    clock.advance(timedelta(seconds=1))
    reply = router.ask(router.access_request(late))

    assert code_of(reply) == Code.ACCESS_REJECT
    assert words_of(reply) == "Waktu untuk masuk sudah habis. Silakan ulangi dari awal."


def test_another_device_is_refused_and_uses_up_nothing(city: City, router: Router) -> None:
    login = city.credential()

    stolen = router.ask(router.access_request(login, mac=OTHER_MAC))

    assert code_of(stolen) == Code.ACCESS_REJECT
    assert code_of(router.ask(router.access_request(login))) == Code.ACCESS_ACCEPT


def test_another_sites_router_is_refused_and_uses_up_nothing(city: City, radius: RadiusServer, router: Router) -> None:
    login = city.credential()

    with Router(radius, PERPUSTAKAAN, name="perpus-1") as other:
        elsewhere = other.ask(other.access_request(login))

    assert code_of(elsewhere) == Code.ACCESS_REJECT
    assert code_of(router.ask(router.access_request(login))) == Code.ACCESS_ACCEPT


@pytest.mark.parametrize("chap", [False, True], ids=["pap", "chap"])
def test_a_wrong_password_is_refused_and_uses_up_nothing(city: City, router: Router, chap: bool) -> None:
    login = city.credential()

    guess = router.ask(router.access_request(login, password="guess", chap=chap))

    assert code_of(guess) == Code.ACCESS_REJECT
    assert code_of(router.ask(router.access_request(login, chap=chap))) == Code.ACCESS_ACCEPT


def test_an_unknown_guest_a_wrong_password_and_a_foreign_device_hear_the_same(city: City, router: Router) -> None:
    login = city.credential(language="id")
    strangers = router.access_request(login)
    nobody = tuple(
        make(Attr.USER_NAME, "gina") if kind == Attr.USER_NAME else (kind, value)
        for kind, value in strangers.attributes
    )

    replies = [
        router.ask(Packet(strangers.code, strangers.identifier, strangers.authenticator, nobody)),
        router.ask(router.access_request(login, password="guess")),
        router.ask(router.access_request(login, mac=OTHER_MAC)),
    ]

    assert {words_of(reply) for reply in replies} == {"Izin masuk ini tidak berlaku. Silakan ulangi dari awal."}


@pytest.mark.parametrize("missing", [Attr.USER_NAME, Attr.CALLING_STATION_ID, Attr.USER_PASSWORD])
def test_an_incomplete_request_is_refused(city: City, router: Router, missing: Attr) -> None:
    asked = router.access_request(city.credential())
    attributes = tuple(pair for pair in asked.attributes if pair[0] != missing)

    reply = router.ask(Packet(asked.code, asked.identifier, asked.authenticator, attributes))

    assert code_of(reply) == Code.ACCESS_REJECT


@pytest.mark.parametrize("mac", ["not a mac", "00:00:00:00:00:00", "01:00:5E:00:00:01"])
def test_a_calling_station_that_is_no_device_is_refused(city: City, router: Router, mac: str) -> None:
    assert code_of(router.ask(router.access_request(city.credential(), mac=mac))) == Code.ACCESS_REJECT


@pytest.mark.parametrize("text", ["' OR 1=1 --", "x" * 253, "𝕏" * 60, "\x1b[31m", "%s%n", "{0}"])
def test_hostile_user_names_are_refused(city: City, router: Router, text: str) -> None:
    asked = router.access_request(city.credential())
    attributes = tuple(
        make(kind, text) if kind == Attr.USER_NAME else (kind, value) for kind, value in asked.attributes
    )

    reply = router.ask(Packet(asked.code, asked.identifier, asked.authenticator, attributes))

    assert code_of(reply) == Code.ACCESS_REJECT


def test_a_retransmission_gets_the_identical_reply_and_another_request_does_not(city: City, router: Router) -> None:
    octets = sign_request(router.access_request(city.credential()), router.secret)

    first, again = router.ask_octets(octets), router.ask_octets(octets)

    assert first is not None
    assert again is not None
    assert first.code == Code.ACCESS_ACCEPT
    assert first.octets == again.octets


def test_status_server_is_answered_on_both_ports(router: Router) -> None:
    octets = sign_request(Packet(Code.STATUS_SERVER, 1, bytes(range(16))), router.secret)

    assert code_of(router.ask_octets(octets, port="auth")) == Code.ACCESS_ACCEPT
    assert code_of(router.ask_octets(octets, port="acct")) == Code.ACCOUNTING_RESPONSE


def test_use_is_recorded_with_the_servers_time(city: City, router: Router, clock: Clock) -> None:
    login = city.credential()
    clock.advance(timedelta(seconds=7))

    router.ask(router.access_request(login))

    with city.database.reading() as db:
        assert db.get_one(Credential, login.credential_id).used_at == clock.now


def test_a_new_router_is_known_at_once_and_survives_a_restart_of_the_server(city: City, radius: RadiusServer) -> None:
    city.add_router("perpus-2", site="perpustakaan", address="127.0.0.4", secret="the-secret-of-the-new-router-32c")
    login = city.credential(site="perpustakaan")

    with Router(radius, "127.0.0.4", secret="the-secret-of-the-new-router-32c", name="perpus-2") as new:
        asked = new.access_request(login)
        replies = (new.ask(asked, wait=0.2) for _ in range(50))
        assert code_of(next(reply for reply in replies if reply is not None)) == Code.ACCESS_ACCEPT

    with serving(city) as second, Router(second, "127.0.0.4", secret="the-secret-of-the-new-router-32c") as new:
        login = city.credential(site="perpustakaan")
        assert code_of(new.ask(new.access_request(login))) == Code.ACCESS_ACCEPT
