"""Who gives commands, and what a command gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Protocol

from hotspot.simulator.routeros.state import Configuration
from hotspot.simulator.routeros.table import Menu
from hotspot.simulator.routeros.traps import Trap, interrupted
from hotspot.simulator.routeros.values import POLICIES

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody logged in, or a script that runs with a policy."""

    user: str
    policies: frozenset[str] = frozenset(POLICIES)
    via: str = "api"
    address: str = ""
    number: int = field(default_factory=lambda: next(_numbers))


class Work:
    """A command that takes time: `print follow`, a question that waits for a button. Its client hears rows, then the end."""

    def __init__(self, on_cancel: Callable[[], None] = lambda: None) -> None:
        self.is_over = False
        self._on_cancel = on_cancel
        self._rows: list[Mapping[str, str]] = []
        self._refusal: Trap | None = None
        self._heard: Callable[[], None] = lambda: None

    def listen(self, heard: Callable[[], None]) -> None:
        """Call this whenever there is something to take."""
        self._heard = heard

    def say(self, row: Mapping[str, str]) -> None:
        self._rows.append(row)
        self._heard()

    def end(self, refusal: Trap | None = None) -> None:
        if not self.is_over:
            self.is_over = True
            self._refusal = refusal
            self._heard()

    def cancel(self) -> None:
        if not self.is_over:
            self._on_cancel()
            self.end(interrupted())

    def take(self) -> tuple[list[Mapping[str, str]], Trap | None]:
        """The rows since the last time, and what it ended with."""
        rows, self._rows = self._rows, []
        return rows, self._refusal


@dataclass(frozen=True, slots=True)
class Result:
    """What a sentence is answered with. With `work` there is more to come."""

    rows: list[dict[str, str]] = field(default_factory=list)
    ret: str | None = None
    work: Work | None = None
    listing: bool = False  # a print: no rows is worth saying since 7.18


@dataclass(frozen=True, slots=True)
class Call:
    """One command at work: on a draft of the configuration, `config`, made of `base` and kept if the command succeeds."""

    router: "SimulatedRouterOS"
    base: Configuration
    config: Configuration
    menu: Menu
    command: str
    arguments: Mapping[str, str]
    session: Session
    query: Sequence[str] = ()


Action = Callable[[Call], Result]


class Interpreter(Protocol):
    """What runs a script's text; a Trap says where it went wrong."""

    def run(self, source: str, *, session: Session, dry_run: bool = False) -> str:
        """Return what it printed. With `dry_run` it only checks, and changes nothing."""
        ...
