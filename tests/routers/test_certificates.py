"""What is taken as a certificate for a log-in page, and what a person is told about the rest."""

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given
from hypothesis import strategies as st

from hotspot.routers.certificates import BadCertificate, Chain, covers, locked, read_chain, row_name
from tests.routers.public_ca import PublicCa, new_key, pem_of, pem_of_key

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
HOST = "login.wifi.example.org"
CA = PublicCa(NOW)
KEY = new_key()
OWN = CA.issue(HOST, key=KEY)


def read(certificates: bytes, key: bytes | None = None) -> Chain:
    return read_chain(certificates, pem_of_key(KEY) if key is None else key, now=NOW)


def problem(certificates: bytes, key: bytes | None = None) -> str:
    with pytest.raises(BadCertificate) as caught:
        read(certificates, key)
    return str(caught.value)


def test_a_chain_is_read_without_its_root_and_its_key_can_be_locked() -> None:
    chain = read(b"Subject: login\n" + pem_of(OWN, CA.issuer, CA.root))

    assert [pem.count("BEGIN") for pem in chain.certificates] == [1, 1]
    assert (chain.names, chain.valid_until) == ((HOST,), NOW + timedelta(days=90))
    assert row_name(chain.certificates[0]) == f"hotspot-login-{chain.fingerprint[:16]}"
    sealed = locked(chain.key, "only once").encode()
    assert b"ENCRYPTED PRIVATE KEY" in sealed
    assert load_pem_private_key(sealed, b"only once").public_key() == KEY.public_key()  # type: ignore[operator]
    assert "PRIVATE" not in repr(chain)


def test_rsa_and_the_usual_curves_are_taken() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        assert read(pem_of(CA.issue(HOST, key=key), CA.issuer), pem_of_key(key)).names == (HOST,)


OTHER = new_key()
SMALL = ec.generate_private_key(ec.SECP224R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("certificates", "key", "words"),
    [
        (b"", None, "no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, "no certificate in PEM"),
        (b"x" * 65_537, None, "larger than 65536 octets"),
        (pem_of(*[OWN] * 6), None, "more than 5 certificates"),
        (pem_of(OWN), b"nonsense", "no private key in PEM"),
        (pem_of(OWN), b"x" * 65_537, "too large"),
        (pem_of(OWN), pem_of_key(KEY, b"passphrase"), "needs a passphrase; give it without"),
        (pem_of(OWN), pem_of_key(OTHER), "the key belongs to another certificate"),
        (pem_of(OWN), pem_of_key(SMALL), "neither RSA of 2048 bits or more nor of a curve"),
        (pem_of(OWN), EDWARDS, "neither RSA of 2048 bits or more nor of a curve"),
        (pem_of(CA.root), None, "it is signed by itself, or the file begins with the root"),
        (pem_of(CA.issuer, OWN), None, "certificate 2 of the file did not issue the one before it"),
        (pem_of(OWN, CA.root), None, "certificate 2 of the file did not issue the one before it"),
        (pem_of(CA.issue(HOST, key=KEY, days=0)), None, "it ended on 2026-03-02"),
        (pem_of(CA.issue(HOST, key=KEY, starts=2)), None, "it begins only on 2026-03-04"),
        (pem_of(CA.issue(HOST, key=KEY, usage=ExtendedKeyUsageOID.CLIENT_AUTH)), None, "not for servers"),
        (pem_of(CA.issue(key=KEY)), None, "it names no host"),
        (pem_of(CA.issue("*", "a b.example", "localhost", key=KEY)), None, "it names no host"),
        (pem_of(CA.issue(*(f"h{n}.example.org" for n in range(101)), key=KEY)), None, "more than 100 hosts"),
    ],
)
def test_what_no_phone_would_trust_is_refused_with_what_is_wrong(
    certificates: bytes, key: bytes | None, words: str
) -> None:
    assert words in problem(certificates, key)


def test_an_asterisk_stands_for_one_label() -> None:
    names = ("*.wifi.example.org", "login.example.org")

    assert covers(names, "alun-alun-1.wifi.example.org")
    assert covers(names, "login.example.org")
    assert not covers(names, "wifi.example.org")
    assert not covers(names, "a.b.wifi.example.org")
    assert not covers(names, "x.login.example.org")


@given(st.binary(max_size=300) | st.integers(0, 1500).map(lambda at: pem_of(OWN, CA.issuer)[:at]))
def test_any_file_is_a_chain_or_a_sentence(octets: bytes) -> None:
    with suppress(BadCertificate):
        assert read(octets).names == (HOST,)


DER = OWN.public_bytes(Encoding.DER)


def in_pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
@example(12, 1)  # a version that no certificate has
@example(15, 128)  # a serial number below nothing: the library reads it yet, and warns that it won't for long
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_certificate_with_any_octet_changed_is_read_or_a_sentence(at: int, octet: int) -> None:
    with suppress(BadCertificate):
        read(in_pem(DER[:at] + bytes([octet]) + DER[at + 1 :]))


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        (b"\x82\x16login", b"\x8f\x16login", "its extensions can't be read"),
        (
            b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01",
            b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x7f",
            "of a kind that nobody knows",
        ),
    ],
)
def test_what_is_odd_inside_a_certificate_is_said(was: bytes, becomes: bytes, words: str) -> None:
    assert was in DER
    assert words in problem(in_pem(DER.replace(was, becomes, 1)))


@given(st.binary(max_size=300))
def test_any_file_is_the_key_or_a_sentence(octets: bytes) -> None:
    assert "PRIVATE" not in problem(pem_of(OWN), octets)
