"""What an operator sees of a process from outside: its log, and its metrics for Prometheus."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import start_http_server

from hotspot.errors import Unavailable
from hotspot.settings import Settings


class MetricsPortTaken(Unavailable):
    """Can't tell metrics on 127.0.0.1:{port}: {problem}; give another HOTSPOT_METRICS_PORT"""


def configure_logging(settings: Settings) -> None:
    """Log to standard error: readable on a terminal, JSON lines elsewhere; control characters are always escaped."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def metrics_told(port: int | None) -> Iterator[None]:
    """Answer Prometheus on loopback meanwhile.

    Raises:
        MetricsPortTaken: another process has the port.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, addr="127.0.0.1")
    except OSError as error:
        raise MetricsPortTaken(port=port, problem=error.strerror) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
