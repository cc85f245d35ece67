"""A box may serve others beside guests: their networks are neither opened nor renamed, nor is its line cut."""

import pytest

from benchmarks.live_router import Live
from hotspot.routers.ledger import Outcome
from hotspot.routers.subjects import Means
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.routers.test_provision import applied, live, means, planned

__all__ = ["live", "means"]  # fixtures


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
