"""A lean HTTP/1.1 client for many residents in one process: a connection as a phone keeps it, and no more of HTTP than our server speaks."""

import asyncio
import time
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

KEPT: Final = 3.0  # seconds; the server hangs up on idle connections after five
PATIENCE: Final = 30.0
GZIP: Final = 16 + zlib.MAX_WBITS
FORM: Final = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    """Header names are in lower case; of repeated ones the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        octets = zlib.decompress(self.body, GZIP) if self.headers.get("content-encoding") == "gzip" else self.body
        return octets.decode()


class Browsing:
    """One phone's connection to a server; closed with `close`."""

    def __init__(self, host: str, port: int, *, language: str = "en") -> None:
        self._host, self._port = host, port
        self._always = (
            f"Host: {host}:{port}\r\nUser-Agent: Mozilla/5.0 (Linux; Android 15; wv)\r\n"
            f"Accept: text/html\r\nAccept-Encoding: gzip\r\nAccept-Language: {language}\r\n"
        )
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._used_at = 0.0

    async def get(self, target: str) -> Answer:
        return await self._ask(f"GET {target} HTTP/1.1\r\n{self._always}\r\n".encode())

    async def post(self, target: str, fields: Mapping[str, str]) -> Answer:
        """Send a form as a browser does from a page of the same origin."""
        body = urlencode(fields)
        told = f"Origin: http://{self._host}:{self._port}\r\nSec-Fetch-Site: same-origin\r\n"
        head = f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n{told}"
        return await self._ask(f"POST {target} HTTP/1.1\r\n{self._always}{head}\r\n{body}".encode())

    async def _ask(self, request: bytes) -> Answer:
        """Raises: OSError, EOFError, TimeoutError: no answer came."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await self._connected()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            lines = (line.partition(": ") for line in head[1:] if line)
            headers = {name.lower(): value for name, _, value in lines}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        self._used_at = time.monotonic()
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(head[0].split(" ")[1]), headers, body)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if time.monotonic() - self._used_at > KEPT:
            self.close()
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self._reader, self._writer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
