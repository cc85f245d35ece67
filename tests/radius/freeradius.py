"""A FreeRADIUS of its own folder and ports, in front of our server; its files are those of docs/operator.md."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FREERADIUS = shutil.which("freeradius") or shutil.which("freeradius", path="/usr/sbin")
OPERATOR = Path(__file__).parents[2] / "docs" / "operator.md"
RADIUSD_CONF = """
name = freeradius
logdir = {folder}
run_dir = {folder}
libdir = /usr/lib/freeradius
proxy_requests = yes
security {{
    reject_delay = 0
    status_server = yes
}}
thread pool {{
}}
modules {{
    always reject {{
        rcode = reject
    }}
}}
$INCLUDE clients.conf
$INCLUDE proxy.conf
$INCLUDE site.conf
"""


@dataclass(frozen=True)
class Front:
    """Where routers ask."""

    auth_address: tuple[str, int]
    acct_address: tuple[str, int]


def documented(kind: str) -> str:
    """A configuration as operators read it."""
    found = re.search(rf"```freeradius-{kind}\n(.*?)```", OPERATOR.read_text(), re.DOTALL)
    assert found is not None, f"docs/operator.md has no FreeRADIUS {kind}"
    return found[1]


def filled(text: str, values: Mapping[str, object]) -> str:
    """Put a test's values where the documentation has its examples; each must be there."""
    for example, value in values.items():
        assert example in text, f"{example} is not in the documented configuration"
        text = text.replace(example, str(value))
    return text


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def freeradius(folder: Path, *, clients: str, proxy: str, site: str) -> Iterator[None]:
    """Run it until the block ends."""
    folder.mkdir()
    (folder / "radiusd.conf").write_text(RADIUSD_CONF.format(folder=folder))
    (folder / "dictionary").write_text("")
    for name, text in (("clients", clients), ("proxy", proxy), ("site", site)):
        (folder / f"{name}.conf").write_text(text)
    assert FREERADIUS is not None
    command = [FREERADIUS, "-f", "-l", "stdout", "-d", str(folder), "-n", "radiusd"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said = []
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if "Ready to process requests" in line:
                    break
            else:
                raise AssertionError("".join(said))
            yield
        finally:
            process.terminate()
            process.communicate(timeout=10)
