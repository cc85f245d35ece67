"""The first sheet of an XLSX workbook (ECMA-376 Part 1 §18), read with bounds on everything. Pure.

A library that builds workbooks as objects can be made to build hundreds of megabytes from a file of ten kilobytes: a row of a million
cells, a million styles. Here a cell is text or nothing: the parser's events pass by, styles are never looked at, rows are handed on one
at a time. A document type, without which XML has no entities to blow up, is refused.
"""

import io
import math
import posixpath
import zlib
from collections.abc import Iterator
from xml.parsers.expat import ExpatError, ParserCreate
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from hotspot.spreadsheets.limits import (
    LARGEST_FILE,
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Line,
    UnusableFile,
    refuse_larger,
    refuse_more_rows_than,
)

LARGEST_UNZIPPED = 50 * 1024 * 1024
LARGEST_RATIO = 100  # of a part; real sheets are packed about 10 to 1
SMALLEST_BOMB = 1024 * 1024  # an empty sheet may be packed well without harm
MOST_PARTS = 1000
WIDEST_ROW = 16_384  # cells, also empty ones; Excel has no more
MOST_STRINGS = 400_000  # 20 different texts in each of the 20,000 rows
MOST_ELEMENTS = 1_000_000  # twice what 20,000 rows of a dozen cells have; seconds of work
DEEPEST = 100  # a sheet's texts lie 7 deep
LONGEST_TOKEN = 256 * 1024  # the parser holds a tag or comment in memory until it ends
CHUNK = 64 * 1024
DIRECTORY_ENTRY = b"PK\x01\x02"
WORKBOOK, RELATIONS, STRINGS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"


def lines_of_xlsx(content: bytes) -> Iterator[Line]:
    """Read the rows of the first sheet as text, each at least as long as the first; empty rows are left out.

    Raises:
        UnusableFile: too large, packed too tightly, too many rows or columns, or no workbook.
    """
    refuse_larger(content, LARGEST_FILE)
    if content.count(DIRECTORY_ENTRY) > MOST_PARTS:
        raise UnusableFile(problem=f"it has more than {MOST_PARTS:,} parts")
    try:
        with ZipFile(io.BytesIO(content)) as file:
            _refuse_bomb(file.infolist())
            archive = _Archive(file)
            yield from _lines(archive, _first_sheet(archive), _strings(archive))
    except (
        BadZipFile,
        ExpatError,
        EOFError,
        zlib.error,
        LookupError,
        ValueError,
        OSError,
        NotImplementedError,
    ) as error:
        raise UnusableFile(problem=f"it is no .xlsx workbook or is damaged ({str(error)[:100]})") from error


def _refuse_bomb(parts: list[ZipInfo]) -> None:
    """Sizes are those the archive claims; reading stops there, so that a lie only damages the part."""
    if sum(part.file_size for part in parts) > LARGEST_UNZIPPED:
        raise UnusableFile(problem=f"it unpacks to more than {LARGEST_UNZIPPED // 1024**2} MiB")
    for part in parts:
        if part.file_size > SMALLEST_BOMB and part.file_size > LARGEST_RATIO * part.compress_size:
            raise UnusableFile(problem=f"it is packed more than {LARGEST_RATIO} to 1")
        if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED} or part.flag_bits & 1:
            raise UnusableFile(problem="it is protected by a password or packed in an unknown way")


# --- the parts that are read -----------------------------------------------------------------------------------------------


class _Part:
    """What one part's elements are turned into; tags come without the namespace's prefix, which is each writer's own."""

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def text(self, text: str) -> None: ...


class _Archive:
    """An open workbook. What its parts have in common is what they may cost."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self.parts = {part.filename for part in archive.infolist()}
        self._elements = 0
        self._depth = 0

    def feed(self, name: str, part: _Part) -> Iterator[None]:
        """Let the part hear its elements bit by bit, yielding after each bit."""
        parser = ParserCreate()
        parser.buffer_text = True

        def start(tag: str, attributes: dict[str, str]) -> None:
            self._open_element()
            part.start(_local(tag), attributes)

        def end(tag: str) -> None:
            self._depth -= 1
            part.end(_local(tag))

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = part.text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        with self._archive.open(name) as file:
            fed = 0
            while chunk := file.read(CHUNK):
                parser.Parse(chunk, False)  # noqa: FBT003  (positional only)
                yield
                fed += len(chunk)
                if fed - parser.CurrentByteIndex > LONGEST_TOKEN:
                    raise UnusableFile(problem=f"{name} has an endless tag")
        parser.Parse(b"", True)  # noqa: FBT003
        yield

    def read(self, name: str, part: _Part) -> None:
        """Let the part hear all of its elements."""
        for _ in self.feed(name, part):
            pass

    def _open_element(self) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > MOST_ELEMENTS:
            raise UnusableFile(problem=f"it has more than {MOST_ELEMENTS:,} elements; leave only the table in it")
        if self._depth > DEEPEST:
            raise UnusableFile(problem="its elements lie too deep in each other")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_doctype(*_declared: object) -> None:
    raise UnusableFile(problem="it declares a document type, which no spreadsheet does")


class _Named(_Part):
    """The attributes of all elements of one name."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self.found: list[dict[str, str]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == self._tag and len(self.found) < MOST_PARTS:
            self.found.append({_local(name): value for name, value in attributes.items()})


def _attributes(archive: _Archive, name: str, tag: str) -> list[dict[str, str]]:
    part = _Named(tag)
    archive.read(name, part)
    return part.found


def _first_sheet(archive: _Archive) -> str:
    """Return the name of the part that holds the sheet which people see first (ECMA-376 Part 1 §18.2.20)."""
    wanted = _attributes(archive, WORKBOOK, "sheet")[0]["id"]
    targets = {relation["Id"]: relation["Target"] for relation in _attributes(archive, RELATIONS, "Relationship")}
    return posixpath.normpath(posixpath.join("/xl", targets[wanted])).lstrip("/")


class _Strings(_Part):
    """The texts that cells share (§18.4.9); how to pronounce them (rPh) is left out."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._text = _Text()
        self._is_reading = False
        self._is_sound = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002  (of every part)
        self._is_sound = self._is_sound or tag == "rPh"
        self._is_reading = tag == "t" and not self._is_sound

    def text(self, text: str) -> None:
        if self._is_reading:
            self._text.add(text)

    def end(self, tag: str) -> None:
        self._is_reading = False
        if tag == "rPh":
            self._is_sound = False
        if tag == "si":
            self.found.append(self._text.taken())
            if len(self.found) > MOST_STRINGS:
                raise UnusableFile(problem=f"it has more than {MOST_STRINGS:,} different texts")


def _strings(archive: _Archive) -> list[str]:
    part = _Strings()
    if STRINGS in archive.parts:
        archive.read(STRINGS, part)
    return part.found


class _Text:
    """Text that comes in pieces; of too long a text only so much is kept that it is seen to be too long."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._room = LONGEST_CELL + 1

    def add(self, piece: str) -> None:
        if self._room > 0:
            self._pieces.append(piece[: self._room])
            self._room -= len(piece)

    def taken(self) -> str:
        """Return the text and begin the next."""
        text = "".join(self._pieces)
        self._pieces.clear()
        self._room = LONGEST_CELL + 1
        return text


# --- the sheet -----------------------------------------------------------------------------------------------------------


class _Sheet(_Part):
    """Rows (§18.3.1.73) and cells (§18.3.1.4). Both may leave out where they stand: then it is behind the one before."""

    def __init__(self, strings: list[str]) -> None:
        self.lines: list[Line] = []
        self._strings = strings
        self._number = 0
        self._column = -1
        self._count = 0
        self._width = 0
        self._kind = "n"
        self._cells: dict[int, str] = {}
        self._text = _Text()
        self._is_reading = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._is_reading = tag in {"v", "t"}
        if tag == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._column = -1
            self._count = 0
            self._cells = {}
        elif tag == "c":
            self._count += 1
            self._refuse_wider_than(WIDEST_ROW, self._count)
            self._column = _column_of(attributes["r"]) if "r" in attributes else self._column + 1
            self._kind = attributes.get("t", "n")

    def text(self, text: str) -> None:
        if self._is_reading:
            self._text.add(text)

    def end(self, tag: str) -> None:
        self._is_reading = False
        if tag == "c":
            self._take_cell(_value(self._kind, self._text.taken(), self._strings))
        elif tag == "row" and self._cells:
            self._take_row()

    def _take_cell(self, value: str) -> None:
        if not value.strip():
            return
        self._refuse_wider_than(MOST_COLUMNS, self._column + 1)
        self._cells[self._column] = value

    def _refuse_wider_than(self, limit: int, count: int) -> None:
        if count > limit:
            raise UnusableFile(problem=f"row {self._number} has more than {limit:,} columns")

    def _take_row(self) -> None:
        refuse_more_rows_than(MOST_ROWS + 1, self._number)  # and the header; rows that are only formatted don't count
        self._width = self._width or max(self._cells) + 1
        width = max(self._width, max(self._cells) + 1)
        self.lines.append(Line(self._number, [self._cells.get(column, "") for column in range(width)]))


def _lines(archive: _Archive, name: str, strings: list[str]) -> Iterator[Line]:
    sheet = _Sheet(strings)
    for _ in archive.feed(name, sheet):
        yield from sheet.lines
        sheet.lines.clear()


def _column_of(reference: str) -> int:
    """Return the number of a cell's column: A1 → 0, AB7 → 27."""
    column = 0
    for letter in reference.rstrip("0123456789")[:4]:
        column = column * 26 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter) + 1
    return column - 1


def _value(kind: str, text: str, strings: list[str]) -> str:
    if kind == "s" and text:
        index = int(text)
        return strings[index] if index >= 0 else ""
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(text, text)
    return _number(text) if kind == "n" and text else text


def _number(text: str) -> str:
    """A workbook keeps -2.13 as -2.1299999999999999 and 7 as 7.0: return it as people wrote it."""
    value = float(text)
    if not math.isfinite(value):
        return text
    return str(int(value)) if value.is_integer() and abs(value) < 10**15 else repr(value)
