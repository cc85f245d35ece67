"""What /tool/fetch asks by HTTP and HTTPS, with the router's own certificates to check the other side's.

Only what was imported into /certificate and is trusted counts: no certificates of the machine that simulates. Redirects aren't
followed, and no proxy is asked. Nothing is asked of any machine but this one: a simulated router runs scripts that it is given.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import httpx

from hotspot.safety import is_loopback
from hotspot.simulator.routeros.certificates import CERTIFICATE
from hotspot.simulator.routeros.certificates import PATH as CERTIFICATES
from hotspot.simulator.routeros.script.scanner import octets_of
from hotspot.simulator.routeros.traps import Trap, failure, no_match

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

SECONDS: Final = 10.0
LONGEST_BODY: Final = 64 * 1024
LONGEST_ANSWER: Final = 8 << 20
METHODS: Final = frozenset({"get", "post", "put", "delete", "patch", "head"})
CHECKS: Final = {"no": False, "false": False, "yes": True, "true": True, "yes-without-crl": True}
NEXT_FIELD: Final = re.compile(r",(?=\s*[A-Za-z0-9-]+:)")


class HttpFetch:
    """Asks for one router, from a local address of its own if it has one."""

    def __init__(self, router: "SimulatedRouterOS", *, source: str | None = None) -> None:
        self._router = router
        self._source = source

    def __call__(self, arguments: Mapping[str, str]) -> bytes:
        """Return the answer's body; Trap as the router words it when there is none, or one of no success."""
        method = arguments.get("http-method", "post" if "http-data" in arguments else "get")
        check = CHECKS.get(arguments.get("check-certificate", "no"))
        if method not in METHODS:
            raise no_match("http-method")
        if check is None:
            raise no_match("check-certificate")
        body = octets_of(arguments.get("http-data", ""))
        if len(body) > LONGEST_BODY:
            raise failure("http-data too long")
        fields = dict(_fields(arguments.get("http-header-field", "")))
        return self._ask(method.upper(), arguments.get("url", ""), fields, body, self._context(check=check))

    def _context(self, *, check: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not check:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context
        for row in self._router.config.rows(CERTIFICATES):
            if CERTIFICATE in row.fields and row.fields.get("trusted") != "false":
                context.load_verify_locations(cadata=row.fields[CERTIFICATE])
        return context

    def _ask(self, method: str, url: str, fields: Mapping[str, str], body: bytes, context: ssl.SSLContext) -> bytes:
        transport = httpx.HTTPTransport(verify=context, trust_env=False, local_address=self._source)
        try:
            host = httpx.URL(url).host
            if host and not is_loopback(host):
                raise failure("connecting failed")
            with (
                httpx.Client(transport=transport, timeout=SECONDS, trust_env=False) as client,
                client.stream(method, url, headers=fields, content=body) as answer,
            ):
                if not answer.is_success:
                    raise failure(f"Fetch failed with status {answer.status_code}")
                return _read(answer)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise _refusal(error) from None


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """``Name: value,Name: value``; a comma before anything else belongs to the value."""
    for part in NEXT_FIELD.split(text) if text else ():
        name, colon, value = part.partition(":")
        if not colon:
            raise failure("invalid http-header-field")
        yield name.strip(), value.strip()


def _read(answer: httpx.Response) -> bytes:
    octets = bytearray()
    for part in answer.iter_bytes():
        octets += part
        if len(octets) > LONGEST_ANSWER:
            raise failure("file too large")
    return bytes(octets)


def _refusal(error: Exception) -> Trap:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return failure("ssl: no trusted CA certificate found (6)")
    if isinstance(error, httpx.TimeoutException):
        return failure("connection timeout")
    if isinstance(error, httpx.ConnectError):
        return failure("connecting failed")
    return failure(
        "invalid URL" if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol) else "closing connection"
    )
