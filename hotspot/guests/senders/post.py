"""The senders in their order: who is asked first, who is left in peace for a while, and what became of it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from prometheus_client import Counter

from hotspot.guests.senders.messages import Failed, Kind, Message, Outcome, Sender, Sent

log = structlog.get_logger()

MOST_FAILURES: Final = 3  # in a row; each of them held somebody up for the patience of a sender
REST: Final = timedelta(minutes=1)  # then one message finds out whether it is back
MESSAGES: Final = Counter("hotspot_messages", "Messages to phones by sender and outcome", ["sender", "outcome"])


class NobodyTook(NamedTuple):
    """No sender took the message; `problems` says of each why."""

    problems: Sequence[str]


class Tried(NamedTuple):
    """What became of a message, and by whom."""

    sender: str
    outcome: Outcome


@dataclass(slots=True)
class Breaker:
    """Keeps from a sender that does not answer: after some failures in a row nobody asks it for a while."""

    failures: int = 0
    rests_until: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, now: datetime) -> bool:
        """Tell whether it may be asked; when a rest is over, by one message, and by others only after that one."""
        with self.lock:
            if self.rests_until is None:
                return True
            if now < self.rests_until:
                return False
            self.rests_until = now + REST
            return True

    def note(self, outcome: Outcome, now: datetime) -> bool:
        """Note what became of a message; True when the sender begins to rest because of it. A no is an answer."""
        with self.lock:
            if not isinstance(outcome, Failed) or outcome.kind is Kind.REFUSED:
                self.failures, self.rests_until = 0, None
                return False
            self.failures += 1
            if self.failures < MOST_FAILURES:
                return False
            self.rests_until = now + REST
            return True


class Post:
    """Asks one sender after the other, in order, until one takes the message or may have taken it."""

    def __init__(self, senders: Sequence[Sender]) -> None:
        self.senders = senders
        self._breakers = {sender.name: Breaker() for sender in senders}

    def deliver(self, message: Message, *, now: datetime, last: str | None = None) -> Tried | NobodyTook:
        """Send the message once. `last` is asked last: it had its try, and somebody asks for the message again."""
        problems = []
        for sender in sorted(self.senders, key=lambda sender: sender.name == last):
            if not self._breakers[sender.name].admits(now):
                problems.append(f"{sender.name}: rests")
                continue
            outcome = sender.send(message)
            self._note(sender.name, outcome, now)
            if isinstance(outcome, Sent) or outcome.kind is Kind.UNSURE:
                return Tried(sender.name, outcome)
            problems.append(f"{sender.name}: {outcome.problem}")
        return NobodyTook(problems)

    def _note(self, name: str, outcome: Outcome, now: datetime) -> None:
        MESSAGES.labels(name, outcome.kind if isinstance(outcome, Failed) else "sent").inc()
        if isinstance(outcome, Failed):
            log.warning("a message was not sent", sender=name, outcome=str(outcome.kind), problem=outcome.problem)
        if self._breakers[name].note(outcome, now):
            log.error("a sender of messages does not work", sender=name, asked_again_at=(now + REST).isoformat())
