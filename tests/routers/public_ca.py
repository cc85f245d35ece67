"""A CA as the public ones are: a root, an issuer below it, and certificates for names."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

DAY = timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def pem_of_key(key: Key, password: bytes | None = None) -> bytes:
    sealing = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class PublicCa:
    """Issues at `now`; every certificate is valid from the day before."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._root_key, self._issuer_key = new_key(), new_key()
        self.root = self._sign("Root", self._root_key, "Root", self._root_key, 3650 * DAY, ca=True)
        self.issuer = self._sign("Issuer", self._issuer_key, "Root", self._root_key, 1000 * DAY, ca=True)

    def issue(
        self,
        *names: str,
        key: Key,
        days: int = 90,
        starts: int = -1,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> x509.Certificate:
        return self._sign(
            "login", key, "Issuer", self._issuer_key, days * DAY, ca=False, names=names, usage=usage, starts=starts
        )

    def files(self, *names: str, days: int = 90) -> tuple[bytes, bytes]:
        """What a CA's client leaves: fullchain.pem and privkey.pem."""
        key = new_key()
        return pem_of(self.issue(*names, key=key, days=days), self.issuer), pem_of_key(key)

    def _sign(
        self,
        subject: str,
        key: Key,
        issuer: str,
        issuer_key: ec.EllipticCurvePrivateKey,
        life: timedelta,
        *,
        ca: bool,
        names: tuple[str, ...] = (),
        usage: ObjectIdentifier | None = None,
        starts: int = -1,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder(_name(issuer), _name(subject), key.public_key(), x509.random_serial_number())
            .not_valid_before(self._now + starts * DAY)
            .not_valid_after(self._now + life)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())
