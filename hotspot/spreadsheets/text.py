"""CSV as spreadsheets write it: UTF-8, with commas, semicolons or tabs. Pure."""

import csv
import io
from collections.abc import Iterator

from hotspot.spreadsheets.limits import (
    LARGEST_FILE,
    MOST_ROWS,
    Line,
    UnusableFile,
    refuse_larger,
    refuse_more_rows_than,
)

SEPARATORS = ",;\t"  # a spreadsheet in Indonesian writes ; because the comma is the decimal sign


def lines_of_csv(content: bytes) -> Iterator[Line]:
    """Read the rows, the header among them; empty rows are left out.

    Raises:
        UnusableFile: too large, too many rows, not UTF-8, or quotes that don't end.
    """
    refuse_larger(content, LARGEST_FILE)
    lines = csv.reader(io.StringIO(decoded(content), newline=""), delimiter=_separator(content), strict=True)
    try:
        for number, cells in enumerate(lines, start=1):
            refuse_more_rows_than(MOST_ROWS + 1, number)  # and the header
            if any(cell.strip() for cell in cells):
                yield Line(number, cells)
    except csv.Error as error:
        raise UnusableFile(problem=f"line {lines.line_num}: {error}") from error


def decoded(content: bytes) -> str:
    """Return UTF-8 as text, without its byte order mark."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise UnusableFile(problem="it looks like UTF-16 or is no text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile(problem=f"it is not UTF-8 (octet {error.start + 1}); save it as UTF-8") from error


def _separator(content: bytes) -> str:
    header = content.lstrip().partition(b"\n")[0]
    return max(SEPARATORS, key=lambda separator: header.count(separator.encode()))
