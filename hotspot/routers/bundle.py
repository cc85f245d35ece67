"""What a script for a router is made of here: the address to call, and the CA when the controller's certificate is private."""

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hotspot.errors import Invalid
from hotspot.routers.bootstrap import Bootstrap
from hotspot.settings import Settings

MOST_OCTETS: Final = 16 * 1024  # of CA; a file written through RouterOS' console holds about 60 KB


class BadCa(Invalid):
    """HOTSPOT_PUBLIC_CA: {path} {problem}"""


def bootstrap_for(settings: Settings, token: str) -> Bootstrap:
    """Return what the script of this token carries.

    Raises:
        BadCa: the CA's file can't be used.
    """
    ca = "" if settings.public_ca is None else _read_ca(settings.public_ca)
    return Bootstrap(settings.base_url, token, ca, settings.further_radius_servers)


def _read_ca(path: Path) -> str:
    """The certificates alone, without the notes that may stand around them in the file."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise BadCa(path=path, problem=error.strerror) from error
    except ValueError as error:
        raise BadCa(path=path, problem="holds no certificate in PEM") from error
    pem = "".join(one.public_bytes(Encoding.PEM).decode() for one in found)
    if len(pem) > MOST_OCTETS:
        raise BadCa(path=path, problem="holds more than a router can take; name the CA's own certificate alone")
    return pem
