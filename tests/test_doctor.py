"""The doctor names each problem and what to do about it; one never hides another."""

import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from hotspot.db import Database
from hotspot.doctor import Finding, examine
from hotspot.settings import Settings, load

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


def findings(settings: Settings, now: datetime = NOW) -> Mapping[str, Finding]:
    return {finding.check: finding for finding in examine(settings, now=now)}


@pytest.fixture
def healthy(settings: Settings) -> Settings:
    return settings.model_copy(update={"http_port": 0, "radius_auth_port": 0, "radius_acct_port": 0})


@pytest.fixture
def durable(server: Database) -> Iterator[None]:
    """The tests' server as one that serves is, for as long as the test runs."""
    set_durability(server, "on")
    yield
    set_durability(server, "off")


def set_durability(server: Database, word: str) -> None:
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = {word}"))
        connection.execute(text("SELECT pg_reload_conf()"))
        while connection.scalar(text("SHOW full_page_writes")) != word:
            connection.execute(text("SELECT pg_sleep(0.01)"))


def test_a_database_that_loses_data_in_a_power_cut_is_noticed(healthy: Settings) -> None:
    finding = findings(healthy)["durability"]

    assert not finding.is_well
    assert "fsync" in finding.text


@pytest.mark.usefixtures("durable")
def test_a_healthy_installation_has_no_problem(healthy: Settings) -> None:
    found = findings(healthy)

    assert all(finding.is_well for finding in found.values()), found
    assert set(found) >= {"settings", "data directory", "database", "durability", "clock", "time zone"}
    assert "Asia/Jakarta: it is 12:00 there" in found["time zone"].text


def test_a_taken_port_is_named(healthy: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]

        finding = findings(healthy.model_copy(update={"radius_acct_port": port}))["port of RADIUS accounting"]

    assert not finding.is_well
    assert str(port) in finding.text


def test_a_machine_whose_clock_was_never_set_is_noticed(healthy: Settings) -> None:
    finding = findings(healthy, now=datetime(1970, 1, 1, tzinfo=UTC))["clock"]

    assert not finding.is_well
    assert "NTP" in finding.text


def test_a_data_directory_that_can_not_be_written_is_named(healthy: Settings, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    finding = findings(healthy.model_copy(update={"data_dir": file / "below"}))["data directory"]

    assert not finding.is_well
    assert str(file / "below") in finding.text


def test_a_database_that_is_away_hides_no_other_finding(tmp_path: Path) -> None:
    away = load(data_dir=tmp_path, database_url="postgresql://nobody:x@127.0.0.1:1/nowhere?connect_timeout=1")
    away = away.model_copy(update={"http_port": 0, "radius_auth_port": 0, "radius_acct_port": 0})

    found = findings(away)

    assert not found["database"].is_well
    assert found["time zone"].is_well


def test_unsafe_settings_are_findings(healthy: Settings) -> None:
    finding = findings(healthy.model_copy(update={"forwarded_allow_ips": "*"}))["settings"]

    assert not finding.is_well
    assert "HOTSPOT_FORWARDED_ALLOW_IPS" in finding.text
