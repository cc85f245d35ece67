"""Reboots told by Acct-Session-Id: RouterOS counts its boots in the third digit, "80100014" (service, boot, session).

A router that reboots says nothing about the sessions it had; the first session of the new boot gives it away.
"""

import re
from collections.abc import Iterable
from typing import Final

from hotspot.usage.counters import Report
from hotspot.usage.endings import Boot

ROUTEROS_ID: Final = re.compile(r"[0-9a-f]{8}")
PREFIX: Final = 3


class BootDigits:
    """Remembers the digits each router used last. Forgetting them, as a new process does, costs one harmless look."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}

    def seen_in(self, reports: Iterable[Report]) -> list[Boot]:
        """Return the boots that the Starts among these reports give away.

        A Start from before the boot that arrives late looks like one too; it happened earlier, so it ends nothing that is alive.
        """
        boots = []
        for report in reports:
            if report.start_seen_at is None or not ROUTEROS_ID.fullmatch(report.acct_session_id):
                continue
            prefix = report.acct_session_id[:PREFIX]
            if self._last.get(report.router_id) != prefix:
                boots.append(Boot(report.router_id, report.started_at, prefix, report.router_time))
        return boots

    def remember(self, boots: Iterable[Boot]) -> None:
        """Remember what was seen, once its consequences are stored."""
        for boot in boots:
            if boot.prefix is not None:
                self._last[boot.router_id] = boot.prefix
