"""Sites, for programs."""

from pydantic import Field

from hotspot.api.access import operators, readers
from hotspot.api.routers import Asked, Slug
from hotspot.routers.views import View
from hotspot.sites import service as sites
from hotspot.sites.models import LONGEST_ADDRESS, LONGEST_NAME, SiteState, home
from hotspot.web import Db, Now, ReadDb, SettingsDep

reading, operating = readers("sites"), operators("sites")


class SiteAsked(Asked):
    """A new place with Wi-Fi; `area` is the code of a kelurahan."""

    name: str = Field(max_length=LONGEST_NAME)
    area: Slug
    address: str = Field(default="", max_length=LONGEST_ADDRESS)
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    state: SiteState = SiteState.LIVE


@reading.get("/sites")
def list_sites(db: ReadDb) -> list[View]:
    """List every site with its kelurahan."""
    return [
        {"slug": site.slug, "name": site.name, "area": area.code, "kelurahan": area.name, "state": site.state}
        for site, area in sites.all_sites(db)
    ]


@operating.post("/sites", status_code=201)
def add_site(asked: SiteAsked, db: Db, settings: SettingsDep, now: Now) -> View:
    """Add a place with Wi-Fi."""
    site = sites.add_site(
        db,
        name=asked.name,
        area_code=asked.area,
        address=asked.address,
        latitude=asked.latitude,
        longitude=asked.longitude,
        state=asked.state,
        now=now,
    )
    return {
        "slug": site.slug,
        "name": site.name,
        "area": asked.area,
        "state": site.state,
        "portal_url": f"{settings.base_url}{home(site.slug)}",
    }
