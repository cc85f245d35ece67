"""Who is online at a router's hotspot, in RouterOS' menu /ip/hotspot/active: letting a device in, seeing it there, ending it.

`log-in` needs a device that the hotspot sees (/ip/hotspot/host) and waits for what RADIUS says. The menu takes the policies that the
controller's own group has ("read" and "write").
"""

from typing import Final

from hotspot.routers.connection import Connection

MENU: Final = "/ip/hotspot/active"
PATIENCE: Final = 12.0  # seconds: three questions to each of two RADIUS servers, and a weak link


def log_in(connection: Connection, *, user: str, password: str, mac: str, ip: str) -> None:
    """Let a device in as if it had logged in itself.

    Raises:
        RouterRefused: the router or RADIUS does not want it; its text is what a guest would have read.
        RouterUnreachable: no answer, so that nobody knows whether it happened.
    """
    fields = {"user": user, "password": password, "mac-address": mac, "ip": ip}
    connection.call(MENU, "login", fields, patience=PATIENCE)


def is_online(connection: Connection, mac: str) -> bool:
    """Tell whether the hotspot has this device online."""
    return any(row.get("mac-address", "").upper() == mac for row in connection.read(MENU, ["mac-address"]))


def log_out(connection: Connection, *, mac: str) -> bool:
    """End what the device has open; False when that is nothing."""
    rows = [row[".id"] for row in connection.read(MENU, [".id", "mac-address"]) if row.get("mac-address") == mac]
    for row in rows:
        connection.remove(MENU, row)
    return bool(rows)
