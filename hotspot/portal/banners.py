"""Information of the city on the welcome page: given for an area, shown at every site below it while it holds. Plain text.

In pages and style sheets these are "notices": some phones hide what is called a banner.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.errors import Invalid
from hotspot.guests.terms import LANGUAGE
from hotspot.portal.models import Banner
from hotspot.portal.prose import in_language
from hotspot.sites.models import Site

AT_ONCE: Final = 3  # more than that nobody reads before the button
LIMITS: Final = {"title": 80, "text": 400}

# A site's banners: of its kelurahan, kecamatan and kota. The most important first, then the nearest, then the newest.
BANNERS_OF_A_SITE: Final = """
    WITH RECURSIVE chain (id, parent_id, depth) AS (
        SELECT id, parent_id, 0 FROM area WHERE id = :area_id
        UNION ALL
        SELECT area.id, area.parent_id, chain.depth + 1 FROM area JOIN chain ON area.id = chain.parent_id
    )
    SELECT banner.texts
    FROM banner JOIN chain ON banner.area_id = chain.id
    WHERE banner.starts_at <= :now AND (banner.ends_at IS NULL OR banner.ends_at > :now)
    ORDER BY banner.priority DESC, chain.depth, banner.starts_at DESC, banner.id DESC
    LIMIT :at_once
"""

NEXT_CHANGE_AT_A_SITE: Final = """
    WITH RECURSIVE chain (id, parent_id) AS (
        SELECT id, parent_id FROM area WHERE id = :area_id
        UNION ALL
        SELECT area.id, area.parent_id FROM area JOIN chain ON area.id = chain.parent_id
    )
    SELECT min(change) FROM banner JOIN chain ON banner.area_id = chain.id, unnest(ARRAY[starts_at, ends_at]) AS change
    WHERE change > :now
"""


class BadBanner(Invalid):
    """This information can't be shown: {problem}"""


@dataclass(frozen=True, slots=True)
class Notice:
    """One banner in the language found for it."""

    language: str
    title: str
    text: str


def add_banner(
    db: Session,
    area: Area,
    texts: Mapping[str, Mapping[str, str]],
    *,
    starts_at: datetime,
    ends_at: datetime | None = None,
    priority: int = 0,
) -> Banner:
    """Show information at every site below the area; `texts` maps a language to {title, text}.

    Raises:
        BadBanner: a language, a text or a period that can't be used.
    """
    if ends_at is not None and ends_at <= starts_at:
        raise BadBanner(problem="it ends before it starts")
    if not texts:
        raise BadBanner(problem="no language is given")
    assert area.id is not None  # comes from the database
    clean = {language: _checked(language, parts) for language, parts in texts.items()}
    banner = Banner(area_id=area.id, texts=clean, priority=priority, starts_at=starts_at, ends_at=ends_at)
    db.add(banner)
    db.flush()
    return banner


def _checked(language: str, parts: Mapping[str, str]) -> dict[str, str]:
    if not LANGUAGE.fullmatch(language):
        raise BadBanner(problem=f"{language!r} is not a language code such as id or en")
    if set(parts) != set(LIMITS):
        raise BadBanner(problem=f"{language}: needs exactly {', '.join(LIMITS)}")
    clean = {part: " ".join(unicodedata.normalize("NFC", parts[part]).split()) for part in LIMITS}
    for part, words in clean.items():
        if not words or len(words) > LIMITS[part]:
            raise BadBanner(problem=f"{language}.{part}: needs 1 to {LIMITS[part]} characters")
        if any(unicodedata.category(character) == "Cc" for character in words):
            raise BadBanner(problem=f"{language}.{part}: contains a control character")
    return clean


def banners_for(
    db: Session, site: Site, language: str, now: datetime, *, languages: Sequence[str] = ()
) -> list[Notice]:
    """Return what the site's welcome page shows now, at most three, in the language or the first of `languages` they have."""
    rows = db.execute(text(BANNERS_OF_A_SITE), {"area_id": site.area_id, "now": now, "at_once": AT_ONCE})
    found = [in_language(row.texts, language, languages) for row in rows]
    return [Notice(spoken, parts["title"], parts["text"]) for spoken, parts in found]


def next_change(db: Session, site: Site, now: datetime) -> datetime | None:
    """Return when the next banner of the site begins or ends by itself; None: as far as is known, never."""
    at: datetime | None = db.scalar(text(NEXT_CHANGE_AT_A_SITE), {"area_id": site.area_id, "now": now})
    return at


def all_banners(db: Session) -> Sequence[tuple[Banner, Area]]:
    """Return every banner, whether it holds now or not, with its area."""
    return db.exec(select(Banner, Area).where(Banner.area_id == Area.id).order_by(col(Banner.id))).all()
