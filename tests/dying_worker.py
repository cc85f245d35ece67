"""A worker in a process of its own, that a test kills in the middle of a job: ``python tests/dying_worker.py DATABASE_URL``."""

import sys
import threading
from pathlib import Path

from hotspot.db import open_database
from hotspot.jobs import Task, Work
from hotspot.settings import load
from hotspot.worker import Worker


def never_end(work: Work) -> None:
    sys.stdout.write("started\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    settings = load(database_url=sys.argv[1], data_dir=Path("unused"))
    worker = Worker(open_database(settings, migrate=False), settings, [Task("greet", never_end)])
    worker.start()
    threading.Event().wait()
