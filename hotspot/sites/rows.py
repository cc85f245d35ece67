"""A table of sites as people keep it: its header → columns, its cells → a typed row, or what is wrong with each cell. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hotspot.areas.rows import BadCell, degrees, shown
from hotspot.sites.models import LONGEST_ADDRESS, LONGEST_NAME
from hotspot.spreadsheets.limits import MOST_COLUMNS, Line, UnusableFile, flaw_in

# What people write above a column, in Indonesian and English, in lower case with single blanks for everything but letters.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "name": (
        "name",
        "nama",
        "nama lokasi",
        "nama tempat",
        "nama titik",
        "lokasi",
        "tempat",
        "location",
        "place",
        "site",
    ),
    "kelurahan": ("kelurahan", "desa", "kelurahan desa", "desa kelurahan", "nama kelurahan", "village", "area"),
    "code": ("code", "kode", "kode kelurahan", "kode desa", "kode wilayah", "area code", "official code"),
    "kecamatan": ("kecamatan", "nama kecamatan", "district", "subdistrict"),
    "address": ("address", "alamat", "alamat lengkap", "jalan", "street"),
    "latitude": ("latitude", "lat", "lintang", "garis lintang"),
    "longitude": ("longitude", "long", "lon", "lng", "bujur", "garis bujur"),
    "coordinates": (
        "coordinates",
        "koordinat",
        "titik koordinat",
        "lat long",
        "lat lon",
        "lat lng",
        "latitude longitude",
    ),
    "slug": ("slug",),
}
FIELD_OF = {synonym: field for field, synonyms in SYNONYMS.items() for synonym in synonyms}
PAIR = re.compile(r"([+-]?\d{1,3}(?:[.,]\d{1,15})?)(?:\s*[,;]\s*|\s+)([+-]?\d{1,3}(?:[.,]\d{1,15})?)")
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


class Problem(NamedTuple):
    """Something wrong: in which row and column (empty: the row as a whole), what, and what to do."""

    row: int
    column: str
    problem: str
    hint: str

    def __str__(self) -> str:
        where = f"row {self.row}, {self.column}" if self.column else f"row {self.row}"
        return f"{where}: {self.problem}; {self.hint}"


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site as a file describes it. Empty or None: the file says nothing of it."""

    number: int
    name: str
    kelurahan: str = ""
    code: str = ""
    kecamatan: str = ""
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the header says: the header's words in their order, which field each is, and the words that mean nothing to us."""

    header: tuple[str, ...]
    positions: Mapping[str, int]
    ignored: tuple[str, ...]

    def word(self, field: str) -> str:
        """Return what the file calls a field."""
        position = self.positions.get(field)
        return field if position is None else self.header[position]


def read_header(cells: Sequence[str]) -> Columns:
    """Find out which column is what.

    Raises:
        UnusableFile: there is no column of names or none of kelurahan, or two mean the same.
    """
    if len(cells) > MOST_COLUMNS:
        raise UnusableFile(problem=f"it has more than {MOST_COLUMNS} columns")
    header = tuple(_line(cell)[:40] for cell in cells)
    positions: dict[str, int] = {}
    ignored = []
    for position, word in enumerate(header):
        field = FIELD_OF.get(" ".join(re.split(r"[\W_]+", word.casefold())).strip())
        if field is None:
            ignored.append(word)
        elif field in positions:
            raise UnusableFile(problem=f"the columns {shown(header[positions[field]])} and {shown(word)} mean the same")
        else:
            positions[field] = position
    if "name" not in positions or not positions.keys() & {"kelurahan", "code"}:
        raise UnusableFile(
            problem="its first row must name the columns, among them nama (or name) and kelurahan (or kode, code)"
        )
    return Columns(header, positions, tuple(word for word in ignored if word))


def read_row(line: Line, columns: Columns) -> SiteRow | list[Problem]:
    """Return the row, or what is wrong with each of its cells."""
    if flaw := flaw_in(columns.header, line.cells):
        return [Problem(line.number, "", flaw, "look for a separator or quote too many or too few")]
    values: dict[str, Any] = {}
    problems = []
    said = {field: _line(line.cells[position]) for field, position in columns.positions.items()}
    for read in READERS:
        try:
            values |= read(said)
        except _Wrong as wrong:
            problems.append(Problem(line.number, columns.word(wrong.field), wrong.problem, wrong.hint))
    return problems or SiteRow(number=line.number, **values)


# --- the cells of a row --------------------------------------------------------------------------------------------------

Said = Mapping[str, str]


class _Wrong(ValueError):
    def __init__(self, field: str, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem
        self.hint = hint


def _line(cell: str) -> str:
    """Return the cell as one line: people break lines and double blanks in cells."""
    return " ".join(cell.split())


def _name(said: Said) -> dict[str, Any]:
    if not said["name"]:
        raise _Wrong("name", "is missing", "write what people call the place")
    return {"name": _text("name", said["name"], LONGEST_NAME)}


def _area(said: Said) -> dict[str, Any]:
    found = {field: said.get(field, "") for field in ("kelurahan", "code", "kecamatan")}
    if not found["kelurahan"] and not found["code"]:
        raise _Wrong("kelurahan", "is missing", "write the kelurahan's name or its official code")
    return found


def _address(said: Said) -> dict[str, Any]:
    return {"address": _text("address", said.get("address", ""), LONGEST_ADDRESS)}


def _text(field: str, text: str, longest: int) -> str:
    if len(text) > longest or not text.isprintable():
        problem = f"{shown(text)} is longer than {longest} characters or has control characters"
        raise _Wrong(field, problem, "shorten it or type it anew")
    return text


def _coordinates(said: Said) -> dict[str, Any]:
    latitude, longitude = said.get("latitude", ""), said.get("longitude", "")
    if pair := said.get("coordinates", ""):
        if latitude or longitude:
            raise _Wrong("coordinates", "latitude and longitude have columns of their own", "keep one of the two ways")
        latitude, longitude = _pair(pair)
    if bool(latitude) != bool(longitude):
        missing = "longitude" if latitude else "latitude"
        raise _Wrong(missing, "is missing", "latitude and longitude go together; write both or none")
    return {
        "latitude": _degrees("latitude", latitude, 90),
        "longitude": _degrees("longitude", longitude, 180),
    }


def _pair(text: str) -> tuple[str, str]:
    match = PAIR.fullmatch(text)
    if match is None:
        raise _Wrong("coordinates", f"{shown(text)} is not two numbers", "write latitude and longitude: -2.13, 106.11")
    return match[1], match[2]


def _degrees(field: str, text: str, limit: int) -> float | None:
    try:
        return degrees(field, text, limit)
    except BadCell as error:
        hint = "write decimal degrees, such as -2.13 and 106.11, and latitude first"
        raise _Wrong(field, str(error), hint) from error


def _slug(said: Said) -> dict[str, Any]:
    slug = said.get("slug", "")
    if slug and not SLUG.fullmatch(slug):
        raise _Wrong(
            "slug", f"{shown(slug)} is no slug", "leave it empty for a new site; known ones: hotspot sites list"
        )
    return {"slug": slug}


READERS: Sequence[Callable[[Said], dict[str, Any]]] = (_name, _area, _address, _coordinates, _slug)
