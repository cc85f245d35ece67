import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.routers.forms import Form, canonical
from hotspot.routers.menus import FLOOR, MENUS, Attribute, Kind, read_version, write_version


@pytest.mark.parametrize(
    ("form", "one", "other"),
    [
        (Form.DURATION, "300s", "5m"),
        (Form.DURATION, "300", "00:05:00"),
        (Form.DURATION, "1d02:00:00", "26h"),
        (Form.DURATION, "90000ms", "1m30s"),
        (Form.DURATION, "0s", "00:00:00"),
        (Form.BOOL, "yes", "true"),
        (Form.BOOL, "no", "false"),
        (Form.NUMBER, "0114", "114"),
        (Form.WORDS, "http-pap,http-chap", "http-chap, http-pap"),
        (Form.LIST, "1.1.1.1, 9.9.9.9", "1.1.1.1,9.9.9.9"),
        (Form.MAC, "aa-bb-cc-dd-ee-0f", "AA:BB:CC:DD:EE:0F"),
        (Form.NETWORK, "10.5.50.7/24", "10.5.50.0/24"),
        (Form.NETWORK, "10.90.0.1/32", "10.90.0.1"),
        (Form.NETWORK, "!10.5.50.7/24", "!10.5.50.0/24"),
        (Form.NETWORK, "fd00:0::1", "fd00::1"),
        (Form.NETWORK, "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        (Form.ADDRESS, "10.5.50.1/255.255.255.0", "10.5.50.1/24"),
    ],
)
def test_two_writings_of_one_value_are_the_same(form: Form, one: str, other: str) -> None:
    assert canonical(form, one) == canonical(form, other)


@pytest.mark.parametrize(
    ("form", "one", "other"),
    [
        (Form.DURATION, "5m", "5s"),
        (Form.DURATION, "none", "0s"),
        (Form.TEXT, "yes", "true"),
        (Form.LIST, "1.1.1.1,9.9.9.9", "9.9.9.9,1.1.1.1"),
        (Form.ADDRESS, "10.5.50.1/24", "10.5.50.2/24"),
        (Form.NETWORK, "!10.5.50.0/24", "10.5.50.0/24"),
        (Form.NETWORK, "somewhere", "elsewhere"),
        (Form.ADDRESS, "x", "y"),
        (Form.MAC, "x", "X"),
        (Form.NUMBER, "many", "few"),
    ],
)
def test_different_values_stay_different(form: Form, one: str, other: str) -> None:
    assert canonical(form, one) != canonical(form, other)


@given(st.sampled_from(Form), st.text() | st.from_regex(r"[0-9:.,/!a-f\-wdhms ]{0,20}", fullmatch=True))
def test_the_one_writing_of_anything_is_its_own_writing(form: Form, text: str) -> None:
    written = canonical(form, text)

    assert canonical(form, written) == written


def test_what_nobody_gave_is_the_default() -> None:
    attribute = Attribute(Form.BOOL, default="yes")

    assert attribute.same("", "true")
    assert not attribute.same("", "no")


def test_an_attribute_exists_from_its_version_until_it_is_gone() -> None:
    attribute = Attribute(since=(7, 20), until=(7, 22))

    assert [attribute.exists_in(version) for version in ((7, 19, 4), (7, 20), (7, 21, 3), (7, 22), (7, 22, 1))] == [
        *(False, True, True, False, False)
    ]


@pytest.mark.parametrize(
    ("text", "version"),
    [("7.19.4 (stable)", (7, 19, 4)), ("7.24", (7, 24)), ("7.20beta2", (7, 20)), ("", ()), ("x", ())],
)
def test_versions_are_read_as_the_router_says_them(text: str, version: tuple[int, ...]) -> None:
    assert read_version(text) == version


def test_menus_stand_behind_what_they_refer_to() -> None:
    order = list(MENUS)

    for menu in MENUS.values():
        for attribute in menu.attributes.values():
            if attribute.refers in MENUS:
                assert order.index(attribute.refers) < order.index(menu.path)
    assert write_version(FLOOR) == "7.19.2"


def test_every_list_of_ours_can_be_marked_and_every_key_is_known() -> None:
    for menu in MENUS.values():
        assert set(menu.key) <= set(menu.attributes)
        assert menu.kind is not Kind.LIST or menu.marked_by_comment or len(menu.key) == 1
        assert set(menu.attributes) <= set(menu.proplist)
    assert ".id" not in MENUS["/ip/dns"].proplist
