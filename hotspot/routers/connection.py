"""Talking to a router: the `Connection` that everything else is written for, and RouterOS' API. The only door to librouteros.

Everything is text, as the router prints it. The router's certificate is compared before a word is said to it; only addresses inside the
tunnel network are dialled; what a peer may send is bounded in size and in time. After a timeout or an unreadable answer the connection
is closed, for nobody knows any more which answer belongs to which question.
"""

import hashlib
import hmac
import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Protocol, Self

from librouteros.api import Api
from librouteros.exceptions import LibRouterosError, MultiTrapError, TrapError
from librouteros.protocol import ApiProtocol, compose_word, decode_length, determine_length, encode_length

from hotspot.errors import Conflict, HotspotError, Invalid, Unavailable
from hotspot.routers.handover import API_SSL_PORT
from hotspot.routers.menus import Row

PATIENCE: Final = 10.0  # seconds for a connection with its log-in, and for one call
LONGEST_WORD: Final = 131_072  # octets; a file's contents are at most 61,440
LONGEST_SENTENCE: Final = 262_144
LARGEST_ANSWER: Final = 8_388_608  # octets of memory for the answer to one call; some thousand leases
WORD_COST: Final = 100  # octets of memory that a word takes beside its text
MOST_WORDS: Final = 400  # of a sentence; the widest menu has about 90
LONGEST_MESSAGE: Final = 200  # characters of a refusal that are repeated
CHUNK: Final = 65_536
# Octets that no text has (WinBox writes cp125x) stand in rows as characters for private use: rows are stored and shown, which lone
# surrogates and NUL can't be.
SHOWN: Final = {0: 0x10F000, **{0xDC80 + octet: 0x10F080 + octet for octet in range(0x80)}}
SENT: Final = {shown: octet for octet, shown in SHOWN.items()}


class RouterUnreachable(Unavailable):
    """{router} can't be reached: {problem}"""


class RouterRefused(Conflict):
    """{router} refused {command}: {problem}"""

    @property
    def category(self) -> int | None:
        """RouterOS' own number for what was wrong, where it gave one; 0 is a missing item or command."""
        found = self.facts.get("category")
        return found if isinstance(found, int) else None


class WrongCertificate(Conflict):
    """{router} shows another certificate than the one it enrolled with; somebody may stand between, so nothing was told to it"""


class OutsideTunnel(Invalid):
    """{router} has the address {address}, which is not one of a router in HOTSPOT_TUNNEL_NETWORK {network}"""


class Connection(Protocol):
    """One router, logged in. An empty id is the row of a singleton. Every method raises RouterUnreachable or RouterRefused."""

    def read(self, menu: str, proplist: Sequence[str]) -> list[Row]: ...

    def add(self, menu: str, fields: Mapping[str, str]) -> str:
        """Add a row; return its number, empty where the router tells none."""
        ...

    def set(self, menu: str, row: str, fields: Mapping[str, str]) -> None: ...

    def unset(self, menu: str, row: str, names: Sequence[str]) -> None: ...

    def remove(self, menu: str, row: str) -> None: ...

    def move(self, menu: str, row: str, before: str | None) -> None:
        """Put the row in front of another one; None: to the end."""
        ...

    def call(self, path: str, command: str, fields: Mapping[str, str], *, patience: float = PATIENCE) -> list[Row]: ...

    def close(self) -> None: ...


Dial = Callable[[IPv4Address, int], socket.socket]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a router is and how it is known. `fingerprint` is the SHA-256 of its certificate, in hex."""

    name: str
    address: IPv4Address
    network: IPv4Network
    fingerprint: str
    user: str
    password: str = field(repr=False)


def dial(address: IPv4Address, port: int) -> socket.socket:
    return socket.create_connection((str(address), port), timeout=PATIENCE)


class RouterOS:
    """A connection to api-ssl over a socket of its own."""

    def __init__(self, name: str, stream: "_Stream") -> None:
        self._name = name
        self._stream = stream
        self._api = _Api(_Words(stream, encoding="utf-8"))

    @classmethod
    def connect(cls, target: Target, *, dial: Dial = dial) -> Self:
        """Open a connection and log in. 1. The address is a router's. 2. The certificate is the router's. 3. Only then the log-in.

        Raises:
            OutsideTunnel: the address is not in the tunnel network, or is the controller's own.
            RouterUnreachable: nothing answers there, or not with TLS.
            WrongCertificate: somebody else answers.
            RouterRefused: it doesn't know this user and password.
        """
        _raise_if_outside(target)
        stream = _secured(target, dial)
        connection = cls(target.name, stream)
        try:
            shown = hashlib.sha256(stream.certificate).hexdigest()
            if not hmac.compare_digest(shown, target.fingerprint):
                raise WrongCertificate(router=target.name)
            connection.call("", "login", {"name": target.user, "password": target.password})
        except BaseException:
            connection.close()
            raise
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, menu: str, proplist: Sequence[str]) -> list[Row]:
        """Return the menu's rows; where numbers are asked for, without those that have none: nobody could name them to the router."""
        rows = self.call(menu, "print", {".proplist": ",".join(proplist)})
        return [_written(row, SHOWN) for row in rows if ".id" in row or ".id" not in proplist]

    def add(self, menu: str, fields: Mapping[str, str]) -> str:
        return next((row["ret"] for row in self.call(menu, "add", _written(fields, SENT)) if "ret" in row), "")

    def set(self, menu: str, row: str, fields: Mapping[str, str]) -> None:
        self.call(menu, "set", {**_chosen(row), **_written(fields, SENT)})

    def unset(self, menu: str, row: str, names: Sequence[str]) -> None:
        self.call(menu, "set", {**_chosen(row), **{f"!{name}": "" for name in names}})

    def remove(self, menu: str, row: str) -> None:
        self.call(menu, "remove", _chosen(row))

    def move(self, menu: str, row: str, before: str | None) -> None:
        self.call(menu, "move", {"numbers": row, **({} if before is None else {"destination": before})})

    def call(self, path: str, command: str, fields: Mapping[str, str], *, patience: float = PATIENCE) -> list[Row]:
        """Give a command and return all rows of its answer; what ``!done`` carries is the last of them."""
        sentence = f"{path}/{command}"
        self._stream.begin(patience)
        try:
            answer = self._api.rawCmd(sentence, *(compose_word(name, text) for name, text in fields.items()))
            return [{name: str(text) for name, text in row.items()} for row in answer]
        except (TrapError, MultiTrapError) as error:
            raise self._refused(sentence, error) from None
        except TimeoutError:
            self._stream.abort()
            raise RouterUnreachable(router=self._name, problem=f"no answer within {patience:g} seconds") from None
        except (OSError, LibRouterosError, _TooMuch) as error:
            self._stream.abort()
            raise RouterUnreachable(router=self._name, problem=_printable(str(error) or "it hung up")) from None
        except BaseException:
            self._stream.abort()
            raise

    def close(self) -> None:
        self._stream.close()

    def _refused(self, sentence: str, error: TrapError | MultiTrapError) -> HotspotError:
        first = error.traps[0] if isinstance(error, MultiTrapError) else error
        problem = _printable(first.message) or "no reason given"
        return RouterRefused(router=self._name, command=sentence, problem=problem, category=first.category)


def _raise_if_outside(target: Target) -> None:
    """Refuse everything but the routers' part of the network: not its own address, the controller's, or the broadcast."""
    network = target.network
    first = network.network_address
    if target.address not in network or target.address in {first, first + 1, network.broadcast_address}:
        raise OutsideTunnel(router=target.name, address=target.address, network=network)


def _secured(target: Target, dial: Dial) -> "_Stream":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # no CA stands behind a router; its fingerprint is compared instead
    plain = None
    try:
        plain = dial(target.address, API_SSL_PORT)
        plain.settimeout(PATIENCE)
        secured = context.wrap_socket(plain, server_hostname=None)
    except OSError as error:  # ssl.SSLError is one
        if plain is not None:
            plain.close()
        raise RouterUnreachable(router=target.name, problem=_printable(_reason(error))) from None
    return _Stream(secured, secured.getpeercert(binary_form=True) or b"")


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no TLS ({error.reason or 'it hung up'})"
    return "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error) or type(error).__name__


def _chosen(row: str) -> dict[str, str]:
    return {".id": row} if row else {}


def _written(fields: Mapping[str, str], letters: Mapping[int, int]) -> dict[str, str]:
    return {name: text.translate(letters) for name, text in fields.items()}


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "·" for char in text[:LONGEST_MESSAGE])


class _TooMuch(Exception):
    """A peer that says more than any router does."""


class _Stream:
    """A socket with a buffer, and bounds for one call: until when, and how many octets."""

    def __init__(self, sock: socket.socket, certificate: bytes) -> None:
        self.certificate = certificate
        self._socket = sock
        self._buffer = b""
        self._at = 0
        self._until = 0.0
        self._left = 0

    def begin(self, patience: float) -> None:
        self._until = time.monotonic() + patience
        self._left = LARGEST_ANSWER

    def write(self, data: bytes) -> None:
        self._wait()
        self._socket.sendall(data)

    def read(self, length: int) -> bytes:
        self.spend(length)
        while len(self._buffer) - self._at < length:
            self._wait()
            got = self._socket.recv(CHUNK)
            if not got:
                raise ConnectionError("it hung up")
            self._buffer = self._buffer[self._at :] + got
            self._at = 0
        self._at += length
        return self._buffer[self._at - length : self._at]

    def spend(self, octets: int) -> None:
        self._left -= octets
        if self._left < 0:
            raise _TooMuch("its answer is too long")

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def abort(self) -> None:
        """Close, and let nothing that is still under way arrive later, behind what another connection does."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._socket.close()


class _Words(ApiProtocol):  # type: ignore[misc]  # librouteros carries no types
    """Sentences as lists of text, bounded, and never logged: passwords are among them.

    Octets that aren't UTF-8 come through as lone surrogates and go back as they came.
    """

    def writeSentence(self, cmd: str, *words: str) -> None:  # noqa: N802  (librouteros')
        octets = (word.encode("utf-8", "surrogateescape") for word in (cmd, *words))
        self.transport.write(b"".join(encode_length(len(word)) + word for word in octets) + b"\0")

    def readSentence(self) -> tuple[str, tuple[str, ...]]:  # noqa: N802  (as above)
        words: list[str] = []
        size = 0
        while (word := self.readWord()) or not words:  # empty sentences are passed over
            words += [word] if word else []
            size += len(word) + 1
            if len(words) > MOST_WORDS or size > LONGEST_SENTENCE:
                raise _TooMuch("a sentence of its answer is too long")
        if words[0] == "!fatal":
            raise _TooMuch(f"it ended the conversation ({' '.join(words[1:])})")
        return words[0], tuple(words[1:])

    def readWord(self) -> str:  # noqa: N802  (as above)
        self.transport.spend(WORD_COST)
        first = self.transport.read(1)
        length = decode_length(first + self.transport.read(determine_length(first)))
        if length > LONGEST_WORD:
            raise _TooMuch("a word of its answer is too long")
        octets: bytes = self.transport.read(length)
        return octets.decode("utf-8", "surrogateescape")


class _Api(Api):  # type: ignore[misc]  # librouteros carries no types
    """Rows of text: librouteros would make numbers and truths of them."""

    def readSentence(self) -> tuple[str, dict[str, str | int]]:  # noqa: N802  (as above)
        reply, words = self.protocol.readSentence()
        row = dict(_split(word) for word in words if word.startswith("="))
        if reply == "!trap":
            category = row.get("category", "")
            known = {"category": int(category)} if category in set("01234567") else {}
            return reply, {"message": row.get("message", ""), **known}
        return reply, dict(row)


def _split(word: str) -> tuple[str, str]:
    name, _, text = word[1:].partition("=")
    return name, text
