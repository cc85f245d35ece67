"""Settings of a site, inherited kota → kecamatan → kelurahan → site, each value with its source."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, ip_address
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import delete, text
from sqlmodel import Session, col

from hotspot import themes
from hotspot.areas.models import Area
from hotspot.errors import Invalid
from hotspot.sites.models import Setting, Site

DEFAULT = "default"
OPENING_HOURS = r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$"
# * and ? as RouterOS' walled garden has them.
HOST = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9*?](?:[A-Za-z0-9.:*?-]*[A-Za-z0-9*?])?")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,30}")
# By these phones and laptops find out that there is a portal; where they are free it never opens.
PROBES = (
    "captive.apple.com",
    "clients3.google.com",
    "connectivity-check.ubuntu.com",
    "connectivitycheck.android.com",
    "connectivitycheck.gstatic.com",
    "detectportal.firefox.com",
    "www.msftconnecttest.com",
    "www.msftncsi.com",
)
PRIVATE = tuple(IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
NOTHING = ("", "none", "null")  # how a person writes "no value"
OCTETS_PER_MEGABYTE = 1_000_000


class SignIn(StrEnum):
    """How a guest shows who they are before the terms are agreed to; a consent keeps which way it was."""

    ONE_TAP = "one-tap"  # the device itself is the guest
    VOUCHER = "voucher"  # a printed code
    PHONE = "phone"  # a code sent to a phone
    RESIDENT = "resident"  # a personal code
    GRACE = "grace"  # a short while for a code to arrive; no site offers it as a way to sign in


class LoginWay(StrEnum):
    """Which way of logging a device in at its router is tried first; the other one is tried when that fails."""

    BROWSER = "browser"  # the phone carries a one-time credential to the router's log-in page
    CONTROLLER = "controller"  # the controller tells the router, through the management connection


class BadSettingValue(Invalid):
    """{key}: {problem}"""


class UnknownSetting(Invalid):
    """There is no setting {key}; known are: {known}"""


class BadStoredValue(Invalid):
    """{key} was given the value {value} at {source}, which this program can't use: {problem}; give it anew"""


def _ssid(name: str) -> str:
    """Refuse what beacons can't carry or a script could read as code (IEEE 802.11 §9.4.2.2: 32 octets, not characters)."""
    if len(name.encode()) > 32:
        raise ValueError("is longer than 32 octets")
    if not name.isprintable() or name != name.strip():
        raise ValueError("has control characters, or blanks around it")
    return name


def _guest_network(text: str) -> str:
    """Refuse what can't be a hotspot's own network: 10 to 65,000 addresses of RFC 1918, written as a network."""
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"is not a network such as 10.5.50.0/24: {error}") from error
    if not any(network.subnet_of(private) for private in PRIVATE) or not 16 <= network.prefixlen <= 28:
        raise ValueError("must be private (10/8, 172.16/12 or 192.168/16), from /16 to /28")
    return str(network)


def _hosts(text: str) -> str:
    """Names or addresses, separated by commas."""
    hosts = [host.strip() for host in text.split(",") if host.strip()]
    for host in hosts:
        if len(host) > 100 or not HOST.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name or address")
    return ",".join(dict.fromkeys(hosts))


def _free_hosts(text: str) -> str:
    hosts = _hosts(text)
    for host in hosts.split(","):
        if probe := next((probe for probe in PROBES if fnmatchcase(probe, host.lower())), None):
            raise ValueError(
                f"{host!r} would free {probe}, by which phones find the portal: it would not open any more"
            )
    return hosts


def _time_servers(text: str) -> str:
    if "*" in text or "?" in text:
        raise ValueError("a time server has one name; * and ? are for the walled garden")
    return _hosts(text)


def _addresses(text: str) -> str:
    addresses = [address.strip() for address in text.split(",") if address.strip()]
    return ",".join(dict.fromkeys(str(ip_address(address)) for address in addresses))


def _interfaces(text: str) -> str:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not INTERFACE.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of an interface")
    return ",".join(dict.fromkeys(names))


def _login_host(text: str) -> str:
    """A name of the city's own, for which a public CA issues certificates; {router} stands for a router's name."""
    host = text.strip().lower()
    labels = host.replace("{router}", "r").split(".")
    if host and (len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels)):
        raise ValueError("is not a host name such as login.wifi.example.org, or {router}.wifi.example.org")
    if labels[-1] == "local":
        raise ValueError("ends in .local, which phones look for elsewhere")
    return host


def _sign_in(text: str) -> str:
    """Names of `SignIn`, each once, the one that is shown first in front."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in (ways := [way.value for way in SignIn if way is not SignIn.GRACE]):
            raise ValueError(f"{name!r} is no way to sign in; there are: {', '.join(ways)}")
    if len(set(names)) < len(names):
        raise ValueError("names a way to sign in twice")
    return ",".join(names)


class SiteSettings(BaseModel):
    """What can be decided for a site. Field names are the keys; descriptions are shown by `hotspot settings list`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ssid: Annotated[str, Field(min_length=1, description="name of the Wi-Fi network"), AfterValidator(_ssid)] = (
        "WiFi Publik"
    )
    terms: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$", description="name of the terms document")] = "public"
    session_minutes: Annotated[int, Field(ge=5, le=1440, description="longest guest session, minutes")] = 120
    idle_minutes: Annotated[int, Field(ge=1, le=240, description="minutes without traffic that end it")] = 15
    interim_seconds: Annotated[int, Field(ge=30, le=3600, description="seconds between usage reports")] = 300
    speed_down_kbps: Annotated[int, Field(ge=64, le=10_000_000, description="to the device, kbit/s")] = 5_000
    speed_up_kbps: Annotated[int, Field(ge=64, le=10_000_000, description="from the device, kbit/s")] = 2_000
    data_megabytes: Annotated[int | None, Field(ge=1, le=1_000_000, description="data a session may move")] = None
    daily_minutes: Annotated[int | None, Field(ge=5, le=1440, description="minutes online a guest has a day")] = None
    daily_megabytes: Annotated[int | None, Field(ge=1, le=1_000_000, description="data a guest may move a day")] = None
    slow_down_kbps: Annotated[
        int | None, Field(ge=64, le=10_000_000, description="to the device once the day's data is used; none: no more")
    ] = 512
    slow_up_kbps: Annotated[
        int | None,
        Field(ge=64, le=10_000_000, description="from the device once the day's data is used; none: no more"),
    ] = 256
    devices_per_guest: Annotated[int, Field(ge=1, le=50, description="devices of one guest online at once")] = 3
    opening_hours: Annotated[
        str, Field(pattern=OPENING_HOURS, description="when guests are let in, as 06:00-22:00; empty: always")
    ] = ""
    remember_days: Annotated[
        int, Field(ge=0, le=365, description="days a known device is let in without a page; 0: never")
    ] = 7
    wifi_country: Annotated[
        str,
        Field(
            pattern="^[A-Za-z][A-Za-z0-9 -]{1,40}$", description="country whose radio rules hold, in RouterOS' words"
        ),
    ] = "Indonesia"
    guest_network: Annotated[
        str, Field(description="the guests' network behind each router"), AfterValidator(_guest_network)
    ] = "10.5.50.0/24"
    guest_ports: Annotated[
        str, Field(max_length=200, description="Ethernet ports that serve guests, too"), AfterValidator(_interfaces)
    ] = ""
    dns_servers: Annotated[
        str,
        Field(max_length=200, description="the router's DNS servers; empty: as the router has them"),
        AfterValidator(_addresses),
    ] = ""
    ntp_servers: Annotated[
        str, Field(max_length=400, description="the router's time servers"), AfterValidator(_time_servers)
    ] = "pool.ntp.org"
    walled_garden: Annotated[
        str, Field(max_length=2000, description="hosts that are free before log-in"), AfterValidator(_free_hosts)
    ] = ""
    login_host: Annotated[
        str,
        Field(max_length=100, description="name of the routers' log-in page, for https; {router}: the router's name"),
        AfterValidator(_login_host),
    ] = ""
    login_certificate: Annotated[
        str,
        Field(pattern="^[a-z0-9-]{0,40}$", description="certificate for login_host; empty: one that is good for it"),
    ] = ""
    sign_in: Annotated[
        str,
        Field(max_length=100, description="ways to sign in, first shown first: one-tap, voucher, phone, resident"),
        AfterValidator(_sign_in),
    ] = SignIn.ONE_TAP.value
    login_way: Annotated[
        LoginWay, Field(description="how devices are logged in first, browser or controller; the other if that fails")
    ] = LoginWay.BROWSER
    help_contact: Annotated[str, Field(max_length=200, description="whom guests can ask for help, in a sentence")] = ""
    theme: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$", description="look of guests' pages")] = themes.DEFAULT
    code_minutes: Annotated[int, Field(ge=0, le=10, description="minutes online for a code to arrive; 0: none")] = 0

    @property
    def ways_to_sign_in(self) -> tuple[SignIn, ...]:
        """`sign_in`, read."""
        return tuple(SignIn(name) for name in self.sign_in.split(","))


class Given(NamedTuple):
    """One value somebody gave: `source` is an area's code or a site's slug, `place` the same in words."""

    key: str
    value: Any
    source: str
    place: str


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings that hold at a place.

    `sources` says for each key who said so: "default", an area's code, the slug; `places` the same in words.
    """

    values: SiteSettings
    sources: Mapping[str, str]
    places: Mapping[str, str]


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
        if key == "theme":  # only here: where its folder goes later, pages must still be shown
            themes.get_theme(str(value))
        return adapter.validate_python(value)
    except ValidationError as error:
        raise BadSettingValue(key=key, problem=_problem(error)) from error


def read_value(key: str, words: str) -> Any:  # noqa: ANN401  (JSON)
    """Return the value a person wrote, checked: numbers as numbers, "none" as no value where a key may have none.

    Raises:
        UnknownSetting, BadSettingValue: as `check_value`.
    """
    field = SiteSettings.model_fields.get(key)
    may_be_none = field is not None and type(None) in get_args(field.annotation)
    return check_value(key, None if may_be_none and words.strip().lower() in NOTHING else words)


def _problem(error: ValidationError) -> str:
    return error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")


GIVEN_FROM_THE_TOP = """
    WITH RECURSIVE chain (id, parent_id, code, name, depth) AS (
        SELECT area.id, area.parent_id, area.code, area.name, 1 FROM area
        WHERE area.id = COALESCE(CAST(:area_id AS int), (SELECT site.area_id FROM site WHERE site.id = :site_id))
        UNION ALL
        SELECT area.id, area.parent_id, area.code, area.name, chain.depth + 1
        FROM area JOIN chain ON area.id = chain.parent_id
    )
    SELECT setting.key, setting.value, chain.code AS source, chain.name || ' (' || chain.code || ')' AS place, chain.depth
    FROM setting JOIN chain ON setting.area_id = chain.id
    UNION ALL
    SELECT setting.key, setting.value, site.slug, site.name || ' (' || site.slug || ')', 0
    FROM setting JOIN site ON setting.site_id = site.id WHERE site.id = :site_id
    ORDER BY depth DESC
"""


GIVEN_TO_SITES = """
    WITH RECURSIVE chain (site_id, id, parent_id, depth) AS (
        SELECT site.id, area.id, area.parent_id, 1 FROM site JOIN area ON area.id = site.area_id WHERE site.id = ANY(:sites)
        UNION ALL
        SELECT chain.site_id, area.id, area.parent_id, chain.depth + 1 FROM area JOIN chain ON area.id = chain.parent_id
    )
    SELECT chain.site_id, setting.key, setting.value, chain.depth FROM setting JOIN chain ON setting.area_id = chain.id
    UNION ALL
    SELECT setting.site_id, setting.key, setting.value, 0 FROM setting WHERE setting.site_id = ANY(:sites)
    ORDER BY depth DESC
"""


def effective_at_sites(db: Session, sites: Collection[int]) -> dict[int, SiteSettings | BadStoredValue]:
    """Return what holds at each of the sites, in one query; what can't be used spoils its own site alone."""
    given: dict[int, list[Given]] = {site: [] for site in sites}
    for row in db.execute(text(GIVEN_TO_SITES), {"sites": list(sites)}):
        given[row.site_id].append(Given(row.key, row.value, source=f"site {row.site_id}", place=""))
    return {site: _values(said) for site, said in given.items()}


def _values(given: Iterable[Given]) -> SiteSettings | BadStoredValue:
    try:
        return inherit(given).values
    except BadStoredValue as error:
        return error


def effective(db: Session, site_id: int) -> Effective:
    """Return what holds at the site; the nearest of site, kelurahan, kecamatan and kota wins."""
    return _effective(db, area_id=None, site_id=site_id)


def effective_at(db: Session, place: Area | Site) -> Effective:
    """Return what holds at a site, or for an area: what its sites have that say nothing themselves."""
    if isinstance(place, Area):
        return _effective(db, area_id=place.id, site_id=None)
    return _effective(db, area_id=None, site_id=place.id)


def _effective(db: Session, *, area_id: int | None, site_id: int | None) -> Effective:
    rows = db.execute(text(GIVEN_FROM_THE_TOP), {"area_id": area_id, "site_id": site_id})
    return inherit(Given(row.key, row.value, row.source, row.place) for row in rows)


def inherit(given: Iterable[Given]) -> Effective:
    """Lay the given values over the defaults, farthest first; keys this program no longer knows are passed over.

    Raises:
        BadStoredValue: a value that an older program took and this one doesn't.
    """
    nearest = {said.key: said for said in given if said.key in SiteSettings.model_fields}
    try:
        values = SiteSettings(**{key: said.value for key, said in nearest.items()})
    except ValidationError as error:
        said = nearest[str(error.errors()[0]["loc"][0])]
        raise BadStoredValue(
            key=said.key, value=repr(said.value), source=said.source, problem=_problem(error)
        ) from error
    sources = {key: nearest[key].source if key in nearest else DEFAULT for key in SiteSettings.model_fields}
    places = {key: nearest[key].place if key in nearest else DEFAULT for key in SiteSettings.model_fields}
    return Effective(values, sources, places)


def explain(db: Session, place: Area | Site, key: str) -> str:
    """Say in words what `key` is at `place` and who said so: "session_minutes is 60, from Gerunggang (19.71.05)".

    Raises:
        UnknownSetting: no such key.
    """
    if key not in SiteSettings.model_fields:
        raise UnknownSetting(key=key, known=", ".join(SiteSettings.model_fields))
    found = effective_at(db, place)
    value = getattr(found.values, key)
    return f"{key} is {'none' if value is None else value}, from {found.places[key]}"


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


def take_back(db: Session, place: Area | Site, key: str) -> bool:
    """Let `place` inherit `key` again; False when it already did."""
    column = col(Setting.area_id) if isinstance(place, Area) else col(Setting.site_id)
    gone = db.execute(delete(Setting).where(column == place.id, col(Setting.key) == key))
    return bool(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE's result has it
