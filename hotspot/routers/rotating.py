"""Rotations carried out on a router: the password of our API user, and the RADIUS secret, by the phases of `rotation`.

Nothing is trusted but a new connection: the next password opens one, or the rows read through one hold the next secret. However a turn is
cut, both secrets stay valid here and the router has one of them; the next turn goes on where it ended. Nobody may hold safe mode
meanwhile, for when that goes back it takes along what others have changed. The key of the WireGuard tunnel is not rotated: it never
leaves its router, which makes another one when it enrols again.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hotspot.errors import Conflict, HotspotError
from hotspot.routers import credentials, health
from hotspot.routers.changing import let_go_back, raise_if_held
from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.credentials import Kind, credential_of
from hotspot.routers.menus import MENUS, Row
from hotspot.routers.provision import alone
from hotspot.routers.rotation import Credential
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means, Subject, enter, first_way, subject_of

Report = Callable[[str], None]

HEARD: Final = 0.5  # seconds until every RADIUS process has heard of a secret; routers ask again after three
LOOKS: Final = (
    1.0,
    2.0,
    4.0,
)  # seconds before each look whether RADIUS was asked; a quiet place has nobody who logs in


class NoRadius(Conflict):
    """{name} has no RADIUS server from here yet: hotspot routers plan {name}"""


class OtherSecret(Conflict):
    """{name} took the next RADIUS secret and shows another one"""


class NotAnswered(Conflict):
    """with the next secret {problems}"""


class Standing(StrEnum):
    """Where a secret stands after a turn: the new one alone is valid, the one before is, or both are until the next turn."""

    ROTATED = "rotated"
    AS_BEFORE = "as-before"
    BOTH_VALID = "both-valid"


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one rotation; `problem` is what stood in its way."""

    kind: Kind
    standing: Standing
    problem: HotspotError | None = None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a turn would do; `goes_on` with a rotation that was begun before."""

    kind: Kind
    goes_on: bool


def foresee(means: Means, name: str, kinds: Sequence[Kind]) -> list[Foreseen]:
    """Say what `rotate` would do; the router is asked, and nothing is changed.

    Raises:
        NoSuchRouter, NotManaged, NotPlaced: as for `rotate`.
        NoRadius, RouterUnreachable, RouterRefused, WrongCertificate: what would stand in the way.
    """
    with enter(means, _subject(means, name)) as connection:
        if Kind.RADIUS in kinds:
            _servers(connection, name)
    return [Foreseen(kind, _credential(means, name, kind).is_rotating) for kind in kinds]


def rotate(means: Means, name: str, kinds: Sequence[Kind], *, report: Report = lambda _said: None) -> list[Turn]:
    """Change a router's secrets, one after the other. What goes wrong with one is its turn's problem.

    Raises:
        NoSuchRouter, NotManaged, NotPlaced: there is no such router to work on.
        UnderWay: somebody else works on it.
    """
    with alone(means, _subject(means, name)):
        return [_turn(means, name, kind, report) for kind in kinds]


def _turn(means: Means, name: str, kind: Kind, report: Report) -> Turn:
    try:
        (_rotate_api if kind is Kind.API else _rotate_radius)(means, name, report)
    except HotspotError as problem:
        is_rotating = _credential(means, name, kind).is_rotating
        return Turn(kind, Standing.BOTH_VALID if is_rotating else Standing.AS_BEFORE, problem)
    with means.database.writing() as db:
        credentials.confirm(db, name, kind, keys=means.settings.keys)
    return Turn(kind, Standing.ROTATED)


def _rotate_api(means: Means, name: str, report: Report) -> None:
    """1. Nobody holds safe mode. 2. The next password is kept. 3. The router is told, unless it was before. 4. It is let in with it."""
    before = _credential(means, name, Kind.API)
    target, connection = first_way(_subject(means, name).targets, means.dial)
    with closing(connection):
        let_go_back(connection)
        following = _begin(means, name, Kind.API)
        if target.password != following:
            report("telling it the next API password")
            _tell_password(means, name, connection, before, following)
    report("logging in with the next API password")
    subject = _subject(means, name)
    with enter(means, subject) as anybody:
        raise_if_held(anybody)  # what is there from now on stays
    first_way([target for target in subject.targets if target.password == following], means.dial)[1].close()


def _tell_password(means: Means, name: str, connection: Connection, before: Credential, following: str) -> None:
    said = {"old-password": before.current, "new-password": following, "confirm-new-password": following}
    try:
        connection.call("", "password", said)  # its user's own; it may change nobody else's
    except RouterRefused:
        _abandon_if_fresh(means, name, Kind.API, before)
        raise


def _rotate_radius(means: Means, name: str, report: Report) -> None:
    """1. Nobody holds safe mode. 2. RADIUS takes the next secret, too. 3. Every server's row gets it. 4. It is seen there, and in use."""
    before = _credential(means, name, Kind.RADIUS)
    with enter(means, _subject(means, name)) as connection:
        let_go_back(connection)
        servers = _servers(connection, name)
        counters = health.answers_of(connection)
        following = _begin(means, name, Kind.RADIUS)
        means.wait(HEARD)
        report("telling it the next RADIUS secret")
        _tell_secret(means, name, connection, before, [row for row in servers if row.get("secret") != following])
    with enter(means, _subject(means, name)) as fresh:
        raise_if_held(fresh)
        if any(row.get("secret") != following for row in _servers(fresh, name)):
            raise OtherSecret(name=name)
        _raise_unless_answered(means, fresh, counters, report)


def _tell_secret(means: Means, name: str, connection: Connection, before: Credential, servers: Sequence[Row]) -> None:
    following = _credential(means, name, Kind.RADIUS).next or ""
    told = 0
    try:
        for row in servers:
            connection.set(health.RADIUS, row[".id"], {"secret": following})
            told += 1
    except RouterRefused:
        if not told:
            _abandon_if_fresh(means, name, Kind.RADIUS, before)
        raise


def _raise_unless_answered(means: Means, connection: Connection, counters: dict[str, int], report: Report) -> None:
    """Give the router some seconds to ask RADIUS; where nobody logs in meanwhile, its rows are the proof."""
    for seconds in LOOKS:
        means.wait(seconds)
        growth = health.since(counters, health.answers_of(connection))
        if health.is_answered(growth):
            report("RADIUS has answered it with the next secret")
            return
    problems = list(health.radius_problems(growth))
    if problems:
        raise NotAnswered(problems="; ".join(problems))
    report("nobody has logged in since; it shows the next RADIUS secret")


def _servers(connection: Connection, name: str) -> list[Row]:
    menu = MENUS[health.RADIUS]
    rows = [row for row in connection.read(menu.path, menu.proplist) if menu.role_of(row)]
    if not rows:
        raise NoRadius(name=name)
    return rows


def _subject(means: Means, name: str) -> Subject:
    with means.database.reading() as db:
        return subject_of(db, get_router_named(db, name), means.settings, now=means.clock())


def _credential(means: Means, name: str, kind: Kind) -> Credential:
    with means.database.reading() as db:
        return credential_of(get_router_named(db, name), kind, means.settings.keys)


def _begin(means: Means, name: str, kind: Kind) -> str:
    with means.database.writing() as db:
        following = credentials.begin(db, name, kind, keys=means.settings.keys).next
    assert following is not None
    return following


def _abandon_if_fresh(means: Means, name: str, kind: Kind, before: Credential) -> None:
    """The router has said no: it never heard of a secret that this turn has made. One of an earlier turn may still reach it."""
    if not before.is_rotating:
        with means.database.writing() as db:
            credentials.abandon(db, name, kind, keys=means.settings.keys)
