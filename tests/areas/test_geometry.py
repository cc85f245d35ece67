import copy
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.areas.geometry import BadGeometry, checked, described, label_point

SQUARE = [[106.0, -2.0], [106.4, -2.0], [106.4, -1.6], [106.0, -1.6], [106.0, -2.0]]
HOLE = [[106.1, -1.9], [106.3, -1.9], [106.3, -1.7], [106.1, -1.7], [106.1, -1.9]]
POLYGON = {"type": "Polygon", "coordinates": [SQUARE, HOLE]}


def is_inside(geometry: dict[str, object], latitude: float, longitude: float) -> bool:
    """Even-odd along a meridian: another way than the code's, which goes along a parallel."""
    rings = geometry["coordinates"]
    if geometry["type"] == "MultiPolygon":
        rings = [ring for part in rings for ring in part]  # type: ignore[attr-defined]
    crossings = 0
    for ring in rings:  # type: ignore[attr-defined]
        for (x1, y1), (x2, y2) in pairwise(ring):
            if (x1 > longitude) != (x2 > longitude):
                crossings += y1 + (longitude - x1) / (x2 - x1) * (y2 - y1) > latitude
    return crossings % 2 == 1


def test_a_good_polygon_is_stored_as_it_is() -> None:
    assert checked(copy.deepcopy(POLYGON)) == POLYGON


def test_what_we_do_not_need_is_left_out() -> None:
    with_height = [[*position, 12.5] for position in SQUARE]

    stored = checked({"type": "Polygon", "coordinates": [with_height], "bbox": [0, 0, 1, 1], "crs": "x"})

    assert stored == {"type": "Polygon", "coordinates": [SQUARE]}


@pytest.mark.parametrize(
    ("geometry", "problem"),
    [
        ([], "not an object"),
        ({"type": "Point", "coordinates": [106, -2]}, "neither a Polygon nor a MultiPolygon"),
        ({"type": ["Polygon"]}, "neither a Polygon"),
        ({"type": "Polygon"}, "a Polygon has no coordinates"),
        ({"type": "Polygon", "coordinates": []}, "a Polygon has no coordinates"),
        ({"type": "Polygon", "coordinates": "long"}, "a Polygon has no coordinates"),
        ({"type": "MultiPolygon", "coordinates": {}}, "a MultiPolygon has no coordinates"),
        ({"type": "Polygon", "coordinates": [SQUARE[:3]]}, "fewer than 4 positions"),
        ({"type": "Polygon", "coordinates": [None]}, "fewer than 4 positions"),
        ({"type": "Polygon", "coordinates": [SQUARE[:-1]]}, "not closed"),
        ({"type": "Polygon", "coordinates": [[[106, -2]] * 5]}, "no inside"),
        ({"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [3, 3], [1, 1]]]}, "no inside"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [106], *SQUARE[2:]]]}, r"not \[longitude, latitude\]"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], "ab", *SQUARE[2:]]]}, r"not \[longitude, latitude\]"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [-2, 106], *SQUARE[2:]]]}, "in this order"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [181, 0], *SQUARE[2:]]]}, "in this order"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [math.nan, 0], *SQUARE[2:]]]}, "in this order"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [math.inf, 0], *SQUARE[2:]]]}, "in this order"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [True, 0], *SQUARE[2:]]]}, "in this order"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], ["106", 0], *SQUARE[2:]]]}, "in this order"),
        ({"type": "Polygon", "coordinates": [[*SQUARE[:2], [10**400, 0], *SQUARE[2:]]]}, "in this order"),
    ],
)
def test_a_bad_geometry_is_refused_with_its_reason(geometry: object, problem: str) -> None:
    with pytest.raises(BadGeometry, match=problem):
        checked(geometry)


def test_a_label_stands_inside_and_never_in_a_hole() -> None:
    latitude, longitude = label_point(POLYGON)

    assert is_inside(POLYGON, latitude, longitude)


def test_a_label_stands_in_the_widest_part_of_a_crooked_area() -> None:
    tower_on_a_foot = [[0, 0], [10, 0], [10, 1], [1, 1], [1, 20], [0, 20], [0, 0]]

    latitude, longitude = label_point(checked({"type": "Polygon", "coordinates": [tower_on_a_foot]}))

    assert 0 < latitude < 1
    assert longitude == pytest.approx(5, abs=0.5)


def test_a_label_of_several_parts_stands_in_the_wider_one() -> None:
    island = [[107.0, -2.0], [107.1, -2.0], [107.1, -1.9], [107.0, -2.0]]
    geometry = checked({"type": "MultiPolygon", "coordinates": [[island], [SQUARE]]})

    latitude, longitude = label_point(geometry)

    assert 106.0 < longitude < 106.4
    assert is_inside(geometry, latitude, longitude)
    assert described(geometry) == "MultiPolygon of 9 positions"


@given(
    st.integers(3, 12).flatmap(
        lambda count: st.tuples(
            st.lists(st.floats(0.1, 1), min_size=count, max_size=count), st.floats(-170, 170), st.floats(-80, 80)
        )
    )
)
def test_any_star_shaped_area_gets_a_label_inside(star: tuple[list[float], float, float]) -> None:
    lengths, x, y = star
    turns = [2 * math.pi * corner / len(lengths) for corner in range(len(lengths))]
    ring = [[x + r * math.cos(turn), y + r * math.sin(turn)] for r, turn in zip(lengths, turns, strict=True)]
    geometry = checked({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})

    latitude, longitude = label_point(geometry)

    assert is_inside(geometry, latitude, longitude)


numbers = st.floats() | st.integers() | st.sampled_from([-180, 180, 90, -90, 0, 5e-324, 1e-300, -0.0])
positions = st.lists(numbers | st.booleans() | st.none(), min_size=1, max_size=4)
rings = st.lists(positions, max_size=8) | st.lists(st.tuples(numbers, numbers).map(list), min_size=3, max_size=8).map(
    lambda ring: [*ring, ring[0]]
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    json_values
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["Polygon"]), "coordinates": st.lists(rings, max_size=3) | json_values}
    )
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["MultiPolygon"]), "coordinates": st.lists(st.lists(rings, max_size=2), max_size=3)}
    )
)
def test_any_json_is_a_good_geometry_with_a_label_on_earth_or_refused(geometry: object) -> None:
    try:
        stored = checked(geometry)
    except BadGeometry:
        return

    latitude, longitude = label_point(stored)

    assert -90 <= latitude <= 90
    assert -180 <= longitude <= 180
    assert checked(copy.deepcopy(stored)) == stored
