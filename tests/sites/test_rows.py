"""A table of sites: its header and its cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.sites.rows import Problem, SiteRow, read_header, read_row
from hotspot.spreadsheets.limits import Line, UnusableFile

HEADER = ["Nama Lokasi", "Kelurahan", "Alamat", "Lat", "Long", "Koordinat", "Slug"]


def row_of(**cells: str) -> SiteRow | list[Problem]:
    words = {
        "name": "Taman",
        "kelurahan": "Bacang",
        "address": "",
        "lat": "",
        "long": "",
        "pair": "",
        "slug": "",
    } | cells
    return read_row(Line(7, list(words.values())), read_header(HEADER))


@pytest.mark.parametrize(
    "header",
    [
        ["nama", "kelurahan", "kode", "kecamatan", "alamat", "lintang", "bujur"],
        ["Name", "Village", "Official code", "District", "Address", "Latitude", "Longitude"],
        [" NAMA LOKASI ", "Kelurahan/Desa", "Kode_Wilayah", "Nama Kecamatan", "Alamat\nLengkap", "Lat.", "Long."],
    ],
)
def test_columns_are_named_in_indonesian_or_english_as_people_write_them(header: list[str]) -> None:
    fields = ["name", "kelurahan", "code", "kecamatan", "address", "latitude", "longitude"]

    assert dict(read_header(header).positions) == {field: position for position, field in enumerate(fields)}


def test_columns_that_mean_nothing_to_us_are_told() -> None:
    columns = read_header(["No", "nama", "", "kode", "Keterangan"])

    assert columns.ignored == ("No", "Keterangan")
    assert columns.positions == {"name": 1, "code": 3}


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ([], "nama (or name) and kelurahan"),
        (["nama", "alamat"], "nama (or name) and kelurahan"),
        (["kode", "alamat"], "nama (or name) and kelurahan"),
        (["nama", "kode", "Lokasi"], "'nama' and 'Lokasi' mean the same"),
        (["nama", "kode", *["x"] * 99], "more than 100 columns"),
    ],
)
def test_a_header_that_is_none_is_refused(header: list[str], problem: str) -> None:
    with pytest.raises(UnusableFile) as refused:
        read_header(header)

    assert problem in str(refused.value)


def test_cells_become_a_typed_row() -> None:
    row = row_of(name=" Taman\n Mandara ", address="Jl.  Merdeka\t1", lat="-2,13", long="106.11", slug="taman-mandara")

    assert row == SiteRow(
        7, "Taman Mandara", "Bacang", address="Jl. Merdeka 1", latitude=-2.13, longitude=106.11, slug="taman-mandara"
    )


@pytest.mark.parametrize("pair", ["-2.13, 106.11", "-2.13,106.11", "-2.13 106.11", "-2,13; 106,11", "-2,13,106,11"])
def test_coordinates_stand_in_one_cell_or_two(pair: str) -> None:
    row = row_of(pair=pair)

    assert isinstance(row, SiteRow)
    assert (row.latitude, row.longitude) == (-2.13, 106.11)


@pytest.mark.parametrize(
    ("cells", "column", "problem", "hint"),
    [
        ({"name": " "}, "Nama Lokasi", "is missing", "what people call the place"),
        ({"name": "x" * 101}, "Nama Lokasi", "longer than 100", "shorten"),
        ({"name": "a\u202eb"}, "Nama Lokasi", "control characters", "type it anew"),
        ({"kelurahan": ""}, "Kelurahan", "is missing", "official code"),
        ({"address": "x" * 201}, "Alamat", "longer than 200", "shorten"),
        ({"lat": "91", "long": "1"}, "Lat", "latitude '91' is not a number from -90 to 90", "decimal degrees"),
        ({"lat": "-2.13", "long": "abc"}, "Long", "longitude 'abc' is not", "decimal degrees"),
        ({"lat": "-2.13"}, "Long", "is missing", "go together"),
        ({"long": "106"}, "Lat", "is missing", "go together"),
        ({"pair": "here"}, "Koordinat", "'here' is not two numbers", "-2.13, 106.11"),
        ({"pair": "1, 2", "lat": "1", "long": "2"}, "Koordinat", "columns of their own", "one of the two ways"),
        ({"slug": "No Slug"}, "Slug", "is no slug", "hotspot sites list"),
        ({"more": ""}, "", "has 8 cells, the header 7", "separator"),
        ({"address": "x" * 1025}, "", "Alamat is longer than 1,024 octets", "separator"),
    ],
)
def test_what_is_wrong_is_said_by_row_and_column_with_what_to_do(
    cells: dict[str, str], column: str, problem: str, hint: str
) -> None:
    found = row_of(**cells)

    assert isinstance(found, list)
    (wrong,) = found
    assert (wrong.row, wrong.column) == (7, column)
    assert problem in wrong.problem
    assert hint in wrong.hint


def test_everything_that_is_wrong_with_a_row_is_said_at_once() -> None:
    found = row_of(name="", kelurahan="", lat="x", long="1")

    assert isinstance(found, list)
    assert [str(problem)[:22] for problem in found] == [
        "row 7, Nama Lokasi: is",
        "row 7, Kelurahan: is m",
        "row 7, Lat: latitude '",
    ]


@given(st.lists(st.text(max_size=40), min_size=7, max_size=7))
def test_any_cells_are_a_clean_row_or_problems_in_one_line(cells: list[str]) -> None:
    found = read_row(Line(1, cells), read_header(HEADER))

    if isinstance(found, SiteRow):
        assert found.name.isprintable()
        assert found.name.strip()
        assert found.address.isprintable()
    else:
        assert all(str(problem).isprintable() for problem in found)
