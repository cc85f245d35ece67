"""Statements: text in, tree out. Pure.

Menus are written ``/ip hotspot profile`` or ``/ip/hotspot/profile``; a line that is only a menu makes it the current one, to which
relative commands belong, to the end of the block. In the brackets of a command its own menu is the current one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from hotspot.simulator.routeros.script.expressions import Expressions
from hotspot.simulator.routeros.script.scanner import Scanner
from hotspot.simulator.routeros.script.syntax import (
    Argument,
    Block,
    Builtin,
    Call,
    Code,
    Command,
    Expression,
    Place,
    Statement,
    Text,
    Word,
)

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NAMED: Final = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.-]*=")
NEGATED: Final = re.compile(r"![A-Za-z0-9.][A-Za-z0-9_.-]*(?=[\s;\]})]|\Z)")
BARE: Final = re.compile(r"[^\s;\"'{}()\[\]$\\?]+")
WHERE: Final = re.compile(r"where(?=[\s\]})(;]|\Z)")
ENDS: Final = re.compile(r"[;\n\])}]|\Z")
BLANK_OR_END: Final = re.compile(r"[ \t\r]|\\\r?\n|[;\n\])}]|\Z")

CONTROL: Final = frozenset(
    {"if", "foreach", "for", "while", "do", "local", "global", "put", "return", "delay", "error"}
)  # those which may stand without a colon
NONE: Final = frozenset[str]()
LANGUAGE: Final[Mapping[str, tuple[int, frozenset[str]]]] = {
    **dict.fromkeys(("put", "error", "return", "delay", "parse"), (1, NONE)),
    **dict.fromkeys(("tostr", "tonum", "tobool", "toarray", "len", "typeof"), (1, NONE)),
    **dict.fromkeys(("pick", "find"), (3, NONE)),
    **dict.fromkeys(("local", "global", "set"), (2, frozenset({"do"}))),
    "serialize": (1, frozenset({"to", "value", "options"})),
    "deserialize": (1, frozenset({"from", "value", "options"})),
    "if": (1, frozenset({"do", "else"})),
    "foreach": (1, frozenset({"in", "do"})),
    "for": (1, frozenset({"from", "to", "step", "do"})),
    "while": (1, frozenset({"do"})),
    "do": (1, frozenset({"while", "on-error"})),
    "onerror": (1, frozenset({"in", "do"})),
}
"""The language's own commands: how many values they take, and which arguments with a name."""
BLOCKS: Final = frozenset({"do", "else", "on-error", "source", "on-event", "script", "on-login", "on-logout"})
TAKE_BLOCKS: Final = frozenset({"do", "execute", "parse"})
FILTERED: Final = frozenset({"find", "print"})


def parse(source: str, is_menu: Callable[[str], bool]) -> Block:
    """Return the tree of a script; Trap "syntax error (line … column …)" when it is none.

    `is_menu` says of a path whether menus are there; the first word that leads to none is a command's name.
    """
    return Parser(Scanner(source), is_menu).script()


class Parser(Expressions):
    """One script being read."""

    def __init__(self, scanner: Scanner, is_menu: Callable[[str], bool]) -> None:
        super().__init__(scanner)
        self._is_menu = is_menu
        self._path = ""

    def script(self) -> Block:
        block = self._statements()
        if self.scanner.next:
            raise self.scanner.refuse()
        return block

    @contextmanager
    def _inside(self, path: str) -> Iterator[None]:
        """Have another current menu meanwhile."""
        outside, self._path = self._path, path
        try:
            yield
        finally:
            self._path = outside

    def block(self, closing: str) -> Block:
        """Read statements and the bracket that closes them."""
        with self.nested(), self._inside(self._path):
            found = self._statements()
            self.scanner.expect(closing)
            return found

    def code(self) -> Code:
        """Read ``{ … }`` as statements, and keep their text."""
        self.scanner.expect("{")
        start = self.scanner.at
        block = self.block("}")
        return Code(self.scanner.source[start : self.scanner.at - 1], block)

    def _statements(self) -> Block:
        """Read statements up to a closing bracket or the end."""
        found: list[Statement] = []
        while True:
            self.scanner.skip_between()
            if self.scanner.next in {"", "}", "]", ")"}:
                return Block(tuple(found))
            statement = self._statement()
            if statement is not None:
                found.append(statement)
            self.scanner.skip_blanks()
            if not self.scanner.looking_at(ENDS):
                raise self.scanner.refuse("expected end of command")

    def _statement(self) -> Statement | None:
        """Read one statement; None for a menu that becomes the current one."""
        first = self.scanner.next
        if first == "{":
            return self.code().block
        if first in "$[(":
            function = self.primary()
            return Call(function, self._arguments("")[0])
        if self.scanner.take_char(":"):
            return self._after_colon()
        if self.scanner.take_char("/"):
            return self._menu("")
        place, start = self.scanner.place(), self.scanner.at
        name = self.scanner.take(NAME)
        if name and name in CONTROL:
            return self._builtin(name, place)
        self.scanner.at = start
        return self._menu(self._path)

    def _after_colon(self) -> Statement | None:
        place, start = self.scanner.place(), self.scanner.at
        name = self.scanner.take(NAME)
        if name and name in LANGUAGE:
            return self._builtin(name, place)
        self.scanner.at = start
        return self._menu("")

    def _builtin(self, name: str, place: Place) -> Builtin:
        arguments = self._arguments(name)[0]
        values, names = LANGUAGE[name]
        for argument in arguments:
            values -= argument.name is None
            if values < 0 or not (argument.name is None or argument.name in names):
                raise argument.place.trap("expected end of command")
        return Builtin(name, arguments, place)

    def _menu(self, path: str) -> Command | None:
        """Read a path and, unless it stands alone, the command in it."""
        while True:
            self.scanner.skip_blanks()
            place = self.scanner.place()
            word = self.scanner.take(NAME)
            if word is None:
                if not self.scanner.looking_at(ENDS):
                    raise self.scanner.refuse("expected command name")
                self._path = path
                return None
            if not self._is_menu(f"{path}/{word}"):
                return self._command(path, word, place)
            path = f"{path}/{word}"
            self.scanner.take_char("/")

    def _command(self, path: str, name: str, place: Place) -> Command:
        with self._inside(path):
            arguments, where = self._arguments(name, filtered=name in FILTERED)
        return Command(path, name, arguments, where, place)

    def _arguments(self, command: str, *, filtered: bool = False) -> tuple[tuple[Argument, ...], Expression | None]:
        found: list[Argument] = []
        while True:
            self.scanner.skip_blanks()
            if self.scanner.looking_at(ENDS):
                return tuple(found), None
            if filtered and (self.scanner.take(WHERE) or command == "find"):
                return tuple(found), self._where()
            found.append(self._argument(command))
            if not self.scanner.looking_at(BLANK_OR_END):
                raise self.scanner.refuse()

    def _where(self) -> Expression | None:
        """Read the conditions up to the command's end; side by side they must all be true."""
        self.scanner.skip_blanks()
        return None if self.scanner.looking_at(ENDS) else self.conditions(ENDS)

    def _argument(self, command: str) -> Argument:
        place = self.scanner.place()
        negated = self.scanner.take(NEGATED)
        if negated:
            return Argument(negated, None, place)
        name = self.scanner.take(NAMED)
        if name:
            return Argument(name[:-1], self._value(is_code=_takes_block(command, name[:-1])), place)
        return Argument(None, self._value(is_code=command in TAKE_BLOCKS), place)

    def _value(self, *, is_code: bool) -> Expression:
        if self.scanner.next == "{" and is_code:
            return self.code()
        if self.scanner.next and self.scanner.next in '"$[({':
            return self.primary()
        if self.scanner.looking_at(BLANK_OR_END):
            return Text("")
        word = self.scanner.take(BARE)
        if word is None:
            raise self.scanner.refuse()
        return Word(word)


def _takes_block(command: str, name: str) -> bool:
    return name in BLOCKS or name.endswith("-script") or (command, name) == ("onerror", "in")
