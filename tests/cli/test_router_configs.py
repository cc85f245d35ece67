"""What the router configs make us send, as `.ci/run` and the operator ask for it."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from hotspot.cli.main import app
from hotspot.routers.menus import FLOOR, write_version
from tests.routers.rows import SHARED

CHECK_MENUS = SHARED / "tools" / "check-menus"


def test_the_list_of_what_is_emitted_names_menus_attributes_and_versions() -> None:
    result = CliRunner().invoke(app, ["routers", "emitted", "--json"])
    rows = json.loads(result.stdout)

    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert {"menu": "/ip/dhcp-server/option/sets", "attributes": ["comment"], "since": "7.23.3"} in rows
    radius = next(row for row in rows if row["menu"] == "/radius")
    assert {"comment", "require-message-auth", "secret", "timeout"} <= set(radius["attributes"])
    assert "name" not in next(row for row in rows if row["menu"] == "/ip/service")["attributes"]


def test_people_get_a_table_of_what_is_emitted() -> None:
    result = CliRunner().invoke(app, ["routers", "emitted"])

    assert result.exit_code == 0
    assert "/ip/hotspot/walled-garden/ip" in result.stdout
    assert "the floor" in result.stdout


@pytest.mark.skipif(not CHECK_MENUS.is_file(), reason="RouterOS' command tree does not lie beside this checkout")
def test_everything_that_is_emitted_exists_in_routeros() -> None:
    listed = CliRunner().invoke(app, ["routers", "emitted", "--json"]).stdout

    checked = subprocess.run(
        [CHECK_MENUS, "--floor", write_version(FLOOR)], input=listed, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.endswith(" passed, 0 failed\n")
