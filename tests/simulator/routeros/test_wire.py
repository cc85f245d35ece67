"""The API's framing: any octets are a sentence, part of one, or refused; never a crash."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.simulator.routeros import wire
from hotspot.simulator.routeros.wire import BadFraming, Decoder, encode_length, encode_sentence, read_request

words = st.binary(max_size=300).map(lambda octets: octets.decode("utf-8", "surrogateescape"))
sentences = st.lists(st.lists(words.filter(bool), min_size=1, max_size=6), max_size=5)


@given(sentences, st.integers(1, 9))
def test_sentences_arrive_as_sent_however_they_are_cut(sent: list[list[str]], size: int) -> None:
    octets = b"".join(map(encode_sentence, sent))
    decoder = Decoder()

    heard = [each for at in range(0, len(octets), size) for each in decoder.feed(octets[at : at + size])]

    assert heard == sent


@given(st.binary(max_size=400))
def test_any_octets_are_taken_or_refused(octets: bytes) -> None:
    with contextlib.suppress(BadFraming):
        Decoder().feed(octets)


@pytest.mark.parametrize(
    ("length", "octets"),
    [
        (0x7F, b"\x7f"),
        (0x80, b"\x80\x80"),
        (0x3FFF, b"\xbf\xff"),
        (0x4000, b"\xc0\x40\x00"),
        (0x200000, b"\xe0\x20\x00\x00"),
        (0x10000000, b"\xf0\x10\x00\x00\x00"),
    ],
)
def test_a_length_takes_the_shortest_of_five_forms(length: int, octets: bytes) -> None:
    assert encode_length(length) == octets
    assert wire.length_octets(octets[0]) == len(octets)
    assert wire.decode_length(octets) == length


@pytest.mark.parametrize("octets", [b"\xf8", b"\xff", encode_length(wire.LONGEST_WORD + 1)])
def test_reserved_octets_and_giant_words_are_refused(octets: bytes) -> None:
    with pytest.raises(BadFraming):
        Decoder().feed(octets)


def test_a_sentence_without_end_is_refused() -> None:
    with pytest.raises(BadFraming, match="without end"):
        Decoder().feed(b"\x01a" * (wire.MOST_WORDS + 1))


def test_a_request_is_taken_apart() -> None:
    request = read_request(["/ip/pool/print", "=.proplist=name", "=value=a=b", "?name=x", "?#!", ".tag=7", "junk"])

    assert (request.menu, request.command, request.path) == ("/ip/pool", "print", "/ip/pool/print")
    assert request.arguments == {".proplist": "name", "value": "a=b", "junk": ""}
    assert request.query == ("name=x", "#!")
    assert request.tag == "7"
