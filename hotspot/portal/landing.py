"""The page that most phones ask for, whole and compressed before they come: what a visit adds is put between.

A landing page is drawn by the code that draws it for everybody, twice, each time for a device and a router that can't be. Where the two
differ are the places of a visit's own words. If they differ in anything else the page is not kept, so whatever it may come to show of
one visit is never shown to another. An answer from here is what the ordinary way would have said, which still does whenever there is
more to a request than this: an error of the router's, a device that is logged in or waits for a code, a preview, a damaged link, a
place not yet known, a browser that only looks ahead.

`make bench-portal` measures it beside nginx.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, NamedTuple
from urllib.parse import quote_plus

import structlog
from starlette.responses import Response

from hotspot.guests.models import MacAddress
from hotspot.languages import choose
from hotspot.portal import tickets
from hotspot.portal.arrivals import Arrival, arrival_of, find_arrival
from hotspot.portal.content import Content, Shown
from hotspot.portal.counts import Counts
from hotspot.portal.gzipped import Gzipped, Part, Words
from hotspot.portal.handoff import QUERY_OCTETS, Handed, Stop
from hotspot.settings import Settings
from hotspot.sites.settings import SignIn

log = structlog.get_logger()

PATH: Final = b"/p/"
GZIP: Final = re.compile(rb"(?:.*,)?\s*gzip\s*(?:,.*)?")  # a browser's; with a weight it is read the ordinary way
ELSEWHERE: Final = frozenset(
    {b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"purpose", b"sec-purpose"}
)
"""A request with one of these headers is more than a question for a page."""
SHORT: Final = 200  # octets of a header that are looked at

Draw = Callable[[Shown, Handed, str, str, datetime], Response]
"""Draw the page of a place for somebody: what the router handed over, the page's own name, the language, the time."""


class Variant(NamedTuple):
    """What decides which words there are on a page."""

    language: str
    has_ip: bool
    has_challenge: bool
    has_wanted_host: bool


class Drawn(NamedTuple):
    """A page without its words: the headers, and the compressed document."""

    headers: Words
    document: Gzipped


class Landing:
    """The landing pages of all places, drawn when the first phone asks for one."""

    def __init__(
        self, content: Content, counts: Counts, settings: Settings, *, draw: Draw, now: Callable[[], datetime]
    ) -> None:
        self._content, self._counts, self._settings, self._draw, self._now = content, counts, settings, draw, now
        self._drawn: dict[str, tuple[Shown, dict[Variant, Drawn | None]]] = {}
        self._language = lru_cache(1024)(self._choose_language)

    def answer(self, target: bytes, headers: Mapping[bytes, bytes]) -> bytes | None:
        """Return an answer's headers and body if everything for it is at hand; meant for the event loop.

        `target` is a GET's, `headers` have names in lower case.
        """
        path, _, query = target.partition(b"?")
        if not path.startswith(PATH) or len(query) > QUERY_OCTETS or b"#" in query:
            return None
        if not _takes_gzip(headers.get(b"accept-encoding", b"")[:SHORT]) or not ELSEWHERE.isdisjoint(headers):
            return None
        now = self._now()
        shown = self._content.find_at_hand(path[len(PATH) :].decode("latin-1"), now)
        if shown is None:
            return None
        try:
            found = find_arrival(query, shown.place.routers)
        except Stop:
            return None
        if found is None:
            return None
        arrival, asked = found
        language = self._language(asked, headers.get(b"accept-language", b"")[:SHORT])
        variant = Variant(language, arrival.ip != "", arrival.chap_challenge != "", arrival.wanted_host != "")
        drawn = self._find_drawn(shown, variant, now)
        if drawn is None:
            return None
        self._counts.count_shown(shown.place.site_id, shown.posted.banner_ids)
        document = drawn.document.fill(words := self._words(shown, arrival, tickets.new_press(), now))
        return b"%bcontent-length: %d\r\n\r\n%b" % (drawn.headers.fill(words), len(document), document)

    def _choose_language(self, asked: str | None, accepted: bytes) -> str:
        return choose(self._settings.languages, asked, accepted.decode("latin-1"))

    def _find_drawn(self, shown: Shown, variant: Variant, now: datetime) -> Drawn | None:
        """Return the page; where there is none yet, let the worker draw it for the next phone."""
        known = self._drawn.get(shown.place.site.slug)
        if known is None or known[0] is not shown:
            known = self._drawn[shown.place.site.slug] = (shown, {})
        pages = known[1]
        if variant not in pages:
            pages[variant] = None
            self._content.worker.submit(self._keep, shown, variant, now, pages).add_done_callback(_note_failure)
        return pages[variant]

    def _keep(self, shown: Shown, variant: Variant, now: datetime, pages: dict[Variant, Drawn | None]) -> None:
        pages[variant] = self.draw(shown, variant, now)

    def draw(self, shown: Shown, variant: Variant, now: datetime) -> Drawn | None:
        """Draw a page and find the places of its words; None if it can't be kept."""
        if SignIn.PHONE in shown.place.settings.ways_to_sign_in:  # who waits for a code sees another page
            return None
        one, other = (self._parts(shown, variant, now) for _ in range(2))
        if one is None or one != other:
            log.warning("a landing page can't be kept", site=shown.place.site.slug, language=variant.language)
            return None
        headers, document = one
        return Drawn(Words(headers), Gzipped(document))

    def _parts(self, shown: Shown, variant: Variant, now: datetime) -> tuple[list[Part], list[Part]] | None:
        handed, press = _somebody(variant), tickets.new_press()
        words = self._words(shown, arrival_of(handed), press, now)
        page = self._draw(shown, handed, press, variant.language, now)
        if page.status_code != 200:
            return None
        return _divided(_headers(page), words), _divided(bytes(page.body), words)

    def _words(self, shown: Shown, arrival: Arrival, press: str, now: datetime) -> Sequence[bytes]:
        """What a visit adds, as it stands in HTML and as it stands in the query of a link; neither needs escaping in HTML."""
        mac, _, router, chap_id, challenge, _ = arrival
        token = tickets.form_token(self._settings.keys, site_id=shown.place.site_id, mac=mac, now=now)
        in_links = (mac.replace(":", "%3A"), _quoted(router), _escaped(chap_id), _escaped(challenge))
        return [word.encode() for word in (*arrival, token, press, *in_links)]


def _note_failure(drawing: Future[None]) -> None:
    """Log what went wrong in the worker; the ordinary way draws the page, or says that it can't."""
    if not drawing.cancelled() and (problem := drawing.exception()) is not None:
        log.error("a landing page can't be drawn", exc_info=problem)


@lru_cache(256)
def _takes_gzip(accept_encoding: bytes) -> bool:
    return GZIP.fullmatch(accept_encoding) is not None


def _escaped(octets: str) -> str:
    return octets.replace("\\", "%5C")


_quoted = lru_cache(1024)(quote_plus)


def _somebody(variant: Variant) -> Handed:
    """Somebody who never was, by words that stand nowhere else."""
    return Handed(
        mac=MacAddress(b"\x02" + secrets.token_bytes(5)),
        router=f"https://{secrets.token_hex(8)}.invalid",
        ip=IPv4Address(secrets.token_bytes(4)) if variant.has_ip else None,
        chap_id=secrets.token_bytes(1) if variant.has_challenge else b"",
        chap_challenge=secrets.token_bytes(16) if variant.has_challenge else b"",
        wanted_host=f"{secrets.token_hex(8)}.invalid" if variant.has_wanted_host else None,
    )


def _headers(page: Response) -> bytes:
    """The lines of a compressed page's headers, but for its length."""
    lines = [b"%b: %b\r\n" % (name, value) for name, value in page.raw_headers if name != b"content-length"]
    return b"".join([*lines, b"content-encoding: gzip\r\n"]).replace(
        b"vary: accept-language", b"vary: accept-language, accept-encoding"
    )


def _divided(text: bytes, words: Sequence[bytes]) -> list[Part]:
    """Tell what stays from the words, of which the longer wins where two begin at the same place."""
    numbers = {word: number for number, word in enumerate(words) if word}
    any_word = b"|".join(map(re.escape, sorted(numbers, key=len, reverse=True)))
    return [numbers[piece] if place % 2 else piece for place, piece in enumerate(re.split(b"(%b)" % any_word, text))]
