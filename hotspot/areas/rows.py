"""One row of a file of areas: cells → a typed row, or everything that is wrong with them. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hotspot.areas.geometry import checked, is_within
from hotspot.areas.models import Level

LONGEST_NAME = 100
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,31}")
DEGREES = re.compile(r"[+-]?[0-9]{1,3}([.,][0-9]{0,15})?")
LEVEL_OF_PARTS = {2: Level.KOTA, 3: Level.KECAMATAN, 4: Level.KELURAHAN}  # 19.71, 19.71.05, 19.71.05.1004

Cells = Mapping[str, Any]  # text by column; `polygon` is JSON


class Known(NamedTuple):
    """What the tree says of a code already."""

    level: Level
    parent: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One area as a file describes it. None of a coordinate or polygon: the file brings none."""

    place: int
    code: str
    name: str
    level: Level
    parent: str | None
    latitude: float | None = None
    longitude: float | None = None
    polygon: dict[str, Any] | None = None


class BadCell(ValueError):
    """What is wrong with one value of a row."""


def read_code(cells: Cells) -> str:
    code: str = cells.get("code", "").strip()
    if not CODE.fullmatch(code):
        raise BadCell(f"code {shown(code)} is not 1 to 32 letters, digits, dots or dashes")
    return code


def read_row(place: int, code: str, cells: Cells, known: Known | None) -> Row | list[str]:
    """Return the row, or what is wrong with each of its values."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for read in (_name, _in_tree, _coordinates, _polygon):
        try:
            values |= read(code, cells, known)
        except ValueError as error:  # BadCell, BadGeometry
            problems.append(str(error))
    return problems or Row(place=place, code=code, **values)


def _name(_code: str, cells: Cells, _known: Known | None) -> dict[str, Any]:
    name = cells.get("name", "").strip()
    if not name:
        raise BadCell("name is missing")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadCell(f"name {shown(name)} is longer than {LONGEST_NAME} characters or has control characters")
    return {"name": name}


def _in_tree(code: str, cells: Cells, known: Known | None) -> dict[str, Any]:
    """Level and parent: as the file says, else as the tree knows the code, else as its dots say."""
    level = _level(code, cells.get("level", "").strip().lower(), known)
    parent = cells.get("parent", "").strip()
    if level is Level.KOTA:
        if parent:
            raise BadCell(f"a kota has no parent, this one has {shown(parent)}")
        return {"level": level, "parent": None}
    parent = parent or (known.parent if known else None) or code.rpartition(".")[0]
    if not CODE.fullmatch(parent):
        raise BadCell(f"parent {shown(parent)} is not a code" if parent else "parent is missing")
    return {"level": level, "parent": parent}


def _level(code: str, said: str, known: Known | None) -> Level:
    if said in list(Level):
        return Level(said)
    if said:
        raise BadCell(f"level {shown(said)} is not one of {', '.join(Level)}")
    level = known.level if known else LEVEL_OF_PARTS.get(len(code.split(".")))
    if level is None:
        raise BadCell("level is missing")
    return level


def _coordinates(_code: str, cells: Cells, _known: Known | None) -> dict[str, Any]:
    latitude = degrees("latitude", cells.get("latitude", ""), 90)
    longitude = degrees("longitude", cells.get("longitude", ""), 180)
    if (latitude is None) != (longitude is None):
        raise BadCell("latitude and longitude go together, one is missing")
    return {"latitude": latitude, "longitude": longitude}


def degrees(name: str, cell: str, limit: int) -> float | None:
    """Read a coordinate with a decimal point or comma; None of an empty cell.

    Raises:
        BadCell: it is no number within the limit.
    """
    cell = cell.strip()
    if not cell:
        return None
    value = float(cell.replace(",", ".")) if DEGREES.fullmatch(cell) else None
    if not is_within(value, limit):
        raise BadCell(f"{name} {shown(cell)} is not a number from -{limit} to {limit}")
    return value


def _polygon(_code: str, cells: Cells, _known: Known | None) -> dict[str, Any]:
    geometry = cells.get("polygon")  # null: an area without a place (RFC 7946 §3.2)
    return {"polygon": None if geometry is None else checked(geometry)}


def shown(text: str) -> str:
    """Return the text as a message may repeat it: short, quoted, without control characters."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
