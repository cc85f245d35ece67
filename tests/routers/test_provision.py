"""Plan, apply and roll back, end to end against the simulated RouterOS over TLS."""

import socket
from dataclasses import replace
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from sqlmodel import select

from benchmarks.live_router import Live
from hotspot.routers import decided, ledger, provision
from hotspot.routers.backups import RouterBackup
from hotspot.routers.connection import WrongCertificate
from hotspot.routers.diff import lines
from hotspot.routers.health import NOT_PROVEN
from hotspot.routers.ledger import Outcome
from hotspot.routers.service import NotPlaced, get_router_named
from hotspot.routers.subjects import Means, NotManaged
from hotspot.simulator.routeros.sessions import Result
from hotspot.simulator.routeros.state import Configuration
from hotspot.simulator.routeros.traps import Trap
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.routers.managed import NAME, applied, planned, shown
from tests.world import ROUTER_SECRET, World


def test_a_plan_is_shown_applied_and_then_empty(means: Means, live: Live) -> None:
    plan = planned(means)

    shown = "\n".join(lines(plan.plan))
    assert '+     ssid: "' not in shown  # its radios are of /interface/wifi
    assert "~ /interface/wifi radio-wifi1" in shown
    assert ROUTER_SECRET not in shown
    assert live.rows("/ip/hotspot") == []  # nothing was changed by planning

    said: list[str] = []
    done = applied(means, plan, report=said.append)

    assert (done.outcome, done.reason) == (Outcome.CONFIRMED, NOT_PROVEN)
    assert any("checking on a new connection" in words for words in said)
    (hotspot,) = live.rows("/ip/hotspot")
    assert (hotspot["interface"], hotspot["disabled"]) == ("hotspot-guests", "false")
    (radius,) = live.rows("/radius")
    assert radius["secret"] == ROUTER_SECRET
    assert live.router.safe_mode.hold is None
    assert planned(means).plan.is_empty


def test_one_changed_setting_plans_one_change(means: Means, world: World, live: Live) -> None:
    applied(means)
    with means.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "ssid", "Pangkalpinang Cerdas")

    plan = planned(means).plan

    assert {change.menu for change in plan.changes} == {"/interface/wifi"}
    assert len(plan.changes) == 2  # radios


def test_drift_is_found_and_rows_of_others_are_left_alone(means: Means, live: Live) -> None:
    live.at_once(lambda: live.do("/ip/pool/add", name="office", ranges="192.168.7.10-192.168.7.20"))
    applied(means)
    (ours,) = [row for row in live.rows("/ip/pool") if row["name"] != "office"]
    live.at_once(lambda: live.do("/ip/pool/set", _id=ours[".id"], ranges="10.5.50.9-10.5.50.10"))

    found = planned(means, state=ledger.PlanState.DRIFT)

    (change,) = found.plan.changes
    assert change.menu == "/ip/pool"
    assert applied(means, found).outcome == Outcome.CONFIRMED
    assert "office" in {row["name"] for row in live.rows("/ip/pool")}


def test_a_row_made_by_hand_is_in_the_way_until_it_is_accepted(means: Means, live: Live) -> None:
    live.at_once(lambda: live.do("/ip/pool/add", name="hotspot-guests", ranges="10.9.9.2-10.9.9.9", comment="Pak Budi"))

    plan = planned(means)
    (conflict,) = plan.plan.conflicts
    with pytest.raises(decided.InTheWay, match="made by hand"):
        applied(means, plan)
    accepted = planned(means, accept=[conflict.name])

    assert applied(means, accepted).outcome == Outcome.CONFIRMED
    (pool,) = live.rows("/ip/pool")
    assert pool["comment"] == "hotspot:guests Pak Budi"


def test_a_router_that_changed_since_is_not_touched(means: Means, live: Live) -> None:
    plan = planned(means)
    live.at_once(lambda: live.do("/ip/pool/add", name="office", ranges="192.168.7.10-192.168.7.20"))
    before = live.router.config

    with pytest.raises(provision.RouterChanged):
        applied(means, plan)

    assert live.router.config is before


def test_a_setting_that_changed_since_is_not_applied_unseen(means: Means, live: Live) -> None:
    plan = planned(means)
    with means.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "ssid", "Another")

    with pytest.raises(provision.WantedChanged):
        applied(means, plan)


def test_a_plan_is_applied_once(means: Means) -> None:
    plan = planned(means)
    applied(means, plan)

    with pytest.raises(decided.PlanUsed):
        applied(means, plan)


def test_a_danger_must_be_named(means: Means, live: Live) -> None:
    applied(means)
    (rule,) = [row for row in live.rows("/ip/firewall/filter") if row.get("comment") == "hotspot:api"]
    live.at_once(lambda: live.do("/ip/firewall/filter/set", _id=rule[".id"], src_address="10.253.0.9"))
    plan = planned(means)

    with pytest.raises(decided.NameTheDanger, match="--accept-danger cut-management"):
        applied(means, plan, dangers=["delete-many"])

    assert applied(means, plan, dangers=["cut-management"]).outcome == Outcome.CONFIRMED


def test_one_run_at_a_time(means: Means) -> None:
    plan = planned(means)
    subject = provision._subject(means, NAME)

    with provision.alone(means, subject), pytest.raises(provision.UnderWay):
        applied(means, plan)

    assert applied(means, plan).outcome == Outcome.CONFIRMED


def test_somebody_in_safe_mode_is_waited_for(means: Means, live: Live) -> None:
    plan = planned(means)
    live.at_once(lambda: live.do("/safe-mode/take"))

    with pytest.raises(provision.Conflict, match="admin is working on this router"):
        applied(means, plan)

    assert live.router.safe_mode.hold is not None


def test_a_router_from_which_the_portal_is_away_goes_back(means: Means, live: Live) -> None:
    before = live.router.config

    def refuses(_arguments: object) -> bytes:
        raise Trap("failure: connection timeout")

    live.router.fetches = refuses
    done = applied(means)

    assert done.outcome == Outcome.ROLLED_BACK
    assert (
        "the portal http://127.0.0.1:8080/p/alun-alun does not answer it (failure: connection timeout)" in done.reason
    )
    assert_same(live, before)


def test_a_refused_change_takes_the_others_back(means: Means, live: Live) -> None:
    plan = planned(means)
    before = live.router.config
    live.router.actions["/radius", "add"] = refused

    done = applied(means, plan)

    assert done.outcome == Outcome.ROLLED_BACK
    assert "refused /radius/add" in done.reason
    assert_same(live, before)


def refused(_call: object) -> Result:
    raise Trap("failure: no")


def assert_same(live: Live, before: Configuration) -> None:
    """Row by row and in order; the numbers that were given meanwhile are spent."""
    assert {path: rows for path, rows in live.router.config.tables.items() if rows} == {
        path: rows for path, rows in before.tables.items() if rows
    }
    assert [name for name, _ in live.router.files.items() if name.startswith("hotspot-pages")] == []
    assert live.router.safe_mode.hold is None


def test_a_confirmed_run_is_rolled_back(means: Means, live: Live) -> None:
    live.at_once(lambda: live.do("/ip/firewall/filter/add", chain="forward", action="accept", comment="by hand"))
    before = shown(live)
    done = applied(means)

    back = provision.rollback(means, done.run, made_by="Bob")

    assert (back.outcome, back.reason) == (Outcome.CONFIRMED, NOT_PROVEN)
    assert shown(live) == before
    with means.database.reading() as db:
        undoing = ledger.get_plan(db, ledger.get_run(db, back.run).plan_id)
        assert undoing.document["undoes"] == done.run
        assert ROUTER_SECRET not in str(undoing.document)
    again = provision.rollback(means, back.run, made_by="Bob")  # and the undoing is undone
    assert again.outcome == Outcome.CONFIRMED
    assert planned(means).plan.is_empty


def test_a_rollback_spares_what_was_done_since(means: Means, live: Live) -> None:
    done = applied(means)
    live.at_once(lambda: live.do("/ip/pool/add", name="office", ranges="192.168.7.10-192.168.7.20"))

    with pytest.raises(provision.RouterChanged):
        provision.rollback(means, done.run, made_by="Bob")


def test_only_a_confirmed_run_is_rolled_back(means: Means, live: Live) -> None:
    live.router.actions["/radius", "add"] = refused
    done = applied(means)

    with pytest.raises(decided.NotUndoable, match="rolled-back"):
        provision.rollback(means, done.run, made_by="Bob")
    with pytest.raises(ledger.NoSuchRun):
        provision.rollback(means, 99, made_by="Bob")


def test_before_and_after_are_kept_and_no_secret_is_open(means: Means, live: Live) -> None:
    done = applied(means)

    with means.database.reading() as db:
        run = ledger.get_run(db, done.run)
        assert run.ended_at is not None
        assert run.after is not None
        keys = means.settings.keys
        before, after = (ledger.unseal_rows(keys, run.router_id, rows) for rows in (run.before, run.after))
        (copy,) = db.exec(select(RouterBackup)).all()
        assert copy.version == "7.20.8 (stable)"
        assert ROUTER_SECRET not in str((run, ledger.get_plan(db, run.plan_id), copy))
    assert (before["/ip/hotspot"], len(after["/ip/hotspot"])) == ([], 1)
    assert after["/radius"][0]["secret"] == ROUTER_SECRET
    assert "hotspot-copy.rsc" not in dict(live.router.files.items())


# --- lost ----------------------------------------------------------------------------------------------------------------


def test_a_router_that_is_lost_goes_back_and_the_run_is_settled_later(means: Means, live: Live) -> None:
    before = live.router.config
    away = {"is": False}

    def vanish(_call: object) -> Result:
        away["is"] = True
        live.server.cut()
        return Result()

    def dial(address: IPv4Address, port: int) -> socket.socket:
        if away["is"]:
            raise TimeoutError
        return live.dial(address, port)

    live.router.actions["/radius", "add"] = vanish
    done = applied(replace(means, dial=dial))

    assert done.outcome == Outcome.LOST
    assert "does not answer any more" in done.reason
    assert live.rows("/ip/hotspot") == []  # by itself: the router was not reached again yet
    away["is"] = False
    settled = provision.confirm(means, done.run)
    assert (settled.outcome, settled.run) == (Outcome.ROLLED_BACK, done.run), settled.reason
    assert_same(live, before)
    assert provision.confirm(means, done.run) == settled  # once is enough


def test_a_reboot_in_the_middle_is_taken_back_change_by_change(means: Means, live: Live) -> None:
    """Safe mode does not outlive a reboot: what was changed stays, with new numbers for the rows."""
    live.at_once(lambda: live.do("/ip/firewall/filter/add", chain="forward", action="accept", comment="by hand"))
    before = shown(live)

    def reboots(_call: object) -> Result:
        live.router.actions.pop(("/radius", "add"))
        live.router.reboot()
        return Result()

    live.router.actions["/radius", "add"] = reboots
    done = applied(means)

    assert done.outcome == Outcome.ROLLED_BACK
    assert shown(live) == before


def test_a_long_plan_is_made_in_batches_and_taken_back_whole(means: Means, live: Live) -> None:
    before = shown(live)
    with means.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "walled_garden", ",".join(f"a{number}.example" for number in range(90)))
    live.router.actions["/radius/incoming", "set"] = refused

    done = applied(means)

    assert done.outcome == Outcome.ROLLED_BACK
    assert shown(live) == before
    live.router.actions.clear()
    assert applied(means).outcome == Outcome.CONFIRMED
    assert planned(means).plan.is_empty


def test_another_box_at_its_address_is_told_nothing(means: Means, live: Live) -> None:
    with means.database.writing() as db:
        get_router_named(db, NAME).fingerprint = "00" * 32

    with pytest.raises(WrongCertificate):
        planned(means)


def test_what_is_not_enrolled_or_not_there_is_no_subject(means: Means, live: Live) -> None:
    with pytest.raises(NotManaged, match="is manual"):
        provision.make_plan(means, "perpustakaan-1", made_by="Bob")
    with pytest.raises(ledger.NoSuchPlan):
        provision.apply(means, UUID(int=0), made_by="Bob")
    with means.database.writing() as db:
        get_router_named(db, NAME).site_id = None
    with pytest.raises(NotPlaced):
        planned(means)


@pytest.mark.parametrize("name", ["Caf\udce9", "Caf\x00"])
def test_a_name_that_is_no_text_is_changed_and_comes_back_as_it_was(means: Means, live: Live, name: str) -> None:
    """WinBox writes names in the code page of its Windows."""
    live.at_once(lambda: live.do("/system/identity/set", name=name))

    done = applied(means)
    assert live.rows("/system/identity")[0]["name"] == NAME
    back = provision.rollback(means, done.run, made_by="Bob")

    assert (back.outcome, back.reason) == (Outcome.CONFIRMED, NOT_PROVEN)
    assert live.rows("/system/identity")[0]["name"] == name
