"""The shipped configs on simulated routers of several models and versions: each sentence is taken, and then nothing is left to do."""

import pytest

from hotspot.routers.changes import Actual, Add, Move, Plan, Ref, Remove, Set, fields_to_send, find
from hotspot.routers.desired import Desired
from hotspot.routers.menus import MENUS, Row, read_version
from hotspot.routers.plan import plan
from hotspot.routers.undo import inverse
from hotspot.routers.values import RouterFacts
from tests.routers.rows import desired, facts
from tests.simulator.routeros.scene import Box

BOXES = [("hAP ax^2", "7.19.4"), ("RB951Ui-2HnD", "7.20.8"), ("CHR", "7.22.3"), ("hAP ac^2", "7.24")]


def enrolled(model: str, version: str) -> Box:
    box = Box(model=model, version=version)
    box.do("/interface/wireguard/add", name="hotspot", comment="hotspot:tunnel")
    box.do("/certificate/add", **{"name": "hotspot-api", "common-name": "hotspot-api"})
    box.do("/certificate/add", **{"name": "login", "common-name": "login.example.org"})
    return box


def facts_of(box: Box) -> RouterFacts:
    interfaces = {row["name"]: row["type"] for row in box.do("/interface/print").rows}
    return facts(read_version(box.router.version_text), interfaces, has_flash=box.router.board.flash)


def read(box: Box, wanted: Desired) -> Actual:
    return {
        path: box.do(f"{path}/print", **{".proplist": ",".join(MENUS[path].proplist)}).rows for path in wanted.menus
    }


def number(box: Box, menu: str, ref: Ref) -> str:
    found = find(ref, box.do(f"{menu}/print").rows)
    assert found is not None
    return found


def apply(box: Box, changes: Plan, wanted: Desired) -> None:
    for change in changes.changes:
        match change:
            case Add():
                before = {} if change.before is None else {"place-before": number(box, change.menu, change.before)}
                box.do(f"{change.menu}/add", **fields_to_send(change, wanted), **before)
            case Set():
                target = {".id": number(box, change.menu, change.target)} if change.target != Ref() else {}
                fields = dict(change.fields) if not wanted.rows else fields_to_send(change, wanted)
                box.do(f"{change.menu}/set", **target, **fields, **{f"!{name}": "" for name in change.unset})
            case Move():
                before = {} if change.before is None else {"destination": number(box, change.menu, change.before)}
                box.do(f"{change.menu}/move", numbers=number(box, change.menu, change.target), **before)
            case Remove():
                box.do(f"{change.menu}/remove", **{".id": number(box, change.menu, change.target)})


def seen(actual: Actual) -> dict[str, list[Row]]:
    """Rows without their numbers; files are listed by name, so their order says nothing."""
    return {
        path: [
            {name: text for name, text in row.items() if name != ".id"} for row in rows if row.get("dynamic") != "true"
        ]
        for path, rows in actual.items()
    }


@pytest.mark.parametrize("certificate", ["", "login"], ids=["no certificate", "certificate"])
@pytest.mark.parametrize(("model", "version"), BOXES)
def test_a_router_takes_every_change_and_then_needs_none(model: str, version: str, certificate: str) -> None:
    box = enrolled(model, version)
    ports = "ether2" if model != "CHR" else ""
    wanted = desired(facts_of(box), certificate=certificate, ssid="WiFi Kota", guest_ports=ports)
    before = read(box, wanted)
    first = plan(wanted, before)

    apply(box, first, wanted)

    assert not first.conflicts
    assert [danger.name for danger in first.dangers] == ["api-service"]  # enrolment would have set it before
    again = plan(wanted, read(box, wanted))
    assert again.changes == ()
    apply(box, inverse(first, before), Desired(()))
    assert seen(read(box, wanted)) == seen(before)


def test_a_new_ssid_is_the_only_change_to_the_radios() -> None:
    box = enrolled("hAP ax^2", "7.20.8")
    wanted = desired(facts_of(box), ssid="WiFi Kota")
    apply(box, plan(wanted, read(box, wanted)), wanted)
    renamed = desired(facts_of(box), ssid="WiFi Gerunggang")

    changes = plan(renamed, read(box, renamed)).changes

    assert {change.menu for change in changes} == {"/interface/wifi"}
    assert [change.fields for change in changes if isinstance(change, Set)] == [
        {"configuration.ssid": "WiFi Gerunggang"}
    ] * 2
