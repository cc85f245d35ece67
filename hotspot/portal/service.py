"""The portal's answers: what a place shows, and what became of a log-in there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, select

from hotspot.guests.models import Credential, Terms
from hotspot.guests.service import find_credentials, find_refusal
from hotspot.guests.terms import NoSuchTerms, current
from hotspot.portal.attempts import Facts, Stage, attempt_of, credential_in_use, is_about, judge
from hotspot.portal.attempts_models import SignInAttempt
from hotspot.portal.broadcasts import Alert
from hotspot.portal.explanations import NO_SUCH_SITE, NO_TERMS, RETIRED
from hotspot.portal.handoff import RouterHost, Stop
from hotspot.portal.posted import Notice, Office, Posted
from hotspot.routers.login_pages import host_of
from hotspot.routers.models import Router, RouterState
from hotspot.routers.service import routers_of
from hotspot.sites.models import Site, SiteState
from hotspot.sites.settings import OCTETS_PER_MEGABYTE, SiteSettings, effective
from hotspot.usage.models import GuestSession
from hotspot.usage.service import find_session_of

MISSED_INTERIMS: Final = 2  # then the session is most likely gone without a Stop (power cut): the person may start anew
SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)

AREAS_ABOVE: Final = """
    WITH RECURSIVE chain (name, parent_id, depth) AS (
        SELECT name, parent_id, 0 FROM area WHERE id = :area_id
        UNION ALL
        SELECT area.name, area.parent_id, chain.depth + 1 FROM area JOIN chain ON area.id = chain.parent_id
    )
    SELECT name FROM chain ORDER BY depth
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A site as the portal needs it: its routers, its settings, the names of the areas above it, nearest first."""

    site: Site
    site_id: int
    routers: tuple[RouterHost, ...]
    settings: SiteSettings
    areas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a person reads before the button."""

    terms: Terms
    notices: Sequence[Notice]
    office: Office | None
    alerts: Sequence[Alert]


@dataclass(frozen=True, slots=True)
class Left:
    """What a guest session may still use; `octets` is None where the site sets no limit."""

    until: datetime
    time: timedelta
    octets: int | None
    octets_used: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a log-in has come, its session when there is one, and the attempt that it belongs to."""

    stage: Stage
    credential: Credential
    session: GuestSession | None = None
    attempt: SignInAttempt | None = None

    @property
    def is_latest(self) -> bool:
        """Whether the attempt is about this log-in, so that its words may be told."""
        return is_about(self.attempt, self.credential)


def get_place(db: Session, slug: str) -> Place:
    """Return the site of that slug with what the portal needs of it.

    Raises:
        Stop: there is no such site, or it is retired.
    """
    site = db.exec(select(Site).where(Site.slug == slug)).first() if SLUG.fullmatch(slug) else None
    if site is None:
        raise Stop(NO_SUCH_SITE)
    if site.state == SiteState.RETIRED:
        raise Stop(RETIRED)
    assert site.id is not None  # comes from the database
    settings = effective(db, site.id).values
    return Place(
        site=site,
        site_id=site.id,
        routers=tuple(host for router in routers_of(db, site.id) for host in _hosts(router, settings)),
        settings=settings,
        areas=tuple(db.execute(text(AREAS_ABOVE), {"area_id": site.area_id}).scalars()),
    )


def _hosts(router: Router, settings: SiteSettings) -> Iterator[RouterHost]:
    """Where phones meet the router's log-in page: as it was registered, or where what we put on it has made it."""
    assert router.id is not None  # comes from the database
    is_managed = router.state == RouterState.ENROLLED
    yield RouterHost(router.address, router.login_host, router.id, is_managed)
    if is_managed:
        yield RouterHost(str(IPv4Network(settings.guest_network).network_address + 1), "", router.id, is_managed)
        if settings.login_host:
            yield RouterHost(router.address, host_of(settings.login_host, router.name), router.id, is_managed)


def welcome(
    db: Session, place: Place, posted: Posted, language: str, languages: Sequence[str], now: datetime
) -> Welcome:
    """Return what the place shows before the button."""
    return Welcome(terms_of(db, place, now), posted.notices(language, languages), posted.office, posted.alerts)


def terms_of(db: Session, place: Place, now: datetime) -> Terms:
    """Return the terms that hold at the place.

    Raises:
        Stop: its document was never published: without terms there is no consent.
    """
    try:
        return current(db, place.settings.terms, now)
    except NoSuchTerms as error:
        raise Stop(NO_TERMS) from error


def progress(db: Session, place: Place, credential_id: UUID, *, now: datetime) -> Progress | None:
    """Return how far the log-in with this credential has come; None when the site never issued it."""
    credential = find_credentials(db, [credential_id]).get(credential_id)
    if credential is None or credential.site_id != place.site_id:
        return None
    session = find_session_of(db, credential_id, site_id=place.site_id, device_id=credential.device_id)
    attempt = attempt_of(db, credential)
    is_online = None if session is None else _is_online(session, place, now)
    asked = credential
    if attempt is not None and attempt.credential_id == credential_id:
        asked = credential_in_use(db, attempt) or credential
    refusal = find_refusal(db, asked) if session is None else None
    return Progress(judge(Facts(credential, attempt, is_online, refusal), now), credential, session, attempt)


def _is_online(session: GuestSession, place: Place, now: datetime) -> bool:
    """Whether the router has reported it lately: one that went silent is most likely the trace of a power cut."""
    silence = timedelta(seconds=MISSED_INTERIMS * place.settings.interim_seconds)
    return session.ended_at is None and now <= session.last_seen_at + silence


def left(session: GuestSession | None, settings: SiteSettings, now: datetime, *, since: datetime | None = None) -> Left:
    """Return what the site's settings leave of a session, never below nothing; of one that nobody reported yet, as it began `since`."""
    until = (since or now if session is None else session.started_at) + timedelta(minutes=settings.session_minutes)
    used = 0 if session is None else (session.octets_from_device or 0) + (session.octets_to_device or 0)
    allowed = settings.data_megabytes
    return Left(
        until=until,
        time=max(until - now, timedelta()),
        octets=None if allowed is None else max(allowed * OCTETS_PER_MEGABYTE - used, 0),
        octets_used=used,
    )
