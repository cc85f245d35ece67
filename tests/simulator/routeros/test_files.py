"""Files, certificates, scripts by their commands, and the tools."""

import pytest

from hotspot.simulator.routeros.certificates import pair_of
from hotspot.simulator.routeros.files import LONGEST_CONTENTS, MOST_OCTETS
from hotspot.simulator.routeros.scripts import NoInterpreter
from hotspot.simulator.routeros.sessions import Session
from tests.simulator.routeros.scene import Box


@pytest.fixture
def box() -> Box:
    return Box()


def test_files_are_written_read_in_parts_renamed_and_removed(box: Box) -> None:
    number = box.do("/file/add", name="hotspot/login.html", contents="<p>hello").ret or ""
    box.do("/file/set", _id=number, contents="<p>bye")
    box.do("/file/set", _id="hotspot/login.html", name="hotspot/old.html")

    assert box.row("/file")["contents"] == "<p>bye"
    assert box.row("/file")["size"] == "6"
    assert box.do("/file/read", file="hotspot/old.html", offset="3", chunk_size="2").rows == [{"data": "by"}]
    box.do("/file/remove", _id="hotspot/old.html")
    assert box.rows("/file") == []


def test_contents_have_a_limit_and_big_files_show_none(box: Box) -> None:
    box.do("/file/add", name="most", contents="x" * LONGEST_CONTENTS)
    box.router.files.write("big.backup", b"x" * (LONGEST_CONTENTS + 1))

    assert "contents" not in box.row("/file", "name=big.backup")
    assert box.row("/file", "name=big.backup")["type"] == "backup"
    assert box.trap("/file/add", name="more", contents="x" * (LONGEST_CONTENTS + 1)) == "failure: contents too long"
    assert box.trap("/file/set", _id="most", contents="x" * (LONGEST_CONTENTS + 1)) == "failure: contents too long"
    box.router.files.write("rest", b"x" * (MOST_OCTETS - 2 * LONGEST_CONTENTS - 1))
    assert box.trap("/file/add", name="last", contents="x") == "failure: disk full"


@pytest.mark.parametrize(
    ("sentence", "fields", "text"),
    [
        ("/file/add", {"contents": "x"}, "missing value(s) of argument(s) name"),
        ("/file/add", {"name": "x", "mode": "777"}, "unknown parameter mode"),
        ("/file/add", {"name": "there"}, "failure: file with such name already exists"),
        ("/file/add", {"name": "x", "type": "link"}, "input does not match any value of type"),
        ("/file/set", {"_id": "there", "size": "1"}, "unknown parameter size"),
        ("/file/set", {"_id": "absent", "contents": ""}, "no such item"),
        ("/file/read", {}, "missing value(s) of argument(s) file"),
        ("/file/read", {"file": "folder"}, "no such item"),
        ("/file/read", {"file": "there", "chunk_size": "40000"}, "invalid value for argument chunk-size"),
        ("/import", {}, "missing value(s) of argument(s) file-name"),
        ("/import", {"file_name": "absent"}, "no such item"),
        ("/import", {"file_name": "there", "dry_run": "yes"}, "unknown parameter dry-run"),
        ("/execute", {}, "missing value(s) of argument(s) script"),
        ("/certificate/import", {}, "missing value(s) of argument(s) file-name"),
        ("/certificate/import", {"file_name": "absent"}, "no such item"),
        ("/certificate/import", {"file_name": "there"}, "failure: file not found or wrong passphrase"),
        ("/ping", {}, "missing value(s) of argument(s) address"),
        ("/ping", {"address": "10.0.0.1", "count": "many"}, "invalid value for argument count"),
        ("/tool/fetch", {}, "missing value(s) of argument(s) url"),
        ("/tool/fetch", {"url": "https://portal/x"}, "failure: connection timeout"),
        ("/log/info", {}, "missing value(s) of argument(s) message"),
    ],
)
def test_what_can_not_be_done_is_said(box: Box, sentence: str, fields: dict[str, str], text: str) -> None:
    box.do("/file/add", name="there", contents="x")
    box.do("/file/add", name="folder", type="directory")

    assert box.trap(sentence, **fields) == text


def test_the_hotspots_pages_can_be_written_anew(box: Box) -> None:
    box.do("/interface/bridge/add", name="br")
    box.do("/ip/hotspot/add", interface="br")
    box.do("/ip/hotspot/reset-html", numbers="hotspot1")

    assert box.row("/file", "name=hotspot/login.html")["type"] == ".html file"
    assert box.row("/file", "name=hotspot")["type"] == "directory"


def test_scripts_run_by_import_execute_and_name(box: Box) -> None:
    box.do("/file/add", name="first.rsc", contents=":put 1")
    box.do("/system/script/add", name="ours", source=":put 2", policy="read")

    assert box.do("/import", file_name="first.rsc").ret == "ran :put 1"
    box.do("/import", file_name="first.rsc", verbose="yes", dry_run="")
    assert box.do("/execute", script=":put 3", as_string="").ret == "ran :put 3"
    assert box.do("/execute", script=":put 3").ret == "*1"
    box.do("/system/script/run", number="ours")
    box.do("/system/script/run", _id="ours")

    assert [dry for _, _, dry in box.script.ran] == [False, True, False, False, False, False]
    assert box.script.ran[-1][1] == {"read"}
    assert (
        box.trap("/system/script/run", Session("bob", frozenset({"write"})), number="ours")
        == "not enough permissions (9)"
    )
    box.do("/system/script/set", _id="ours", dont_require_permissions="yes")
    box.do("/system/script/run", Session("bob", frozenset({"write"})), number="ours")


def test_a_router_without_an_interpreter_runs_only_the_empty_script() -> None:
    box = Box()
    box.router.interpreter = NoInterpreter()

    assert box.do("/execute", script=" ", as_string="").ret == ""
    assert box.trap("/execute", script=":put 1") == "scripts are not simulated here"


def test_a_certificate_is_signed_here_or_by_a_ca_and_exported_whole(box: Box) -> None:
    box.do("/certificate/add", name="ca", common_name="ca", key_size="prime256v1")
    box.do("/certificate/add", name="api", common_name="api", key_size="prime256v1")
    box.do("/certificate/sign", numbers="ca")
    box.do("/certificate/sign", numbers="api", ca="ca")

    rows = box.rows("/certificate")
    assert len(rows[0]["fingerprint"]) == 64
    assert (rows[1]["private-key"], rows[1]["expired"], rows[1]["trusted"]) == ("true", "false", "true")
    assert box.trap("/certificate/sign", numbers="ca") == "failure: certificate already signed"
    assert box.trap("/certificate/sign", numbers="ca", ca="none") == "input does not match any value of ca"
    box.do("/certificate/add", name="empty")
    assert box.trap("/certificate/sign", numbers="empty") == "missing value(s) of argument(s) common-name"


def test_a_certificate_and_its_key_come_from_files(box: Box) -> None:
    box.do("/certificate/add", name="made", common_name="portal", key_size="prime256v1")
    box.do("/certificate/sign", numbers="made")
    pair = pair_of(box.router.config, "made")
    assert pair is not None
    other = Box()
    other.do("/file/add", name="portal.crt", contents=pair[0])
    other.do("/file/add", name="portal.key", contents=pair[1])

    counts = other.do("/certificate/import", file_name="portal.crt", name="portal").rows[0]
    assert (counts["certificates-imported"], counts["private-keys-imported"]) == ("1", "0")
    assert pair_of(other.router.config, "portal") is None
    assert other.do("/certificate/import", file_name="portal.key").rows[0]["private-keys-imported"] == "1"
    assert pair_of(other.router.config, "portal") is not None
    assert "already exists" in other.trap("/certificate/import", file_name="portal.crt", name="portal")
    other.do("/certificate/import", file_name="portal.crt")
    assert other.row("/certificate", "name=portal.crt_0")["common-name"] == "portal"


def test_ping_and_fetch_reach_whom_the_router_was_given(box: Box) -> None:
    box.router.reaches = lambda address: address == "10.99.0.1"
    box.router.fetches = lambda arguments: f"asked {arguments['url']}".encode()

    assert box.do("/ping", address="10.99.0.1", count="2").rows[-1]["received"] == "2"
    assert box.do("/tool/ping", address="10.99.0.9", count="1").rows[0]["packet-loss"] == "100"
    assert box.do("/tool/fetch", url="https://portal/a", output="user").rows[0]["data"] == "asked https://portal/a"
    box.do("/tool/fetch", url="https://portal/first.rsc")
    box.do("/tool/fetch", url="https://portal/", output="none")
    assert box.row("/file")["contents"] == "asked https://portal/first.rsc"


def test_counters_and_the_log_can_be_read(box: Box) -> None:
    number = box.do("/radius/add", address="10.0.0.1").ret or ""
    box.do("/log/info", message="hello")

    assert box.do("/radius/monitor", numbers=number, once="").rows[0]["bad-replies"] == "0"
    assert box.do("/radius/incoming/monitor", once="").rows[0]["acks"] == "0"
    box.do("/radius/reset-counters")
    assert box.row("/log")["message"] == "hello"
