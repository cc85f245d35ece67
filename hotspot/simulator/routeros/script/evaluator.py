"""Walks a script's tree: scopes, conditions, loops, functions, and what `Bounds` allow."""

from collections.abc import Callable, Mapping
from typing import Final

from hotspot.simulator.routeros.script import functions
from hotspot.simulator.routeros.script.console import Answer, Console, argument_text
from hotspot.simulator.routeros.script.operators import apply, apply_unary, work
from hotspot.simulator.routeros.script.parser import parse
from hotspot.simulator.routeros.script.scopes import READING, Bounds, Exhausted, Rebooted, Scope
from hotspot.simulator.routeros.script.syntax import (
    ArrayOf,
    Attribute,
    Binary,
    Block,
    Builtin,
    Call,
    Code,
    Command,
    Expression,
    Statement,
    Substitution,
    Template,
    Text,
    Unary,
    Variable,
    Word,
)
from hotspot.simulator.routeros.script.values import (
    Array,
    Empty,
    Value,
    is_true,
    joined,
    literal,
    read,
    size_of,
    to_bool,
    to_number,
    to_text,
)
from hotspot.simulator.routeros.traps import SCRIPTING, Trap, missing_values

LONGEST_OUTPUT: Final = 1 << 20
COMMAND: Final = 2 << 10  # how much work a menu's command is, in letters
JOINS: Final = {"and": False, "&&": False, "or": True, "||": True}
"""The operators that stop at the first value which decides, and that value."""


class Returned(Exception):
    """``:return`` on its way out."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Run:
    """One script at work."""

    def __init__(self, console: Console, shared: dict[str, Value], bounds: Bounds) -> None:
        self._console = console
        self._shared = shared
        self._bounds = bounds
        self._row: Mapping[str, str] | None = None
        self._printed: list[str] = []
        self._size = 0

    @property
    def printed(self) -> str:
        return "".join(self._printed)

    def script(self, block: Block) -> None:
        """Run a whole script; Trap for the statement that fails, what was done before stays."""
        try:
            self._block(block, None)
        except (Returned, Rebooted):
            return

    def _say(self, text: str) -> None:
        self._size += len(text)
        if self._size > LONGEST_OUTPUT:
            raise Exhausted("script prints too much", SCRIPTING)
        self._printed.append(text)

    # Statements

    def _block(self, block: Block, parent: Scope | None, names: Mapping[str, Value] | None = None) -> Value:
        """Run statements in a scope of their own; the value is the last one's."""
        scope = Scope(parent, dict(names or {}))
        value: Value = Empty.NOTHING
        with self._bounds.deeper():
            for statement in block.statements:
                value = self._statement(statement, scope)
        return value

    def _statement(self, statement: Statement, scope: Scope) -> Value:
        self._bounds.step()
        if isinstance(statement, Block):
            return self._block(statement, scope)
        if isinstance(statement, Builtin):
            return self._builtin(statement, scope)
        if isinstance(statement, Call):
            return self._call(statement, scope)
        answer = self._command(statement, scope)
        self._say(answer.printed)
        return answer.value

    def _command(self, command: Command, scope: Scope) -> Answer:
        given = [(each, self._text(each.value, scope) if each.value else "") for each in command.arguments]

        def matches(row: Mapping[str, str]) -> bool:
            self._bounds.step()
            outside, self._row = self._row, row
            try:
                return command.where is None or self._is_true(command.where, scope)
            finally:
                self._row = outside

        self._bounds.step(COMMAND)
        return self._console.carry_out(command, given, matches)

    def _text(self, expression: Expression, scope: Scope) -> str:
        """A value as a command takes it: a bare word is just that text."""
        return expression.text if isinstance(expression, Word) else argument_text(self._value(expression, scope))

    def _call(self, call: Call, scope: Scope) -> Value:
        function = self._value(call.function, scope)
        if not isinstance(function, Code):
            return function
        plain = [self._value(each.value, scope) for each in call.arguments if each.value and each.name is None]
        names: dict[str, Value] = {str(number): value for number, value in enumerate(plain, 1)}
        names |= {each.name: self._value(each.value, scope) for each in call.arguments if each.name and each.value}
        try:
            return self._block(function.block, None, names)
        except Returned as returned:
            return returned.value

    # The language's own commands

    def _builtin(self, builtin: Builtin, scope: Scope) -> Value:
        if builtin.name in functions.FUNCTIONS:
            plain = [self._value(each.value, scope) for each in builtin.arguments if each.value and each.name is None]
            named = {
                each.name: self._value(each.value, scope) for each in builtin.arguments if each.value and each.name
            }
            return functions.call(builtin.name, plain, named)
        commands: Mapping[str, Callable[[Builtin, Scope], Value | None]] = {
            "if": self._if,
            "foreach": self._foreach,
            "for": self._for,
            "while": self._while,
            "do": self._do,
            "onerror": self._onerror,
            "local": self._local,
            "global": self._global,
            "set": self._set,
            "put": self._put,
            "error": self._error,
            "return": self._return,
            "parse": self._parse,
            "delay": lambda _builtin, _scope: None,
        }
        value = commands[builtin.name](builtin, scope)
        return Empty.NOTHING if value is None else value

    def _if(self, builtin: Builtin, scope: Scope) -> Value:
        condition = is_true(self._value(_plain(builtin, 0, "condition"), scope))
        return self._body(builtin, "do" if condition else "else", scope)

    def _body(self, builtin: Builtin, name: str, scope: Scope) -> Value:
        expression = _named(builtin, name)
        code = self._value(expression, scope) if expression else None
        return self._block(code.block, scope) if isinstance(code, Code) else Empty.NOTHING

    def _foreach(self, builtin: Builtin, scope: Scope) -> None:
        names = _variable(builtin).split(",")
        array = self._value(_named(builtin, "in") or _missing("in"), scope)
        entries = array.entries if isinstance(array, Array) else {} if isinstance(array, Empty) else {0: array}
        for key, value in entries.items():
            self._bounds.step()
            inner = Scope(scope, dict(zip(names, (key, value) if len(names) == 2 else (value,), strict=False)))
            self._body(builtin, "do", inner)

    def _for(self, builtin: Builtin, scope: Scope) -> None:
        name = _variable(builtin)
        start, end = self._number(builtin, "from", scope), self._number(builtin, "to", scope)
        usual = 1 if start <= end else -1
        step = self._number(builtin, "step", scope) if _named(builtin, "step") else usual
        for number in range(start, end + (1 if step > 0 else -1), step or usual):
            self._bounds.step()
            self._body(builtin, "do", Scope(scope, {name: number}))

    def _number(self, builtin: Builtin, name: str, scope: Scope) -> int:
        number = to_number(self._value(_named(builtin, name) or _missing(name), scope))
        if number is None:
            raise Trap(f"invalid value for argument {name}", SCRIPTING)
        return number

    def _while(self, builtin: Builtin, scope: Scope) -> None:
        while is_true(self._value(_plain(builtin, 0, "condition"), scope)):
            self._bounds.step()
            self._body(builtin, "do", scope)

    def _do(self, builtin: Builtin, scope: Scope) -> Value:
        """Run a block, again ``while=`` something holds; ``on-error=`` runs when a statement of it fails."""
        code = self._value(_plain(builtin, 0, "command"), scope)
        if not isinstance(code, Code):
            raise builtin.place.trap("syntax error")
        try:
            value = self._block(code.block, scope)
            condition = _named(builtin, "while")
            while condition and is_true(self._value(condition, scope)):
                self._bounds.step()
                value = self._block(code.block, scope)
            return value
        except Exhausted:
            raise
        except Trap:
            if _named(builtin, "on-error") is None:
                raise
            return self._body(builtin, "on-error", scope)

    def _onerror(self, builtin: Builtin, scope: Scope) -> Value:
        """Run a block; when a statement of it fails, run another with what was said in a variable."""
        try:
            return self._body(builtin, "in", scope)
        except Exhausted:
            raise
        except Trap as trap:
            return self._body(builtin, "do", Scope(scope, {_variable(builtin): trap.text}))

    def _local(self, builtin: Builtin, scope: Scope) -> None:
        value = self._assigned(builtin, scope)
        name = _variable(builtin)
        scope.shared.discard(name)
        scope.own[name] = Empty.NOTHING if value is None else value

    def _global(self, builtin: Builtin, scope: Scope) -> None:
        value = self._assigned(builtin, scope)
        name = _variable(builtin)
        scope.shared.add(name)
        if value is not None:
            self._shared[name] = value

    def _assigned(self, builtin: Builtin, scope: Scope) -> Value | None:
        """What a variable is to be: the second value, or a function's code."""
        expression = _named(builtin, "do") or next(iter(_plains(builtin)[1:2]), None)
        return self._value(expression, scope) if expression else None

    def _set(self, builtin: Builtin, scope: Scope) -> None:
        value = self._assigned(builtin, scope)
        target = _plain(builtin, 0, "name")
        self._assign(target, Empty.NOTHING if value is None else value, builtin, scope)

    def _assign(self, target: Expression, value: Value, builtin: Builtin, scope: Scope) -> None:
        """Give a variable a value, or an element of an array: arrays are values, so the variable gets a new one."""
        while isinstance(target, Binary) and target.operator == "->":
            array, key = self._value(target.left, scope), self._value(target.right, scope)
            entries = dict(array.entries) if isinstance(array, Array) else {}
            entries[key if isinstance(key, int) else to_text(key)] = value
            target, value = target.left, Array(entries)
        if not isinstance(target, Word | Text | Variable):
            raise builtin.place.trap("syntax error")
        name = target.name if isinstance(target, Variable) else target.text
        home = scope.home(name, self._shared)
        if home is None:
            raise builtin.place.trap("syntax error")  # nothing of that name was declared
        home[name] = value

    def _put(self, builtin: Builtin, scope: Scope) -> None:
        self._say(f"{to_text(self._value(_plain(builtin, 0, 'message'), scope))}\n")

    def _error(self, builtin: Builtin, scope: Scope) -> None:
        raise Trap(to_text(self._value(_plain(builtin, 0, "message"), scope)), SCRIPTING)

    def _return(self, builtin: Builtin, scope: Scope) -> None:
        raise Returned(next((self._value(each, scope) for each in _plains(builtin)), Empty.NOTHING))

    def _parse(self, builtin: Builtin, scope: Scope) -> Value:
        source = to_text(self._value(_plain(builtin, 0, "value"), scope))
        self._bounds.step(READING * len(source))
        return Code(source, parse(source, self._console.is_menu))

    # Expressions

    def _value(self, expression: Expression, scope: Scope) -> Value:
        if isinstance(expression, Text):
            return expression.text
        if isinstance(expression, Word):
            return literal(expression.text)
        if isinstance(expression, Variable):
            value = (scope.home(expression.name, self._shared) or {}).get(expression.name, Empty.NOTHING)
            self._bounds.step(size_of(value))
            return value
        if isinstance(expression, Binary):
            return self._binary(expression, scope)
        return self._rarer(expression, scope)

    def _rarer(self, expression: Attribute | Code | Template | Substitution | Unary | ArrayOf, scope: Scope) -> Value:
        if isinstance(expression, Attribute):
            return read((self._row or {}).get(expression.name, "")) if self._row is not None else expression.name
        if isinstance(expression, Template):
            return self._template(expression, scope)
        if isinstance(expression, Substitution):
            return self._substitution(expression.block, scope)
        if isinstance(expression, Unary):
            if expression.operator == "!":
                return not self._is_true(expression.operand, scope)
            return apply_unary(expression.operator, self._value(expression.operand, scope))
        return self._array(expression, scope) if isinstance(expression, ArrayOf) else expression

    def _template(self, template: Template, scope: Scope) -> str:
        text = ""
        for part in template.parts:
            text = joined(text, to_text(self._value(part, scope)))
        return text

    def _substitution(self, block: Block, scope: Scope) -> Value:
        """The value of what is between brackets; a command that stands there alone prints nothing."""
        outside, self._row = self._row, None
        try:
            if len(block.statements) == 1 and isinstance(block.statements[0], Command):
                self._bounds.step()
                with self._bounds.deeper():
                    return self._command(block.statements[0], scope).value
            return self._block(block, scope)
        finally:
            self._row = outside

    def _array(self, array: ArrayOf, scope: Scope) -> Array:
        entries: dict[int | str, Value] = {}
        counted = 0
        for key, value in array.entries:
            name: int | str = counted if key is None else to_text(self._value(key, scope))
            counted += key is None
            entries[name] = self._value(value, scope)
        return Array(entries)

    def _binary(self, expression: Binary, scope: Scope) -> Value:
        """Reckon from left to right; chains are as long as a script likes, so not by recursion."""
        chain = [expression]
        while isinstance(chain[-1].left, Binary):
            chain.append(chain[-1].left)
        value = self._value(chain[-1].left, scope)
        first: Expression | None = chain[-1].left
        for link in reversed(chain):
            self._bounds.step(work(link.operator, value))
            decides = JOINS.get(link.operator)
            if decides is None:
                value = apply(link.operator, value, self._value(link.right, scope))
            elif self._says(value, first) is not decides:
                value = self._is_true(link.right, scope)
            else:
                value = decides
            first = None
        return value

    def _is_true(self, expression: Expression, scope: Scope) -> bool:
        return self._says(self._value(expression, scope), expression)

    def _says(self, value: Value, expression: Expression | None) -> bool:
        """A condition's truth; an attribute after ``where`` that is no truth itself says whether the row has it."""
        if isinstance(expression, Attribute) and to_bool(value) is None:
            return to_text(value) != ""
        return is_true(value)


def _plains(builtin: Builtin) -> list[Expression]:
    return [each.value for each in builtin.arguments if each.name is None and each.value is not None]


def _plain(builtin: Builtin, number: int, name: str) -> Expression:
    values = _plains(builtin)
    return values[number] if len(values) > number else _missing(name)


def _named(builtin: Builtin, name: str) -> Expression | None:
    return next((each.value for each in builtin.arguments if each.name == name), None)


def _variable(builtin: Builtin) -> str:
    first = _plain(builtin, 0, "name")
    if isinstance(first, Word | Text):
        return first.text
    raise builtin.place.trap("syntax error")


def _missing(name: str) -> Expression:
    raise missing_values([name])
