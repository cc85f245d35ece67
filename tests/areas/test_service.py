import pytest

from hotspot.areas.service import (
    NoAreas,
    NoSuchArea,
    children_of,
    find_area,
    get_area,
    ids_below,
    path_of,
    top_area,
    tree,
)
from hotspot.db import Database
from hotspot.errors import NotFound
from tests.world import BUKIT_SARI, GERUNGGANG, KOTA, World


def test_an_area_is_found_by_its_official_code(database: Database, world: World) -> None:
    with database.reading() as db:
        assert get_area(db, BUKIT_SARI).name == "Bukit Sari"
        assert find_area(db, "19.71.99") is None
        with pytest.raises(NoSuchArea, match=r"19\.71\.99"):
            get_area(db, "19.71.99")


def test_the_kota_is_on_top_and_missing_before_an_import(database: Database) -> None:
    with database.reading() as db, pytest.raises(NoAreas) as caught:
        top_area(db)
    assert isinstance(caught.value, NotFound)


def test_one_finds_the_way_up_and_down(database: Database, world: World) -> None:
    with database.reading() as db:
        top = top_area(db)
        gerunggang = get_area(db, GERUNGGANG)

        assert top.code == KOTA
        assert [area.code for area in children_of(db, top)] == [f"19.71.0{number}" for number in range(1, 8)]
        assert [area.code for area in path_of(db, get_area(db, BUKIT_SARI))] == [KOTA, GERUNGGANG, BUKIT_SARI]
        assert path_of(db, top) == [top]
        below = [gerunggang.id, *(area.id for area in children_of(db, gerunggang))]
        assert sorted(ids_below(db, gerunggang)) == sorted(id_ for id_ in below if id_ is not None)
        assert len(ids_below(db, top)) == 50


def test_the_tree_lists_each_parent_before_its_children(database: Database, world: World) -> None:
    with database.reading() as db:
        listed = [area.code for area in tree(db)]

    assert listed == sorted(listed)
