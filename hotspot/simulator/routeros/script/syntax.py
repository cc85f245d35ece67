"""The tree of a script. Pure."""

from dataclasses import dataclass

from hotspot.simulator.routeros.traps import SCRIPTING, Trap


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the source something stands; both count from 1."""

    line: int
    column: int

    def trap(self, message: str) -> Trap:
        """The refusal of what stands here, as the console words it."""
        return Trap(f"{message} (line {self.line} column {self.column})", SCRIPTING)


@dataclass(frozen=True, slots=True)
class Text:
    """A string between quotes in which nothing is substituted."""

    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: text for a menu's command, maybe a number or a truth value for the language."""

    text: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name in ``find where``: the row's attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A string between quotes with ``$name``, ``$(…)`` or ``$[…]`` in it."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Substitution:
    """``[ … ]``: the value of the last statement."""

    block: "Block"


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """``{ 1; "a"=2 }``: pairs of key and value, the key None for what is only counted."""

    entries: tuple[tuple["Expression | None", "Expression"], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """``{ … }`` where statements are expected; also the value of ``:parse``."""

    source: str
    block: "Block"


Expression = Text | Word | Attribute | Variable | Template | Substitution | Unary | Binary | ArrayOf | Code


@dataclass(frozen=True, slots=True)
class Argument:
    """``name=value``, a value alone (no name), or ``!name`` (no value)."""

    name: str | None
    value: Expression | None
    place: Place


@dataclass(frozen=True, slots=True)
class Command:
    """A menu's command."""

    path: str
    name: str
    arguments: tuple[Argument, ...]
    where: Expression | None
    place: Place


@dataclass(frozen=True, slots=True)
class Builtin:
    """A command of the language itself: ``:put``, ``:if``."""

    name: str
    arguments: tuple[Argument, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments, or an expression that stands alone."""

    function: Expression
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Statements with a scope of their own."""

    statements: tuple["Statement", ...]


Statement = Command | Builtin | Call | Block
