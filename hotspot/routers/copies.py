"""The configuration of a router, fetched through its API and kept sealed.

As text, its own export, which people read; and as an image, RouterOS' backup, which the same box loads again with its users and certificates.
The router encrypts an image itself, with a password that is made from the installation's secret and kept nowhere.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import structlog

from hotspot.errors import HotspotError
from hotspot.routers.backups import Reason, store
from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.contact import VERSION
from hotspot.routers.credentials import logins_of
from hotspot.routers.models import Router
from hotspot.routers.subjects import Means
from hotspot.security import Keys

log = structlog.get_logger()

FILE: Final = "hotspot-copy"
NAME: Final = f"{FILE}.rsc"
IMAGE: Final = f"{FILE}.backup"
PIECE: Final = 32_768  # octets that /file/read gives at once
MOST_PIECES: Final = 128  # 4 MiB; an export has some ten thousand octets, an image some hundred thousand
LONGEST_VERSION: Final = 40  # characters kept
EXPORT_PATIENCE: Final = 60.0  # seconds; small boxes take long


def keep_copy(means: Means, router_id: int, connection: Connection, *, reason: Reason = Reason.CHANGE) -> str:
    """Keep the router's export; return why there is none, for a router whose user may not export is still configured."""
    try:
        plain = export_of(connection)
    except RouterRefused as refused:
        return f"no copy of its configuration could be taken: {refused.facts['problem']}"
    _store(means, router_id, plain, None, version_of(connection), reason=reason, now=means.clock())
    return ""


def keep_whole_copy(means: Means, router_id: int, connection: Connection, *, reason: Reason) -> int:
    """Keep the router's export and its image; return the copy's number. A router that makes no image for us is copied as text alone.

    Raises:
        RouterRefused: it doesn't let itself be copied by us.
        RouterUnreachable: it does not answer.
    """
    now = means.clock()
    image = None
    try:
        image = image_of(connection, image_password(means.settings.keys, router_id, now))
    except RouterRefused as refused:
        log.warning("a copy has no image", router_id=router_id, problem=str(refused))
    return _store(means, router_id, export_of(connection), image, version_of(connection), reason=reason, now=now)


def _store(
    means: Means, router_id: int, plain: bytes, image: bytes | None, version: str, *, reason: Reason, now: datetime
) -> int:
    keys = means.settings.keys
    with means.database.writing() as db:
        kept = store(db, router_id, plain, reason=reason, version=version, keys=keys, now=now, image=image)
        router = db.get_one(Router, router_id)
        kept.model, kept.serial, kept.login = router.model, router.serial or "", login_mark(router, keys)
        assert kept.id is not None
        return kept.id


def export_of(connection: Connection) -> bytes:
    """Return the configuration as the router exports it, secrets shown; it leaves no file there.

    Raises:
        RouterRefused: it doesn't export, or not to us.
    """
    connection.call("", "export", {"file": FILE, "show-sensitive": ""}, patience=EXPORT_PATIENCE)
    return _taken(connection, NAME)


def image_of(connection: Connection, password: str) -> bytes:
    """Return the router's backup, encrypted with the password; it leaves no file there.

    Raises:
        RouterRefused: it makes none, or not for us.
    """
    connection.call("/system/backup", "save", {"name": FILE, "password": password}, patience=EXPORT_PATIENCE)
    return _taken(connection, IMAGE)


def image_password(keys: Keys, router_id: int, taken_at: datetime) -> str:
    """Return what the image of this copy is encrypted with: 128 bits, made anew whenever it is needed."""
    return keys.sign("router image", router_id, taken_at.astimezone(UTC).isoformat())


def login_mark(router: Router, keys: Keys) -> str:
    """Return what is the same as long as the controller gets into a router by the same certificate, address and password."""
    passwords = [login.password for login in logins_of(router, keys)]
    return keys.sign("router login", router.fingerprint, router.tunnel_address, *passwords[-1:])


def version_of(connection: Connection) -> str:
    """Return the RouterOS version as the router says it; empty where what it says is none."""
    rows = connection.call("/system/resource", "print", {".proplist": "version"})
    said = rows[0].get("version", "") if rows else ""
    return said[:LONGEST_VERSION] if VERSION.fullmatch(said) else ""


def _taken(connection: Connection, name: str) -> bytes:
    """Read a file and remove it. Where it can't be removed because it can't be read, the first is said."""
    try:
        octets = b"".join(_pieces(connection, name))
    except BaseException:
        with suppress(HotspotError):
            connection.remove("/file", name)
        raise
    connection.remove("/file", name)
    return octets


def _pieces(connection: Connection, name: str) -> Iterator[bytes]:
    offset = 0
    for _ in range(MOST_PIECES):
        asked = {"file": name, "offset": str(offset), "chunk-size": str(PIECE)}
        rows = connection.call("/file", "read", asked)
        piece = (rows[0].get("data", "") if rows else "").encode("utf-8", "surrogateescape")
        if not piece:
            return
        yield piece
        offset += len(piece)
