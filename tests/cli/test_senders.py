"""`hotspot senders`: what there is, and whether a message leaves."""

import json
from pathlib import Path

import pytest

from hotspot.guests.phone_messages import messaging_of, post_of
from tests.cli.test_cli import environment, run, said

__all__ = ["environment"]  # the fixture


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path, broken = tmp_path / "messages", tmp_path / "folder"
    broken.mkdir()
    text = "".join(
        f'[[sender]]\nname = "{name}"\nkind = "file"\npath = "{where}"\n'
        for name, where in (("broken", broken), ("good", path))
    )
    (tmp_path / "senders.toml").write_text(text)
    monkeypatch.setenv("HOTSPOT_SENDERS_FILE", str(tmp_path / "senders.toml"))
    messaging_of.cache_clear()
    post_of.cache_clear()
    return path


def test_senders_are_listed_in_their_order(outbox: Path) -> None:
    assert said("senders", "list") == [
        {"order": 1, "name": "broken", "kind": "file"},
        {"order": 2, "name": "good", "kind": "file"},
    ]


def test_a_message_is_sent_by_the_first_that_takes_it(outbox: Path) -> None:
    assert "good took the message" in run("senders", "test", "0812 7812 3456").stdout
    assert said("senders", "test", "081278123456", "--language", "en") == {"sender": "good", "sent": True}

    lines = [json.loads(line) for line in outbox.read_text().splitlines()]
    assert [line["to"] for line in lines] == ["+6281278123456"] * 2
    assert lines[0]["text"].startswith("Kode Anda")
    assert lines[1]["text"].startswith("Your code")


def test_what_goes_wrong_is_one_line_and_an_exit_code(outbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("senders", "test", "0717 123456").exit_code == 2
    only = run("senders", "test", "081278123456", "--sender", "broken")
    assert (only.exit_code, "Is a directory" in only.output) == (5, True)
    assert run("senders", "test", "081278123456", "--sender", "nobody").exit_code == 5

    monkeypatch.delenv("HOTSPOT_SENDERS_FILE")
    assert "no senders" in run("senders", "list").stdout
    monkeypatch.setenv("HOTSPOT_SENDERS_FILE", "/nowhere/senders.toml")
    assert run("senders", "list").exit_code == 2
