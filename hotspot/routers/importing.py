"""A certificate and its key, brought onto a router through /certificate/import.

The key travels inside the API's TLS and is never on the router's storage as it is: the file is PKCS#8 under a passphrase made for this
once, and removed as soon as it was read. On boards with a flash folder it lies in memory. One file holds both, so that no cut leaves
half of them.
"""

import secrets
from collections.abc import Mapping
from typing import Final

from hotspot.errors import Conflict
from hotspot.routers.certificates import FindImportable, locked
from hotspot.routers.connection import Connection
from hotspot.routers.forms import TRUE

PATH: Final = "/certificate"
FILE: Final = "hotspot-import.pem"
CERTIFICATE: Final = "certificate"
KEY: Final = "key"
PASSPHRASE_OCTETS: Final = 24  # 192 bits
PATIENCE: Final = 60.0  # seconds; a small box takes some for the key


class CertificateGone(Conflict):
    """The certificate {name} is not kept any more, so it can't be put on a router"""


class NotTaken(Conflict):
    """The router did not take the certificate {name} {missing}"""


def filled(menu: str, fields: Mapping[str, str], find: FindImportable) -> Mapping[str, str]:
    """Return the fields of a change; those of a certificate with what is imported, which no plan holds.

    Raises:
        CertificateGone: nobody has it.
    """
    if menu != PATH:
        return fields
    found = find(fields["name"])
    if found is None:
        raise CertificateGone(name=fields["name"])
    return {**fields, CERTIFICATE: found.certificate, KEY: found.key}


def bring(connection: Connection, fields: Mapping[str, str]) -> None:
    """1. The file, 2. its import, 3. away with it. 4. RouterOS may call what it imported a little different: it is given its name.

    Raises:
        NotTaken: the router read the file and has no such certificate, or not its key.
    """
    name, key = fields["name"], fields[KEY]
    clear(connection)
    passphrase = secrets.token_urlsafe(PASSPHRASE_OCTETS)
    contents = (locked(key, passphrase) if key else "") + fields[CERTIFICATE]
    connection.add("/file", {"name": FILE, "contents": contents})
    connection.call(PATH, "import", {"file-name": FILE, "name": name, "passphrase": passphrase}, patience=PATIENCE)
    clear(connection)
    _make_sure(connection, name, needs_key=bool(key))


def clear(connection: Connection) -> None:
    """Remove the file, also one that a cut connection left."""
    for row in connection.read("/file", [".id", "name"]):
        if row.get("name") == FILE:
            connection.remove("/file", row[".id"])


def _make_sure(connection: Connection, name: str, *, needs_key: bool) -> None:
    rows = connection.read(PATH, [".id", "name", "private-key"])
    row = next((row for row in rows if row.get("name") == name), None)
    if row is None:
        row = next((row for row in rows if row.get("name", "").startswith(f"{name}_")), None)
        if row is None:
            raise NotTaken(name=name, missing="at all")
        connection.set(PATH, row[".id"], {"name": name})
    if needs_key and row.get("private-key") not in TRUE:
        raise NotTaken(name=name, missing="with its key")
