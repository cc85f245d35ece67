"""The rows of /radius that a hotspot asks, in their order: the first that answers decides (RouterOS manual, RADIUS client)."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address

from hotspot.radius.attributes import StatusType, TerminateCause
from hotspot.simulator.radius_client import (
    Accept,
    Chap,
    Login,
    Monitor,
    Nas,
    Pap,
    RadiusClient,
    Reject,
    Timeout,
    Usage,
)
from hotspot.simulator.setup import RadiusEntry


class RadiusServers:
    """Open between `open` and `retire`. Who can't be asked from here, because the source address isn't ours, stays silent."""

    def __init__(self, nas: Nas, entries: Sequence[RadiusEntry]) -> None:
        self.nas = nas
        self.entries = tuple(entries)
        self._clients = [_client(nas, entry) for entry in entries]
        self._open: list[RadiusClient] = []
        self._asking = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def monitor(self) -> Monitor:
        """The counters of the first."""
        return self._clients[0].monitor

    @property
    def monitors(self) -> list[Monitor]:
        """The counters of each, in their order."""
        return [client.monitor for client in self._clients]

    async def open(self) -> None:
        """Open what can be opened.

        Raises:
            OSError: there are servers, and none of them can be asked from here.
        """
        problem: OSError | None = None
        for client in self._clients:
            try:
                self._open.append(await client.__aenter__())
            except OSError as error:
                problem = error
        if problem is not None and not self._open:
            raise problem

    async def retire(self) -> None:
        """Close when the last question is answered or given up."""
        await self._idle.wait()
        for client in self._open:
            await client.__aexit__(None, None, None)
        self._open.clear()

    async def authenticate(self, login: Login, proof: Pap | Chap) -> Accept | Reject | Timeout:
        with self._at_work():
            for client in self._open:
                answer = await client.authenticate(login, proof)
                if not isinstance(answer, Timeout):
                    return answer
        return Timeout()

    async def account(
        self,
        login: Login,
        status: StatusType,
        *,
        usage: Usage | None = None,
        cause: TerminateCause | None = None,
        klass: bytes | None = None,
        event_at: int | None = None,
    ) -> bool:
        """Report; True when one of them has acknowledged."""
        with self._at_work():
            for client in self._open:
                if await client.account(login, status, usage=usage, cause=cause, klass=klass, event_at=event_at):
                    return True
        return False

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._asking += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._idle.set()


def _client(nas: Nas, entry: RadiusEntry) -> RadiusClient:
    return RadiusClient(
        replace(nas, address=IPv4Address(entry.source)),
        entry.secret,
        auth=entry.auth,
        acct=entry.acct,
        source=entry.source,
        timeout=entry.timeout,
        tries=entry.tries,
    )
