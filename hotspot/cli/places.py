"""The place that a command is about: an area or a site."""

from typing import Annotated

import typer
from sqlmodel import Session

from hotspot.areas.models import Area
from hotspot.areas.service import get_area
from hotspot.errors import Invalid
from hotspot.sites.models import Site
from hotspot.sites.service import get_site

OptionalArea = Annotated[str | None, typer.Option("--area", help="Official code of an area.")]
OptionalSite = Annotated[str | None, typer.Option("--site", help="Slug of a site, as in `hotspot sites list`.")]


class OnePlace(Invalid):
    """Say where: either --area CODE or --site SLUG"""


def one_place(db: Session, area: str | None, site: str | None) -> Area | Site:
    """Return the place that one of the two options names.

    Raises:
        OnePlace: neither or both were given.
        NoSuchArea, NoSuchSite: there is none of that name.
    """
    if (area is None) == (site is None):
        raise OnePlace
    return get_area(db, area) if area is not None else get_site(db, site or "")
