"""HTTP load from wrk, a generator in C: thousands of different requests, made ahead, over connections that are kept."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

THREADS: Final = 1  # the server has the other core

# wrk calls `request` for each request and `done` at the end; latencies are in microseconds.
SCRIPT: Final = """
local requests = {}
for request in io.open(%(file)s, "rb"):read("*a"):gmatch("([^%%z]+)") do
    requests[#requests + 1] = request
end
local last = 0
function request()
    last = last %% #requests + 1
    return requests[last]
end
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\\nsaid {"requests": %%d, "microseconds": %%d, "p50": %%d, "p99": %%d, "worst": %%d, "failed": %%d}\\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run achieved."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    failed: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def why_absent() -> str | None:
    """Say what keeps it from running, if anything."""
    return None if shutil.which("wrk") else "wrk is not installed (Debian: apt-get install wrk)"


def write_requests(folder: Path, name: str, requests: Sequence[bytes]) -> Path:
    """Leave the requests, whole as they go out, for runs to read."""
    file = folder / f"{name}.requests"
    file.write_bytes(b"\0".join(requests))
    script = folder / f"{name}.lua"
    script.write_text(SCRIPT % {"file": json.dumps(str(file))})
    return script


def load(script: Path, port: int, *, connections: int, seconds: float) -> Outcome:
    """Keep the connections busy for so long."""
    options = [f"--threads={THREADS}", f"--connections={connections}", f"--duration={max(1, round(seconds))}s"]
    command = ["wrk", *options, "--timeout=10s", f"--script={script}", f"http://127.0.0.1:{port}/"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    said = json.loads(told.rpartition("said ")[2])
    return Outcome(
        requests=said["requests"],
        seconds=said["microseconds"] / 1e6,
        p50_ms=said["p50"] / 1000,
        p99_ms=said["p99"] / 1000,
        worst_ms=said["worst"] / 1000,
        failed=said["failed"],
    )
