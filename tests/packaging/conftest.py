"""What the packaging tests share: where the tree is, and which files of it are (or are about to be) in git."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def files_in_git() -> list[Path]:
    """Every file that git has or would take."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this tree is not a git checkout")
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]
