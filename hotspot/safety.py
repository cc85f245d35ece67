"""Settings under which nobody may serve the public, each said in a sentence that names its setting."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from hotspot.demo_folder import is_demo
from hotspot.errors import Invalid
from hotspot.settings import DEMO_SECRET_KEY, Settings

PLACEHOLDERS = ("change-me", "changeme", "secret", "password", "example", "hotspot", "demo")
SECRET_KEY_LENGTH = 32


class UnsafeSettings(Invalid):
    """Refusing to serve the public with unsafe settings: {problems}"""


def problems(settings: Settings) -> list[str]:
    """Return what makes these settings unsafe for the public, each a sentence that names its setting."""
    found = [
        *_secret_problems("HOTSPOT_SECRET_KEY", settings.secret_key),
        *_database_problems(settings),
        *_address_problems(settings),
    ]
    if settings.demo:
        found.append("HOTSPOT_DEMO: only `hotspot demo` may set it")
    if is_demo(settings.data_dir):
        found.append(f"HOTSPOT_DATA_DIR: {settings.data_dir} was made by `hotspot demo`; use another directory")
    return found


def refuse_unsafe(settings: Settings) -> None:
    """Raise UnsafeSettings naming every problem at once."""
    if found := problems(settings):
        raise UnsafeSettings(problems="; ".join(found))


def _secret_problems(name: str, secret: SecretStr | None) -> list[str]:
    if secret is None:
        return []
    value = secret.get_secret_value()
    if value == DEMO_SECRET_KEY:
        return [f"{name}: this is the demo's secret, which everybody knows; leave it out to have one generated"]
    if value.strip("-_0123456789").lower() in PLACEHOLDERS or len(set(value)) < 8:
        return [f"{name}: this is a placeholder; leave it out to have one generated"]
    if len(value) < SECRET_KEY_LENGTH:
        return [f"{name}: shorter than {SECRET_KEY_LENGTH} characters"]
    return []


def _database_problems(settings: Settings) -> list[str]:
    if settings.database_url is None:
        return []
    password = urlsplit(settings.database_url.get_secret_value()).password
    if password and password.lower() in (*PLACEHOLDERS, "postgres"):
        return ["HOTSPOT_DATABASE_URL: the password is a placeholder"]
    return []


def _address_problems(settings: Settings) -> list[str]:
    found = []
    if "*" in settings.forwarded_allow_ips:
        found.append("HOTSPOT_FORWARDED_ALLOW_IPS: * lets anybody forge the address they come from; name the proxies")
    url = urlsplit(settings.base_url)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        found.append("HOTSPOT_PUBLIC_URL: guests and staff need https; put a proxy with a certificate in front")
    return found


def is_loopback(host: str) -> bool:
    """Tell whether `host` (an address or a name) can only be this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
