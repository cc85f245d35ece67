"""The enrolment script that the controller hands out runs on the simulated router, twice as well."""

import json
from pathlib import Path

import pytest

from hotspot.routers.bootstrap import Bootstrap, netinstall, one_line, script
from hotspot.simulator.routeros.traps import failure
from tests.radius.certificates import Authority
from tests.simulator.routeros.scripting import Controller, Scripted

TUNNEL = {
    "next": "tunnel",
    "controller": "10.255.0.1",
    "address": "10.255.0.7",
    "password": 'p"$[/system/reboot]\\',
    "public_key": "6Qe6tO0Zd3FZjJ3S3Ne1p0dYV5tPhzVqEfUyuLWFzkU=",
    "endpoint_host": "vpn.hotspot.example",
    "endpoint_port": 51820,
}


@pytest.fixture
def bootstrap(tmp_path: Path) -> Bootstrap:
    return Bootstrap("https://hotspot.example", "a" * 32, Authority(tmp_path).file.read_text())


def test_the_script_tells_what_the_router_is_and_sets_the_tunnel_up(bootstrap: Bootstrap) -> None:
    controller = Controller(TUNNEL)
    box = Scripted(controller)

    for _ in range(2):
        box.run(script(bootstrap))

    told = json.loads(controller.asked[0]["http-data"])
    (interface,) = box.rows("/interface/wireguard")
    (peer,) = box.rows("/interface/wireguard/peers")
    assert (told["token"], told["serial"], told["packages"]) == ("a" * 32, box.router.serial, ["routeros", "wifi-qcom"])
    assert told["wireguard_key"] == interface["public-key"]
    assert len(told["fingerprint"]) == 64
    assert (peer["endpoint-address"], peer["allowed-address"]) == ("vpn.hotspot.example", "10.255.0.1/32")
    assert box.row("/ip/address", "?interface=hotspot".removeprefix("?"))["address"] == "10.255.0.7/32"
    assert [user.get("password") for user in box.fields("/user")] == [TUNNEL["password"]]


def test_the_script_says_what_a_person_must_do(bootstrap: Bootstrap) -> None:
    refusing = Scripted(Controller({"next": "wait", "say": "Ask Alice."}))
    unreachable = Scripted(Controller(failure("connection timeout")))
    forbidden = Scripted(Controller(TUNNEL), mode="home")

    for box, words in ((refusing, "Ask Alice."), (unreachable, "can't be reached"), (forbidden, "device-mode")):
        assert box.fails(script(bootstrap)) == "hotspot: not enrolled"
        assert words in box.router.log[-1][3]
        assert box.fields("/user") == []


def test_one_line_fetches_the_script_and_runs_it(bootstrap: Bootstrap) -> None:
    class Answering(Controller):
        def __call__(self, arguments):
            self.answer = script(bootstrap) if arguments["url"] == bootstrap.script_url else TUNNEL
            return super().__call__(arguments)

    box = Scripted(Answering(TUNNEL))

    assert "the tunnel is set up as 10.255.0.7" in box.run(one_line(bootstrap))


def test_netinstall_leaves_a_scheduler_that_enrols_once(bootstrap: Bootstrap) -> None:
    box = Scripted(Controller(TUNNEL))
    box.run(netinstall(bootstrap))

    assert box.fields("/user") == []
    assert [row["disabled"] for row in box.rows("/ip/service", "name=telnet")] == ["true"]
    box.clock.now += 200
    box.router.tick()

    assert [row["name"] for row in box.fields("/user")] == ["hotspot-bootstrap"]
    assert box.fields("/system/scheduler") == []
