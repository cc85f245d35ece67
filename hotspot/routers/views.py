"""What is told of routers, plans, runs and copies: one shape for ``--json`` on the command line and for the API. Never a secret."""

from datetime import datetime, tzinfo
from typing import Any

from sqlmodel import Session

from hotspot.routers import ledger
from hotspot.routers.backups import RouterBackup
from hotspot.routers.captive_api import CaptiveApi
from hotspot.routers.changes import Plan
from hotspot.routers.checks import RouterCheck, checks
from hotspot.routers.diff import lines
from hotspot.routers.facts import Finding
from hotspot.routers.history import differences
from hotspot.routers.models import Caller, Router
from hotspot.routers.runs import ProvisionPlan, ProvisionRun
from hotspot.routers.service import all_routers
from hotspot.security import Keys
from hotspot.sites.models import Site
from hotspot.sites.service import all_sites

View = dict[str, Any]
FACTS = ("model", "serial", "version", "licence", "tunnel_address")


def moment(time: datetime | None, zone: tzinfo) -> str | None:
    return None if time is None else time.astimezone(zone).isoformat(timespec="seconds")


def router_views(db: Session, zone: tzinfo) -> list[View]:
    """Every router with its site and what was last seen of it."""
    slugs = {site.id: site.slug for site, _area in all_sites(db)}
    held = checks(db)
    return [
        router_view(router, None if router.site_id is None else slugs[router.site_id], held.get(router.id or 0), zone)
        for router in all_routers(db)
    ]


def router_view(router: Router, site: str | None, check: RouterCheck | None, zone: tzinfo) -> View:
    return {
        "name": router.name,
        "site": site,
        "address": router.address,
        "login_host": router.login_host,
        "state": router.state,
        **check_view(check, zone),
    }


def known_view(db: Session, router: Router, zone: tzinfo) -> View:
    """All that is known of one router, but its runs."""
    assert router.id is not None
    site = None if router.site_id is None else db.get_one(Site, router.site_id).slug
    facts = {name: getattr(router, name) for name in FACTS}
    return (
        router_view(router, site, db.get(RouterCheck, router.id), zone)
        | facts
        | {"enrolled_at": moment(router.enrolled_at, zone)}
        | {"captive_api": _api_words(db.get(CaptiveApi, router.id), zone)}
    )


def api_view(held: CaptiveApi, zone: tzinfo) -> View:
    """The last self-test of a router's captive portal API."""
    return {
        "host": held.host,
        "tested_at": moment(held.tested_at, zone),
        "passed": held.passed,
        "problem": held.problem or None,
    }


def _api_words(held: CaptiveApi | None, zone: tzinfo) -> str | None:
    if held is None:
        return None
    found = "passed" if held.passed else f"failed: {held.problem}"
    return f"{held.host}, tested {moment(held.tested_at, zone)}: {found}"


def check_view(check: RouterCheck | None, zone: tzinfo) -> View:
    """What was last seen; nothing of a router that was never looked at. `differs` is a number of changes and conflicts."""
    check = check or RouterCheck(router_id=0)
    return {
        "differs": check.differs,
        "plan": None if check.plan_id is None else str(check.plan_id),
        "drifted_since": moment(check.drifted_since, zone),
        "unreachable_since": moment(check.unreachable_since, zone),
        "checked_at": moment(check.checked_at, zone),
        "problem": check.problem or None,
    }


def plan_view(plan: Plan, *, number: object, findings: tuple[Finding, ...] = ()) -> View:
    return {
        "plan": None if number is None else str(number),
        "changes": len(plan.changes),
        "diff": list(lines(plan)),
        "conflicts": [conflict.name for conflict in plan.conflicts],
        "dangers": [danger.name for danger in plan.dangers],
        "findings": [finding.words for finding in findings],
    }


def kept_plan_view(db: Session, kept: ProvisionPlan, zone: tzinfo) -> View:
    """A plan that was kept, and the run it was applied by."""
    run = ledger.run_of(db, kept.id)
    return plan_view(ledger.plan_of(kept), number=kept.id) | {
        "router": db.get_one(Router, kept.router_id).name,
        "state": kept.state,
        "made_by": kept.made_by,
        "made_at": moment(kept.made_at, zone),
        "run": None if run is None else run_view(run, zone),
    }


def run_view(run: ProvisionRun, zone: tzinfo) -> View:
    return {
        "run": run.id,
        "plan": str(run.plan_id),
        "made_by": run.made_by,
        "started": moment(run.started_at, zone),
        "ended": moment(run.ended_at, zone),
        "outcome": run.outcome,
        "reason": run.reason,
    }


def whole_run_view(db: Session, run: ProvisionRun, keys: Keys, zone: tzinfo) -> View:
    """A run with what it was told to the router, and how the rows after it differ from those before."""
    before = ledger.unseal_rows(keys, run.router_id, run.before)
    after = None if run.after is None else ledger.unseal_rows(keys, run.router_id, run.after)
    kept = ledger.get_plan(db, run.plan_id)
    return run_view(run, zone) | {
        "router": db.get_one(Router, run.router_id).name,
        "planned_by": kept.made_by,
        "undoes": kept.document["undoes"],
        "diff": None if after is None else list(differences(before, after)),
        "log": run.log,
    }


def backup_view(backup: RouterBackup, zone: tzinfo) -> View:
    return {
        "number": backup.id,
        "taken_at": moment(backup.taken_at, zone),
        "reason": backup.reason,
        "version": backup.version,
        "octets": backup.size,
        "sha256": backup.sha256,
        "restorable": backup.image is not None,
    }


def caller_view(caller: Caller, known_as: str | None, zone: tzinfo) -> View:
    """A router in the inbox; `known_as` is the one that has this serial number already."""
    told = (
        "serial",
        "model",
        "version",
        "licence",
        "packages",
        "device_mode",
        "source",
        "wireguard_key",
        "fingerprint",
    )
    return {
        "id": caller.id,
        **{name: getattr(caller, name) for name in told},
        "first_at": moment(caller.first_at, zone),
        "last_at": moment(caller.last_at, zone),
        "known_as": known_as,
    }
