"""The configuration of a router as its own export, fetched through its API and kept sealed."""

from typing import Final

from hotspot.routers.backups import Reason, store
from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.subjects import Means

FILE: Final = "hotspot-copy"
NAME: Final = f"{FILE}.rsc"
PIECE: Final = 32_768  # octets that /file/read gives at once
MOST_PIECES: Final = 128  # 4 MiB; an export has some ten thousand octets
EXPORT_PATIENCE: Final = 60.0  # seconds; small boxes take long


def keep_copy(means: Means, router_id: int, connection: Connection, *, reason: Reason = Reason.CHANGE) -> str:
    """Keep the router's export; return why there is none, for a router whose user may not export is still configured."""
    try:
        plain = export_of(connection)
    except RouterRefused as refused:
        return f"no copy of its configuration could be taken: {refused.facts['problem']}"
    rows = connection.call("/system/resource", "print", {".proplist": "version"})
    version = rows[0].get("version", "") if rows else ""
    with means.database.writing() as db:
        store(db, router_id, plain, reason=reason, version=version, keys=means.settings.keys, now=means.clock())
    return ""


def export_of(connection: Connection) -> bytes:
    """Return the configuration as the router exports it, secrets shown; it leaves no file there.

    Raises:
        RouterRefused: it doesn't export, or not to us.
    """
    connection.call("", "export", {"file": FILE, "show-sensitive": ""}, patience=EXPORT_PATIENCE)
    try:
        return b"".join(_pieces(connection))
    finally:
        connection.remove("/file", NAME)


def _pieces(connection: Connection) -> list[bytes]:
    pieces: list[bytes] = []
    offset = 0
    while len(pieces) < MOST_PIECES:
        asked = {"file": NAME, "offset": str(offset), "chunk-size": str(PIECE)}
        rows = connection.call("/file", "read", asked)
        piece = (rows[0].get("data", "") if rows else "").encode("utf-8", "surrogateescape")
        if not piece:
            break
        pieces.append(piece)
        offset += len(piece)
    return pieces
