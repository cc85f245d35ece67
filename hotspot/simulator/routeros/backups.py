"""/system/backup: the whole configuration, users and certificates too, in a file; encrypted when a password is given.

A backup is for the same model only. Loading one reboots, and everything is as it was to the byte.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.state import Row
from hotspot.simulator.routeros.traps import failure, missing_values, no_such_item

PLAIN: Final = b"simulated-backup-plain\n"
SEALED: Final = b"simulated-backup-sealed\n"


def _key(password: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest())


def save(call: Call) -> Result:
    name = call.arguments.get("name") or f"{call.router.identity}-{call.router.local_time()}".replace(":", "").replace(
        " ", "-"
    )
    octets = written(call.config.tables, call.router.board.name)
    password = call.arguments.get("password", "")
    sealed = password and call.arguments.get("dont-encrypt") not in {"yes", "true"}
    contents = SEALED + Fernet(_key(password)).encrypt(octets) if sealed else PLAIN + octets
    call.router.files.write(f"{name.removesuffix('.backup')}.backup", contents, modified=call.router.local_time())
    return Result()


def load(call: Call) -> Result:
    """Take the configuration of a backup, and reboot with it."""
    missing = [each for each in ("name", "password") if each not in call.arguments]
    if missing:
        raise missing_values(missing)
    name = call.arguments["name"]
    contents = call.router.files.read(name) or call.router.files.read(f"{name}.backup")
    if contents is None:
        raise no_such_item()
    call.router.restore_backup(read(_opened(contents, call.arguments["password"]), call.router.board.name))
    return Result()


def _opened(contents: bytes, password: str) -> bytes:
    if contents.startswith(PLAIN):
        return contents.removeprefix(PLAIN)
    try:
        return Fernet(_key(password)).decrypt(contents.removeprefix(SEALED))
    except InvalidToken:
        raise failure("wrong password or backup file corrupted") from None


def written(tables: Mapping[str, tuple[Row, ...]], board: str) -> bytes:
    """The rows as octets; what is dynamic isn't kept."""
    rows = {
        path: [[row.id, dict(row.fields), dict(row.outputs), row.builtin] for row in table if not row.dynamic]
        for path, table in tables.items()
    }
    return json.dumps({"board": board, "rows": rows}, sort_keys=True).encode()


def read(octets: bytes, board: str) -> dict[str, tuple[Row, ...]]:
    """The rows again; a backup of another model is refused."""
    try:
        document = json.loads(octets)
        if document["board"] != board:
            raise failure("backup was made on another board")
        return {
            path: tuple(Row(number, fields, outputs, builtin) for number, fields, outputs, builtin in table)
            for path, table in document["rows"].items()
        }
    except (ValueError, KeyError, TypeError):
        raise failure("wrong password or backup file corrupted") from None
