"""The routers in a process of their own: told what to do, they make their packets, wait for the word, and run."""

import gc
import multiprocessing
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final, Literal

from benchmarks.radius_load import Address, Load
from benchmarks.radius_packets import Guest, Reporter
from benchmarks.radius_work import Accounting, Echoed, LogIns, SessionNumbers, Work

WARM_UP: Final = 0.5  # seconds before anything is counted, if what is measured takes as long
STRAGGLERS: Final = 5.0  # seconds that replies may take after the last request

Kind = Literal["accounting", "log-ins", "echo"]


@dataclass(frozen=True, slots=True)
class Job:
    """What to run against whom. With a rate the pace is given and nothing is sent twice; without, the window is kept full."""

    kind: Kind
    server: Address
    window: int
    seconds: float
    prepare: int  # packets made before the run
    rate: float | None = None
    credentials: Sequence[Guest] = ()

    @property
    def warm_up(self) -> float:
        return min(WARM_UP, self.seconds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; the latencies are sorted."""

    took: float
    latencies: Sequence[float]
    acked: int  # warm-up and stragglers included
    refused: int
    resent: int
    bad_replies: int
    unanswered: int
    made_late: int
    sessions: int  # of which at least one report was acknowledged
    cpu: float  # seconds of the generator's own, for all that was acknowledged


class Generator:
    """The generator's process, from entering to leaving the block."""

    def __init__(self, reporters: Sequence[Reporter]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, self._theirs = context.Pipe()
        self._process = context.Process(target=_generate, args=(self._theirs, list(reporters)), daemon=True)

    def __enter__(self) -> "Generator":
        self._process.start()
        self._theirs.close()  # so that its death is noticed here
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()
        self._pipe.close()

    def prepare(self, job: Job) -> None:
        """Make the packets; comes back when they are ready."""
        self._pipe.send(job)
        self._pipe.recv()

    def run(self) -> Outcome:
        """Run what was prepared."""
        self._pipe.send("run")
        outcome: Outcome = self._pipe.recv()
        return outcome


def _generate(pipe: Connection, reporters: Sequence[Reporter]) -> None:
    numbers = SessionNumbers()
    while True:
        job: Job = pipe.recv()
        work = _work(job, numbers)
        load = Load(work, reporters, job.server, window=job.window)
        load.prepare(job.prepare)
        gc.collect()
        gc.freeze()
        gc.disable()  # nothing here makes rings, and looking for some among all the packets takes its time
        pipe.send("ready")
        pipe.recv()
        pipe.send(_outcome(load, job, work))
        load.close()
        gc.unfreeze()
        gc.enable()


def _work(job: Job, numbers: SessionNumbers) -> Work:
    match job.kind:
        case "accounting":
            return Accounting(numbers)
        case "log-ins":
            return LogIns(numbers, job.credentials)
        case "echo":
            return Echoed(SessionNumbers())  # no router's, so they use up none of its numbers


def _outcome(load: Load, job: Job, work: Work) -> Outcome:
    cpu = time.process_time()
    if job.rate is None:
        load.run(job.warm_up)
        warm = len(load.latencies)
        took = load.run(job.seconds)
        counted = slice(warm, len(load.latencies))
    else:
        took = load.run_at(job.rate, job.seconds)
        counted = slice(None)  # at a given pace, who comes late counts most of all
    load.drain(STRAGGLERS)
    cpu = time.process_time() - cpu
    return Outcome(
        took=took,
        latencies=array("d", sorted(load.latencies[counted])),
        acked=load.acked,
        refused=load.refused,
        resent=load.resent,
        bad_replies=load.bad_replies,
        unanswered=load.outstanding,
        made_late=load.made_late,
        sessions=work.sessions_acknowledged(load.progress) if isinstance(work, Accounting) else 0,
        cpu=cpu,
    )
