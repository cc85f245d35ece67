"""Who has which address in the tunnel, and the settings it comes from."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from hotspot.routers.tunnels import (
    AddressTaken,
    CannotWrite,
    NoAddressLeft,
    OutsideNetwork,
    new_address,
    read_file,
    tunnel_of,
)
from hotspot.settings import BadSetting, Settings, load
from tests.routers.boxes import Box, Controller


def test_a_full_network_is_said_and_nobody_gets_an_address_twice(controller: Controller) -> None:
    for number in range(5):
        controller.hears(Box(f"SERIAL{number}"), controller.token())

    with controller.database.writing() as db:
        assert str(new_address(db, IPv4Network("10.253.0.0/16"))) == "10.253.0.7"
        with pytest.raises(NoAddressLeft, match="larger HOTSPOT_TUNNEL_NETWORK"):
            new_address(db, IPv4Network("10.253.0.0/29"))


def test_a_network_that_was_changed_under_enrolled_routers_is_refused(
    controller: Controller, settings: Settings
) -> None:
    controller.hears(Box("SERIAL1"), controller.token())
    changed = settings.model_copy(update={"tunnel_network": IPv4Network("10.77.0.0/16")})

    with controller.database.writing() as db, pytest.raises(OutsideNetwork, match=r"alun-alun-2 .*10\.253\.0\.2"):
        tunnel_of(db, changed)


def test_no_router_has_the_address_of_a_further_radius_server(controller: Controller, settings: Settings) -> None:
    controller.hears(Box("SERIAL1"), controller.token())
    kept_free = tuple(IPv4Address(f"10.253.0.{number}") for number in (3, 4))
    theirs = settings.model_copy(update={"radius_addresses": "10.253.0.2"})

    with controller.database.writing() as db:
        assert str(new_address(db, settings.tunnel_network, kept_free)) == "10.253.0.5"
        with pytest.raises(AddressTaken, match=r"alun-alun-2 .*10\.253\.0\.2"):
            tunnel_of(db, theirs)


def test_a_file_that_can_not_be_read_is_not_replaced_blindly(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(CannotWrite):
        read_file(tmp_path / "binary")
    assert read_file(tmp_path / "missing") == ""


@pytest.mark.parametrize("network", ["8.8.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "10.0.0.0/30", "10.1.2.3/16", "x"])
def test_the_tunnels_network_is_private_and_large_enough(network: str) -> None:
    with pytest.raises(BadSetting, match="tunnel_network"):
        load(tunnel_network=network)


@pytest.mark.parametrize(
    "addresses", ["10.253.0.1", "10.253.0.0", "10.253.255.255", "10.254.0.2", "10.253.0.2,x", "::1"]
)
def test_a_further_radius_server_is_in_the_tunnels_network_and_not_the_controller(addresses: str) -> None:
    with pytest.raises(BadSetting, match="radius_addresses"):
        load(radius_addresses=addresses)


def test_further_radius_servers_are_each_named_once_in_their_order() -> None:
    given = load(radius_addresses="10.253.0.9, 10.253.0.2,10.253.0.9")

    assert [str(address) for address in given.further_radius_servers] == ["10.253.0.9", "10.253.0.2"]
    assert load().further_radius_servers == ()


def test_routers_dial_the_host_of_the_portal_unless_another_is_named() -> None:
    assert load(public_url="https://wifi.example.org").tunnel_endpoint == "wifi.example.org"
    assert load(public_url="https://wifi.example.org", tunnel_host="192.0.2.1").tunnel_endpoint == "192.0.2.1"
    with pytest.raises(BadSetting, match="tunnel_host"):
        load(tunnel_host='x"; /reboot')
