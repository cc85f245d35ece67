"""Any accounting reports a router could send, for property tests."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import psycopg
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from hotspot.usage import ingest
from hotspot.usage.counters import LARGEST_COUNTER, Counting, Report, suspicion_of
from hotspot.usage.endings import Boot
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
counters = st.none() | st.integers(0, 10_000) | st.sampled_from([2**32 - 1, 2**32, LARGEST_COUNTER])


def record(db: Session, found: Sequence[Report], boots: Sequence[Boot] = ()) -> None:
    """Store reports in the test's own transaction."""
    db.execute(text("SELECT 1"))  # begins it
    connection = db.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    ingest.record(connection, found, boots)


@st.composite
def reports(
    draw: st.DrawFn,
    *,
    sessions: int = 3,
    days: int = 3,
    router_id: int = 1,
    site_id: int = 1,
    other_site_id: int = 1,
    judged: bool = False,
) -> Report:
    """One report of one of a few sessions; times are whole minutes so that borders and ties are met.

    `judged`: what can't be true is marked as suspect, and some are Starts; a session then keeps its device.
    """
    session = draw(st.integers(1, sessions))
    started_at = NOW + draw(st.integers(0, days * 24 * 60)) * MINUTE
    seen_at = started_at + draw(st.sampled_from([0, 1, 30, 60, 600, 3000]) | st.integers(0, 600)) * MINUTE
    stopped = draw(st.booleans())
    report = Report(
        router_id=router_id,
        session_key=UUID(int=session),
        site_id=draw(st.sampled_from([site_id, other_site_id])),
        device_id=UUID(int=100 + session) if judged else UUID(int=draw(st.integers(1, 2))),
        admission_id=draw(st.none() | st.integers(1, 2).map(lambda number: UUID(int=number))),
        acct_session_id=draw(st.sampled_from(["80000001", "80000002", "b", "B"])),
        address=draw(st.sampled_from([None, "10.5.50.2", "10.5.50.10", "fe80::1"])),
        started_at=started_at,
        last_seen_at=seen_at,
        ended_at=seen_at if stopped else None,
        end_cause=draw(st.none() | st.integers(1, 3)) if stopped else None,
        seconds=draw(st.none() | st.integers(0, 600)),
        octets_from_device=draw(counters),
        octets_to_device=draw(counters),
        packets_from_device=draw(counters),
        packets_to_device=draw(counters),
        router_time=draw(st.sampled_from([None, NOW, NOW - timedelta(days=20_000)])),
        counting=draw(st.sampled_from(Counting)) if judged else Counting.GIGAWORDS,
    )
    if not judged:
        return report
    start_seen_at = draw(st.sampled_from([None, seen_at]))
    return report._replace(
        start_seen_at=start_seen_at,
        octets_from_device=None if report.counting == Counting.OCTETS_ONLY else report.octets_from_device,
        octets_to_device=None if report.counting == Counting.OCTETS_ONLY else report.octets_to_device,
        suspicion=suspicion_of(
            seconds=report.seconds,
            octets_from_device=report.octets_from_device,
            octets_to_device=report.octets_to_device,
            started_at=started_at,
            start_seen_at=start_seen_at,
        ),
    )


def some_reports(**facts: int) -> st.SearchStrategy[list[Report]]:
    return st.lists(reports(**facts), max_size=10)
