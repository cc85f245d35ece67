"""The minutes of a run: each statement that was given to a router, and what became of it. Values of secrets are not in them.

Nor is any value of which the table of menus doesn't know that it is none: a passphrase, a script.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from hotspot.errors import HotspotError
from hotspot.routers.connection import PATIENCE, Connection
from hotspot.routers.diff import CHANGED, shown
from hotspot.routers.menus import MENUS, Row

DONE: Final = "done"
LOOKS: Final = frozenset({"print", "monitor"})
PLAIN: Final = frozenset(
    {"name", "file-name", "url", "output", "destination"}
)  # of commands; no secret of ours is in them
PRIVATE_KEY: Final = "PRIVATE KEY-----"  # in PEM, encrypted or not
T = TypeVar("T")
Entry = dict[str, str]


class Minutes:
    """Keeps the minutes of the connections of one run."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.entries: list[Entry] = []
        self._clock = clock

    def of(self, connection: Connection) -> Connection:
        """Return a connection that does the same and is minuted."""
        return _Minuted(connection, self)

    def note(self, statement: str, work: Callable[[], T]) -> T:
        """Give the statement; however that ends, it is noted."""
        entry = {"at": self._clock().isoformat(timespec="milliseconds"), "statement": statement, "outcome": DONE}
        self.entries.append(entry)
        try:
            return work()
        except HotspotError as error:
            entry["outcome"] = str(error)
            raise


class _Minuted:
    """A connection whose statements are noted; what only looks is not one."""

    def __init__(self, connection: Connection, minutes: Minutes) -> None:
        self._connection = connection
        self._minutes = minutes

    def read(self, menu: str, proplist: Sequence[str]) -> list[Row]:
        return self._connection.read(menu, proplist)

    def add(self, menu: str, fields: Mapping[str, str]) -> str:
        return self._minutes.note(_words(menu, "add", fields), lambda: self._connection.add(menu, fields))

    def set(self, menu: str, row: str, fields: Mapping[str, str]) -> None:
        self._minutes.note(_words(menu, "set", fields, row), lambda: self._connection.set(menu, row, fields))

    def unset(self, menu: str, row: str, names: Sequence[str]) -> None:
        statement = " ".join((_words(menu, "unset", {}, row), *names))
        self._minutes.note(statement, lambda: self._connection.unset(menu, row, names))

    def remove(self, menu: str, row: str) -> None:
        self._minutes.note(_words(menu, "remove", {}, row), lambda: self._connection.remove(menu, row))

    def move(self, menu: str, row: str, before: str | None) -> None:
        place = {} if before is None else {"destination": before}
        self._minutes.note(_words(menu, "move", place, row), lambda: self._connection.move(menu, row, before))

    def call(self, path: str, command: str, fields: Mapping[str, str], *, patience: float = PATIENCE) -> list[Row]:
        def call() -> list[Row]:
            return self._connection.call(path, command, fields, patience=patience)

        if command in LOOKS:
            return call()
        return self._minutes.note(_words(path, command, fields), call)

    def close(self) -> None:
        self._connection.close()


def _words(menu: str, command: str, fields: Mapping[str, str], row: str = "") -> str:
    named = (f"{name}={_told(menu, name, text)}" for name, text in fields.items())
    return " ".join(filter(None, (f"{menu}/{command}", row, *named)))


def _told(menu: str, name: str, text: str) -> str:
    is_known = name in PLAIN or (menu in MENUS and name in MENUS[menu].attributes)
    return shown(menu, name, text) if is_known and PRIVATE_KEY not in text else CHANGED
