"""What is done with every router each night: its captive portal API is tested, its configuration copied and compared.

Each night has a window; every router has its own minute in it, so that they don't all answer at once. Queueing a router takes its night in
the same conditional statement, so that it is queued once a night however many clocks run and however often they restart.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlmodel import Session, select

from hotspot.errors import HotspotError, Unavailable
from hotspot.jobs import Task, Work, enqueue
from hotspot.routers import connection as door
from hotspot.routers.api_tests import look_after
from hotspot.routers.backups import Reason
from hotspot.routers.changing import SomebodyElse, let_go_back
from hotspot.routers.checks import RouterCheck, found, not_found
from hotspot.routers.copies import keep_whole_copy
from hotspot.routers.ledger import PlanState
from hotspot.routers.models import Router, RouterState
from hotspot.routers.provision import UnderWay, alone, make_plan
from hotspot.routers.service import get_router, get_router_named
from hotspot.routers.subjects import Means, enter, subject_of
from hotspot.settings import Settings

NIGHT: Final = 1  # o'clock in the city: the last guests have gone
WINDOW: Final = timedelta(hours=3)
PATIENCE: Final = timedelta(hours=5)  # from the beginning: what a stopped clock has missed is made up for until 6
SPREAD: Final = (
    67  # shares no divisor with the window's minutes, so all are used; who enrolled together is an hour apart
)
MINUTE: Final = timedelta(minutes=1)
NIGHTLY: Final = "nightly"
BY_NIGHT: Final = "the nightly check"
dial = door.dial

TAKE_NIGHT = """
INSERT INTO router_check AS held (router_id, night, problem)
SELECT id, :night, '' FROM router WHERE state = 'enrolled' AND site_id IS NOT NULL AND id = ANY(:due)
ON CONFLICT (router_id) DO UPDATE SET night = excluded.night WHERE held.night IS NULL OR held.night < excluded.night
RETURNING router_id
"""


class Busy(Unavailable):
    """Something else is being done on {router}; it is looked at when that is over"""


def queue_checks(db: Session, settings: Settings, *, now: datetime) -> Sequence[int]:
    """Queue the routers whose minute of this night has come; return their ids. To be called every minute."""
    local = now.astimezone(settings.zone)
    since = local - local.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    if not timedelta() <= since < PATIENCE:
        return []
    routers = db.exec(select(Router.id).where(Router.state == RouterState.ENROLLED)).all()
    due = [router for router in routers if router is not None and minute_of(router) <= since / MINUTE]
    taken = sorted(db.connection().execute(text(TAKE_NIGHT), {"night": local.date(), "due": due}).scalars())
    for router in taken:
        enqueue(db, NIGHTLY, router, {}, gives_way=True)  # a rollout follows a router sooner than this does
    return taken


def minute_of(router_id: int) -> int:
    """Return the minute of the window in which a router is looked at: always the same, and another one than its neighbours'."""
    return router_id * SPREAD % int(WINDOW / MINUTE)


def look_at(means: Means, name: str) -> None:
    """Test a router's captive portal API, keep a copy of its configuration, then compare it with what it should be.

    Doing it twice does no harm.

    Raises:
        Busy: somebody else is at it; try again later.
        NoSuchRouter, NotManaged, NotPlaced, NotReady, RouterRefused, RouterUnreachable: as `copy_now` and `check`, and kept as they do.
    """
    try:
        look_after(means, name)
        copy_now(means, name, reason=Reason.NIGHTLY)
    except (UnderWay, SomebodyElse) as error:
        raise Busy(router=name) from error
    except HotspotError:
        check(means, name, made_by=BY_NIGHT)  # whether it is as it should be depends on neither
        raise
    check(means, name, made_by=BY_NIGHT)


def check(means: Means, name: str, *, made_by: str) -> RouterCheck:
    """Compare a router with what it should be and keep the answer; a difference is kept as a plan. Nothing is changed.

    Raises:
        NoSuchRouter: there is none.
        NotManaged, NotPlaced, NotReady: nobody can say whether it is as it should be; that is kept.
        RouterUnreachable: it does not answer; that is kept, too.
    """
    with means.database.reading() as db:
        router_id = get_router_named(db, name).id
    assert router_id is not None
    try:
        planned = make_plan(means, name, made_by=made_by, state=PlanState.DRIFT)
    except HotspotError as error:
        with means.database.writing() as db:
            not_found(db, router_id, error, now=means.clock())
        raise
    differs = len(planned.plan.changes) + len(planned.plan.conflicts)
    with means.database.writing() as db:
        found(db, router_id, differs=differs, plan_id=planned.id, now=means.clock())
        held = db.get_one(RouterCheck, router_id)
        db.expunge(held)
        return held


def copy_now(means: Means, name: str, *, reason: Reason) -> int:
    """Keep a copy of a router's configuration that can be loaded again; return its number.

    Raises:
        NoSuchRouter, NotManaged, NotPlaced: there is nothing to copy.
        UnderWay, SomebodyElse: somebody works on the router, and it is half done.
        RouterUnreachable, RouterRefused: it does not answer, or does not let itself be copied.
    """
    with means.database.reading() as db:
        subject = subject_of(db, get_router_named(db, name), means.settings, now=means.clock())
    with alone(means, subject), enter(means, subject) as connection:
        let_go_back(connection)
        return keep_whole_copy(means, subject.id, connection, reason=reason)


def _work(work: Work) -> None:
    with work.database.reading() as db:
        name = get_router(db, work.router_id).name
    look_at(Means.of(work.database, work.settings, dial=dial), name)


TASK = Task(NIGHTLY, _work)
"""Queued by the clock, and tried again while the router is away: it is looked at when it is back."""
