"""Who has which address in the tunnel, and the settings it comes from."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from hotspot.routers.tunnels import CannotWrite, NoAddressLeft, OutsideNetwork, new_address, read_file, tunnel_of
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


def test_a_file_that_can_not_be_read_is_not_replaced_blindly(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(CannotWrite):
        read_file(tmp_path / "binary")
    assert read_file(tmp_path / "missing") == ""


@pytest.mark.parametrize("network", ["8.8.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "10.0.0.0/30", "10.1.2.3/16", "x"])
def test_the_tunnels_network_is_private_and_large_enough(network: str) -> None:
    with pytest.raises(BadSetting, match="tunnel_network"):
        load(tunnel_network=network)


def test_routers_dial_the_host_of_the_portal_unless_another_is_named() -> None:
    assert load(public_url="https://wifi.example.org").tunnel_endpoint == "wifi.example.org"
    assert load(public_url="https://wifi.example.org", tunnel_host="192.0.2.1").tunnel_endpoint == "192.0.2.1"
    with pytest.raises(BadSetting, match="tunnel_host"):
        load(tunnel_host='x"; /reboot')
