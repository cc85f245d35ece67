"""Which kelurahan is meant."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.areas.models import Level
from hotspot.sites.gazetteer import Gazetteer, Place, Unplaced

BUKIT_SARI = Place(3, "19.71.05.1004", "Bukit Sari", Level.KELURAHAN, "Gerunggang")
BACANG = Place(4, "19.71.05.1005", "Bacang", Level.KELURAHAN, "Gerunggang")
OTHER_BACANG = Place(5, "19.71.02.1006", "Bacang", Level.KELURAHAN, "Taman Sari")
PLACES = [
    Place(1, "19.71", "Kota", Level.KOTA, ""),
    Place(2, "19.71.05", "Gerunggang", Level.KECAMATAN, "Kota"),
    BUKIT_SARI,
    BACANG,
    OTHER_BACANG,
]


def find(code: str = "", name: str = "", kecamatan: str = "") -> Place:
    return Gazetteer(PLACES).find(code=code, name=name, kecamatan=kecamatan)


@pytest.mark.parametrize(
    ("code", "name", "kecamatan"),
    [
        ("19.71.05.1004", "", ""),
        ("1971051004", "", ""),
        ("", "19.71.05.1004", ""),
        ("", "Bukit Sari", ""),
        ("", " BUKITSARI", "GERUNGGANG"),
        ("", "Kel. Bukit-Sari", "Kec. Gerunggang"),
        ("", "kelurahan bukit  sari", ""),
        ("19.71.05.1004", "bukit sari", "gerunggang"),
    ],
)
def test_people_write_a_kelurahan_in_many_ways(code: str, name: str, kecamatan: str) -> None:
    assert find(code, name, kecamatan) == BUKIT_SARI


def test_a_kecamatan_tells_two_of_the_same_name_apart() -> None:
    assert find(name="Bacang", kecamatan="Gerunggang") == BACANG
    assert find(name="Bacang", kecamatan="Taman Sari") == OTHER_BACANG


@pytest.mark.parametrize(
    ("given_", "field", "problem", "hint"),
    [
        (
            ("", "Bukti Sari", ""),
            "kelurahan",
            "there is no kelurahan 'Bukti Sari'",
            "did you mean Bukit Sari (19.71.05.1004)?",
        ),
        (("", "Xyzzy", ""), "kelurahan", "there is no kelurahan", "hotspot areas list"),
        (("19.71.99", "", ""), "code", "no area has the code '19.71.99'", "hotspot areas list"),
        (("19.71.99", "Bukit Sary", ""), "code", "no area has the code", "did you mean Bukit Sari"),
        (("", "Gerunggang", ""), "kelurahan", "Gerunggang (19.71.05) is a kecamatan", "one of its kelurahan"),
        (("19.71.05", "", ""), "code", "Gerunggang (19.71.05) is a kecamatan", "one of its kelurahan"),
        (("", "19.71", ""), "kelurahan", "Kota (19.71) is a kota", "one of its kelurahan"),
        (("19.71.05.1004", "Bacang", ""), "kelurahan", "which is Bukit Sari", "correct one"),
        (
            ("", "Bukit Sari", "Taman Sari"),
            "kecamatan",
            "does not lie in the kecamatan 'Taman Sari'",
            "lies in Gerunggang",
        ),
        (("19.71.05.1004", "", "Taman Sari"), "kecamatan", "does not lie in", "lies in Gerunggang"),
        (
            ("", "Bacang", ""),
            "kelurahan",
            "several kelurahan are named Bacang",
            "19.71.05.1005 in Gerunggang and 19.71.02.1006",
        ),
    ],
)
def test_what_is_not_one_kelurahan_is_said_with_what_to_do(
    given_: tuple[str, str, str], field: str, problem: str, hint: str
) -> None:
    with pytest.raises(Unplaced) as unplaced:
        find(*given_)

    assert unplaced.value.field == field
    assert problem in unplaced.value.problem
    assert hint in unplaced.value.hint


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_words_are_a_kelurahan_or_unplaced(code: str, name: str, kecamatan: str) -> None:
    with suppress(Unplaced):
        assert find(code, name, kecamatan).level is Level.KELURAHAN
