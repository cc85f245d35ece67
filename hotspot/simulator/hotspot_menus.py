"""What the API tells of the guests: /ip/hotspot/host and /ip/hotspot/active as they are now, log-in and removal there.

From RouterOS' schema: the commands, ``login ip mac-address user password domain``, and what the rows show. From clients that use it: a
log-in without ``mac-address`` is taken; "unknown host IP …" with 0.0.0.0 where no ``ip`` was given, "wrong MAC provided", "invalid
username or password", "invalid value for argument ip", "invalid value of mac-address".

Guesses, because no source tells: the command waits for RADIUS, which is asked as about a MAC address (PAP where http-pap is allowed,
else CHAP with the router's own challenge), whatever login-by says; the text of a refusal is the servlet's, a Reply-Message above all;
whoever is logged in already is refused; `login-by` shows how RADIUS was asked; a row's number is the device's address; both commands
take the policy "write". Who follows these menus with `listen` hears nothing.
"""

from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.radius.attributes import TerminateCause
from hotspot.simulator.hosts import Host
from hotspot.simulator.router import LoginFailed, Router
from hotspot.simulator.routeros.changes import targets_of
from hotspot.simulator.routeros.router import SimulatedRouterOS
from hotspot.simulator.routeros.sessions import Call, Result, Work
from hotspot.simulator.routeros.traps import ARGUMENT, Trap, failure, invalid_value, missing_values, no_such_item
from hotspot.simulator.routeros.values import span
from hotspot.simulator.sessions import Session
from hotspot.simulator.variables import refusal_of

HOSTS: Final = "/ip/hotspot/host"
ACTIVE: Final = "/ip/hotspot/active"
NOBODY: Final = "0.0.0.0"  # noqa: S104  (what the router takes a missing ip for)


def install(api: SimulatedRouterOS, router: Router) -> None:
    """Let the API of a box show and do what its hotspot has and does."""
    api.provided[HOSTS] = lambda _call: [_host(router, host) for host in router.hosts]
    api.provided[ACTIVE] = lambda _call: [_active(router, session) for session in router.sessions.values()]
    api.actions[ACTIVE, "login"] = lambda call: _log_in(router, call)
    api.actions[ACTIVE, "remove"] = lambda call: _remove(router, call, _log_out)
    api.actions[HOSTS, "remove"] = lambda call: _remove(router, call, _forget)


def _number(host: Host) -> str:
    return f"*{int(host.address):X}"


def _seconds(seconds: float) -> str:
    return span(int(seconds) * 1000)


def _host(router: Router, host: Host) -> dict[str, str]:
    now = router.clock.monotonic()
    session = router.session_of(host)
    return {
        ".id": _number(host),
        "mac-address": str(host.mac),
        "address": str(host.address),
        "to-address": str(host.address),
        "server": router.setup.server,
        "uptime": _seconds(now - host.since),
        "idle-time": _seconds(now - host.seen_at),
        "found-by": "DHCP",
        "DHCP": "true",
        "authorized": "true" if session else "false",
        "bypassed": "false",
        "dynamic": "true",
        "static": "false",
    }


def _active(router: Router, session: Session) -> dict[str, str]:
    now = router.clock.monotonic()
    left = session.seconds_left(now)
    return {
        ".id": _number(session.host),
        "server": router.setup.server,
        "user": session.login.user_name,
        "address": str(session.host.address),
        "mac-address": str(session.host.mac),
        "login-by": session.login_by,
        "uptime": _seconds(session.seconds(now)),
        **({} if left is None else {"session-time-left": _seconds(left)}),
        "idle-time": _seconds(now - session.moved_at),
        "bytes-in": str(session.octets_from_device),
        "bytes-out": str(session.octets_to_device),
        "packets-in": str(session.packets_from_device),
        "packets-out": str(session.packets_to_device),
        "radius": "true",
        "blocked": "false",
    }


def _log_in(router: Router, call: Call) -> Result:
    """Let in a device that the hotspot sees; the answer comes when RADIUS has given its own."""
    if "domain" in call.arguments:
        raise failure("domains are not simulated")
    if not call.arguments.get("user"):
        raise missing_values(["user"])
    host = _named(router, call)
    if router.session_of(host) is not None:
        raise Trap("already logged in")
    user, password = call.arguments["user"], call.arguments.get("password", "")
    work = Work()

    async def ask() -> None:
        try:
            await router.admit(host, user, password)
        except LoginFailed as failed:
            work.end(Trap(refusal_of(failed.key, failed.said, user)))
        else:
            work.end()

    router.run(ask())
    return Result(work=work)


def _named(router: Router, call: Call) -> Host:
    """The host with this address, which must have this MAC address where one is told."""
    text, mac = call.arguments.get("ip", NOBODY), call.arguments.get("mac-address")
    try:
        address = IPv4Address(text)
    except AddressValueError:
        raise invalid_value("ip") from None
    try:
        expected = None if mac is None else MacAddress.parse(mac)
    except BadMacAddress:
        raise Trap("invalid value of mac-address", ARGUMENT) from None
    for host in router.hosts:
        if host.address == address:
            if expected not in (None, host.mac):
                raise Trap("wrong MAC provided")
            return host
    raise Trap(f"unknown host IP {address}")


def _remove(router: Router, call: Call, end: Callable[[Router, Host], None]) -> Result:
    known = {row[".id"] for row in call.router.provided[call.menu.path](call)}
    chosen = targets_of(call)
    if not set(chosen) <= known:
        raise no_such_item()
    for host in [host for host in router.hosts if _number(host) in chosen]:
        end(router, host)
    return Result()


def _log_out(router: Router, host: Host) -> None:
    session = router.session_of(host)
    if session is not None:
        session.move(router.clock.monotonic())
        router.end(session, TerminateCause.ADMIN_RESET)


def _forget(router: Router, host: Host) -> None:
    """Take a device off the table; one that is near comes back with its next packet."""
    _log_out(router, host)
    router.hosts.drop(host.mac)
