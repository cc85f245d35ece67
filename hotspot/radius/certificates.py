"""The files that RadSec needs, and the TLS context made from them; what is wrong with one is said by the setting that names it."""

import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from hotspot.errors import Invalid
from hotspot.settings import Settings

Loaded = TypeVar("Loaded")
PublicBytes = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class BadCertificate(Invalid):
    """{setting}: {problem}"""


def tls_context(settings: Settings, *, now: datetime) -> ssl.SSLContext:
    """Make the context of the RadSec listener: TLS 1.2 or newer, and no connection without a certificate of the configured CA.

    Raises:
        BadCertificate: a file is not named, can't be read, is not what it should be, doesn't match or is not valid now.
    """
    certificate_file = _named("HOTSPOT_RADSEC_CERT", settings.radsec_cert)
    key_file = _named("HOTSPOT_RADSEC_KEY", settings.radsec_key)
    ca_file = _named("HOTSPOT_RADSEC_CA", settings.radsec_ca)
    chain = _read("HOTSPOT_RADSEC_CERT", certificate_file, x509.load_pem_x509_certificates, "no certificate in PEM")
    key = _read("HOTSPOT_RADSEC_KEY", key_file, lambda pem: load_pem_private_key(pem, None), "no plain key in PEM")
    authorities = _read("HOTSPOT_RADSEC_CA", ca_file, x509.load_pem_x509_certificates, "no certificate in PEM")
    _check_valid("HOTSPOT_RADSEC_CERT", certificate_file, chain[:1], now)
    _check_valid("HOTSPOT_RADSEC_CA", ca_file, authorities, now)
    if chain[0].public_key().public_bytes(*PublicBytes) != key.public_key().public_bytes(*PublicBytes):
        raise BadCertificate(
            setting="HOTSPOT_RADSEC_KEY", problem=f"{key_file} is not the key of the certificate in {certificate_file}"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET  # each connection shows its certificate anew
    context.num_tickets = 0
    try:
        context.load_cert_chain(certificate_file, key_file)
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:  # what OpenSSL's security level refuses, as a key that is too short
        raise BadCertificate(setting="HOTSPOT_RADSEC_CERT", problem=f"OpenSSL refuses it: {error.reason}") from error
    return context


def _named(setting: str, file: Path | None) -> Path:
    if file is None:
        raise BadCertificate(
            setting=setting, problem="RadSec is on and needs this file; name it or leave radsec_port out"
        )
    return file


def _read(setting: str, file: Path, load: Callable[[bytes], Loaded], otherwise: str) -> Loaded:
    try:
        return load(file.read_bytes())
    except OSError as error:
        raise BadCertificate(setting=setting, problem=f"can't read {file}: {error.strerror}") from error
    except (ValueError, TypeError) as error:  # TypeError: the key is encrypted
        raise BadCertificate(setting=setting, problem=f"there is {otherwise} form in {file}") from error


def _check_valid(setting: str, file: Path, certificates: list[x509.Certificate], now: datetime) -> None:
    for certificate in certificates:
        if now > certificate.not_valid_after_utc:
            raise BadCertificate(
                setting=setting, problem=f"{file} expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        if now < certificate.not_valid_before_utc:
            problem = (
                f"{file} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}; check this machine's clock"
            )
            raise BadCertificate(setting=setting, problem=problem)
