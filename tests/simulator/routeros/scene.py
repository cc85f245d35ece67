"""A simulated router in a few words, a clock that stands still, and an API client of bytes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import pytest

from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.server import ApiServer
from hotspot.simulator.routeros.sessions import Result, Session
from hotspot.simulator.routeros.traps import Trap
from hotspot.simulator.routeros.wire import Decoder, encode_sentence

NOON = 1_772_427_600.0  # 2026-03-02 05:00:00 UTC


class StillClock:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return NOON + self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class Script:
    """An interpreter that remembers what it was told to run, and does a test's bidding."""

    ran: list[tuple[str, frozenset[str], bool]] = field(default_factory=list)
    fails: bool = False

    def run(self, source: str, *, session: Session, dry_run: bool = False) -> str:
        self.ran.append((source, session.policies, dry_run))
        if self.fails:
            raise Trap("syntax error (line 1 column 1)", 3)
        return f"ran {source}"


class Box:
    """A router and somebody who may do everything there."""

    def __init__(self, **facts: object) -> None:
        self.clock = StillClock()
        self.router = SimulatedRouterOS(**{"clock": self.clock, "mode": "advanced", **facts})  # type: ignore[arg-type]
        self.script = Script()
        self.router.interpreter = self.script
        self.session = Session("admin")

    def do(self, sentence: str, session: Session | None = None, query: Sequence[str] = (), **fields: str) -> Result:
        """``/ip/pool/add`` with fields; ``_id`` for ``.id``, ``_`` for ``-`` in a name."""
        path, _, command = sentence.rpartition("/")
        arguments = {".id" if name == "_id" else name.replace("_", "-"): value for name, value in fields.items()}
        return self.router.run(path, command, arguments, session=session or self.session, query=query)

    def send(self, sentence: str, arguments: Mapping[str, str]) -> Result:
        path, _, command = sentence.rpartition("/")
        return self.router.run(path, command, arguments, session=self.session)

    def rows(self, path: str, *query: str) -> list[dict[str, str]]:
        return self.do(f"{path}/print", query=query).rows

    def row(self, path: str, *query: str) -> dict[str, str]:
        (row,) = self.rows(path, *query)
        return row

    def trap(self, sentence: str, session: Session | None = None, **fields: str) -> str:
        """What the router says when it refuses, having changed nothing."""
        before = dict(self.router.config.tables)
        with pytest.raises(Trap) as caught:
            self.do(sentence, session, **fields)
        assert dict(self.router.config.tables) == before
        return caught.value.text


class Client:
    """Sends sentences and reads them, nothing else."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._decoder = Decoder()
        self._sentences: list[list[str]] = []

    @classmethod
    async def open(cls, server: ApiServer, *, user: str | None = "admin", password: str = "") -> Self:
        client = cls(*await asyncio.open_connection(*server.endpoint()))
        if user is not None:
            assert await client.ask("/login", f"=name={user}", f"=password={password}") == [["!done"]]
        return client

    def say(self, *words: str) -> None:
        self.writer.write(encode_sentence(words))

    async def hear(self) -> list[str]:
        """The next sentence; an empty one when the router hung up."""
        while not self._sentences:
            octets = await self.reader.read(65536)
            if not octets:
                return []
            self._sentences += self._decoder.feed(octets)
        return self._sentences.pop(0)

    async def ask(self, *words: str) -> list[list[str]]:
        """Everything up to `!done`."""
        self.say(*words)
        heard = []
        while sentence := await self.hear():
            heard.append(sentence)
            if sentence[0] in {"!done", "!fatal"}:
                break
        return heard

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()
