"""Senders that reach no phone: for trying things out on this machine, and for tests."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from hotspot.guests.senders.messages import Failed, Kind, Message, Outcome, Sent


@dataclass(frozen=True, slots=True)
class ConsoleSender:
    """Shows messages where the program was started."""

    name: str

    def send(self, message: Message) -> Outcome:
        print(f"Message to {message.to.text}: {message.text}", file=sys.stderr, flush=True)  # noqa: T201  (that is what it is for)
        return Sent()


@dataclass(frozen=True, slots=True)
class FileSender:
    """Writes each message as a line of JSON."""

    name: str
    path: Path

    def send(self, message: Message) -> Outcome:
        line = {"key": str(message.key), "to": message.to.text, "text": message.text, "code": message.code}
        try:
            self.path.touch(mode=0o600)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            return Failed(Kind.UNREACHABLE, error.strerror or type(error).__name__)
        return Sent()
