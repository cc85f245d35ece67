"""Messages through a gateway's HTTP interface, whatever its fields are called: the operator writes them down, with holes.

Holes are ``{number}`` (+6281278123456), ``{digits}`` (6281278123456), ``{national}`` (081278123456), ``{text}``, ``{code}``,
``{language}``, ``{key}``, and the names of the sender's secrets. They are filled in values, never in names and never in the
address; what is put in is never read for holes again.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx
from pydantic import SecretStr

from hotspot.guests.senders.messages import Failed, Kind, Message, Outcome, Sent

HOLE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
HOLES: Final = frozenset({"number", "digits", "national", "text", "code", "language", "key"})
MOST_OCTETS: Final = 64 * 1024  # of an answer; real ones are below one KiB
NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
SERVER_FAULT: Final = 500
OVERLOADED: Final = 503  # RFC 9110 §15.6.4: it doesn't handle the request now


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the gateway; exactly one of `form` and `json` is its body, or neither."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Any = None


@dataclass(frozen=True, slots=True)
class Success:
    """By what one sees that a gateway has taken a message: a status, and what stands at a path of its JSON (``data.0.status``)."""

    statuses: tuple[int, ...]
    path: str = ""
    values: tuple[str | int | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpSender:
    """One gateway. `patience` is for connecting, for its first word, and for all the rest of its answer."""

    name: str
    request: Request
    success: Success
    patience: timedelta
    secrets: Mapping[str, SecretStr] = field(repr=False)

    def send(self, message: Message) -> Outcome:
        """Ask the gateway once; redirects are not followed, and no proxy or netrc of the environment is used."""
        try:
            status, body = self._exchange(self._fill_with(message))
        except NEVER_LEFT as error:
            return Failed(Kind.UNREACHABLE, type(error).__name__)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return Failed(Kind.UNSURE, type(error).__name__)  # their texts may hold the address
        return self._judge(status, body)

    def _fill_with(self, message: Message) -> httpx.Request:
        values = {
            "number": message.to.text,
            "digits": message.to.digits,
            "national": message.to.national,
            "text": message.text,
            "code": message.code,
            "language": message.language,
            "key": str(message.key),
            **{name: secret.get_secret_value() for name, secret in self.secrets.items()},
        }
        asked = self.request
        return httpx.Request(
            asked.method,
            asked.url,
            headers=filled(asked.headers, values),
            params=filled(asked.query, values) or None,
            data=filled(asked.form, values),
            json=filled(asked.json, values),
            extensions={"timeout": httpx.Timeout(self.patience.total_seconds()).as_dict()},
        )

    def _exchange(self, request: httpx.Request) -> tuple[int, bytes]:
        """Return the answer's status and its body, or as much as is read of it."""
        deadline = time.monotonic() + self.patience.total_seconds()
        body = bytearray()
        with httpx.Client(trust_env=False, follow_redirects=False) as client:
            answer = client.send(request, stream=True)
            try:
                for piece in answer.iter_raw():
                    body += piece
                    if len(body) > MOST_OCTETS:
                        break
                    if time.monotonic() > deadline:
                        raise TimeoutError
            finally:
                answer.close()
        return answer.status_code, bytes(body[:MOST_OCTETS])

    def _judge(self, status: int, body: bytes) -> Outcome:
        if status >= SERVER_FAULT and status != OVERLOADED:
            return Failed(Kind.UNSURE, f"status {status}")
        if status not in self.success.statuses:
            return Failed(Kind.REFUSED, f"status {status}")
        if self.success.path and not _is_among(found_at(self.success.path, body), self.success.values):
            return Failed(
                Kind.REFUSED, f"status {status}, and its {self.success.path} is not one of those that are wanted"
            )
        return Sent()


def filled(what: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401  (JSON)
    """Return the same shape with the holes of all its texts filled."""
    match what:
        case str():
            return HOLE.sub(lambda hole: values[hole[1]], what)
        case Mapping():
            return {name: filled(value, values) for name, value in what.items()}
        case list():
            return [filled(value, values) for value in what]
    return what


def holes_in(what: Any) -> set[str]:  # noqa: ANN401  (JSON)
    """Return the names of all holes in a shape."""
    match what:
        case str():
            return set(HOLE.findall(what))
        case Mapping():
            return {hole for value in what.values() for hole in holes_in(value)}
        case list():
            return {hole for value in what for hole in holes_in(value)}
    return set()


def found_at(path: str, body: bytes) -> Any:  # noqa: ANN401  (JSON)
    """Return what stands at the path in an answer's JSON; None where nothing does, or where the answer is no JSON."""
    try:
        found = httpx.Response(200, content=body).json()
    except ValueError:
        return None
    for step in path.split("."):
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict):
            found = found.get(step)
        else:
            return None
    return found


def _is_among(found: Any, wanted: tuple[str | int | bool, ...]) -> bool:  # noqa: ANN401  (JSON)
    """Without values anything that is there will do. True is not 1, as it would be to Python."""
    if not wanted:
        return found is not None
    return any(type(found) is type(value) and found == value for value in wanted)
