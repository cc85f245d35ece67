"""Any accounting reports a router could send, for property tests."""

from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from hotspot.usage.counters import LARGEST_COUNTER, Report
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
counters = st.none() | st.integers(0, 10_000) | st.sampled_from([2**32 - 1, 2**32, LARGEST_COUNTER])


@st.composite
def reports(
    draw: st.DrawFn, *, sessions: int = 3, days: int = 3, router_id: int = 1, site_id: int = 1, other_site_id: int = 1
) -> Report:
    """One report of one of a few sessions; times are whole minutes so that borders and ties are met."""
    session = draw(st.integers(1, sessions))
    started_at = NOW + draw(st.integers(0, days * 24 * 60)) * MINUTE
    seen_at = started_at + draw(st.sampled_from([0, 1, 30, 60, 600, 3000]) | st.integers(0, 600)) * MINUTE
    stopped = draw(st.booleans())
    return Report(
        router_id=router_id,
        session_key=UUID(int=session),
        site_id=draw(st.sampled_from([site_id, other_site_id])),
        device_id=UUID(int=draw(st.integers(1, 2))),
        credential_id=draw(st.none() | st.integers(1, 2).map(lambda number: UUID(int=number))),
        acct_session_id=draw(st.sampled_from(["80000001", "80000002", "b", "B"])),
        user_name=draw(st.sampled_from(["gina", "Gina", "é", ""])),
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
    )


def some_reports(**facts: int) -> st.SearchStrategy[list[Report]]:
    return st.lists(reports(**facts), max_size=10)
