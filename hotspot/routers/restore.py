"""A copy loaded into its router again: users, certificates and all, exactly as it was when the copy was taken.

RouterOS loads an image only for a user who may change users. The controller's own may not, so a person lends a log-in of the router's for
it. The router fetches the image, which is encrypted, from the controller, loads it, and restarts; then its export is compared with the copy's.
"""

from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from hotspot.errors import Conflict, HotspotError, NotFound, Unavailable
from hotspot.routers.attempt import WAITS, Report
from hotspot.routers.backups import Reason, RouterBackup, get_backup, image_of, unsealed
from hotspot.routers.changes import Danger
from hotspot.routers.changing import let_go_back
from hotspot.routers.connection import Connection, RouterOS, RouterUnreachable
from hotspot.routers.copies import export_of, image_password, keep_whole_copy, login_mark, version_of
from hotspot.routers.credentials import Login
from hotspot.routers.decided import raise_unless_named
from hotspot.routers.exports import Difference, body, differences
from hotspot.routers.models import Router
from hotspot.routers.provision import alone
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means, Subject, enter, subject_of
from hotspot.security import Keys

ADDRESS: Final = "/api/copies/v1/image"
FILE: Final = "hotspot-restore.backup"
TICKET: Final = "router image ticket"
TICKET_LIFE: Final = timedelta(minutes=10)  # a slow line takes that long for some hundred kilobytes
FETCH_PATIENCE: Final = 300.0  # seconds
LOAD_PATIENCE: Final = 60.0


class NoImage(Conflict):
    """Copy {number} of {router} is text alone, which a router can't load exactly; take a nightly one, or roll the run back"""


class NotAsCopied(Unavailable):
    """{router} is not what copy {number} says after {minutes} minutes ({problem}); what it was before is copy {before}"""


class NoSuchImage(NotFound):
    """There is no image for this ticket: it is too old, or was never issued"""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What restoring would do."""

    router: str
    number: int
    taken_at: datetime
    version: str
    changes: Sequence[Difference]
    dangers: Sequence[Danger]


@dataclass(frozen=True, slots=True)
class Restored:
    """A router that is what the copy says. `before` is the copy that was taken of what it was."""

    router: str
    number: int
    before: int


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A copy, opened, and what is known of the router it would go to."""

    subject: Subject
    backup: RouterBackup
    export: bytes
    dangers: tuple[Danger, ...]


def look_ahead(means: Means, name: str, number: int) -> Prospect:
    """Say what restoring a copy would do. Nothing is changed.

    Raises:
        NoSuchRouter, NotManaged, NotPlaced, NoSuchBackup: there is nothing to restore.
        NoImage: the copy can't be loaded.
        RouterUnreachable: the router does not answer.
    """
    chosen = _choose(means, name, number)
    with enter(means, chosen.subject) as connection:
        now, version = export_of(connection), version_of(connection)
    return Prospect(
        name,
        number,
        chosen.backup.taken_at,
        chosen.backup.version,
        differences(now, chosen.export),
        (*chosen.dangers, *_of_version(chosen.backup, version)),
    )


def restore(
    means: Means,
    name: str,
    number: int,
    lent: Login,
    *,
    dangers: Collection[str] = (),
    report: Report = lambda _said: None,
) -> Restored:
    """Load a copy into its router. `lent` is a log-in of the router's that may change users; `dangers` are those that were named.

    1. Every danger is named. 2. Nobody else works on the router. 3. A copy of what it is now is kept. 4. The router fetches the image.
    5. It loads it and restarts. 6. Its export is what the copy's is.

    Raises:
        NameTheDanger: a person must decide first.
        NotAsCopied: the router does not answer, or is something else; look at it.
        RouterRefused: the lent log-in or the image is not taken; nothing was changed.
        What `look_ahead` raises, and UnderWay, SomebodyElse.
    """
    chosen = _choose(means, name, number)
    with alone(means, chosen.subject):
        with enter(means, chosen.subject) as connection:
            let_go_back(connection)
            raise_unless_named((*chosen.dangers, *_of_version(chosen.backup, version_of(connection))), dangers)
            report("keeping a copy of what it is now")
            before = keep_whole_copy(means, chosen.subject.id, connection, reason=Reason.RESTORE)
        target = replace(chosen.subject.targets[0], user=lent.user, password=lent.password)
        with closing(RouterOS.connect(target, dial=means.dial)) as connection:
            report("the router fetches the image")
            _fetch(means, chosen, connection)
            report("the router loads it and restarts")
            _load(means, chosen, connection)
        report("waiting until it is back")
        _raise_unless_equal(means, chosen, before)
    return Restored(name, number, before)


def _choose(means: Means, name: str, number: int) -> _Chosen:
    keys = means.settings.keys
    with means.database.reading() as db:
        router = get_router_named(db, name)
        subject = subject_of(db, router, means.settings, now=means.clock())
        backup = get_backup(db, subject.id, number, name=name)
        if backup.image is None:
            raise NoImage(number=number, router=name)
        chosen = _Chosen(subject, backup, unsealed(backup, keys), tuple(_dangers(router, backup, keys)))
        db.expunge_all()
        return chosen


def _dangers(router: Router, backup: RouterBackup, keys: Keys) -> Sequence[Danger]:
    found = []
    if (backup.model, backup.serial) != (router.model, router.serial or ""):
        words = f"makes this box ({router.model} {router.serial}) the twin of {backup.model} {backup.serial}, MAC addresses and keys too"
        found.append(Danger("other-box", words))
    if backup.login != login_mark(router, keys):
        words = "brings back a log-in that the controller doesn't use any more, so that it must be enrolled again"
        found.append(Danger("other-log-in", words))
    return found


def _of_version(backup: RouterBackup, version: str) -> Sequence[Danger]:
    if backup.version == version:
        return ()
    return (Danger("other-version", f"loads what RouterOS {backup.version} wrote into RouterOS {version}"),)


# --- the image's way -----------------------------------------------------------------------------------------------------


def _fetch(means: Means, chosen: _Chosen, connection: Connection) -> None:
    ticket = ticket_for(means.settings.keys, chosen.backup, now=means.clock())
    asked = {
        "url": f"{means.settings.base_url}{ADDRESS}",
        "http-header-field": f"Authorization: Bearer {ticket}",
        "check-certificate": "yes",
        "output": "file",
        "dst-path": FILE,
    }
    connection.call("/tool", "fetch", asked, patience=FETCH_PATIENCE)


def _load(means: Means, chosen: _Chosen, connection: Connection) -> None:
    password = image_password(means.settings.keys, chosen.subject.id, chosen.backup.taken_at)
    try:
        connection.call("/system/backup", "load", {"name": FILE, "password": password}, patience=LOAD_PATIENCE)
    except RouterUnreachable:
        return  # it restarts, and may do so without an answer
    except HotspotError:
        _clean_up(connection)
        raise


def _clean_up(connection: Connection) -> None:
    """Remove the image; boards that keep files in memory have forgotten it already."""
    with suppress(HotspotError):
        connection.remove("/file", FILE)


def ticket_for(keys: Keys, backup: RouterBackup, *, now: datetime) -> str:
    """Return what the image of one copy can be fetched with, for ten minutes."""
    until = int((now + TICKET_LIFE).timestamp())
    return f"{backup.id}.{until}.{keys.sign(TICKET, backup.id, until)}"


def redeem_ticket(db: Session, ticket: str, *, keys: Keys, now: datetime) -> bytes:
    """Return the image, which the router has encrypted.

    Raises:
        NoSuchImage: the ticket is no good; it never says why.
    """
    number, until, tag = (*ticket.split(".", 2), "", "")[:3]
    if not keys.is_signed(tag, TICKET, number, until) or int(until) < now.timestamp():
        raise NoSuchImage
    backup = db.get(RouterBackup, int(number))
    image = None if backup is None else image_of(backup, keys)
    if image is None:
        raise NoSuchImage
    return image


def _raise_unless_equal(means: Means, chosen: _Chosen, before: int) -> None:
    """Wait until the router's export is what the copy's is."""
    problem = "it does not answer"
    for seconds in WAITS:
        means.wait(seconds)
        try:
            with enter(means, chosen.subject) as connection:
                now = export_of(connection)
                if body(now) == body(chosen.export):
                    _clean_up(connection)
                    return
        except HotspotError as error:
            problem = str(error)
            continue
        problem = "; ".join(each.words for each in differences(now, chosen.export)) or "its export is written otherwise"
    raise NotAsCopied(
        router=chosen.subject.name,
        number=chosen.backup.id,
        minutes=round(sum(WAITS) / 60),
        problem=problem,
        before=before,
    )
