"""The codec against the RFCs' own examples, an independent peer, and any bytes."""

import contextlib
import hashlib
import hmac
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyrad import packet as peer  # type: ignore[import-untyped]
from pyrad.dictionary import Dictionary  # type: ignore[import-untyped]

from hotspot.radius.attributes import Attr, Attributes, make
from hotspot.radius.packet import (
    MAX_ATTRIBUTES,
    NO_AUTHENTICATOR,
    Code,
    Flaw,
    MalformedPacket,
    Packet,
    Secret,
    chap_matches,
    chap_password,
    encode,
    flaw_in_reply,
    flaw_in_request,
    hide_password,
    parse,
    sign_reply,
    sign_request,
    unhide_password,
)
from hotspot.radius.sizes import SIZES

SECRET = Secret(b"a secret of one router, 32 chars")
OTHER = Secret(b"the secret of another router....")

# RFC 2865 §7.1 and §7.2: the datagrams of its worked examples; the shared secret is xyzzy5461, the password arctangent.
RFC_SECRET = Secret(b"xyzzy5461")
NEMO_REQUEST = bytes.fromhex(
    "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee0406c0a80110050600000003"
)
NEMO_ACCEPT = bytes.fromhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")
FLOPSY_REQUEST = bytes.fromhex(
    "010100472aee86f08d0d55969ca5978e0d3367a20108666c6f707379031316e97557c316185895f293ff634407727504"
    "06c0a80110050600000014060600000002070600000001"
)


def values_for(kind: int) -> st.SearchStrategy[bytes]:
    sizes = SIZES[kind]
    return st.integers(0, min(len(sizes), 40) - 1).flatmap(lambda at: st.binary(min_size=sizes[at], max_size=sizes[at]))


ATTRIBUTES = st.lists(
    st.integers(0, 255)
    .filter(lambda kind: kind != 80)
    .flatmap(lambda kind: st.tuples(st.just(kind), values_for(kind))),
    max_size=20,
).map(tuple)
REQUESTS = st.builds(
    Packet,
    code=st.sampled_from([1, 4, 12, 40, 43]),
    identifier=st.integers(0, 255),
    authenticator=st.binary(min_size=16, max_size=16),
    attributes=ATTRIBUTES,
)


def request(*attributes: tuple[int, bytes], code: int = Code.ACCESS_REQUEST) -> Packet:
    return Packet(code, 7, b"0123456789abcdef", attributes)


class TestRfcExamples:
    def test_pap_request_parses_and_reveals_its_password(self) -> None:
        packet = parse(NEMO_REQUEST)
        attributes = Attributes(packet.attributes)

        assert (packet.code, packet.identifier) == (Code.ACCESS_REQUEST, 0)
        assert attributes.text(Attr.USER_NAME) == "nemo"
        assert str(attributes.address(Attr.NAS_IP_ADDRESS)) == "192.168.1.16"
        assert attributes.integer(Attr.NAS_PORT) == 3
        hidden = attributes.octets(Attr.USER_PASSWORD)
        assert hidden is not None
        assert unhide_password(hidden, packet.authenticator, RFC_SECRET) == b"arctangent"
        assert hide_password(b"arctangent", packet.authenticator, RFC_SECRET) == hidden

    def test_accept_has_the_response_authenticator_of_the_text(self) -> None:
        asked, answer = parse(NEMO_REQUEST), parse(NEMO_ACCEPT)

        assert (
            flaw_in_reply(answer, asked, RFC_SECRET) is Flaw.NO_MESSAGE_AUTHENTICATOR
        )  # right, but older than RFC 2869
        assert flaw_in_reply(answer, asked, OTHER) is Flaw.BAD_AUTHENTICATOR

    def test_chap_request_matches_with_the_request_authenticator_as_challenge(self) -> None:
        packet = parse(FLOPSY_REQUEST)
        response = Attributes(packet.attributes).octets(Attr.CHAP_PASSWORD)

        assert response is not None
        assert chap_matches(response, b"arctangent", packet.authenticator)
        assert not chap_matches(response, b"arctangent", NO_AUTHENTICATOR)
        assert not chap_matches(response, b"arctangens", packet.authenticator)
        assert encode(packet) == FLOPSY_REQUEST

    def test_examples_have_no_message_authenticator_and_so_are_not_authentic_today(self) -> None:
        assert flaw_in_request(parse(NEMO_REQUEST), RFC_SECRET) is Flaw.NO_MESSAGE_AUTHENTICATOR


class TestParsing:
    @given(st.binary(max_size=4200))
    @example(NEMO_REQUEST)
    @example(b"")
    def test_any_bytes_give_a_packet_or_malformed_packet(self, data: bytes) -> None:
        try:
            packet = parse(data)
        except MalformedPacket:
            return
        assert encode(packet) == data[: len(encode(packet))]

    @given(data=st.data(), packet=REQUESTS)
    def test_any_damage_to_a_real_packet_gives_a_packet_or_malformed_packet(
        self, data: st.DataObject, packet: Packet
    ) -> None:
        octets = bytearray(sign_request(packet, SECRET))
        for _ in range(data.draw(st.integers(1, 4))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        end = data.draw(st.integers(0, len(octets)))

        with contextlib.suppress(MalformedPacket):
            Attributes(parse(bytes(octets[:end])).attributes).text(Attr.USER_NAME)

    @given(REQUESTS)
    def test_what_is_encoded_parses_to_the_same_value(self, packet: Packet) -> None:
        assert parse(encode(packet)) == packet

    @given(REQUESTS, st.binary(min_size=1, max_size=50))
    def test_octets_beyond_length_are_padding(self, packet: Packet, padding: bytes) -> None:
        parsed = parse(encode(packet) + padding)

        assert parsed == packet
        assert parsed.octets == encode(packet)

    @pytest.mark.parametrize(
        "data", [b"", bytes(19), NEMO_REQUEST[:55], NEMO_REQUEST[:2] + b"\0\x13" + NEMO_REQUEST[4:]]
    )
    def test_refuses_wrong_lengths(self, data: bytes) -> None:
        with pytest.raises(MalformedPacket):
            parse(data)

    def test_refuses_more_than_4096_octets_even_as_padding(self) -> None:
        parse(NEMO_REQUEST.ljust(4096, b"\0"))
        with pytest.raises(MalformedPacket):
            parse(NEMO_REQUEST.ljust(4097, b"\0"))

    @pytest.mark.parametrize(
        "attributes",
        [
            b"\x01",
            b"\x01\x00",
            b"\x01\x01",
            b"\x01\x02",
            b"\x01\x05ab",
            b"\x05\x05abc",
            b"\x02\x11" + bytes(15),
            b"\x02\x13" + bytes(17),
            b"\x03\x12" + bytes(16),
            b"P\x11" + bytes(15),
            b"P\x13" + bytes(17),
            (b"P\x12" + bytes(16)) * 2,
            b"\x1a\x06" + bytes(4),
            b"<\x06" + bytes(4),
            b"\x08\x07" + bytes(5),
            b"\x02\x92" + bytes(144),
        ],
    )
    def test_refuses_attributes_of_the_wrong_size(self, attributes: bytes) -> None:
        with pytest.raises(MalformedPacket):
            parse(b"\x01\x01" + (20 + len(attributes)).to_bytes(2, "big") + bytes(16) + attributes)

    def test_keeps_unknown_attributes_opaque_even_when_empty(self) -> None:
        assert parse(encode(request((254, b""), (240, b"x")))).attributes == ((254, b""), (240, b"x"))

    def test_refuses_more_attributes_than_a_router_sends(self) -> None:
        most = request(*((254, b""),) * MAX_ATTRIBUTES)
        octets = bytearray(encode(most) + b"\xfe\x02")
        octets[2:4] = len(octets).to_bytes(2, "big")

        assert len(parse(encode(most)).attributes) == MAX_ATTRIBUTES
        with pytest.raises(MalformedPacket):
            parse(bytes(octets))

    @pytest.mark.parametrize(
        "packet",
        [
            request((5, b"abc")),
            request(*(((254, b""),) * 201)),
            request(*(((1, b"x" * 253),) * 17)),
            Packet(1, 256, bytes(16)),
            Packet(300, 1, bytes(16)),
            Packet(1, 1, bytes(15)),
        ],
    )
    def test_does_not_encode_what_it_would_not_parse(self, packet: Packet) -> None:
        with pytest.raises(MalformedPacket):
            encode(packet)


class TestAuthenticity:
    @given(REQUESTS)
    def test_a_signed_request_is_authentic_for_its_secret_only(self, packet: Packet) -> None:
        signed = parse(sign_request(packet, SECRET))

        assert flaw_in_request(signed, SECRET) is None
        assert flaw_in_request(signed, OTHER) in {Flaw.BAD_AUTHENTICATOR, Flaw.BAD_MESSAGE_AUTHENTICATOR}

    @given(packet=REQUESTS, data=st.data())
    def test_no_flipped_bit_verifies(self, packet: Packet, data: st.DataObject) -> None:
        octets = bytearray(sign_request(packet, SECRET))
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))

        try:
            damaged = parse(bytes(octets))
        except MalformedPacket:
            return
        assert flaw_in_request(damaged, SECRET) is not None

    @given(packet=REQUESTS, attributes=ATTRIBUTES, data=st.data())
    def test_a_reply_is_authentic_until_a_bit_flips(
        self, packet: Packet, attributes: tuple[tuple[int, bytes], ...], data: st.DataObject
    ) -> None:
        asked = parse(sign_request(packet, SECRET))
        octets = bytearray(sign_reply(asked, Code.ACCESS_ACCEPT, attributes, SECRET))
        assert flaw_in_reply(parse(bytes(octets)), asked, SECRET) is None

        octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))

        try:
            damaged = parse(bytes(octets))
        except MalformedPacket:
            return
        assert flaw_in_reply(damaged, asked, SECRET) is not None

    def test_message_authenticator_is_first_in_replies_to_access_requests(self) -> None:
        for code in (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT):
            octets = sign_reply(request(), code, (make(Attr.REPLY_MESSAGE, "no"),), SECRET)

            assert octets[20] == 80
            assert octets[21] == 18

    def test_accounting_response_is_the_bare_header_of_rfc_2866(self) -> None:
        asked = parse(sign_request(request(code=Code.ACCOUNTING_REQUEST), SECRET))

        reply = parse(sign_reply(asked, Code.ACCOUNTING_RESPONSE, (), SECRET))

        assert len(reply.octets) == 20
        assert flaw_in_reply(reply, asked, SECRET) is None
        assert flaw_in_reply(reply, asked, OTHER) is Flaw.BAD_AUTHENTICATOR

    def test_a_reply_with_another_identifier_or_no_message_authenticator_is_refused(self) -> None:
        asked = parse(sign_request(request(), SECRET))
        right = parse(sign_reply(asked, Code.ACCESS_ACCEPT, (), SECRET))

        other = Packet(asked.code, 8, asked.authenticator, asked.attributes)

        assert flaw_in_reply(right, other, SECRET) is Flaw.WRONG_IDENTIFIER

    def test_a_reply_whose_message_authenticator_alone_is_wrong_is_refused(self) -> None:
        asked = request()
        reply = request((80, bytes(16)), code=Code.ACCESS_ACCEPT)
        forged = _with_response_authenticator(reply, asked, SECRET)

        assert flaw_in_reply(forged, asked, SECRET) is Flaw.BAD_MESSAGE_AUTHENTICATOR

    def test_message_authenticator_stays_where_the_router_puts_it(self) -> None:
        signed = parse(sign_request(request((80, bytes(16)), (1, b"gina"), code=Code.ACCESS_REQUEST), SECRET))

        assert [kind for kind, _ in signed.attributes] == [80, 1]
        assert flaw_in_request(signed, SECRET) is None

    def test_a_present_message_authenticator_in_accounting_is_checked(self) -> None:
        right = parse(sign_request(request((80, bytes(16)), (1, b"gina"), code=Code.ACCOUNTING_REQUEST), SECRET))
        wrong = _with_request_authenticator(
            request((80, bytes(16)), (1, b"gina"), code=Code.ACCOUNTING_REQUEST), SECRET
        )

        assert flaw_in_request(right, SECRET) is None
        assert flaw_in_request(wrong, SECRET) is Flaw.BAD_MESSAGE_AUTHENTICATOR

    def test_replies_are_not_requests(self) -> None:
        assert flaw_in_request(parse(NEMO_ACCEPT), RFC_SECRET) is Flaw.NOT_A_REQUEST

    def test_a_secret_never_shows_itself_and_is_never_empty(self) -> None:
        assert "router" not in repr(SECRET)
        with pytest.raises(ValueError, match="empty"):
            Secret(b"")

    @given(st.binary(min_size=1, max_size=130), st.binary(max_size=200))
    def test_prepared_states_give_the_standard_hmac(self, key: bytes, message: bytes) -> None:
        assert Secret(key).hmac_md5(message) == hmac.digest(key, message, "md5")


class TestPasswords:
    @given(st.binary(max_size=128).filter(lambda word: not word.endswith(b"\0")), st.binary(min_size=16, max_size=16))
    def test_hidden_passwords_come_back(self, password: bytes, authenticator: bytes) -> None:
        hidden = hide_password(password, authenticator, SECRET)

        assert len(hidden) in SIZES[Attr.USER_PASSWORD]
        assert unhide_password(hidden, authenticator, SECRET) == password

    def test_refuses_what_does_not_fit(self) -> None:
        with pytest.raises(MalformedPacket):
            hide_password(bytes(129), bytes(16), SECRET)
        for size in (0, 15, 144):
            with pytest.raises(MalformedPacket):
                unhide_password(bytes(size), bytes(16), SECRET)

    @given(st.integers(0, 255), st.binary(max_size=40), st.binary(min_size=5, max_size=40))
    def test_chap_matches_its_own_password(self, chap_id: int, password: bytes, challenge: bytes) -> None:
        value = chap_password(chap_id, password, challenge)

        assert chap_matches(value, password, challenge)
        assert not chap_matches(value, password + b"x", challenge)
        assert not chap_matches(value[:16], password, challenge)


class TestAgainstPyrad:
    """An independent implementation reads and signs the same bytes."""

    def test_pyrad_reads_our_access_request(self) -> None:
        authenticator = os.urandom(16)
        hidden = hide_password(b"kata sandi", authenticator, SECRET)
        octets = sign_request(Packet(1, 9, authenticator, ((1, b"gina"), (2, hidden))), SECRET)

        theirs = peer.AuthPacket(packet=octets, secret=SECRET.octets, dict=Dictionary())

        assert theirs.PwDecrypt(theirs[2][0]) == "kata sandi"
        assert theirs.verify_message_authenticator()

    def test_pyrad_accepts_our_accounting_request_and_reply(self) -> None:
        octets = sign_request(request((1, b"gina"), code=Code.ACCOUNTING_REQUEST), SECRET)

        theirs = peer.AcctPacket(packet=octets, secret=SECRET.octets, dict=Dictionary())
        reply = sign_reply(parse(octets), Code.ACCOUNTING_RESPONSE, (), SECRET)

        assert theirs.VerifyAcctRequest()
        assert theirs.VerifyReply(peer.Packet(packet=reply, secret=SECRET.octets, dict=Dictionary()), reply)

    def test_we_accept_what_pyrad_signs(self) -> None:
        theirs = peer.AcctPacket(secret=SECRET.octets, dict=Dictionary())
        theirs[1] = [b"gina"]

        assert flaw_in_request(parse(theirs.RequestPacket()), SECRET) is None


def _with_response_authenticator(reply: Packet, asked: Packet, secret: Secret) -> Packet:
    octets = encode(Packet(reply.code, asked.identifier, asked.authenticator, reply.attributes))
    return parse(octets[:4] + hashlib.md5(octets + secret.octets).digest() + octets[20:])


def _with_request_authenticator(asked: Packet, secret: Secret) -> Packet:
    return _with_response_authenticator(asked, Packet(asked.code, asked.identifier, NO_AUTHENTICATOR), secret)
