"""/safe-mode and /system/history: what was done, and who holds the rope.

Since 7.18 a session can hold safe mode: when its connection ends without a release, the configuration is again as it was, with other
sessions' changes gone as well. The history keeps some hundred actions; beyond them the router leaves safe mode without a word and
keeps the changes.
"""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hotspot.simulator.routeros.sessions import Call, Result, Session
from hotspot.simulator.routeros.state import Configuration
from hotspot.simulator.routeros.traps import failure

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

MOST_ACTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Action:
    """One change, as the history lists it."""

    number: int
    text: str
    by: str
    policy: str
    time: str


@dataclass(slots=True)
class Hold:
    """Safe mode, held by a session since a configuration; `actions` have been done since."""

    session: Session
    before: Configuration
    actions: int = 0


class SafeMode:
    """Both, for one router."""

    def __init__(self) -> None:
        self.hold: Hold | None = None
        self.history: deque[Action] = deque(maxlen=MOST_ACTIONS)
        self._number = 0

    def remember(self, text: str, session: Session, time: str) -> None:
        """Put an action into the history; the hundred-and-first since safe mode was taken ends it."""
        self._number += 1
        self.history.appendleft(Action(self._number, text, session.user, ",".join(sorted(session.policies)), time))
        if self.hold:
            self.hold.actions += 1
            if self.hold.actions > MOST_ACTIONS:
                self.hold = None

    def end_session(self, session: Session) -> Configuration | None:
        """The configuration to go back to, when the session that ends holds safe mode."""
        if self.hold is None or self.hold.session is not session:
            return None
        before, self.hold = self.hold.before, None
        return before

    def reboot(self) -> None:
        """A reboot isn't covered: nobody is left to hold it, and what was changed stays."""
        self.hold = None
        self.history.clear()


def row(router: "SimulatedRouterOS", session: Session) -> dict[str, str]:
    hold = router.safe_mode.hold
    if hold is None:
        return {"enabled": "false"}
    mine = "true" if hold.session is session else "false"
    return {
        "enabled": "true",
        "user": hold.session.user,
        "current": mine,
        "owner": f"{hold.session.via}:{hold.session.address}",
    }


def take(call: Call) -> Result:
    if call.router.safe_mode.hold:
        raise failure("safe mode is already taken")
    call.router.safe_mode.hold = Hold(call.session, call.router.config)
    return Result()


def release(call: Call) -> Result:
    """Keep what was done; any session may release a hold that was left over."""
    if call.router.safe_mode.hold is None:
        raise failure("safe mode is not taken")
    call.router.safe_mode.hold = None
    return Result()


def unroll(call: Call) -> Result:
    hold = call.router.safe_mode.hold
    if hold is None:
        raise failure("safe mode is not taken")
    call.router.safe_mode.hold = None
    call.router.restore(hold.before)
    return Result()


def toggle(call: Call) -> Result:
    return release(call) if call.router.safe_mode.hold else take(call)


def history_rows(call: Call) -> list[dict[str, str]]:
    return [
        {
            ".id": f"*{each.number:X}",
            "action": each.text,
            "by": each.by,
            "policy": each.policy,
            "time": each.time,
            "undoable": "true",
        }
        for each in call.router.safe_mode.history
    ]
