"""Where a script's variables live, and how much it may do. Pure."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from hotspot.simulator.routeros.script.values import Value
from hotspot.simulator.routeros.traps import SCRIPTING, Trap

MOST_STEPS: Final = 100_000
WORK: Final = 256  # letters, entries or the like that are worked through in one step
READING: Final = 4  # times as much work as its letters is a source that is parsed
DEEPEST: Final = 48  # blocks, brackets and functions within each other, over all scripts that run each other


class Exhausted(Trap):
    """{message}"""


class Rebooted(Exception):
    """The router went down under the script, which ends without having failed."""


@dataclass(slots=True)
class Bounds:
    """What a script may use, together with all that it runs."""

    steps: int = 0
    depth: int = 0

    def step(self, work: int = 0) -> None:
        """Count a step, and more of them for one that works through a lot."""
        self.steps += 1 + work // WORK
        if self.steps > MOST_STEPS:
            raise Exhausted("script runs too long", SCRIPTING)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        if self.depth >= DEEPEST:
            raise Exhausted("script nested too deeply", SCRIPTING)
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


@dataclass(slots=True)
class Scope:
    """The variables of a block; `shared` are those which it declared to be the router's."""

    parent: "Scope | None"
    own: dict[str, Value] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)

    def home(self, name: str, router: dict[str, Value]) -> dict[str, Value] | None:
        """The variables among which a name is: of the nearest block that declared it, or the router's; None when no block did."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.shared:
                return router
            if name in scope.own:
                return scope.own
            scope = scope.parent
        return None
