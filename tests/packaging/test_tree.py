"""The tree and its documents: no registry or machine named, no dead link, no target or command that isn't there."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from hotspot.settings import Settings

# Written in pieces, or this file would be the one that names them.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("registry-1", "docker", "io"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(work|root|opt/wheels|opt/pypi)(/|\b)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


@pytest.fixture(scope="session")
def documents(root: Path) -> list[Path]:
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def test_no_file_names_a_package_registry(files_in_git: list[Path]) -> None:
    named = [(path.name, host) for path in files_in_git for host in REGISTRIES if host in text_of(path).lower()]

    assert named == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on(files_in_git: list[Path]) -> None:
    named = [(path.name, found[0]) for path in files_in_git if (found := MACHINE_PATH.search(text_of(path)))]

    assert named == []


def test_the_documents_that_are_promised_exist(root: Path) -> None:
    for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY"):
        assert (root / f"{name}.md").is_file()
    for name in ("operator", "network-staff", "official", "developer"):
        assert (root / f"docs/{name}.md").is_file()


def test_every_link_between_documents_leads_somewhere(documents: list[Path]) -> None:
    dead = [
        (document.name, target)
        for document in documents
        for target, _ in LINK.findall(text_of(document))
        if "://" not in target and not target.startswith("mailto:") and not (document.parent / target).exists()
    ]

    assert dead == []


def test_every_make_target_in_the_documents_exists(root: Path, documents: list[Path]) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of(root / "Makefile"), flags=re.MULTILINE))
    named = {
        name for path in documents for name in re.findall(r"(?:`|^ *)make ([a-z][a-z-]+)", text_of(path), re.MULTILINE)
    }

    assert named
    assert named <= targets


def test_every_setting_is_documented_and_no_other_is_named(root: Path, documents: list[Path]) -> None:
    table = text_of(root / "docs/operator.md")
    settings = {f"HOTSPOT_{name.upper()}" for name in Settings.model_fields}
    files = {f"{name}_FILE" for name in settings}
    named = {name for path in documents for name in re.findall(r"HOTSPOT_[A-Z_]*[A-Z]", text_of(path))}

    missing = sorted(name for name in Settings.model_fields if f"`{name}`" not in table)
    assert missing == []
    assert named <= settings | files | {"HOTSPOT_CONFIG"}


def test_every_command_in_the_documents_exists(documents: list[Path]) -> None:
    from hotspot.cli.main import app  # noqa: PLC0415  (the slowest import of all, for one test)

    commands = get_command(app)
    known = set(commands.commands)  # type: ignore[attr-defined]  # a group, as it has subcommands
    lines = [line.strip() for path in documents for block in code_of(text_of(path)) for line in block.splitlines()]
    named = {
        found[1]
        for line in lines
        if (found := re.match(r"(?:docker compose (?:run --rm|exec) \S+ )?hotspot ([a-z-]+)", line))
    }

    assert named
    assert named <= known


def code_of(text: str) -> list[str]:
    """The code in a Markdown text: fenced blocks and `inline`."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", text)]


def test_the_changelog_has_a_place_for_the_next_change_and_this_version_or_less(root: Path) -> None:
    changelog = text_of(root / "CHANGELOG.md")
    version = tomllib.loads(text_of(root / "pyproject.toml"))["project"]["version"]
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, flags=re.MULTILINE)

    assert "## [Unreleased]" in changelog
    assert not released or released[0] == version


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_script_for_ci_can_be_run(root: Path) -> None:
    script = root / ".ci/run"

    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
