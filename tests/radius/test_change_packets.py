"""The codec for Disconnect and CoA (RFC 5176): properties, FreeRADIUS' own octets, and pyrad as an independent peer."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad import packet as peer  # type: ignore[import-untyped]
from pyrad.dictionary import Dictionary  # type: ignore[import-untyped]

from hotspot.radius.attributes import Attr, Attributes, ErrorCause, MikroTik, Wispr, make
from hotspot.radius.packet import (
    NO_AUTHENTICATOR,
    Code,
    Flaw,
    MalformedPacket,
    Packet,
    Secret,
    encode,
    flaw_in_reply,
    flaw_in_request,
    parse,
    sign_reply,
    sign_request,
)

SECRET = Secret(b"a secret of one router, 32 chars")
OTHER = Secret(b"the secret of another router....")
SIGNED = make(Attr.MESSAGE_AUTHENTICATOR, NO_AUTHENTICATOR)

# What radclient 3.2.1 sent with the secret xyzzy5461: a Disconnect-Request, and a CoA-Request with Session-Timeout.
RADCLIENT_SECRET = Secret(b"xyzzy5461")
DISCONNECT = bytes.fromhex(
    "28bd0042480fa6ed767470450eb7742c2f5ff5fc2c0a3830313030303134010667696e6108060a053202370669a51950"
    "50127aa433c6d94b3a20f5eaba772d97b62a"
)
COA = bytes.fromhex(
    "2b4f00486289adab9d0b19b80554b25faaec3eb72c0a3830313030303134010667696e6108060a053202370669a51950"
    "1b060000025850126cefd183381d4bfd5207435bf1996b2b"
)
CHANGES = st.sampled_from([Code.DISCONNECT_REQUEST, Code.COA_REQUEST])
REPLIES = st.sampled_from([Code.DISCONNECT_ACK, Code.DISCONNECT_NAK, Code.COA_ACK, Code.COA_NAK])
TEXTS = st.lists(st.tuples(st.sampled_from([1, 25, 33, 44]), st.binary(min_size=1, max_size=40)), max_size=8).map(tuple)


def request(*attributes: tuple[int, bytes], code: int = Code.DISCONNECT_REQUEST) -> Packet:
    return Packet(code, 7, NO_AUTHENTICATOR, attributes)


@pytest.mark.parametrize("octets", [DISCONNECT, COA])
def test_we_sign_as_freeradius_does(octets: bytes) -> None:
    theirs = parse(octets)

    assert flaw_in_request(theirs, RADCLIENT_SECRET) is None
    assert flaw_in_request(theirs, OTHER) is Flaw.BAD_AUTHENTICATOR
    unsigned = tuple((kind, NO_AUTHENTICATOR if kind == 80 else value) for kind, value in theirs.attributes)
    assert sign_request(Packet(theirs.code, theirs.identifier, NO_AUTHENTICATOR, unsigned), RADCLIENT_SECRET) == octets


def test_what_freeradius_sent_reads_back() -> None:
    attributes = Attributes(parse(COA).attributes)

    assert list(attributes) == [44, 1, 8, 55, 27, 80]
    assert attributes.text(Attr.ACCT_SESSION_ID) == "80100014"
    assert str(attributes.address(Attr.FRAMED_IP_ADDRESS)) == "10.5.50.2"
    assert attributes.integer(Attr.SESSION_TIMEOUT) == 600


@given(CHANGES, TEXTS, st.integers(0, 255))
def test_a_signed_request_is_authentic_for_its_secret_only(
    code: Code, attributes: tuple[tuple[int, bytes], ...], identifier: int
) -> None:
    signed = parse(sign_request(Packet(code, identifier, NO_AUTHENTICATOR, (SIGNED, *attributes)), SECRET))

    assert signed.attributes[1:] == attributes
    assert flaw_in_request(signed, SECRET) is None
    assert flaw_in_request(signed, OTHER) is Flaw.BAD_AUTHENTICATOR


@given(CHANGES, REPLIES, st.booleans(), TEXTS, st.data())
def test_a_reply_is_authentic_until_a_bit_flips(
    code: Code, answer: Code, is_signed: bool, attributes: tuple[tuple[int, bytes], ...], data: st.DataObject
) -> None:
    signature = (SIGNED,) if is_signed else ()
    asked = parse(sign_request(Packet(code, 9, NO_AUTHENTICATOR, signature), SECRET))
    octets = bytearray(sign_reply(asked, answer, attributes, SECRET))
    assert flaw_in_reply(parse(bytes(octets)), asked, SECRET) is None
    assert flaw_in_reply(parse(bytes(octets)), asked, OTHER) is Flaw.BAD_AUTHENTICATOR

    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    try:
        damaged = parse(bytes(octets))
    except MalformedPacket:
        return
    assert flaw_in_reply(damaged, asked, SECRET) is not None


def test_a_reply_has_a_message_authenticator_over_the_requests_authenticator_when_the_request_had_one() -> None:
    asked = parse(sign_request(request(SIGNED, (1, b"gina")), SECRET))

    octets = sign_reply(asked, Code.DISCONNECT_NAK, (make(Attr.ERROR_CAUSE, 503),), SECRET)

    attributes = b"\x50\x12" + bytes(16) + b"\x65\x06\x00\x00\x01\xf7"
    header = b"\x2a\x07\x00\x2c"
    keyed = hmac.digest(SECRET.octets, header + asked.authenticator + attributes, "md5")
    body = b"\x50\x12" + keyed + b"\x65\x06\x00\x00\x01\xf7"
    hashed = hashlib.md5(header + asked.authenticator + body + SECRET.octets).digest()
    assert octets == header + hashed + body


def test_a_reply_to_a_request_without_one_has_none() -> None:
    asked = parse(sign_request(request((1, b"gina")), SECRET))

    reply = parse(sign_reply(asked, Code.DISCONNECT_ACK, (), SECRET))

    assert reply.attributes == ()
    assert flaw_in_reply(reply, asked, SECRET) is None


def test_an_accounting_response_has_none_even_when_the_request_had_one() -> None:
    asked = parse(sign_request(request(SIGNED, code=Code.ACCOUNTING_REQUEST), SECRET))

    assert parse(sign_reply(asked, Code.ACCOUNTING_RESPONSE, (), SECRET)).attributes == ()


def test_a_wrong_message_authenticator_under_a_right_response_authenticator_is_refused() -> None:
    asked = parse(sign_request(request(SIGNED), SECRET))
    octets = encode(Packet(Code.DISCONNECT_ACK, asked.identifier, asked.authenticator, (SIGNED,)))
    forged = parse(octets[:4] + hashlib.md5(octets + SECRET.octets).digest() + octets[20:])

    assert flaw_in_reply(forged, asked, SECRET) is Flaw.BAD_MESSAGE_AUTHENTICATOR


def test_attributes_list_what_a_vendor_specific_holds() -> None:
    attributes = Attributes([make(MikroTik.RATE_LIMIT, "1M"), make(Wispr.LOCATION_ID, "x"), (26, b"\0\0\2\x11\1\4ab")])

    assert list(attributes) == [MikroTik.RATE_LIMIT, Wispr.LOCATION_ID]


class TestAgainstPyrad:
    @pytest.mark.parametrize("code", [Code.DISCONNECT_REQUEST, Code.COA_REQUEST])
    def test_pyrad_verifies_our_request_and_we_its_reply(self, code: Code) -> None:
        octets = sign_request(request(SIGNED, (1, b"gina"), code=code), SECRET)

        theirs = peer.CoAPacket(packet=octets, secret=SECRET.octets, dict=Dictionary())
        answer = theirs.CreateReply(message_authenticator=True)
        answer[101] = [ErrorCause.SESSION_CONTEXT_NOT_FOUND.to_bytes(4, "big")]
        reply = parse(answer.ReplyPacket())

        assert theirs.VerifyCoARequest()
        assert theirs.verify_message_authenticator()
        assert [kind for kind, _ in reply.attributes] == [80, 101]
        assert flaw_in_reply(reply, parse(octets), SECRET) is None

    @pytest.mark.parametrize(
        ("code", "answer"),
        [(Code.DISCONNECT_REQUEST, Code.DISCONNECT_ACK), (Code.COA_REQUEST, Code.COA_NAK)],
    )
    def test_we_verify_pyrads_request_and_pyrad_our_reply(self, code: Code, answer: Code) -> None:
        theirs = peer.CoAPacket(code=code, secret=SECRET.octets, dict=Dictionary(), message_authenticator=True)
        theirs[1] = [b"gina"]
        asked = parse(theirs.RequestPacket())

        octets = sign_reply(asked, answer, (make(Attr.ERROR_CAUSE, 503),), SECRET)

        assert flaw_in_request(asked, SECRET) is None
        assert octets[20] == 80
        assert theirs.VerifyReply(peer.CoAPacket(packet=octets, secret=SECRET.octets, dict=Dictionary()), octets)
