"""Work in the queue that finds somebody else at its router: it is tried again, as while the router is away."""

from collections.abc import Iterator
from contextlib import contextmanager

from hotspot.errors import Unavailable
from hotspot.routers.changing import SomebodyElse
from hotspot.routers.provision import UnderWay


class Later(Unavailable):
    """{problem}"""


@contextmanager
def or_later() -> Iterator[None]:
    """Say of somebody else's work on the router that this is to be tried again.

    Raises:
        Later: with what they do.
    """
    try:
        yield
    except (UnderWay, SomebodyElse) as busy:
        raise Later(problem=busy) from busy
