"""Requests that were answered lately, or are being answered: the duplicate cache of RFC 5080 §2.2.2.

Only verified requests may come here. State, but no I/O and no clock of its own.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Final

LIFE_SECONDS: Final = 30.0
"""RFC 5080 §2.2.2 wants 5 to 30 s; a router that asks three times at 3 s is long done."""
CAPACITY: Final = 65_536
"""256 identifiers for each of 256 routers; the oldest entry gives way."""

Asker = tuple[Hashable, int]
"""Where the request came from (source address and port, or a connection), and its identifier."""


class Seen(Enum):
    """What the cache knows of a request, when it isn't the reply."""

    NEW = "new"
    IN_PROGRESS = "in_progress"


@dataclass(slots=True)
class _Entry:
    authenticator: bytes
    expires_at: float
    reply: bytes | None = None


class DuplicateCache:
    """Remember requests by asker and authenticator; a new authenticator under the same identifier replaces the old one."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        # Its oldest entry is found at once; that of a dict only after all those that were removed before it.
        self._entries: OrderedDict[Asker, _Entry] = OrderedDict()
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._entries)

    def look(self, asker: Asker, authenticator: bytes, *, now: float) -> Seen | bytes:
        """Give the reply that was sent, or say that one is being made, or open an entry for a new request."""
        self._forget_old(now)
        entry = self._entries.get(asker)
        if entry is not None and entry.authenticator == authenticator:
            return Seen.IN_PROGRESS if entry.reply is None else entry.reply
        self._entries.pop(asker, None)  # the new entry goes to the young end
        self._entries[asker] = _Entry(authenticator, now + LIFE_SECONDS)
        return Seen.NEW

    def keep(self, asker: Asker, authenticator: bytes, reply: bytes | None) -> None:
        """Keep the reply for whoever asks the same again; None when there was none, so that asking again is a new request."""
        entry = self._entries.get(asker)
        if entry is None or entry.authenticator != authenticator:
            return
        if reply is None:
            del self._entries[asker]
        else:
            entry.reply = reply

    def _forget_old(self, now: float) -> None:
        while self._entries:
            asker, oldest = next(iter(self._entries.items()))
            if oldest.expires_at > now and len(self._entries) <= self._capacity:
                return
            del self._entries[asker]
