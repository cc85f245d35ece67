"""Routers, plans, runs, drift and the inbox, for programs."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from hotspot.api.access import Operator, acting, network_readers, operators
from hotspot.errors import NotFound
from hotspot.jobs import pending
from hotspot.routers import enrol, inbox, ledger, provision, tasks
from hotspot.routers.checks import checks
from hotspot.routers.models import RouterState
from hotspot.routers.service import all_routers, get_router, get_router_named
from hotspot.routers.subjects import Means
from hotspot.routers.views import (
    View,
    caller_view,
    check_view,
    kept_plan_view,
    known_view,
    plan_view,
    router_views,
    run_view,
    whole_run_view,
)
from hotspot.sites.service import get_site
from hotspot.web import Db, Now, ReadDb, SettingsDep

reading, operating = network_readers("routers"), operators("routers")
MOST_RUNS = 1000
MOST_NAMES = 200
PLAIN = r"^[ -~]*$"  # what names and codes are made of; PostgreSQL's texts, for one, can't hold a NUL
Name = Annotated[str, Path(max_length=64, pattern=PLAIN)]
Number = Annotated[int, Path(ge=1, lt=2**31)]
Slug = Annotated[str, Field(max_length=64, pattern=PLAIN)]
Word = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]


class NoSuchJob(NotFound):
    """The job {job} is done, or never was; what came of it is in its plan or run"""


class Asked(BaseModel):
    """What a request says; what it doesn't know is refused."""

    model_config = ConfigDict(extra="forbid")


class PlanAsked(Asked):
    """Conflicts to accept, by name."""

    accept: list[Word] = Field(default=[], max_length=MOST_NAMES)


class ApplyAsked(Asked):
    """Dangers that are meant, by name."""

    dangers: list[Word] = Field(default=[], max_length=MOST_NAMES)


class AdoptAsked(Asked):
    """At which site (none: placed later); whether the box with this serial number was reset."""

    site: Slug | None = None
    again: bool = False


@reading.get("/routers")
def list_routers(db: ReadDb, settings: SettingsDep) -> list[View]:
    """List routers, and what was last seen of them."""
    return router_views(db, settings.zone)


@reading.get("/routers/{name}")
def show_router(name: Name, db: ReadDb, settings: SettingsDep) -> View:
    """Show what is known of a router."""
    return known_view(db, get_router_named(db, name), settings.zone)


@reading.get("/routers/{name}/runs")
def list_runs(name: Name, db: ReadDb, settings: SettingsDep) -> list[View]:
    """List what was ever done to a router, the latest first."""
    router = get_router_named(db, name)
    return [run_view(run, settings.zone) for run in ledger.runs_of(db, router.id or 0, most=MOST_RUNS)]


@operating.post("/routers/{name}/plans", status_code=201)
def make_plan(name: Name, asked: PlanAsked, operator: Operator, request: Request) -> View:
    """Compare a router with what it should be, and keep the difference as a plan; nothing is changed."""
    state = request.app.state
    means = Means.of(state.database, state.settings, dial=state.dial, clock=state.now)
    with state.uses.wait_for_router():
        planned = provision.make_plan(means, name, made_by=acting(operator), accept=asked.accept)
    return plan_view(planned.plan, number=planned.id, findings=tuple(planned.findings))


@reading.get("/plans/{number}")
def show_plan(number: UUID, db: ReadDb, settings: SettingsDep) -> View:
    """Show a plan, the run it was applied by, and the job that waits to apply it."""
    kept = ledger.get_plan(db, number)
    waiting = [
        job
        for job in _jobs(db, kept.router_id)
        if job["task"] == tasks.APPLY and job["args"].get("plan") == str(number)
    ]
    return kept_plan_view(db, kept, settings.zone) | {"job": waiting[0] if waiting else None}


@operating.post("/plans/{number}/apply", status_code=202)
def apply(number: UUID, asked: ApplyAsked, operator: Operator, db: Db) -> View:
    """Queue a plan; look at the plan for its job and its run."""
    job = tasks.queue_apply(db, number, asked.dangers, made_by=acting(operator))
    return {"job": job, "look_at": f"/api/v1/plans/{number}"}


@reading.get("/runs/{number}")
def show_run(number: Number, db: ReadDb, settings: SettingsDep) -> View:
    """Show a run: what was told to the router, and how it differs from what it was before."""
    return whole_run_view(db, ledger.get_run(db, number), settings.keys, settings.zone)


@operating.post("/runs/{number}/confirm", status_code=202)
def confirm(number: Number, db: Db) -> View:
    """Queue the settling of a run whose end nobody saw."""
    return {"job": tasks.queue_confirm(db, number), "look_at": f"/api/v1/runs/{number}"}


@operating.post("/runs/{number}/rollback", status_code=202)
def rollback(number: Number, operator: Operator, db: Db) -> View:
    """Queue the taking back of a run, which is a run of its own."""
    job = tasks.queue_rollback(db, number, made_by=acting(operator))
    router = get_router(db, ledger.get_run(db, number).router_id)
    return {"job": job, "look_at": f"/api/v1/routers/{router.name}/runs"}


@reading.get("/jobs/{number}")
def show_job(number: Number, db: ReadDb) -> View:
    """Show a job that isn't done, or failed."""
    for job in _jobs(db):
        if job["job"] == number:
            return job
    raise NoSuchJob(job=number)


def _jobs(db: Session, router_id: int | None = None) -> list[View]:
    names = {router.id: router.name for router in all_routers(db)}
    return [
        {
            "job": job.id,
            "task": job.task,
            "router": names.get(job.router_id),
            "args": dict[str, Any](job.args),
            "state": job.state,
            "attempts": job.attempts,
            "problem": job.problem,
        }
        for job in pending(db, router_id)
    ]


@reading.get("/drift")
def drift(db: ReadDb, settings: SettingsDep) -> list[View]:
    """Say of each enrolled router what was last seen of it, by night or by hand."""
    held = checks(db)
    return [
        {"router": router.name} | check_view(held.get(router.id or 0), settings.zone)
        for router in all_routers(db)
        if router.state == RouterState.ENROLLED
    ]


@reading.get("/inbox")
def list_inbox(db: ReadDb, settings: SettingsDep) -> list[View]:
    """List the routers that called without an invitation."""
    known = {router.serial: router.name for router in all_routers(db)}
    return [caller_view(caller, known.get(caller.serial), settings.zone) for caller in inbox.callers(db)]


@operating.post("/inbox/{number}/adopt", status_code=201)
def adopt(number: Number, asked: AdoptAsked, db: Db, settings: SettingsDep, now: Now) -> View:
    """Let a router in from the inbox; it gets its tunnel when it calls the next time."""
    site = None if asked.site is None else get_site(db, asked.site).id
    router = enrol.adopt(db, number, site_id=site, again=asked.again, settings=settings, now=now)
    return known_view(db, router, settings.zone)
