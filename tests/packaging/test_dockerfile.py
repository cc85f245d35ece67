"""The image: nothing unlocked, nothing running as root, no tools to build with."""

import re
from pathlib import Path

import pytest
import yaml


@pytest.fixture(scope="module")
def instructions(root: Path) -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (root / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())]


@pytest.fixture(scope="module")
def final_stage(instructions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    last = max(number for number, (word, _) in enumerate(instructions) if word == "FROM")
    return instructions[last:]


def test_the_base_is_a_pinned_slim_python_that_is_new_enough(instructions: list[tuple[str, str]]) -> None:
    (base,) = [rest.removeprefix("BASE=") for word, rest in instructions if word == "ARG"]
    version = re.fullmatch(r"python:3\.(\d+)-slim-\w+", base)

    assert version
    assert int(version[1]) >= 11
    assert all(rest.startswith("${BASE}") for word, rest in instructions if word == "FROM")


def test_nothing_is_fetched_by_address(instructions: list[tuple[str, str]]) -> None:
    assert all(word != "ADD" for word, _ in instructions)
    assert not any(re.search(r"\b(curl|wget|git)\b|://", rest) for _, rest in instructions)


def test_every_package_is_installed_by_hash_or_from_what_was_just_built(instructions: list[tuple[str, str]]) -> None:
    installs = [
        part for word, rest in instructions if word == "RUN" for part in rest.split("&&") if " install " in part
    ]
    pip_installs = [part for part in installs if "pip" in part]

    assert pip_installs
    assert all("--require-hashes" in part or "--no-index" in part for part in pip_installs)


def test_the_final_image_holds_no_tools_to_build_with(final_stage: list[tuple[str, str]]) -> None:
    text = " ".join(rest for _, rest in final_stage)

    assert not re.search(r"apt-get|apk |gcc|build-essential|npm|nodejs| install -r|pip install", text)
    assert "pip uninstall --yes pip" in text


def test_it_runs_as_the_user_the_compose_file_names(final_stage: list[tuple[str, str]], root: Path) -> None:
    users = [rest for word, rest in final_stage if word == "USER"]
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]

    assert users == [services["web"]["user"]]
    assert int(users[-1].partition(":")[0]) > 0
    before = [word for word, _ in final_stage].index("USER")
    assert all(word != "RUN" for word, _ in final_stage[before:])


def test_it_checks_its_own_health_through_the_command_line(final_stage: list[tuple[str, str]]) -> None:
    (check,) = [rest for word, rest in final_stage if word == "HEALTHCHECK"]

    assert check.endswith('CMD ["hotspot", "health", "web"]')


def test_the_build_context_holds_what_the_wheel_is_made_of_and_no_more(root: Path) -> None:
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    allowed = [line[1:].rstrip("/") for line in lines if line.startswith("!")]

    assert lines[0] == "*"
    assert {"hotspot", "portal_templates", "router_configs", "requirements", "hatch_build.py"} <= set(allowed)
    assert {"pyproject.toml", "README.md", "LICENSE", "package.json", "package-lock.json"} <= set(allowed)
    assert all((root / name).exists() for name in allowed)
