"""Enrolment as routers meet it: one call over HTTP, with or without leave."""

import asyncio
import json
import logging
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import psycopg
import pytest
from sqlmodel import func, select

from hotspot.db import Database
from hotspot.errors import HotspotError
from hotspot.routers import inbox
from hotspot.routers.api import Calls
from hotspot.routers.contact import parse
from hotspot.routers.enrol import (
    DONE,
    TOKEN_LIFE,
    WAIT,
    NotWaiting,
    OtherCertificate,
    SerialKnown,
    Unbound,
    adopt,
    complete,
    forget_old,
    issue_token,
)
from hotspot.routers.inbox import MOST_FROM_ONE_SOURCE, SILENCE, NoSuchCaller
from hotspot.routers.models import Caller, EnrolmentToken, Router, RouterState, TunnelKey
from hotspot.routers.service import CHANGES, known_routers
from hotspot.settings import Settings
from hotspot.telemetry import configure_logging
from tests.routers.boxes import CONTACT, FINGERPRINT, SCRIPT, Box, Controller, Line
from tests.world import World

BOX = Box("HG209ABC1234")
OTHER = Box("HG209ABC9999")
SECOND = timedelta(seconds=1)


def callers(controller: Controller) -> list[Caller]:
    with controller.database.reading() as db:
        found = list(inbox.callers(db))
        db.expunge_all()
        return found


def adopted(controller: Controller, settings: Settings, *, site: int | None = None, again: bool = False) -> str:
    """Adopt the only caller."""
    (caller,) = callers(controller)
    assert caller.id is not None
    with controller.database.writing() as db:
        return adopt(db, caller.id, site_id=site, again=again, settings=settings, now=controller.clock()).name


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

    again = controller.hears(Box(BOX.serial, "reset"), controller.token())

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


# --- the inbox -----------------------------------------------------------------------------------------------------------


def test_an_unknown_router_waits_in_the_inbox_once_however_often_it_calls(controller: Controller) -> None:
    assert controller.hears(BOX) == {"next": "wait", "say": WAIT}
    controller.clock.now += timedelta(minutes=2)
    controller.hears(BOX, version="7.21")
    controller.hears(OTHER, "a-token-that-was-never-issued")

    found = {caller.serial: caller for caller in callers(controller)}

    assert set(found) == {BOX.serial, OTHER.serial}
    assert found[BOX.serial].version == "7.21"
    assert found[BOX.serial].last_at - found[BOX.serial].first_at == timedelta(minutes=2)
    assert found[BOX.serial].source == ""


def test_two_who_claim_one_serial_number_are_both_seen(controller: Controller) -> None:
    controller.hears(BOX)
    controller.hears(Box(BOX.serial, "impostor"))

    assert [caller.serial for caller in callers(controller)] == [BOX.serial, BOX.serial]


def test_an_adopted_router_gets_its_tunnel_when_it_calls_again_without_a_token(
    controller: Controller, settings: Settings
) -> None:
    controller.hears(BOX)

    name = adopted(controller, settings)

    assert name == "router-HG209ABC1234"
    assert callers(controller) == []
    first = controller.hears(BOX, "o" * 27)
    assert first["next"] == "tunnel"
    assert controller.hears(BOX) == first
    assert controller.hears(Box(BOX.serial, "impostor"))["next"] == "wait"
    controller.clock.now += timedelta(hours=24)
    assert controller.hears(BOX)["next"] == "wait", "adopted long ago"


def test_a_known_serial_number_is_adopted_only_when_somebody_says_that_it_was_reset(
    controller: Controller, settings: Settings
) -> None:
    controller.hears(BOX, controller.token())
    controller.hears(Box(BOX.serial, "reset"))

    with pytest.raises(SerialKnown, match=r"belongs to alun-alun-2.*--again"):
        adopted(controller, settings)
    assert adopted(controller, settings, again=True) == "alun-alun-2"


def test_what_is_not_in_the_inbox_can_not_be_adopted(controller: Controller, settings: Settings) -> None:
    with controller.database.writing() as db, pytest.raises(NoSuchCaller, match="99"):
        adopt(db, 99, site_id=None, again=False, settings=settings, now=controller.clock())


def test_a_flood_of_invented_routers_is_bounded_and_pushes_nobody_out(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_CALLERS", 12)
    monkeypatch.setattr(inbox, "MOST_FROM_ONE_SOURCE", 5)
    with controller.database.writing() as db:
        for source in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
            for number in range(8):
                contact = parse(json.dumps(Box(f"{source.replace('.', '-')}-{number}").says()).encode())
                inbox.note(db, contact, source=source, now=controller.clock())

    assert len(callers(controller)) == 12
    controller.clock.now += timedelta(hours=1)
    assert controller.hears(Box("192-0-2-1-0"))["next"] == "wait"
    assert controller.hears(BOX)["next"] == "wait"
    latest = callers(controller)[0]
    assert (len(callers(controller)), latest.serial) == (12, "192-0-2-1-0"), "who is in it stays and is renewed"


def test_what_is_silent_for_a_day_and_tokens_that_are_over_are_forgotten(controller: Controller) -> None:
    controller.hears(BOX)
    controller.token()
    with controller.database.writing() as db:
        forget_old(db, now=controller.clock() + TOKEN_LIFE - SECOND)
        assert db.exec(select(func.count()).select_from(EnrolmentToken)).one() == 1
        forget_old(db, now=controller.clock() + SILENCE - SECOND)
        assert db.exec(select(func.count()).select_from(EnrolmentToken)).one() == 0
    assert len(callers(controller)) == 1
    with controller.database.writing() as db:
        forget_old(db, now=controller.clock() + SILENCE)
    assert callers(controller) == []


# --- the door ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"x" * 8193, b"[" * 8000])
def test_what_is_no_contact_is_refused_in_json_and_kept_nowhere(controller: Controller, content: bytes) -> None:
    answer = controller.line.post(CONTACT, content=content)

    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert answer.headers["cache-control"] == "no-store"
    assert callers(controller) == []


@pytest.mark.parametrize(("method", "path"), [("GET", CONTACT), ("POST", SCRIPT), ("GET", "/api/enrol/v1/nothing")])
def test_other_methods_and_addresses_are_errors_in_json(controller: Controller, method: str, path: str) -> None:
    answer = controller.line.request(method, path)

    assert answer.status_code in (404, 405)
    assert answer.json()["error"]


def test_the_script_is_given_to_who_shows_an_open_token(controller: Controller) -> None:
    token = controller.token()

    for _ in range(2):
        answer = controller.line.get(SCRIPT, headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert token in answer.text, "of plain characters, so it is not escaped"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Bearer " + "x" * 27, "Basic {token}", "Bearer {token}"]
)
def test_every_other_token_gets_the_same_answer(controller: Controller, header: str | None) -> None:
    token = controller.token()
    controller.clock.now += TOKEN_LIFE
    headers = {} if header is None else {"authorization": header.format(token=token)}

    answer = controller.line.get(SCRIPT, headers=headers)

    assert answer.status_code == 404
    assert answer.json() == {"error": "There is no script for this token: it is used up, too old, or was never issued"}


def test_a_token_that_was_used_gets_its_script_for_as_long_as_its_router_may_repeat_the_call(
    controller: Controller,
) -> None:
    """The one line fetches the script each time, also after the answer to the call was lost."""
    token = controller.token()
    controller.hears(BOX, token)

    assert controller.line.get(SCRIPT, headers={"authorization": f"Bearer {token}"}).status_code == 200
    controller.clock.now += TOKEN_LIFE
    assert controller.line.get(SCRIPT, headers={"authorization": f"Bearer {token}"}).status_code == 404


def test_a_call_that_was_cut_off_is_none_and_no_fault_of_ours(controller: Controller) -> None:
    token = controller.token()
    events = iter(({"type": "http.request", "body": b'{"token": "', "more_body": True}, {"type": "http.disconnect"}))
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(events)

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "POST", "path": CONTACT, "headers": [], "query_string": b"", "client": ("", 0)}
    asyncio.run(controller.app({**scope, "http_version": "1.1", "scheme": "http", "root_path": ""}, receive, send))  # type: ignore[arg-type]

    assert answers[0]["status"] == 422
    assert controller.hears(BOX, token)["next"] == "tunnel"


def test_calls_are_counted_by_where_they_come_from(controller: Controller) -> None:
    controller.app.state.calls = Calls()

    statuses = [controller.line.post(CONTACT, json=BOX.says()).status_code for _ in range(61)]

    assert statuses == [200] * 60 + [503]
    refused = controller.line.post(CONTACT, content=b"not even read")
    assert refused.headers["retry-after"]
    controller.clock.now += timedelta(minutes=1)
    assert controller.line.post(CONTACT, json=BOX.says()).status_code == 200


@pytest.mark.parametrize(
    ("client", "source"),
    [(("192.0.2.7", 5), "192.0.2.7"), (("2001:db8:1:2::7", 5), "2001:db8:1:2::/64"), (("testclient", 5), "")],
)
def test_a_whole_ipv6_network_counts_as_one_source(
    controller: Controller, client: tuple[str, int], source: str
) -> None:
    line = Line(controller.app, client)
    line.post(CONTACT, json=BOX.says())
    line.close()

    assert [caller.source for caller in callers(controller)] == [source]


def test_enrolment_is_off_the_radius_world(world: World, controller: Controller, database: Database) -> None:
    """The addresses given lie in the network of the settings, apart from everything that was configured by hand."""
    answer = controller.hears(BOX, controller.token())

    network = ip_network("10.253.0.0/16")
    assert answer["address"] in {str(address) for address in list(network.hosts())[:10]}
    with database.reading() as db:
        assert db.get_one(Router, world.router).tunnel_address is None
