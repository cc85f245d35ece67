"""One device that is logged in (/ip/hotspot/active): its limits, what it moved, and when the router ends it.

It honours what a RouterOS hotspot honours of an Access-Accept (manual, RADIUS client): Session-Timeout, Idle-Timeout,
Acct-Interim-Interval, Mikrotik-Rate-Limit, Mikrotik-Recv-, -Xmit- and -Total-Limit with their gigawords, Class. A CoA-Request can
change some of them.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hotspot.radius.attributes import TerminateCause
from hotspot.simulator.hosts import Host
from hotspot.simulator.radius_client import Accept, Login, Usage
from hotspot.simulator.rates import BadRateLimit, RateLimit

KEEPALIVE: Final = timedelta(minutes=2)  # of the default user profile: the device does not answer any more
OCTETS_A_PACKET: Final = 1_000  # a guess between full download packets and small upload ones
CHANGEABLE: Final = ("session_timeout", "idle_timeout", "rate_limit", "recv_limit", "xmit_limit")  # by CoA


@dataclass(slots=True)
class Session:
    """Times are the clock's; `waiting_*` is traffic that the rate limit has not let through yet."""

    host: Host
    login: Login
    accept: Accept
    started_at: float
    ticked_at: float
    moved_at: float
    reported_at: float
    rate: RateLimit | None = None
    keepalive: timedelta | None = KEEPALIVE
    login_by: str = ""
    octets_from_device: int = 0
    octets_to_device: int = 0
    packets_from_device: int = 0
    packets_to_device: int = 0
    waiting_from_device: int = 0
    waiting_to_device: int = 0

    @classmethod
    def begin(
        cls,
        host: Host,
        login: Login,
        accept: Accept,
        now: float,
        *,
        keepalive: timedelta | None = KEEPALIVE,
        login_by: str = "",
    ) -> "Session":
        """Begin a session within the limits of its Accept; RouterOS ignores a rate limit that it can't read."""
        try:
            rate = RateLimit.parse(accept.rate_limit) if accept.rate_limit else None
        except BadRateLimit:
            rate = None
        return cls(host, login, accept, now, now, now, now, rate, keepalive, login_by)

    def change(self, asked: Accept, now: float) -> None:
        """Hold to what a CoA-Request brings from now on; what was waiting until now moves under the old limits.

        Raises:
            BadRateLimit: nothing has changed.
        """
        rate = RateLimit.parse(asked.rate_limit) if asked.rate_limit else self.rate
        self.move(now)
        self.rate = rate
        self.accept = replace(
            self.accept, **{name: value for name in CHANGEABLE if (value := getattr(asked, name)) is not None}
        )

    def seconds(self, now: float) -> int:
        return int(now - self.started_at)

    def seconds_left(self, now: float) -> int | None:
        limit = self.accept.session_timeout
        return None if limit is None else max(0, int(limit.total_seconds()) - self.seconds(now))

    def octets_left(self) -> int | None:
        return _left(self.accept.total_limit, self.octets_from_device + self.octets_to_device)

    def _left_each_way(self) -> tuple[int | None, int | None]:
        """What may still come from the device (Recv-Limit) and go to it (Xmit-Limit)."""
        return (
            _left(self.accept.recv_limit, self.octets_from_device),
            _left(self.accept.xmit_limit, self.octets_to_device),
        )

    def want(self, from_device: int, to_device: int) -> None:
        """Line up traffic; `move` lets it through."""
        self.waiting_from_device += from_device
        self.waiting_to_device += to_device

    def move(self, now: float) -> None:
        """Let through what fits the time since the last call and the limits; what is beyond a limit in octets is lost."""
        room_from, room_to = self.rate.octets(now - self.ticked_at) if self.rate else (None, None)
        self.ticked_at = now
        from_device = _at_most(self.waiting_from_device, room_from)
        to_device = _at_most(self.waiting_to_device, room_to)
        self.waiting_from_device -= from_device
        self.waiting_to_device -= to_device
        left_from, left_to = self._left_each_way()
        from_device = _at_most(_at_most(from_device, left_from), self.octets_left())
        self.octets_from_device += from_device
        to_device = _at_most(_at_most(to_device, left_to), self.octets_left())
        self.octets_to_device += to_device
        self.packets_from_device += -(-from_device // OCTETS_A_PACKET)
        self.packets_to_device += -(-to_device // OCTETS_A_PACKET)
        if from_device or to_device:
            self.moved_at = now

    def end_cause(self, now: float) -> TerminateCause | None:
        """Say why the router ends the session now, if it does (RFC 2866 §5.10); NAS-Request where no other cause fits."""
        if over(self.accept.session_timeout, now - self.started_at):
            return TerminateCause.SESSION_TIMEOUT
        if 0 in (self.octets_left(), *self._left_each_way()):
            return TerminateCause.NAS_REQUEST
        if not self.host.is_near and over(self.keepalive, now - self.host.seen_at):
            return TerminateCause.LOST_SERVICE
        if over(self.accept.idle_timeout, now - self.moved_at):
            return TerminateCause.IDLE_TIMEOUT
        return None

    def is_report_due(self, now: float) -> bool:
        """Tell whether it is time for an interim report; without Acct-Interim-Interval it never is."""
        return over(self.accept.interim_interval, now - self.reported_at)

    def usage(self, now: float) -> Usage:
        return Usage(
            seconds=self.seconds(now),
            octets_from_device=self.octets_from_device,
            octets_to_device=self.octets_to_device,
            packets_from_device=self.packets_from_device,
            packets_to_device=self.packets_to_device,
        )


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)


def _at_most(wanted: int, room: int | None) -> int:
    return wanted if room is None else min(wanted, room)


def over(limit: timedelta | None, seconds: float) -> bool:
    """Zero means no limit, as everywhere in RouterOS."""
    return limit is not None and limit.total_seconds() > 0 and seconds >= limit.total_seconds()
