"""The controller takes a new router over, through the tunnel that its bootstrap made: the steps of `handover`, then it is enrolled.

Every step says how the router should be, so a take-over that was cut is simply done again, by whichever log-in the router knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from hotspot.errors import Conflict
from hotspot.jobs import Task, Work
from hotspot.routers.connection import Connection, Dial, RouterOS, RouterRefused, RouterUnreachable, Target
from hotspot.routers.enrol import complete, new_password
from hotspot.routers.handover import (
    BOOTSTRAP,
    TAKE_OVER,
    USER,
    Absent,
    Close,
    Ensure,
    NoEmptyPasswords,
    ProveLogin,
    RulesFirst,
    Step,
    hand_over,
)
from hotspot.routers.later import or_later
from hotspot.routers.models import RouterState
from hotspot.routers.service import get_router, get_router_named
from hotspot.routers.settling import settle
from hotspot.routers.subjects import Means, first_way, targets_of
from hotspot.routers.tunnels import controller_address

log = structlog.get_logger()
MOST_USERS: Final = 50  # of a router that are looked at
FIRST_WAITS: Final = (0.5, 1.0, 2.0, 4.0)  # seconds; a router sets its tunnel up just after it has called


class NothingToTake(Conflict):
    """{name} is {state}; only a router that has called and waits can be taken over"""


@dataclass(frozen=True, slots=True)
class _Found:
    """A router that waits: its log-ins at its address, in the order to try them, and what to do there."""

    targets: tuple[Target, ...]
    steps: tuple[Step, ...]
    fingerprint: str


def take_over(means: Means, name: str) -> None:
    """Make the controller's own log-in the only way in, say that the router is enrolled, and let it move to its tunnel address where
    it has another's identity now. Doing it twice is doing it once.

    Raises:
        NoSuchRouter, NothingToTake: it isn't there, or doesn't wait.
        RouterUnreachable, RouterRefused, WrongCertificate: see `connection`; the router waits on.
        UnderWay, SomebodyElse: somebody works on a router that would move.
    """
    found = _find(means, name)
    if found is not None:
        _hand_over(means, name, found)
    settle(means, name)


def _hand_over(means: Means, name: str, found: _Found) -> None:
    target, connection = first_way(found.targets, means.dial)
    try:
        if target.user == BOOTSTRAP:  # else everything was done up to its removal, and nobody heard of it
            for step in found.steps:
                _do(connection, step, target, means.dial)
    finally:
        connection.close()
    with means.database.writing() as db:
        complete(db, name, fingerprint=found.fingerprint, now=means.clock())


def _find(means: Means, name: str) -> _Found | None:
    """What is known of the router; None when it is enrolled already."""
    with means.database.reading() as db:
        router = get_router_named(db, name)
        if router.state == RouterState.ENROLLED:
            return None
        if router.state != RouterState.WAITING or router.tunnel_address is None or not router.fingerprint:
            raise NothingToTake(name=name, state=router.state)
        targets = targets_of(router, means.settings)
        own = next(target.password for target in targets if target.user == USER)
        controller = controller_address(means.settings.tunnel_network)
        return _Found(targets, hand_over(controller=controller, password=own), router.fingerprint)


def _do(connection: Connection, step: Step, target: Target, dial: Dial) -> None:
    match step:
        case Ensure():
            _ensure(connection, step)
        case Absent(menu, key):
            for row in _rows_with(connection, menu, key):
                connection.remove(menu, row)
        case ProveLogin(user, password):
            RouterOS.connect(replace(target, user=user, password=password), dial=dial).close()
        case Close() | RulesFirst():
            try:
                _shut(connection, step)
            except RouterRefused as error:  # a RouterOS without the menu has no such door
                log.warning("a door could not be shut", menu=step.menu, problem=str(error))
        case NoEmptyPasswords():
            _give_passwords(connection, target, dial)


def _ensure(connection: Connection, step: Ensure) -> None:
    rows = _rows_with(connection, step.menu, step.key)
    if rows:
        connection.set(step.menu, rows[0], step.fields)
    else:
        connection.add(step.menu, {**step.key, **step.fields})


def _shut(connection: Connection, step: Close | RulesFirst) -> None:
    if isinstance(step, Close):
        connection.set(step.menu, "", step.fields)
    else:
        _put_first(connection, step.menu, step.rules)


def _put_first(connection: Connection, menu: str, rules: Sequence[Mapping[str, str]]) -> None:
    """Make them anew, in front of the first one that isn't ours."""
    marks = {rule["comment"] for rule in rules}
    rows = [row for row in connection.read(menu, (".id", "dynamic", "comment")) if row.get("dynamic") != "true"]
    others = [row[".id"] for row in rows if row.get("comment") not in marks]
    for row in rows:
        if row.get("comment") in marks:
            connection.remove(menu, row[".id"])
    place = {"place-before": others[0]} if others else {}
    for rule in rules:
        connection.add(menu, {**rule, **place})


def _give_passwords(connection: Connection, target: Target, dial: Dial) -> None:
    """RouterOS shows nobody's password, so an empty one is tried, with the users who are let in from here."""
    for row in connection.read("/user", (".id", "name", "disabled"))[:MOST_USERS]:
        if row["name"] in {BOOTSTRAP, USER} or row.get("disabled") == "true":
            continue
        try:
            RouterOS.connect(replace(target, user=row["name"], password=""), dial=dial).close()
        except RouterRefused:
            continue
        connection.set("/user", row[".id"], {"password": new_password()})
        log.warning("a user without a password got one that nobody knows", router=target.name, user=row["name"])


def _rows_with(connection: Connection, menu: str, key: Mapping[str, str]) -> list[str]:
    """The numbers of the rows with this key; what the router made by itself, such as a service's open connection, is not one."""
    rows = connection.read(menu, (".id", "dynamic", *key))
    return [
        row[".id"]
        for row in rows
        if row.get("dynamic") != "true" and all(row.get(name) == value for name, value in key.items())
    ]


def _work(work: Work) -> None:
    with work.database.reading() as db:
        router = get_router(db, work.router_id)
        if router.state == RouterState.REPLACED:  # its box has another name since, under which it is queued, too
            return
        name = router.name
    means = Means.of(work.database, work.settings)
    with or_later():
        _take_over_soon(means, name, FIRST_WAITS if work.attempts == 0 else ())


def _take_over_soon(means: Means, name: str, waits: Sequence[float]) -> None:
    for seconds in waits:
        try:
            return take_over(means, name)
        except RouterUnreachable:
            means.wait(seconds)
    return take_over(means, name)


TASK = Task(TAKE_OVER, _work)
"""Queued when a router gets its place in the tunnel or the identity of another one, and tried again until it is there."""
