"""Information of the city on the welcome page: drafted by one person, approved by another, shown while its schedule holds.

It is given for an area and shown at every site below it, or for one site. An edit takes the approval away. In pages and style sheets
these are "notices": some phones hide what is called a banner. What is shown where and now is `posted`'s question.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import structlog
from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.areas.models import Area
from hotspot.errors import Conflict, HotspotError, Invalid, NotAllowed, NotFound
from hotspot.guests.refusals import N_
from hotspot.guests.terms import LANGUAGE
from hotspot.links import BadLink, checked_link, find_link, host_of, is_free
from hotspot.portal.markup import links_in
from hotspot.portal.models import Banner, BannerImage
from hotspot.portal.prose import in_language
from hotspot.portal.schedule import ALWAYS, HOURS, WEEKDAYS, Schedule
from hotspot.sites.models import Site
from hotspot.sites.settings import effective_at
from hotspot.staff.models import StaffAccount

log = structlog.get_logger()

LIMITS: Final = {"title": 80, "text": 400, "alt": 160}  # three pieces fit into the first view
LINES: Final = {"text"}  # the rest are one line
PRIORITIES: Final = range(101)
MOST_LINKS: Final = 5


class BadBanner(Invalid):
    """This information can't be shown: {problem}"""

    def __init__(self, words: str, **facts: object) -> None:
        """Keep the message id and its facts, so that a page can say it in the reader's language."""
        self.words, self.details = words, facts
        super().__init__(problem=words % facts)

    def in_words(self, say: Callable[[str], str]) -> str:
        """Return what is wrong, in the language that `say` speaks."""
        return say(self.words) % self.details


class NoSuchBanner(NotFound):
    """There is no information with the number {number}; see: hotspot banners list"""


class OwnDraft(NotAllowed):
    """Somebody else has to approve it: the last words in it are yours"""


class NotThisRevision(Conflict):
    """It was changed since you looked at it; look again"""


class IsOver(Conflict):
    """It has ended; make a new one"""


class AlreadyApproved(Conflict):
    """It is approved already"""


class BannerState(StrEnum):
    """Where information is on its way."""

    DRAFT = "draft"  # waits for a second person
    PLANNED = "planned"  # approved, and will begin
    SHOWN = "shown"  # approved, at its hours
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to have shown. `texts`: language → {title, text} and, with an image, alt.

    An `image` of None is the one it has, "" none.
    """

    texts: Mapping[str, Mapping[str, str]]
    schedule: Schedule
    link: str = ""
    image: str | None = None
    priority: int = 0


# --- drafting ----------------------------------------------------------------------------------------------------------------


def draft(db: Session, place: Area | Site, wanted: Draft, *, by: StaffAccount | None, now: datetime) -> Banner:
    """Keep information that waits for its approval; `by` None is the installation, whose drafts are looked at then.

    Raises:
        BadBanner: a language, a text, a link or a time that can't be used.
    """
    checked = _checked(wanted)
    if by is not None:
        _refuse_closed(db, place, checked_links_of(checked))
    banner = Banner(
        area_id=place.id if isinstance(place, Area) else None,
        site_id=place.id if isinstance(place, Site) else None,
        texts={},
        starts_at=now,
        drafted_at=now,
    )
    _fill(banner, checked, by=by, now=now)
    db.add(banner)
    db.flush()
    return banner


def edit(db: Session, number: int, wanted: Draft, *, revision: int, by: StaffAccount, now: datetime) -> Banner:
    """Change information; it has to be approved again.

    Raises:
        NoSuchBanner, IsOver: there is nothing to change.
        NotThisRevision: somebody changed it meanwhile.
        BadBanner: as `draft`.
    """
    banner = get_banner(db, number, for_update=True)
    if banner.ended_at is not None:
        raise IsOver
    if banner.revision != revision:
        raise NotThisRevision
    kept = banner.image if wanted.image is None else wanted.image
    checked = _checked(Draft(wanted.texts, wanted.schedule, wanted.link, kept, wanted.priority))
    _refuse_closed(db, place_of(db, banner), checked_links_of(checked))
    _fill(banner, checked, by=by, now=now)
    banner.revision += 1
    banner.approved_at = banner.approved_by = None
    db.flush()
    return banner


def _fill(banner: Banner, wanted: Draft, *, by: StaffAccount | None, now: datetime) -> None:
    banner.texts = {language: dict(parts) for language, parts in wanted.texts.items()}
    banner.link, banner.image, banner.priority = wanted.link, wanted.image or None, wanted.priority
    when = wanted.schedule
    banner.starts_at, banner.ends_at = when.starts_at, when.ends_at
    banner.weekdays, banner.hours, banner.share = when.weekdays, when.hours, when.share
    banner.drafted_by, banner.drafted_at = by.id if by else None, now


def _checked(wanted: Draft) -> Draft:
    _check_schedule(wanted.schedule)
    if wanted.priority not in PRIORITIES:
        raise BadBanner(N_("the priority is from 0 to 100"))
    if not wanted.texts:
        raise BadBanner(N_("it needs a text in at least one language"))
    needed = ("title", "text", "alt") if wanted.image else ("title", "text")
    texts = {language: checked_texts(language, parts, needed) for language, parts in wanted.texts.items()}
    try:
        link = checked_link(wanted.link) if wanted.link.strip() else ""
        checked = Draft(texts, wanted.schedule, link, wanted.image, wanted.priority)
        links = checked_links_of(checked)
    except BadLink as error:
        raise BadBanner(
            N_("%(link)s is not the address of a website such as https://www.example.go.id"), **error.facts
        ) from error
    if len(links) > MOST_LINKS:
        raise BadBanner(N_("it has more than %(most)s links"), most=MOST_LINKS)
    return checked


def _check_schedule(when: Schedule) -> None:
    if when.ends_at is not None and when.ends_at <= when.starts_at:
        raise BadBanner(N_("it ends before it starts"))
    if not when.weekdays or not WEEKDAYS.fullmatch(when.weekdays):
        raise BadBanner(N_("it needs at least one weekday"))
    if when.hours and not HOURS.fullmatch(when.hours):
        raise BadBanner(N_("hours are written as 08:00-15:00"))
    if not 1 <= when.share <= ALWAYS:
        raise BadBanner(N_("its part of the time is from 1 to 100 percent"))


def checked_texts(language: str, parts: Mapping[str, str], needed: Sequence[str]) -> dict[str, str]:
    """Return one language's texts as they will be stored.

    Raises:
        BadBanner: not a language, a part that is missing, empty or too long, or one with control characters.
    """
    if not LANGUAGE.fullmatch(language):
        raise BadBanner(N_("%(language)s is not a language code such as id or en"), language=repr(language[:20]))
    clean = {part: _tidy(parts.get(part, ""), keeps_lines=part in LINES) for part in needed}
    for part, words in clean.items():
        if not words or len(words) > LIMITS[part]:
            raise BadBanner(
                N_("%(language)s: %(part)s needs 1 to %(most)s characters"),
                language=language,
                part=part,
                most=LIMITS[part],
            )
        if any(unicodedata.category(character) == "Cc" and character != "\n" for character in words):
            raise BadBanner(N_("%(language)s: %(part)s has a control character"), language=language, part=part)
    return clean


def _tidy(words: str, *, keeps_lines: bool) -> str:
    lines = [" ".join(line.split()) for line in unicodedata.normalize("NFC", words).splitlines()]
    return ("\n" if keeps_lines else " ").join(lines).strip()


class Said(Protocol):
    """Information in all its languages, as a draft, a row or a page has it."""

    @property
    def texts(self) -> Mapping[str, Mapping[str, str]]: ...
    @property
    def link(self) -> str: ...


def checked_links_of(said: Said) -> list[str]:
    """Return where it leads: its own link first, then those in its texts, by language.

    Raises:
        BadLink: it leads somewhere else than to a website.
    """
    return list(dict.fromkeys(map(checked_link, _targets_of(said))))


def links_of(said: Said) -> list[str]:
    """Return where it leads, as `checked_links_of` does; what is stored and leads nowhere is passed over, and logged."""
    return usable(_targets_of(said))


def usable(stored: Iterable[str]) -> list[str]:
    """Return the stored addresses that pages can lead to, each once; one that somebody damaged must not take a page away."""
    found = {text: find_link(text) for text in stored}
    damaged = [text for text, link in found.items() if link is None]
    if damaged:
        log.warning("stored links lead nowhere", links=damaged)
    return list(dict.fromkeys(link for link in found.values() if link is not None))


def _targets_of(said: Said) -> list[str]:
    inside = [link for _, parts in sorted(said.texts.items()) for link in links_in(parts["text"])]
    return [*([said.link] if said.link else []), *inside]


def _refuse_closed(db: Session, place: Area | Site, links: Iterable[str]) -> None:
    """Refuse links that a phone can't open before it is online, where it reads them."""
    free = effective_at(db, place).values.walled_garden
    where = f"--area {place.code}" if isinstance(place, Area) else f"--site {place.slug}"
    for host in map(host_of, links):
        if not is_free(host, free):
            raise BadBanner(
                N_(
                    "phones can't open %(host)s before log-in here. Free it with: hotspot settings set walled_garden "
                    '"%(hosts)s" %(where)s – and apply that to the routers'
                ),
                host=host,
                hosts=f"{free},{host}".removeprefix(","),
                where=where,
            )


# --- approving and ending ----------------------------------------------------------------------------------------------------

APPROVE: Final = """
    UPDATE banner SET approved_by = :by, approved_at = :now
    WHERE id = :number AND revision = :revision AND approved_at IS NULL AND ended_at IS NULL
    AND drafted_by IS DISTINCT FROM :by
"""
END: Final = "UPDATE banner SET ended_by = :by, ended_at = :now WHERE id = :number AND ended_at IS NULL"


def approve(db: Session, number: int, *, revision: int, by: StaffAccount, now: datetime) -> None:
    """Let information be shown, as it was when this revision was looked at.

    Raises:
        NoSuchBanner, OwnDraft, NotThisRevision, AlreadyApproved, IsOver: why not.
        BadBanner: a link leads where the walled garden doesn't let phones any more.
    """
    banner = get_banner(db, number)
    _refuse_closed(db, place_of(db, banner), checked_links_of(banner))
    facts = {"number": number, "revision": revision, "by": by.id, "now": now}
    is_approved = _one_row(db, APPROVE, facts)
    db.refresh(banner)
    if not is_approved:
        raise _why_not(banner, revision)


def _why_not(banner: Banner, revision: int) -> HotspotError:
    if banner.ended_at is not None:
        return IsOver()
    if banner.revision != revision:
        return NotThisRevision()
    return AlreadyApproved() if banner.approved_at is not None else OwnDraft()


def end(db: Session, number: int, *, by: StaffAccount, now: datetime) -> None:
    """Show it no longer, and lead nobody to its links; ending it twice is ending it once.

    Raises:
        NoSuchBanner: there is none.
    """
    banner = get_banner(db, number)
    _one_row(db, END, {"number": number, "by": by.id, "now": now})
    db.refresh(banner)


def _one_row(db: Session, statement: str, facts: Mapping[str, object]) -> bool:
    return db.connection().execute(text(statement), facts).rowcount == 1


# --- looking -----------------------------------------------------------------------------------------------------------------


def get_banner(db: Session, number: int, *, for_update: bool = False) -> Banner:
    """Return the banner.

    Raises:
        NoSuchBanner: there is none.
    """
    banner = db.get(Banner, number, with_for_update=for_update, populate_existing=True)
    if banner is None:
        raise NoSuchBanner(number=number)
    return banner


def place_of(db: Session, banner: Banner) -> Area | Site:
    if banner.area_id is not None:
        return db.get_one(Area, banner.area_id)
    return db.get_one(Site, banner.site_id)


def state_of(banner: Banner, now: datetime) -> BannerState:
    if banner.ended_at is not None or (banner.ends_at is not None and banner.ends_at <= now):
        return BannerState.ENDED
    if banner.approved_at is None:
        return BannerState.DRAFT
    return BannerState.SHOWN if banner.starts_at <= now else BannerState.PLANNED


def all_banners(db: Session) -> Sequence[tuple[Banner, str]]:
    """Return every banner with its place's name, the newest first."""
    name = text("COALESCE(area.name || ' (' || area.code || ')', site.name) AS place")
    together = select(Banner, name).outerjoin(Area, col(Area.id) == Banner.area_id)
    found = db.execute(together.outerjoin(Site, col(Site.id) == Banner.site_id).order_by(col(Banner.id).desc()))
    return [(banner, place) for banner, place in found]


def title_of(texts: Mapping[str, Mapping[str, str]], languages: Sequence[str]) -> str:
    """Return the title in the first of the languages it has."""
    return in_language(texts, languages[0], languages)[1]["title"]


def image_of(db: Session, banner: Banner) -> BannerImage | None:
    return db.get(BannerImage, banner.image) if banner.image else None


def name_of(db: Session, staff_id: int | None) -> str:
    """Return who did something; nobody in particular is the installation."""
    return "" if staff_id is None else db.get_one(StaffAccount, staff_id).name
