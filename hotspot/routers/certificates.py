"""Certificates for routers' log-in pages: files of PEM → a chain and its key, checked. Pure.

Phones trust a log-in page, and the captive portal API on it (RFC 8908), only with a certificate of a public CA. What is wrong with one is
said here, where a person can mend it, and not by a phone that stays silent.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from hotspot.errors import Invalid
from hotspot.routers.menus import LOGIN_CERTIFICATES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MOST_OCTETS: Final = 65_536  # of a file; a chain of four has about 8,000
MOST_ISSUERS: Final = 4
MOST_NAMES: Final = 100
SHORTEST_RSA: Final = 2048
Extension = TypeVar("Extension", bound=x509.ExtensionType)
CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
SPKI: Final = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
DNS_NAME: Final = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


class BadCertificate(Invalid):
    """The certificate can't be used: {problem}"""


@dataclass(frozen=True, slots=True)
class Importable:
    """One certificate as a router imports it, in PEM; `key` is empty where it is an issuer's."""

    certificate: str
    key: str = field(default="", repr=False)


FindImportable = Callable[[str], Importable | None]
"""Gives what a router is to have by what it is called there; None where nobody has it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A certificate, its issuers without the root, and its key: all in PEM. `names` are the hosts that it is good for."""

    certificates: tuple[str, ...]
    key: str = field(repr=False)
    names: tuple[str, ...]
    valid_until: datetime

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.certificates[0])


def fingerprint_of(pem: str) -> str:
    """Return the SHA-256 of a certificate, in hex."""
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


def row_name(pem: str) -> str:
    """Return what the certificate is called on routers: another certificate has another name."""
    return f"{LOGIN_CERTIFICATES}{fingerprint_of(pem)[:16]}"


def covers(names: Iterable[str], host: str) -> bool:
    """Tell whether a certificate for these names is good for the host; an asterisk stands for one label (RFC 6125 §6.4.3)."""
    return host in names or f"*.{host.partition('.')[2]}" in names


def locked(key: str, passphrase: str) -> str:
    """Return a key of a `Chain` as PKCS#8 that needs the passphrase."""
    return _written(load_pem_private_key(key.encode(), None), BestAvailableEncryption(passphrase.encode()))


# --- reading -----------------------------------------------------------------------------------------------------------------


def read_chain(certificates: bytes, key: bytes, *, now: datetime) -> Chain:
    """Read a file of certificates, the router's own first and each followed by its issuer, and the file of its key.

    Raises:
        BadCertificate: they aren't PEM, don't fit together, aren't valid now, or phones wouldn't take them.
    """
    own, *issuers = _certificates(certificates)
    private = _key(key)
    _check_order(own, issuers)
    _check_own(own, now)
    if private.public_key().public_bytes(*SPKI) != _public_of(own):
        raise BadCertificate(problem="the key belongs to another certificate")
    sent = (own, *(issuer for issuer in issuers if not _is_self_signed(issuer)))
    return Chain(
        certificates=tuple(one.public_bytes(Encoding.PEM).decode() for one in sent),
        key=_written(private, NoEncryption()),
        names=_names(own),
        valid_until=own.not_valid_after_utc,
    )


def _certificates(pem: bytes) -> Sequence[x509.Certificate]:
    if len(pem) > MOST_OCTETS:
        raise BadCertificate(problem=f"the file is larger than {MOST_OCTETS} octets")
    try:
        found = x509.load_pem_x509_certificates(pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise BadCertificate(problem="the file holds no certificate in PEM") from error
    if len(found) > 1 + MOST_ISSUERS:
        raise BadCertificate(problem=f"the file holds more than {1 + MOST_ISSUERS} certificates")
    return found


def _key(pem: bytes) -> "PrivateKeyTypes":
    if len(pem) > MOST_OCTETS:
        raise BadCertificate(problem="the key's file is too large")
    try:
        key = load_pem_private_key(pem, None)
    except TypeError as error:
        raise BadCertificate(
            problem="the key needs a passphrase; give it without, as openssl pkey writes it"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate(problem="the key's file holds no private key in PEM") from error
    known = (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= SHORTEST_RSA) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, CURVES)
    )
    if not known:
        raise BadCertificate(
            problem=f"the key is neither RSA of {SHORTEST_RSA} bits or more nor of a curve P-256, P-384 or P-521"
        )
    return key


def _check_order(own: x509.Certificate, issuers: Sequence[x509.Certificate]) -> None:
    if _is_self_signed(own):
        raise BadCertificate(
            problem="it is signed by itself, or the file begins with the root; phones trust only a public CA's"
        )
    for number, (issued, issuer) in enumerate(zip((own, *issuers), issuers, strict=False), start=2):
        if not _issued_by(issued, issuer):
            problem = f"certificate {number} of the file did not issue the one before it; the router's own comes first, its issuers follow"
            raise BadCertificate(problem=problem)


def _is_self_signed(certificate: x509.Certificate) -> bool:
    return _issued_by(certificate, certificate)


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_own(own: x509.Certificate, now: datetime) -> None:
    if now >= own.not_valid_after_utc:
        raise BadCertificate(problem=f"it ended on {own.not_valid_after_utc:%Y-%m-%d}")
    if now < own.not_valid_before_utc:
        raise BadCertificate(problem=f"it begins only on {own.not_valid_before_utc:%Y-%m-%d}")
    uses = _extension(own, x509.ExtendedKeyUsage)
    if uses is not None and ExtendedKeyUsageOID.SERVER_AUTH not in uses:
        raise BadCertificate(problem="it is not for servers (extended key usage)")


def _public_of(own: x509.Certificate) -> bytes:
    try:
        return own.public_key().public_bytes(*SPKI)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCertificate(problem="its public key is of a kind that nobody knows") from error


def _names(own: x509.Certificate) -> tuple[str, ...]:
    alternatives = _extension(own, x509.SubjectAlternativeName)
    said = [] if alternatives is None else alternatives.get_values_for_type(x509.DNSName)
    names = tuple(dict.fromkeys(name.lower() for name in said if DNS_NAME.fullmatch(name.lower())))
    if not names or len(names) > MOST_NAMES:
        raise BadCertificate(problem=f"it names {'no host' if not names else f'more than {MOST_NAMES} hosts'}")
    return names


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise BadCertificate(problem="its extensions can't be read") from error


def _written(key: "PrivateKeyTypes", encryption: KeySerializationEncryption) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()
