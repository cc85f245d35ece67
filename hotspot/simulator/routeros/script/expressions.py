"""Expressions: what stands in ``( )``, in arrays, in strings and after ``where``. Pure."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hotspot.simulator.routeros.script.scanner import Scanner, text_of
from hotspot.simulator.routeros.script.syntax import (
    ArrayOf,
    Attribute,
    Binary,
    Block,
    Expression,
    Substitution,
    Template,
    Text,
    Unary,
    Variable,
    Word,
)

DEEPEST: Final = 32  # brackets within brackets
OPERATOR: Final = re.compile(r"->|<=|>=|!=|<<|>>|&&|\|\||[-+*/%.=<>~&|^,]|(?:and|or|in)(?![A-Za-z0-9_-])")
COMPARISONS: Final = frozenset({"=", "!=", "<", ">", "<=", ">=", "~"})
STRENGTH: Final = {
    **dict.fromkeys((",",), 1),
    **dict.fromkeys(("or", "||"), 2),
    **dict.fromkeys(("and", "&&"), 3),
    **dict.fromkeys((*COMPARISONS, "in"), 4),
    ".": 5,
    **dict.fromkeys(("|", "^"), 6),
    "&": 7,
    **dict.fromkeys(("<<", ">>"), 8),
    **dict.fromkeys(("+", "-"), 9),
    **dict.fromkeys(("*", "/", "%"), 10),
    "->": 11,
}
TRUTHS: Final = frozenset({"true", "yes", "false", "no"})
VARIABLE: Final = re.compile(r"[A-Za-z0-9_]+")
NOT: Final = re.compile(r"!(?!=)|not(?![A-Za-z0-9_-])|~|-")
ADDRESS: Final = r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?"
SPAN: Final = r"\d+(?::\d\d){1,2}|(?:\d+[wdhms])+(?:\d+(?::\d\d){1,2})?"
OPERAND: Final = re.compile(rf"{ADDRESS}|{SPAN}|0x[0-9A-Fa-f]+|\d+|\*[0-9A-Fa-f]+|[A-Za-z_][A-Za-z0-9_]*")
IN_ARRAY: Final = re.compile(r"[^\s;\"'{}()\[\]$\\?=]+")
COMPARED: Final = re.compile(r"[^\s;\"'{}()\[\]$\\?]+")
ATTRIBUTE: Final = re.compile(r"[A-Za-z.][A-Za-z0-9.-]*")


class Expressions(ABC):
    """The half of the parser that reads values."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self._depth = 0
        self._is_where = False

    @abstractmethod
    def block(self, closing: str) -> Block:
        """Read statements and the bracket that closes them."""

    @contextmanager
    def nested(self, *, is_where: bool = False) -> Iterator[None]:
        """Go one bracket deeper, but not for ever."""
        outside = self._is_where
        self._depth, self._is_where = self._depth + 1, is_where
        if self._depth > DEEPEST:
            raise self.scanner.refuse("nested too deeply")
        try:
            yield
        finally:
            self._depth, self._is_where = self._depth - 1, outside

    def conditions(self, ends: re.Pattern[str]) -> Expression:
        """Read what follows ``where`` up to the command's end; conditions side by side must all be true."""
        with self.nested(is_where=True):
            found = self._expression(0)
            while not self.scanner.looking_at(ends):
                found = Binary("and", found, self._expression(0))
            return found

    def primary(self) -> Expression:
        """Read one value that begins with a sign: a string, a variable, something in brackets."""
        sign = self.scanner.next
        if sign == '"':
            return self._string()
        if sign == "{":
            return self._array()
        self.scanner.at += 1
        if sign == "[":
            return Substitution(self.block("]"))
        if sign == "(":
            return self._bracketed()
        return Variable(self._variable_name())

    def _variable_name(self) -> str:
        if self.scanner.next == '"':
            name = self._string()
            if isinstance(name, Text) and name.text:
                return name.text
            raise self.scanner.refuse()
        found = self.scanner.take(VARIABLE)
        if found is None:
            raise self.scanner.refuse()
        return found

    def _bracketed(self) -> Expression:
        with self.nested(is_where=self._is_where):
            self.scanner.skip_space()
            found = self._expression(0)
            self.scanner.expect(")")
            return found

    def _expression(self, least: int) -> Expression:
        """Read operands and the operators between them that bind at least so strongly; equal ones from left to right."""
        left = self._operand()
        while True:
            self._skip()
            start = self.scanner.at
            operator = self.scanner.take(OPERATOR)
            if operator is None or STRENGTH[operator] < least:
                self.scanner.at = start
                return left
            self._skip()
            if self._is_where and operator in COMPARISONS and self.scanner.looking_at(COMPARED):
                right = self._compared()
            else:
                right = self._expression(STRENGTH[operator] + 1)
            left = Binary(operator, left, right)

    def _compared(self) -> Expression:
        """Read a bare word to compare an attribute with: text as it stands, or a truth."""
        word = self.scanner.take(COMPARED) or ""
        return Word(word) if word in TRUTHS else Text(word)

    def _skip(self) -> None:
        if self._is_where:
            self.scanner.skip_blanks()
        else:
            self.scanner.skip_space()

    def _operand(self) -> Expression:
        sign = self.scanner.take(NOT)
        if sign:
            with self.nested(is_where=self._is_where):
                self._skip()
                return Unary("!" if sign == "not" else sign, self._operand())
        if self.scanner.next and self.scanner.next in '"$[({':
            return self.primary()
        if self._is_where:
            name = self.scanner.take(ATTRIBUTE)
            if name:
                return Attribute(name)
        found = self.scanner.take(OPERAND)
        if found is None:
            raise self.scanner.refuse()
        return Word(found)

    def _array(self) -> ArrayOf:
        self.scanner.expect("{")
        entries: list[tuple[Expression | None, Expression]] = []
        with self.nested():
            while True:
                self.scanner.skip_between()
                if self.scanner.take_char("}"):
                    return ArrayOf(tuple(entries))
                first = self._element()
                entries.append((first, self._element()) if self.scanner.take_char("=") else (None, first))
                self.scanner.skip_space()
                if self.scanner.next not in {";", "}"}:
                    raise self.scanner.refuse()

    def _element(self) -> Expression:
        if self.scanner.next and self.scanner.next in '"$[({':
            return self.primary()
        word = self.scanner.take(IN_ARRAY)
        if word is None:
            raise self.scanner.refuse()
        return Word(word)

    def _string(self) -> Expression:
        self.scanner.expect('"')
        parts: list[Expression] = []
        while not self.scanner.take_char('"'):
            if not self.scanner.next:
                raise self.scanner.refuse()
            parts.append(self._substituted() if self.scanner.take_char("$") else Text(text_of(self.scanner.plain())))
        if not parts:
            return Text("")
        return parts[0] if len(parts) == 1 and isinstance(parts[0], Text) else Template(tuple(parts))

    def _substituted(self) -> Expression:
        """Read what follows ``$`` in a string; before anything else than a name or a bracket it is only a sign."""
        if self.scanner.next and self.scanner.next in "[(":
            return self.primary()
        name = self.scanner.take(VARIABLE)
        return Variable(name) if name else Text("$")
