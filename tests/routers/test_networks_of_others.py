"""A box may serve others beside guests: their networks are neither opened nor renamed, nor is its line cut."""

import pytest

from benchmarks.live_router import Live
from hotspot.routers.decided import NameTheDanger
from hotspot.routers.ledger import Outcome
from hotspot.routers.subjects import Means
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.routers.managed import applied, planned


def by_hand(live: Live, sentence: str, fields: dict[str, str]) -> None:
    path, _, command = sentence.rpartition("/")
    live.at_once(lambda: live.router.run(path, command, fields, session=live.admin))


def test_an_offices_network_on_the_same_radio_stays_closed(means: Means, live: Live) -> None:
    office = {"configuration.ssid": "Kantor Lurah", "security.authentication-types": "wpa2-psk"}
    by_hand(live, "/interface/wifi/add", {"name": "office", "master-interface": "wifi1", **office})

    assert applied(means).outcome is Outcome.CONFIRMED

    rows = {row["name"]: row for row in live.rows("/interface/wifi")}
    assert {name: rows["office"][name] for name in office} == office
    assert rows["wifi1"]["configuration.ssid"] == "WiFi Publik"


def test_the_radio_that_is_the_line_to_the_internet_is_left_alone(means: Means, live: Live) -> None:
    by_hand(live, "/interface/wifi/set", {".id": "wifi1", "configuration.mode": "station"})
    by_hand(live, "/ip/dhcp-client/add", {"interface": "wifi1"})

    names = {change.name for change in planned(means).plan.changes if change.menu == "/interface/wifi"}

    assert names == {"radio-wifi2"}


@pytest.mark.parametrize(("setting", "servers"), [("", "192.0.2.53"), ("9.9.9.9", "9.9.9.9")])
def test_name_servers_of_a_line_without_dhcp_stay_unless_the_setting_names_others(
    means: Means, live: Live, setting: str, servers: str
) -> None:
    by_hand(live, "/ip/dns/set", {"servers": "192.0.2.53"})
    with means.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "dns_servers", setting)

    assert applied(means).outcome is Outcome.CONFIRMED

    assert [row["servers"] for row in live.rows("/ip/dns")] == [servers]


@pytest.mark.parametrize("address", ["10.5.50.77/24", "10.5.0.9/16", "10.5.50.130/25"])
def test_guests_in_the_lines_own_network_are_named_and_need_a_flag(means: Means, live: Live, address: str) -> None:
    by_hand(live, "/ip/address/add", {"interface": "ether1", "address": address})
    by_hand(live, "/ip/dhcp-client/add", {"interface": "ether1"})

    plan = planned(means)

    said = [finding.words for finding in plan.findings if "guest_network" in finding.words]
    assert len(said) == 1
    assert "on ether1, its way to the controller" in said[0]
    assert [danger.name for danger in plan.plan.dangers] == ["cut-uplink"]
    with pytest.raises(NameTheDanger, match="--accept-danger cut-uplink"):
        applied(means, plan)

    with means.database.writing() as db:
        give(db, get_site(db, "alun-alun"), "guest_network", "10.77.0.0/24")

    assert applied(means).outcome is Outcome.CONFIRMED
    again = planned(means)
    assert not any("guest_network" in finding.words for finding in again.findings)  # its own network is none of others
    assert again.plan.is_empty


def test_guests_in_an_offices_network_are_named(means: Means, live: Live) -> None:
    by_hand(live, "/ip/address/add", {"interface": "ether3", "address": "10.5.50.200/28"})
    by_hand(live, "/ip/address/add", {"interface": "ether4", "address": "10.5.50.9/28", "disabled": "yes"})

    plan = planned(means)

    (said,) = [finding.words for finding in plan.findings if "guest_network" in finding.words]
    assert "overlaps 10.5.50.192/28 on ether3: give its site another one" in said
    assert not plan.plan.dangers
