"""/system/device-mode: what the factory lets a box do, and the button that changes it.

An update waits for somebody to press the button or cut the power; then the router reboots with the new flags. Three attempts in all.
"""

from typing import Final

from hotspot.simulator.routeros.boards import MODES
from hotspot.simulator.routeros.sessions import Call, Result, Work
from hotspot.simulator.routeros.traps import failure, invalid_value, no_match
from hotspot.simulator.routeros.values import Mismatch, milliseconds

FLAGS: Final = (
    *(
        "scheduler",
        "socks",
        "fetch",
        "pptp",
        "l2tp",
        "bandwidth-test",
        "traffic-gen",
        "sniffer",
        "ipsec",
        "romon",
        "proxy",
    ),
    *("hotspot", "smb", "email", "zerotier", "container", "install-any-version", "partitions", "routerboard"),
)
ATTEMPTS: Final = 3
LEAST, USUAL, MOST = 10_000, 300_000, 86_400_000


class DeviceMode:
    """The flags in force and, while somebody is asked to press the button, those to come."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.flags = dict.fromkeys(MODES[mode].split(), True)
        self.attempts = 0
        self._coming: tuple[str, dict[str, bool]] | None = None
        self._waiting: Work | None = None
        self._until = 0.0

    def allows(self, feature: str) -> bool:
        return self.flags.get(feature, False)

    def row(self) -> dict[str, str]:
        flags = {flag: "true" if self.allows(flag) else "false" for flag in FLAGS}
        return {
            "mode": self.mode,
            "allowed-versions": "7.13+,6.49.8+",
            "flagged": "false",
            "flagging-enabled": "true",
        } | {
            **flags,
            "attempt-count": str(self.attempts),
        }

    def ask(self, mode: str, flags: dict[str, bool], *, until: float) -> Work:
        """Begin to wait for the button."""
        if self._waiting:
            raise failure("device-mode update already in progress")
        if self.attempts >= ATTEMPTS:
            raise failure("too many attempts, power cycle the device")
        self.attempts += 1
        self._coming, self._until = (mode, flags), until
        self._waiting = Work(self._forget)
        self._waiting.say({"message": "update: please activate by turning power off or pressing reset or mode button"})
        return self._waiting

    def _forget(self) -> None:
        self._coming = self._waiting = None

    def tick(self, now: float) -> None:
        """Give up when nobody came in time."""
        if self._waiting and now >= self._until:
            waiting = self._waiting
            self._forget()
            waiting.end(failure("device-mode update timed out"))

    def press(self) -> bool:
        """Somebody is at the box; say whether something waited for them. The caller reboots."""
        if self._coming is None:
            return False
        (self.mode, self.flags), waiting = self._coming, self._waiting
        self._forget()
        self.attempts = 0
        if waiting:
            waiting.end()
        return True


def update(call: Call) -> Result:
    """Take the flags; those not named stay, unless ``mode=`` sets all anew."""
    device = call.router.device_mode
    mode = call.arguments.get("mode", device.mode)
    if mode not in MODES:
        raise no_match("mode")
    flags = dict.fromkeys(MODES[mode].split(), True) if "mode" in call.arguments else dict(device.flags)
    for name, text in call.arguments.items():
        if name in FLAGS:
            if text not in {"yes", "no", "true", "false"}:
                raise no_match(name)
            flags[name] = text in {"yes", "true"}
    return Result(work=device.ask(mode, flags, until=call.router.clock.monotonic() + _timeout(call) / 1000))


def _timeout(call: Call) -> int:
    text = call.arguments.get("activation-timeout")
    try:
        ms = milliseconds(text) if text else USUAL
    except Mismatch:
        raise invalid_value("activation-timeout") from None
    if not LEAST <= ms <= MOST:
        raise invalid_value("activation-timeout")
    return ms
