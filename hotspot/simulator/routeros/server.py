"""The API server of a simulated router: `api` and `api-ssl` on loopback, many connections, tags interleaved.

RouterOS's ports are a thousand times on one machine here, so each service listens on a port of its own that `endpoint` tells, unless the
router has a loopback address for itself. A service that is switched off, or whose ``address=`` doesn't let the caller in, hangs up at once, as the router's does.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

import structlog

from hotspot.safety import is_loopback
from hotspot.simulator.listener import NotLoopback
from hotspot.simulator.routeros import certificates
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.sessions import Result, Session, Work
from hotspot.simulator.routeros.traps import Trap
from hotspot.simulator.routeros.users import is_allowed
from hotspot.simulator.routeros.wire import BadFraming, Decoder, Request, encode_sentence, read_request, reply

log = structlog.get_logger()

SERVICES: Final = ("api", "api-ssl")
CHUNK: Final = 65_536
EMPTY_SINCE: Final = (7, 18)
HEARTBEAT: Final = 1.0  # seconds between two looks at what is due
SEEN: Final = "127.0.0.1"
DIFFIE_HELLMAN: Final = """\
-----BEGIN DH PARAMETERS-----
MIGHAoGBANNmFd0MLK/9xTvglpMoYteI5AzgjD4ASxffwlKHuoQQ0Tias18GLNpc
ejo+tb/LN9IndgZdfpyjNRjmqTiaLHrM7XLQdXmyT6ue/yDdsAcmRrCUDHXw7kv7
2YjhmyJrf4Wcz2kn0Q5zad5uakomOzKxyX6K+Et/TvNgnwPuAZAHAgEC
-----END DH PARAMETERS-----
"""
"""Parameters for anonymous TLS: public, and too short to protect anything, as anonymity doesn't either."""


def as_is(address: str) -> str:
    return address


class ApiServer:
    """A router on the wire; use as `async with`. `seen_as` says what address a caller seems to have, say its tunnel's.

    With `own_ports` it listens where /ip/service says, else where there is room.
    """

    def __init__(
        self,
        router: SimulatedRouterOS,
        *,
        host: str = SEEN,
        seen_as: Callable[[str], str] = as_is,
        own_ports: bool = False,
        heartbeat: bool = True,
    ) -> None:
        if not is_loopback(host):
            raise NotLoopback(host=host)
        self.router = router
        self.connections: set[Connection] = set()
        self.is_reachable = True
        self._host = host
        self._seen_as = seen_as
        self._own_ports = own_ports
        self._heartbeat = heartbeat
        self._servers: dict[str, asyncio.Server] = {}
        self._ticking: asyncio.Task[None] | None = None
        router.on_reboot(self.cut)
        router.on_throw_out(self._throw_out)

    async def __aenter__(self) -> Self:
        for name in SERVICES:
            port = self.router.service(name).port if self._own_ports else 0
            self._servers[name] = await asyncio.start_server(self._accepts(name), self._host, port)
        if self._heartbeat:
            self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ticking:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        for server in self._servers.values():
            server.close()
        self.cut()
        await asyncio.gather(*(connection.ended.wait() for connection in list(self.connections)))

    def endpoint(self, service: str = "api") -> tuple[str, int]:
        """Where a service really listens."""
        host, port = self._servers[service].sockets[0].getsockname()[:2]
        return host, port

    def cut(self) -> None:
        """Cut every connection where it stands."""
        for connection in list(self.connections):
            connection.hang_up()

    def _throw_out(self, session: Session) -> None:
        for connection in list(self.connections):
            if connection.session is session:
                connection.hang_up()

    async def _tick(self) -> None:
        while True:
            await self.router.clock.sleep(HEARTBEAT)
            self.router.tick()

    def _accepts(self, name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            address = self._seen_as(writer.get_extra_info("peername")[0])
            connection = Connection(self.router, reader, writer, via=name, address=address)
            self.connections.add(connection)
            try:
                if self._lets_in(name, address) and await self._secured(name, writer):
                    await connection.serve()
            except (ConnectionError, ssl.SSLError, TimeoutError):
                pass  # the client is gone, or spoke no TLS
            finally:
                await connection.close()
                self.connections.discard(connection)

        return accept

    def _lets_in(self, name: str, address: str) -> bool:
        service = self.router.service(name)
        here = sum(connection.via == name for connection in self.connections)
        return (
            self.is_reachable
            and service.is_enabled
            and is_allowed(service.addresses, address)
            and here <= service.sessions
        )

    async def _secured(self, name: str, writer: asyncio.StreamWriter) -> bool:
        """Begin TLS where the service has it; the certificate is asked for anew each time."""
        if name == "api":
            return True
        pair = certificates.pair_of(self.router.config, self.router.service(name).certificate)
        await writer.start_tls(tls_context(pair))
        return True


def tls_context(pair: tuple[str, str] | None) -> ssl.SSLContext:
    """TLS with the certificate; anonymous Diffie-Hellman, as the router does it, without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory(
        prefix="hotspot-simulated-"
    ) as folder:  # ssl takes certificates and parameters only from files
        file = Path(folder) / "given.pem"
        file.touch(mode=0o600)
        if pair is None:
            file.write_text(DIFFIE_HELLMAN)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ADH:@SECLEVEL=0")
            context.load_dh_params(str(file))
        else:
            file.write_text("".join(pair))
            context.load_cert_chain(file)
    return context


class Connection:
    """One client: reads sentences, answers them in turn; what takes time goes on beside the others under its tag."""

    def __init__(
        self,
        router: SimulatedRouterOS,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        via: str,
        address: str,
    ) -> None:
        self.via = via
        self.session: Session | None = None
        self.ended = asyncio.Event()
        self._router = router
        self._address = address
        self._reader = reader
        self._writer = writer
        self._working: dict[str | None, Work] = {}
        self._hung_up = False

    def hang_up(self) -> None:
        """End at once; what is written goes out, nothing more is heard."""
        self._hung_up = True
        self._reader.feed_eof()
        self._writer.close()

    async def close(self) -> None:
        """The connection is over: its work and its session end."""
        for work in list(self._working.values()):
            work.cancel()
        if self.session:
            self._router.log_out(self.session)
        self._writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            await self._writer.wait_closed()
        self.ended.set()

    async def serve(self) -> None:
        decoder = Decoder()
        while not self._hung_up and (octets := await self._reader.read(CHUNK)):
            try:
                sentences = decoder.feed(octets)
            except BadFraming as wrong:
                self._send(encode_sentence(["!fatal", str(wrong)]))
                return
            for words in sentences:
                if self._hung_up or not self._answer(read_request(words)):
                    return
            await self._writer.drain()

    def _send(self, octets: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(octets)

    def _answer(self, request: Request) -> bool:
        """Answer one sentence; False when the connection is over."""
        if request.path == "/quit":
            self._send(encode_sentence(["!fatal", "session terminated on request"]))
            return False
        try:
            result = self._carry_out(request)
        except Trap as trap:
            self._refuse(request.tag, trap)
        except Exception:
            log.exception("simulated RouterOS failed", command=request.path)
            self._refuse(request.tag, Trap("internal error"))
        else:
            self._tell(request.tag, result)
        return True

    def _carry_out(self, request: Request) -> Result:
        if request.path == "/login":
            return self._log_in(request)
        if self.session is None:
            raise Trap("not logged in")
        if request.path == "/cancel":
            return self._cancel(request)
        return self._router.run(
            request.menu, request.command, request.arguments, session=self.session, query=request.query
        )

    def _log_in(self, request: Request) -> Result:
        name, password = request.arguments.get("name"), request.arguments.get("password", "")
        if name is None or "response" in request.arguments:
            raise Trap("cannot log in")
        if self.session:
            self._router.log_out(self.session)
            self.session = None
        self.session = self._router.log_in(name, password, via=self.via, address=self._address)
        return Result()

    def _cancel(self, request: Request) -> Result:
        """Interrupt the work with a tag, or all of it."""
        tag = request.arguments.get("tag")
        for each in [tag] if tag is not None else list(self._working):
            work = self._working.get(each)
            if work:
                work.cancel()
        return Result()

    def _refuse(self, tag: str | None, trap: Trap) -> None:
        category = [] if trap.category is None else [("category", str(trap.category))]
        self._send(reply("!trap", [*category, ("message", trap.text)], tag) + reply("!done", tag=tag))

    def _tell(self, tag: str | None, result: Result) -> None:
        self._send(b"".join(reply("!re", row.items(), tag) for row in result.rows))
        if result.work:
            self._follow(tag, result.work)
            return
        if result.listing and not result.rows and self._router.version >= EMPTY_SINCE:
            self._send(reply("!empty", tag=tag))
        self._send(reply("!done", [("ret", result.ret)] if result.ret is not None else [], tag))

    def _follow(self, tag: str | None, work: Work) -> None:
        """Send what the work says, whenever it does."""
        self._working[tag] = work

        def heard() -> None:
            rows, refusal = work.take()
            self._send(b"".join(reply("!re", row.items(), tag) for row in rows))
            if not work.is_over:
                return
            if self._working.get(tag) is work:
                del self._working[tag]
            if refusal:
                self._refuse(tag, refusal)
            else:
                self._send(reply("!done", tag=tag))

        work.listen(heard)
        heard()
