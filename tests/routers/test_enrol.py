"""Enrolment as routers meet it: one call over HTTP, with or without leave."""

import logging
from datetime import timedelta

import psycopg
import pytest
from sqlmodel import func, select

from hotspot.errors import HotspotError
from hotspot.routers.enrol import (
    DONE,
    TOKEN_LIFE,
    WAIT,
    NotWaiting,
    OtherCertificate,
    Unbound,
    complete,
    issue_token,
)
from hotspot.routers.inbox import MOST_FROM_ONE_SOURCE
from hotspot.routers.models import Caller, EnrolmentToken, Router, RouterState, TunnelKey
from hotspot.routers.service import CHANGES, known_routers
from hotspot.settings import Settings
from hotspot.telemetry import configure_logging
from tests.routers.boxes import CONTACT, FINGERPRINT, SCRIPT, Box, Controller

BOX = Box("HG209ABC1234")
OTHER = Box("HG209ABC9999")
SECOND = timedelta(seconds=1)


# --- with a token --------------------------------------------------------------------------------------------------------


def test_a_router_with_a_token_is_given_its_tunnel_and_its_name(controller: Controller, settings: Settings) -> None:
    answer = controller.hears(BOX, controller.token())

    with controller.database.reading() as db:
        own = db.get_one(TunnelKey, 1)
    router = controller.router("alun-alun-2")
    assert answer == {
        "next": "tunnel",
        "address": "10.253.0.2",
        "controller": "10.253.0.1",
        "public_key": own.public_key,
        "endpoint_host": "127.0.0.1",
        "endpoint_port": 51820,
        "password": settings.keys.unseal(router.bootstrap_password or b"", context="router-api:alun-alun-2"),
    }
    assert len(answer["password"]) >= 33, "192 bits"
    assert (router.site_id, router.state, router.serial) == (controller.site, "waiting", BOX.serial)
    assert (router.model, router.version, router.licence) == ("hAP ax^2", "7.20.8 (stable)", "4")
    assert router.packages == ["routeros", "wifi-qcom"]
    assert router.device_mode == {"mode": "advanced", "hotspot": "yes", "fetch": "yes"}
    assert (router.address, router.tunnel_address) == ("10.253.0.2", "10.253.0.2")
    assert answer["password"].encode() not in (router.bootstrap_password or b"")


def test_a_lost_answer_is_given_again_and_only_to_the_same_router(controller: Controller) -> None:
    token = controller.token()
    first = controller.hears(BOX, token)

    controller.clock.now += TOKEN_LIFE - SECOND
    assert controller.hears(BOX, token) == first
    assert controller.hears(BOX, "x" * 27) == {"next": "wait", "say": WAIT}, "another token"
    assert controller.hears(BOX)["next"] == "wait", "no token"
    assert controller.hears(Box(BOX.serial, "another key"), token)["next"] == "wait"
    assert controller.hears(OTHER, token)["next"] == "wait", "replayed by another router"
    controller.clock.now += SECOND
    assert controller.hears(BOX, token)["next"] == "wait", "late"


def test_a_token_is_good_for_half_an_hour(controller: Controller) -> None:
    token, later = controller.token(), controller.token()

    controller.clock.now += TOKEN_LIFE
    assert controller.hears(BOX, token)["next"] == "wait"
    controller.clock.now -= SECOND
    assert controller.hears(BOX, later)["next"] == "tunnel"


def test_a_token_for_a_serial_number_enrols_no_other_and_is_not_used_up_by_trying(controller: Controller) -> None:
    token = controller.token(serial=BOX.serial)

    assert controller.hears(OTHER, token) == {"next": "wait", "say": WAIT}
    assert controller.hears(BOX, token)["next"] == "tunnel"
    assert controller.router("router-HG209ABC1234").site_id is None, "adopt first, place later"


def test_a_token_is_bound_to_something(controller: Controller) -> None:
    with controller.database.writing() as db, pytest.raises(Unbound):
        issue_token(db, site_id=None, serial=None, now=controller.clock())


def test_a_token_is_long_never_the_same_and_not_in_the_database(controller: Controller) -> None:
    tokens = [controller.token() for _ in range(50)]

    assert len(set(tokens)) == 50
    assert {len(token) for token in tokens} == {27}, "160 bits"
    with controller.database.reading() as db:
        stored = b"".join(db.exec(select(EnrolmentToken.token_hash)))
    assert not any(token.encode() in stored for token in tokens)


def test_of_a_thousand_parallel_calls_with_one_token_exactly_one_enrols(controller: Controller) -> None:
    token = controller.token()

    answers = [one["next"] for one in controller.hears_all(Box(f"SERIAL{n:04}").says(token) for n in range(1000))]

    assert (answers.count("tunnel"), answers.count("wait")) == (1, 999)
    with controller.database.reading() as db:
        assert db.exec(select(func.count()).where(Router.state == RouterState.WAITING)).one() == 1
        assert db.exec(select(func.count()).select_from(Caller)).one() <= MOST_FROM_ONE_SOURCE + 20


def test_the_same_router_calling_many_times_at_once_is_one_router(controller: Controller) -> None:
    token = controller.token()

    first, *others = controller.hears_all(BOX.says(token) for _ in range(40))

    assert first["next"] == "tunnel"
    assert others == [first] * 39


def test_many_routers_at_once_get_an_address_and_a_name_each(controller: Controller) -> None:
    answers = controller.hears_all(Box(f"SERIAL{n}").says(controller.token()) for n in range(40))

    assert sorted(answer["address"] for answer in answers) == sorted(f"10.253.0.{n}" for n in range(2, 42))
    with controller.database.reading() as db:
        names = set(db.exec(select(Router.name).where(Router.state == RouterState.WAITING)))
    assert names == {f"alun-alun-{n}" for n in range(2, 42)}


def test_no_log_has_a_token_a_password_or_a_key(
    controller: Controller, settings: Settings, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    configure_logging(settings.model_copy(update={"log_level": "debug"}))
    caplog.set_level(logging.DEBUG)
    token = controller.token()
    controller.line.get(SCRIPT, headers={"authorization": f"Bearer {token}"})
    password = controller.hears(BOX, token)["password"]
    controller.hears(OTHER, token)
    controller.line.get(SCRIPT, headers={"authorization": f"Bearer {token}"})
    controller.line.post(CONTACT, content=b'{"token": "' + token.encode())
    controller.line.post(CONTACT, json=BOX.says(token, serial=token + "!"))

    log = "".join(capsys.readouterr()) + caplog.text

    assert "a router was admitted" in log
    assert "refused" in log
    assert token not in log
    assert password not in log


# --- a router that is known ----------------------------------------------------------------------------------------------


def test_a_router_that_was_reset_enrols_again_at_its_site_and_keeps_its_identity(controller: Controller) -> None:
    first = controller.hears(BOX, controller.token())
    controller.completes("alun-alun-2")
    before = controller.router("alun-alun-2")

    again = controller.hears(Box(BOX.serial, "reset"), controller.token(serial=BOX.serial))

    after = controller.router("alun-alun-2")
    assert again["address"] == first["address"]
    assert again["password"] != first["password"]
    assert (after.id, after.secret, after.state) == (before.id, before.secret, "waiting")
    assert after.wireguard_key != before.wireguard_key


def test_a_token_for_one_site_takes_no_router_from_another(controller: Controller) -> None:
    controller.hears(BOX, controller.token())
    token = controller.token(site=controller.other_site)

    assert controller.hears(Box(BOX.serial, "impostor"), token)["next"] == "wait"

    assert controller.router("alun-alun-2").wireguard_key == BOX.key
    assert controller.hears(OTHER, token)["next"] == "tunnel", "and is not used up by the attempt"


@pytest.mark.parametrize("seed", ["", "impostor"])
def test_a_token_for_its_site_takes_no_router_out_of_service(controller: Controller, seed: str) -> None:
    controller.hears(BOX, controller.token())
    controller.completes("alun-alun-2")
    token = controller.token()

    assert controller.hears(Box(BOX.serial, seed), token) == {"next": "wait", "say": WAIT}

    router = controller.router("alun-alun-2")
    assert (router.state, router.wireguard_key) == ("enrolled", BOX.key)
    assert controller.hears(OTHER, token)["next"] == "tunnel", "and is not used up by the attempt"


def test_nobody_takes_over_the_key_of_another_router(controller: Controller) -> None:
    controller.hears(BOX, controller.token())

    assert controller.hears(OTHER, controller.token(), wireguard_key=BOX.key)["next"] == "wait"


def test_a_router_that_is_enrolled_is_told_no_password_any_more(controller: Controller) -> None:
    token = controller.token()
    controller.hears(BOX, token)
    controller.completes("alun-alun-2")

    assert controller.hears(BOX, token) == {"next": "wait", "say": DONE}
    assert controller.router("alun-alun-2").bootstrap_password is None


# --- completion ----------------------------------------------------------------------------------------------------------


def test_radius_listens_to_a_router_only_when_it_is_complete_and_placed(
    controller: Controller, settings: Settings
) -> None:
    def heard() -> set[str]:
        with controller.database.reading() as db:
            return {router.name for router in known_routers(db, settings.keys)} - {"alun-alun-1", "perpustakaan-1"}

    controller.hears(BOX, controller.token())
    controller.hears(OTHER, controller.token(serial=OTHER.serial))
    assert heard() == set()

    controller.completes("alun-alun-2")
    controller.completes("router-HG209ABC9999")
    assert heard() == {"alun-alun-2"}


def test_completing_says_when_and_may_be_said_twice(controller: Controller) -> None:
    controller.hears(BOX, controller.token(), fingerprint="")
    controller.clock.now += timedelta(minutes=1)

    controller.completes("alun-alun-2")
    controller.clock.now += timedelta(minutes=1)
    controller.completes("alun-alun-2")

    router = controller.router("alun-alun-2")
    assert (router.state, router.fingerprint) == ("enrolled", FINGERPRINT)
    assert router.enrolled_at == controller.clock.now - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "fingerprint", "error"),
    [("alun-alun-2", "cd" * 32, OtherCertificate), ("alun-alun-1", FINGERPRINT, NotWaiting)],
)
def test_only_a_waiting_router_with_its_own_certificate_is_completed(
    controller: Controller, name: str, fingerprint: str, error: type[HotspotError]
) -> None:
    controller.hears(BOX, controller.token())

    with controller.database.writing() as db, pytest.raises(error, match=name):
        complete(db, name, fingerprint=fingerprint, now=controller.clock())


def test_whoever_keeps_the_tunnel_is_told_of_a_new_router(controller: Controller) -> None:
    with psycopg.connect(controller.database.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANGES}")

        controller.hears(BOX, controller.token())

        assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1
