"""The variables that a hotspot's pages can print, and the router's own texts behind ``error-orig``.

Pure. Names and meanings: RouterOS manual, "Hotspot customisation". A value that has an escaped form of its own brings it along.
"""

from collections.abc import Mapping
from typing import Final

from hotspot.simulator.hosts import Challenge, Host
from hotspot.simulator.servlet import escape, octal
from hotspot.simulator.sessions import Session
from hotspot.simulator.setup import RouterSetup

FIXED_ERRORS: Final[Mapping[str, str]] = {
    "internal-error": "internal error",
    "license-session-limit": "session limit reached",
    "wrong-mac-username": "invalid username ({username}): this MAC address is not yours",
    "chap-missing": "web browser did not send challenge response (try again, enable JavaScript)",
    "invalid-username": "invalid username or password",
    "radius-timeout": "RADIUS server is not responding",
    "auth-in-progress": "already authorizing, retry later",
}
"""What RouterOS says when nobody has translated it; of those keys that the simulator comes to use."""


def refusal_of(key: str, said: str, user_name: str) -> str:
    """Return what the router says by itself to somebody whom it doesn't let in: the server's own words first."""
    return said or FIXED_ERRORS[key].format(username=user_name)


def about_host(
    host: Host, setup: RouterSetup, login_host: str, dst: str, challenge: Challenge | None
) -> dict[str, str]:
    """Return what is known of any device, and the links; `dst` is where it wanted to go."""
    base = f"http://{login_host}"
    address = str(host.address)
    return {
        "hostname": login_host,
        "identity": setup.name,
        "server-name": setup.server,
        "server-address": login_host,
        "interface-name": setup.interface,
        "login-by": ",".join(sorted(setup.login_by)),
        "plain-passwd": "yes" if "http-pap" in setup.login_by else "no",
        "ssl-login": "no",
        "mac": str(host.mac),
        "ip": address,
        "host-ip": address,
        "link-login": f"{base}/login" + (f"?dst={escape(dst)}" if dst else ""),
        "link-login-only": f"{base}/login",
        "link-logout": f"{base}/logout",
        "link-status": f"{base}/status",
        "link-orig": dst,
        "link-redirect": dst or f"{base}/status",
        "chap-id": octal(bytes([challenge.identifier])) if challenge else "",
        "chap-challenge": octal(challenge.octets) if challenge else "",
        "username": "",
        "error": "",
        "error-orig": "",
        "trial": "no",
        "popup": "false",
    }


def about_session(session: Session | None, now: float) -> dict[str, str]:
    """Return what is known of a device that is logged in; times in seconds, "0" where there is no limit."""
    if session is None:
        return {"logged-in": "no", "session-timeout-secs": "0", "session-time-left-secs": "0", "idle-timeout-secs": "0"}
    left, octets_left = session.seconds_left(now), session.octets_left()
    limit, idle = session.accept.session_timeout, session.accept.idle_timeout
    return {
        "logged-in": "yes",
        "username": session.login.user_name,
        "session-id": f"{session.login.session_number:08x}",
        "uptime-secs": str(session.seconds(now)),
        "session-timeout-secs": str(int(limit.total_seconds()) if limit else 0),
        "session-time-left-secs": str(left or 0),
        "idle-timeout-secs": str(int(idle.total_seconds()) if idle else 0),
        "bytes-in": str(session.octets_from_device),
        "bytes-out": str(session.octets_to_device),
        "remain-bytes-total": "" if octets_left is None else str(octets_left),
    }
