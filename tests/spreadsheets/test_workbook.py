"""XLSX: what openpyxl, LibreOffice and Excel write is read; what nobody honest writes is refused soon and cheaply."""

import random
import string
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspot.errors import Invalid
from hotspot.spreadsheets.limits import LONGEST_CELL, Line, UnusableFile
from hotspot.spreadsheets.workbook import lines_of_xlsx
from tests.spreadsheets.books import MAIN, SHEET, book_of, saved, sheet_of, with_parts

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)


def cells_of(content: bytes) -> list[list[str]]:
    return [line.cells for line in lines_of_xlsx(content)]


# --- what is read --------------------------------------------------------------------------------------------------------


def test_cells_become_text_as_people_see_it() -> None:
    content = book_of(
        ["nama", "kode", "lintang", "aktif", "lantai"],
        ["Taman & <Mandara>", "19.71.05.1004", -2.13, True, 7.0],
        ["x", None, 0.5, False, 10**16],
    )

    assert cells_of(content) == [
        ["nama", "kode", "lintang", "aktif", "lantai"],
        ["Taman & <Mandara>", "19.71.05.1004", "-2.13", "TRUE", "7"],
        ["x", "", "0.5", "FALSE", "1e+16"],
    ]


def test_rows_keep_their_numbers_and_empty_ones_are_left_out() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active["B3"] = "nama"
    book.active["AA5"] = "far"
    book.active["A9"] = " "

    assert list(lines_of_xlsx(saved(book))) == [Line(3, ["", "nama"]), Line(5, [""] * 26 + ["far"])]


def test_the_sheet_that_people_see_first_is_read() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["made first"])
    book.create_sheet("front", 0).append(["seen first"])

    assert cells_of(saved(book)) == [["seen first"]]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (b'<c t="inlineStr"><is><r><t>rich </t></r><r><t>text</t></r></is></c>', "rich text"),
        (b'<c t="str"><f>A1&amp;B1</f><v>formula</v></c>', "formula"),
        (b'<c t="e"><v>#N/A</v></c>', "#N/A"),
        (b'<c t="b"><v>maybe</v></c>', "maybe"),
        (b"<c><v>-2.1299999999999999</v></c>", "-2.13"),
        (b"<c><v>1e999</v></c>", "1e999"),
    ],
)
def test_every_kind_of_cell_is_read(cell: bytes, text: str) -> None:
    assert cells_of(sheet_of(b"<row>" + cell + b"</row>")) == [[text]]


def test_shared_texts_are_read_without_how_to_pronounce_them() -> None:
    strings = b'<sst xmlns="%s"><si><r><t>Tam</t></r><r><t>an</t></r><rPh><t>ta</t></rPh></si></sst>' % MAIN.encode()
    content = with_parts(sheet_of(b'<row><c t="s"><v>0</v></c></row>'), {"xl/sharedStrings.xml": strings})

    assert cells_of(content) == [["Taman"]]


def test_a_formatted_but_empty_million_of_rows_is_no_rows() -> None:
    assert cells_of(
        sheet_of(b'<row r="2"><c t="inlineStr"><is><t>a</t></is></c></row><row r="1048576"><c/></row>')
    ) == [["a"]]


def test_of_an_endless_cell_only_so_much_is_kept_that_it_is_seen_to_be_too_long() -> None:
    assert [[len(cell) for cell in cells] for cells in cells_of(book_of(["x" * 30_000, "y"]))] == [
        [LONGEST_CELL + 1, 1]
    ]


@settings(max_examples=30)
@given(st.lists(st.lists(TEXTS | st.integers(-(10**9), 10**9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_what_openpyxl_wrote_is_read_back(rows: list[list[str | int]]) -> None:
    width = len(rows[0])
    expected = [[str(cell) for cell in row] + [""] * (width - len(row)) for row in rows]

    text_rows = [[f"'{cell}" if isinstance(cell, str) else cell for cell in row] for row in rows]  # never a formula
    read = [[cell.removeprefix("'") for cell in cells] for cells in cells_of(book_of(*text_rows))]

    assert read == expected


# --- what is refused -----------------------------------------------------------------------------------------------------

LAUGHS = b'<!DOCTYPE l [<!ENTITY a "lol">%s]>' % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
)
chance = random.Random(1)
NOISE = (
    b"<!--" + "".join(chance.choices(string.ascii_letters, k=200_000)).encode() + b"-->"
)  # packs badly: hides the rest
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a GiB": (lambda: sheet_of(b" " * 2**20 * 60), "unpacks to more than 50 MiB"),
    "packed too well": (lambda: sheet_of(b" " * 2**20 * 4), "packed more than 100 to 1"),
    "billion laughs": (lambda: sheet_of(b"<row><c><v>&j;</v></c></row>", before=LAUGHS), "document type"),
    "laughs in UTF-16": (
        lambda: with_parts(book_of(["x"]), {SHEET: (LAUGHS + b"<worksheet/>").decode().encode("utf-16")}),
        "document type",
    ),
    "a million columns": (
        lambda: sheet_of(NOISE + b"<row>" + b"<c/>" * 1_000_000 + b"</row>"),
        "more than 16,384 columns",
    ),
    "a million elements": (lambda: sheet_of(NOISE + b"<row/>" * 1_000_001), "1,000,000 elements"),
    "many columns": (
        lambda: sheet_of(b"<row>" + b"<c><v>1</v></c>" * 101 + b"</row>"),
        "row 1 has more than 100 columns",
    ),
    "a far column": (lambda: sheet_of(b'<row><c r="XFD1"><v>1</v></c></row>'), "more than 100 columns"),
    "many rows": (lambda: sheet_of(b"<row><c><v>1</v></c></row>" * 20_002), "more than 20,000 rows"),
    "a far row": (lambda: sheet_of(b'<row r="20002"><c><v>1</v></c></row>'), "more than 20,000 rows"),
    "many texts": (
        lambda: with_parts(book_of(["x"]), {"xl/sharedStrings.xml": b"<sst>" + NOISE + b"<si/>" * 400_001}),
        "400,000 different texts",
    ),
    "too deep": (lambda: sheet_of(NOISE + b"<a>" * 200_000), "too deep"),
    "an endless tag": (lambda: sheet_of(b"<row " + NOISE[4:-3] * 5), "endless tag"),
    "many parts": (lambda: with_parts(book_of(["x"]), {f"{i}": b"" for i in range(1001)}), "more than 1,000 parts"),
    "too large": (lambda: b"PK" + bytes(5 * 2**20), "larger than 5 MiB"),
    "no archive": (lambda: b"name,code\n", "no .xlsx workbook"),
    "cut short": (lambda: book_of(["x"])[:-30], "no .xlsx workbook"),
    "no number of a text": (lambda: sheet_of(b'<row><c t="s"><v>x</v></c></row>'), "is damaged"),
    "a text that is not there": (lambda: sheet_of(b'<row><c t="s"><v>7</v></c></row>'), "is damaged"),
    "a column of no letters": (lambda: sheet_of(b'<row><c r="a1"><v>7</v></c></row>'), "is damaged"),
    "no number": (lambda: sheet_of(b"<row><c><v>x</v></c></row>"), "is damaged"),
    "no sheets": (lambda: with_parts(book_of(["x"]), {"xl/workbook.xml": b"<workbook/>"}), "is damaged"),
    "NUL": (lambda: sheet_of(b'<row><c t="inlineStr"><is><t>a\0b</t></is></c></row>'), "is damaged"),
}


COSTLY = {"a million elements", "many texts"}  # seconds while coverage is measured; the process below has them
MEASURED = """
import resource, sys, time
from pathlib import Path
from hotspot.spreadsheets.limits import UnusableFile
from hotspot.spreadsheets.workbook import lines_of_xlsx

def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = memory()
for path in sorted(Path(sys.argv[1]).iterdir()):
    begun = time.process_time()
    try:
        sum(1 for _ in lines_of_xlsx(path.read_bytes()))
        said = "read"
    except UnusableFile as error:
        said = str(error)
    print(path.name, time.process_time() - begun, memory() - before, said, sep="|")
"""


@pytest.mark.parametrize("name", sorted(BOMBS.keys() - COSTLY))
def test_a_hostile_workbook_is_refused(name: str) -> None:
    make, problem = BOMBS[name]

    with pytest.raises(UnusableFile, match=problem):
        cells_of(make())


def test_every_hostile_workbook_is_refused_soon_and_cheaply(tmp_path: Path) -> None:
    for name, (make, _) in BOMBS.items():
        (tmp_path / name).write_bytes(make())

    command = [sys.executable, "-c", MEASURED, str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout.splitlines()

    for name, seconds, mebibytes, said in (line.split("|") for line in lines):
        assert BOMBS[name][1] in said
        assert float(seconds) < 5, name
        assert int(mebibytes) <= 64, name
    assert len(lines) == len(BOMBS)


def test_a_locked_workbook_and_an_unknown_packing_are_named() -> None:
    content = bytearray(book_of(["x"]))
    entry = content.index(b"PK\x01\x02")
    locked, packed = bytearray(content), bytearray(content)
    struct.pack_into("<H", locked, entry + 8, 1)
    struct.pack_into("<H", packed, entry + 10, 14)

    for forged in (locked, packed):
        with pytest.raises(UnusableFile, match="password or packed in an unknown way"):
            cells_of(bytes(forged))


HONEST = book_of(["nama", "kode"], ["Taman", 7])


@settings(max_examples=150)
@given(st.data())
def test_any_octets_are_rows_or_unusable(data: st.DataObject) -> None:
    content = bytearray(HONEST)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    with suppress(Invalid):
        cells_of(bytes(content))
