"""Rows in menus with an order: ours in ours, those of others untouched, and that for whatever a router holds."""

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hotspot.routers.changes import Move
from hotspot.routers.desired import Desired
from hotspot.routers.menus import MENUS, Kind, is_the_routers
from hotspot.routers.plan import longest_rising, plan
from hotspot.routers.undo import inverse
from tests.routers.planning import FILTER, GARDEN, NOTHING, names, only, provisioned, rule, rules
from tests.routers.rows import Box, desired, without_numbers

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
    rest = [row.name for row in wanted.of(FILTER)].index("input-rest")
    box.rows[FILTER].insert(0, box.rows[FILTER].pop(rest))

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
