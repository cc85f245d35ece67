"""RouterOS' own upgrade, kept from doing harm: what it would drop is found out before, and looked at again after the restart.

It goes through /system/package/update, so the version must be the one that the channel offers at the time. Before: every installed
package is published for the new version and the board's architecture — an older RouterOS drops the others without a word, a newer one
refuses —, there is room, and a copy of the configuration is kept. The router asks the download server itself, for the small file with
the hash beside each package, so nothing here has to know which packages there are. After: version, packages, and whether it is well.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from typing import Final

from hotspot.errors import Conflict
from hotspot.routers import health
from hotspot.routers.changing import let_go_back
from hotspot.routers.connection import Connection, RouterRefused, RouterUnreachable
from hotspot.routers.contact import MOST_PACKAGES
from hotspot.routers.copies import keep_copy
from hotspot.routers.facts import HOTSPOT_APART, SMALLEST, facts_of
from hotspot.routers.forms import TRUE
from hotspot.routers.menus import Version, read_version, write_version
from hotspot.routers.subjects import Means, Subject, enter

UPDATE: Final = "/system/package/update"
SERVER: Final = "https://download.mikrotik.com/routeros"
SYSTEM: Final = "routeros"  # the package that every router has
CHANNELS: Final = ("stable", "long-term", "testing", "development")
SUFFIX: Final = {"x86": "", "x86_64": "", "powerpc": "-ppc"}  # of a package's file; else the architecture's name
NEEDED: Final = 16 << 20  # octets of storage for a download: the system's package has 7 to 22 million
NEEDED_OF_SMALL: Final = 512 << 10  # where the download goes to memory, as on boards with a folder flash
DOWNLOADED: Final = "Downloaded"  # how its status begins then; nothing else tells
DOWNLOAD_PATIENCE: Final = 600.0  # seconds
CHECK_PATIENCE: Final = 60.0
WAITS: Final = (5.0,) * 60  # seconds between looks at a router that restarts; small boards take some minutes

Keep = Callable[[list[str]], None]


class CannotUpgrade(Conflict):
    """{router} can't be upgraded to {version}: {problems}"""


class UpgradedBadly(Conflict):
    """{router} was upgraded to {version}, and now {problems}"""


class DidNotReturn(Conflict):
    """{router} does not answer since it was restarted for its upgrade; somebody must look at it"""


def problems(connection: Connection, version: Version) -> list[str]:
    """Say what stands in the way of an upgrade; empty, too, when the router has this version or a newer one."""
    facts = facts_of(connection)
    if facts.version >= version:
        return []
    if facts.device_mode.get("fetch") is False:
        found = ["device-mode forbids it to fetch, so it can't be asked which packages there are"]
    else:
        found = list(_lacking(connection, version, facts.architecture, _installed(connection)))
    room = _said(connection, "/system/resource", "free-hdd-space")
    free = int(room) if room.isascii() and room.isdigit() and len(room) < 19 else 0
    if free < (NEEDED_OF_SMALL if facts.has_flash else NEEDED):
        found.append(f"only {free >> 10} KiB of its storage are free")
    return found


def _lacking(connection: Connection, version: Version, architecture: str, packages: Collection[str]) -> Iterator[str]:
    if not _is_published(connection, SYSTEM, version, architecture):
        yield f"it finds no RouterOS {write_version(version)} for {architecture or 'its board'} on the download server"
        return
    if len(packages) > MOST_PACKAGES:  # each is asked for, and that takes up to a minute
        yield f"it names {len(packages)} packages, more than there are"
        return
    for name in sorted(packages):
        if not _is_published(connection, name, version, architecture):
            yield f"its package {name} does not exist for that version and {architecture}"
    if architecture == SMALLEST and version >= HOTSPOT_APART and "hotspot" not in packages:
        yield "on its board the hotspot is a package of its own by then, and it is not installed"


def _is_published(connection: Connection, package: str, version: Version, architecture: str) -> bool:
    number = write_version(version)
    file = f"{package}-{number}{SUFFIX.get(architecture, f'-{architecture}')}.npk.sha256"
    try:
        connection.call(
            "/tool", "fetch", {"url": f"{SERVER}/{number}/{file}", "output": "none"}, patience=CHECK_PATIENCE
        )
    except RouterRefused:
        return False
    return True


def upgrade(
    means: Means, subject: Subject, version: Version, channel: str, *, before: Collection[str] | None, keep: Keep
) -> Collection[str] | None:
    """Upgrade a router, unless it has this version or a newer one; return its packages, or None when there was nothing to do.

    `before`: what an earlier try has kept, of which nobody knows how far it came.

    1. Nothing stands in the way. 2. Its configuration is kept. 3. The packages are downloaded. 4. `keep` gets their names, and from now
    on it counts as begun. 5. It restarts, and comes back. 6. It has the version, all its packages, and is well.

    Raises:
        CannotUpgrade: nothing was begun.
        DidNotReturn, UpgradedBadly: a person must look at it.
        RouterUnreachable: it was away before anything was begun.
    """
    if before is not None:
        _await_return(means, subject, ())
    with closing(enter(means, subject)) as connection:
        let_go_back(connection)
        if facts_of(connection).version < version:
            before = _begin(means, subject, connection, version, channel)
            keep(sorted(before))
            _restart(connection)
    if before is None:
        return None
    _await_return(means, subject, version)
    return _checked(means, subject, version, before)


def _begin(means: Means, subject: Subject, connection: Connection, version: Version, channel: str) -> Collection[str]:
    found = problems(connection, version)
    if not found:
        copied = keep_copy(means, subject.id, connection)
        found = [copied] if copied else list(_downloading(connection, version, channel))
    if found:
        raise CannotUpgrade(router=subject.name, version=write_version(version), problems="; ".join(found))
    return _installed(connection)


def _installed(connection: Connection) -> set[str]:
    """The names of the packages, also of disabled ones; those that could be had are listed, too, and are none."""
    rows = connection.read("/system/package", ["name", "available"])
    return {row.get("name", "") for row in rows if row.get("available") not in TRUE}


def _downloading(connection: Connection, version: Version, channel: str) -> Iterator[str]:
    """Download; say why that can't be done."""
    connection.set(UPDATE, "", {"channel": channel})
    connection.call(UPDATE, "check-for-updates", {"once": ""}, patience=CHECK_PATIENCE)
    offered = _said(connection, UPDATE, "latest-version")
    if read_version(offered) != version:
        yield f"the channel {channel} offers {offered or 'nothing'}"
        return
    connection.call(UPDATE, "download", {}, patience=DOWNLOAD_PATIENCE)
    status = _said(connection, UPDATE, "status")
    if not status.startswith(DOWNLOADED):
        yield f"its download ended with: {status or 'no word'}"


def _said(connection: Connection, menu: str, name: str) -> str:
    rows = connection.read(menu, [name])
    return rows[0].get(name, "") if rows else ""


def _restart(connection: Connection) -> None:
    with suppress(RouterUnreachable):  # it may hang up before it answers
        connection.call("/system", "reboot", {})


def _await_return(means: Means, subject: Subject, version: Version) -> None:
    """Wait until the router answers with its new version; one that answers with the old one may be about to restart."""
    found: Version = ()
    for seconds in WAITS:
        with suppress(RouterUnreachable), closing(enter(means, subject)) as connection:
            found = facts_of(connection).version
            if found >= version:
                return
        means.wait(seconds)
    if not found:
        raise DidNotReturn(router=subject.name)
    problem = f"still has {write_version(found)}: the restart did not install what was downloaded"
    raise UpgradedBadly(router=subject.name, version=write_version(version), problems=problem)


def _checked(means: Means, subject: Subject, version: Version, before: Collection[str]) -> Collection[str]:
    with closing(enter(means, subject)) as connection:
        installed = _installed(connection)
        found = [f"its package {name} is gone" for name in sorted(set(before) - installed)]
        may_fetch = facts_of(connection).device_mode.get("fetch", True)
        growth = health.answers_of(connection)  # the restart has set the counters back
        found += health.problems(connection, growth, portal=subject.portal, may_fetch=may_fetch)
        if not found:
            _upgrade_board(connection)
    if found:
        raise UpgradedBadly(router=subject.name, version=write_version(version), problems="; ".join(found))
    return installed


def _upgrade_board(connection: Connection) -> None:
    """Let the board's own firmware follow at its next restart, whenever that is; a virtual router has none."""
    rows = connection.call("/system/routerboard", "print", {})
    board = rows[0] if rows else {}
    if board.get("routerboard") in TRUE and board.get("current-firmware") != board.get("upgrade-firmware"):
        connection.call("/system/routerboard", "upgrade", {})
