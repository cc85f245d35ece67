"""Files as strangers make them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotspot.areas import files
from hotspot.areas.files import AreaFile, parse_csv, parse_geojson
from hotspot.areas.models import Level
from hotspot.areas.rows import Known, Row
from hotspot.errors import Invalid
from hotspot.spreadsheets import limits
from hotspot.spreadsheets.limits import UnusableFile

HEADER = "code,level,name,parent,latitude,longitude\n"
SQUARE = [[[106.0, -2.0], [106.4, -2.0], [106.4, -1.6], [106.0, -2.0]]]


def csv_of(*lines: str, header: str = HEADER) -> bytes:
    return (header + "".join(f"{line}\n" for line in lines)).encode()


def geojson_of(*features: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def feature(geometry: object = None, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def problems_of(file: AreaFile) -> list[str]:
    return [f"{file.word} {place}: {text}" for place, text in file.problems]


# --- what is read --------------------------------------------------------------------------------------------------------


def test_a_row_becomes_a_typed_value() -> None:
    file = parse_csv(csv_of(" 19.71.05.1004 ,Kelurahan, Bukit Sari ,19.71.05,-2.119,106.104"), {})

    assert file.problems == ()
    assert file.rows == (
        Row(2, "19.71.05.1004", "Bukit Sari", Level.KELURAHAN, "19.71.05", latitude=-2.119, longitude=106.104),
    )


def test_columns_stand_in_any_order_and_only_code_and_name_are_needed() -> None:
    file = parse_csv(b"Name, CODE\nKota Pangkalpinang,19.71\n\n,\nGerunggang,19.71.05\n", {})

    assert [(row.place, row.code, row.level, row.parent) for row in file.rows] == [
        (2, "19.71", Level.KOTA, None),
        (5, "19.71.05", Level.KECAMATAN, "19.71"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        HEADER.encode() + b"19.71,kota,K,,-2.5,106.5\n",
        b"\xef\xbb\xbf" + HEADER.encode() + b"19.71,kota,K,,-2.5,106.5",
        HEADER.replace("\n", "\r\n").encode() + b'"19.71","kota","K","","-2.5","106.5"\r\n',
        HEADER.replace(",", ";").encode() + b"19.71;kota;K;;-2,5;106,5\n",
        HEADER.replace(",", "\t").encode() + b"19.71\tkota\tK\t\t-2.5\t+106.5\n",
    ],
    ids=["plain", "BOM", "Windows, quoted", "Indonesian spreadsheet", "tabs"],
)
def test_what_spreadsheets_write_is_read(content: bytes) -> None:
    file = parse_csv(content, {})

    assert file.problems == ()
    assert file.rows == (Row(2, "19.71", "K", Level.KOTA, None, latitude=-2.5, longitude=106.5),)


def test_level_and_parent_come_from_the_tree_before_the_dots() -> None:
    known = {"19.71.05": Known(Level.KELURAHAN, "X1")}

    file = parse_csv(b"code,name\n19.71.05,A\n", known)

    assert [(row.level, row.parent) for row in file.rows] == [(Level.KELURAHAN, "X1")]


def test_what_the_file_says_comes_before_the_tree() -> None:
    known = {"a": Known(Level.KELURAHAN, "x")}

    file = parse_csv(csv_of("a,kecamatan,A,y,,"), known)

    assert [(row.level, row.parent) for row in file.rows] == [(Level.KECAMATAN, "y")]


def test_a_feature_becomes_a_row_with_its_polygon() -> None:
    polygon = {"type": "Polygon", "coordinates": SQUARE}

    file = parse_geojson(
        geojson_of(
            feature(polygon, code="19.71.05.1004", name="Bukit Sari", km2=1.2),
            feature(code="A", name="B", level="kecamatan", parent="19.71"),
        ),
        {},
    )

    assert file.problems == ()
    assert file.rows == (
        Row(1, "19.71.05.1004", "Bukit Sari", Level.KELURAHAN, "19.71.05", polygon=polygon),
        Row(2, "A", "B", Level.KECAMATAN, "19.71"),
    )


# --- what is wrong with a row --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",kota,K,,,", "code '' is not 1 to 32"),
        ("a b,kota,K,,,", "code 'a b' is not"),
        ("x" * 50 + ",kota,K,,,", "code '" + "x" * 40 + "…' is not"),
        ("19.71,kota,,,,", "name is missing"),
        ("19.71,kota," + "n" * 101 + ",,,", "is longer than 100 characters"),
        ('19.71,kota,"a\nb",,,', r"name 'a\nb' is longer"),
        ("19.71,kota,K\u202e,,,", "control characters"),
        ("19.71,town,K,,,", "level 'town' is not one of kota, kecamatan, kelurahan"),
        ("1971,,K,,,", "level is missing"),
        ("19.71,kota,K,19,,", "a kota has no parent, this one has '19'"),
        ("1971,kecamatan,K,,,", "parent is missing"),
        ("19.71.01,kecamatan,K,a b,,", "parent 'a b' is not a code"),
        ("19.71,kota,K,,-2.5,", "one is missing"),
        ("19.71,kota,K,,,106", "one is missing"),
        ("19.71,kota,K,,91,106", "latitude '91' is not a number from -90 to 90"),
        ("19.71,kota,K,,1,-180.01", "longitude '-180.01' is not a number from -180 to 180"),
        ("19.71,kota,K,,nan,106", "latitude 'nan' is not"),
        ("19.71,kota,K,,1e1,106", "latitude '1e1' is not"),
        ("19.71,kota,K,,٢,106", "is not a number"),
        ("19.71,kota,K,,", "has 5 cells, the header 6"),
        ("19.71,kota,K,,,,", "has 7 cells, the header 6"),
        ("19.71,kota," + "é" * 513 + ",,,", "name is longer than 1,024 octets"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_number(line: str, problem: str) -> None:
    file = parse_csv(csv_of("19.71.09,kecamatan,Good,19.71,,", line), {})

    assert [row.place for row in file.rows] == [2]
    assert len(file.problems) == 1
    assert problems_of(file)[0].startswith("row 3: ")
    assert problem in problems_of(file)[0]


def test_everything_wrong_with_a_row_is_said_at_once() -> None:
    file = parse_csv(csv_of("19.71,town,,,100,200"), {})

    assert [place for place, _ in file.problems] == [2, 2, 2]


def test_a_code_that_stands_twice_names_the_first() -> None:
    file = parse_csv(csv_of("19.71,kota,A,,,", "19.71.01,kecamatan,B,,,", "19.71,kota,C,,,"), {})

    assert problems_of(file) == ["row 4: 19.71 stands in row 2 already"]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (7, "is not a Feature with properties"),
        ({"type": "Feature", "properties": None}, "is not a Feature with properties"),
        ({"properties": {"code": "19.71", "name": "K"}}, "is not a Feature with properties"),
        (feature(name="K"), "code '' is not"),
        (feature(code=19.71, name="K"), "code is not text"),
        (feature(code="19.71", name="\ud800"), "control characters"),
        (feature({"type": "Point", "coordinates": [106, -2]}, code="19.71", name="K"), "neither a Polygon"),
        (feature(7, code="19.71", name="K"), "the geometry is not an object"),
    ],
)
def test_what_is_wrong_with_a_feature_is_said_with_its_number(bad: object, problem: str) -> None:
    file = parse_geojson(geojson_of(feature(code="19.71.09", name="Good"), bad), {})

    assert [row.place for row in file.rows] == [1]
    assert [place for place, _ in file.problems] == [2]
    assert problem in problems_of(file)[0]


# --- what is no file of areas --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "code and name not found"),
        (b"name\nx\n", "; code not found|columns; code not found"),
        (b"code,name,colour,Population\n", "unknown columns 'colour', 'population'; known are code, level"),
        (b"code,name,code\n", "named twice"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (HEADER.encode("utf-16-be"), "UTF-16"),
        (b"code,name\n19.71,A\0B\n", "UTF-16 or is no text"),
        (b"code,name\n19.71,caf\xe9\n", "not UTF-8 \\(octet 20\\)"),
        (b'code,name\n19.71,"A\n', "line 2: unexpected end of data"),
        (b"code,name\n" + b"x" * 200_000, "field larger"),
        (b"code,name\n" + b"a,b\n" * 20_001, "more than 20,000 rows"),
        (b"x" * (limits.LARGEST_FILE + 1), "larger than 5 MiB"),
    ],
)
def test_a_file_that_is_no_csv_of_areas_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(UnusableFile, match=problem):
        parse_csv(content, {})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"NaN", "NaN is no JSON number"),
        (b"1" * 5000, "not JSON"),
        (b"[]", "not a GeoJSON FeatureCollection"),
        (b'{"type": "Feature", "features": []}', "not a GeoJSON FeatureCollection"),
        (b'{"type": "FeatureCollection", "features": {}}', "not a GeoJSON FeatureCollection"),
        (geojson_of(*[1] * 20_001), "more than 20,000 rows"),
        ('{"type": "FeatureCollection"}'.encode("utf-16"), "UTF-16"),
        (b" " * (files.LARGEST_GEOJSON + 1), "larger than 20 MiB"),
    ],
)
def test_a_file_that_is_no_geojson_of_areas_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(UnusableFile, match=problem):
        parse_geojson(content, {})


def test_twenty_thousand_rows_are_not_too_many() -> None:
    lines = [f"19.71.01.{number:05d},kelurahan,N,19.71.01,," for number in range(20_000)]

    assert len(parse_csv(csv_of(*lines), {}).rows) == 20_000


# --- any bytes -----------------------------------------------------------------------------------------------------------

texts = st.text(st.characters() | st.sampled_from('",;\t\r\n.19'), max_size=30)
csv_bytes = st.lists(texts, max_size=8).map(lambda lines: HEADER.encode() + "\n".join(lines).encode("utf-8", "ignore"))
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
features = json_values | st.fixed_dictionaries(
    {
        "type": st.just("Feature"),
        "properties": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("code", "name", "level", "parent"), json_values)
        ),
    },
    optional={"geometry": json_values},
)
geojson_bytes = st.lists(features, max_size=4).map(lambda found: geojson_of(*found))


@given(st.binary(max_size=200) | csv_bytes)
@example(HEADER.encode() + b"\r")
@example(b"\xef\xbb\xbf")
def test_no_bytes_make_the_csv_reader_raise_anything_but_invalid(content: bytes) -> None:
    try:
        file = parse_csv(content, {})
    except Invalid:
        return
    assert all(row.code in file.codes and row.name and row.level in Level for row in file.rows)


@given(st.binary(max_size=200) | geojson_bytes)
def test_no_bytes_make_the_geojson_reader_raise_anything_but_invalid(content: bytes) -> None:
    try:
        file = parse_geojson(content, {})
    except Invalid:
        return
    assert all(row.code in file.codes and row.name and row.level in Level for row in file.rows)
