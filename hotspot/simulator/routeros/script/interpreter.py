"""The interpreter that a simulated router is given."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from hotspot.simulator.routeros.script import export
from hotspot.simulator.routeros.script.console import Console
from hotspot.simulator.routeros.script.evaluator import Run
from hotspot.simulator.routeros.script.parser import parse
from hotspot.simulator.routeros.script.scopes import READING, Bounds
from hotspot.simulator.routeros.script.values import Value
from hotspot.simulator.routeros.script.vocabulary import mistakes
from hotspot.simulator.routeros.sessions import Session

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

Fetch = Callable[[Mapping[str, str]], bytes]


class Interpreter:
    """Runs scripts on one router; global variables outlive them, until it reboots."""

    def __init__(self, router: "SimulatedRouterOS") -> None:
        self._router = router
        self._factory = router.config
        self._shared: dict[str, Value] = {}
        self._bounds = Bounds()
        router.on_reboot(self._shared.clear)

    def run(self, source: str, *, session: Session, dry_run: bool = False) -> str:
        """Run a script and return what it printed; Trap for the statement that fails, what was done before stays.

        With `dry_run` nothing runs: the Trap is the first mistake, also one that running would perhaps never meet.
        """
        console = Console(self._router, self._factory, session)
        if self._bounds.depth == 0:
            self._bounds.steps = 0
        self._bounds.step(READING * len(source))
        block = parse(source, console.is_menu)
        if dry_run:
            for mistake in mistakes(self._router, block):
                raise mistake
            return ""
        run = Run(console, self._shared, self._bounds)
        run.script(block)
        return run.printed


def install(router: "SimulatedRouterOS", *, fetch: Fetch | None = None) -> Interpreter:
    """Give a router that nobody has configured yet an interpreter, /export, and somebody whom /tool/fetch asks."""
    interpreter = Interpreter(router)
    router.interpreter = interpreter
    router.actions["", "export"] = export.action(router.config)
    if fetch:
        router.fetches = fetch
    return interpreter
