"""Mikrotik-Rate-Limit as RouterOS reads it. Pure.

Grammar (RouterOS manual, RADIUS client, Rate-Limit): ``rx[/tx] [rx-burst[/tx-burst] [rx-threshold[/tx-threshold]
[rx-time[/tx-time] [priority] [rx-minimum[/tx-minimum]]]]]``; rx is what the client uploads; k is 1 000, M 1 000 000; one blank between
groups; where tx is left out, rx stands for both.
"""

import re
from dataclasses import dataclass
from typing import Final

_MULTIPLES: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_RATE: Final = re.compile(r"([0-9]{1,12})([kMG]?)")
_BITS: Final = 8


class BadRateLimit(ValueError):
    """RouterOS would refuse this rate limit."""


@dataclass(frozen=True, slots=True)
class Pair:
    """From and to the device; bits per second, or seconds for burst times."""

    from_device: int
    to_device: int


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A parsed limit. The simulator keeps to `limit` and grants no bursts; zero is no limit."""

    limit: Pair
    burst: Pair | None = None
    threshold: Pair | None = None
    burst_seconds: Pair | None = None
    priority: int | None = None
    minimum: Pair | None = None

    @classmethod
    def parse(cls, text: str) -> "RateLimit":
        """Read the attribute.

        Raises:
            BadRateLimit: it does not follow the grammar.
        """
        groups = text.split(" ")
        if not 1 <= len(groups) <= 6:
            raise BadRateLimit(text)
        rates = [_pair(group, text) for group in groups[:3]] + [None] * (3 - len(groups[:3]))
        limit = rates[0]
        assert limit is not None, "there is a first group"
        return cls(
            limit=limit,
            burst=rates[1],
            threshold=rates[2],
            burst_seconds=_pair(groups[3], text, units="") if len(groups) > 3 else None,
            priority=_priority(groups[4], text) if len(groups) > 4 else None,
            minimum=_pair(groups[5], text) if len(groups) > 5 else None,
        )

    def octets(self, seconds: float) -> tuple[int | None, int | None]:
        """How much fits into this time, from and to the device; None where there is no limit."""
        return _octets(self.limit.from_device, seconds), _octets(self.limit.to_device, seconds)


def _octets(bits_per_second: int, seconds: float) -> int | None:
    return int(bits_per_second * seconds) // _BITS if bits_per_second else None


def _pair(group: str, text: str, *, units: str = "kMG") -> Pair:
    values = []
    for part in group.split("/"):
        found = _RATE.fullmatch(part)
        if found is None or found[2] not in ("", *units):
            raise BadRateLimit(text)
        values.append(int(found[1]) * _MULTIPLES[found[2]])
    if len(values) > 2:
        raise BadRateLimit(text)
    return Pair(values[0], values[-1])


def _priority(group: str, text: str) -> int:
    if not re.fullmatch(r"[1-8]", group):
        raise BadRateLimit(text)
    return int(group)
