"""Keys derived from the installation's one secret: sealing at rest, pseudonyms, one-time passwords, signed tickets.

The secret never touches the database; a copy of the database alone reveals no router secret and no MAC address.
HKDF (RFC 5869) gives each purpose its own key, so that a value made for one can't be replayed as another.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hotspot.errors import Invalid

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 §6, in lower case
BASE32_PAIRS = [first + second for first in BASE32 for second in BASE32]
NONCE_OCTETS = 12  # NIST SP 800-38D §8.2: the size GCM is made for


class CannotUnseal(Invalid):
    """A stored secret was sealed with another HOTSPOT_SECRET_KEY; start with the key the database was made with"""


@dataclass(frozen=True, slots=True)
class Keys:
    """One key a purpose, all from the installation's secret. Never logged: the fields stay out of ``repr``."""

    sealing: bytes = field(repr=False)
    device: bytes = field(repr=False)
    password: bytes = field(repr=False)
    ticket: bytes = field(repr=False)
    phone: bytes = field(repr=False)
    printed: bytes = field(repr=False)

    @classmethod
    def derive(cls, secret: str) -> "Keys":
        def key(purpose: str) -> bytes:
            return HKDF(hashes.SHA256(), 32, salt=None, info=f"hotspot {purpose}".encode()).derive(secret.encode())

        return cls(key("sealing"), key("device"), key("password"), key("ticket"), key("phone"), key("printed code"))

    def seal(self, plain: str, *, context: str) -> bytes:
        """Encrypt `plain` (AES-256-GCM); `context` names the row, so a sealed value can't be moved to another one."""
        return self.seal_octets(plain.encode(), context=context)

    def unseal(self, sealed: bytes, *, context: str) -> str:
        """Decrypt what `seal` made.

        Raises:
            CannotUnseal: another key, another context, or an altered value.
        """
        return self.unseal_octets(sealed, context=context).decode()

    def seal_octets(self, plain: bytes, *, context: str) -> bytes:
        """Encrypt what isn't text, as `seal` does."""
        nonce = secrets.token_bytes(NONCE_OCTETS)
        return nonce + AESGCM(self.sealing).encrypt(nonce, plain, context.encode())

    def unseal_octets(self, sealed: bytes, *, context: str) -> bytes:
        """Decrypt what `seal_octets` made; raises as `unseal` does."""
        try:
            return AESGCM(self.sealing).decrypt(sealed[:NONCE_OCTETS], sealed[NONCE_OCTETS:], context.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: cut short, not even a nonce
            raise CannotUnseal from error

    def device_id(self, mac: bytes) -> UUID:
        """Return the pseudonym of a device: a keyed hash of its six-octet MAC address, which is never stored."""
        return UUID(bytes=_keyed_hash(self.device, mac)[:16])

    def phone_id(self, number: str) -> UUID:
        """Return the pseudonym of a phone number, or of the beginning of one; the number itself is not kept."""
        return UUID(bytes=_keyed_hash(self.phone, b"number " + number.encode())[:16])

    def phone_code_hash(self, code_id: UUID, code: str) -> bytes:
        """Return what is stored of a code: without the key, its million possible values can't be tried out."""
        return _keyed_hash(self.phone, b"code " + code_id.bytes + code.encode())

    def one_time_password(self, credential_id: UUID) -> str:
        """Return the password (80 bits, base32) that belongs to a one-time credential; nothing needs storing."""
        bits = int.from_bytes(_keyed_hash(self.password, credential_id.bytes)[:10], "big")
        return "".join([BASE32_PAIRS[bits >> shift & 0x3FF] for shift in range(70, -1, -10)])

    def printed_code_hash(self, kind: str, code: str) -> bytes:
        """Return what is stored of a printed code: a keyed hash, so that a copy of the database alone can't be searched for codes."""
        return _keyed_hash(self.printed, f"{kind} {code}".encode())

    def sign(self, purpose: str, *values: object) -> str:
        """Return a 128-bit tag, URL-safe, over the purpose and the values."""
        parts = [str(value).encode(errors="surrogatepass") for value in (purpose, *values)]
        framed = b"".join([len(part).to_bytes(8, "big") + part for part in parts])  # no value can reach into the next
        return base64.urlsafe_b64encode(_keyed_hash(self.ticket, framed)[:16]).decode().rstrip("=")

    def is_signed(self, tag: str, purpose: str, *values: object) -> bool:
        return hmac.compare_digest(tag.encode(errors="replace"), self.sign(purpose, *values).encode())


@lru_cache(maxsize=16)
def _prepared(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    block = key.ljust(64, b"\0")
    inner, outer = (hashlib.sha256(bytes(octet ^ pad for octet in block)) for pad in (0x36, 0x5C))
    return inner, outer


def _keyed_hash(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) with a key of at most 64 octets, from two prepared states: a third of the cost of `hmac.digest`."""
    inner, outer = (state.copy() for state in _prepared(key))
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


def new_token() -> str:
    """Return a fresh secret of 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: enough to recognise it, useless to sign in with."""
    return hashlib.sha256(token.encode()).digest()
