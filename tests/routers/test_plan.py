import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hotspot.routers import diff
from hotspot.routers.changes import Add, Move, Plan, Remove, Set, from_json, to_json
from hotspot.routers.desired import Desired, DesiredRow
from hotspot.routers.menus import MENUS, Kind, is_the_routers
from hotspot.routers.plan import fingerprint, longest_rising, plan
from hotspot.routers.undo import inverse
from tests.routers.rows import CERTIFICATE, NO_RADIO, SECRET, WIFI, WIRELESS, Box, desired, facts, without_numbers

FILTER = "/ip/firewall/filter"
GARDEN = "/ip/hotspot/walled-garden/ip"
NOTHING = Desired(())


def provisioned(**given: object) -> Box:
    box, wanted = Box(), desired(**given)
    box.apply(plan(wanted, box.actual).changes, wanted)
    return box


def names(plan_: Plan) -> list[str]:
    return [f"{type(change).__name__} {change.menu} {change.name}" for change in plan_.changes]


def rules(box: Box, path: str = FILTER) -> list[str]:
    return [row.get("comment", "-").removeprefix("hotspot:") for row in box.actual[path]]


def only(*wanted: DesiredRow) -> Desired:
    return Desired(wanted, menus=tuple(dict.fromkeys(row.menu for row in wanted)))


def rule(name: str, place: str = "last", **fields: str) -> DesiredRow:
    mark = f"hotspot:{name}"
    return DesiredRow(GARDEN, name, mark, {"dst-host": f"{name}.example", **fields, "comment": mark}, place=place)


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


# --- order -------------------------------------------------------------------------------------------------------------------


def test_our_rules_stand_in_our_order_before_those_of_others() -> None:
    box, wanted = Box(), desired()
    box.put(FILTER, chain="hs-input", action="jump", dynamic="true")
    box.put(FILTER, chain="input", action="accept", comment="by Budi")

    box.apply(plan(wanted, box.actual).changes, wanted)

    ours = [row.name for row in wanted.of(FILTER)]
    assert rules(box) == ["-", *ours, "by Budi"]


def test_one_misplaced_rule_is_one_move() -> None:
    box, wanted = provisioned(), desired()
    box.rows[FILTER].insert(0, box.rows[FILTER].pop(6))

    misplaced = plan(wanted, box.actual)
    box.apply(misplaced.changes, wanted)

    assert names(misplaced) == [f"Move {FILTER} input-rest"]
    assert plan(wanted, box.actual).is_empty


def test_rows_placed_last_stand_behind_those_of_others() -> None:
    box, wanted = Box(), only(rule("a", "first"), rule("b"), rule("c"))
    box.put(GARDEN, dst_host="b.example", comment="hotspot:b")
    box.put(GARDEN, dst_host="by-hand.example", comment="by Budi")

    box.apply(plan(wanted, box.actual).changes, wanted)

    assert rules(box, GARDEN) == ["a", "by Budi", "b", "c"]


@given(st.permutations(range(12)))
def test_a_longest_rising_run_rises_and_none_is_longer(numbers: list[int]) -> None:
    run = longest_rising(numbers)
    best = [1] * len(numbers)
    for at, number in enumerate(numbers):
        best[at] += max((best[before] for before in range(at) if numbers[before] < number), default=0)

    assert run == sorted(run)
    assert [number for number in numbers if number in run] == run
    assert len(run) == max(best)


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


# --- secrets, storing, showing -----------------------------------------------------------------------------------------------


def test_no_secret_is_in_a_plan_its_text_or_what_is_stored() -> None:
    box = provisioned()
    for row in box.rows["/radius"]:
        row["secret"] = "the-router-knows-another-one"
    box.rows["/radius"].append({".id": "*FFF", "address": "10.9.9.9", "secret": "gone", "comment": "hotspot:gone"})

    changed = plan(desired(), box.actual)
    shown = "\n".join(diff.lines(changed))
    taken_back = list(diff.lines(inverse(changed, box.actual)))

    assert names(changed) == ["Set /radius server-10.90.0.1", "Set /radius server-10.90.0.2", "Remove /radius gone"]
    assert "~     secret: (changed)  (from router hs-1)" in shown
    for text in (shown, to_json(changed), repr(changed), repr(plan(desired(), Box().actual)), repr(desired())):
        assert SECRET not in text
        assert "another-one" not in text
    assert not any("another-one" in line or "gone" in line.partition("secret")[2] for line in taken_back)
    assert "+     secret: (changed)" in taken_back
    box.apply(changed.changes, desired())
    assert {row["secret"] for row in box.rows["/radius"]} == {SECRET}


def test_a_secret_that_the_router_hides_is_not_compared() -> None:
    box = provisioned()
    box.rows["/radius"][0].pop("secret")
    box.rows["/radius"][1]["secret"] = "*****"

    assert plan(desired(), box.actual).is_empty


def test_a_secret_is_given_to_a_row_that_is_taken_over() -> None:
    box = Box()
    box.put("/radius", address="10.90.0.1", service="hotspot")

    taken = plan(desired(), box.actual, accept=["/radius 10.90.0.1, hotspot"])

    (change,) = [change for change in taken.changes if isinstance(change, Set) and change.menu == "/radius"]
    assert change.secrets == ("secret",)


def test_a_stored_plan_is_the_same_plan() -> None:
    box = Box()
    box.put("/ip/pool", name="hotspot-guests")
    stored = plan(desired(certificate=CERTIFICATE), box.actual)
    removing = plan(Desired((), menus=desired().menus), provisioned().actual)

    assert from_json(to_json(stored)) == stored
    assert from_json(to_json(removing)) == removing


def test_the_diff_says_what_changes_where_it_comes_from_and_what_is_left_out() -> None:
    box = provisioned(ssid="WiFi Kota")
    box.rows[FILTER].insert(0, box.rows[FILTER].pop(6))
    box.put(GARDEN, dst_host="x\ny.example", comment="hotspot:elder")
    box.put("/ip/address", address="10.5.51.1/24")
    wanted = desired(
        facts(), ssid="Kantor Lurah", guest_network="10.5.51.0/24", guest_ports="ether2,ether9", certificate=CERTIFICATE
    )

    shown = list(diff.lines(plan(wanted, box.actual)))

    assert '~     configuration.ssid: "WiFi Kota" → "Kantor Lurah"  (from Gerunggang (19.71.05))' in shown
    assert "+ /interface/bridge/port port-ether2" in shown
    assert f"> {FILTER} input-rest (before hotspot:guests-apart)" in shown
    assert f"- {GARDEN} elder" in shown
    assert '-     dst-host: "x·y.example"' in shown
    assert any(line.startswith("! conflict: 10.5.51.1/24 in /ip/address") for line in shown)
    assert "  left out: /interface/bridge/port port-ether9: this router has no interface ether9" in shown
    assert any(line.startswith("  left out: /ip/dhcp-server/option/sets guests: attribute comment") for line in shown)


def test_the_diff_names_dangers_and_takes_back_in_words() -> None:
    box = provisioned()
    box.rows["/ip/service"][7]["disabled"] = "yes"
    actual, changed = box.actual, plan(desired(), box.actual)

    assert any(line.startswith("! danger api-service: changes disabled") for line in diff.lines(changed))
    back = inverse(plan(desired(), Box().actual), Box().actual)
    assert '~     configuration.ssid: "WiFi Publik" → nothing' in list(diff.lines(back))
    assert names(inverse(changed, actual)) == ["Set /ip/service api-ssl"]


# --- the fingerprint ---------------------------------------------------------------------------------------------------------


def test_the_fingerprint_changes_with_rows_and_their_order_and_not_with_what_the_router_makes() -> None:
    box, wanted = provisioned(), desired()
    first = fingerprint(wanted, box.actual)

    box.put("/ip/address", address="10.1.1.1/24", dynamic="true")
    assert fingerprint(wanted, box.actual) == first
    assert plan(wanted, box.actual).fingerprint == first

    box.rows[FILTER].reverse()
    turned = fingerprint(wanted, box.actual)
    box.rows["/ip/pool"][0]["ranges"] = "10.5.50.9-10.5.50.99"

    assert len({first, turned, fingerprint(wanted, box.actual)}) == 3


# --- properties --------------------------------------------------------------------------------------------------------------

HOSTS = st.sampled_from(["a", "b", "c", "d", "e"])
POSITIONS = st.sampled_from(["first", "last"])


@st.composite
def muddled(draw: st.DrawFn) -> tuple[Box, list[str]]:
    """A provisioned router on which people and time have worked, and the numbers of the rows that aren't ours."""
    box = provisioned(walled_garden="a.example,b.example")
    foreign = []
    for path, rows in box.rows.items():
        menu = MENUS[path]
        if menu.kind is not Kind.LIST or not rows or not draw(st.booleans()):
            continue
        if draw(st.booleans()):
            rows.remove(draw(st.sampled_from(rows)))
        for row in rows:
            name = draw(st.sampled_from(sorted(menu.attributes)))
            if draw(st.booleans()) and name not in {*menu.key, "comment"}:
                row[name] = draw(st.sampled_from(["no", "yes", "5"])) if menu.attributes[name].form != "bool" else "no"
        kinds = draw(st.lists(st.sampled_from(["foreign", "dynamic", "elder"]), max_size=4))
        for number, kind in enumerate(kinds):
            added = box.put(path, **stranger(path, number, kind))
            foreign += [added] if kind != "elder" else []
        box.rows[path] = draw(st.permutations(box.rows[path])) if menu.ordered else box.rows[path]
    return box, foreign


def stranger(path: str, number: int, kind: str) -> dict[str, str]:
    menu = MENUS[path]
    fields = {"address": f"10.77.{number}.1/24", "interface": f"other{number}", "name": f"other-{number}"}
    row = {name: fields.get(name, "x") for name in menu.key}
    if kind == "dynamic":
        return {**row, "dynamic": "true"}
    if kind == "elder":
        mark = (
            {"comment": f"hotspot:elder-{number}"} if menu.marked_by_comment else {"name": f"{menu.name_mark}/{number}"}
        )
        return {**row, **mark}
    return {**row, **({"comment": "by Budi"} if menu.marked_by_comment else {})}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(muddled(), st.sampled_from(["a.example", "b.example,a.example", "c.example,a.example", ""]))
def test_whatever_a_router_holds_a_plan_makes_it_whole_touches_only_ours_and_can_be_taken_back(
    muddle: tuple[Box, list[str]], garden: str
) -> None:
    box, foreign = muddle
    before, actual = without_numbers(box), box.actual
    wanted = desired(walled_garden=garden)
    strangers = {path: [row for row in rows if row.get(".id") in foreign] for path, rows in actual.items()}

    first = plan(wanted, actual)
    assume(not first.conflicts)
    box.apply(first.changes, wanted)

    assert plan(wanted, box.actual).is_empty
    assert {path: [row for row in rows if row.get(".id") in foreign] for path, rows in box.actual.items()} == strangers
    for path in (FILTER, GARDEN, "/radius"):
        marked = [row["comment"] for row in box.actual[path] if MENUS[path].role_of(row)]
        assert marked == [row.mark for row in wanted.of(path)]
    box.apply(inverse(first, actual).changes, NOTHING)
    assert without_numbers(box) == before


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(HOSTS, POSITIONS), unique_by=lambda pair: pair[0]),
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", "x", "y", "dynamic"]), unique=True),
)
def test_an_ordered_menu_ends_as_ours_others_ours_with_no_row_of_others_moved(
    wanted_rows: list[tuple[str, str]], there: list[str]
) -> None:
    box = Box()
    for name in there:
        ours = name in "abcde"
        flags = {"dynamic": "true"} if name == "dynamic" else {}
        box.put(GARDEN, dst_host=f"{name}.example", comment=f"hotspot:{name}" if ours else name, **flags)
    wanted = Desired(tuple(rule(name, place) for name, place in wanted_rows), menus=(GARDEN,))
    actual, before = box.actual, without_numbers(box)

    first = plan(wanted, actual)
    box.apply(first.changes, wanted)

    front = [name for name, place in wanted_rows if place == "first"]
    back = [name for name, place in wanted_rows if place == "last"]
    others = [name for name in there if name in "xy"]
    static = [row for row in box.actual[GARDEN] if not is_the_routers(row)]
    assert [row["comment"].removeprefix("hotspot:") for row in static] == front + others + back
    moved = {change.target.id for change in first.changes if isinstance(change, Move)}
    assert not moved & {row[".id"] for row in static if row["comment"] in "xy"}
    box.apply(inverse(first, actual).changes, NOTHING)
    assert without_numbers(box) == before
