"""What the HTTP door of enrolment refuses, hands out and counts."""

import asyncio
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from hotspot.db import Database
from hotspot.routers.api import Calls
from hotspot.routers.enrol import TOKEN_LIFE
from hotspot.routers.models import Router
from tests.routers.boxes import CONTACT, SCRIPT, Box, Controller, Line, callers
from tests.world import World

BOX = Box("HG209ABC1234")
OTHER = Box("HG209ABC9999")
SECOND = timedelta(seconds=1)


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
