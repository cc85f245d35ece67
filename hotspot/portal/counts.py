"""How often information was shown and its links followed, by banner and site. Nothing of who, and nothing that is kept on a phone.

Counted in memory, because a page served from memory must not wait for the database, and added to the database every half a minute: a
process that is killed loses that much, and an hour's count may hold half a minute of its neighbour.
"""

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from hotspot.db import Database

log = structlog.get_logger()

FLUSH_EVERY: Final = 30.0  # seconds

# Those of a banner or site that is gone meanwhile are gone as well.
ADD: Final = """
    INSERT INTO banner_count (banner_id, site_id, hour, shown, followed)
    SELECT banner.id, site.id, date_trunc('hour', CAST(:now AS timestamptz)), counted.shown, counted.followed
    FROM unnest(CAST(:banners AS int[]), CAST(:sites AS int[]), CAST(:shown AS int[]), CAST(:followed AS int[]))
        AS counted (banner_id, site_id, shown, followed)
    JOIN banner ON banner.id = counted.banner_id JOIN site ON site.id = counted.site_id
    ON CONFLICT (banner_id, site_id, hour) DO UPDATE
    SET shown = banner_count.shown + excluded.shown, followed = banner_count.followed + excluded.followed
"""


def is_seen(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a person is most likely behind a request: not a HEAD, and nothing a browser fetches in advance."""
    purposes = (headers.get("sec-purpose", ""), headers.get("purpose", ""))
    return method == "GET" and not any("prefetch" in purpose for purpose in purposes)


class Counts:
    """Counts of one web process, and the thread that adds them to the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._shown: dict[tuple[int, int], int] = {}
        self._followed: dict[tuple[int, int], int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="counts", daemon=True)

    def count_shown(self, site_id: int, banner_ids: Iterable[int]) -> None:
        """Count a page that shows these banners; costs a dict's increment each."""
        with self._lock:
            for banner_id in banner_ids:
                key = (banner_id, site_id)
                self._shown[key] = self._shown.get(key, 0) + 1

    def count_followed(self, site_id: int, banner_id: int) -> None:
        """Count a link that was followed."""
        with self._lock:
            key = (banner_id, site_id)
            self._followed[key] = self._followed.get(key, 0) + 1

    def flush(self, now: datetime) -> None:
        """Add what was counted to the hour; while the database is away it is kept for the next time."""
        with self._lock:
            shown, self._shown = self._shown, {}
            followed, self._followed = self._followed, {}
        if not shown and not followed:
            return
        try:
            with self._database.writing() as db:
                _add(db, shown, followed, now)
        except DBAPIError as error:
            log.warning("counts of information wait for the database", problem=type(error).__name__)
            self._take_back(shown, followed)

    def _take_back(self, shown: Mapping[tuple[int, int], int], followed: Mapping[tuple[int, int], int]) -> None:
        with self._lock:
            for kept, again in ((self._shown, shown), (self._followed, followed)):
                for key, count in again.items():
                    kept[key] = kept.get(key, 0) + count

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Add the rest, once nobody counts any more."""
        self._done.set()
        self._thread.join()
        self.flush(datetime.now(UTC))

    def _run(self) -> None:
        while not self._done.wait(FLUSH_EVERY):
            self.flush(datetime.now(UTC))


def _add(
    db: Session, shown: Mapping[tuple[int, int], int], followed: Mapping[tuple[int, int], int], now: datetime
) -> None:
    # In one order, so that processes that flush at once wait and don't lock each other out.
    keys = sorted({*shown, *followed})
    facts = {
        "now": now,
        "banners": [banner_id for banner_id, _ in keys],
        "sites": [site_id for _, site_id in keys],
        "shown": [shown.get(key, 0) for key in keys],
        "followed": [followed.get(key, 0) for key in keys],
    }
    db.execute(text(ADD), facts)
