"""Plans for routers of rows in memory, in a few words."""

from hotspot.routers.changes import Plan
from hotspot.routers.desired import Desired, DesiredRow
from hotspot.routers.plan import plan
from tests.routers.rows import Box, desired

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
