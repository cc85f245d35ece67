"""Many sites from one table: compared first, then all or none."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import Session

from hotspot.db import Database
from hotspot.sites.importer import MOST_PROBLEMS, BadSites, Diff, FieldChange, SiteFile, bring_in, compare, read
from hotspot.sites.models import SiteState
from hotspot.sites.service import add_site, all_sites, get_site
from hotspot.spreadsheets.text import lines_of_csv
from tests.conftest import NOW
from tests.world import BUKIT_SARI, GEDUNG_NASIONAL, World

HEADER = "nama,kelurahan,kecamatan,alamat,koordinat,slug"
TAMAN = "Taman Mandara,Bukit Sari,Gerunggang,Jl. Merdeka,-2.13 106.11,"
CAN_NOT_MOVE = "a site can't move to another kelurahan; leave the slug empty to add a new one"
PUSTAKA = f"Pustaka,{GEDUNG_NASIONAL},,,,"


def file_of(*rows: str, header: str = HEADER) -> SiteFile:
    return read(lines_of_csv("\n".join([header, *rows]).encode()))


def brought(db: Session, *rows: str, state: SiteState = SiteState.LIVE) -> Diff:
    return bring_in(db, file_of(*rows), state=state, now=NOW)


def problems(database: Database, *rows: str) -> list[str]:
    with database.reading() as db, pytest.raises(BadSites) as bad:
        compare(db, file_of(*rows))
    return [str(problem) for problem in bad.value.problems]


def slugs(database: Database) -> list[str]:
    with database.reading() as db:
        return sorted(site.slug for site, _ in all_sites(db))


def test_new_sites_are_added_in_their_kelurahan(database: Database, world: World) -> None:
    with database.writing() as db:
        diff = brought(db, TAMAN, PUSTAKA, state=SiteState.PLANNED)

    assert diff.lines() == ["+ Taman Mandara, Bukit Sari (19.71.05.1004)", "+ Pustaka, Gedung Nasional (19.71.02.1002)"]
    with database.reading() as db:
        site = get_site(db, "taman-mandara")
        assert (site.name, site.address, site.state) == ("Taman Mandara", "Jl. Merdeka", "planned")
        assert (site.latitude, site.longitude, site.created_at) == (-2.13, 106.11, NOW)
        assert [area.code for found, area in all_sites(db) if found.slug == "pustaka"] == [GEDUNG_NASIONAL]


def test_the_same_file_again_changes_nothing(database: Database, world: World) -> None:
    with database.writing() as db:
        brought(db, TAMAN, PUSTAKA)

    with database.writing() as db:
        again = brought(db, TAMAN.replace("Taman Mandara", "TAMAN  mandara").replace("TAMAN", "Taman").lower(), PUSTAKA)

    assert [change.slug for change in again.changed] == ["taman-mandara"]  # only how it is spelled
    with database.writing() as db:
        assert brought(db, TAMAN, PUSTAKA).added == ()
    with database.writing() as db:
        assert brought(db, TAMAN, PUSTAKA) == Diff((), (), unchanged=2)


def test_changes_are_shown_as_changes_and_empty_cells_leave_what_is_there(database: Database, world: World) -> None:
    with database.writing() as db:
        brought(db, TAMAN)

    with database.writing() as db:
        diff = brought(db, "Taman Mandara,Bukit Sari,,Jl. Sudirman,,")

    assert diff.changed[0].fields == (FieldChange("address", "Jl. Merdeka", "Jl. Sudirman"),)
    assert diff.lines() == ["~ taman-mandara: address 'Jl. Merdeka' → 'Jl. Sudirman'"]
    assert diff.summary()["changed"] == {"taman-mandara": {"address": ["Jl. Merdeka", "Jl. Sudirman"]}}
    with database.reading() as db:
        site = get_site(db, "taman-mandara")
        assert (site.address, site.latitude) == ("Jl. Sudirman", -2.13)


def test_a_site_is_renamed_by_its_slug(database: Database, world: World) -> None:
    with database.writing() as db:
        brought(db, TAMAN)

    with database.writing() as db:
        brought(db, "Taman Baru,Bukit Sari,,,,taman-mandara")

    with database.reading() as db:
        assert get_site(db, "taman-mandara").name == "Taman Baru"


def test_sites_of_the_same_name_get_different_slugs(database: Database, world: World) -> None:
    before = slugs(database)

    with database.writing() as db:
        brought(db, "Pos,Bukit Sari,,,,", f"Pos,{GEDUNG_NASIONAL},,,,", "P.o.s,Bukit Sari,,,,", "Pós!,Bukit Sari,,,,")

    assert sorted(set(slugs(database)) - set(before)) == ["p-o-s", "pos", "pos-2", "pos-3"]


def test_every_wrong_row_is_said_and_none_is_kept(database: Database, world: World) -> None:
    before = slugs(database)
    rows = (
        TAMAN,
        ",Bukit Sari,,,,",
        "A,Bukti Sari,,,,",
        "B,Bukit Sari,Taman Sari,,,",
        "C,Bukit Sari,,,x,",
        "D,1,2",
        TAMAN,
    )

    with pytest.raises(BadSites, match="problems: 6"), database.writing() as db:
        brought(db, *rows)

    assert slugs(database) == before
    assert problems(database, *rows) == [
        "row 3, nama: is missing; write what people call the place",
        "row 4, kelurahan: there is no kelurahan 'Bukti Sari'; did you mean Bukit Sari (19.71.05.1004)?",
        "row 5, kecamatan: Bukit Sari does not lie in the kecamatan 'Taman Sari'; it lies in Gerunggang; correct one of the two",
        "row 6, koordinat: 'x' is not two numbers; write latitude and longitude: -2.13, 106.11",
        "row 7: has 3 cells, the header 6; look for a separator or quote too many or too few",
        "row 8, nama: row 2 is about the same site; leave one of the two out",
    ]


def test_a_slug_must_be_of_a_site_in_that_kelurahan(database: Database, world: World) -> None:
    with database.writing() as db:
        brought(db, TAMAN)

    assert problems(database, "X,Bukit Sari,,,,nowhere", "X,Gedung Nasional,,,,taman-mandara") == [
        "row 2, slug: there is no site nowhere; leave it empty for a new site; known ones: hotspot sites list",
        "row 3, kelurahan: taman-mandara does not lie in Gedung Nasional (19.71.02.1002); " + CAN_NOT_MOVE,
    ]


def test_a_row_by_name_and_a_row_by_slug_are_not_about_the_same_site(database: Database, world: World) -> None:
    with database.writing() as db:
        brought(db, TAMAN)

    (problem,) = problems(database, TAMAN, "Taman Baru,Bukit Sari,,,,taman-mandara")

    assert problem.startswith("row 3, nama: row 2 is about the same site")


def test_a_name_that_two_sites_have_needs_their_slugs(database: Database, world: World) -> None:
    with database.writing() as db:
        for _ in range(2):
            add_site(db, name="Pos", area_code=BUKIT_SARI, now=NOW)

    (problem,) = problems(database, "Pos,Bukit Sari,,,,")

    assert problem == ("row 2, nama: Bukit Sari has 2 sites of this name; say which in a column slug: pos, pos-2")
    with database.writing() as db:
        assert brought(db, "Pos,Bukit Sari,,Jl. A,,pos-2").changed[0].slug == "pos-2"


def test_after_many_problems_the_rest_is_not_looked_at(database: Database, world: World) -> None:
    unknown = [f"X{number},nowhere,,,," for number in range(MOST_PROBLEMS + 5)]
    nameless = [",Bukit Sari,,,,"] * (MOST_PROBLEMS + 5)

    for rows in (unknown, nameless):
        with database.reading() as db, pytest.raises(BadSites, match="500, and the rest was not looked at") as bad:
            compare(db, file_of(*rows))
        assert len(bad.value.problems) == MOST_PROBLEMS


def test_two_imports_of_one_file_at_once_add_its_sites_once(database: Database, world: World) -> None:
    def bring(_turn: int) -> int:
        with database.writing() as db:
            return len(brought(db, TAMAN, PUSTAKA).added)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(bring, range(4))) == [0, 0, 0, 2]


def test_progress_is_told_to_the_end(database: Database, world: World) -> None:
    told: list[tuple[int, int]] = []
    with database.writing() as db:
        brought(db, TAMAN)

    rows = [f"Pos {number},Bukit Sari,,,," for number in range(501)]
    with database.writing() as db:
        changed = TAMAN.replace("Merdeka", "Baru")
        bring_in(
            db, file_of(changed, *rows), state=SiteState.LIVE, now=NOW, written=lambda done, of: told.append((done, of))
        )

    assert told == [(500, 502), (501, 502), (502, 502)]


def test_columns_that_were_not_used_are_in_the_difference(database: Database, world: World) -> None:
    with database.reading() as db:
        diff = compare(db, file_of("1,Pos,Bukit Sari", header="No,nama,kelurahan"))

    assert diff.ignored == ("No",)
    assert diff.summary() == {
        "added": [{"row": 2, "name": "Pos", "area": BUKIT_SARI}],
        "changed": {},
        "unchanged": 0,
        "ignored_columns": ["No"],
    }
