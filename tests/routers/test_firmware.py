"""RouterOS' upgrade: what would be lost is found before, and the router is looked at when it is back. Against a simulated one over TLS."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from benchmarks.live_router import Live
from hotspot.db import Database
from hotspot.routers import firmware
from hotspot.routers.backups import backups_of
from hotspot.routers.connection import RouterUnreachable
from hotspot.routers.firmware import CannotUpgrade, DidNotReturn, UpgradedBadly
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import enter, subject_of
from hotspot.settings import Settings
from hotspot.simulator.routeros.sessions import Result
from hotspot.simulator.routeros.traps import failure
from tests.routers.managed import NAME, enrol, means_of
from tests.world import World

TARGET = (7, 24)


SHOPS = count()


class Shop:
    """One router, and what its upgrade tells."""

    def __init__(self, world: World, database: Database, settings: Settings, live: Live) -> None:
        self.live, self.database, self.settings = live, database, settings
        enrol(database, settings, live)
        opened = world.now + timedelta(minutes=next(SHOPS))  # no two copies are taken at the same time
        self.means = means_of(database, settings, live, now=lambda: opened)
        self.kept: list[list[str]] = []

    def upgrade(self, version: tuple[int, ...] = TARGET, channel: str = "stable", **more: Any) -> Any:
        with self.database.reading() as db:
            subject = subject_of(db, get_router_named(db, NAME), self.settings, now=self.means.clock())
        more = {"before": None, "keep": self.kept.append, **more}
        return firmware.upgrade(self.means, subject, version, channel, **more)

    def problems(self) -> list[str]:
        with self.database.reading() as db:
            subject = subject_of(db, get_router_named(db, NAME), self.settings, now=self.means.clock())
        with enter(self.means, subject) as connection:
            return firmware.problems(connection, TARGET)

    @property
    def version(self) -> str:
        return self.live.router.version_text


@pytest.fixture
def shop(world: World, database: Database, settings: Settings) -> Iterator[Shop]:
    with Live(version="7.19.4") as live:
        yield Shop(world, database, settings, live)


def test_a_router_is_upgraded_with_all_its_packages_and_a_copy_kept_before(shop: Shop) -> None:
    assert shop.problems() == []

    assert shop.upgrade() == {"routeros", "wifi-qcom"}

    assert (shop.version, shop.kept) == ("7.24", [["routeros", "wifi-qcom"]])
    with shop.database.reading() as db:
        (copy,) = backups_of(db, get_router_named(db, NAME).id or 0)
    assert copy.version.startswith("7.19.4")
    assert shop.live.router.firmware_after_boot == "7.24"  # the board's own, at its next restart
    assert shop.upgrade() is None
    assert shop.kept == [["routeros", "wifi-qcom"]]


def test_what_would_be_lost_or_can_not_be_had_is_found_before_anything_is_done(
    world: World, database: Database, settings: Settings
) -> None:
    found: dict[str, dict[str, Any]] = {
        "its package lora does not exist for that version and arm64": {"packages": ("routeros", "wifi-qcom", "lora")},
        "the hotspot is a package of its own by then": {"model": "hAP lite"},
        "the channel stable offers 7.23": {"offers": {"stable": "7.23"}},
        "the channel stable offers 7.19.4": {"offers": {}},
        "device-mode forbids it to fetch": {"mode": "home", "packages": ("routeros",)},
    }
    for words, box in found.items():
        with Live(**{"version": "7.19.4", **box}) as live:
            shop = Shop(world, database, settings, live)
            with pytest.raises(CannotUpgrade, match=words):
                shop.upgrade()

            assert (live.router.boot, shop.kept) == (0, [])


def test_an_upgrade_needs_room_and_a_small_board_less(world: World, database: Database, settings: Settings) -> None:
    for model, free in (("hAP ax^2", 15 << 20), ("RB951Ui-2HnD", 400 << 10)):
        with Live(version="7.19.4", model=model) as live:
            live.router.free_storage = free

            assert Shop(world, database, settings, live).problems() == [
                f"only {free >> 10} KiB of its storage are free"
            ]


def test_a_virtual_router_has_files_and_firmware_of_its_own_kind(
    world: World, database: Database, settings: Settings
) -> None:
    with Live(version="7.19.4", model="CHR", packages=("routeros", "container")) as live:
        assert Shop(world, database, settings, live).upgrade() == {"routeros", "container"}


def test_a_download_that_the_router_ends_otherwise_is_told(shop: Shop) -> None:
    shop.live.router.free_storage = 20 << 20  # we think that is enough, and the router doesn't

    with pytest.raises(CannotUpgrade, match="its download ended with: ERROR: not enough disk space"):
        shop.upgrade()

    assert shop.live.router.boot == 0


def test_without_a_copy_nothing_is_upgraded(shop: Shop) -> None:
    group = next(row for row in shop.live.rows("/user/group") if row["name"] == "hotspot")
    shop.live.do("/user/group/set", _id=group[".id"], policy="api,read,write,test,reboot,!ftp")

    with pytest.raises(CannotUpgrade, match="no copy of its configuration"):
        shop.upgrade()


def test_without_the_download_server_nobody_knows_and_nothing_is_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firmware, "SERVER", "https://download.mikrotik.com/elsewhere")
    shop.live.router.fetches = _nobody

    assert shop.problems() == ["it finds no RouterOS 7.24 for arm64 on the download server"]


def _nobody(_arguments: Any) -> bytes:
    raise failure("connection timeout")


def test_a_worker_that_dies_on_the_way_is_followed_by_one_that_ends_it(shop: Shop) -> None:
    class Dies(Exception):
        pass

    def dies(packages: list[str]) -> None:
        shop.kept.append(packages)
        raise Dies

    with pytest.raises(Dies):
        shop.upgrade(keep=dies)
    assert shop.version == "7.19.4"

    assert shop.upgrade(before=shop.kept[0]) == {"routeros", "wifi-qcom"}
    assert shop.version == "7.24"
    assert shop.upgrade(before=shop.kept[0]) == {"routeros", "wifi-qcom"}  # died after the restart


def test_a_router_that_does_not_come_back_needs_a_person(shop: Shop) -> None:
    def gone(*_: Any) -> Any:
        if shop.kept:
            raise ConnectionRefusedError
        return shop.live.dial(*_)

    shop.means = replace(shop.means, dial=gone)

    with pytest.raises(DidNotReturn, match="does not answer since it was restarted"):
        shop.upgrade()


def test_a_router_that_is_away_before_anything_was_begun_is_just_away(shop: Shop) -> None:
    def gone(*_: Any) -> Any:
        raise ConnectionRefusedError

    shop.means = replace(shop.means, dial=gone)

    with pytest.raises(RouterUnreachable):
        shop.upgrade()


def test_a_restart_that_installs_nothing_is_told(shop: Shop) -> None:
    shop.live.router.on_reboot(lambda: None)
    shop.live.router.packages.boot = lambda: None  # type: ignore[method-assign]

    with pytest.raises(UpgradedBadly, match=r"still has 7\.19\.4"):
        shop.upgrade()


def test_a_package_that_is_gone_and_a_portal_that_does_not_answer_are_told(shop: Shop) -> None:
    def loses() -> None:
        shop.live.router.packages.enabled.pop("wifi-qcom", None)
        shop.live.router.fetches = _nobody

    shop.live.router.on_reboot(loses)

    with pytest.raises(UpgradedBadly, match=r"its package wifi-qcom is gone; the portal .* does not answer"):
        shop.upgrade()


def test_a_router_that_names_endless_packages_or_answers_nothing_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.live.router.packages.enabled |= {f"made-up-{number}": True for number in range(40)}
    assert shop.problems() == ["it names 42 packages, more than there are"]

    answer = shop.live.router.run

    def silent(path: str, command: str, arguments: dict[str, str], **more: Any) -> Any:
        done = answer(path, command, arguments, **more)
        return Result() if (path, command) == ("/system/package/update", "print") else done

    monkeypatch.setattr(shop.live.router, "run", silent)
    shop.live.router.packages.enabled = {"routeros": True}
    with pytest.raises(CannotUpgrade, match="the channel stable offers nothing"):
        shop.upgrade()
