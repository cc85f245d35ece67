"""Adding sites, finding them, and moving them through their life."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text, update
from sqlmodel import Session, col, select

from hotspot.areas.models import Area, Level
from hotspot.areas.service import get_area, ids_below
from hotspot.errors import Conflict, Invalid, NotFound
from hotspot.sites.models import LONGEST_ADDRESS, LONGEST_NAME, Site, SiteState

LONGEST_SLUG = 56  # of 64, so that a number fits behind it
SLUG_LOCK = 0x736C7567  # "slug": one new site at a time, so that two of the same name get different slugs

# A retired site comes back as a planned one: its settings and routers are looked at again before guests are.
NEXT_STATES = {
    SiteState.PLANNED: (SiteState.LIVE, SiteState.RETIRED),
    SiteState.LIVE: (SiteState.RETIRED,),
    SiteState.RETIRED: (SiteState.PLANNED,),
}


class NoSuchSite(NotFound):
    """There is no site {slug}; see: hotspot sites list"""


class BadSite(Invalid):
    """{field}: {problem}"""


class NotAKelurahan(Invalid):
    """A site lies in a kelurahan, but {code} is the {level} {name}"""


class StateNotReachable(Conflict):
    """The site {slug} is {state}; it can only become {reachable}"""


def add_site(
    db: Session,
    *,
    name: str,
    area_code: str,
    address: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
    state: SiteState = SiteState.LIVE,
    now: datetime,
) -> Site:
    """Add a place with Wi-Fi; its slug is made from its name and never changes.

    Raises:
        NoSuchArea: nothing has this code.
        NotAKelurahan: the area is a kecamatan or the kota.
        BadSite: a field that can't be used.
    """
    area = get_area(db, area_code)
    if area.level != Level.KELURAHAN:
        raise NotAKelurahan(code=area.code, level=area.level, name=area.name)
    assert area.id is not None
    name = _line("name", name, LONGEST_NAME)
    if not name:
        raise BadSite(field="name", problem="is missing")
    if state is SiteState.RETIRED:
        raise BadSite(field="state", problem="a new site is planned or live")
    _check_coordinates(latitude, longitude)
    site = Site(
        slug=free_slugs(db, [name])[0],
        name=name,
        area_id=area.id,
        address=_line("address", address, LONGEST_ADDRESS),
        latitude=latitude,
        longitude=longitude,
        state=state,
        created_at=now,
    )
    db.add(site)
    db.flush()
    return site


def _line(field: str, value: str, longest: int) -> str:
    value = value.strip()
    if len(value) > longest or not value.isprintable():
        raise BadSite(field=field, problem=f"is one line of at most {longest} characters")
    return value


def _check_coordinates(latitude: float | None, longitude: float | None) -> None:
    if (latitude is None) != (longitude is None):
        raise BadSite(field="coordinates", problem="latitude and longitude go together")
    if latitude is not None and not -90 <= latitude <= 90:  # NaN isn't between either
        raise BadSite(field="latitude", problem="is a number from -90 to 90")
    if longitude is not None and not -180 <= longitude <= 180:
        raise BadSite(field="longitude", problem="is a number from -180 to 180")


def slug_of(name: str) -> str:
    """Return the name as it looks in addresses: ASCII, lower case, dashes."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:LONGEST_SLUG].rstrip("-") or "site"


def free_slugs(db: Session, names: Sequence[str]) -> list[str]:
    """Return a slug of its own for each name; nobody else adds a site until the caller's transaction ends."""
    lock_slugs(db)
    taken = set(db.exec(select(Site.slug)))
    numbers: Counter[str] = Counter()
    found = []
    for slug in map(slug_of, names):
        free = slug
        while free in taken:
            numbers[slug] += 1
            free = f"{slug}-{numbers[slug] + 1}"
        taken.add(free)
        found.append(free)
    return found


def lock_slugs(db: Session) -> None:
    db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SLUG_LOCK})


def find_site(db: Session, slug: str) -> Site | None:
    return db.exec(select(Site).where(Site.slug == slug)).first()


def get_site(db: Session, slug: str) -> Site:
    """Return the site with this slug.

    Raises:
        NoSuchSite: there is none.
    """
    site = find_site(db, slug)
    if site is None:
        raise NoSuchSite(slug=slug)
    return site


def sites_of(db: Session, area: Area) -> list[Site]:
    """Return the sites of this area and of all below it, by name."""
    inside = col(Site.area_id).in_(ids_below(db, area))
    return list(db.exec(select(Site).where(inside).order_by(col(Site.name), col(Site.slug))))


def all_sites(db: Session) -> list[tuple[Site, Area]]:
    """Return every site with its kelurahan, in the order of the kelurahan's codes."""
    together = select(Site, Area).join(Area, col(Site.area_id) == col(Area.id))
    return list(db.exec(together.order_by(col(Area.code), col(Site.name), col(Site.slug))))


def set_state(db: Session, site: Site, state: SiteState) -> None:
    """Move the site on in its life; saying what it is already changes nothing.

    Raises:
        StateNotReachable: not from where it is, or somebody else has moved it meanwhile.
    """
    if site.state == state:
        return
    before = [state_before for state_before, following in NEXT_STATES.items() if state in following]
    moved = db.execute(update(Site).where(col(Site.id) == site.id, col(Site.state).in_(before)).values(state=state))
    db.refresh(site)
    if moved.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result has it
        reachable = " or ".join(NEXT_STATES[SiteState(site.state)])
        raise StateNotReachable(slug=site.slug, state=site.state, reachable=reachable)
