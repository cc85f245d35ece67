"""Settings of a site, inherited kota → kecamatan → kelurahan → site, each value with its source."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import text
from sqlmodel import Session

from hotspot.areas.models import Area
from hotspot.errors import Invalid
from hotspot.sites.models import Setting, Site

DEFAULT = "default"


class BadSettingValue(Invalid):
    """{key}: {problem}"""


class UnknownSetting(Invalid):
    """There is no setting {key}; known are: {known}"""


class SiteSettings(BaseModel):
    """What can be decided for a site. Field names are the keys; descriptions are shown by `hotspot settings list`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ssid: Annotated[str, Field(min_length=1, max_length=32, description="name of the Wi-Fi network")] = "WiFi Publik"
    terms: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$", description="name of the terms document")] = "public"
    session_minutes: Annotated[int, Field(ge=5, le=1440, description="longest guest session, minutes")] = 120
    idle_minutes: Annotated[int, Field(ge=1, le=240, description="minutes without traffic that end it")] = 15
    interim_seconds: Annotated[int, Field(ge=30, le=3600, description="seconds between usage reports")] = 300
    speed_down_kbps: Annotated[int, Field(ge=64, le=10_000_000, description="to the device, kbit/s")] = 5_000
    speed_up_kbps: Annotated[int, Field(ge=64, le=10_000_000, description="from the device, kbit/s")] = 2_000
    data_megabytes: Annotated[int | None, Field(ge=1, le=1_000_000, description="data a session may move")] = None


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings that hold at a site; `sources` says for each key who said so: "default", an area's code, the slug."""

    values: SiteSettings
    sources: Mapping[str, str]


def check_value(key: str, value: Any) -> Any:  # noqa: ANN401  (JSON)
    """Return the value as it will be stored.

    Raises:
        UnknownSetting: no such key.
        BadSettingValue: not a value this key can have.
    """
    field = SiteSettings.model_fields.get(key)
    if field is None:
        raise UnknownSetting(key=key, known=", ".join(SiteSettings.model_fields))
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]  # made at run time
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise BadSettingValue(key=key, problem=error.errors()[0]["msg"]) from error


CHAIN_OF_A_SITE = """
    WITH RECURSIVE chain (id, parent_id, code, depth) AS (
        SELECT area.id, area.parent_id, area.code, 1
        FROM area JOIN site ON site.area_id = area.id WHERE site.id = :site_id
        UNION ALL
        SELECT area.id, area.parent_id, area.code, chain.depth + 1 FROM area JOIN chain ON area.id = chain.parent_id
    )
    SELECT setting.key, setting.value, chain.code AS source, chain.depth
    FROM setting JOIN chain ON setting.area_id = chain.id
    UNION ALL
    SELECT setting.key, setting.value, site.slug, 0 FROM setting JOIN site ON setting.site_id = site.id WHERE site.id = :site_id
    ORDER BY depth DESC
"""


def effective(db: Session, site_id: int) -> Effective:
    """Return what holds at the site; the nearest of site, kelurahan, kecamatan and kota wins."""
    rows = db.execute(text(CHAIN_OF_A_SITE), {"site_id": site_id})
    return inherit((row.key, row.value, row.source) for row in rows)


def inherit(given: Iterable[tuple[str, Any, str]]) -> Effective:
    """Lay the given values over the defaults, farthest first; keys this program no longer knows are passed over."""
    values: dict[str, Any] = {}
    sources = dict.fromkeys(SiteSettings.model_fields, DEFAULT)
    for key, value, source in given:
        if key in sources:
            values[key] = value
            sources[key] = source
    return Effective(SiteSettings(**values), sources)


def give(db: Session, place: Area | Site, key: str, value: Any) -> None:  # noqa: ANN401  (JSON, checked here)
    """Say that `key` is `value` at `place` and below; replaces what was said there before."""
    checked = check_value(key, value)
    column = "area_id" if isinstance(place, Area) else "site_id"
    db.execute(
        text(f"""
            INSERT INTO setting ({column}, key, value) VALUES (:place, :key, CAST(:value AS jsonb))
            ON CONFLICT ({column}, key) DO UPDATE SET value = excluded.value
        """),  # noqa: S608  (one of two names above)
        {"place": place.id, "key": key, "value": TypeAdapter(Any).dump_json(checked).decode()},
    )


def take_back(db: Session, place: Area | Site, key: str) -> None:
    """Let `place` inherit `key` again."""
    column = Setting.area_id if isinstance(place, Area) else Setting.site_id
    db.execute(Setting.__table__.delete().where(column == place.id, Setting.key == key))  # type: ignore[attr-defined]
