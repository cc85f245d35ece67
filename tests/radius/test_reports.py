"""Reading a packet of a known layout gives exactly what parsing it gives, or nothing."""

import hashlib

from hypothesis import assume, given
from hypothesis import strategies as st

from hotspot.radius.attributes import Attr, StatusType, make
from hotspot.radius.layouts import MOST_LAYOUTS, Layouts
from hotspot.radius.packet import (
    Code,
    MalformedPacket,
    Packet,
    Secret,
    acknowledgement,
    encode,
    flaw_in_request,
    is_from_holder,
    parse,
    sign_reply,
    sign_request,
)
from hotspot.radius.reports import FIELDS, Said, report_layouts, said_in

SECRET = Secret(b"the-secret-of-alun-alun-32-chars")
INTEGERS = [field for field in FIELDS if field not in FIELDS[1:6]]
attributes = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(INTEGERS).map(int), st.binary(min_size=4, max_size=4)),
        st.tuples(st.sampled_from([1, 25, 30, 31, 32, 44, 87, 200]), st.binary(min_size=1, max_size=40)),
        st.tuples(st.just(8), st.binary(min_size=4, max_size=4)),
        st.tuples(st.just(80), st.binary(min_size=16, max_size=16)),
        st.tuples(st.just(33), st.binary(min_size=1, max_size=4)),
    ),
    max_size=24,
).map(tuple)


def learnt(octets: bytes) -> Layouts[Said]:
    layouts, packet = report_layouts(), parse(octets)
    said_in(packet.attributes)
    layouts.learn(octets, packet.attributes)
    return layouts


@given(attributes, st.randoms(use_true_random=False))
def test_a_known_layout_is_read_as_parsing_reads_it(found: tuple[tuple[int, bytes], ...], chance: object) -> None:
    try:
        octets = encode(Packet(Code.ACCOUNTING_REQUEST, 7, bytes(16), found))
        layouts = learnt(octets)
    except MalformedPacket:
        assume(False)
    others = tuple((kind, bytes(chance.randrange(256) for _ in value)) for kind, value in found)  # type: ignore[attr-defined]
    other = encode(Packet(Code.ACCOUNTING_REQUEST, 9, bytes(range(16)), others))

    known = layouts.read(other)

    if Attr.PROXY_STATE in [kind for kind, _ in found]:
        assert known is None
    else:
        assert known is not None
        assert known[0] == said_in(parse(other).attributes)


@given(attributes, attributes)
def test_another_layout_is_not_read(one: tuple[tuple[int, bytes], ...], other: tuple[tuple[int, bytes], ...]) -> None:
    assume([(kind, len(value)) for kind, value in one] != [(kind, len(value)) for kind, value in other])
    try:
        layouts = learnt(encode(Packet(4, 7, bytes(16), one)))
        octets = encode(Packet(4, 7, bytes(16), other))
    except MalformedPacket:
        assume(False)

    assert layouts.read(octets) is None


@given(st.binary(max_size=120))
def test_whatever_the_octets_reading_them_raises_nothing(octets: bytes) -> None:
    layouts = learnt(encode(Packet(4, 7, bytes(16), (make(Attr.ACCT_STATUS_TYPE, 1), make(Attr.ACCT_SESSION_ID, "8")))))

    layouts.read(octets)


def test_padding_other_codes_and_other_lengths_are_not_read() -> None:
    octets = encode(Packet(4, 7, bytes(16), (make(Attr.ACCT_STATUS_TYPE, 1),)))
    layouts = learnt(octets)

    assert layouts.read(octets) is not None
    assert layouts.read(octets + b"\0") is None
    assert layouts.read(b"\1" + octets[1:]) is None
    assert layouts.read(octets[:2] + b"\0\x14" + octets[4:]) is None
    assert layouts.read(octets[:19]) is None


@given(attributes, st.integers(20, 200), st.integers(1, 255))
def test_a_signature_is_judged_as_in_the_long_way(
    found: tuple[tuple[int, bytes], ...], place: int, change: int
) -> None:
    try:
        octets = sign_request(Packet(Code.ACCOUNTING_REQUEST, 7, bytes(16), found), SECRET)
        layouts = learnt(octets)
    except MalformedPacket:
        assume(False)
    known = layouts.read(octets)
    assume(known is not None)
    assert known is not None
    assert is_from_holder(octets, SECRET, signature_at=known[1])
    assert not is_from_holder(octets, Secret(b"another"), signature_at=known[1])

    place = place % len(octets)
    forged = octets[:place] + bytes([octets[place] ^ change]) + octets[place + 1 :]

    assert not is_from_holder(forged, SECRET, signature_at=known[1])


def test_a_wrong_message_authenticator_is_not_overlooked() -> None:
    signed = parse(sign_request(Packet(4, 7, bytes(16), (make(Attr.MESSAGE_AUTHENTICATOR, bytes(16)),)), SECRET))
    wrong = tuple((kind, bytes(16)) for kind, _ in signed.attributes)
    state = encode(Packet(4, 7, bytes(16), wrong))
    forged = state[:4] + hashlib.md5(state[:4] + bytes(16) + state[20:] + SECRET.octets).digest() + state[20:]
    known = learnt(forged).read(forged)

    assert known is not None
    assert not is_from_holder(forged, SECRET, signature_at=known[1])
    assert flaw_in_request(parse(forged), SECRET) is not None


@given(attributes)
def test_the_acknowledgement_is_the_reply_that_signing_makes(found: tuple[tuple[int, bytes], ...]) -> None:
    try:
        octets = sign_request(Packet(Code.ACCOUNTING_REQUEST, 200, bytes(16), found), SECRET)
        packet = parse(octets)
    except MalformedPacket:
        assume(False)

    assert acknowledgement(octets, SECRET) == sign_reply(packet, Code.ACCOUNTING_RESPONSE, (), SECRET)


def test_the_layouts_are_bounded() -> None:
    layouts = report_layouts()
    for number in range(MOST_LAYOUTS + 1):
        kinds = (
            (200, bytes(1 + number % 200)),
            (201, bytes(1 + number // 200)),
            make(Attr.ACCT_STATUS_TYPE, StatusType.START),
        )
        layouts.learn(encode(Packet(4, 1, bytes(16), kinds)), kinds)

    assert layouts._count == 1
