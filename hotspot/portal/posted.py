"""What the city has posted at a site now, and until when that holds: the one question about it that pages ask.

The answer knows no language; `notices` and `office` lay it out for one. Links lead through the site's own addresses, and only to
hosts that its walled garden opens: elsewhere they are words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy import text
from sqlmodel import Session

from hotspot import links
from hotspot.areas.models import Area
from hotspot.portal import markup
from hotspot.portal.banners import links_of, usable
from hotspot.portal.broadcasts import Alert, alerts_at
from hotspot.portal.models import Banner, BannerImage
from hotspot.portal.prose import in_language
from hotspot.portal.schedule import HORIZON, Schedule
from hotspot.sites.models import Site, home
from hotspot.sites.settings import SiteSettings

AT_ONCE: Final = 3  # more than that nobody reads before the button

# A site's own, and those of its kelurahan, kecamatan and kota, also those whose time is still to come. The most important first,
# then the nearest, then the newest.
APPROVED_FOR: Final = """
    WITH RECURSIVE chain (id, parent_id, depth) AS (
        SELECT id, parent_id, 1 FROM area WHERE id = :area_id
        UNION ALL
        SELECT area.id, area.parent_id, chain.depth + 1 FROM area JOIN chain ON area.id = chain.parent_id
    )
    SELECT banner.id, texts, link, starts_at, ends_at, weekdays, hours, share, image, width, height
    FROM banner LEFT JOIN chain ON chain.id = banner.area_id LEFT JOIN banner_image ON sha256 = image
    WHERE (chain.id IS NOT NULL OR banner.site_id = :site_id)
    AND approved_at IS NOT NULL AND ended_at IS NULL AND (ends_at IS NULL OR ends_at > :now)
    ORDER BY priority DESC, COALESCE(chain.depth, 0), starts_at DESC, banner.id DESC
"""


class Image(NamedTuple):
    """A kept picture's name and measures."""

    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A banner as pages need it, in all its languages."""

    number: int
    texts: Mapping[str, Mapping[str, str]]
    link: str
    image: Image | None
    schedule: Schedule

    @classmethod
    def of(cls, banner: Banner, image: BannerImage | None) -> "Piece":
        """Return a banner as it would be shown, approved or not."""
        assert banner.id is not None  # comes from the database
        kept = Image(image.sha256, image.width, image.height) if image else None
        return cls(banner.id, banner.texts, banner.link, kept, banner.schedule)


class Picture(NamedTuple):
    """A picture's address and measures, and what it shows in words."""

    address: str
    width: int
    height: int
    alt: str


class Link(NamedTuple):
    """A link in words; the address is empty where phones can't follow it before log-in."""

    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One piece of information in the language found for it."""

    number: int
    language: str
    title: str
    text: Markup
    link: Link | None
    picture: Picture | None


class Office(NamedTuple):
    """How to reach the kelurahan's office on the web."""

    name: str
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class Posted:
    """Information, alerts and an office's addresses, and `until` when they hold.

    `contacts` are the web addresses of its kelurahan's office, `area` the kelurahan's name.
    """

    slug: str
    walled_garden: str
    until: datetime
    pieces: Sequence[Piece] = ()
    alerts: Sequence[Alert] = ()
    area: str = ""
    contacts: Sequence[str] = ()

    @property
    def banner_ids(self) -> list[int]:
        return [piece.number for piece in self.pieces]

    def notices(self, language: str, languages: Sequence[str]) -> list[Notice]:
        """Return the information, at most three, in the language or the first of `languages` it has."""
        return [self._notice(piece, language, languages) for piece in self.pieces]

    def _notice(self, piece: Piece, language: str, languages: Sequence[str]) -> Notice:
        spoken, parts = in_language(piece.texts, language, languages)
        way = _Way(self.slug, piece.number, self.walled_garden, links_of(piece))
        own = links.find_link(piece.link)
        return Notice(
            number=piece.number,
            language=spoken,
            title=parts["title"],
            text=markup.render(parts["text"], way.to),
            link=Link(links.host_of(own), way.to(own) or "") if own else None,
            picture=_picture(piece.image, parts),
        )

    @property
    def office(self) -> Office | None:
        """Return how to reach the kelurahan's office on the web; None where nobody said."""
        ways = [
            Link(
                links.shown(link),
                f"{home(self.slug)}/office/{number}" if links.is_free(links.host_of(link), self.walled_garden) else "",
            )
            for number, link in enumerate(self.contacts)
        ]
        return Office(self.area, ways) if ways else None


class _Way(NamedTuple):
    """Where the links of one banner lead: through an address of ours that counts them."""

    slug: str
    number: int
    walled_garden: str
    links: Sequence[str]

    def to(self, target: str) -> str | None:
        link = links.find_link(target)
        if link is None or not links.is_free(links.host_of(link), self.walled_garden):
            return None
        position = self.links.index(link)
        return f"{home(self.slug)}/go/{self.number}" + (f"/{position}" if position else "")


def _picture(image: Image | None, parts: Mapping[str, str]) -> Picture | None:
    return image and Picture(f"/p/i/{image.sha256}.jpg", image.width, image.height, parts["alt"])


def posted_at(db: Session, site: Site, settings: SiteSettings, *, zone: ZoneInfo, now: datetime) -> Posted:
    """Return what is posted at the site now, and until when it is unless somebody changes it."""
    approved = approved_for(db, site, now)
    alerts = alerts_at(db, site.slug, now).get(site.slug, ())
    changes = [piece.schedule.changes_at(now, zone) for piece in approved] + [alert.ends_at for alert in alerts]
    area = db.get_one(Area, site.area_id)
    return Posted(
        slug=site.slug,
        walled_garden=settings.walled_garden,
        until=min(changes, default=now + HORIZON),
        pieces=[piece for piece in approved if piece.schedule.holds(piece.number, now, zone)][:AT_ONCE],
        alerts=alerts,
        area=area.name,
        contacts=contacts_of(area),
    )


def approved_for(db: Session, site: Site, now: datetime) -> list[Piece]:
    """Return what may be shown at the site, at its time."""
    rows = db.execute(text(APPROVED_FOR), {"area_id": site.area_id, "site_id": site.id, "now": now})
    return [
        Piece(
            row.id,
            row.texts,
            row.link,
            Image(row.image, row.width, row.height) if row.image else None,
            Schedule(row.starts_at, row.ends_at, row.weekdays, row.hours, row.share),
        )
        for row in rows
    ]


def contacts_of(area: Area) -> list[str]:
    """Return the web addresses of the area's office."""
    return usable([*([area.website] if area.website else []), *(area.social_media or [])])
