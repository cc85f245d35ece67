"""Settings: one frozen object from the environment (``HOTSPOT_…``), one TOML file (``HOTSPOT_CONFIG``) and secret files.

A secret is given as ``HOTSPOT_X`` or, better, as ``HOTSPOT_X_FILE`` naming a file that holds it (Docker and systemd do so).
What is asked on the command line wins over the environment, the environment over the file.
"""

import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, time
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, get_args
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hotspot import demo_folder
from hotspot.demo_folder import is_demo
from hotspot.errors import Invalid
from hotspot.languages import known_languages
from hotspot.security import Keys

DEMO_SECRET_KEY = "demo-demo-demo-demo-demo-demo-demo-demo"  # noqa: S105  (public on purpose; `serve` refuses it)
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,98}[A-Za-z0-9])?")
SERVED_AT = "served-at"  # file in the data directory: the address of the portal and console that serve from it now


class BadSetting(Invalid):
    """{name}: {problem}"""


def _all_languages() -> tuple[str, ...]:
    """Return the city's language, then English, then every other one that has its messages."""
    return tuple(dict.fromkeys(("id", "en", *known_languages())))


class Settings(BaseSettings):
    """Everything an operator can decide about one installation; see the table in docs/operator.md."""

    model_config = SettingsConfigDict(env_prefix="HOTSPOT_", env_ignore_empty=True, frozen=True, extra="forbid")

    data_dir: Path = Field(Path("hotspot-data"), description="where the embedded database and the generated key live")
    database_url: SecretStr | None = Field(None, description="PostgreSQL address; without it an embedded one starts")
    secret_key: SecretStr | None = Field(None, description="the installation's one secret; generated when not given")
    public_url: str = Field("", description="address under which phones reach the portal; default: the listening one")
    http_host: str = Field("127.0.0.1", description="address the portal and the console listen on")
    http_port: int = Field(8080, ge=0, le=65535, description="TCP port of the portal and the console")
    radius_host: str = Field("0.0.0.0,::", description="addresses the RADIUS server listens on, with commas between")
    radius_auth_port: int = Field(1812, ge=0, le=65535, description="UDP port for authentication")
    radius_acct_port: int = Field(1813, ge=0, le=65535, description="UDP port for accounting")
    radius_processes: int = Field(1, ge=1, le=64, description="processes that answer RADIUS side by side")
    radius_reject_delay: float = Field(1.0, ge=0, le=5, description="seconds that a refusal waits before it leaves")
    radsec_port: int | None = Field(None, ge=0, le=65535, description="TCP port of RADIUS over TLS, usually 2083")
    radsec_cert: Path | None = Field(None, description="file of RadSec's own certificate and its chain, PEM")
    radsec_key: Path | None = Field(None, description="file of that certificate's private key, PEM")
    radsec_ca: Path | None = Field(None, description="file of the CA that issues the routers' certificates, PEM")
    tunnel_network: IPv4Network = Field(
        IPv4Network("10.253.0.0/16"),
        description="private addresses of the routers' tunnels; the first is the controller's",
    )
    radius_addresses: str = Field(
        "",
        description="further addresses in tunnel_network at which RADIUS answers routers, after the controller's, with commas between",
    )
    tunnel_host: str = Field("", description="name or address that routers dial for WireGuard; default: public_url's")
    tunnel_port: int = Field(51820, ge=1, le=65535, description="UDP port of the controller's WireGuard")
    router_connections: int = Field(
        20, ge=2, le=200, description="connections to routers at the same time, over all workers; a job has up to two"
    )
    night_from: time = Field(time(1), description="local time from which rollouts may touch routers")
    night_until: time = Field(time(5), description="local time at which a night's rollouts begin no more work")
    public_ca: Path | None = Field(None, description="file of the CA of public_url's certificate, where it is private")
    senders_file: Path | None = Field(None, description="file that says how messages get to phones, TOML")
    metrics_port: int | None = Field(None, ge=0, le=65535, description="TCP port of Prometheus metrics on loopback")
    time_zone: str = Field("Asia/Jakarta", description="days and months of the reports are this zone's")
    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        default_factory=_all_languages, min_length=1, description="languages of the pages, the first is the default"
    )
    city: str = Field("", description="the city's name on pages; default: the name of the top area")
    forwarded_allow_ips: str = Field("127.0.0.1", description="proxies whose X-Forwarded-For is believed, by address")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="least severity that is logged")
    retention_days: int = Field(
        365, ge=90, le=3650, description="days that sessions and consents are kept; totals stay"
    )
    demo: bool = Field(False, description="set by `hotspot demo` alone: every page says so")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings  # one way to do each thing
        toml = os.environ.get("HOTSPOT_CONFIG")
        return (
            init_settings,
            env_settings,
            SecretFiles(settings_cls),
            *([_toml(settings_cls, Path(toml))] if toml else []),
        )

    @field_validator("time_zone")
    @classmethod
    def _whole_hours(cls, name: str) -> str:
        try:
            zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {name!r}; use a name like Asia/Jakarta") from error
        offset = datetime(2026, 1, 1, tzinfo=UTC).astimezone(zone).utcoffset()
        if offset is None or offset.total_seconds() % 3600:
            raise ValueError(f"{name!r} is not a whole number of hours from UTC; usage is kept by UTC hour")
        return name

    @field_validator("night_from", "night_until")
    @classmethod
    def _local(cls, night: time) -> time:
        if night.tzinfo is not None:
            raise ValueError("is a time of the city's clock (time_zone), such as 01:00, without another zone")
        return night

    @field_validator("languages", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return re.findall("[A-Za-z]+", value) if isinstance(value, str) else value  # id,en or ["id", "en"]

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [language for language in languages if language not in known_languages()]
        if unknown:
            raise ValueError(f"there are no pages in {', '.join(unknown)}; there are in {', '.join(known_languages())}")
        return languages

    @field_validator("radius_host")
    @classmethod
    def _addresses(cls, hosts: str) -> str:
        for host in _listed(hosts) or [hosts]:
            try:
                ip_address(host)
            except ValueError as error:
                raise ValueError(f"{host!r} is not an IP address") from error
        return hosts

    @field_validator("tunnel_network")
    @classmethod
    def _private(cls, network: IPv4Network) -> IPv4Network:
        if not network.is_private or network.is_loopback or network.is_link_local or not 8 <= network.prefixlen <= 29:
            raise ValueError(f"{network} is no private network of /8 to /29, such as 10.253.0.0/16")
        return network

    @field_validator("radius_addresses")
    @classmethod
    def _in_tunnel_network(cls, addresses: str, info: ValidationInfo) -> str:
        network = info.data.get("tunnel_network")
        for address in _listed(addresses):
            try:
                parsed = IPv4Address(address)
            except ValueError as error:
                raise ValueError(f"{address!r} is not an IPv4 address") from error
            if network is not None and (parsed not in network or parsed in (network[0], network[1], network[-1])):
                raise ValueError(
                    f"{parsed} is not in tunnel_network {network}, beside the controller's own {network[1]}"
                )
        return addresses

    @field_validator("tunnel_host")
    @classmethod
    def _host(cls, host: str) -> str:
        if host and not HOST.fullmatch(host):
            raise ValueError(f"{host!r} is neither a host name nor an IPv4 address")
        return host

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _split(secret.get_secret_value()).scheme.startswith("postgresql"):
            raise ValueError("only postgresql:// addresses are supported")
        return secret

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, address: str) -> str:
        url = _split(address)
        if address and (url.scheme not in ("http", "https") or not url.hostname):
            raise ValueError(f"{address!r} is not an http(s) address")
        return address

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def further_radius_servers(self) -> tuple[IPv4Address, ...]:
        """The addresses of `radius_addresses`, each once, in their order."""
        return tuple(dict.fromkeys(IPv4Address(address) for address in _listed(self.radius_addresses)))

    @property
    def radius_hosts(self) -> list[str]:
        """The addresses of `radius_host`, one by one."""
        return _listed(self.radius_host)

    @property
    def base_url(self) -> str:
        """The address printed in links, without a final slash."""
        host = f"[{self.http_host}]" if ":" in self.http_host else self.http_host
        return (self.public_url or f"http://{host}:{self.http_port}").rstrip("/")

    @property
    def tunnel_endpoint(self) -> str:
        """The host that routers dial for their tunnel."""
        return self.tunnel_host or urlsplit(self.base_url).hostname or self.http_host

    @cached_property
    def keys(self) -> Keys:
        """Return the derived keys; without a secret_key one is generated once and kept in the data directory, 0600."""
        if self.secret_key is not None:
            return Keys.derive(self.secret_key.get_secret_value())
        return Keys.derive(_kept_secret(self.data_dir / "secret.key"))


def _listed(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


class SecretFiles(PydanticBaseSettingsSource):
    """``HOTSPOT_X_FILE`` for each secret X: the file's content, stripped."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401  (pydantic's shape)
        if SecretStr not in (field.annotation, *get_args(field.annotation)):
            return None, field_name, False
        path = os.environ.get(f"HOTSPOT_{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            secret = Path(path).read_text().strip()
        except OSError as error:
            problem = f"can't read {path}: {error.strerror}"
            raise BadSetting(name=f"HOTSPOT_{field_name.upper()}_FILE", problem=problem) from error
        except UnicodeDecodeError as error:
            raise BadSetting(name=f"HOTSPOT_{field_name.upper()}_FILE", problem=f"{path} is not text") from error
        if not secret:
            raise BadSetting(name=f"HOTSPOT_{field_name.upper()}_FILE", problem=f"{path} is empty")
        return secret, field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        found = {name: self.get_field_value(field, name)[0] for name, field in fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def _toml(settings_cls: type[BaseSettings], path: Path) -> PydanticBaseSettingsSource:
    """Read the file; one that is named and not there, or broken, is said, not passed over."""
    try:
        path.open("rb").close()
        return TomlConfigSettingsSource(settings_cls, path)
    except OSError as error:
        raise BadSetting(name="HOTSPOT_CONFIG", problem=f"can't read {path}: {error.strerror}") from error
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(name="HOTSPOT_CONFIG", problem=f"{path} is not TOML: {error}") from error


def _split(address: str) -> SplitResult:
    """Split an address; its problem is said without repeating it, for it may hold a password."""
    try:
        url = urlsplit(address)
        _ = url.port  # parsed only when asked
    except ValueError as error:
        raise ValueError("is not an address") from error
    return url


class DemoSettings(Settings):
    """The demo's settings: what its command says and nothing from the environment, so that it can't touch a real installation."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("tunnel_network")
    @classmethod
    def _private(cls, network: IPv4Network) -> IPv4Network:
        """The demo's tunnels are loopback addresses: its routers are on this machine."""
        if not network.is_loopback:
            raise ValueError(f"{network} is not of this machine alone")
        return network


def demo_settings(directory: Path, *, http_port: int = 8080) -> DemoSettings:
    """Return the demo's settings: an embedded database, loopback only, and the secret that everybody knows.

    RADIUS is asked at 127.0.0.1 and at the controller's end of the tunnels.

    Raises:
        BadMark: the folder's mark leads elsewhere, or nowhere.
    """
    marked = demo_folder.settings_of(directory)
    try:
        controller = IPv4Network(marked["tunnel_network"])[1]
        return DemoSettings(
            data_dir=directory,
            secret_key=SecretStr(DEMO_SECRET_KEY),
            http_port=http_port,
            radius_host=f"127.0.0.1,{controller}",
            demo=True,
            log_level="warning",
            **marked,
        )
    except (ValueError, IndexError) as error:
        raise demo_folder.BadMark(path=directory) from error


def load_for_command(data_dir: Path | None) -> Settings:
    """Read the settings for a command about an installation that may be serving at this moment.

    A demo's folder has the demo's settings; while something serves from the folder, links name the address it serves at.

    Raises:
        BadSetting: as `load`.
    """
    settings = load(data_dir=data_dir)
    if is_demo(settings.data_dir):
        settings = demo_settings(settings.data_dir)
    address = settings.data_dir / SERVED_AT
    if settings.public_url or not address.exists():
        return settings
    return settings.model_copy(update={"public_url": address.read_text().strip()})


def load(**overrides: object) -> Settings:
    """Read the settings; `overrides` (what the command line said) win, `None` among them means "not said".

    Raises:
        BadSetting: names every setting that can't be used, and why; never shows a secret's value.
    """
    said: Mapping[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**said)
    except ValidationError as error:
        found = [
            (".".join(str(part) for part in problem["loc"]), problem["msg"].removeprefix("Value error, "))
            for problem in error.errors(include_input=False, include_url=False)
        ]
        first, *others = found
        problem = "; ".join([first[1], *(f"{name}: {problem}" for name, problem in others)])
        raise BadSetting(name=first[0], problem=problem) from None  # the cause would repeat what was given


def _kept_secret(path: Path) -> str:
    """Return the secret kept at `path`, made there once; two processes starting together agree on one."""
    make_folder(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        try:
            os.link(fresh, path)  # atomic: the first wins, and the file is whole
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def make_folder(folder: Path) -> None:
    """Make a folder of the installation.

    Raises:
        BadSetting: it can't be made there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(name="data_dir", problem=f"can't make the folder {folder}: {error.strerror}") from error
