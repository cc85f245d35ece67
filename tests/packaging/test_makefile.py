"""The Makefile: it lists itself, names what is missing, and never removes what it did not make."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=root,
        env=inherited,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_the_targets(root: Path) -> None:
    said = make(root).stdout

    campaigns = [f"campaign-{name}" for name in ("radius", "chaos", "fuzz", "retransmit", "redemption")]
    for target in ("demo", "test", "check", "lock", "bench-radius", *campaigns, "clean"):
        assert f"make {target} " in said


def test_a_missing_python_is_said_clearly(root: Path, tmp_path: Path) -> None:
    done = make(root, "demo", "PYTHON=/nonexistent/python3", f"VENV={tmp_path / 'venv'}")

    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr


def test_a_python_that_is_too_old_is_not_taken(root: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # what sys.exit(sys.version_info < (3, 11)) comes to
    old.chmod(0o755)

    done = make(root, "demo", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")

    assert "needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_folder_that_is_no_environment_is_not_removed(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "letter").touch()

    done = make(root, "demo", f"VENV={folder}")

    assert "is not a virtual environment" in done.stderr
    assert (folder / "letter").exists()
