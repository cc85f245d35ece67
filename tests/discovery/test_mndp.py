"""MNDP: octets made by hand, and properties."""

import string
import struct
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotspot.discovery import mndp
from hotspot.discovery.mndp import MalformedAnnouncement, Neighbour, build, is_refresh_request, parse
from hotspot.guests.models import MacAddress

MAC = bytes.fromhex("48a98a000001")
KNOWN = {int(number) for number in mndp.Type}


def attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value


def announcement(*attributes: tuple[int, bytes]) -> bytes:
    return b"\0\0\0\x2a" + b"".join(attribute(number, value) for number, value in attributes)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=mndp.LONGEST_TEXT)
neighbours = st.builds(
    Neighbour,
    mac=st.binary(min_size=6, max_size=6).filter(lambda octets: not octets[0] & 1 and any(octets)).map(MacAddress),
    identity=texts,
    version=texts,
    platform=st.text(string.ascii_letters, max_size=20),
    board=st.text(string.ascii_letters, max_size=20),
    software_id=st.text(string.ascii_letters, max_size=20),
    interface=st.text(string.ascii_letters, max_size=20),
    uptime=st.none() | st.integers(0, 2**32 - 1).map(lambda seconds: timedelta(seconds=seconds)),
    unpack=st.none() | st.integers(0, 255),
    ipv4=st.none() | st.ip_addresses(v=4),
    ipv6=st.none() | st.ip_addresses(v=6),
    others=st.lists(
        st.tuples(st.integers(0, 2**16 - 1).filter(lambda number: number not in KNOWN), st.binary(max_size=8)),
        max_size=4,
    ).map(tuple),
)


def test_an_announcement_becomes_a_neighbour() -> None:
    datagram = announcement(
        (1, MAC),
        (5, b"bench-1"),
        (7, b"7.19.2 (stable)"),
        (8, b"MikroTik"),
        (10, b"\x3c\0\0\0"),
        (11, b"ABCD-1234"),
        (12, b"RB951Ui-2HnD"),
        (14, b"\1"),
        (15, bytes.fromhex("fe800000000000000000000000000001")),
        (16, b"bridge/ether1"),
        (17, bytes([192, 168, 88, 1])),
        (99, b"?"),
    )

    assert parse(datagram) == Neighbour(
        mac=MacAddress(MAC),
        identity="bench-1",
        version="7.19.2 (stable)",
        platform="MikroTik",
        board="RB951Ui-2HnD",
        software_id="ABCD-1234",
        interface="bridge/ether1",
        uptime=timedelta(minutes=1),
        unpack=1,
        ipv4=IPv4Address("192.168.88.1"),
        ipv6=IPv6Address("fe80::1"),
        others=((99, b"?"),),
    )


def test_an_announcement_is_built_octet_by_octet() -> None:
    neighbour = Neighbour(MacAddress(MAC), identity="a", uptime=timedelta(seconds=1), unpack=0)

    assert build(neighbour, sequence=42) == announcement((1, MAC), (5, b"a"), (10, b"\1\0\0\0"), (14, b"\0"))


@given(neighbours, st.integers(0, 2**40))
def test_what_was_built_is_read_back(neighbour: Neighbour, sequence: int) -> None:
    assert parse(build(neighbour, sequence=sequence)) == neighbour


def is_clean(text: str) -> bool:
    return text.isprintable() and len(text) <= mndp.LONGEST_TEXT


@given(
    st.binary(max_size=200)
    | st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), st.binary(max_size=20))).map(
        lambda found: announcement(*found)
    )
)
@example(announcement((1, MAC), (5, b"\x1b[2J\n\xff"), (10, b"short")))
def test_any_octets_are_a_clean_neighbour_or_malformed(datagram: bytes) -> None:
    try:
        neighbour = parse(datagram)
    except MalformedAnnouncement:
        return

    said = (neighbour.identity, neighbour.version, neighbour.platform, neighbour.board, neighbour.interface)
    assert all(is_clean(text) for text in (*said, neighbour.software_id))


@given(neighbours, st.data())
def test_a_cut_announcement_is_never_taken_for_another(neighbour: Neighbour, data: st.DataObject) -> None:
    whole = build(neighbour)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]

    try:
        parsed = parse(cut)
    except MalformedAnnouncement:
        return

    assert parsed.mac == neighbour.mac
    assert build(parsed) == cut


@pytest.mark.parametrize(
    ("datagram", "problem"),
    [
        (b"", "0 octets"),
        (b"\0\0\0", "3 octets"),
        (bytes(1473), "1473 octets"),
        (announcement((5, b"nobody")), "no MAC address"),
        (announcement((1, b"\1" + MAC[1:])), "no MAC address"),
        (announcement((1, bytes(6))), "no MAC address"),
        (announcement((1, MAC)) + b"\0\5\0", "half an attribute at octet 14"),
        (announcement((1, MAC)) + b"\0\5\0\2a", "attribute 5 is longer"),
        (announcement((1, MAC), *[(99, b"")] * 63), "more than 63 attributes"),
    ],
)
def test_what_is_no_announcement_is_said(datagram: bytes, problem: str) -> None:
    with pytest.raises(MalformedAnnouncement, match=problem):
        parse(datagram)


def test_as_many_attributes_as_are_allowed_are_read() -> None:
    assert len(parse(announcement((1, MAC), *[(99, b"")] * 62)).others) == 62


def test_a_text_is_one_printable_line_that_is_not_endless() -> None:
    neighbour = parse(announcement((1, MAC), (5, b" a\x1b[31m\nb\xff\xe2\x80\xae "), (7, b"v" * 500)))

    assert neighbour.identity == "a\ufffd[31m\ufffdb\ufffd\ufffd"
    assert neighbour.version == "v" * 128


def test_the_first_of_two_counts_and_a_wrong_size_is_not_understood() -> None:
    neighbour = parse(announcement((1, MAC), (5, b"a"), (5, b"b"), (17, b"123"), (10, b""), (14, b"ab"), (15, b"")))

    assert neighbour == Neighbour(
        MacAddress(MAC), identity="a", others=((17, b"123"), (10, b""), (14, b"ab"), (15, b""))
    )


def test_the_two_forms_of_a_request_are_known_and_no_announcement_is_one() -> None:
    assert is_refresh_request(mndp.REFRESH_REQUEST)
    assert is_refresh_request(bytes(9))

    assert not is_refresh_request(bytes(3))
    assert not is_refresh_request(bytes(10))
    assert not is_refresh_request(announcement((1, MAC)))
