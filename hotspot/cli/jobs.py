"""Commands about the work that is queued for routers."""

import typer

from hotspot.cli.output import AsJson, DataDir, looking, print_rows
from hotspot.jobs import pending
from hotspot.routers.service import all_routers


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Work on routers that waits, runs or failed.", no_args_is_help=True)
    group.command("list")(list_jobs)
    app.add_typer(group, name="jobs")


def list_jobs(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what isn't done yet, and what failed for good in the last 30 days; a pending job says when it is tried next."""
    with looking(data_dir) as (settings, db):
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
            for job in pending(db)
        ]
    print_rows(rows, as_json=as_json, title="Jobs", empty="Nothing waits and nothing failed.")
