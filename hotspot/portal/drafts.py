"""Information as a TOML file: a table of texts a language, and what else there is to say about it. The packaged drafts are such files.

A new installation gets the packaged ones as drafts for its kota. They are nobody's, so any member of staff may approve them, and edit
them first: none of them knows the city.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlmodel import Session

from hotspot.areas.service import top_area
from hotspot.guests.refusals import N_
from hotspot.portal.banners import BadBanner, Draft, draft
from hotspot.portal.schedule import ALWAYS, EVERY_DAY, Schedule

DOCUMENTS: Final = Path(__file__).parent / "documents"


class _File(BaseModel):
    """What may stand in the file above its tables. Times without a zone are the city's; Monday is 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    link: str = ""
    priority: int = 0
    starts: datetime | None = None
    ends: datetime | None = None
    weekdays: tuple[int, ...] = tuple(map(int, EVERY_DAY))
    hours: str = ""
    share: int = ALWAYS
    texts: dict[str, dict[str, str]]


def read_draft(document: str, *, zone: ZoneInfo, now: datetime, image: str | None = None) -> Draft:
    """Read a file's text; without `starts` it begins now.

    Raises:
        BadBanner: it isn't such a file.
    """
    try:
        said = tomllib.loads(document)
        texts = {name: value for name, value in said.items() if isinstance(value, dict)}
        file = _File(**{**_but(said, texts), "texts": texts})
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BadBanner(N_("the file can't be read: %(problem)s"), problem=_problem(error)) from error
    when = Schedule(
        starts_at=_local(file.starts, zone) or now,
        ends_at=_local(file.ends, zone),
        weekdays="".join(str(day) for day in sorted(set(file.weekdays))),
        hours=file.hours,
        share=file.share,
    )
    return Draft(file.texts, when, file.link, image, file.priority)


def _but(said: Mapping[str, Any], without: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in without}


def _problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def _local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=zone)


def lay_down_drafts(db: Session, *, zone: ZoneInfo, now: datetime) -> None:
    """Give a new installation its drafts."""
    city = top_area(db)
    for path in sorted(DOCUMENTS.glob("*.toml")):
        draft(db, city, read_draft(path.read_text(encoding="utf-8"), zone=zone, now=now), by=None, now=now)
