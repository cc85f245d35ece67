"""Typed values out of attributes, and back."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.radius.attributes import MIKROTIK, Attr, Attributes, MikroTik, VendorAttr, Wispr, make, make64, split64
from hotspot.radius.packet import MalformedPacket


def vendor_specific(*parts: tuple[int, bytes], vendor: int = MIKROTIK) -> tuple[int, bytes]:
    inside = b"".join(bytes((number, len(value) + 2)) + value for number, value in parts)
    return 26, vendor.to_bytes(4, "big") + inside


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_text_comes_back(text: str) -> None:
    attributes = Attributes(
        [make(Attr.USER_NAME, text), make(MikroTik.RATE_LIMIT, text[:50]), make(Wispr.LOCATION_NAME, text)]
    )

    assert attributes.text(Attr.USER_NAME) == text
    assert attributes.text(MikroTik.RATE_LIMIT) == text[:50]
    assert attributes.text(Wispr.LOCATION_NAME) == text


@given(st.integers(0, 2**64 - 1))
def test_64_bit_limits_come_back(value: int) -> None:
    made = make64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS, value)

    assert Attributes(made).integer64(MikroTik.TOTAL_LIMIT, MikroTik.TOTAL_LIMIT_GIGAWORDS) == value
    assert len(made) == (1 if value < 2**32 else 2)
    assert split64(value) == (value & 0xFFFFFFFF, value >> 32)


def test_addresses_and_moments_come_back() -> None:
    attributes = Attributes(
        [
            make(Attr.FRAMED_IP_ADDRESS, IPv4Address("10.5.50.2")),
            make(Attr.NAS_IPV6_ADDRESS, IPv6Address("fd00::1")),
            make(Attr.EVENT_TIMESTAMP, 1_700_000_000),
            make(Attr.CLASS, b"\xff\x00"),
        ]
    )

    assert attributes.address(Attr.FRAMED_IP_ADDRESS) == IPv4Address("10.5.50.2")
    assert attributes.address6(Attr.NAS_IPV6_ADDRESS) == IPv6Address("fd00::1")
    assert attributes.moment(Attr.EVENT_TIMESTAMP) == datetime.fromtimestamp(1_700_000_000, UTC)
    assert attributes.octets(Attr.CLASS) == b"\xff\x00"
    assert Attr.CLASS in attributes


def test_absent_attributes_are_none() -> None:
    attributes = Attributes([])

    assert attributes.text(Attr.USER_NAME) is None
    assert attributes.integer(Attr.NAS_PORT) is None
    assert attributes.address(Attr.NAS_IP_ADDRESS) is None
    assert attributes.address6(Attr.NAS_IPV6_ADDRESS) is None
    assert attributes.moment(Attr.EVENT_TIMESTAMP) is None
    assert attributes.integer64(Attr.ACCT_INPUT_OCTETS, Attr.ACCT_INPUT_GIGAWORDS) is None
    assert Attr.CLASS not in attributes


def test_several_vendor_attributes_in_one_and_foreign_vendors_opaque() -> None:
    attributes = Attributes([vendor_specific((8, b"1M/2M"), (3, b"guests")), (26, b"\0\0\0\x09\x01\xff")])

    assert attributes.text(MikroTik.RATE_LIMIT) == "1M/2M"
    assert attributes.text(MikroTik.GROUP) == "guests"


@pytest.mark.parametrize("value", [b"\x08", b"\x08\x00", b"\x08\x02", b"\x08\x05a", b"\x08\x03a\x01"])
def test_a_vendor_specific_of_ours_that_does_not_add_up_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedPacket):
        Attributes([(26, MIKROTIK.to_bytes(4, "big") + value)])


@pytest.mark.parametrize("text", [b"a\0b", b"\xff\xfe", b"x" * 65])
def test_hostile_text_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedPacket):
        Attributes([(Attr.CALLED_STATION_ID, text)]).text(Attr.CALLED_STATION_ID, longest=64)


def test_a_repeated_single_value_is_malformed_when_asked_for() -> None:
    attributes = Attributes(
        [(1, b"gina"), (1, b"alice"), (33, b"a"), vendor_specific((8, b"1M")), vendor_specific((8, b"9M"))]
    )

    with pytest.raises(MalformedPacket):
        attributes.text(Attr.USER_NAME)
    with pytest.raises(MalformedPacket):
        attributes.text(MikroTik.RATE_LIMIT)


def test_a_vendor_number_of_the_wrong_size_is_malformed() -> None:
    attributes = Attributes([vendor_specific((17, b"abc"))])

    with pytest.raises(MalformedPacket):
        attributes.integer(MikroTik.TOTAL_LIMIT)
    with pytest.raises(MalformedPacket):
        attributes.address(MikroTik.TOTAL_LIMIT)


@pytest.mark.parametrize(
    ("key", "value"),
    [(Attr.NAS_PORT, -1), (Attr.NAS_PORT, 2**32), (VendorAttr(1, 1), b"x" * 248), (VendorAttr(1, 1), b"")],
)
def test_refuses_to_make_what_does_not_fit(key: int | VendorAttr, value: int | bytes) -> None:
    with pytest.raises(MalformedPacket):
        make(key, value)


def test_refuses_to_split_what_is_no_64_bit_number() -> None:
    for value in (-1, 2**64):
        with pytest.raises(MalformedPacket):
            split64(value)
