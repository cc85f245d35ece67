"""Controller and captive portal for a city's public Wi-Fi on MikroTik routers.

One package, one database, one command line. Features are folders (areas, sites, guests, routers, radius, usage, portal,
reports, console, staff); each one's docstring says what it is and what it must never do. Words, layout and the direction of
imports are described in ``docs/developer.md`` and enforced by import-linter.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hotspot")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
