"""Inviting, adopting, placing, replacing, and the tunnel's file: as staff type it."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hotspot.db import Database
from hotspot.discovery.kept import keep
from hotspot.discovery.mndp import Neighbour
from hotspot.discovery.service import Heard
from hotspot.guests.models import MacAddress
from hotspot.routers.contact import parse
from hotspot.routers.enrol import first_contact
from hotspot.settings import Settings
from tests.cli.test_cli import ALUN_ALUN, environment, run, said
from tests.routers.boxes import Box

__all__ = ["environment"]  # the fixture
SITE = "alun-alun-taman-merdeka"


def call(database: Database, settings: Settings, box: Box, token: str = "", **changed: object) -> None:
    with database.writing() as db:
        contact = parse(json.dumps(box.says(token, **changed)).encode())
        first_contact(db, contact, source="192.0.2.9", settings=settings, now=datetime.now(UTC))


def token_in(content: str) -> str:
    return content.partition("Bearer ")[2].partition('"')[0]


def invited(*words: str) -> str:
    row = said("routers", "invite", "--format", "one-line", *words)
    assert isinstance(row, dict)
    return token_in(row["content"])


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("rsc", "/interface/wireguard/add"),
        ("netinstall", "/system/scheduler/add"),
        ("one-line", "/import"),
        ("qr", "█"),
    ],
)
def test_an_invitation_comes_in_four_forms(form: str, words: str, tmp_path: Path) -> None:
    said(*ALUN_ALUN)

    printed = run("routers", "invite", "--site", SITE, "--format", form)
    written = run("routers", "invite", "--serial", "HG209ABC1234", "--format", form, "--output", str(tmp_path / "file"))

    assert printed.exit_code == written.exit_code == 0
    assert words in printed.stdout or form == "qr"
    assert len(printed.stdout.splitlines()) > (0 if form == "one-line" else 10)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert ("<svg" if form == "qr" else words) in (tmp_path / "file").read_text()
    assert "good for one router until" in written.stdout


def test_an_invitation_for_programs_says_until_when() -> None:
    row = said("routers", "invite", "--serial", "HG209ABC1234")

    assert isinstance(row, dict)
    assert timedelta() < datetime.fromisoformat(row.pop("until")) - datetime.now(UTC) < timedelta(minutes=30)
    assert row.pop("content").startswith("# hotspot")
    assert row == {"format": "rsc", "site": None, "serial": "HG209ABC1234"}


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["routers", "invite"], 2, "--site SLUG, --serial NUMBER"),
        (["routers", "invite", "--site", "nowhere"], 4, "nowhere"),
        (["routers", "invite", "--serial", "x"], 2, "4 to 40"),
        (["routers", "invite", "--serial", "ABCD", "--output", "/nonexistent/file"], 5, "/nonexistent/file"),
        (["routers", "adopt", "7"], 4, "number 7"),
        (["routers", "inbox", "--forget", "7"], 4, "number 7"),
        (["routers", "adopt", "7", "--serial", "ABCD"], 3, "7 has called"),
        (["routers", "adopt", "48:A9:8A:00:00:09", "--serial", "ABCD"], 4, "discover INTERFACE --keep"),
        (["routers", "adopt", "x"], 2, "MAC address"),
        (["routers", "place", "nobody", SITE], 4, SITE),
        (["routers", "replace", "nobody", "nothing"], 4, "nobody"),
        (["wireguard", "write", "--file", "/proc/nothing/x.conf"], 5, "/proc/nothing/x.conf"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_an_exit_code(words: list[str], code: int, line: str) -> None:
    result = run(*words)

    assert result.exit_code == code, result.output
    assert line in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output


def test_a_private_ca_is_carried_by_scripts_and_refuses_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Kota")])
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
        )
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    ca = tmp_path / "ca.pem"
    monkeypatch.setenv("HOTSPOT_PUBLIC_CA", str(ca))

    assert "No such file" in run("routers", "invite", "--serial", "ABCD").stderr
    ca.write_text("nonsense")
    assert "no certificate in PEM" in run("routers", "invite", "--serial", "ABCD").stderr.replace("\n", " ")
    ca.write_bytes("# Kémentrian\n".encode() + certificate * 50)
    assert "more than a router can take" in run("routers", "invite", "--serial", "ABCD").stderr.replace("\n", " ")
    ca.write_bytes(b"# note\n" + certificate)
    script = run("routers", "invite", "--serial", "ABCD").stdout
    assert "/certificate/import" in script
    assert "BEGIN CERTIFICATE" in script
    for form in ("one-line", "qr"):
        assert run("routers", "invite", "--serial", "ABCD", "--format", form).exit_code == 3


def test_a_router_from_the_inbox_is_adopted_placed_and_takes_a_dead_ones_place(
    database: Database, settings: Settings
) -> None:
    said(*ALUN_ALUN)
    call(database, settings, Box("OLD1"), invited("--site", SITE))
    call(database, settings, Box("NEW1"))

    (waiting,) = said("routers", "inbox")  # type: ignore[misc]
    assert (waiting["serial"], waiting["source"], waiting["known_as"]) == ("NEW1", "192.0.2.9", None)
    assert "NEW1" in run("routers", "inbox").stdout
    made = said("routers", "adopt", str(waiting["id"]))
    assert made == {
        "name": "router-NEW1",
        "serial": "NEW1",
        "site": None,
        "state": "waiting",
        "tunnel_address": "10.253.0.3",
    }
    assert "No router waits" in run("routers", "inbox").stdout
    states = {row["name"]: (row["site"], row["state"]) for row in said("routers", "list")}  # type: ignore[attr-defined]
    assert states == {f"{SITE}-1": (SITE, "waiting"), "router-NEW1": (None, "waiting")}

    assert f"{SITE}-1 is the new box now" in run("routers", "replace", f"{SITE}-1", "router-NEW1").stdout
    call(database, settings, Box("MORE"))
    (waiting,) = said("routers", "inbox")  # type: ignore[misc]
    assert "Adopted as" in run("routers", "adopt", str(waiting["id"])).stdout
    assert said("routers", "place", "router-MORE", SITE) == {"name": "router-MORE", "site": SITE}


def hear(database: Database, mac: str, **said: object) -> None:
    """As `hotspot discover --keep` does."""
    now = datetime.now(UTC)
    entry = Heard(Neighbour(MacAddress.parse(mac), **said), now, now, 1)  # type: ignore[arg-type]  # fields of a neighbour
    with database.writing() as db:
        keep(db, [entry], heard_on="eth1", now=now)


def test_a_router_that_was_heard_is_given_its_script_and_the_ways_to_bring_it(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    said(*ALUN_ALUN)
    hear(database, "48:A9:8A:00:00:01", identity="MikroTik", board="hAP ax^2", ipv4=IPv4Address("192.168.88.1"))
    hear(database, "48:A9:8A:00:00:02", identity="[bold]x[/]")
    inbox = run("routers", "inbox").stdout
    assert "hotspot routers adopt 48:A9:8A:00:00:01" in inbox
    assert "[bold]x[/]" in inbox

    row = said("routers", "adopt", "48a98a000001", "--site", SITE, "--serial", "NEW1")

    assert isinstance(row, dict)
    assert (row["mac"], row["site"], row["serial"]) == ("48:A9:8A:00:00:01", SITE, "NEW1")
    assert "a click on 48:A9:8A:00:00:01" in row["ways"][0]
    assert "ssh admin@192.168.88.1" in row["ways"][1]
    assert "run its script, until" in run("routers", "inbox").stdout
    call(database, settings, Box("SHUT"), device_mode={"hotspot": "no"})
    assert "hotspot routers adopt 1; then its button" in run("routers", "inbox").stdout
    (token,) = re.findall(r"token\\22:\\22([\w-]+)\\22", row["content"])
    call(database, settings, Box("OTHER"), token)  # it is for NEW1 alone
    call(database, settings, Box("NEW1"), token)
    assert [known["name"] for known in said("routers", "list")] == [f"{SITE}-1"]  # type: ignore[attr-defined]

    printed = run("routers", "adopt", "48:A9:8A:00:00:02", "--site", SITE)
    assert printed.stdout.startswith("# hotspot")
    assert "Ways to bring it there:" in printed.stderr
    assert "ssh admin@" not in printed.stderr
    file = tmp_path / "it.rsc"
    written = run("routers", "adopt", "48:A9:8A:00:00:02", "--site", SITE, "--output", str(file))
    assert "/interface/wireguard/add" in file.read_text()
    assert f"The script is in {file}" in written.stdout.replace("\n", "")


def test_the_tunnels_file_is_shown_compared_and_replaced(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    said(*ALUN_ALUN)
    call(database, settings, Box("OLD1"), invited("--site", SITE))
    file = tmp_path / "new" / "hotspot.conf"
    options = ("--file", str(file))

    shown = run("wireguard", "show").stdout
    assert "PrivateKey = (hidden)" in shown
    assert Box("OLD1").key in shown
    peers = said("wireguard", "show")["peers"]  # type: ignore[index]
    assert peers == [{"name": f"{SITE}-1", "public_key": Box("OLD1").key, "addresses": ["10.253.0.2"]}]
    assert "+AllowedIPs = 10.253.0.2/32" in run("wireguard", "diff", *options).stdout

    assert said("wireguard", "write", *options) == {"file": str(file), "changed": True, "applied": False, "peers": 1}
    assert file.stat().st_mode & 0o777 == 0o600
    assert "PrivateKey = (hidden)" not in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["hotspot.conf"], "nothing half-written is left"
    assert "Nothing would change." in run("wireguard", "diff", *options).stdout
    assert said("wireguard", "diff", *options) == {"file": str(file), "differs": False, "lines": []}
    assert "unchanged, peers: 1" in run("wireguard", "write", *options).stdout


def test_applying_says_what_the_running_wireguard_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, programs = tmp_path / "hs-none.conf", tmp_path / "bin"
    programs.mkdir()
    apply = ("wireguard", "write", "--file", str(file), "--apply")
    monkeypatch.setenv("PATH", str(programs))
    assert "wg is not installed" in run(*apply).stderr.replace("\n", " ")
    wg = programs / "wg"
    wg.write_text("#!/bin/sh\n[ $2 = hs-none ] || { echo No such $2 >&2; exit 1; }\n")
    wg.chmod(0o700)

    assert run(*apply).exit_code == 0
    other = run("wireguard", "write", "--file", str(tmp_path / "other.conf"), "--apply")
    assert (other.exit_code, "No such other" in other.stderr) == (5, True)
    bad = run("wireguard", "write", "--file", str(tmp_path / "-x.conf"), "--apply")
    assert (bad.exit_code, "name of an interface" in bad.stderr) == (2, True)


def test_following_writes_the_file_again_when_a_router_is_admitted(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    said(*ALUN_ALUN)
    token = invited("--site", SITE)
    words = ("wireguard", "write", "--follow", "--json", "--file", str(tmp_path / "hotspot.conf"))
    with subprocess.Popen(
        [sys.executable, "-m", "hotspot.cli.main", *words], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["peers"] == 0

        call(database, settings, Box("OLD1"), token)

        assert json.loads(follower.stdout.readline())["peers"] == 1
        follower.terminate()
        assert follower.wait(20) == 0
    assert Box("OLD1").key in (tmp_path / "hotspot.conf").read_text()


def test_only_a_router_that_has_called_is_taken_over() -> None:
    said(*ALUN_ALUN)
    run("routers", "add", "--name", "by-hand", "--site", SITE, "--address", "127.0.0.2")

    refused = run("routers", "take-over", "by-hand")

    assert refused.exit_code == 3
    assert "by-hand is manual" in refused.stderr


def test_a_caller_is_forgotten_by_its_number(database: Database, settings: Settings) -> None:
    call(database, settings, Box("HG209ABC1234"))
    ((number,),) = [[row["id"]] for row in rows("routers", "inbox")]

    result = run("routers", "inbox", "--forget", str(number))

    assert (result.exit_code, result.stdout) == (0, f"{number} is forgotten, until it calls again.\n")
    assert rows("routers", "inbox") == []


def test_what_a_dry_run_would_do_is_said_and_not_done(database: Database, settings: Settings) -> None:
    tried = said(*ALUN_ALUN, "--dry-run")
    assert isinstance(tried, dict)
    assert (tried["slug"], tried["dry_run"]) == (SITE, True)
    assert rows("sites", "list") == []
    said(*ALUN_ALUN)
    for serial in ("OLD00001", "NEW00001"):
        call(database, settings, Box(serial), invited("--serial", serial))

    placed = run("routers", "place", "router-OLD00001", SITE, "--dry-run")
    replaced = said("routers", "replace", "router-OLD00001", "router-NEW00001", "--dry-run")

    assert placed.stdout == f"Nothing was changed yet. It would be: router-OLD00001 stands at {SITE} now.\n"
    assert replaced == {"name": "router-OLD00001", "record_of_the_old": "router-NEW00001", "dry_run": True}
    listed = {row["name"]: (row["site"], row["state"]) for row in rows("routers", "list")}
    assert listed == {"router-OLD00001": (None, "waiting"), "router-NEW00001": (None, "waiting")}
    assert run("routers", "place", "nobody", SITE, "--dry-run").exit_code == 4


def test_a_site_named_for_a_router_is_answered_with_its_routers(database: Database, settings: Settings) -> None:
    said(*ALUN_ALUN)
    none = run("routers", "plan", SITE)
    call(database, settings, Box("HG209ABC1234"), invited("--site", SITE))

    result = run("routers", "plan", SITE)

    assert (none.exit_code, result.exit_code) == (4, 4)
    assert "its routers are: none yet" in none.stderr.replace("\n", " ")
    assert f"its routers are: {SITE}-1" in result.stderr.replace("\n", " ")


def rows(*words: str) -> list[dict[str, object]]:
    listed = said(*words)
    assert isinstance(listed, list)
    return listed
