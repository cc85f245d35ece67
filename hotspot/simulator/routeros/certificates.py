"""/certificate: templates, certificates signed on the router, and what is imported from a file."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from hotspot.simulator.routeros.changes import targets
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.state import Configuration, Row
from hotspot.simulator.routeros.traps import failure, missing_values, no_match, no_such_item

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

PATH: Final = "/certificate"
CERTIFICATE: Final = "certificate-pem"
KEY: Final = "key-pem"
"""Kept in a row's fields; no attribute of the menu has these names, so they are never printed."""
CURVES: Final[dict[str, Callable[[], ec.EllipticCurve]]] = {
    "prime256v1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
}


def outputs(call: Call, row: Row) -> dict[str, str]:
    pem = row.fields.get(CERTIFICATE)
    if pem is None:
        return {}
    certificate = x509.load_pem_x509_certificate(pem.encode())
    ends = certificate.not_valid_after_utc
    now = datetime.fromtimestamp(call.router.wall(), UTC)
    return {
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
        "serial-number": f"{certificate.serial_number:X}",
        "invalid-before": certificate.not_valid_before_utc.strftime("%Y-%m-%d %H:%M:%S"),
        "invalid-after": ends.strftime("%Y-%m-%d %H:%M:%S"),
        "private-key": "true" if KEY in row.fields else "false",
        "expired": "true" if ends < now else "false",
    }


def pair_of(config: Configuration, name: str) -> tuple[str, str] | None:
    """The certificate and its key, for a service that uses it."""
    row = config.find(PATH, name)
    if row is None or CERTIFICATE not in row.fields or KEY not in row.fields:
        return None
    return row.fields[CERTIFICATE], row.fields[KEY]


def sign(call: Call) -> Result:
    """Make a certificate of a template, by itself or by a CA that is here."""
    chosen = targets(call)
    if "ca" in call.arguments and pair_of(call.config, call.arguments["ca"]) is None:
        raise no_match("ca")
    for row in chosen:
        if CERTIFICATE in row.fields:
            raise failure("certificate already signed")
        if not row.fields.get("common-name"):
            raise missing_values(["common-name"])
        call.config.replace(PATH, row, _signed(call, row, pair_of(call.config, call.arguments.get("ca", ""))))
    return Result()


def _signed(call: Call, row: Row, issuer: tuple[str, str] | None) -> Row:
    size = call.config.value(PATH, row, "key-size")
    key: CertificateIssuerPrivateKeyTypes
    key = (
        ec.generate_private_key(CURVES[size]())
        if size in CURVES
        else rsa.generate_private_key(65537, max(int(size), 2048))
    )
    now = datetime.fromtimestamp(call.router.wall(), UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, row.fields["common-name"])])
    by, by_key = name, key
    if issuer:
        by = x509.load_pem_x509_certificate(issuer[0].encode()).subject
        by_key = serialization.load_pem_private_key(issuer[1].encode(), None)  # type: ignore[assignment]  # it signed before
    builder = (
        x509.CertificateBuilder(by, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=int(call.config.value(PATH, row, "days-valid"))))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    pem = builder.sign(by_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    return row.with_fields({CERTIFICATE: pem, KEY: _key_pem(key), "trusted": "true"})


def _key_pem(key: "CertificateIssuerPrivateKeyTypes") -> str:
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none).decode()


def import_(call: Call) -> Result:
    """Read certificates and a key from a file; a key joins the certificate it belongs to. The answer counts them."""
    name = call.arguments.get("file-name")
    if name is None:
        raise missing_values(["file-name"])
    octets = call.router.files.read(name)
    if octets is None:
        raise no_such_item()
    found, keys = _certificates(octets), _joined(call, octets)
    for number, certificate in enumerate(found):
        _add(
            call,
            f"{call.arguments.get('name') or name}_{number}" if number or "name" not in call.arguments else "",
            certificate,
        )
    keys += _joined(call, octets) if found else 0
    if not found and not keys:
        raise failure("file not found or wrong passphrase")
    return Result(
        [{"certificates-imported": str(len(found)), "private-keys-imported": str(keys), "files-imported": "1"}]
    )


def _certificates(octets: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(octets)
    except ValueError:
        return []


def _add(call: Call, name: str, certificate: x509.Certificate) -> None:
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    fields = {
        "name": name or call.arguments["name"],
        "common-name": str(common[0].value) if common else "",
        "trusted": "false" if call.arguments.get("trusted") in {"no", "false"} else "true",
        CERTIFICATE: pem,
    }
    if call.config.find(PATH, fields["name"]):
        raise failure("certificate with the same name already exists")
    call.config.append(PATH, Row(call.config.ids.take(call.menu), fields))


def _joined(call: Call, octets: bytes) -> int:
    """Give a private key to the certificates it belongs to."""
    passphrase = call.arguments.get("passphrase", "").encode() or None
    try:
        key = serialization.load_pem_private_key(octets, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return 0
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    joined = 0
    for row in call.config.rows(PATH):
        pem = row.fields.get(CERTIFICATE)
        if pem and KEY not in row.fields and _public(pem) == public:
            fields = {**row.fields, KEY: _key_pem(key)}  # type: ignore[arg-type]  # a key of a certificate
            call.config.replace(PATH, row, replace(row, fields=fields))
            joined += 1
    return joined


def _public(pem: str) -> bytes:
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
