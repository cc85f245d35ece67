"""Files of areas, CSV or GeoJSON → typed rows. Pure; the file is a stranger's.

What is wrong with a row is collected, not raised, so that one look shows all of it; only a file that can't be read as rows at
all raises. A CSV's first line names its columns and is row 1, as in a spreadsheet; a GeoJSON's first feature is feature 1.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hotspot.areas.rows import BadCell, Cells, Known, Row, read_code, read_row
from hotspot.errors import Invalid

LARGEST_CSV = 5 * 1024 * 1024
LARGEST_GEOJSON = 20 * 1024 * 1024  # polygons need room; the country's 83,000 kelurahan are not one city's
MOST_ROWS = 20_000  # the largest kabupaten has under 1,000
LONGEST_CELL = 1024
COLUMNS = ("code", "level", "name", "parent", "latitude", "longitude")
SEPARATORS = ",;\t"  # a spreadsheet in Indonesian writes ; because the comma is the decimal sign


class UnusableFile(Invalid):
    """The file of areas can't be read: {problem}"""


class Problem(NamedTuple):
    """Something wrong at a place: the row or feature of that number, 0 for the file."""

    place: int
    text: str


@dataclass(frozen=True, slots=True)
class AreaFile:
    """What a file says. `codes` are all it names, those of bad rows too; `word` is what its places are called."""

    word: str
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    codes: frozenset[str]


# --- the two kinds of file -----------------------------------------------------------------------------------------------


def parse_csv(content: bytes, known: Mapping[str, Known]) -> AreaFile:
    """Read a CSV with a header; columns in any order, code and name needed.

    Raises:
        UnusableFile: too large, not UTF-8, or its columns are not ours.
    """
    _refuse_larger(content, LARGEST_CSV)
    lines = csv.reader(io.StringIO(_text(content), newline=""), delimiter=_separator(content), strict=True)
    reading = _Reading("row", known)
    try:
        columns = _columns(next(lines, []))
        for number, cells in enumerate(lines, start=2):
            _refuse_more_than(MOST_ROWS + 1, number)
            if any(cell.strip() for cell in cells):
                reading.take(number, _cells(columns, cells))
    except csv.Error as error:
        raise UnusableFile(problem=f"line {lines.line_num}: {error}") from error
    return reading.result()


def parse_geojson(content: bytes, known: Mapping[str, Known]) -> AreaFile:
    """Read a FeatureCollection (RFC 7946 §3.3) whose features have the properties code and name, perhaps level and parent.

    Raises:
        UnusableFile: too large, not UTF-8, not JSON, or no FeatureCollection.
    """
    _refuse_larger(content, LARGEST_GEOJSON)
    try:
        document = json.loads(_text(content), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnusableFile(problem=f"it is not JSON ({str(error)[:100]})") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise UnusableFile(problem="it is not a GeoJSON FeatureCollection")
    _refuse_more_than(MOST_ROWS, len(features))
    reading = _Reading("feature", known)
    for number, feature in enumerate(features, start=1):
        reading.take(number, _properties(feature))
    return reading.result()


PARSERS = {
    ".csv": (parse_csv, LARGEST_CSV),
    ".geojson": (parse_geojson, LARGEST_GEOJSON),
    ".json": (parse_geojson, LARGEST_GEOJSON),
}


def _refuse_larger(content: bytes, limit: int) -> None:
    if len(content) > limit:
        raise UnusableFile(problem=f"it is larger than {limit // 1024**2} MiB")


def _refuse_more_than(limit: int, count: int) -> None:
    if count > limit:
        raise UnusableFile(problem=f"it has more than {MOST_ROWS:,} rows")


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content:
        raise UnusableFile(problem="it looks like UTF-16 or is no text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile(problem=f"it is not UTF-8 (octet {error.start + 1}); save it as UTF-8") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _separator(content: bytes) -> str:
    header = content.partition(b"\n")[0]
    return max(SEPARATORS, key=lambda separator: header.count(separator.encode()))


def _columns(header: list[str]) -> list[str]:
    columns = [column.strip().lower()[:40] for column in header]
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        named = ", ".join(repr(column) for column in unknown[:10])
        raise UnusableFile(problem=f"unknown columns {named}; known are {', '.join(COLUMNS)}")
    if missing := [column for column in ("code", "name") if column not in columns]:
        raise UnusableFile(problem=f"its first line must name the columns; {' and '.join(missing)} not found")
    if len(set(columns)) < len(columns):
        raise UnusableFile(problem="a column is named twice")
    return columns


def _cells(columns: list[str], cells: list[str]) -> Cells | str:
    """Return the cells by column, or what is wrong with them as a whole."""
    if len(cells) != len(columns):
        return f"has {len(cells)} cells, the header {len(columns)}"
    for column, cell in zip(columns, cells, strict=True):
        if len(cell.encode()) > LONGEST_CELL:
            return f"{column} is longer than {LONGEST_CELL:,} octets"
    return dict(zip(columns, cells, strict=True))


def _properties(feature: Any) -> Cells | str:  # noqa: ANN401  (JSON)
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict) or feature.get("type") != "Feature":
        return "is not a Feature with properties"
    named = {name: properties[name] for name in ("code", "name", "level", "parent") if properties.get(name) is not None}
    for name, value in named.items():
        if not isinstance(value, str):
            return f"{name} is not text"
    return {**named, "polygon": feature.get("geometry")}


class _Reading:
    """Collects rows and what is wrong with them."""

    def __init__(self, word: str, known: Mapping[str, Known]) -> None:
        self._word = word
        self._known = known
        self._rows: list[Row] = []
        self._problems: list[Problem] = []
        self._first: dict[str, int] = {}

    def take(self, place: int, cells: Cells | str) -> None:
        found = self._read(place, cells)
        if isinstance(found, Row):
            self._rows.append(found)
        else:
            self._problems.extend(Problem(place, text) for text in found)

    def _read(self, place: int, cells: Cells | str) -> Row | list[str]:
        if isinstance(cells, str):
            return [cells]
        try:
            code = read_code(cells)
        except BadCell as error:
            return [str(error)]
        first = self._first.setdefault(code, place)
        if first != place:
            return [f"{code} stands in {self._word} {first} already"]
        return read_row(place, code, cells, self._known.get(code))

    def result(self) -> AreaFile:
        return AreaFile(self._word, tuple(self._rows), tuple(self._problems), frozenset(self._first))
