"""`hotspot discover` between two network namespaces; the sender at the far end is plain sockets."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hotspot.cli import discover
from hotspot.cli.main import app
from hotspot.discovery import sniffer
from tests.conftest import SECRET_KEY
from tests.discovery.bench import Bench, bench, ip

HOTSPOT = (sys.executable, "-m", "hotspot.cli.main")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def staging() -> Iterator[Bench]:
    with bench() as place:
        yield place


def test_routers_on_the_wire_are_printed_as_they_announce_themselves(staging: Bench) -> None:
    with staging.router():
        said = staging.here(*HOTSPOT, "discover", "near", "--seconds", "1", "--json", cwd=ROOT)

    first, second = (json.loads(line) for line in said.stdout.splitlines())
    assert said.returncode == 0
    assert said.stderr == ""
    assert (first["mac"], first["identity"]) == ("48:A9:8A:00:00:01", "bench-\ufffd[31m1")
    assert (first["board"], first["version"]) == ("RB951Ui-2HnD", "7.19.2 (stable)")
    assert (first["ipv4"], first["interface"], first["uptime_seconds"]) == ("192.0.2.1", "ether1", 90)
    assert (second["mac"], second["identity"]) == ("48:A9:8A:00:00:02", "[bold]bench-2[/]")
    assert datetime.fromisoformat(first["last_at"]) <= datetime.now(UTC)


def test_people_see_a_table_in_which_names_are_only_text(staging: Bench) -> None:
    with staging.router():
        said = staging.within(lambda: CliRunner().invoke(app, ["discover", "near", "--seconds", "1"]))

    assert said.exit_code == 0
    assert "Routers on near" in said.stdout
    for words in ("bench-\ufffd[31m1", "[bold]bench-2[/]", "48:A9:8A:00:00:01", "192.0.2.1", "0 s ago"):
        assert words in said.stdout


def test_programs_get_a_line_for_each_announcement(staging: Bench) -> None:
    with staging.router():
        said = staging.within(lambda: CliRunner().invoke(app, ["discover", "near", "--seconds", "1", "--json"]))

    assert said.exit_code == 0
    assert [json.loads(line)["times"] for line in said.stdout.splitlines()] == [1, 1]


def test_who_was_heard_waits_in_the_inbox_and_is_invited(
    staging: Bench, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTSPOT_DATABASE_URL", database_url)
    monkeypatch.setenv("HOTSPOT_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(discover, "KEEP_EVERY", timedelta())

    with staging.router():
        said = staging.within(lambda: CliRunner().invoke(app, ["discover", "near", "--keep", "--seconds", "1"]))

    assert said.exit_code == 0, said.output
    rows = json.loads(CliRunner().invoke(app, ["routers", "inbox", "--json"]).stdout)
    assert [(row["kind"], row["mac"], row["heard_on"]) for row in rows] == [
        ("heard", "48:A9:8A:00:00:02", "near"),
        ("heard", "48:A9:8A:00:00:01", "near"),
    ]
    assert (rows[1]["identity"], rows[1]["board"], rows[1]["address"]) == (
        "bench-\ufffd[31m1",
        "RB951Ui-2HnD",
        "192.0.2.1",
    )
    assert "hotspot routers adopt 48:A9:8A:00:00:01" in CliRunner().invoke(app, ["routers", "inbox"]).stdout


def test_what_is_no_announcement_is_counted_and_passed_over(staging: Bench) -> None:
    def listen() -> tuple[list[str], int]:
        with sniffer.listening("near") as heard_on:
            heard_on.ask()
            found: list[str] = []
            while len(found) < 2:
                if neighbour := heard_on.hear(timedelta(seconds=5)):
                    found.append(str(neighbour.mac))
            return found, heard_on.malformed

    with staging.router():
        found, malformed = staging.within(listen)

    assert found == ["48:A9:8A:00:00:01", "48:A9:8A:00:00:02"]
    assert malformed == 1


def raw_socket(interface: str) -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    raw.bind((interface, 0x0800))
    raw.settimeout(5)
    return raw


def test_a_request_comes_from_the_interface_itself_and_needs_no_address(staging: Bench) -> None:
    def ask() -> bytes:
        with sniffer.listening("near") as heard_on:
            heard_on.ask()
        with raw_socket("near") as own:
            address: bytes = own.getsockname()[4]
            return address

    with staging.within(lambda: raw_socket("far"), namespace=staging.far) as far:
        own = staging.within(ask)
        frame = far.recv(2048)

    assert frame[:14] == b"\xff" * 6 + own + b"\x08\x00"
    assert frame[26:34] == bytes(4) + b"\xff" * 4
    assert frame[34:38] == b"\x16\x2e\x16\x2e"
    assert frame[42:46] == bytes(4)


def test_silence_says_what_to_look_at(staging: Bench) -> None:
    said = staging.within(lambda: CliRunner().invoke(app, ["discover", "near", "--seconds", "1"]))

    assert said.exit_code == 4
    assert "is its cable in" in said.stderr


def test_an_interface_that_is_down_says_how_to_bring_it_up(staging: Bench) -> None:
    ip("-n", staging.near, "link", "add", "idle", "type", "veth", "peer", "name", "idle-end")

    said = staging.within(lambda: CliRunner().invoke(app, ["discover", "idle", "--seconds", "1"]))

    assert said.exit_code == 5
    assert "ip link set idle up" in said.stderr


def test_without_the_right_to_see_frames_it_says_who_has_it(staging: Bench) -> None:
    unprivileged = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")

    said = staging.here(*unprivileged, *HOTSPOT, "discover", "near", "--seconds", "1", cwd=ROOT)

    assert said.returncode == 6
    assert "needs root or CAP_NET_RAW" in said.stderr


def test_another_failure_of_the_interface_is_not_explained_away() -> None:
    with pytest.raises(OSError, match="odd"), sniffer._errors_in_words("near"):
        raise OSError(5, "odd")


def test_an_unknown_interface_is_answered_with_those_there_are() -> None:
    said = CliRunner().invoke(app, ["discover", "no\x1b[1m-such", "--seconds", "1"])

    assert said.exit_code == 4
    assert "no interface 'no\\x1b[1m-such'; this machine has" in said.stderr
    assert "lo" in said.stderr


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda octets: octets[:14] + b"\x16\x2e" + octets[14:]))
@example(bytes(12) + b"\x08\x00" + b"\x45\x00\x00\x1c\0\0\0\0\x40\x11\0\0" + bytes(8) + b"\x16\x2e\x16\x2e\0\x08\0\0")
def test_any_frame_is_a_datagram_or_nothing(frame: bytes) -> None:
    datagram = sniffer.datagram_in(frame)

    assert datagram is None or datagram in frame


@pytest.mark.parametrize("command", [["--help"], ["serve", "--help"], ["discover", "--help"]])
def test_no_other_command_waits_for_scapy(command: list[str]) -> None:
    """Also not what `hotspot serve` loads: process is all of it."""
    program = f"""
import sys, hotspot.process
from typer.testing import CliRunner
from hotspot.cli.main import app
assert CliRunner().invoke(app, {command!r}).exit_code == 0
print([name for name in sys.modules if name.partition(".")[0] == "scapy"])
"""
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout == "[]\n"
