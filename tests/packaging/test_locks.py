"""The lock files: everything by hash, nothing by address, and all of what pyproject.toml asks for."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("runtime", "build", "dev", "node")


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def entries(root: Path, lock: str) -> list[str]:
    """The lock's requirements, each with its hashes, on one line."""
    return (root / f"requirements/{lock}.txt").read_text().replace("\\\n", " ").splitlines()


def requirements(root: Path, lock: str) -> list[Requirement]:
    return [Requirement(entry.partition("--hash")[0]) for entry in entries(root, lock)]


def versions(root: Path, lock: str) -> dict[str, str]:
    found = requirements(root, lock)
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_one_version_with_hashes(root: Path, lock: str) -> None:
    for entry in entries(root, lock):
        assert re.fullmatch(
            r"[a-z0-9._-]+(\[[a-z0-9, _-]+\])?==[^\s;]+ +(; .+?)?( *--hash=sha256:[0-9a-f]{64})+", entry
        ), entry


def test_extras_are_locked_by_name_for_else_pip_takes_the_newest_release_and_misses_its_hash(root: Path) -> None:
    locked = {canonicalize_name(found.name): found for found in requirements(root, "dev")}
    installed = {canonicalize_name(one.name): one for one in importlib.metadata.distributions()}
    for name in locked.keys() & installed.keys():  # the others are for other systems
        for asked in map(Requirement, installed[name].requires or ()):
            if asked.extras and (asked.marker is None or asked.marker.evaluate({"extra": ""})):
                assert asked.extras <= locked[canonicalize_name(asked.name)].extras, f"{name} asks for {asked}"


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_address(root: Path, lock: str) -> None:
    text = (root / f"requirements/{lock}.txt").read_text()

    assert not re.search(r"://|--(extra-)?index-url|--find-links|file:|@ ", text)


def test_the_development_tools_come_on_top_of_the_same_versions(root: Path) -> None:
    development = versions(root, "dev")

    assert versions(root, "runtime").items() <= development.items()
    for name, version in versions(root, "build").items():
        assert development.get(name, version) == version


@pytest.mark.parametrize(("lock", "extra"), [("runtime", None), ("dev", None), ("dev", "dev")])
def test_the_lock_satisfies_pyproject(root: Path, pyproject: dict[str, Any], lock: str, extra: str | None) -> None:
    project = pyproject["project"]
    asked = project["optional-dependencies"][extra] if extra else project["dependencies"]
    locked = versions(root, lock)

    for requirement in map(Requirement, asked):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {lock}.txt: make lock"
        assert requirement.specifier.contains(version), f"{requirement} but {lock}.txt has {version}: make lock"


def test_the_locked_build_backend_is_the_one_pyproject_asks_for(root: Path, pyproject: dict[str, Any]) -> None:
    locked = versions(root, "build")

    for requirement in map(Requirement, pyproject["build-system"]["requires"]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)])


def test_the_node_lock_holds_what_the_build_hook_asks_for(root: Path) -> None:
    asked = [line for line in (root / "requirements/node.in").read_text().splitlines() if line[:1] not in ("#", "")]

    assert versions(root, "node") == dict(line.split("==") for line in asked)


def test_the_scripts_are_locked_by_hash_and_not_by_address(root: Path) -> None:
    lock = json.loads((root / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert packages
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())
    assert "://" not in (root / "package-lock.json").read_text()


def test_the_scripts_lock_is_made_from_package_json(root: Path) -> None:
    asked = json.loads((root / "package.json").read_text())["dependencies"]
    lock = json.loads((root / "package-lock.json").read_text())["packages"]

    assert lock[""]["dependencies"] == asked
    assert {name: lock[f"node_modules/{name}"]["version"] for name in asked} == asked
