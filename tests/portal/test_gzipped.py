"""A stream put together is the stream that compressing the whole document would be read as."""

import gzip
import zlib

from hypothesis import example, given
from hypothesis import strategies as st

from hotspot.portal.gzipped import WORTH_DEFLATING, Constant, Gzipped, Part, Words

STAYS = st.one_of(st.binary(max_size=40), st.binary(min_size=WORTH_DEFLATING, max_size=400), st.just(b"%b%%" * 60))
WORDS = st.lists(st.binary(max_size=300), min_size=4, max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> list[Part]:
    """What stays and words, one after the other."""
    parts: list[Part] = [draw(STAYS)]
    for number in draw(st.lists(st.integers(0, 3), max_size=8)):
        parts += [number, draw(STAYS)]
    return parts


@given(documents(), WORDS, WORDS)
@example([b""], [b""] * 4, [b""] * 4)
@example([b"", 0, b""], [b"a" * 0xFFFF] * 4, [b""] * 4)
def test_any_document_with_any_words_is_read_back(parts: list[Part], one: list[bytes], other: list[bytes]) -> None:
    made = Gzipped(parts)

    for words in (one, other):
        whole = b"".join(words[part] if isinstance(part, int) else part for part in parts)
        stream = made.fill(words)
        assert gzip.decompress(stream) == whole  # checks checksum and length
        reader = zlib.decompressobj(31)
        assert reader.decompress(stream) == whole
        assert (reader.eof, reader.unused_data) == (True, b"")


@given(st.binary(max_size=500), st.binary(max_size=500))
def test_the_checksum_is_carried_over_octets_without_looking_at_them(before: bytes, octets: bytes) -> None:
    assert Constant(octets, is_last=True).crc_after(zlib.crc32(before)) == zlib.crc32(before + octets)


def test_words_may_come_twice_and_what_stays_may_hold_anything() -> None:
    assert Words([b"100 %b ", 1, b" %(x)s ", 0, 1]).fill([b"%d", b"two"]) == b"100 %b two %(x)s %dtwo"
