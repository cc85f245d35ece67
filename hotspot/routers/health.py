"""Whether a router is well after a change: asked on a new connection, which shows that the tunnel and the log-in work."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.menus import MENUS, Row

FETCH_PATIENCE: Final = 30.0  # seconds
ANSWERED: Final = ("accepts", "rejects")
IN_VAIN: Final = ("timeouts", "resends", "bad-replies")
LOOKS: Final = (1.0, 2.0, 4.0)  # seconds before each further look; a request is given up, or sent again, after three
NOT_PROVEN: Final = "RADIUS not proven: nobody logged in since"
RADIUS: Final = "/radius"


def problems(connection: Connection, growth: Mapping[str, int], *, portal: str, may_fetch: bool) -> list[str]:
    """Say what is wrong, seen from the router. `growth` is of RADIUS' counters; `may_fetch`: device-mode lets it ask the portal."""
    found = list(radius_problems(growth))
    if may_fetch:
        found += _portal(connection, portal)
    return found


def _portal(connection: Connection, portal: str) -> Iterator[str]:
    try:
        connection.call("/tool", "fetch", {"url": portal, "output": "none"}, patience=FETCH_PATIENCE)
    except RouterRefused as refused:
        yield f"the portal {portal} does not answer it ({refused.facts['problem']})"


def answers_of(connection: Connection) -> dict[str, int]:
    """Return what our RADIUS servers have answered, in RouterOS' words: ``requests``, ``accepts``, ``rejects``, ``bad-replies``, …"""
    menu = MENUS[RADIUS]
    ours = [row for row in connection.read(RADIUS, menu.proplist) if menu.role_of(row)]
    return dict(sum((Counter(_counters(connection, row)) for row in ours), Counter[str]()))


def since(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Return the growth of counters; one that was set back in between counts from nothing."""
    return {name: count - before.get(name, 0) if count >= before.get(name, 0) else count for name, count in now.items()}


def growth_of(
    connection: Connection, before: Mapping[str, int], wait: Callable[[float], None], *, is_patient: bool
) -> dict[str, int]:
    """Return how the counters have grown since `before`. Requests under way are waited for some seconds; with `is_patient` a log-in is, too.

    A router can't be told to make a request: `/radius` has counters and no probe. So only guests show whether RADIUS answers.
    """
    growth = since(before, answers_of(connection))
    for seconds in LOOKS:
        if is_answered(growth) or not (is_patient or growth.get("requests")):
            break
        wait(seconds)
        growth = since(before, answers_of(connection))
    return growth


def is_answered(counters: Mapping[str, int]) -> bool:
    return any(counters.get(name, 0) for name in ANSWERED)


def radius_problems(counters: Mapping[str, int]) -> Iterator[str]:
    """Where nobody has logged in nothing is known, and nothing is said; nor where requests were neither answered nor in vain."""
    asked = counters.get("requests", 0)
    if asked and not is_answered(counters) and any(counters.get(name, 0) for name in IN_VAIN):
        why = "its answers can't be used: another secret" if counters.get("bad-replies") else "no answer"
        yield f"RADIUS has answered none of {asked} requests ({why})"


def _counters(connection: Connection, row: Row) -> dict[str, int]:
    said = connection.call(RADIUS, "monitor", {"numbers": row[".id"], "once": ""})
    latest = said[-1] if said else {}
    return {name: int(text) for name, text in latest.items() if text.isascii() and text.isdigit() and len(text) < 19}
