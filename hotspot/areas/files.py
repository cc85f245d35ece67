"""Files of areas, CSV or GeoJSON → typed rows. Pure; the file is a stranger's.

What is wrong with a row is collected, not raised, so that one look shows all of it; only a file that can't be read as rows at
all raises. A CSV's first line names its columns and is row 1, as in a spreadsheet; a GeoJSON's first feature is feature 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hotspot.areas.rows import BadCell, Cells, Known, Row, read_code, read_row
from hotspot.spreadsheets.limits import (
    LARGEST_FILE,
    MOST_ROWS,
    Line,
    UnusableFile,
    flaw_in,
    refuse_larger,
    refuse_more_rows_than,
)
from hotspot.spreadsheets.text import decoded, lines_of_csv

LARGEST_GEOJSON = 20 * 1024 * 1024  # polygons need room; the country's 83,000 kelurahan are not one city's
COLUMNS = ("code", "level", "name", "parent", "latitude", "longitude")


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
    lines = lines_of_csv(content)
    columns = _columns(next(lines, Line(1, [])).cells)
    reading = _Reading("row", known)
    for line in lines:
        reading.take(line.number, flaw_in(columns, line.cells) or dict(zip(columns, line.cells, strict=True)))
    return reading.result()


def parse_geojson(content: bytes, known: Mapping[str, Known]) -> AreaFile:
    """Read a FeatureCollection (RFC 7946 §3.3) whose features have the properties code and name, perhaps level and parent.

    Raises:
        UnusableFile: too large, not UTF-8, not JSON, or no FeatureCollection.
    """
    refuse_larger(content, LARGEST_GEOJSON)
    try:
        document = json.loads(decoded(content), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnusableFile(problem=f"it is not JSON ({str(error)[:100]})") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise UnusableFile(problem="it is not a GeoJSON FeatureCollection")
    refuse_more_rows_than(MOST_ROWS, len(features))
    reading = _Reading("feature", known)
    for number, feature in enumerate(features, start=1):
        reading.take(number, _properties(feature))
    return reading.result()


PARSERS = {
    ".csv": (parse_csv, LARGEST_FILE),
    ".geojson": (parse_geojson, LARGEST_GEOJSON),
    ".json": (parse_geojson, LARGEST_GEOJSON),
}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


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
