"""A worker in a process of its own, whose routers are simulated ones: ``python -m benchmarks.fleet_worker DATA_DIR PORTS_FILE``."""

import json
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.fleet import dial_by
from hotspot.db import open_database
from hotspot.jobs import Task, Work
from hotspot.paths import shipped
from hotspot.routers.configs import load as load_configs
from hotspot.routers.rollouts_progress import NAME
from hotspot.routers.rollouts_work import LONGEST_PAUSE, take_turn
from hotspot.routers.subjects import Means
from hotspot.settings import load
from hotspot.telemetry import configure_logging
from hotspot.worker import Worker


def main(arguments: Sequence[str]) -> None:
    data_dir, ports_file = arguments
    dial = dial_by(json.loads(Path(ports_file).read_text()))
    settings = load(data_dir=Path(data_dir), log_level="warning")
    configure_logging(settings.model_copy(update={"log_level": "error"}))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())

    def work(work: Work) -> None:
        means = Means(work.database, work.settings, load_configs(shipped("router_configs")), dial=dial)
        take_turn(means, int(work.args["rollout"]), work.router_id)

    with closing(open_database(settings, migrate=False)) as database:
        worker = Worker(database, settings, [Task(NAME, work, LONGEST_PAUSE)])
        worker.start()
        ended.wait()
        worker.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
