"""How much of a stranger's file is read, and the error for what is too much or no table at all. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from hotspot.errors import Invalid

LARGEST_FILE = 5 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 100
LONGEST_CELL = 1024


class UnusableFile(Invalid):
    """The file can't be read: {problem}"""


class Line(NamedTuple):
    """The cells of one row. `number` counts as the spreadsheet does: the first row is 1, empty ones count too."""

    number: int
    cells: list[str]


def refuse_larger(content: bytes, limit: int) -> None:
    if len(content) > limit:
        raise UnusableFile(problem=f"it is larger than {limit // 1024**2} MiB")


def refuse_more_rows_than(limit: int, count: int) -> None:
    if count > limit:
        raise UnusableFile(problem=f"it has more than {MOST_ROWS:,} rows")


def flaw_in(columns: Sequence[str], cells: Sequence[str]) -> str | None:
    """Return what is wrong with the cells as a whole: not one for each column, or one that is too long."""
    if len(cells) != len(columns):
        return f"has {len(cells)} cells, the header {len(columns)}"
    for column, cell in zip(columns, cells, strict=True):
        if len(cell.encode()) > LONGEST_CELL:
            return f"{column} is longer than {LONGEST_CELL:,} octets"
    return None
