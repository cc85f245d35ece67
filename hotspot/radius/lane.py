"""One queue into the database: while a batch commits, what comes in becomes the next batch.

No gathering delay: an idle lane commits a single datagram at once, a busy one takes all that came in meanwhile. The worker is one
thread, so a lane has one transaction in flight, and a hanging database holds up nothing but its own lane.
"""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

import structlog

from hotspot.errors import Unavailable
from hotspot.radius import metrics

log = structlog.get_logger()

LARGEST_BATCH: Final = 512
"""Larger ones gain nothing per datagram and make the first of them wait longer."""

MOST_AT_ONCE: Final = 2
"""Batches on the shortcut: one that the database works on, and one that lies ready for it."""

AWAY_SECONDS: Final = 0.5
"""How soon a batch that can't be stored at the moment is tried again."""

Job = TypeVar("Job")
Settle = Callable[[Sequence[Job]], Sequence[bytes | None]]
Deliver = Callable[[Job, bytes | None], None]
Decided = Callable[[Sequence[bytes | None] | None], None]
Shortcut = Callable[[Sequence[Job], Decided], bool]
"""Settle a batch within the loop's thread: False when it can't; else `Decided` is called later, with None to settle it after all."""


class Lane(Generic[Job]):
    """Jobs go in, `settle` makes them durable in the worker thread, `deliver` gets each reply (or None) in the loop's thread.

    A `shortcut` may take a batch without the worker. A `settle` that raises `Unavailable` is tried again with the same batch until it succeeds or the lane is finished.
    """

    def __init__(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop,
        *,
        settle: Settle[Job],
        deliver: Deliver[Job],
        capacity: int,
        shortcut: Shortcut[Job] | None = None,
    ) -> None:
        self._name, self._loop = name, loop
        self._settle, self._deliver, self._shortcut = settle, deliver, shortcut
        self._waiting: deque[Job] = deque()
        self._capacity = capacity
        self._at_work = 0  # batches with the worker
        self._at_once = 0  # batches on the shortcut
        self._batches: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._idle = asyncio.Event()
        self._idle.set()
        self._finishing = threading.Event()
        self._sizes = metrics.BATCH.labels(name)
        self._worker = threading.Thread(target=self._work, name=f"radius-{name}", daemon=True)
        self._worker.start()

    def add(self, job: Job) -> None:
        """Queue a job; when the queue is full the oldest gives way, because its router has given it up first."""
        if len(self._waiting) >= self._capacity:
            self._deliver(self._waiting.popleft(), None)
            metrics.drop(f"overload_{self._name}")
        self._waiting.append(job)

    def commit(self) -> None:
        """Hand on what waits, unless enough is at work: then its return does."""
        while self._waiting and not self._at_work and self._at_once < MOST_AT_ONCE:
            size = min(len(self._waiting), LARGEST_BATCH)
            batch = [self._waiting.popleft() for _ in range(size)]
            self._idle.clear()
            self._sizes.observe(size)
            self._at_once += 1
            if self._shortcut is None or not self._shortcut(batch, partial(self._decided, batch)):
                self._give_to_worker(batch)

    async def finish(self, *, patience: float) -> None:
        """Let the batch in flight end, and the worker with it."""
        metrics.drop("stopping", len(self._waiting))
        self._waiting.clear()
        self._finishing.set()
        try:
            await asyncio.wait_for(self._idle.wait(), patience)
        except TimeoutError:
            log.warning("left a batch behind that does not end", lane=self._name)
        self._batches.put(None)

    def _decided(self, batch: list[Job], replies: Sequence[bytes | None] | None) -> None:
        if replies is None:
            self._give_to_worker(batch)
        else:
            self._at_once -= 1
            self._answer(batch, replies)

    def _give_to_worker(self, batch: list[Job]) -> None:
        self._at_once -= 1
        self._at_work += 1
        self._batches.put(batch)

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            replies = self._settle_safely(batch)
            try:
                self._loop.call_soon_threadsafe(self._done, batch, replies)
            except RuntimeError:  # the loop was closed meanwhile: nobody is left to reply
                return

    def _settle_safely(self, batch: list[Job]) -> Sequence[bytes | None]:
        """Live on whatever a batch does: silence is always a right answer, the router asks again."""
        try:
            return self._settle_patiently(batch)
        except Exception:
            log.exception("a batch of datagrams failed", lane=self._name, size=len(batch))
            metrics.drop("internal_error", len(batch))
            return [None] * len(batch)

    def _settle_patiently(self, batch: list[Job]) -> Sequence[bytes | None]:
        while True:
            try:
                return self._settle(batch)
            except Unavailable:
                if self._finishing.wait(AWAY_SECONDS):
                    metrics.drop("database_away", len(batch))
                    return [None] * len(batch)

    def _done(self, batch: list[Job], replies: Sequence[bytes | None]) -> None:
        self._at_work -= 1
        self._answer(batch, replies)

    def _answer(self, batch: list[Job], replies: Sequence[bytes | None]) -> None:
        self.commit()  # first the next batch, then the replies: the worker need not wait for them
        for job, reply in zip(batch, replies, strict=True):
            self._deliver(job, reply)
        if not self._at_work and not self._at_once:
            self._idle.set()
