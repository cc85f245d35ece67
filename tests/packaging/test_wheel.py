"""The wheel: built offline from a copy of the tree, it holds all that the program needs away from a checkout."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

COPIED = ("hatch_build.py", "package.json", "package-lock.json", "pyproject.toml", "README.md", "LICENSE")
COPIED_FOLDERS = ("hotspot", "portal_templates", "router_configs", "requirements")
NO_REGISTRY = {"npm_config_registry": "http://127.0.0.1:9", "PIP_NO_INDEX": "1"}


@pytest.fixture(scope="session")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this tree, with stand-ins for the scripts that npm would bring."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in COPIED:
        shutil.copy(root / name, tree)
    for name in COPIED_FOLDERS:
        shutil.copytree(root / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(root / ".gitignore", tree)
    put_vendor_files(tree)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-qq",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        str(tree),
    ]
    built = subprocess.run(command, env={**os.environ, **NO_REGISTRY}, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return zipfile.ZipFile(next(out.glob("hotspot-*.whl")))


def put_vendor_files(tree: Path) -> None:
    spec = importlib.util.spec_from_file_location("hatch_build_of_the_copy", tree / "hatch_build.py")
    assert spec
    assert spec.loader
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    for pairs in hook.FILES.values():
        for _, target in pairs:
            file = tree / hook.VENDOR / (f"{target}/layers.png" if target.endswith("images") else target)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("stand-in")
    (tree / hook.VENDOR / hook.STAMP).write_text(hook.stamp(tree))


@pytest.fixture(scope="session")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(wheel.read(name))


def test_every_file_of_the_package_is_in_the_wheel(
    wheel: zipfile.ZipFile, root: Path, files_in_git: list[Path]
) -> None:
    ours = {str(path.relative_to(root)) for path in files_in_git if path.is_relative_to(root / "hotspot")}

    assert ours <= set(wheel.namelist())


@pytest.mark.parametrize("folder", ["portal_templates", "router_configs"])
def test_the_folders_beside_the_code_are_shipped(
    wheel: zipfile.ZipFile, root: Path, files_in_git: list[Path], folder: str
) -> None:
    ours = {str(path.relative_to(root)) for path in files_in_git if path.is_relative_to(root / folder)}

    assert ours
    assert {f"hotspot/_shipped/{name}" for name in ours} <= set(wheel.namelist())


@pytest.mark.parametrize(
    "name",
    [
        "htmx/htmx.min.js",
        "htmx/LICENSE",
        "chart/chart.umd.min.js",
        "chart/LICENSE.md",
        "leaflet/leaflet.js",
        "leaflet/leaflet.css",
        "leaflet/images/layers.png",
        "leaflet/LICENSE",
    ],
)
def test_the_scripts_are_shipped_though_git_ignores_them(wheel: zipfile.ZipFile, name: str) -> None:
    assert f"hotspot/console/static/vendor/{name}" in wheel.namelist()


def test_nothing_else_is_shipped(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0].split("-")[0] for name in wheel.namelist()} == {"hotspot"}
    assert not [name for name in wheel.namelist() if "__pycache__" in name or name.endswith((".pyc", ".orig"))]


def test_it_says_its_licence_and_carries_the_text(wheel: zipfile.ZipFile, metadata: Message, root: Path) -> None:
    (text,) = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]

    assert metadata["License-Expression"] == "GPL-2.0-or-later"
    assert wheel.read(text) == (root / "LICENSE").read_bytes()


def test_the_licence_is_the_whole_gpl_2(root: Path) -> None:
    text = (root / "LICENSE").read_text()

    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_it_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    (command,) = [line for line in wheel.read(name).decode().splitlines() if line.startswith("hotspot = ")]

    assert callable(EntryPoint("hotspot", command.removeprefix("hotspot = "), "console_scripts").load())


def test_the_installed_package_finds_its_folders_and_migrations(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    program = (
        "from hotspot.db import alembic_config; from hotspot.paths import shipped\n"
        "from alembic.script import ScriptDirectory\n"
        "print(shipped('portal_templates'), shipped('router_configs'))\n"
        "print(ScriptDirectory.from_config(alembic_config()).get_current_head())\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    shipped = tmp_path / "hotspot" / "_shipped"
    assert said[0] == f"{shipped / 'portal_templates'} {shipped / 'router_configs'}"
    assert said[1] != "None"
