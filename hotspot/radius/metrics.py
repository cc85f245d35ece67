"""What the RADIUS server counts, under names that Prometheus reads."""

from typing import Final

from prometheus_client import Counter, Histogram

DROPPED: Final = Counter("hotspot_radius_dropped", "Datagrams that got no answer, by reason", ["reason"])
ANSWERED: Final = Counter("hotspot_radius_answered", "Replies sent, by kind", ["kind"])
REFUSED: Final = Counter("hotspot_radius_refused", "Log-ins refused, by reason", ["reason"])
BAD_REPLIES: Final = Counter(
    "hotspot_radius_bad_replies", "Replies to Disconnect and CoA that no router can have sent, by reason", ["reason"]
)
RESENT: Final = Counter("hotspot_radius_resent", "Replies sent again to a retransmitted request")
BATCH: Final = Histogram(
    "hotspot_radius_batch",
    "Datagrams committed in one transaction",
    ["lane"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)


def drop(reason: str, count: int = 1) -> None:
    """Count what was met with silence."""
    DROPPED.labels(reason).inc(count)
