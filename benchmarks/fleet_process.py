"""A fleet in a process of its own, told what to do through a pipe: its processor time is not the controller's."""

import asyncio
import multiprocessing
import random
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final, Self

from benchmarks.fleet import Fleet, Member, Model

PATIENCE: Final = 120.0
SPAWN: Final = multiprocessing.get_context("spawn")  # a fork would take the threads' locks with it


class FleetProcess:
    """A fleet elsewhere; each method is one of `Fleet`'s."""

    def __init__(self, model: Model, members: Sequence[Member], seed: int) -> None:
        self._ours, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(theirs, model, members, seed), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.ports: dict[str, int] = self._heard()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def go(self, names: Iterable[str]) -> None:
        self._tell("go", list(names))

    def flap(self, names: Iterable[str]) -> None:
        self._tell("flap", list(names))

    def come_back(self) -> None:
        """Everybody is there, from now on for good."""
        self._tell("come_back", None)

    def ssids(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = self._tell("ssids", None)
        return found

    def most_connections(self) -> int:
        return int(self._tell("most", None))

    def _tell(self, what: str, names: list[str] | None) -> Any:  # noqa: ANN401  (each question has its answer)
        self._ours.send((what, names))
        return self._heard()

    def _heard(self) -> Any:  # noqa: ANN401  (as above)
        if not self._ours.poll(PATIENCE):
            raise TimeoutError("the fleet does not answer")
        return self._ours.recv()


def _serve(pipe: Connection, model: Model, members: Sequence[Member], seed: int) -> None:
    asyncio.run(_obey(pipe, model, members, seed))


async def _obey(pipe: Connection, model: Model, members: Sequence[Member], seed: int) -> None:
    async with Fleet(model, members, random.Random(seed)) as fleet:
        told = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), told.set)
        pipe.send(fleet.ports)
        while True:
            await told.wait()
            told.clear()
            while pipe.poll():
                pipe.send(await _answer(fleet, *pipe.recv()))


async def _answer(fleet: Fleet, what: str, names: list[str] | None) -> object:
    match what:
        case "go":
            fleet.go(names or ())
        case "flap":
            fleet.flap(names or ())
        case "come_back":
            await fleet.calm()
            fleet.come_back()
        case "ssids":
            return fleet.ssids()
        case "most":
            return fleet.count.most
    return None
