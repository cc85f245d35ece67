import pytest

from hotspot.routers.changes import Add, Remove, Set
from hotspot.routers.desired import Desired, DesiredRow
from hotspot.routers.menus import MENUS
from hotspot.routers.plan import plan
from hotspot.routers.undo import inverse
from tests.routers.planning import FILTER, GARDEN, names, only, provisioned, rules
from tests.routers.rows import CERTIFICATE, NO_RADIO, WIFI, WIRELESS, Box, desired, facts, without_numbers

# --- a whole hotspot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interfaces", [WIFI, WIRELESS, NO_RADIO], ids=["wifi", "wireless", "no radio"])
@pytest.mark.parametrize("certificate", ["", CERTIFICATE], ids=["no certificate", "certificate"])
def test_after_a_plan_was_applied_the_next_one_is_empty_and_taking_it_back_restores(
    interfaces: dict[str, str], certificate: str
) -> None:
    box = Box(interfaces)
    before, actual = without_numbers(box), box.actual
    wanted = desired(facts(interfaces=interfaces, has_flash=True), certificate=certificate, guest_ports="ether2")

    first = plan(wanted, actual)
    box.apply(first.changes, wanted)

    assert first.changes
    assert not first.conflicts
    assert plan(wanted, box.actual).is_empty
    box.apply(inverse(first, actual).changes, wanted)
    assert without_numbers(box) == before


def test_a_changed_ssid_changes_the_radios_and_nothing_else() -> None:
    box = provisioned(ssid="WiFi Kota")

    changed = plan(desired(ssid="WiFi Kecamatan"), box.actual)

    assert names(changed) == ["Set /interface/wifi radio-wifi1", "Set /interface/wifi radio-wifi2"]
    assert [change.fields for change in changed.changes if isinstance(change, Set)] == [
        {"configuration.ssid": "WiFi Kecamatan"}
    ] * 2


def test_a_radio_that_is_a_port_by_its_datapath_becomes_one_of_ours() -> None:
    box = Box()
    box.rows["/interface/wifi"][0]["datapath.bridge"] = "office"
    box.put("/interface/bridge/port", interface="wifi1", bridge="office", dynamic="true")

    found = plan(desired(), box.actual)

    assert not found.conflicts
    made = [change for change in found.changes if change.name == "radio-wifi1"]
    assert isinstance(made[0], Set)
    assert made[0].fields["datapath.bridge"] == "none"
    assert isinstance(made[1], Add)
    assert made[1].fields["bridge"] == "hotspot-guests"


def test_a_radio_that_somebody_put_into_a_bridge_is_in_the_way_until_it_is_accepted() -> None:
    box = Box()
    box.put("/interface/bridge/port", interface="wifi1", bridge="bridge")

    (conflict,) = plan(desired(), box.actual).conflicts

    assert conflict.name == "/interface/bridge/port wifi1"
    taken = plan(desired(), box.actual, accept=[conflict.name])
    box.apply(taken.changes, desired())
    ports = {row["interface"]: row["bridge"] for row in box.actual["/interface/bridge/port"]}
    assert ports == {"wifi1": "hotspot-guests", "wifi2": "hotspot-guests"}


def test_rows_are_made_after_what_they_refer_to_and_removed_before_it() -> None:
    made = plan(desired(certificate=CERTIFICATE), Box().actual)
    box = provisioned(certificate=CERTIFICATE)

    removed = plan(Desired((), menus=desired().menus), box.actual)

    order = [change.menu for change in made.changes if isinstance(change, Add)]
    for menu in dict.fromkeys(order):
        for attribute in MENUS[menu].attributes.values():
            if attribute.refers in order:
                assert order.index(attribute.refers) < order.index(menu)
    gone = [change.menu for change in removed.changes]
    assert all(isinstance(change, Remove) for change in removed.changes)
    assert list(dict.fromkeys(gone)) == list(dict.fromkeys(reversed(order)))


def test_files_are_removed_before_their_folder() -> None:
    box = provisioned()

    removed = plan(Desired((), menus=("/file",)), box.actual)

    assert [change.name for change in removed.changes][-1] == "hotspot-pages"
    assert len(removed.changes) == 10


# --- whose row is it ---------------------------------------------------------------------------------------------------------


def test_a_hand_made_row_with_a_wanted_key_is_a_conflict_until_it_is_accepted() -> None:
    box = Box()
    number = box.put("/ip/pool", name="hotspot-guests", ranges="10.0.0.2-10.0.0.9", comment="by Budi")
    wanted = desired()

    refused = plan(wanted, box.actual)
    (conflict,) = refused.conflicts
    accepted = plan(wanted, box.actual, accept=[conflict.name])
    box.apply(accepted.changes, wanted)

    assert conflict.name == "/ip/pool hotspot-guests"
    assert conflict.can_accept
    assert "made by hand" in conflict.words
    assert not any(change.menu == "/ip/pool" for change in refused.changes)
    assert not accepted.conflicts
    (pool,) = box.actual["/ip/pool"]
    assert pool == {
        ".id": number,
        "name": "hotspot-guests",
        "ranges": "10.5.50.2-10.5.50.254",
        "comment": "hotspot:guests by Budi",
    }
    assert plan(wanted, box.actual).is_empty


def test_what_the_router_made_itself_can_not_be_taken_over() -> None:
    box = Box()
    box.put("/ip/address", address="10.5.50.1/24", interface="lo", dynamic="true")

    (conflict,) = plan(desired(), box.actual, accept=["/ip/address 10.5.50.1/24"]).conflicts

    assert not conflict.can_accept
    assert "the router made itself" in conflict.words


def test_a_row_that_the_router_derives_from_ours_is_not_ours() -> None:
    box = provisioned()
    box.put(GARDEN, dst_address="203.0.113.9", comment="hotspot:portal", dynamic="true")

    assert plan(desired(), box.actual).is_empty


def test_what_enrolment_made_is_neither_removed_nor_taken_over() -> None:
    box = provisioned()
    box.put("/ip/address", address="10.90.0.17/32", interface="hotspot", comment="hotspot:tunnel")

    assert plan(desired(), box.actual).is_empty


def test_the_rule_by_which_enrolment_lets_the_controller_in_is_kept() -> None:
    box = Box()
    box.put(
        FILTER,
        chain="input",
        action="accept",
        protocol="tcp",
        dst_port="8729",
        src_address="10.90.0.1",
        in_interface="hotspot",
        comment="hotspot:api",
    )
    box.put(FILTER, chain="input", action="drop", comment="hotspot:first-boot")
    wanted = desired()

    made = plan(wanted, box.actual)
    box.apply(made.changes, wanted)

    assert not [change for change in made.changes if change.menu == FILTER and change.name == "api"]
    assert not made.dangers
    assert rules(box)[:2] == ["api", "disconnect"]
    assert "first-boot" not in rules(box)


def test_a_row_that_was_given_another_role_is_the_same_row() -> None:
    box = provisioned()
    pool = box.rows["/ip/pool"][0]
    pool["comment"] = "hotspot:elder and a remark"

    assert names(plan(desired(), box.actual)) == ["Set /ip/pool guests"]


def test_a_remark_behind_the_mark_is_left_alone() -> None:
    box = provisioned()
    box.rows["/ip/pool"][0]["comment"] += " widened by Siti"

    assert plan(desired(), box.actual).is_empty


def test_our_row_gives_way_when_a_hand_made_one_with_the_new_key_is_accepted() -> None:
    box = provisioned()
    box.put("/ip/address", address="10.6.0.1/24", interface="hotspot-guests")
    wanted = desired(guest_network="10.6.0.0/24")

    refused = plan(wanted, box.actual)
    accepted = plan(wanted, box.actual, accept=["/ip/address 10.6.0.1/24"])
    box.apply(accepted.changes, wanted)

    assert not any(change.menu == "/ip/address" for change in refused.changes)
    assert [row["address"] for row in box.actual["/ip/address"]] == ["10.6.0.1/24"]
    assert plan(wanted, box.actual).is_empty


def test_files_that_are_not_pages_are_nobodys_business() -> None:
    box = provisioned()
    box.put("/file", name="hotspot-before-change.backup", type="backup")
    box.put("/file", name="flash/hotspot/login.html", type=".html file")
    box.put("/file", name="hotspot-pages.txt", type=".txt file")

    assert plan(desired(), box.actual).is_empty


def test_a_copy_of_our_row_is_removed() -> None:
    box = provisioned()
    box.rows[GARDEN].append({**box.rows[GARDEN][0], ".id": "*FFF"})

    (change,) = plan(desired(), box.actual).changes

    assert isinstance(change, Remove)
    assert change.target.id == "*FFF"


def test_a_connection_to_a_service_is_not_the_service() -> None:
    box = provisioned()
    box.rows["/ip/service"].insert(0, {".id": "*FFF", "name": "api-ssl", "address": "10.90.0.1", "dynamic": "true"})

    assert plan(desired(), box.actual).is_empty


def test_a_service_that_the_router_lacks_is_said() -> None:
    box = Box()
    box.rows["/ip/service"] = [row for row in box.rows["/ip/service"] if row["name"] != "www-ssl"]

    left_out = plan(desired(), box.actual).left_out

    assert "/ip/service www-ssl: this router has no /ip/service www-ssl" in map(str, left_out)


# --- dangers -----------------------------------------------------------------------------------------------------------------


def dangers(wanted: Desired, box: Box) -> list[str]:
    return [danger.name for danger in plan(wanted, box.actual).dangers]


def test_removing_many_rows_is_a_danger() -> None:
    box = provisioned()
    few = Desired(tuple(row for row in desired().rows if row.menu != "/ip/pool"), menus=desired().menus)

    assert "delete-many" in dangers(Desired((), menus=desired().menus), box)
    assert dangers(few, box) == []


def test_a_change_of_the_service_the_controller_uses_is_a_danger() -> None:
    box = provisioned()
    box.rows["/ip/service"][7]["address"] = "10.1.1.1/32"

    assert dangers(desired(), box) == ["api-service"]


def test_dropping_before_the_controller_is_let_in_is_a_danger() -> None:
    drop = DesiredRow(FILTER, "rest", "hotspot:rest", {"chain": "input", "action": "drop", "comment": "hotspot:rest"})
    let_in = DesiredRow(FILTER, "api", "hotspot:api", {"chain": "input", "action": "accept", "comment": "hotspot:api"})

    assert dangers(only(drop), Box()) == ["cut-management"]
    assert dangers(only(drop, let_in), Box()) == ["cut-management"]
    assert dangers(only(let_in, drop), Box()) == []


def test_a_change_of_the_rule_that_lets_the_controller_in_is_a_danger() -> None:
    box = provisioned()
    box.rows[FILTER][0]["src-address"] = "10.90.0.9"

    assert dangers(desired(), box) == ["cut-management"]


def test_bridging_the_way_to_the_controller_is_a_danger() -> None:
    assert dangers(desired(guest_ports="ether1"), provisioned()) == ["cut-uplink"]
    assert dangers(desired(guest_ports="ether2"), provisioned()) == []
