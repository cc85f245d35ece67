"""Finding one's way in the area tree."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.areas.models import Area, Level
from hotspot.errors import Invalid, NotFound
from hotspot.links import checked_link

MOST_SOCIAL_MEDIA: Final = 4  # they share one line of a phone's page


class NoSuchArea(NotFound):
    """There is no area with the code {code}; see: hotspot areas list"""


class NoAreas(NotFound):
    """There are no areas yet; bring them in with: hotspot areas import FILE"""


class TooManyLinks(Invalid):
    """An area has at most {most} addresses on social media"""


def find_area(db: Session, code: str) -> Area | None:
    return db.exec(select(Area).where(Area.code == code)).first()


def get_area(db: Session, code: str) -> Area:
    """Return the area with this official code.

    Raises:
        NoSuchArea: there is none.
    """
    area = find_area(db, code)
    if area is None:
        raise NoSuchArea(code=code)
    return area


def top_area(db: Session) -> Area:
    """Return the kota.

    Raises:
        NoAreas: nothing was imported yet.
    """
    area = db.exec(select(Area).where(Area.level == Level.KOTA)).first()
    if area is None:
        raise NoAreas
    return area


def children_of(db: Session, area: Area) -> list[Area]:
    """Return the areas directly below, by code."""
    return list(db.exec(select(Area).where(Area.parent_id == area.id).order_by(col(Area.code))))


ABOVE = """
    WITH RECURSIVE above (id, parent_id, depth) AS (
        SELECT id, parent_id, 0 FROM area WHERE id = :id
        UNION ALL
        SELECT area.id, area.parent_id, depth + 1 FROM above JOIN area ON area.id = above.parent_id
    )
    SELECT id FROM above ORDER BY depth DESC
"""


def path_of(db: Session, area: Area) -> list[Area]:
    """Return the areas from the kota down to this one, which is the last."""
    return [db.get_one(Area, id_) for (id_,) in db.execute(text(ABOVE), {"id": area.id})]


BELOW = """
    WITH RECURSIVE below (id) AS (
        SELECT id FROM area WHERE id = :id UNION ALL SELECT area.id FROM below JOIN area ON area.parent_id = below.id
    )
    SELECT id FROM below
"""


def ids_below(db: Session, area: Area) -> list[int]:
    """Return the ids of this area and all below it."""
    return list(db.scalars(text(BELOW), {"id": area.id}))


def tree(db: Session) -> list[Area]:
    """Return every area, each parent before its children, siblings by code."""
    children: dict[int | None, list[Area]] = {}
    for area in db.exec(select(Area).order_by(col(Area.code).desc())):
        children.setdefault(area.parent_id, []).append(area)
    found: list[Area] = []
    waiting = children.get(None, [])
    while waiting:
        area = waiting.pop()
        found.append(area)
        waiting.extend(children.get(area.id, []))
    return found


def set_contacts(db: Session, area: Area, *, website: str | None, social_media: Sequence[str] | None) -> None:
    """Say where the area's office is on the web; None leaves as it is, "" and nothing take away.

    Raises:
        BadLink, TooManyLinks: what can't be shown.
    """
    if website is not None:
        area.website = checked_link(website) if website.strip() else None
    if social_media is not None:
        links = [checked_link(link) for link in social_media if link.strip()]
        if len(links) > MOST_SOCIAL_MEDIA:
            raise TooManyLinks(most=MOST_SOCIAL_MEDIA)
        area.social_media = list(dict.fromkeys(links)) or None
    db.add(area)
    db.flush()
