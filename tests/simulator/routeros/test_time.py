"""What happens by itself or at the box: safe mode, history, schedules, reboots, backups, updates, the button."""

import pytest

from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.traps import Trap
from tests.simulator.routeros.scene import Box


@pytest.fixture
def box() -> Box:
    return Box()


def change(box: Box, number: int = 1, session: Session | None = None) -> None:
    for _ in range(number):
        box.do(
            "/ip/firewall/address-list/add",
            session,
            list="x",
            address=f"10.0.0.{len(box.rows('/ip/firewall/address-list'))}",
        )


def test_safe_mode_goes_back_when_its_session_ends(box: Box) -> None:
    session = box.router.log_in("admin", "")
    before = dict(box.router.config.tables)
    box.do("/safe-mode/take", session)
    assert box.do("/safe-mode/print", session).rows[0]["current"] == "true"
    assert box.row("/safe-mode")["current"] == "false"
    change(box, 3, session)
    change(box)  # another session's work is lost as well

    box.router.log_out(session)

    assert dict(box.router.config.tables) == before
    assert box.row("/safe-mode") == {"enabled": "false"}


def test_released_safe_mode_keeps_what_was_done(box: Box) -> None:
    session = box.router.log_in("admin", "")
    box.do("/safe-mode/take", session)
    assert box.trap("/safe-mode/take") == "failure: safe mode is already taken"
    change(box, 1, session)

    box.do("/safe-mode/release")  # any session may
    box.router.log_out(session)

    assert len(box.rows("/ip/firewall/address-list")) == 1
    assert box.trap("/safe-mode/release") == box.trap("/safe-mode/unroll") == "failure: safe mode is not taken"


def test_unrolled_safe_mode_goes_back_at_once(box: Box) -> None:
    box.do("/safe-mode/toggle")
    change(box)
    box.do("/safe-mode/unroll")
    assert box.rows("/ip/firewall/address-list") == []

    box.do("/safe-mode/toggle")
    box.do("/safe-mode/toggle")
    assert box.row("/safe-mode")["enabled"] == "false"


def test_the_hundred_and_first_action_ends_safe_mode_without_a_word(box: Box) -> None:
    session = box.router.log_in("admin", "")
    box.do("/safe-mode/take", session)

    change(box, 100, session)
    assert box.row("/safe-mode")["enabled"] == "true"
    change(box, 1, session)
    assert box.row("/safe-mode")["enabled"] == "false"
    box.router.log_out(session)

    assert len(box.rows("/ip/firewall/address-list")) == 101
    assert len(box.rows("/system/history")) == 100
    assert box.rows("/system/history")[0]["action"] == "ip firewall address-list add"


def test_a_schedule_fires_at_its_times(box: Box) -> None:
    box.do("/system/scheduler/add", name="beat", interval="60", on_event=":put 1", policy="read,write")
    assert box.row("/system/scheduler")["next-run"] == "2026-03-02 05:01:00"

    for _ in range(3):
        box.clock.now += 59
        box.router.tick()

    assert [source for source, _, _ in box.script.ran] == [":put 1", ":put 1"]
    assert box.script.ran[0][1] == {"read", "write"}
    assert box.row("/system/scheduler")["run-count"] == "2"


def test_a_schedule_at_one_time_fires_once_and_late_if_it_must(box: Box) -> None:
    box.do("/system/scheduler/add", name="once", start_date="2026-03-02", start_time="05:10:00", on_event="undo")
    box.clock.now += 3600
    box.router.tick()
    box.clock.now += 3600
    box.router.tick()

    assert len(box.script.ran) == 1
    assert "next-run" not in box.row("/system/scheduler")


def test_a_schedule_runs_a_script_by_its_name_at_every_boot(box: Box) -> None:
    box.do("/system/script/add", name="hello", source=":log info hello")
    box.do("/system/scheduler/add", name="boot", start_time="startup", on_event="hello")

    box.router.reboot()

    assert box.script.ran[0][0] == ":log info hello"


def test_a_schedule_that_fails_or_is_off_is_only_logged_or_silent(box: Box) -> None:
    box.script.fails = True
    box.do("/system/scheduler/add", name="bad", interval="10", on_event="x")
    box.do("/system/scheduler/add", name="off", interval="10", on_event="y", disabled="yes")
    box.clock.now += 11
    box.router.tick()

    assert [source for source, _, _ in box.script.ran] == ["x"]
    assert "executing script bad failed" in box.rows("/log")[-1]["message"]
    assert box.trap("/system/scheduler/add", name="t", start_time="noon") == "invalid value for argument start-time"
    assert box.trap("/system/scheduler/add", name="t", start_date="noon") == "invalid value for argument start-date"


def test_the_clock_can_be_set_wrong(box: Box) -> None:
    box.do("/system/clock/set", time_zone_name="Asia/Jakarta")
    assert box.row("/system/clock")["time"] == "12:00:00"
    assert box.row("/system/clock")["gmt-offset"] == "+07:00"

    box.do("/system/clock/set", date="2020-01-01", time="00:00:00")

    assert box.row("/system/clock")["date"] == "2020-01-01"
    assert box.trap("/system/clock/set", time="late") == "invalid value for argument time"


def test_a_reboot_gives_new_numbers_and_keeps_the_rows(box: Box) -> None:
    box.do("/interface/bridge/add", name="br")
    box.do("/ip/address/add", address="10.5.50.1/24", interface="br")
    number = box.row("/ip/address")[".id"]
    cut: list[bool] = []
    box.router.on_reboot(lambda: cut.append(True))
    box.clock.now += 100
    assert box.row("/system/resource")["uptime"] == "1m40s"

    box.do("/system/reboot")

    assert cut == [True]
    assert box.row("/ip/address")[".id"] != number
    assert box.row("/ip/address")["interface"] == "br"
    assert box.row("/system/resource")["uptime"] == "0s"
    assert box.router.boot == 1


def test_a_reboot_is_not_covered_by_safe_mode(box: Box) -> None:
    session = box.router.log_in("admin", "")
    box.do("/safe-mode/take", session)
    change(box, 1, session)

    box.router.cut_power()
    box.router.log_out(session)

    assert len(box.rows("/ip/firewall/address-list")) == 1


def test_a_flash_board_forgets_files_in_ram() -> None:
    box = Box(model="hAP ac^2")
    box.do("/file/add", name="flash/login.html", contents="kept")
    box.do("/file/add", name="login.html", contents="lost")

    box.router.reboot()

    assert [row["name"] for row in box.rows("/file")] == ["flash", "flash/login.html"]


@pytest.mark.parametrize("password", ["", "long"])
def test_a_backup_restores_everything_and_reboots(box: Box, password: str) -> None:
    box.do("/radius/add", address="10.0.0.1", secret="very-quiet-secret")
    saved = dict(box.router.config.tables)
    box.do("/system/backup/save", name="before", password=password)
    change(box, 2)

    box.do("/system/backup/load", name="before", password=password)

    rows = {path: [(row.fields, row.outputs) for row in table] for path, table in saved.items() if table}
    assert {path: [(r.fields, r.outputs) for r in t] for path, t in box.router.config.tables.items() if t} == rows
    assert (b"very-quiet-secret" in (box.router.files.read("before.backup") or b"")) is (password == "")
    assert box.router.boot == 1


def test_a_backup_wants_its_password_its_file_and_its_board(box: Box) -> None:
    box.do("/system/backup/save", password="long")
    (name,) = (row["name"] for row in box.rows("/file"))
    octets = box.router.files.read(name) or b""
    other = Box(model="cAP ax")
    other.router.files.write("x.backup", octets)

    assert box.trap("/system/backup/load", name=name) == "missing value(s) of argument(s) password"
    assert box.trap("/system/backup/load", name="none", password="") == "no such item"
    assert "wrong password" in box.trap("/system/backup/load", name=name, password="short")
    assert "another board" in other.trap("/system/backup/load", name="x", password="long")
    box.router.files.write("bad.backup", b"simulated-backup-plain\n[]")
    assert "corrupted" in box.trap("/system/backup/load", name="bad", password="")


def test_an_update_changes_the_version_at_the_reboot() -> None:
    box = Box(version="7.19.2", offers={"stable": "7.24"})
    assert box.do("/system/package/update/check-for-updates").rows[0]["status"] == "New version is available"
    box.do("/system/package/update/download")
    assert "please reboot" in box.row("/system/package/update")["status"]
    box.do("/system/package/update/cancel")
    box.router.reboot()
    assert box.router.version_text == "7.19.2"

    box.do("/system/package/update/install")
    box.do("/system/routerboard/upgrade")
    assert box.row("/system/routerboard")["current-firmware"] == "7.19.2"
    box.router.reboot()

    assert box.row("/system/package", "name=routeros")["version"] == "7.24"
    assert box.row("/system/routerboard")["current-firmware"] == "7.24"
    assert box.do("/system/package/update/install").rows[0]["status"] == "System is already up to date"
    assert Box(model="CHR").trap("/system/routerboard/upgrade") == "failure: not supported"


def test_a_package_that_a_new_version_lacks_is_refused_or_by_an_old_router_dropped() -> None:
    newer = Box(version="7.19.2", packages=("routeros", "wifi-qcom", "lora"), offers={"stable": "7.24"})
    newer.do("/system/package/update/install")
    assert newer.row("/system/package/update")["status"] == "ERROR: missing packages: lora"
    assert newer.router.version_text == "7.19.2"

    newer.do("/system/package/update/install", ignore_missing="yes")
    assert [row["name"] for row in newer.rows("/system/package")] == ["routeros", "wifi-qcom"]

    older = Box(version="7.16", packages=("routeros", "lora"), offers={"stable": "7.24"})
    older.do("/system/package/update/install")
    assert [row["name"] for row in older.rows("/system/package")] == ["routeros"]


def test_a_download_needs_room() -> None:
    box = Box(version="7.19.2", offers={"stable": "7.24"})
    box.router.free_storage = 1 << 20

    assert box.do("/system/package/update/download").rows[0]["status"] == "ERROR: not enough disk space to download"


def test_the_download_server_has_a_hash_beside_each_package_that_exists() -> None:
    box = Box(mode="advanced")
    server = "https://download.mikrotik.com/routeros"

    there = [
        "7.24/routeros-7.24.npk",
        "7.24/wifi-qcom-7.24-arm64.npk",
        "7.20/hotspot-7.20-smips.npk",
        "7.24/wireless-7.24-ppc.npk",
    ]
    for file in there:
        (row,) = box.do("/tool/fetch", url=f"{server}/{file}.sha256", output="user").rows
        assert row["data"].endswith(file.partition("/")[2] + "\n")
    for file in (
        "7.24/lora-7.24-arm64.npk",
        "7.19/hotspot-7.19-smips.npk",
        "7.24/zerotier-7.24.npk",
        "7.24/none-7.24-arm.npk",
    ):
        assert "404" in box.trap("/tool/fetch", url=f"{server}/{file}.sha256")


def test_packages_are_switched_at_the_reboot() -> None:
    box = Box(model="RB951Ui-2HnD")
    box.do("/system/package/disable", numbers="wireless")
    assert box.row("/system/package", "name=wireless")["scheduled"] == "scheduled for disable"
    box.do("/system/package/unschedule", numbers="wireless")
    box.do("/system/package/disable", numbers="wireless")
    box.do("/system/package/apply-changes")
    assert box.trap("/interface/wireless/print") == "no such command prefix"

    box.do("/system/package/enable", numbers="wireless")
    box.router.reboot()
    assert box.trap("/interface/wireless/remove", _id="x") == "no such item"
    box.do("/system/package/uninstall", numbers="wireless")
    box.router.reboot()
    assert [row["name"] for row in box.rows("/system/package")] == ["routeros"]
    assert box.trap("/system/package/disable", numbers="routeros") == "no such item"


def test_a_hotspot_is_inactive_where_device_mode_forbids_it() -> None:
    box = Box(mode="home")
    box.do("/interface/bridge/add", name="br")
    box.do("/ip/hotspot/add", interface="br", disabled="no")

    row = box.row("/ip/hotspot")
    assert (row["disabled"], row["comment"]) == ("true", "inactivated, not allowed by device-mode")
    assert box.trap("/system/scheduler/add", name="x") == "failure: not allowed by device-mode"
    assert box.trap("/tool/fetch", url="http://x/") == "failure: not allowed by device-mode"


def test_the_button_brings_a_new_device_mode_into_force() -> None:
    box = Box(mode="home")
    work = box.do("/system/device-mode/update", hotspot="yes", scheduler="yes", activation_timeout="1m").work
    assert work is not None
    assert "button" in work.take()[0][0]["message"]
    assert box.row("/system/device-mode")["hotspot"] == "false"
    assert "in progress" in box.trap("/system/device-mode/update", hotspot="yes")

    box.router.press_button()
    box.router.press_button()

    assert work.is_over
    assert box.row("/system/device-mode")["hotspot"] == "true"
    assert box.row("/system/device-mode")["fetch"] == "false"
    assert box.router.boot == 1


def test_nobody_at_the_button_is_a_refusal_and_three_are_enough() -> None:
    box = Box(mode="home")
    for _ in range(3):
        work = box.do("/system/device-mode/update", mode="advanced").work
        box.clock.now += 301
        box.router.tick()
        assert work is not None
        refusal = work.take()[1]
        assert isinstance(refusal, Trap)
        assert "timed out" in refusal.text

    assert box.row("/system/device-mode")["attempt-count"] == "3"
    assert "too many attempts" in box.trap("/system/device-mode/update", mode="advanced")
    fresh = Box(mode="home")
    assert fresh.trap("/system/device-mode/update", mode="fast") == "input does not match any value of mode"
    assert fresh.trap("/system/device-mode/update", hotspot="perhaps") == "input does not match any value of hotspot"
    assert (
        fresh.trap("/system/device-mode/update", activation_timeout="1s")
        == "invalid value for argument activation-timeout"
    )
    assert (
        fresh.trap("/system/device-mode/update", activation_timeout="x")
        == "invalid value for argument activation-timeout"
    )


def test_a_reset_begins_anew_and_may_keep_users_and_run_a_script(box: Box) -> None:
    box.do("/user/add", name="alice", group="full", password="x")
    box.do("/file/add", name="first.rsc", contents="/system identity")
    change(box)

    box.do("/system/reset-configuration", keep_users="yes", run_after_reset="first.rsc")
    assert [row["name"] for row in box.rows("/user")] == ["admin", "alice"]
    assert box.script.ran[0][0] == "/system identity"
    assert box.rows("/ip/firewall/address-list") == []
    assert box.trap("/system/reset-configuration", run_after_reset="none") == "no such item"

    box.do("/system/reset-configuration")
    assert [row["name"] for row in box.rows("/user")] == ["admin"]


def test_a_box_from_the_shop_gets_its_defaults_back_unless_they_are_refused() -> None:
    box = Box(has_defaults=True)
    ports = [row["interface"] for row in box.rows("/interface/bridge/port")]
    assert ports == ["ether2", "ether3", "ether4", "ether5", "wifi1", "wifi2"]
    box.do("/interface/bridge/port/remove", numbers=box.rows("/interface/bridge/port")[0][".id"])

    box.do("/system/reset-configuration")
    assert [row["interface"] for row in box.rows("/interface/bridge/port")] == ports

    box.do("/system/reset-configuration", no_defaults="yes")
    assert box.rows("/interface/bridge") == []
