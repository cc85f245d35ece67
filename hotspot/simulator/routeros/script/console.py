"""A menu's command as a script gives it: values in, through the router's own door, a value and what is printed out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hotspot.simulator.routeros.script import export
from hotspot.simulator.routeros.script.scopes import Rebooted
from hotspot.simulator.routeros.script.syntax import Argument, Command
from hotspot.simulator.routeros.script.values import Array, Empty, Value, listed, read, to_text
from hotspot.simulator.routeros.script.vocabulary import is_flag, positions, raise_unless_known
from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.table import Kind, Menu
from hotspot.simulator.routeros.traps import interrupted, no_such_item

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

Row = Mapping[str, str]
Given = Sequence[tuple[Argument, str]]
"""The arguments with their values as text."""
NAMING_ROWS: Final = frozenset({"numbers", ".id", "place-before", "destination", "copy-from"})
ON: Final = "yes"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gives: its value between brackets, and what it prints where it stands alone."""

    value: Value = Empty.NOTHING
    printed: str = ""


class Console:
    """Somebody at the router's console, or a script in their place."""

    def __init__(self, router: "SimulatedRouterOS", factory: export.Factory, session: Session) -> None:
        self._router = router
        self._factory = factory
        self._session = session

    def is_menu(self, path: str) -> bool:
        return path in self._router.prefixes

    def carry_out(self, command: Command, given: Given, matches: Callable[[Row], bool]) -> Answer:
        """Give a command; `matches` says which rows its ``where`` means."""
        menu = raise_unless_known(self._router, command)
        arguments = _named(menu, command.name, given)
        is_value = arguments.pop("as-value", None) is not None
        arguments = {name: self._numbered(menu, name, text) for name, text in arguments.items()}
        if command.name == "find":
            return Answer(listed([row[".id"] for row in self._print(menu, {}) if matches(row)]))
        if command.name == "print":
            rows = [row for row in self._print(menu, arguments) if matches(row)]
            return _printed(menu, rows, arguments, is_value=is_value)
        if command.name == "get" and "value-name" not in arguments:
            return Answer(_row_value(self._one(menu, arguments)))
        if command.name == "export":
            return self._export(menu, arguments)
        return self._run(menu, command.name, arguments, is_value=is_value)

    def _run(self, menu: Menu, name: str, arguments: Mapping[str, str], *, is_value: bool) -> Answer:
        boot = self._router.boot
        result = self._router.run(menu.path, name, arguments, session=self._session)
        if self._router.boot != boot:
            raise Rebooted
        if result.work is not None:
            result.work.cancel()  # nobody is there to press a button or to end it
            raise interrupted()
        if result.ret is not None:
            printed = result.ret if (menu.path, name) == ("", "import") or "as-string" in arguments else ""
            return Answer(read(result.ret), printed)
        if is_value:
            return Answer(_row_value(result.rows[0]) if len(result.rows) == 1 else _rows_value(result.rows))
        return Answer(printed=_lines(result.rows))

    def _print(self, menu: Menu, arguments: Mapping[str, str]) -> list[dict[str, str]]:
        asked = {name: text for name, text in arguments.items() if name != "count-only"}
        return self._router.run(menu.path, "print", asked, session=self._session).rows

    def _one(self, menu: Menu, arguments: Mapping[str, str]) -> Row:
        rows = self._print(menu, {})
        if menu.kind is Kind.SINGLETON:
            return rows[0]
        wanted = arguments.get("numbers", arguments.get(".id"))
        for row in rows:
            if wanted in {row[".id"], row.get("name")}:
                return row
        raise no_such_item()

    def _numbered(self, menu: Menu, name: str, text: str) -> str:
        """Turn rows' places in the list, as ``set 0,1`` has them, into their numbers, unless a row is called so."""
        if name not in NAMING_ROWS or menu.path not in self._router.menus:
            return text
        return ",".join(self._number(menu, part) for part in text.split(","))

    def _number(self, menu: Menu, text: str) -> str:
        if not text.isascii() or not text.isdigit() or self._router.config.find(menu.path, text):
            return text
        rows = self._print(menu, {})
        if len(text) > 6 or int(text) >= len(rows):
            raise no_such_item()
        return rows[int(text)].get(".id", text)

    def _export(self, menu: Menu, arguments: Mapping[str, str]) -> Answer:
        self._router.run("", "export", {}, session=self._session)  # asks whether they may
        shows = "show-sensitive" in arguments and "sensitive" in self._session.policies
        text = export.text(self._router, self._factory, menu.path, show_sensitive=shows)
        if "file" not in arguments:
            return Answer(printed=text)
        export.write(self._router, arguments["file"], text)
        return Answer()


def _named(menu: Menu, command: str, given: Given) -> dict[str, str]:
    free = list(positions(menu, command))
    named: dict[str, str] = {}
    for argument, text in given:
        if argument.name is not None:
            named[argument.name] = text
        elif is_flag(argument):
            named[text] = ON
        else:
            named[free.pop(0)] = text
    return named


def _printed(menu: Menu, rows: Sequence[Row], arguments: Mapping[str, str], *, is_value: bool) -> Answer:
    if "count-only" in arguments:
        return Answer(len(rows), f"{len(rows)}\n")
    if is_value:
        return Answer(_row_value(rows[0]) if menu.kind is Kind.SINGLETON and rows else _rows_value(rows))
    return Answer(printed=_lines(rows))


def _row_value(row: Row) -> Array:
    return Array({name: read(text) for name, text in row.items()})


def _rows_value(rows: Sequence[Row]) -> Array:
    return listed([_row_value(row) for row in rows])


def _lines(rows: Sequence[Row]) -> str:
    return "".join(
        f"{number:2} {' '.join(f'{name}={text}' for name, text in row.items() if name != '.id')}\n"
        for number, row in enumerate(rows)
    )


def argument_text(value: Value) -> str:
    """A value as a command takes it; an array is a list with commas."""
    return ",".join(to_text(each) for each in value.values) if isinstance(value, Array) else to_text(value)
