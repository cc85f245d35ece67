"""The self-test of a router's captive portal API: the router asks itself, as a phone would, over https and checking the certificate.

It runs after a run that put a certificate on a router, each night, and when somebody asks. What must not be offered any more, because the
test failed or the certificate ends, is taken off by night without anybody's asking; what may be offered comes with the next plan.
"""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import structlog

from hotspot.errors import Conflict
from hotspot.jobs import Task, Work
from hotspot.routers import captive_api, provision
from hotspot.routers import connection as door
from hotspot.routers.captive_api import PROFILE, CaptiveApi, shown_in
from hotspot.routers.changing import rows_of
from hotspot.routers.configs import RouterConfigs
from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.facts import facts_of
from hotspot.routers.later import or_later
from hotspot.routers.menus import Row
from hotspot.routers.provision import Done
from hotspot.routers.service import get_router, get_router_named
from hotspot.routers.subjects import Means, Subject, enter, subject_of
from hotspot.routers.values import LoginPage

log = structlog.get_logger()

PATIENCE: Final = 30.0  # seconds
MOST_CHARACTERS: Final = 4096  # of the answer; a real one has some 200
CERTIFICATES: Final = "/certificate"
ABOUT: Final = frozenset({"certificate", "captive-api"})  # the conditions of what goes with the API
WITHDRAWING: Final = "the captive portal API's self-test"
dial = door.dial


class NothingToTest(Conflict):
    """{router} has no captive portal API to test: {why}"""


class CantTest(Conflict):
    """{router} can't test its captive portal API: device-mode forbids it to fetch"""


def self_test(means: Means, name: str) -> CaptiveApi:
    """Let a router ask its own API, and keep what came of it.

    Raises:
        NoSuchRouter, NotManaged, NotPlaced, RouterUnreachable: it can't be asked.
        NothingToTest: its log-in page has no certificate of ours.
        CantTest: it may not ask anybody.
    """
    subject = _subject(means, name)
    with closing(enter(means, subject)) as connection:
        shown = shown_in(rows_of(connection, (PROFILE,)))
        if shown is None:
            raise NothingToTest(
                router=name, why=subject.identity.login.lack or "its log-in page has no certificate yet"
            )
        if not facts_of(connection).device_mode.get("fetch", True):
            raise CantTest(router=name)
        problem = _problem(connection, shown)
    with means.database.writing() as db:
        captive_api.keep(db, subject.id, shown, problem, now=means.clock())
        held = db.get_one(CaptiveApi, subject.id)
        db.expunge(held)
    log.info("captive portal API tested", router=name, problem=problem)
    return held


def _subject(means: Means, name: str) -> Subject:
    with means.database.reading() as db:
        return subject_of(db, get_router_named(db, name), means.settings, now=means.clock())


def _problem(connection: Connection, shown: LoginPage) -> str:
    # Without revocation lists: the router would fetch them through the line of its guests.
    asked = {"url": f"https://{shown.host}/api", "check-certificate": "yes-without-crl", "output": "user"}
    try:
        return wrong_with(connection.call("/tool", "fetch", asked, patience=PATIENCE))
    except RouterRefused as refused:
        return f"it can't fetch https://{shown.host}/api ({refused.facts['problem']})"


def wrong_with(rows: Sequence[Row]) -> str:
    """Say what a phone would not accept in the answer (RFC 8908 §5); empty when it is right."""
    said = "".join(row.get("data", "") for row in rows)
    if len(said) > MOST_CHARACTERS:
        return f"its answer has more than {MOST_CHARACTERS} characters"
    try:
        answer: Any = json.loads(said)
    except (ValueError, RecursionError):
        return "its answer is not JSON"
    if not isinstance(answer, dict) or not isinstance(answer.get("captive"), bool):
        return 'its answer does not say "captive": true or false'
    for key in ("user-portal-url", "venue-info-url"):
        if not str(answer.get(key, "https://")).startswith("https://"):
            return f"{key} in its answer is not https"
    return "" if "user-portal-url" in answer else "its answer has no user-portal-url"


# --- by itself -----------------------------------------------------------------------------------------------------------


def look_after(means: Means, name: str) -> None:
    """Test the API that a router has, and take it off if it must not be offered any more.

    Raises:
        UnderWay, SomebodyElse: somebody works on the router.
        NoSuchRouter, NotManaged, NotPlaced, NotReady, RouterUnreachable: as `self_test` and `provision.apply`.
    """
    try:
        self_test(means, name)
    except NothingToTest:
        return
    except CantTest as cant:
        log.warning("captive portal API not tested", router=name, problem=str(cant))
    withdraw(means, name)


def withdraw(means: Means, name: str) -> Done | None:
    """Take off a router what makes phones believe in an API that is not to be offered; None when there is nothing to take off.

    The plan is one of those menus alone: what else differs on the router waits for a person.
    """
    if _subject(means, name).identity.login.certificate:
        return None
    planned = provision.make_plan(means, name, made_by=WITHDRAWING, only=_menus(means.configs))
    if planned.id is None or planned.plan.conflicts or planned.plan.dangers:
        return None
    done = provision.apply(means, planned.id, made_by=WITHDRAWING)
    log.warning("captive portal API withdrawn", router=name, run=done.run, outcome=done.outcome, reason=done.reason)
    return done


def _menus(configs: RouterConfigs) -> list[str]:
    about = {item.menu.path for item in configs.items if ABOUT & {*item.when, *item.needs}}
    return [*sorted(about), CERTIFICATES]


def _work(work: Work) -> None:
    with work.database.reading() as db:
        name = get_router(db, work.router_id).name
    with or_later():
        look_after(Means.of(work.database, work.settings, dial=dial), name)


TASK = Task(captive_api.SELF_TEST, _work)
