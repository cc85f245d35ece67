"""The tree in the database: compared first, then changed all or not at all."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from hotspot.areas.files import parse_csv
from hotspot.areas.importer import (
    PACKAGED,
    AreasInUse,
    BadAreas,
    Diff,
    TreeChanged,
    apply,
    compare,
    import_packaged_areas,
    read_file,
)
from hotspot.areas.models import Area, Level
from hotspot.areas.service import find_area, get_area, tree
from hotspot.db import Database
from hotspot.errors import Invalid
from hotspot.sites.settings import give
from hotspot.spreadsheets.limits import UnusableFile
from tests.conftest import NOW
from tests.world import World, make_site

CITY = ["1,kota,Kota,,,", "1.1,kecamatan,Barat,1,,", "1.2,kecamatan,Timur,1,,", "1.1.1,kelurahan,Laut,1.1,-2.1,106.1"]
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[106.0, -2.0], [106.4, -2.0], [106.4, -1.6], [106.0, -1.6], [106.0, -2.0]]],
}


def csv_of(*lines: str) -> bytes:
    return ("code,level,name,parent,latitude,longitude\n" + "\n".join(lines)).encode()


def difference(db: Session, *lines: str, replace: bool = False) -> Diff:
    return compare(db, parse_csv(csv_of(*lines), {}), replace=replace)


def bring_in(db: Session, *lines: str, replace: bool = False) -> None:
    apply(db, difference(db, *lines, replace=replace))


def codes(db: Session) -> list[str]:
    return [area.code for area in tree(db)]


def geojson(path: Path, *areas: tuple[str, str, object]) -> Path:
    features = [
        {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": geometry}
        for code, name, geometry in areas
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


# --- extend and replace --------------------------------------------------------------------------------------------------


def test_the_packaged_city_has_its_official_areas(database: Database) -> None:
    with database.writing() as db:
        import_packaged_areas(db)

    with database.reading() as db:
        levels = [area.level for area in tree(db)]
        assert [levels.count(level) for level in Level] == [1, 7, 42]
        assert all(area.latitude is not None and area.longitude is not None for area in tree(db))
        assert get_area(db, "19.71.05.1004").name == "Bukit Sari"
        assert compare(db, read_file(PACKAGED, db), replace=True).is_empty


def test_extending_adds_and_changes_and_removes_nothing(database: Database) -> None:
    with database.writing() as db:
        bring_in(db, *CITY)
        diff = difference(db, "1.1.1,kelurahan,Laut Baru,1.2,,", "1.2.9,kelurahan,Bukit,1.2,,", "1,kota,Kota,,,")

        assert diff.lines() == [
            "+ kelurahan Bukit (1.2.9)",
            "~ kelurahan Laut Baru (1.1.1): name Laut → Laut Baru, parent 1.1 → 1.2",
        ]
        assert diff.summary() == {
            "added": ["1.2.9"],
            "changed": {"1.1.1": {"name": ["Laut", "Laut Baru"], "parent": ["1.1", "1.2"]}},
            "removed": [],
            "unchanged": 3,
        }
        apply(db, diff)

    with database.reading() as db:
        assert codes(db) == ["1", "1.1", "1.2", "1.1.1", "1.2.9"]
        moved = get_area(db, "1.1.1")
        assert (moved.name, moved.latitude) == ("Laut Baru", -2.1)
        assert moved.parent_id == get_area(db, "1.2").id


def test_replacing_removes_what_the_file_does_not_name_even_the_kota(database: Database) -> None:
    with database.writing() as db:
        bring_in(db, *CITY)
        diff = difference(db, "2,kota,Lain,,,", "1.2,kecamatan,Timur,2,,", replace=True)

        assert diff.lines()[-3:] == ["- kota Kota (1)", "- kecamatan Barat (1.1)", "- kelurahan Laut (1.1.1)"]
        apply(db, diff)

    with database.reading() as db:
        assert codes(db) == ["2", "1.2"]


def test_the_same_file_again_is_no_difference(database: Database) -> None:
    with database.writing() as db:
        bring_in(db, *CITY)

        assert difference(db, *CITY, replace=True).is_empty
        assert difference(db, *CITY, replace=True).lines() == []


def test_comparing_changes_nothing(database: Database) -> None:
    with database.reading() as db:
        difference(db, *CITY)

        assert codes(db) == []


# --- polygons ------------------------------------------------------------------------------------------------------------


def test_polygons_come_to_known_areas_from_geojson_and_stay_without(database: Database, tmp_path: Path) -> None:
    file = geojson(tmp_path / "polygons.geojson", ("1.1.1", "Laut", SQUARE), ("1.1", "Barat", SQUARE))
    with database.writing() as db:
        bring_in(db, *CITY)
        diff = compare(db, read_file(file, db), replace=False)
        apply(db, diff)
        bring_in(db, *CITY, replace=True)

    assert diff.changed[0].fields == (("polygon", "none", "Polygon of 5 positions"),)
    with database.reading() as db:
        laut, barat = get_area(db, "1.1.1"), get_area(db, "1.1")
        assert laut.polygon == barat.polygon == SQUARE
        assert (laut.latitude, laut.longitude) == (-2.1, 106.1), "given coordinates stay"
        assert barat.latitude == pytest.approx(-1.8, abs=0.2), "an area without any gets a label point"
        assert barat.longitude == pytest.approx(106.2)
        assert db.scalar(text("SELECT count(*) FROM area WHERE polygon IS NULL")) == 2


def test_a_new_area_gets_its_label_point(database: Database, tmp_path: Path) -> None:
    file = geojson(tmp_path / "one.json", ("19.71", "Kota", SQUARE))
    with database.writing() as db:
        apply(db, compare(db, read_file(file, db), replace=True))

        area = get_area(db, "19.71")
        assert area.longitude == pytest.approx(106.2)


# --- what is refused -----------------------------------------------------------------------------------------------------


def test_everything_wrong_is_said_by_row_and_nothing_is_written(database: Database) -> None:
    with database.writing() as db, pytest.raises(BadAreas) as caught:
        bring_in(
            db,
            "1,kota,Kota,,,",
            "1.1,kecamatan,,1,,",
            "1.1.1,kelurahan,A,1.1,,",
            "1.2.1,kelurahan,B,1.2,,",
            "1.3,kecamatan,C,1,100,1",
            "1.4.1,kelurahan,D,1,,",
        )

    assert str(caught.value) == (
        "The file of areas can't be used, nothing was changed: row 3: name is missing; "
        "row 5: its parent 1.2 does not exist; row 6: latitude '100' is not a number from -90 to 90; "
        "row 7: the parent of a kelurahan is a kecamatan, but 1 is a kota"
    )
    with database.reading() as db:
        assert codes(db) == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            ["1.1,kecamatan,A,1.1,,", "1,kota,K,,,"],
            "row 2: the parent of a kecamatan is a kota, but 1.1 is a kecamatan",
        ),
        (
            ["1,kota,K,,,", "a,kecamatan,A,b,,", "b,kecamatan,B,a,,"],
            "row 3: .* but b is a kecamatan; row 4: .* but a is",
        ),
        (["1,kota,K,,,", "2,kota,L,,,"], "row 2: there is another kota, 2; .*row 3: there is another kota, 1"),
        ([], "must be one kota, the file has none"),
    ],
    ids=["its own parent", "a ring", "two kota", "nothing"],
)
def test_what_is_no_tree_is_refused(database: Database, lines: list[str], problem: str) -> None:
    with database.reading() as db, pytest.raises(BadAreas, match=problem):
        difference(db, *lines, replace=True)


def test_an_extension_must_fit_the_tree_that_is_there(database: Database) -> None:
    with database.writing() as db:
        bring_in(db, *CITY)

        with pytest.raises(BadAreas, match="row 2: there is another kota, 1; an installation has one"):
            difference(db, "2,kota,Lain,,,")
        with pytest.raises(BadAreas, match=r"row 2: 1\.1 is a kecamatan; an area's level can't change"):
            difference(db, "1.1,kelurahan,Barat,1.2,,")
        with pytest.raises(BadAreas, match=r"row 2: its parent 1\.1 does not exist"):
            difference(db, "1.1.1,kelurahan,Laut,1.1,,", "1,kota,Kota,,,", replace=True)


def test_a_long_list_of_problems_ends_with_how_many_more(database: Database) -> None:
    with database.reading() as db, pytest.raises(BadAreas, match=r"row 31: name is missing; and 1,470 more$"):
        difference(db, *(f"1.{number},kecamatan,,1,," for number in range(1500)))


def test_areas_with_sites_or_settings_are_not_removed_and_are_named(database: Database, world: World) -> None:
    without = b"\n".join(line for line in PACKAGED.read_bytes().split(b"\n") if b"19.71.02" not in line)
    with database.writing() as db:
        make_site(db, "Pasar", "19.71.02.1002", NOW)
        give(db, get_area(db, "19.71.02"), "ssid", "Taman Sari")

        with pytest.raises(AreasInUse) as caught:
            compare(db, parse_csv(without, {}), replace=True)

    assert "Gedung Nasional (19.71.02.1002) has site: 2; Taman Sari (19.71.02) has setting: 1" in str(caught.value)


def test_a_tree_that_changed_after_the_look_is_not_written_over(database: Database) -> None:
    with database.writing() as db:
        bring_in(db, *CITY)
    with database.reading() as db:
        diff = difference(db, "1.2,kecamatan,Timur Laut,1,,")
    with database.writing() as db:
        bring_in(db, "1.2,kecamatan,Tenggara,1,,")

    with database.writing() as db, pytest.raises(TreeChanged):
        apply(db, diff)

    with database.reading() as db:
        assert get_area(db, "1.2").name == "Tenggara"


def test_an_import_is_all_or_nothing(database: Database) -> None:
    def import_and_fail() -> None:
        with database.writing() as db:
            bring_in(db, *CITY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        import_and_fail()

    with database.reading() as db:
        assert find_area(db, "1") is None


# --- files on disk -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("areas.xlsx", "neither a .csv nor a .geojson"),
        ("missing.csv", "No such file"),
        ("folder.csv", "Is a directory"),
    ],
)
def test_a_file_that_can_not_be_read_is_named(database: Database, tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "folder.csv").mkdir()

    with database.reading() as db, pytest.raises(UnusableFile, match=problem):
        read_file(tmp_path / name, db)


def test_a_file_is_never_read_beyond_its_limit(database: Database, tmp_path: Path) -> None:
    huge = tmp_path / "huge.CSV"
    with huge.open("wb") as file:
        file.truncate(10**12)

    with database.reading() as db, pytest.raises(UnusableFile, match="larger than 5 MiB"):
        read_file(huge, db)


# --- any tree ------------------------------------------------------------------------------------------------------------

some_codes = st.sampled_from(["1", "1.1", "1.2", "1.1.1", "1.2.1", "x", ""])
some_lines = st.lists(
    st.tuples(some_codes, st.sampled_from([*Level, ""]), st.sampled_from(["A", "B", ""]), some_codes).map(
        lambda cells: ",".join([*cells, "", ""])
    ),
    max_size=6,
)


@given(first=some_lines, second=some_lines, replace=st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_imported_the_tree_stays_a_tree(
    database: Database, first: list[str], second: list[str], replace: bool
) -> None:
    with Session(database.engine) as db:
        for lines in (CITY, first, second):
            try:
                bring_in(db, *lines, replace=replace)
            except Invalid:
                continue
            assert difference(db, *lines, replace=replace).is_empty
        areas = {area.id: area for area in tree(db)}

        assert [area.level for area in areas.values()].count("kota") == 1
        for area in areas.values():
            parent = areas.get(area.parent_id) if area.parent_id else None
            assert (Level(parent.level) if parent else None) is Level(area.level).parent
        assert len(areas) == db.scalar(text("SELECT count(*) FROM area")), "each hangs below the kota"
        db.rollback()


def test_the_model_says_which_level_is_above() -> None:
    assert [level.parent for level in Level] == [None, Level.KOTA, Level.KECAMATAN]
    assert Area(code="1", name="K", level=Level.KOTA).polygon is None
