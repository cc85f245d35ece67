"""A simulated RouterOS: one box with its configuration, its clock, and everything that can be asked of it.

It knows no sockets and waits for nothing: `run` carries out a command, `tick` lets time have its effects. `server` puts it on the
wire; the simulated gateway learns from `on_change` what its configuration has become.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hotspot.simulator.routeros import commands, defconf, scheduler, users
from hotspot.simulator.routeros.boards import BOARDS, SESSIONS, Board
from hotspot.simulator.routeros.devicemode import DeviceMode
from hotspot.simulator.routeros.files import Files
from hotspot.simulator.routeros.menus import menus_of, prefixes_of
from hotspot.simulator.routeros.packages import Packages
from hotspot.simulator.routeros.safemode import SafeMode
from hotspot.simulator.routeros.scripts import NoInterpreter
from hotspot.simulator.routeros.sessions import Action, Call, Interpreter, Result, Session
from hotspot.simulator.routeros.state import Configuration, Ids, Row, fresh
from hotspot.simulator.routeros.table import Menu, Version, parse_version
from hotspot.simulator.routeros.traps import Trap, failure
from hotspot.simulator.time import Clock, RealClock

LOGGED: Final = 1000
OFFERS: Final = {"stable": "7.24", "long-term": "7.20.8", "testing": "7.24", "development": "7.24"}
ChangeListener = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Service:
    """A row of /ip/service: where it listens, whom it lets in."""

    name: str
    port: int
    addresses: str
    sessions: int
    certificate: str
    is_enabled: bool


class SimulatedRouterOS:
    """One router; a test or the demo makes it with a few words. With `has_defaults` it is as it comes from the shop."""

    free_storage: int = 67_108_864  # octets

    def __init__(
        self,
        *,
        version: str = "7.20.8",
        model: str = "hAP ax^2",
        serial: str = "HE108SIMULATED",
        clock: Clock | None = None,
        licence: int | None = None,
        packages: tuple[str, ...] | None = None,
        mode: str | None = None,
        password: str = "",
        offers: Mapping[str, str] = OFFERS,
        has_defaults: bool = False,
    ) -> None:
        self.board: Board = BOARDS[model]
        self.serial = serial
        self.software_id = f"{serial[:4]}-{serial[-4:]}"
        self.licence = self.board.licence if licence is None else licence
        self.clock: Clock = clock or RealClock()
        self.device_mode: DeviceMode = DeviceMode(mode or self.board.mode)
        self.packages = Packages(packages or self.board.packages, dict(offers))
        self.files = Files(flash=self.board.flash)
        self.safe_mode = SafeMode()
        self.interpreter: Interpreter = NoInterpreter()
        self.actions: dict[tuple[str, str], Action] = {}
        self.provided: dict[str, Callable[[Call], list[dict[str, str]]]] = {}  # rows that somebody else keeps
        self.sessions: dict[Session, float] = {}
        self.radius_counters: dict[int, dict[str, str]] = {}
        self.log: deque[tuple[int, str, str, str]] = deque(maxlen=LOGGED)
        self.boot, self._booted_at = 0, self.clock.monotonic()
        self.fetches: Callable[[Mapping[str, str]], bytes] = _nobody
        self.reaches: Callable[[str], bool] = lambda _address: False
        self.version_text = self.firmware = version
        self.firmware_after_boot = version
        self._wall_offset, self._logged = 0.0, 0
        self._changed: list[ChangeListener] = []
        self._rebooted: list[Callable[[], None]] = []
        self._thrown_out: list[Callable[[Session], None]] = []
        self.menus: dict[str, Menu] = {}
        self._know_menus()
        self.config: Configuration = self._factory(password)
        self.scheduler: scheduler.Scheduler = scheduler.Scheduler(self)
        self._has_defaults = has_defaults
        self._set_up()

    # What it is

    @property
    def version(self) -> Version:
        return parse_version(self.version_text)

    @property
    def identity(self) -> str:
        return self.config.value("/system/identity", self.config.singleton("/system/identity"), "name")

    @property
    def sessions_allowed(self) -> int | None:
        """How many guests the licence lets in at once; None is no limit."""
        return SESSIONS[self.licence]

    def wall(self) -> float:
        """The router's own time, which somebody may have set wrong."""
        return self.clock.wall() + self._wall_offset

    def set_wall(self, seconds: float) -> None:
        self._wall_offset = seconds - self.clock.wall()

    def local_time(self) -> str:
        return datetime.fromtimestamp(self.wall(), scheduler.zone_of(self.config)).strftime("%Y-%m-%d %H:%M:%S")

    def uptime(self) -> float:
        return self.clock.monotonic() - self._booted_at

    def write_log(self, topics: str, message: str) -> None:
        self._logged += 1
        self.log.append((self._logged, self.local_time(), topics, message))

    def _know_menus(self) -> None:
        self.menus = menus_of(self.version, self.packages.names)
        self.prefixes = prefixes_of(self.menus)

    def _factory(self, password: str) -> Configuration:
        """The rows of a box that nobody has configured: built-in ones, its ports and radios."""
        config = fresh(self.menus)
        for path, prefix, count in self._ports():
            for number in range(1, count + 1):
                name = f"{prefix}{number}"
                off = (
                    {} if path == "/interface/ethernet" else {"disabled": "true"}
                )  # a radio says nothing until it is told to
                row = Row(
                    config.ids.take(self.menus[path]),
                    {"name": name, "mac-address": self._mac(len(config.rows("/interface"))), **off},
                    {"default-name": name},
                    builtin=True,
                )
                config.append(path, row)
        admin = config.rows("/user")[0]
        config.put("/user", (admin.with_fields({"password": password}),))
        return config

    def _set_up(self) -> None:
        if self._has_defaults:
            defconf.set_up(self)

    def _ports(self) -> list[tuple[str, str, int]]:
        radios = [("/interface/wifi", "wifi", self.board.wifi), ("/interface/wireless", "wlan", self.board.wireless)]
        return [
            ("/interface/ethernet", "ether", self.board.ethernets),
            *(each for each in radios if each[0] in self.menus),
        ]

    def _mac(self, number: int) -> str:
        digest = sum(ord(char) * 257**place for place, char in enumerate(self.serial)) + number
        return "48:A9:8A:" + ":".join(f"{digest >> shift & 0xFF:02X}" for shift in (16, 8, 0))

    # What can be asked of it

    def run(
        self, path: str, command: str, arguments: Mapping[str, str], *, session: Session, query: Sequence[str] = ()
    ) -> Result:
        """Carry out one command; Trap when the router refuses it, and then nothing has changed."""
        return commands.run(self, path, command, arguments, session=session, query=query)

    def keep(self, call: Call) -> None:
        """Make a draft the configuration, remember who did it, and tell everybody."""
        changed = call.config.changed_since(call.base)
        if not changed:
            return
        self.safe_mode.remember(
            f"{call.menu.path.strip('/').replace('/', ' ')} {call.command}", call.session, self.local_time()
        )
        self._become(call.config, changed)

    def _become(self, config: Configuration, changed: Sequence[str]) -> None:
        self.config = config
        if scheduler.PATH in changed:
            for row in config.rows(scheduler.PATH):
                self.scheduler.due(row)
        for listener in list(self._changed):
            listener(changed)

    def restore(self, before: Configuration) -> None:
        """Go back to a configuration that was, with rows that came meanwhile by themselves kept as they are."""
        config = before.copy()
        for path, menu in self.menus.items():
            if menu.ram and path in self.config.tables:
                config.put(path, self.config.rows(path))
        self._become(config, config.changed_since(self.config))

    def say(self, path: str, rows: Sequence[Row]) -> None:
        """Put dynamic rows into a menu, as the router itself does: hosts, active sessions, leases."""
        config = self.config.copy()
        config.put(path, tuple(rows))
        self._become(config, [path])

    def on_change(self, listener: ChangeListener) -> Callable[[], None]:
        """Call this with the menus whose rows have changed; the answer forgets it again."""
        self._changed.append(listener)
        return lambda: self._changed.remove(listener) if listener in self._changed else None

    def on_reboot(self, listener: Callable[[], None]) -> None:
        self._rebooted.append(listener)

    def on_throw_out(self, listener: Callable[[Session], None]) -> None:
        self._thrown_out.append(listener)

    # Who is there

    def log_in(self, user: str, password: str, *, via: str = "api", address: str = "127.0.0.1") -> Session:
        """Begin a session; Trap when the router doesn't let them in."""
        try:
            session = users.log_in(self.config, user, password, via=via, address=address)
        except Trap:
            self.write_log("system,error,critical", f"login failure for user {user} from {address} via {via}")
            raise
        self.sessions[session] = self.wall()
        return session

    def log_out(self, session: Session) -> None:
        """End a session; safe mode that it holds goes back."""
        self.sessions.pop(session, None)
        before = self.safe_mode.end_session(session)
        if before:
            self.restore(before)

    def throw_out(self, session: Session) -> None:
        for listener in self._thrown_out:
            listener(session)

    def service(self, name: str) -> Service:
        row = self.config.find("/ip/service", name)
        if row is None:
            raise failure(f"no service {name}")
        certificate = row.fields.get("certificate", "none")
        return Service(
            name,
            int(row.fields["port"]),
            row.fields.get("address", ""),
            int(self.config.value("/ip/service", row, "max-sessions")),
            "" if certificate == "none" else certificate,
            row.fields.get("disabled") != "true",
        )

    # What time and people do to it

    def tick(self) -> None:
        """Let everything happen that is due."""
        self.device_mode.tick(self.clock.monotonic())
        self.scheduler.tick()

    def press_button(self) -> None:
        """Somebody presses the mode button; a device-mode update that waits for it comes into force."""
        if self.device_mode.press():
            self.reboot()

    def cut_power(self) -> None:
        """As a reboot, and as good as the button."""
        self.device_mode.press()
        self.reboot()

    def reboot(self) -> None:
        """Come up anew: connections cut, new row numbers, RAM empty, what was scheduled for the boot done."""
        version = self.packages.boot()
        if version:
            self.packages.drop(self.packages.missing(version, self.board.architecture))
            self.version_text = version
        self._know_menus()
        self.firmware = self.firmware_after_boot
        self._boot_with(self.config.tables)
        self.scheduler.boot()

    def _boot_with(self, tables: Mapping[str, tuple[Row, ...]]) -> None:
        self.boot += 1
        self.safe_mode.reboot()
        self.files.reboot()
        self.sessions.clear()
        self.log.clear()
        self._booted_at = self.clock.monotonic()
        self._become(self._renumbered(tables), list(self.menus))
        for listener in self._rebooted:
            listener()

    def _renumbered(self, tables: Mapping[str, tuple[Row, ...]]) -> Configuration:
        """The rows that outlive a boot, with numbers of their own again."""
        config = Configuration(self.menus, Ids(1 + self.boot % 16))
        for path, menu in self.menus.items():
            if menu.ram:
                continue
            for row in tables.get(path, ()):
                if not row.dynamic:
                    number = config.ids.take(menu) if row.id else 0
                    config.append(path, Row(number, row.fields, row.outputs, row.builtin))
        return config

    def restore_backup(self, tables: Mapping[str, tuple[Row, ...]]) -> None:
        """Boot with another configuration."""
        self._boot_with(tables)
        self.scheduler.boot()

    def reset(self, *, keep_users: bool, no_defaults: bool = False, script: str = "") -> None:
        """Begin anew, and run a script at the end, which stands in place of the defaults."""
        kept = {path: self.config.rows(path) for path in ("/user", "/user/group")} if keep_users else {}
        self._boot_with({**self._factory("").tables, **kept})
        if not no_defaults and not script:
            self._set_up()
        if script:
            with suppress(Trap):
                self.interpreter.run(script, session=Session("", via="reset"))


def _nobody(_arguments: Mapping[str, str]) -> bytes:
    raise failure("connection timeout")
