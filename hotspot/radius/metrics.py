"""What the RADIUS server counts, under names that Prometheus reads."""

from functools import lru_cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

DROPPED: Final = Counter("hotspot_radius_dropped", "Packets that got no answer, by reason", ["reason"])
ANSWERED: Final = Counter("hotspot_radius_answered", "Replies made, by kind", ["kind"])
REFUSED: Final = Counter("hotspot_radius_refused", "Log-ins refused, by reason", ["reason"])
BAD_REPLIES: Final = Counter(
    "hotspot_radius_bad_replies", "Replies to Disconnect and CoA that no router can have sent, by reason", ["reason"]
)
RESENT: Final = Counter("hotspot_radius_resent", "Replies sent again to a retransmitted request")
UNDELAYED: Final = Counter("hotspot_radius_undelayed_rejects", "Rejects sent at once because too many waited")
RADSEC_CONNECTIONS: Final = Gauge("hotspot_radius_radsec_connections", "RadSec connections of known routers, open now")
RADSEC_CLOSED: Final = Counter(
    "hotspot_radius_radsec_closed", "RadSec connections that we ended, by reason", ["reason"]
)
BATCH: Final = Histogram(
    "hotspot_radius_batch",
    "Packets committed in one transaction",
    ["lane"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)


def drop(reason: str, count: int = 1) -> None:
    """Count what was met with silence."""
    _dropped(reason).inc(count)


@lru_cache(maxsize=64)
def _dropped(reason: str) -> Counter:
    """The counter of a reason; a flood of strangers must not pay for looking it up."""
    return DROPPED.labels(reason)
