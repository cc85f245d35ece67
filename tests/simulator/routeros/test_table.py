"""The table of menus: every attribute and command in it exists on the router, in the versions it says."""

import json
from pathlib import Path

import pytest

from hotspot.simulator.routeros.menus import all_menus
from hotspot.simulator.routeros.table import BadTable, Kind, Menu, parse_menus, parse_version

SCHEMA = Path(__file__).resolve().parents[4] / "shared" / "data" / "routeros-menus.json"
VERSIONS = [
    "7.12.2",
    "7.13.5",
    "7.14.3",
    "7.15.3",
    "7.16.2",
    "7.17.1",
    "7.18.2",
    "7.19.6",
    "7.20.8",
    "7.21.5",
    "7.22.3",
    "7.23.3",
    "7.24",
]
OURS = {"/interface/lo", "", "/system", "/tool"}  # no menus with rows of RouterOS
UNRECORDED = {
    "/ip/proxy",
    "/ip/socks",
    "/ip/upnp",
    "/ipv6/firewall/filter",
    "/tool/bandwidth-server",
    "/tool/mac-server/mac-winbox",
    "/tool/mac-server/ping",
}


@pytest.fixture(scope="module")
def schema() -> dict[str, dict[str, object]]:
    if not SCHEMA.exists():
        pytest.skip(f"the record of RouterOS's menus is not at {SCHEMA}")
    menus: dict[str, dict[str, object]] = json.loads(SCHEMA.read_text())["menus"]
    return menus


def known_at(entry: dict[str, object], version: str) -> set[str]:
    """The attributes of a menu in a version: 7.24's, with what changed after that version taken back."""
    known = set(entry.get("add", [])) | set(entry.get("set", []))
    for change in reversed(entry.get("changes", [])):
        if parse_version(change["version"]) > parse_version(version):
            known -= {each[1:] for each in change["diff"] if each[0] == "+"}
            known |= {each[1:] for each in change["diff"] if each[0] == "-"}
    return known


@pytest.mark.parametrize("version", VERSIONS)
def test_every_attribute_exists_in_the_versions_that_know_it(
    version: str, schema: dict[str, dict[str, object]]
) -> None:
    wrong = []
    for path, menu in all_menus().items():
        if path in OURS | UNRECORDED or not menu.span.knows(parse_version(version)):
            continue
        wrong += [
            (path, name) for name in menu.known(parse_version(version)) if name not in known_at(schema[path], version)
        ]

    assert wrong == []


def test_every_command_exists(schema: dict[str, dict[str, object]]) -> None:
    wrong = []
    for path, menu in all_menus().items():
        if path in OURS | UNRECORDED | {"/system/routerboard"}:
            continue
        wrong += [(path, command) for command in menu.commands - set(schema[path]["commands"])]

    assert wrong == []


def test_what_is_mandatory_is_mandatory(schema: dict[str, dict[str, object]]) -> None:
    for path, menu in all_menus().items():
        mandatory = set(schema.get(path, {}).get("ref", {}).get("mandatory") or ())
        ours = {each.name for each in menu.attributes.values() if each.required}

        if mandatory and path != "/interface/wireless":  # there a radio has none, only a virtual one
            assert ours == mandatory, path


def test_defaults_and_references_make_sense() -> None:
    menus = all_menus()

    class Anything:
        def name_of(self, menu: str, text: str) -> str | None:
            assert menu in menus
            return text

    for menu in menus.values():
        for each in menu.attributes.values():
            assert all(target in menus for target in each.type.menus), (menu.path, each.name)
            if each.default:
                assert each.type.read(each.default, Anything(), "") == each.default, (menu.path, each.name)


def test_there_are_the_menus_that_a_hotspot_needs() -> None:
    assert len(all_menus()) > 80
    assert all_menus()["/ip/hotspot"].kind is Kind.LIST
    assert isinstance(all_menus()["/radius"], Menu)


def test_a_word_that_the_table_does_not_know_is_an_error() -> None:
    with pytest.raises(BadTable, match="colour"):
        parse_menus({"words": {}, "groups": {}, "menus": {"/x": {"colour": "red"}}})
