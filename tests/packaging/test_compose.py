"""The compose file: right by the schema, and as closed as docs/operator.md promises."""

import copy
import inspect
import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import SecretStr

from hotspot.db import get_server
from hotspot.safety import problems
from hotspot.settings import Settings, load

OURS = ("migrate", "web", "radius", "worker")
LONG_RUNNING = ("web", "radius", "worker")
EVERY = ("postgres", *OURS)


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    vendored = files("check_jsonschema.builtin_schemas.vendor") / "compose-spec.json"
    return json.loads(vendored.read_text())


def known_variables() -> set[str]:
    names = {f"HOTSPOT_{name.upper()}" for name in Settings.model_fields}
    secrets = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    return names | {f"HOTSPOT_{name.upper()}_FILE" for name in secrets} | {"HOTSPOT_CONFIG"}


def test_the_schema_accepts_the_compose_file(compose: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validate(compose, schema)


@pytest.mark.parametrize(
    ("service", "key", "value"),
    [("web", "red_only", True), ("web", "cap_drop", "ALL"), ("postgres", "healthcheck", {"tests": ["CMD", "true"]})],
)
def test_the_schema_refuses_a_slip(
    compose: dict[str, Any], schema: dict[str, Any], service: str, key: str, value: object
) -> None:
    slipped = copy.deepcopy(compose)
    slipped["services"][service][key] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(slipped, schema)


def test_it_runs_the_five_services_and_no_other(compose: dict[str, Any]) -> None:
    assert sorted(compose["services"]) == sorted(EVERY)


@pytest.mark.parametrize("service", EVERY)
def test_a_service_can_write_nowhere_but_its_volume(compose: dict[str, Any], service: str) -> None:
    assert compose["services"][service]["read_only"] is True
    assert all(mount.startswith(("/tmp:", "/var/run/postgresql:")) for mount in compose["services"][service]["tmpfs"])
    assert all(not mount.startswith((".", "/")) for mount in compose["services"][service]["volumes"])


@pytest.mark.parametrize("service", EVERY)
def test_a_service_runs_as_a_numbered_user_that_is_not_root(compose: dict[str, Any], service: str) -> None:
    user, _, group = compose["services"][service]["user"].partition(":")

    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.parametrize("service", EVERY)
def test_a_service_has_no_privileges_and_no_way_to_gain_any(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]

    assert settings["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in settings["security_opt"]
    assert not settings.keys() & {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "userns_mode"}


@pytest.mark.parametrize("service", EVERY)
def test_a_service_can_not_eat_the_machine(compose: dict[str, Any], service: str) -> None:
    assert compose["services"][service]["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert compose["services"][service]["logging"]["options"]["max-size"]


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_a_service_of_ours_is_asked_for_its_health_and_started_again(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]

    assert settings["command"] == [service]
    assert settings["healthcheck"]["test"] == ["CMD", "hotspot", "health", service]
    assert settings["environment"]["HOTSPOT_METRICS_PORT"]  # what `hotspot health` asks
    assert settings["restart"] == "unless-stopped"


def test_the_database_is_asked_for_its_health_over_tcp(compose: dict[str, Any]) -> None:
    # While it is being set up it answers on its socket alone; that must not count.
    assert "--host=127.0.0.1" in compose["services"]["postgres"]["healthcheck"]["test"]


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_a_service_waits_for_the_database_and_its_schema(compose: dict[str, Any], service: str) -> None:
    assert compose["services"][service]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }


def test_the_migration_runs_once_after_the_database_is_up(compose: dict[str, Any]) -> None:
    migrate = compose["services"]["migrate"]

    assert migrate["command"] == ["migrate"]
    assert migrate["restart"] == "no"
    assert migrate["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_the_database_is_reached_by_our_services_alone(compose: dict[str, Any]) -> None:
    assert compose["services"]["postgres"]["networks"] == ["data"]
    assert compose["networks"]["data"] == {"internal": True}
    assert "ports" not in compose["services"]["postgres"]


def test_the_web_service_is_published_to_a_proxy_on_this_machine_only(compose: dict[str, Any]) -> None:
    assert compose["services"]["web"]["ports"] == ["${WEB_LISTEN:-127.0.0.1:8080}:8080/tcp"]


def test_published_ports_are_the_ones_the_services_listen_on(compose: dict[str, Any]) -> None:
    web, radius = (compose["services"][name] for name in ("web", "radius"))

    assert f":{web['environment']['HOTSPOT_HTTP_PORT']}/tcp" in web["ports"][0]
    assert f":{radius['environment']['HOTSPOT_RADIUS_AUTH_PORT']}/udp" in radius["ports"][0]
    assert f":{radius['environment']['HOTSPOT_RADIUS_ACCT_PORT']}/udp" in radius["ports"][1]


@pytest.mark.parametrize("service", EVERY)
def test_no_secret_is_in_the_environment(compose: dict[str, Any], service: str) -> None:
    for name, value in compose["services"][service]["environment"].items():
        if re.search("PASSWORD|SECRET|KEY|URL|TOKEN", name):
            assert name.endswith("_FILE"), f"{name} should be a file"
            assert value.startswith("/run/secrets/")
        assert "://" not in str(value)


@pytest.mark.parametrize("service", EVERY)
def test_a_service_sees_only_the_secrets_it_reads(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]
    read = {value.removeprefix("/run/secrets/") for name, value in settings["environment"].items() if "_FILE" in name}

    assert read == set(settings["secrets"])


def test_secrets_are_files_that_git_ignores(compose: dict[str, Any], root: Path) -> None:
    ignored = (root / ".gitignore").read_text().splitlines()

    assert all(secret["file"].startswith("./secrets/") for secret in compose["secrets"].values())
    assert "/secrets/" in ignored
    assert "/hotspot.toml" in ignored


@pytest.mark.parametrize("name", ["docker-compose.yml", "Dockerfile"])
def test_every_setting_named_is_one_the_program_knows(root: Path, name: str) -> None:
    named = set(re.findall(r"HOTSPOT_[A-Z_]+", (root / name).read_text()))

    assert named
    assert named <= known_variables()


@pytest.mark.parametrize("service", EVERY)
def test_images_are_pinned(compose: dict[str, Any], service: str) -> None:
    _, _, tag = compose["services"][service]["image"].partition(":")

    assert re.match(r"\d", tag)


def test_the_database_is_of_the_version_that_the_tests_run_on(compose: dict[str, Any]) -> None:
    embedded = inspect.signature(get_server).parameters["postgres_version"].default

    assert compose["services"]["postgres"]["image"].startswith(f"postgres:{embedded}-")


def test_our_image_carries_the_package_s_version(compose: dict[str, Any], root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]

    assert {compose["services"][name]["image"] for name in OURS} == {f"hotspot:{version}"}


def test_the_example_settings_are_safe_and_fit_the_compose_file(
    compose: dict[str, Any], root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOTSPOT_CONFIG", str(root / "hotspot.example.toml"))
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path))

    settings = load(secret_key=SecretStr("k" + "0123456789abcdef" * 3))

    gateway = compose["networks"]["outside"]["ipam"]["config"][0]["gateway"]
    assert settings.forwarded_allow_ips == gateway
    assert problems(settings) == []
