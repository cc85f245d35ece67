"""A staging bench of two network namespaces joined by a cable, with a router at its far end that knows nothing of our code."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest

CLONE_NEWNET = 0x40000000
Result = TypeVar("Result")
numbers = count(1)

# Announcements by hand, from sockets alone: over IPv4 and IPv6, and what no router sends.
ROUTER = """
import socket, struct, sys

def tlv(number, value):
    return struct.pack(">HH", number, len(value)) + value

def announcement(mac, identity):
    said = [(1, bytes.fromhex(mac)), (5, identity), (7, b"7.19.2 (stable)"), (8, b"MikroTik"), (12, b"RB951Ui-2HnD"),
            (10, struct.pack("<I", 90)), (11, b"ABCD-1234"), (14, b"\\0"), (16, b"ether1"), (17, bytes([192, 0, 2, 1]))]
    return struct.pack(">HH", 0, 7) + b"".join(tlv(number, value) for number, value in said)

listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"far")
listener.bind(("", 5678))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
print("ready", flush=True)
while True:
    request, _ = listener.recvfrom(2048)
    if request != bytes(4):
        continue
    listener.sendto(b"not an announcement", ("255.255.255.255", 5678))
    listener.sendto(b"elsewhere" + struct.pack(">H", 5678), ("255.255.255.255", 5679))
    listener.sendto(bytes(9), ("255.255.255.255", 5678))
    listener.sendto(announcement("48a98a000001", b"bench-\\x1b[31m1"), ("255.255.255.255", 5678))
    six.sendto(announcement("48a98a000002", b"[bold]bench-2[/]"), ("ff02::1", 5678, 0, socket.if_nametoindex("far")))
"""


@dataclass(frozen=True)
class Bench:
    """`near` is the controller's namespace, its end of the cable is the interface near; the router hangs on far."""

    near: str
    far: str

    def here(self, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run a command in the controller's namespace to its end."""
        whole = ["ip", "netns", "exec", self.near, *command]
        return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload]

    @contextmanager
    def router(self) -> Iterator[None]:
        """Let the router at the far end answer refresh requests."""
        whole = ["ip", "netns", "exec", self.far, sys.executable, "-c", ROUTER]
        with subprocess.Popen(whole, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "ready\n"
                yield
            finally:
                process.kill()

    def within(self, do: Callable[[], Result], *, namespace: str = "") -> Result:
        """Do something in this process, in a thread that lives in a namespace: the controller's unless another is named."""

        def inside() -> Result:
            with Path("/run/netns", namespace or self.near).open() as door:
                if ctypes.CDLL(None, use_errno=True).setns(door.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            return do()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(inside).result()


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespaces here: ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextmanager
def bench() -> Iterator[Bench]:
    """Make the two namespaces and the cable; skips where that is not allowed."""
    if shutil.which("ip") is None:
        pytest.skip("no network namespaces here: there is no ip command")
    place = Bench(*(f"bench-{os.getpid()}-{next(numbers)}" for _ in range(2)))
    try:
        for namespace in (place.near, place.far):
            ip("netns", "add", namespace)
        ip("link", "add", "near", "netns", place.near, "type", "veth", "peer", "name", "far", "netns", place.far)
        ip("-n", place.near, "link", "set", "near", "up")
        ip("-n", place.far, "link", "set", "far", "up")
        ip("-n", place.far, "address", "add", "192.0.2.1/24", "dev", "far")
        ip("-n", place.far, "address", "add", "fe80::1/64", "dev", "far", "nodad")
        yield place
    finally:
        for namespace in (place.near, place.far):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
