"""SQL statements as PostgreSQL prepares them, and their execution as values: what a pipeline sends. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Prepared(NamedTuple):
    """A statement as PostgreSQL prepares it, and the names of its values in the order of their numbers."""

    sql: bytes
    names: tuple[str, ...]

    def step(self, name: str, values: Mapping[str, str]) -> "Step":
        """Execute it, under the name it is prepared as, with values in text form."""
        return Step(name, [values[value].encode() for value in self.names])


class Step(NamedTuple):
    """One prepared statement with its values; those of a batch are one transaction."""

    statement: str
    values: Sequence[bytes]


def prepared(sql: str) -> Prepared:
    """Number the named values of a statement: the same name is the same number."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return Prepared(re.sub(r"%\((\w+)\)s", number, sql).encode(), tuple(names))
