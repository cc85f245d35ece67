from pathlib import Path

import pytest

from hotspot.paths import NotShipped, shipped


def make_package(root: Path) -> Path:
    package = root / "hotspot"
    (package / "_shipped" / "portal_templates").mkdir(parents=True)
    return package


def test_a_checkout_uses_its_own_top_level_folder(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "portal_templates").mkdir()

    assert shipped("portal_templates", package) == tmp_path / "portal_templates"


def test_an_installed_package_uses_what_is_inside_it(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    (tmp_path / "portal_templates").mkdir()  # another package's, by chance

    assert shipped("portal_templates", package) == package / "_shipped" / "portal_templates"


def test_a_checkout_without_the_folder_falls_back_to_the_package(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    (tmp_path / "pyproject.toml").touch()

    assert shipped("portal_templates", package) == package / "_shipped" / "portal_templates"


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotShipped, match="router_configs"):
        shipped("router_configs", make_package(tmp_path))


@pytest.mark.parametrize("name", ["portal_templates", "router_configs"])
def test_this_installation_has_what_the_code_looks_for(name: str) -> None:
    assert any(shipped(name).iterdir())
