"""The controller's configuration carries traffic: wireguard-go between two network namespaces."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from uuid import uuid4

import pytest

from hotspot.routers.wireguard import Peer, Tunnel, new_private_key, public_key_of, render

PORT = 51820
LISTEN = (
    "import socket; s = socket.create_server(('10.253.0.1', 7000)); print('up', flush=True); s.settimeout(20);"
    " c, a = s.accept(); c.sendall(a[0].encode())"
)
CALL = "import socket; s = socket.create_connection(('10.253.0.1', 7000), 20); print(s.recv(99).decode())"


def run(*words: str, **more: object) -> str:
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=30, **more)  # type: ignore[call-overload]
    return str(done.stdout)


def lacking() -> str:
    missing = [program for program in ("ip", "wg", "wireguard-go") if shutil.which(program) is None]
    if missing:
        return f"missing: {', '.join(missing)}"
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        return "needs root and /dev/net/tun"
    name = f"probe{uuid4().hex[:6]}"
    if subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode:
        return "can't make network namespaces"
    run("ip", "netns", "del", name)
    return ""


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """A controller's and a router's namespace, joined by a cable, each with WireGuard that is not configured yet."""
    if problem := lacking():
        pytest.skip(problem)
    mark = uuid4().hex[:6]
    controller, router = f"hs-c-{mark}", f"hs-r-{mark}"
    processes = []
    try:
        for name in (controller, router):
            run("ip", "netns", "add", name)
        run("ip", "link", "add", f"c{mark}", "netns", controller, "type", "veth", "peer", f"r{mark}", "netns", router)
        for name, cable, address in ((controller, f"c{mark}", "192.0.2.1/24"), (router, f"r{mark}", "192.0.2.2/24")):
            run("ip", "-n", name, "addr", "add", address, "dev", cable)
            run("ip", "-n", name, "link", "set", cable, "up")
            interface = f"{name[3]}{mark}wg"
            processes.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", name, "wireguard-go", "-f", interface],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "LOG_LEVEL": "verbose", "WG_PROCESS_FOREGROUND": "1"},
                    text=True,
                )
            )
            assert processes[-1].stdout is not None
            assert any("UAPI listener started" in line for line in processes[-1].stdout), "it says when it is up"
        yield controller, router
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        for name in (controller, router):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def test_a_router_reaches_the_controller_through_the_configuration_that_is_rendered(
    namespaces: tuple[str, str], tmp_path: Path
) -> None:
    controller, router = namespaces
    mark = controller.rpartition("-")[2]
    ours, theirs = new_private_key(), new_private_key()
    peers = (Peer("alun-alun-2", public_key_of(theirs), (IPv4Address("10.253.0.2"),)),)
    tunnel = Tunnel(ours, IPv4Interface("10.253.0.1/16"), PORT, peers)
    key = tmp_path / "key"
    key.write_text(theirs)

    in_controller, in_router = ("ip", "netns", "exec", controller), ("ip", "netns", "exec", router)
    ends = ((controller, f"c{mark}wg", str(tunnel.address)), (router, f"r{mark}wg", "10.253.0.2/16"))
    run(*in_controller, "wg", "syncconf", ends[0][1], "/dev/stdin", input=render(tunnel, for_quick=False))
    run(*in_router, "wg", "set", ends[1][1], "private-key", str(key), "peer", public_key_of(ours),
        "endpoint", f"192.0.2.1:{PORT}", "allowed-ips", "10.253.0.1/32")  # fmt: skip
    for name, interface, address in ends:
        run("ip", "-n", name, "addr", "add", address, "dev", interface)
        run("ip", "-n", name, "link", "set", interface, "up")

    with subprocess.Popen([*in_controller, "python3", "-c", LISTEN], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        assert run(*in_router, "python3", "-c", CALL) == "10.253.0.2\n", "and comes from its own address"

    assert public_key_of(theirs) in run(*in_controller, "wg", "show", ends[0][1], "latest-handshakes")
