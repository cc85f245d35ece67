"""Workbooks: as openpyxl writes them, and as nobody should."""

import io
from collections.abc import Mapping, Sequence
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl

SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def book_of(*rows: Sequence[object]) -> bytes:
    """An honest workbook of one sheet, by another program than ours."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_parts(content: bytes, parts: Mapping[str, bytes]) -> bytes:
    """The same workbook with other parts."""
    file = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as honest, ZipFile(file, "w", ZIP_DEFLATED) as forged:
        for name in honest.namelist():
            if name not in parts:
                forged.writestr(name, honest.read(name))
        for name, data in parts.items():
            forged.writestr(name, data)
    return file.getvalue()


def sheet_of(rows: bytes, *, before: bytes = b"") -> bytes:
    """A workbook whose sheet has these rows, as XML."""
    sheet = b'%s<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (before, MAIN.encode(), rows)
    return with_parts(book_of(["x"]), {SHEET: sheet})
