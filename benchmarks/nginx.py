"""nginx with one worker that serves a page from a file, compressed ahead: the least that serving it can cost."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import psutil

from benchmarks.contenders import end

STARTS_WITHIN: Final = 10.0  # seconds

# As one would tune it for this: no log, the open file kept, connections kept for ever.
CONFIGURATION: Final = """
worker_processes 1;
daemon off;
pid %(folder)s/pid;
error_log %(folder)s/error.log;
%(user)s
events { worker_connections 1024; }
http {
    default_type "text/html; charset=utf-8";
    access_log off;
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    etag off;
    client_body_temp_path %(folder)s/body;
    server {
        listen 127.0.0.1:%(port)d;
        root %(folder)s;
        gzip_static always;
%(headers)s
        location / { try_files /page.html =404; }
    }
}
"""
ITS_OWN: Final = ("content-length", "content-encoding", "content-type", "date", "server", "connection")


def find() -> str | None:
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


@contextmanager
def nginx(
    folder: Path, port: int, *, page: bytes, compressed: bytes, headers: Mapping[str, str]
) -> Iterator[psutil.Process]:
    """Serve the page at every path of the port, with these headers, between entering and leaving the block."""
    folder.mkdir()
    (folder / "page.html").write_bytes(page)
    (folder / "page.html.gz").write_bytes(compressed)
    lines = [f'        add_header {name} "{value}";' for name, value in headers.items() if name not in ITS_OWN]
    user = "user root;" if psutil.Process().username() == "root" else ""
    told = {"folder": folder, "port": port, "headers": "\n".join(lines), "user": user}
    (folder / "nginx.conf").write_text(CONFIGURATION % told)
    program = find()
    assert program is not None, "callers have looked"
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")], start_new_session=True)
    try:
        _wait_until_up(port)
        yield psutil.Process(process.pid)
    finally:
        end(process)


def _wait_until_up(port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
            return
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
