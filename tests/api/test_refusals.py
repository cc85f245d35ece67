"""What the API refuses, each time as a problem in words: what is not there, makes no sense, is too much, or was cut off."""

import asyncio
import json

import pytest
from sqlalchemy.exc import OperationalError
from starlette.types import Message, Scope

from hotspot.api import routers as api_routers
from hotspot.staff import tokens
from tests.api.test_api import BASE, NAME, PLAN, Office, office, problem
from tests.world import BOB, GEDUNG_NASIONAL, ROUTER_SECRET

__all__ = ["office"]  # fixture


def test_what_is_not_there_or_makes_no_sense_is_a_problem_in_words(office: Office) -> None:
    bob = office.program(BOB, tokens.Scope.OPERATE)

    assert "no router named nobody" in problem(bob.ask("GET", "/routers/nobody"), 404)
    assert "no plan" in problem(bob.ask("GET", f"/plans/{PLAN}"), 404)
    assert "no plan" in problem(bob.ask("POST", f"/plans/{PLAN}/apply", json={}), 404)
    assert "no run 1" in problem(bob.ask("GET", "/runs/1"), 404)
    assert "no run 1" in problem(bob.ask("POST", "/runs/1/rollback"), 404)
    assert "is done, or never was" in problem(bob.ask("GET", "/jobs/1"), 404)
    assert "number 7" in problem(bob.ask("POST", "/inbox/7/adopt", json={}), 404)
    assert "is manual" in problem(bob.ask("POST", f"/routers/{NAME}/plans", json={}), 409)
    assert "number" in problem(bob.ask("GET", "/runs/0"), 422)
    assert "number" in problem(bob.ask("GET", "/plans/x"), 422)
    said = problem(bob.ask("POST", "/sites", json={"name": "x", "password": ROUTER_SECRET}), 422)
    assert "password" in said
    assert ROUTER_SECRET not in said
    assert "JSON" in problem(bob.ask("POST", "/sites", content=b"{"), 422)
    for unreadable in (b"\xff\xfe{", b"[" * 30_000, b'{"latitude": %s}' % (b"9" * 6000)):
        assert "JSON" in problem(bob.ask("POST", "/sites", content=unreadable), 400)
    assert "name" in problem(bob.ask("GET", "/routers/%00"), 422)
    for hostile in ("\x00", "\ud800"):
        site = {"name": "x", "area": GEDUNG_NASIONAL}
        for path, body in (
            ("/sites", site | {"name": hostile}),
            ("/sites", site | {"area": hostile}),
            ("/sites", site | {"address": hostile}),
            ("/inbox/7/adopt", {"site": hostile}),
            (f"/routers/{NAME}/plans", {"accept": [hostile]}),
            (f"/plans/{PLAN}/apply", {"dangers": [hostile]}),
        ):
            assert hostile not in problem(bob.ask("POST", path, content=json.dumps(body).encode()), 422)
    assert "openapi.json" in problem(bob.ask("GET", "/nothing/here"), 404)
    assert "There is no DELETE" in problem(bob.ask("DELETE", "/sites"), 404)


def test_what_is_sent_is_bounded_and_so_is_how_often(office: Office) -> None:
    bob = office.program(BOB, tokens.Scope.OPERATE)
    assert "65536 octets" in problem(bob.ask("POST", "/sites", content=b" " * 70_000), 413)

    office.app.state.uses.guesses._times = 2
    statuses = [office.anonymous("guess").ask("GET", "/routers").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    assert bob.ask("GET", "/routers").status_code == 200  # who has a token isn't held up by who guesses

    office.app.state.uses.requests._times = 1
    answer = bob.ask("GET", "/routers")
    assert "in a minute" in problem(answer, 429)
    assert answer.headers["retry-after"] == "60"


def test_a_database_that_is_away_is_a_problem_to_try_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = office.program(BOB)

    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, RuntimeError("with details"))

    monkeypatch.setattr(api_routers, "router_views", away)
    answer = bob.ask("GET", "/routers")

    assert "details" not in problem(answer, 503)
    assert answer.headers["retry-after"]


def test_a_request_that_is_cut_off_is_no_mistake_of_ours(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    scope: Scope = {"type": "http", "method": "POST", "path": f"{BASE}/sites", "query_string": b"", "headers": []}
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(office.app(scope, receive, send))

    assert sent[0]["status"] == 422
    assert "Traceback" not in capsys.readouterr().out
