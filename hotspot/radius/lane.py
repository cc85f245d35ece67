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
from typing import Final, Generic, NamedTuple, TypeVar

import structlog

from hotspot.errors import Unavailable
from hotspot.radius import metrics

log = structlog.get_logger()

LARGEST_BATCH: Final = 512
"""Larger ones gain nothing per datagram and make the first of them wait longer."""

MOST_AT_ONCE: Final = 4
"""Batches on the shortcut: some are being made or answered here while the database works on others."""

AWAY_SECONDS: Final = 0.5
"""How soon a batch that can't be stored at the moment is tried again."""

Job = TypeVar("Job")

Settle = Callable[[Sequence[Job]], Sequence[bytes | None]]
Deliver = Callable[[Job, bytes | None], None]


class Outcome(NamedTuple, Generic[Job]):
    """What the shortcut made of a batch: the jobs that are settled, with their replies, and those for the worker."""

    settled: Sequence[tuple[Job, bytes | None]]
    left: Sequence[Job]


Decided = Callable[[Callable[[], Outcome[Job]]], None]
Shortcut = Callable[[Sequence[Job], Decided[Job]], bool]
"""Settle a batch within the loop's thread: False when it can't; else `Decided` is called later, with what tells the outcome."""


class Lane(Generic[Job]):
    """Jobs go in, `settle` makes them durable in the worker thread, `deliver` gets each reply (or None) in the loop's thread.

    A `shortcut` may take a batch without the worker; while the worker is busy, too, where batches may overlap. A `settle` that raises `Unavailable` is tried again with the same batch until it succeeds or the lane is finished.
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
        overlaps: bool = False,
    ) -> None:
        self._overlaps = overlaps
        self._name, self._loop = name, loop
        self._settle, self._deliver, self._shortcut = settle, deliver, shortcut
        self._waiting: deque[Job] = deque()
        self._capacity = capacity
        self._at_work = 0  # batches with the worker
        self._at_once = self._jobs_at_once = 0  # batches on the shortcut, and the jobs in them
        self._batches: queue.SimpleQueue[Sequence[Job] | None] = queue.SimpleQueue()
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
        while self._waiting and self._has_room():
            size = min(len(self._waiting), LARGEST_BATCH)
            batch = [self._waiting.popleft() for _ in range(size)]
            self._idle.clear()
            self._at_once += 1
            self._jobs_at_once += size
            if not self._takes_shortcut(batch):
                self._at_once -= 1
                self._jobs_at_once -= size
                if self._at_work:
                    self._waiting.extendleft(reversed(batch))
                    return
                self._give_to_worker(batch)
            self._sizes.observe(size)

    def _has_room(self) -> bool:
        """Whether another batch may go: beside others only one of about their size, so that a small load is swift and a large one cheap."""
        if self._at_work and not self._overlaps:
            return False
        return self._at_once < MOST_AT_ONCE and self._jobs_at_once < MOST_AT_ONCE * len(self._waiting)

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

    def _takes_shortcut(self, batch: list[Job]) -> bool:
        try:
            return self._shortcut is not None and self._shortcut(batch, partial(self._decided, batch))
        except Exception:  # the worker will find out what is wrong with which job
            log.exception("a batch can't take the shortcut", lane=self._name, size=len(batch))
            return False

    def _decided(self, batch: list[Job], tell: Callable[[], Outcome[Job]]) -> None:
        try:
            settled, left = tell()
        except Exception:  # as above; settling a job twice does no harm
            log.exception("a batch can't be settled on the shortcut", lane=self._name, size=len(batch))
            settled, left = (), batch
        self._at_once -= 1
        self._jobs_at_once -= len(batch)
        if left:
            self._give_to_worker(left)
        self._answer(settled)

    def _give_to_worker(self, batch: Sequence[Job]) -> None:
        self._at_work += 1
        self._batches.put(batch)

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            replies = self._settle_safely(batch)
            try:
                self._loop.call_soon_threadsafe(self._done, batch, replies)
            except RuntimeError:  # the loop was closed meanwhile: nobody is left to reply
                return

    def _settle_safely(self, batch: Sequence[Job]) -> Sequence[bytes | None]:
        """Live on whatever a batch does: silence is always a right answer, the router asks again."""
        try:
            return self._settle_patiently(batch)
        except Exception:
            log.exception("a batch of datagrams failed", lane=self._name, size=len(batch))
            metrics.drop("internal_error", len(batch))
            return [None] * len(batch)

    def _settle_patiently(self, batch: Sequence[Job]) -> Sequence[bytes | None]:
        while True:
            try:
                return self._settle(batch)
            except Unavailable:
                if self._finishing.wait(AWAY_SECONDS):
                    metrics.drop("database_away", len(batch))
                    return [None] * len(batch)

    def _done(self, batch: Sequence[Job], replies: Sequence[bytes | None]) -> None:
        self._at_work -= 1
        self._answer(list(zip(batch, replies, strict=True)))

    def _answer(self, settled: Sequence[tuple[Job, bytes | None]]) -> None:
        self.commit()  # first the next batch, then the replies: the worker need not wait for them
        for job, reply in settled:
            self._deliver(job, reply)
        if not self._at_work and not self._at_once:
            self._idle.set()
