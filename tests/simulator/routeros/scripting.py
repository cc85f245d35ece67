"""A simulated router with its interpreter, in a few words."""

import json
from collections.abc import Mapping

import pytest

from hotspot.simulator.routeros.script.interpreter import Fetch, install
from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.traps import Trap
from tests.simulator.routeros.scene import Box


class Scripted(Box):
    """A box that runs scripts."""

    def __init__(self, fetch: Fetch | None = None, **facts: object) -> None:
        super().__init__(**facts)
        self.interpreter = install(self.router, fetch=fetch)

    def run(self, source: str, session: Session | None = None) -> str:
        return self.interpreter.run(source, session=session or self.session)

    def says(self, expression: str) -> str:
        """What ``:put`` prints of it."""
        return self.run(f":put {expression}").removesuffix("\n")

    def fails(self, source: str, session: Session | None = None) -> str:
        with pytest.raises(Trap) as caught:
            self.run(source, session)
        return caught.value.text

    def checks(self, source: str) -> str:
        """What a dry run finds; the configuration stays as it was."""
        before = self.router.config
        with pytest.raises(Trap) as caught:
            self.interpreter.run(source, session=self.session, dry_run=True)
        assert self.router.config is before
        return caught.value.text

    def fields(self, path: str) -> list[dict[str, str]]:
        """What was set in a menu's rows that nobody can tell from the factory."""
        return [dict(row.fields) for row in self.router.config.rows(path) if not row.builtin]


class Controller:
    """Answers /tool/fetch with what a test says, and remembers what it was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[dict[str, str]] = []

    def __call__(self, arguments: Mapping[str, str]) -> bytes:
        self.asked.append(dict(arguments))
        if isinstance(self.answer, Trap):
            raise self.answer
        return self.answer.encode() if isinstance(self.answer, str) else json.dumps(self.answer).encode()
