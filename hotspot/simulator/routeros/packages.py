"""/system/package and its update: what is installed, what a channel offers, and what the next reboot makes of it."""

from typing import TYPE_CHECKING, Final

from hotspot.simulator.routeros.changes import targets_of
from hotspot.simulator.routeros.downloads import is_published, octets_of
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.table import parse_version
from hotspot.simulator.routeros.traps import failure, no_such_item

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

UPDATE: Final = "/system/package/update"
DOWNLOADED: Final = "Downloaded, please reboot router to upgrade it"
REFUSES_SINCE: Final = (7, 18)  # before, a package that the new version lacks is dropped without a word
TRUE: Final = frozenset({"yes", "true", ""})


class Packages:
    """Names, whether each is enabled, and what is scheduled for the next boot."""

    def __init__(self, names: tuple[str, ...], offers: dict[str, str]) -> None:
        self.enabled = dict.fromkeys(names, True)
        self.offers = offers
        self.scheduled: dict[str, str] = {}
        self.latest = ""
        self.status = ""
        self.downloaded: str | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, enabled in self.enabled.items() if enabled)

    def missing(self, version: str, architecture: str) -> list[str]:
        """The installed packages that aren't published for this version."""
        return [name for name in self.enabled if not is_published(name, parse_version(version), architecture)]

    def drop(self, names: list[str]) -> None:
        for name in names:
            del self.enabled[name]

    def boot(self) -> str | None:
        """Carry out what was scheduled; the version that the router comes up with, when it is another one."""
        for name, action in self.scheduled.items():
            if action == "uninstall":
                del self.enabled[name]
            else:
                self.enabled[name] = action == "enable"
        self.scheduled.clear()
        version, self.downloaded = self.downloaded, None
        self.status = ""
        return version


def rows(call: Call) -> list[dict[str, str]]:
    packages, version = call.router.packages, call.router.version_text
    return [
        {
            ".id": f"*{number:X}",
            "name": name,
            "version": version,
            "disabled": "false" if enabled else "true",
            "scheduled": f"scheduled for {packages.scheduled[name]}" if name in packages.scheduled else "",
        }
        for number, (name, enabled) in enumerate(packages.enabled.items(), 1)
    ]


def _schedule(call: Call, action: str) -> Result:
    known = {row[".id"]: row["name"] for row in rows(call)}
    for text in targets_of(call):
        name = known.get(text, text)
        if name not in call.router.packages.enabled or (name == "routeros" and action != "enable"):
            raise no_such_item()
        call.router.packages.scheduled[name] = action
    return Result()


def enable(call: Call) -> Result:
    return _schedule(call, "enable")


def disable(call: Call) -> Result:
    return _schedule(call, "disable")


def uninstall(call: Call) -> Result:
    return _schedule(call, "uninstall")


def unschedule(call: Call) -> Result:
    call.router.packages.scheduled.clear()
    return Result()


def apply_changes(call: Call) -> Result:
    """Reboot into what was scheduled, as `apply-changes` does since 7.18."""
    call.router.reboot()
    return Result()


def update_outputs(router: "SimulatedRouterOS") -> dict[str, str]:
    packages = router.packages
    text = {"installed-version": router.version_text}
    if packages.latest:
        text["latest-version"] = packages.latest
    if packages.status:
        text["status"] = packages.status
    return text


def check(call: Call) -> Result:
    """Ask what the channel offers."""
    packages = call.router.packages
    packages.latest = packages.offers.get(_channel(call), call.router.version_text)
    newer = parse_version(packages.latest) > call.router.version
    packages.status = "New version is available" if newer else "System is already up to date"
    return Result([_answer(call)])


def _channel(call: Call) -> str:
    return call.config.value(UPDATE, call.config.singleton(UPDATE), "channel")


def _answer(call: Call) -> dict[str, str]:
    return {"channel": _channel(call), **update_outputs(call.router)}


def download(call: Call) -> Result:
    check(call)
    packages, router = call.router.packages, call.router
    if parse_version(packages.latest) > router.version:
        missing = packages.missing(packages.latest, router.board.architecture)
        may_miss = router.version < REFUSES_SINCE or call.arguments.get("ignore-missing", "no") in TRUE
        if sum(octets_of(name) for name in packages.enabled) > router.free_storage:
            packages.status = "ERROR: not enough disk space to download"
        elif missing and not may_miss:
            packages.status = f"ERROR: missing packages: {', '.join(missing)}"
        else:
            packages.downloaded, packages.status = packages.latest, DOWNLOADED
    return Result([_answer(call)])


def install(call: Call) -> Result:
    """Download, then reboot into it."""
    result = download(call)
    if call.router.packages.downloaded:
        call.router.reboot()
    return result


def cancel(call: Call) -> Result:
    call.router.packages.downloaded, call.router.packages.status = None, ""
    return Result()


def upgrade_routerboard(call: Call) -> Result:
    """The board's firmware follows the version at the next reboot."""
    if not call.router.board.routerboard:
        raise failure("not supported")
    call.router.firmware_after_boot = call.router.version_text
    return Result()
