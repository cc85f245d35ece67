"""A simulated router: its host table, its active sessions, and what it asks and tells RADIUS.

`tick` is the router's heartbeat: it moves traffic, ends what has to end and sends what is due; it only reads the clock, so a test can
call it at any hour. The HTTP side is the gateway's. Acct-Session-Id as RouterOS numbers it (manual, RADIUS client): eight hex digits,
two for the service, one that goes up at each reboot, the rest for the session.
"""

import asyncio
import random
import re
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

import structlog

from hotspot.errors import HotspotError
from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.radius.attributes import StatusType, TerminateCause
from hotspot.radius.packet import MAX_PASSWORD_LENGTH, MalformedPacket
from hotspot.simulator.hosts import Challenge, Host, HostTable
from hotspot.simulator.radius_client import Accept, Chap, Login, Nas, Pap, Reject, Timeout, Usage
from hotspot.simulator.radius_servers import RadiusServers
from hotspot.simulator.sessions import Session, over
from hotspot.simulator.setup import MacAuthMode, RouterSetup
from hotspot.simulator.time import Clock, RealClock

log = structlog.get_logger()

HOTSPOT_SERVICE: Final = 0x80 << 24
SESSIONS_PER_BOOT: Final = 1 << 20
BOOTS: Final = 16
LAST_WORDS: Final = 2.0  # seconds that closing waits for acknowledgements
DHCP_TAKES: Final = 1.0  # seconds between a device's first frame and its first request
LONGEST_NAME: Final = 253
CHAP_RESPONSE: Final = re.compile(r"[0-9A-Fa-f]{32}")


class LoginFailed(HotspotError):
    """The router does not let the device in: {key}"""

    def __init__(self, key: str, said: str = "") -> None:
        """Keep the key in errors.txt, and the RADIUS server's Reply-Message."""
        super().__init__(key=key)
        self.key = key
        self.said = said


class Router:
    """One box; use as `async with`, or `open` and `close`."""

    def __init__(
        self, setup: RouterSetup, *, login_host: str, clock: Clock | None = None, seed: int | None = None
    ) -> None:
        """`login_host` is where the log-in page is; it goes into WISPr-Logoff-URL."""
        self.setup = setup
        self.clock: Clock = clock or RealClock()
        self.hosts = HostTable(setup.name, setup.pool)
        self.sessions: dict[MacAddress, Session] = {}
        self.boot = 1
        self._opened = 0
        self._chance = random.Random(seed)  # noqa: S311  (traffic, no secret)
        self._logoff_url = f"http://{login_host}/logout"
        self._tasks: set[asyncio.Task[None]] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self.radius = self._servers(setup)

    def _servers(self, setup: RouterSetup) -> RadiusServers:
        own = next((entry.source for entry in setup.radius), "0.0.0.0")  # noqa: S104  (nobody is told it)
        nas = Nas(setup.name, IPv4Address(own), setup.server, setup.interface, self._logoff_url)
        return RadiusServers(nas, setup.radius)

    async def open(self) -> None:
        await self.radius.open()

    async def become(self, setup: RouterSetup) -> None:
        """Go by another configuration.

        1. Without a hotspot there are no sessions: they end as they would have. 2. Questions from now on go to the servers it names;
        those that are asked already get their time. 3. New devices and sessions are under its rules, running sessions stay under
        theirs. 4. Whose network is gone from the air is out of range.
        """
        if not setup.runs:
            for session in list(self.sessions.values()):
                self.end(session, TerminateCause.NAS_REQUEST)
            self.hosts.clear()
        before, self.setup = self.setup, setup
        fresh = self._servers(setup)
        if (fresh.nas, fresh.entries) != (self.radius.nas, self.radius.entries):
            with suppress(OSError):  # then nobody answers it
                await fresh.open()
            old, self.radius = self.radius, fresh
            self._retire(old)
        self.hosts.pool = setup.pool
        self.hosts.lose(before.ssids - setup.ssids)

    def _retire(self, servers: RadiusServers) -> None:
        task = asyncio.get_running_loop().create_task(servers.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def close(self) -> None:
        """Let what is being reported end if it ends soon, then close the sockets."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self.told()
        await self._stop_telling()
        self._retire(self.radius)
        await asyncio.wait(self._retiring)

    async def told(self) -> None:
        """Wait until every question is answered and every report acknowledged, or given up."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _stop_telling(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.told()

    # --- log-in and log-out ------------------------------------------------------------------------------------------------

    def session_of(self, host: Host) -> Session | None:
        return self.sessions.get(host.mac)

    async def log_in(self, host: Host, user_name: str, password: str) -> Session:
        """Ask RADIUS and begin a session.

        1. what the router refuses by itself; 2. PAP or CHAP; 3. ask; 4. begin the session and report its start.

        Raises:
            LoginFailed: with the key in errors.txt.
        """
        self._refuse(host, user_name, password)
        return await self._ask(host, user_name, self._proof(host, password))

    async def admit(self, host: Host, user_name: str, password: str) -> Session:
        """Log a device in because the API says so (see `hotspot_menus`), otherwise as `log_in`."""
        self._refuse(host, user_name, password)
        return await self._ask(host, user_name, self._own_proof(password))

    async def greet(self, host: Host) -> None:
        """Ask about a device that has just appeared, where login-by has mac; wait for the answer no longer than DHCP takes.

        Once for each time it appears: the manual says that the address is tried first, and not that it is tried again after a log-out
        or the end of a session.
        """
        if "mac" not in self.setup.login_by or host.was_greeted:
            return
        host.was_greeted = True
        await asyncio.wait([self.run(self._let_in_by_mac(host))], timeout=DHCP_TAKES)

    async def _let_in_by_mac(self, host: Host) -> None:
        """Begin a session without a page; a device that is refused meets the page, and no error."""
        name = str(host.mac)
        is_both = self.setup.mac_auth_mode is MacAuthMode.AS_USERNAME_AND_PASSWORD
        password = name if is_both else self.setup.mac_auth_password
        with suppress(LoginFailed):
            self._refuse(host, name, password)
            await self._ask(host, name, self._own_proof(password), login_by="mac")

    def _own_proof(self, password: str) -> Pap | Chap:
        """CHAP with a challenge of its own, or PAP where http-pap is allowed (manual)."""
        if "http-pap" in self.setup.login_by:
            return Pap(password)
        challenge = Challenge.fresh(self.clock.monotonic())
        return Chap.of(password, chap_id=challenge.identifier, challenge=challenge.octets)

    async def _ask(self, host: Host, user_name: str, proof: Pap | Chap, *, login_by: str = "") -> Session:
        login = Login(user_name, str(host.mac), host.address, self._next_number())
        boot = self.boot
        host.is_logging_in = True
        try:
            answer = await self.radius.authenticate(login, proof)
        except MalformedPacket as error:
            raise LoginFailed("internal-error") from error
        finally:
            host.is_logging_in = False
        match answer:
            case Timeout():
                raise LoginFailed("radius-timeout")
            case Reject(message):
                raise LoginFailed("radius-reply", message) if message else LoginFailed("invalid-username")
            case Accept() if boot != self.boot:
                raise LoginFailed("internal-error")
            case Accept():
                return self._begin(
                    host, login, answer, login_by or ("http-pap" if isinstance(proof, Pap) else "http-chap")
                )

    def _refuse(self, host: Host, user_name: str, password: str) -> None:
        if host.is_logging_in:
            raise LoginFailed("auth-in-progress")
        if self.setup.sessions is not None and len(self.sessions) >= self.setup.sessions:
            raise LoginFailed("license-session-limit")
        if _names_another_device(user_name, host.mac):
            raise LoginFailed("wrong-mac-username")
        too_long = len(user_name.encode()) > LONGEST_NAME or len(password.encode()) > MAX_PASSWORD_LENGTH
        if not user_name or too_long or "\0" in user_name:
            raise LoginFailed("invalid-username")

    def _proof(self, host: Host, password: str) -> Pap | Chap:
        """Take what was posted as a CHAP response where one is awaited and it looks like one, else as a password.

        The manual does not say how RouterOS tells the two apart where both are allowed.
        """
        challenge = host.used_challenge(self.clock.monotonic())
        looks_like_response = "http-chap" in self.setup.login_by and CHAP_RESPONSE.fullmatch(password)
        if looks_like_response and challenge is not None:
            return Chap(challenge.identifier, challenge.octets, bytes.fromhex(password))
        if looks_like_response or "http-pap" not in self.setup.login_by:
            raise LoginFailed("chap-missing")
        return Pap(password)

    def challenge_for(self, host: Host) -> Challenge | None:
        """Return what the log-in page hands to the device, or None where only PAP is allowed."""
        return host.offered_challenge(self.clock.monotonic()) if "http-chap" in self.setup.login_by else None

    def _next_number(self) -> int:
        """Return NAS-Port, which is Acct-Session-Id read as a number."""
        self._opened = (self._opened + 1) % SESSIONS_PER_BOOT
        return HOTSPOT_SERVICE | (self.boot % BOOTS) << 20 | self._opened

    def _begin(self, host: Host, login: Login, accept: Accept, login_by: str) -> Session:
        now = self.clock.monotonic()
        if old := self.sessions.get(host.mac):
            self.end(old, TerminateCause.NAS_REQUEST)
        keepalive = self.setup.profile.keepalive_timeout
        granted = _within(self.setup, accept)
        session = Session.begin(host, login, granted, now, keepalive=keepalive, login_by=login_by)
        self.sessions[host.mac] = session
        host.seen_at = now
        self._report(session, StatusType.START)
        return session

    def end(self, session: Session, cause: TerminateCause) -> None:
        """End the session and report its stop; one that has ended already stays as it is."""
        now = self.clock.monotonic()
        if self.sessions.get(session.host.mac) is not session:
            return
        del self.sessions[session.host.mac]
        session.host.seen_at = now
        self._report(session, StatusType.STOP, usage=session.usage(now), cause=cause)

    def log_out(self, host: Host) -> Session | None:
        """End the device's session because it asked; None when it had none."""
        session = self.session_of(host)
        if session is not None:
            session.move(self.clock.monotonic())
            self.end(session, TerminateCause.USER_REQUEST)
        return session

    # --- traffic and time --------------------------------------------------------------------------------------------------

    def device_used(self, mac: MacAddress, octets_up: int, octets_down: int) -> None:
        """Let a device want to move so much; nothing happens when it is not logged in."""
        session = self.sessions.get(mac)
        if session is not None:
            session.want(octets_up, octets_down)

    def tick(self) -> None:
        """Do what is due now; called about once a second."""
        now = self.clock.monotonic()
        for host in list(self.hosts):
            if host.is_near:
                host.seen_at = now  # a phone in range is never quite silent
            elif host.mac not in self.sessions and over(self.setup.forget_after, now - host.seen_at):
                self.hosts.drop(host.mac)
        for session in list(self.sessions.values()):
            appetite = session.host.appetite
            if session.host.is_near and appetite is not None:
                session.want(*appetite.eat(self._chance, now - session.ticked_at))
            session.move(now)
            if cause := session.end_cause(now):
                self.end(session, cause)
            elif session.is_report_due(now):
                session.reported_at = now
                self._report(session, StatusType.INTERIM_UPDATE, usage=session.usage(now))

    def _report(
        self, session: Session, status: StatusType, *, usage: Usage | None = None, cause: TerminateCause | None = None
    ) -> None:
        if not self.setup.reports:
            return
        servers = self.radius

        async def report() -> None:
            klass, at = session.accept.klass, int(self.clock.wall())
            told = await servers.account(session.login, status, usage=usage, cause=cause, klass=klass, event_at=at)
            if not told:
                log.debug("a report was not acknowledged", router=self.setup.name, status=status.name)

        self.run(report())

    def run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do something beside the rest; a reboot cuts it off."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- misfortune --------------------------------------------------------------------------------------------------------

    def reboot(self) -> None:
        """Forget sessions, hosts and what was being asked and reported, without a Stop (none was ever seen); the boot digit goes up."""
        for task in self._tasks:
            task.cancel()
        self.sessions.clear()
        self.hosts.clear()
        self._opened = 0
        self.boot += 1


def _names_another_device(user_name: str, own: MacAddress) -> bool:
    try:
        return MacAddress.parse(user_name) != own
    except BadMacAddress:
        return False


def _within(setup: RouterSetup, accept: Accept) -> Accept:
    """The limits of a session: what RADIUS says, else what the user profile says; how often to report, the other way round."""
    profile = setup.profile
    return replace(
        accept,
        session_timeout=profile.session_timeout if accept.session_timeout is None else accept.session_timeout,
        idle_timeout=profile.idle_timeout if accept.idle_timeout is None else accept.idle_timeout,
        rate_limit=accept.rate_limit or profile.rate_limit or None,
        interim_interval=accept.interim_interval if setup.interim is None else setup.interim,
    )
