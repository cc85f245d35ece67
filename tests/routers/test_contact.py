"""What a router says of itself is hostile until it is parsed."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.routers.contact import MOST_OCTETS, BadContact, BadSerial, FirstContact, is_key, parse, read_serial
from tests.routers.boxes import FINGERPRINT, Box

BOX = Box("HG209ABC1234")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(st.text(max_size=10), children, max_size=5),
    max_leaves=8,
)


def said(**changed: object) -> bytes:
    return json.dumps(BOX.says("t" * 27) | changed).encode()


def test_a_first_contact_becomes_a_typed_value_that_hides_its_token() -> None:
    contact = parse(said())

    assert contact == FirstContact(
        serial="HG209ABC1234",
        wireguard_key=BOX.key,
        version="7.20.8 (stable)",
        token="t" * 27,
        model="hAP ax^2",
        licence="4",
        packages=("routeros", "wifi-qcom"),
        device_mode=(("fetch", "yes"), ("hotspot", "yes"), ("mode", "advanced")),
        fingerprint=FINGERPRINT,
    )
    assert "ttt" not in repr(contact)


def test_digits_may_come_as_numbers_and_most_facts_may_be_missing() -> None:
    least = {"serial": 123456789012, "licence": 4, "wireguard_key": BOX.key, "version": "7.19.2"}

    contact = parse(json.dumps(least).encode())

    assert (contact.serial, contact.licence, contact.token, contact.packages) == ("123456789012", "4", "", ())


@given(st.binary(max_size=300))
def test_no_octets_crash_the_parser(octets: bytes) -> None:
    with pytest.raises(BadContact):
        parse(octets)


@given(st.sampled_from(sorted(BOX.says())), anything)
def test_a_field_is_taken_in_its_shape_or_refused_by_name_and_never_repeated(name: str, value: object) -> None:
    try:
        contact = parse(said(**{name: value}))
    except BadContact as error:
        problem = str(error)
    else:
        problem = f"The field {name} can't be used"
        for text in (contact.serial, contact.model, contact.version, contact.licence, contact.token):
            assert text.isascii()
            assert text.isprintable()
            assert not set(text) & set("\"\\$[]{};#'")

    assert problem == f"The field {name} can't be used"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 8000,
        b"1" * 8000,
        b'{"serial":' + b"9" * 7000 + b"}",
        b"\xff\xfe",
        said(model="x" * 9) + b" " * MOST_OCTETS,
        said(serial="ab"),
        said(serial="a" * 41),
        said(serial='x";/user/add'),
        said(serial=True),
        said(serial=["HG209ABC1234"]),
        said(serial="HG209ABC1234\n/system reset"),
        said(token="short"),
        said(token=["t" * 27]),
        said(version="six"),
        said(version="7.19; /reboot"),
        said(model="\ud800"),
        said(packages=["x"] * 41),
        said(packages="routeros"),
        said(packages=[{}]),
        said(device_mode={"a b": "yes"}),
        said(device_mode=[]),
        said(device_mode={f"x{n}": "yes" for n in range(61)}),
        said(fingerprint="ab"),
        said(wireguard_key=base64.b64encode(bytes(32)).decode()),
        said(wireguard_key=base64.b64encode(b"x" * 31).decode()),
        said(wireguard_key="é" * 44),
        said(wireguard_key=7),
    ],
)
def test_what_is_no_contact_is_refused(octets: bytes) -> None:
    with pytest.raises(BadContact):
        parse(octets)


@given(st.binary(min_size=32, max_size=32))
def test_only_the_one_spelling_of_a_key_is_a_key(octets: bytes) -> None:
    text = base64.b64encode(octets).decode()

    assert is_key(text) == any(octets)
    assert not is_key(text + "\n")
    assert not is_key(text[:-1])


def test_a_serial_number_may_be_typed_with_blanks_around_it() -> None:
    assert read_serial(" HG209ABC1234 ") == "HG209ABC1234"
    with pytest.raises(BadSerial, match="4 to 40 letters"):
        read_serial("HG 209")
