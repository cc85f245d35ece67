"""What is sent, and what may become of it. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from hotspot.guests.phone_numbers import PhoneNumber


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A text for a phone. `code` and `language` are for gateways with templates of their own; by `key` one can tell repeats."""

    key: UUID
    to: PhoneNumber
    text: str
    code: str
    language: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has taken it."""


class Kind(StrEnum):
    """How a message failed."""

    UNREACHABLE = "unreachable"  # never reached the provider: another one may send it
    REFUSED = "refused"  # the provider said no: another one may send it
    UNSURE = "unsure"  # it may be on its way: nobody else may send it


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not sent, or nobody knows; `problem` is for the log and has nothing of the message or of secrets in it."""

    kind: Kind
    problem: str


Outcome = Sent | Failed


class Sender(Protocol):
    """One way to bring a message."""

    @property
    def name(self) -> str: ...

    def send(self, message: Message) -> Outcome:
        """Hand the message over, within a bounded time; raises nothing of what the network does."""
        ...
