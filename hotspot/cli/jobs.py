"""Commands about the work that is queued for routers."""

from typing import Annotated

import typer

from hotspot import jobs
from hotspot.cli.output import AsJson, DataDir, add_group, changing, looking, print_made, print_rows
from hotspot.errors import NotFound
from hotspot.routers.service import all_routers, get_router_named


class NothingToCancel(NotFound):
    """No job {job} waits; one that runs is left to end. See: hotspot jobs list"""


def add_to(app: typer.Typer) -> None:
    add_group(app, "jobs", "Work on routers that waits, runs or failed.", {"list": list_jobs, "cancel": cancel_job})


def list_jobs(
    router: Annotated[str | None, typer.Option("--router", help="Only the jobs of the router with this name.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List what isn't done yet, and what failed for good in the last 30 days; a pending job says since when, why, and when it is tried next."""
    with looking(data_dir) as (settings, db):
        only = None if router is None else get_router_named(db, router).id
        names = {router.id: router.name for router in all_routers(db)}
        rows = [
            {
                "job": job.id,
                "task": job.task,
                "router": names.get(job.router_id, f"#{job.router_id}"),
                "state": str(job.state),
                "since": job.since.astimezone(settings.zone).isoformat(timespec="seconds"),
                "attempts": job.attempts,
                "next_at": job.next_at and job.next_at.astimezone(settings.zone).isoformat(timespec="seconds"),
                "problem": job.problem,
            }
            for job in jobs.pending(db, only)
        ]
    print_rows(rows, as_json=as_json, title="Jobs", empty="Nothing waits and nothing failed.")


def cancel_job(
    number: Annotated[int, typer.Argument(metavar="JOB", help="As in `hotspot jobs list`.", min=1)],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a job that waits out of the queue."""
    with changing(data_dir) as (_, db, _now):
        if not jobs.cancel(db, number):
            raise NothingToCancel(job=number)
    print_made({"job": number, "state": "cancelled"}, f"Job {number} is cancelled.", as_json=as_json)
