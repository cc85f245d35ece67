"""Opening a file that somebody names: how it is read follows from how its name ends."""

from collections.abc import Iterator
from pathlib import Path

from hotspot.spreadsheets.limits import LARGEST_FILE, Line, UnusableFile
from hotspot.spreadsheets.text import lines_of_csv
from hotspot.spreadsheets.workbook import lines_of_xlsx

READERS = {".csv": lines_of_csv, ".xlsx": lines_of_xlsx}


def content_of(path: Path, limit: int) -> bytes:
    """Return what the file holds; of a larger one only so much that it can be refused.

    Raises:
        UnusableFile: it can't be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise UnusableFile(problem=f"{path}: {error.strerror}") from error


def lines_of(path: Path) -> Iterator[Line]:
    """Read the rows of a .csv or .xlsx file, of a workbook its first sheet; empty rows are left out.

    Raises:
        UnusableFile: it is neither, too large, or damaged; also while the rows are read.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UnusableFile(problem=f"{path.name} is neither a .csv nor an .xlsx file; save it as one of them")
    return reader(content_of(path, LARGEST_FILE))
