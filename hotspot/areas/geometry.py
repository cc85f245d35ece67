"""Polygons of areas: GeoJSON geometry (RFC 7946 §3.1) from a stranger's file → one we can trust, and a point to label it. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

POSITIONS_OF_A_RING = 4  # RFC 7946 §3.1.6: closed, so three corners and the first again
SCAN_LINES = 15  # lines on which a label point is looked for: enough to find the wide part of a crooked kelurahan

Position = list[float]
Ring = list[Position]


class BadGeometry(ValueError):
    """What is wrong with a geometry; the importer says in which row."""


def checked(geometry: Any) -> dict[str, Any]:  # noqa: ANN401  (JSON)
    """Return the geometry as it will be stored: a Polygon or MultiPolygon of two-dimensional positions, nothing else.

    Raises:
        BadGeometry: another type, a ring that is open, too short or without an inside, a position that is not on Earth.
    """
    if not isinstance(geometry, dict):
        raise BadGeometry("the geometry is not an object")
    match geometry.get("type"):
        case "Polygon":
            return {"type": "Polygon", "coordinates": _polygon(geometry.get("coordinates"))}
        case "MultiPolygon":
            parts = _filled_list(geometry.get("coordinates"), "a MultiPolygon")
            return {"type": "MultiPolygon", "coordinates": [_polygon(part) for part in parts]}
        case _:
            raise BadGeometry("the geometry is neither a Polygon nor a MultiPolygon")


def _polygon(coordinates: Any) -> list[Ring]:  # noqa: ANN401  (JSON)
    return [_ring(ring) for ring in _filled_list(coordinates, "a Polygon")]


def _filled_list(value: Any, what: str) -> list[Any]:  # noqa: ANN401  (JSON)
    if not isinstance(value, list) or not value:
        raise BadGeometry(f"{what} has no coordinates")
    return value


def _ring(positions: Any) -> Ring:  # noqa: ANN401  (JSON)
    if not isinstance(positions, list) or len(positions) < POSITIONS_OF_A_RING:
        raise BadGeometry(f"a ring has fewer than {POSITIONS_OF_A_RING} positions")
    ring = [_position(position) for position in positions]
    if ring[0] != ring[-1]:
        raise BadGeometry("a ring is not closed: its last position must be its first")
    if _doubled_area(ring) == 0:
        raise BadGeometry("a ring has no inside")
    return ring


def _position(position: Any) -> Position:  # noqa: ANN401  (JSON)
    if not isinstance(position, list) or len(position) not in (2, 3):
        raise BadGeometry("a position is not [longitude, latitude]")
    longitude, latitude = position[:2]  # an altitude means nothing here
    if not is_within(longitude, 180) or not is_within(latitude, 90):
        raise BadGeometry("a position is not a longitude from -180 to 180 and a latitude from -90 to 90, in this order")
    return [float(longitude), float(latitude)]


def is_within(value: Any, limit: int) -> bool:  # noqa: ANN401  (JSON)
    """Tell whether it is a number from -limit to limit; NaN is not, nor is True."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -limit <= value <= limit


def _doubled_area(ring: Ring) -> float:
    left, bottom = ring[0]
    corners = [(x - left, y - bottom) for x, y in ring]
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(corners))


def label_point(geometry: dict[str, Any]) -> tuple[float, float]:
    """Return latitude and longitude of a point inside, where a label has room.

    The middle of the widest stretch among `SCAN_LINES` lines of equal latitude (even-odd rule, so holes are outside).
    """
    rings = list(_rings(geometry))
    latitudes = [y for ring in rings for _, y in ring]
    bottom, height = min(latitudes), max(latitudes) - min(latitudes)
    lines = [bottom + height * (2 * line + 1) / (2 * SCAN_LINES) for line in range(SCAN_LINES)]
    width, latitude, longitude = max(
        (right - left, y, (left + right) / 2) for y in lines for left, right in _inside(rings, y)
    )
    del width
    return round(latitude, 6), round(longitude, 6)


def _rings(geometry: dict[str, Any]) -> Iterator[Ring]:
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for part in parts:
        yield from part


def _inside(rings: Sequence[Ring], y: float) -> Iterator[tuple[float, float]]:
    """Yield the stretches (from, to longitude) of the line at latitude `y` that are inside."""
    crossings = sorted(
        x1 + (y - y1) / (y2 - y1) * (x2 - x1)
        for ring in rings
        for (x1, y1), (x2, y2) in pairwise(ring)
        if (y1 > y) != (y2 > y)
    )
    return zip(crossings[::2], crossings[1::2], strict=True)


def described(geometry: dict[str, Any]) -> str:
    """Return the geometry in words, for a difference shown to people."""
    return f"{geometry['type']} of {sum(len(ring) for ring in _rings(geometry))} positions"
