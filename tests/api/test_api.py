"""The API as programs use it, over HTTP: who may, what is told, and the whole way of a change."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from benchmarks.live_router import PASSWORD, Live
from hotspot.api import routers as api_routers
from hotspot.api import sites as api_sites
from hotspot.app import create_app
from hotspot.db import Database
from hotspot.jobs import Work, pending
from hotspot.routers import ledger, tasks
from hotspot.routers.later import Later
from hotspot.routers.models import Router
from hotspot.routers.provision import alone
from hotspot.routers.subjects import subject_of
from hotspot.settings import Settings
from hotspot.staff.service import StaffDisabled, disable_staff
from hotspot.staff.tokens import BadToken, MayNotOperate, Scope, issue_token, revoke_token, tokens
from tests.routers.boxes import Box, Clock, Line
from tests.routers.managed import NAME, enrol
from tests.world import ALICE, BOB, CHARLIE, GEDUNG_NASIONAL, ROUTER_SECRET, World

BASE = "/api/v1"
PLAN = "5e9ad2c3-0f3f-4d2b-9f0d-2a53c1d7a001"
READS = [
    ("GET", "/routers"),
    ("GET", f"/routers/{NAME}"),
    ("GET", f"/routers/{NAME}/runs"),
    ("GET", f"/plans/{PLAN}"),
    ("GET", "/runs/1"),
    ("GET", "/jobs/1"),
    ("GET", "/drift"),
    ("GET", "/inbox"),
    ("GET", "/sites"),
]
CHANGES = [
    ("POST", f"/routers/{NAME}/plans"),
    ("POST", f"/plans/{PLAN}/apply"),
    ("POST", "/runs/1/confirm"),
    ("POST", "/runs/1/rollback"),
    ("POST", "/inbox/1/adopt"),
    ("POST", "/sites"),
]


@dataclass(slots=True)
class Program:
    """Something that uses the API, with a token or without."""

    line: Line
    token: str

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}".encode()} if self.token else {}
        headers |= {"content-type": b"application/json"} if "content" in more else {}  # FastAPI reads no other body
        answer = self.line.request(method, f"{BASE}{path}", headers=headers, **more)
        assert answer.headers["cache-control"] == "no-store"
        return answer

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        assert_no_secret(answer.text)
        return answer.json()

    def post(self, path: str, body: object, status: int) -> Any:
        answer = self.ask("POST", path, json=body)
        assert answer.status_code == status, answer.text
        assert_no_secret(answer.text)
        return answer.json()


def assert_no_secret(text: str) -> None:
    assert ROUTER_SECRET not in text
    assert PASSWORD not in text


@dataclass(slots=True)
class Office:
    """The installation with its API, and the programs of the cast."""

    app: FastAPI
    line: Line
    database: Database
    clock: Clock

    def program(self, name: str, scope: Scope = Scope.READ, days: int = 1) -> Program:
        with self.database.writing() as db:
            _kept, token = issue_token(
                db, name, label="monitoring", scope=scope, life=timedelta(days=days), now=self.clock()
            )
        return Program(self.line, token)

    def anonymous(self, token: str = "") -> Program:
        return Program(self.line, token)


@pytest.fixture
def office(world: World, database: Database, settings: Settings) -> Iterator[Office]:
    clock = Clock(world.now)
    app = create_app(settings, database, now=clock)
    line = Line(app)
    yield Office(app, line, database, clock)
    line.close()


@pytest.fixture
def live(office: Office, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    with Live() as box:
        enrol(office.database, settings, box)
        office.app.state.dial = box.dial
        monkeypatch.setattr(tasks, "dial", box.dial)
        yield box


def work_off(office: Office, settings: Settings) -> list[str]:
    """Do what is queued, as a worker would; return the names of the tasks."""
    with office.database.reading() as db:
        jobs = pending(db)
    by_name = {task.name: task for task in tasks.TASKS}
    for job in jobs:
        by_name[job.task].run(Work(office.database, settings, job.router_id, job.args, 0))
    with office.database.writing() as db:
        db.connection().exec_driver_sql("DELETE FROM procrastinate_jobs")
    return [job.task for job in jobs]


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    return str(told["detail"])


def test_every_address_is_in_a_list(office: Office) -> None:
    served = {
        (method, route.path, group)
        for module in (api_routers, api_sites)
        for group, routes in (("read", module.reading), ("operate", module.operating))
        for route in routes.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    listed = {
        (method, path.replace(NAME, "{name}").replace(PLAN, "{number}").replace("/1", "/{number}"), group)
        for group, paths in (("read", READS), ("operate", CHANGES))
        for method, path in paths
    }

    assert served == listed


def test_without_a_good_token_nothing_is_told(office: Office, world: World) -> None:
    bob = office.program(BOB, Scope.OPERATE)
    late = office.program(BOB, Scope.OPERATE, days=1)
    revoked = office.program(BOB)
    with office.database.writing() as db:
        revoke_token(db, tokens(db)[0][0].id or 0, now=world.now)
        revoke_token(db, tokens(db)[0][0].id or 0, now=world.now + timedelta(days=1))
        assert tokens(db)[0][0].revoked_at == world.now
    office.app.state.uses.guesses._times = 10**6

    for method, path in READS + CHANGES:
        for token in ("", "x", bob.token[:-1], "☃", "a" * 5000, revoked.token):
            answer = office.anonymous(token).ask(method, path)
            assert "hotspot staff token create" in problem(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert office.line.get(f"{BASE}/routers", headers={"authorization": f"Basic {bob.token}"}).status_code == 401

    assert bob.ask("GET", "/routers").status_code == 200
    office.clock.now += timedelta(days=1)
    problem(late.ask("GET", "/routers"), 401)


def test_a_disabled_account_takes_its_tokens_along(office: Office, world: World) -> None:
    bob = office.program(BOB)
    with office.database.writing() as db:
        disable_staff(db, BOB, world.now)
        with pytest.raises(StaffDisabled):
            issue_token(db, BOB, label="x", scope=Scope.READ, life=timedelta(days=1), now=world.now)

    problem(bob.ask("GET", "/routers"), 401)


def test_a_token_that_reads_changes_nothing_and_an_official_gets_no_other(office: Office, world: World) -> None:
    reading = [office.program(ALICE), office.program(CHARLIE)]
    with office.database.writing() as db:
        with pytest.raises(MayNotOperate):
            issue_token(db, CHARLIE, label="x", scope=Scope.OPERATE, life=timedelta(days=1), now=world.now)
        for label, days in (("", 1), ("x" * 61, 1), ("x\ny", 1), ("x", 0), ("x", 367)):
            with pytest.raises(BadToken):
                issue_token(db, ALICE, label=label, scope=Scope.READ, life=timedelta(days=days), now=world.now)

    for program in reading:
        for method, path in CHANGES:
            assert "may only read" in problem(program.ask(method, path, json={}), 403)
    alice, charlie = reading
    assert [row["name"] for row in alice.get("/routers")] == [NAME, "perpustakaan-1"]
    assert charlie.get("/sites") == alice.get("/sites")
    for path in ("/routers", f"/routers/{NAME}", f"/routers/{NAME}/runs", "/runs/1", "/jobs/1", "/drift", "/inbox"):
        assert "neither admin nor network staff" in problem(charlie.ask("GET", path), 403)


def test_an_operator_who_becomes_an_official_only_reads(office: Office) -> None:
    bob = office.program(BOB, Scope.OPERATE)
    with office.database.writing() as db:
        db.connection().exec_driver_sql("UPDATE staff_account SET role = 'official' WHERE name = 'Bob'")

    problem(bob.ask("POST", "/sites", json={}), 403)


def test_few_requests_wait_for_routers_at_once(office: Office, live: Live) -> None:
    bob = office.program(BOB, Scope.OPERATE)
    uses = office.app.state.uses

    with uses.wait_for_router(), uses.wait_for_router(), uses.wait_for_router(), uses.wait_for_router():
        assert "wait for routers already" in problem(bob.ask("POST", f"/routers/{NAME}/plans", json={}), 503)

    bob.post(f"/routers/{NAME}/plans", {}, 201)


def test_the_description_names_every_address_and_how_to_get_in(office: Office) -> None:
    answer = office.line.get(f"{BASE}/openapi.json")

    described = answer.json()
    assert answer.status_code == 200
    assert described["openapi"].startswith("3.1")
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert set(described["paths"]) == {
        f"{BASE}{path}".replace(NAME, "{name}").replace(PLAN, "{number}").replace("/1", "/{number}")
        for _method, path in READS + CHANGES
    }


def test_a_change_goes_its_whole_way(office: Office, live: Live, settings: Settings) -> None:
    bob = office.program(BOB, Scope.OPERATE)

    made = bob.post(f"/routers/{NAME}/plans", {}, 201)
    assert made["changes"] > 30
    assert "+ /ip/hotspot guests" in made["diff"]
    plan = bob.get(f"/plans/{made['plan']}")
    assert (plan["router"], plan["state"], plan["run"], plan["job"]) == (NAME, "open", None, None)
    assert plan["made_by"] == "Bob (API token 1)"
    assert live.rows("/ip/hotspot") == []

    alice = office.program(ALICE, Scope.OPERATE)
    queued = alice.post(f"/plans/{made['plan']}/apply", {}, 202)
    assert alice.post(f"/plans/{made['plan']}/apply", {}, 202)["job"] is None  # it waits already
    assert bob.get(f"/jobs/{queued['job']}") == bob.get(queued["look_at"].removeprefix(BASE))["job"]
    assert work_off(office, settings) == ["apply"]

    done = bob.get(queued["look_at"].removeprefix(BASE))
    assert (done["state"], done["run"]["outcome"], done["job"]) == ("used", "confirmed", None)
    run = bob.get(f"/runs/{done['run']['run']}")
    assert (run["planned_by"], run["made_by"]) == ("Bob (API token 1)", "Alice (API token 2)")
    assert run["log"][0]["statement"] == "/safe-mode/take"
    assert "applied already" in problem(bob.ask("POST", f"/plans/{made['plan']}/apply", json={}), 409)
    assert bob.post(f"/routers/{NAME}/plans", {}, 201)["plan"] is None
    assert bob.get(f"/routers/{NAME}")["differs"] == 0
    assert [(row["router"], row["differs"]) for row in bob.get("/drift")] == [(NAME, 0)]

    back = bob.post("/runs/1/rollback", {}, 202)
    bob.post("/runs/1/confirm", {}, 202)  # it is settled already
    assert sorted(work_off(office, settings)) == ["confirm", "rollback"]
    assert [row["outcome"] for row in bob.get(back["look_at"].removeprefix(BASE))] == ["confirmed", "confirmed"]
    assert bob.get("/runs/2")["made_by"] == "Bob (API token 1)"
    assert live.rows("/ip/hotspot") == []


def test_conflicts_and_dangers_are_refused_before_anything_is_queued(office: Office, live: Live) -> None:
    bob = office.program(BOB, Scope.OPERATE)
    live.at_once(lambda: live.do("/ip/pool/add", name="hotspot-guests", ranges="10.9.9.2"))
    made = bob.post(f"/routers/{NAME}/plans", {}, 201)

    said = problem(bob.ask("POST", f"/plans/{made['plan']}/apply", json={}), 409)

    assert "made by hand" in said
    accepted = bob.post(f"/routers/{NAME}/plans", {"accept": made["conflicts"]}, 201)
    assert accepted["conflicts"] == []
    bob.post(f"/plans/{accepted['plan']}/apply", {"dangers": accepted["dangers"]}, 202)


def test_a_router_that_is_away_or_busy_is_tried_again(office: Office, live: Live, settings: Settings) -> None:
    bob = office.program(BOB, Scope.OPERATE)
    made = bob.post(f"/routers/{NAME}/plans", {}, 201)
    with office.database.reading() as db:
        subject = subject_of(db, db.get_one(Router, 1), settings, now=office.clock())
    means = tasks._means(Work(office.database, settings, 1, {}, 0))

    def works(name: str, **args: object) -> None:
        task = next(task for task in tasks.TASKS if task.name == name)
        task.run(Work(office.database, settings, 1, args, 0))

    with alone(means, subject), pytest.raises(Later, match="try again"):
        works("apply", plan=made["plan"], dangers=[], made_by="Bob")
    live.server.is_reachable = False
    problem(bob.ask("POST", f"/routers/{NAME}/plans", json={}), 503)
    live.server.is_reachable = True
    live.at_once(lambda: live.do("/safe-mode/take"))
    with pytest.raises(Later, match="safe mode"):
        works("apply", plan=made["plan"], dangers=[], made_by="Bob")
    live.at_once(lambda: live.do("/safe-mode/unroll"))
    works("apply", plan=made["plan"], dangers=[], made_by="Bob")
    with alone(means, subject):
        with pytest.raises(Later):
            works("rollback", run=1, made_by="Bob")
        with office.database.writing() as db:
            ledger.get_run(db, 1).outcome = ledger.Outcome.LOST
        with pytest.raises(Later):
            works("confirm", run=1)


def test_a_box_from_the_inbox_is_adopted_and_a_site_added(office: Office) -> None:
    bob = office.program(BOB, Scope.OPERATE)
    box = Box("HG209ABC1234")
    assert office.line.post("/api/enrol/v1/contact", json=box.says()).json()["next"] == "wait"
    (caller,) = bob.get("/inbox")
    assert (caller["serial"], caller["known_as"]) == ("HG209ABC1234", None)

    site = bob.post("/sites", {"name": "Taman Mandara", "area": GEDUNG_NASIONAL}, 201)
    adopted = bob.post(f"/inbox/{caller['id']}/adopt", {"site": site["slug"]}, 201)

    assert site["portal_url"].endswith("/p/taman-mandara")
    assert "taman-mandara" in [row["slug"] for row in bob.get("/sites")]
    assert (adopted["serial"], adopted["site"], adopted["state"]) == ("HG209ABC1234", "taman-mandara", "waiting")
    assert bob.get("/inbox") == []
    assert "no site" in problem(bob.ask("POST", "/inbox/1/adopt", json={"site": "nowhere"}), 404)


def test_only_the_hash_of_a_token_is_kept(office: Office, database: Database) -> None:
    bob = office.program(BOB)

    with database.reading() as db:
        ((kept, name),) = tokens(db)
        assert name == BOB
        assert len(bob.token) > 48  # 256 bits and what says whose they are
        assert bob.token.encode() not in kept.token_hash
        assert bob.token not in json.dumps(kept.model_dump(), default=repr)
