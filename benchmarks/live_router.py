"""A simulated RouterOS over real sockets and TLS, enrolled, for code that waits: it lives in a thread of its own."""

import asyncio
import hashlib
import socket
import threading
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hotspot.routers.connection import Target
from hotspot.routers.handover import CERTIFICATE, GROUP, POLICY, USER
from hotspot.simulator.routeros import certificates
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.script.interpreter import install
from hotspot.simulator.routeros.server import ApiServer
from hotspot.simulator.routeros.sessions import Result, Session

NETWORK = IPv4Network("10.253.0.0/16")
CONTROLLER = "10.253.0.1"
ADDRESS = IPv4Address("10.253.0.2")
PASSWORD = "p-the-controllers-own-password"
T = TypeVar("T")


class StillClock:
    """Time passes when nobody looks: never."""

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 1_772_427_600.0  # 2026-03-02 05:00:00 UTC

    async def sleep(self, _seconds: float) -> None:
        await asyncio.sleep(0)


def run(router: SimulatedRouterOS, sentence: str, **fields: str) -> Result:
    """``/ip/pool/add`` by hand; ``_id`` for ``.id``, ``_`` for ``-`` in a name."""
    path, _, command = sentence.rpartition("/")
    arguments = {".id" if name == "_id" else name.replace("_", "-"): text for name, text in fields.items()}
    return router.run(path, command, arguments, session=Session("admin"))


def enrol(router: SimulatedRouterOS, address: IPv4Address) -> None:
    """Make it a router that the controller has taken over: reached at its tunnel's address, by the controller's own log-in alone."""
    run(router, "/certificate/add", name=CERTIFICATE, common_name="router", key_size="prime256v1")
    run(router, "/certificate/sign", _id=CERTIFICATE)
    run(router, "/interface/wireguard/add", name="hotspot", comment="hotspot:tunnel")
    run(router, "/ip/address/add", address=f"{address}/16", interface="hotspot", comment="hotspot:tunnel")
    run(router, "/user/group/add", name=GROUP, policy=POLICY)
    run(router, "/user/add", name=USER, group=GROUP, password=PASSWORD, address=f"{CONTROLLER}/32")
    secured = {"certificate": CERTIFICATE, "address": f"{CONTROLLER}/32", "tls_version": "only-1.2", "disabled": "no"}
    run(router, "/ip/service/set", _id="api-ssl", **secured)
    for name in ("telnet", "ftp", "www", "www-ssl", "api", "ssh", "winbox"):
        run(router, "/ip/service/set", _id=name, disabled="yes")


def fingerprint_of(router: SimulatedRouterOS) -> str:
    pair = certificates.pair_of(router.config, CERTIFICATE)
    assert pair is not None
    shown = next(pem for pem in pair if "CERTIFICATE" in pem)
    der = x509.load_pem_x509_certificate(shown.encode()).public_bytes(Encoding.DER)
    return hashlib.sha256(der).hexdigest()


class Live:
    """One router that has been enrolled; `dial` reaches it, and counts how often."""

    def __init__(self, *, address: IPv4Address = ADDRESS, **facts: Any) -> None:  # noqa: ANN401  (what a simulated router is made with)
        self.address = address
        self.clock = StillClock()
        self.router = SimulatedRouterOS(**{"clock": self.clock, "mode": "advanced", **facts})
        install(self.router)
        self.router.fetches = lambda _arguments: b"the portal"
        self.admin = Session("admin")
        self.dials = 0
        self._enrol()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def _enrol(self) -> None:
        enrol(self.router, self.address)

    def __enter__(self) -> Self:
        self._thread.start()
        self.server = ApiServer(self.router, seen_as=lambda _ip: CONTROLLER, heartbeat=False)
        self.inside(self.server.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self.inside(self.server.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def inside(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def at_once(self, work: Callable[[], T]) -> T:
        """Do it in the router's thread, between two sentences."""

        async def there() -> T:
            return work()

        return self.inside(there())

    def cut(self) -> None:
        self.at_once(self.server.cut)

    def do(self, sentence: str, **fields: str) -> Result:
        return run(self.router, sentence, **fields)

    def rows(self, path: str) -> list[dict[str, str]]:
        return self.do(f"{path}/print").rows

    def dial(self, _address: IPv4Address, _port: int) -> socket.socket:
        self.dials += 1
        return socket.create_connection(self.server.endpoint("api-ssl"), timeout=5)

    def has(self, address: IPv4Address) -> bool:
        """Whether it has this address in the tunnel."""
        return any(row["address"].partition("/")[0] == str(address) for row in self.rows("/ip/address"))

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.router)

    def target(self, **changed: Any) -> Target:  # noqa: ANN401  (fields of a target)
        known: dict[str, Any] = {
            "name": "alun-alun-1",
            "address": self.address,
            "network": NETWORK,
            "fingerprint": self.fingerprint,
        }
        return Target(**{**known, "user": USER, "password": PASSWORD, **changed})
