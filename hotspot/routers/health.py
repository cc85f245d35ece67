"""Whether a router is well after a change: asked on a new connection, which shows that the tunnel and the log-in work."""

from collections.abc import Iterator
from typing import Final

from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.menus import MENUS, Row

FETCH_PATIENCE: Final = 30.0  # seconds
ANSWERED: Final = ("accepts", "rejects")
RADIUS: Final = "/radius"


def problems(connection: Connection, *, portal: str, may_fetch: bool) -> list[str]:
    """Say what is wrong, seen from the router. `may_fetch`: device-mode lets it ask the portal."""
    found = list(_radius(connection))
    if may_fetch:
        found += _portal(connection, portal)
    return found


def _portal(connection: Connection, portal: str) -> Iterator[str]:
    try:
        connection.call("/tool", "fetch", {"url": portal, "output": "none"}, patience=FETCH_PATIENCE)
    except RouterRefused as refused:
        yield f"the portal {portal} does not answer it ({refused.facts['problem']})"


def _radius(connection: Connection) -> Iterator[str]:
    """Nobody may have logged in since; then nothing is known, and nothing is said."""
    menu = MENUS[RADIUS]
    ours = [row for row in connection.read(RADIUS, menu.proplist) if menu.role_of(row) and ".id" in row]
    counters = [_counters(connection, row) for row in ours]
    asked = sum(each.get("requests", 0) for each in counters)
    answered = sum(each.get(name, 0) for each in counters for name in ANSWERED)
    if asked and not answered:
        bad = sum(each.get("bad-replies", 0) for each in counters)
        why = "its answers can't be used: another secret" if bad else "no answer"
        yield f"RADIUS has answered none of {asked} requests ({why})"


def _counters(connection: Connection, row: Row) -> dict[str, int]:
    said = connection.call(RADIUS, "monitor", {"numbers": row[".id"], "once": ""})
    latest = said[-1] if said else {}
    return {name: int(text) for name, text in latest.items() if text.isascii() and text.isdigit() and len(text) < 19}
