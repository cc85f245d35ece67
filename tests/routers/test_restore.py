"""A copy is loaded into its router again, which is then what it was, octet for octet."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from benchmarks.live_router import Live
from hotspot.app import create_app
from hotspot.db import Database
from hotspot.routers import nightly, provision, restore
from hotspot.routers.backups import Reason, RouterBackup, get_backup
from hotspot.routers.connection import RouterRefused
from hotspot.routers.copies import export_of
from hotspot.routers.credentials import Login
from hotspot.routers.decided import NameTheDanger
from hotspot.routers.exports import Difference, body, differences
from hotspot.routers.restore import NoImage, NotAsCopied, look_ahead, ticket_for
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means, enter
from hotspot.settings import Settings
from hotspot.simulator.routeros.traps import failure
from tests.routers.boxes import Line
from tests.routers.managed import NAME, applied
from tests.world import World

ADMIN = Login("admin", "written-on-the-box")


class Web:
    """The controller's web, as the router's /tool/fetch reaches it: asked in a thread of its own, with a loop of its own."""

    def __init__(self, database: Database, settings: Settings, now: object) -> None:
        self._app = create_app(settings, database, now=now)  # type: ignore[arg-type]
        self._threads = ThreadPoolExecutor(1)
        self.asked: list[Mapping[str, str]] = []

    def get(self, address: str, authorization: str) -> tuple[int, bytes]:
        return self._threads.submit(self._get, address, authorization).result()

    def _get(self, address: str, authorization: str) -> tuple[int, bytes]:
        line = Line(self._app)
        try:
            answer = line.get(address, headers={"authorization": authorization})
            return answer.status_code, answer.content
        finally:
            line.close()

    def fetches(self, arguments: Mapping[str, str]) -> bytes:
        if not arguments["url"].endswith(restore.ADDRESS):
            return b"the portal"
        self.asked.append(arguments)
        status, content = self.get(restore.ADDRESS, arguments["http-header-field"].removeprefix("Authorization: "))
        if status != 200:
            raise failure(f"status {status}")
        return content


@pytest.fixture
def web(means: Means, live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    found = Web(means.database, means.settings, means.clock)
    live.router.fetches = found.fetches
    live.do("/user/set", _id="admin", password=ADMIN.password)
    monkeypatch.setattr(restore, "WAITS", (0.0, 1.0))
    yield found
    found._threads.shutdown()


def exported(means: Means) -> bytes:
    with enter(means, provision._subject(means, NAME)) as connection:
        return export_of(connection)


def copied(means: Means) -> int:
    return nightly.copy_now(means, NAME, reason=Reason.ASKED)


def ruin(live: Live) -> None:
    """Somebody at the box."""
    live.at_once(lambda: live.do("/system/identity/set", name="another"))
    live.at_once(lambda: live.do("/ip/pool/add", name="office", ranges="192.168.7.10-192.168.7.20"))
    (rule, *_) = live.rows("/ip/firewall/filter")
    live.at_once(lambda: live.do("/ip/firewall/filter/remove", _id=rule[".id"]))


def test_what_was_changed_is_as_it_was_octet_for_octet(means: Means, live: Live, web: Web, world: World) -> None:
    applied(means)
    before = exported(means)
    number = copied(means)
    ruin(live)
    assert body(exported(means)) != body(before)

    prospect = look_ahead(means, NAME, number)
    said: list[str] = []
    done = restore.restore(means, NAME, number, ADMIN, report=said.append)

    assert body(exported(means)) == body(before)
    assert prospect.dangers == ()
    assert "/ip pool: 1 go" in [change.words for change in prospect.changes]
    assert said[-1] == "waiting until it is back"
    assert live.router.boot == 1
    assert [row["name"] for row in live.rows("/file") if "hotspot-" in row["name"] and "pages" not in row["name"]] == []
    (asked,) = web.asked
    assert asked["check-certificate"] == "yes"
    assert "Bearer" not in asked["url"]
    with means.database.reading() as db:
        kept = get_backup(db, world.router, done.before, name=NAME)
        assert kept.reason == Reason.RESTORE
        assert kept.image is not None  # which can be restored in its turn
    assert look_ahead(means, NAME, done.before).changes


def test_a_copy_that_can_not_be_loaded_or_is_nobodys_is_refused(means: Means, web: Web, world: World) -> None:
    applied(means)  # its copy is text alone
    with means.database.reading() as db:
        text_alone = get_backup(db, world.router, None, name=NAME).id

    with pytest.raises(NoImage, match="text alone"):
        look_ahead(means, NAME, text_alone or 0)


def test_another_box_log_in_or_version_is_a_danger_to_name(means: Means, live: Live, web: Web) -> None:
    number = copied(means)
    with means.database.writing() as db:
        router = get_router_named(db, NAME)
        router.serial, router.model = "ANOTHER", "hEX"
        backup = db.get_one(RouterBackup, number)
        backup.version, backup.login = "7.19.4", "of another time"

    assert [danger.name for danger in look_ahead(means, NAME, number).dangers] == [
        "other-box",
        "other-log-in",
        "other-version",
    ]
    with pytest.raises(
        NameTheDanger, match=r"^It makes this box .* twin.*--accept-danger other-box --accept-danger other-version"
    ):
        restore.restore(means, NAME, number, ADMIN, dangers=["other-log-in"])
    assert live.router.boot == 0

    restore.restore(means, NAME, number, ADMIN, dangers=["other-log-in", "other-box", "other-version"])

    assert live.router.boot == 1


def test_who_may_not_change_users_restores_nothing(means: Means, live: Live, web: Web) -> None:
    number = copied(means)
    own = provision._subject(means, NAME).targets[0]

    with pytest.raises(RouterRefused, match="not enough permissions"):
        restore.restore(means, NAME, number, Login(own.user, own.password))
    with pytest.raises(RouterRefused, match="invalid user name or password"):
        restore.restore(means, NAME, number, Login("admin", "guessed"))

    assert live.router.boot == 0
    assert [row["name"] for row in live.rows("/file") if "restore" in row["name"]] == []


def test_a_router_that_does_not_come_back_is_told_with_the_copy_from_before(means: Means, live: Live, web: Web) -> None:
    number = copied(means)
    live.router.on_reboot(lambda: setattr(live.server, "is_reachable", False))

    with pytest.raises(NotAsCopied, match=r"can't be reached.*what it was before is copy \d+"):
        restore.restore(means, NAME, number, ADMIN)


def test_a_router_that_is_something_else_afterwards_is_told_where(means: Means, live: Live, web: Web) -> None:
    number = copied(means)
    live.router.on_reboot(lambda: live.do("/system/identity/set", name="another"))

    with pytest.raises(NotAsCopied, match="/system identity: 1 go"):
        restore.restore(means, NAME, number, ADMIN)


def test_an_image_is_given_for_its_ticket_alone_and_not_for_long(
    means: Means, live: Live, web: Web, world: World
) -> None:
    number = copied(means)
    with means.database.reading() as db:
        backup = get_backup(db, world.router, number, name=NAME)
        ticket = ticket_for(world.keys, backup, now=means.clock())
        old = ticket_for(world.keys, backup, now=means.clock() - timedelta(minutes=11))
        gone = ticket_for(world.keys, RouterBackup(id=4711), now=means.clock())  # type: ignore[call-arg]

    status, image = web.get(restore.ADDRESS, f"Bearer {ticket}")
    assert status == 200
    assert image.startswith(b"simulated-backup-sealed")
    other = f"{number + 1}.{ticket.split('.', 1)[1]}"
    for bad in (f"Basic {ticket}", f"Bearer {old}", f"Bearer {gone}", f"Bearer {other}", "Bearer ..", "Bearer x", ""):
        status, words = web.get(restore.ADDRESS, bad)
        assert status == 404
        assert b"no image for this ticket" in words


def test_two_exports_are_compared_by_statement_without_telling_values() -> None:
    now = b"# 1 o'clock\n/ip pool\nadd name=a \\\n    ranges=1\nadd name=b\n/snmp\nset x=secret\n"
    then = b"# 2 o'clock\n/ip pool\nadd name=b\nadd name=a     ranges=1\n/ppp secret\nadd password=y\nadd password=z\n"

    found = differences(now, then)

    assert found == [Difference("/ip pool", 0, 0), Difference("/snmp", 0, 1), Difference("/ppp secret", 2, 0)]
    assert [each.words for each in found] == [
        "/ip pool: the rows get another order",
        "/snmp: 1 go",
        "/ppp secret: 2 come back",
    ]
    assert body(b"# only a head\n") == b""
