"""Numbers as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.guests.phone_numbers import BadPhoneNumber, PhoneNumber


@pytest.mark.parametrize(
    "typed",
    [
        "081278123456",
        "0812 7812 3456",
        "+62 812-7812-3456",
        "6281278123456",
        "(0812) 78123456",
        "０８１２７８１２３４５６",
    ],
)
def test_one_number_is_the_same_however_it_is_typed(typed: str) -> None:
    number = PhoneNumber.parse(typed, ["ID"])

    assert number.text == "+6281278123456"
    assert (number.digits, number.national) == ("6281278123456", "081278123456")
    assert number.prefix == "+628127812"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "0",
        "halo",
        "0717 123456",
        "081",
        "08127812345678901",
        "+65 8123 4567",
        "0809 1 234567",
        "081278123456 ext. 7",
        "0" * 33,
    ],
)
def test_what_is_no_mobile_number_of_the_country_is_refused(typed: str) -> None:
    with pytest.raises(BadPhoneNumber):
        PhoneNumber.parse(typed, ["ID"])


def test_a_further_country_may_be_allowed() -> None:
    assert PhoneNumber.parse("+65 8123 4567", ["ID", "SG"]).text == "+6581234567"


def test_a_number_is_not_told_by_its_repr() -> None:
    assert "812" not in repr(PhoneNumber.parse("081278123456", ["ID"]))


@given(st.text(max_size=40))
def test_nothing_typed_crashes_it(typed: str) -> None:
    try:
        number = PhoneNumber.parse(typed, ["ID"])
    except BadPhoneNumber:
        return
    assert number.text.startswith("+628")
