"""What a router gets that fetches from its own log-in page: its captive portal API over https, with the certificate that it shows there.

A router's question about itself is one of a device that is not logged in. The words of RouterOS' refusals are as others have met them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from hotspot.simulator.routeros.certificates import CERTIFICATE, PATH, pair_of
from hotspot.simulator.routeros.sessions import Call
from hotspot.simulator.routeros.state import Row
from hotspot.simulator.routeros.traps import Trap, failure
from hotspot.simulator.servlet import render

SERVERS: Final = "/ip/hotspot"
PROFILES: Final = "/ip/hotspot/profile"
API: Final = "/api"
PAGE: Final = "api.json"


def own_page(call: Call) -> bytes | None:
    """Return its API's answer; None for an address that is not its own.

    Raises:
        Trap: nothing answers there, or not with a certificate that it trusts.
    """
    url = urlsplit(call.arguments.get("url", ""))
    profile = next((row for row in _profiles(call) if row.fields.get("dns-name") == url.hostname), None)
    if profile is None or not url.hostname:
        return None
    pair = pair_of(call.config, profile.fields.get("ssl-certificate", "none"))
    if url.scheme != "https" or pair is None:
        raise failure("connection refused")
    if call.arguments.get("check-certificate", "no") != "no":
        _check(call, pair[0], url.hostname)
    template = _file(call, profile) if url.path == API else None
    if template is None:
        raise failure("Fetch failed with status 404 (Not Found)")
    said = {"logged-in": "no", "session-timeout-secs": "0", "link-login-only": f"https://{url.hostname}/login"}
    return render(template, said).body.encode()


def _profiles(call: Call) -> Iterator[Row]:
    """The profiles of the servers that run."""
    for row in call.config.rows(SERVERS):
        if row.fields.get("disabled") != "true" and call.router.device_mode.allows("hotspot"):
            profile = call.config.find(PROFILES, call.config.value(SERVERS, row, "profile"))
            if profile is not None:
                yield profile


def _file(call: Call, profile: Row) -> str | None:
    for name in ("html-directory-override", "html-directory"):
        octets = call.router.files.read(f"{profile.fields.get(name, '')}/{PAGE}")
        if octets is not None:
            return octets.decode(errors="replace")
    return None


def _check(call: Call, pem: str, host: str) -> None:
    """Trust what one of the certificates that are here has issued, in its time, for this name."""
    own = x509.load_pem_x509_certificate(pem.encode())
    now = datetime.fromtimestamp(call.router.wall(), UTC)
    if now < own.not_valid_before_utc:
        raise _refused("certificate not yet valid")
    if now > own.not_valid_after_utc:
        raise _refused("certificate has expired")
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = names.get_values_for_type(x509.DNSName)
    if host not in known and f"*.{host.partition('.')[2]}" not in known:
        raise _refused("host name doesn't match")
    if not any(_issued(own, row) for row in call.config.rows(PATH) if row.fields.get("trusted") == "true"):
        raise _refused("no trusted CA certificate found")


def _issued(own: x509.Certificate, row: Row) -> bool:
    try:
        own.verify_directly_issued_by(x509.load_pem_x509_certificate(row.fields.get(CERTIFICATE, "").encode()))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _refused(why: str) -> Trap:
    return failure(f"SSL: {why} (6)")
