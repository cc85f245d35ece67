"""The controller's side of the WireGuard network: its key, who has which address, and the file for ``wg-quick``."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import text
from sqlmodel import Session, col, select

from hotspot.db import Database, DatabaseAway
from hotspot.errors import Conflict, Invalid, Unavailable
from hotspot.routers.models import Router, TunnelKey
from hotspot.routers.service import CHANGES
from hotspot.routers.wireguard import Peer, Tunnel, new_private_key, public_key_of
from hotspot.security import Keys
from hotspot.settings import Settings

TUNNEL_LOCK: Final = 0x74756E6E  # "tunn": one new address at a time
CONTEXT: Final = "tunnel"
INTERFACE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")  # IFNAMSIZ, and never an option
WG_PATIENCE: Final = 10.0  # seconds


class NoAddressLeft(Conflict):
    """All addresses of the tunnel network {network} are taken; give a larger HOTSPOT_TUNNEL_NETWORK"""


class OutsideNetwork(Invalid):
    """{name} has the tunnel address {address}, which is not in HOTSPOT_TUNNEL_NETWORK {network}; give the network it was made with"""


class AddressTaken(Conflict):
    """{name} has the tunnel address {address}, which HOTSPOT_RADIUS_ADDRESSES names; give another one there"""


class CannotWrite(Unavailable):
    """Can't write {path}: {problem}"""


class BadInterface(Invalid):
    """{name} can't be the name of an interface; call the file 1 to 15 letters, digits, dots or dashes, and .conf"""


class CannotApply(Unavailable):
    """The file is written, but the running WireGuard was not changed: {problem}"""


def controller_address(network: IPv4Network) -> IPv4Address:
    return network.network_address + 1


def public_key(db: Session, keys: Keys) -> str:
    """Return the controller's public key; the pair is made the first time it is asked for, once."""
    if (known := db.exec(select(TunnelKey.public_key)).first()) is not None:
        return known
    private = new_private_key()
    db.execute(
        text(
            "INSERT INTO tunnel_key (id, private_key, public_key) VALUES (1, :private, :public) ON CONFLICT DO NOTHING"
        ),
        {"private": keys.seal(private, context=CONTEXT), "public": public_key_of(private)},
    )
    return db.exec(select(TunnelKey.public_key)).one()


def new_address(db: Session, network: IPv4Network, kept_free: Iterable[IPv4Address] = ()) -> IPv4Address:
    """Return the lowest free address, none of `kept_free`; nobody else gets it before this transaction ends.

    Raises:
        NoAddressLeft: there is none.
    """
    db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": TUNNEL_LOCK})
    taken = {controller_address(network), *kept_free}
    for held in db.exec(select(Router.tunnel_address, Router.previous_tunnel_address)):
        taken.update(IPv4Address(address) for address in held if address is not None)
    free = next((address for address in network.hosts() if address not in taken), None)
    if free is None:
        raise NoAddressLeft(network=network)
    return free


def tunnel_of(db: Session, settings: Settings) -> Tunnel:
    """Return the controller's end of the tunnel with every router that has one.

    Raises:
        OutsideNetwork: a router's address is not in the network of the settings.
        AddressTaken: it is that of a further RADIUS server.
    """
    public_key(db, settings.keys)
    own = db.get_one(TunnelKey, 1)
    network = settings.tunnel_network
    routers = db.exec(
        select(Router)
        .where(col(Router.tunnel_address).is_not(None), col(Router.wireguard_key).is_not(None))
        .order_by(Router.name)
    )
    return Tunnel(
        private_key=settings.keys.unseal(own.private_key, context=CONTEXT),
        address=IPv4Interface(f"{controller_address(network)}/{network.prefixlen}"),
        port=settings.tunnel_port,
        peers=tuple(_peer(router, settings) for router in routers),
    )


def _peer(router: Router, settings: Settings) -> Peer:
    network = settings.tunnel_network
    assert router.wireguard_key is not None
    held = (router.tunnel_address, router.previous_tunnel_address)
    addresses = tuple(IPv4Address(address) for address in held if address is not None)
    for address in addresses:
        if address not in network:
            raise OutsideNetwork(name=router.name, address=address, network=network)
        if address in settings.further_radius_servers:
            raise AddressTaken(name=router.name, address=address)
    return Peer(router.name, router.wireguard_key, addresses)


def changes(database: Database) -> Iterator[None]:
    """Yield at once, and again whenever a router was added or changed; without end.

    Raises:
        DatabaseAway: the database stopped to answer.
    """
    try:
        with database.connect() as connection:
            connection.execute(f"LISTEN {CHANGES}")  # before the first look, so that no change is missed
            yield
            for _ in connection.notifies():
                yield
    except psycopg.Error as error:
        raise DatabaseAway(problem=" ".join(str(error).split())) from error


def read_file(path: Path) -> str:
    """Return what the file says now, or nothing when there is none.

    Raises:
        CannotWrite: it is there and can't be read, so it couldn't be replaced knowingly.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise CannotWrite(path=path, problem=error) from error


def write_file(path: Path, content: str) -> None:
    """Replace the file at once and wholly: whoever reads it finds the old or the new one. Only its owner may read it.

    Raises:
        CannotWrite: the folder can't be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.unlink(missing_ok=True)  # of a process of the same number that was killed
        fresh.touch(mode=0o600, exist_ok=False)
        with fresh.open("w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise CannotWrite(path=path, problem=error.strerror) from error


def apply(interface: str, content: str) -> None:
    """Bring a running interface to this configuration (of `render` without `for_quick`); peers that stay keep their sessions.

    Raises:
        BadInterface: no interface can be called so.
        CannotApply: ``wg`` is missing or refuses.
    """
    if not INTERFACE.fullmatch(interface):
        raise BadInterface(name=interface)
    wg = shutil.which("wg")
    if wg is None:
        raise CannotApply(problem="the program wg is not installed (Debian: wireguard-tools)")
    try:
        # Through standard input: the private key stands in no argument and no further file.
        done = subprocess.run(  # noqa: S603  (a fixed program, a checked name)
            [wg, "syncconf", interface, "/dev/stdin"],
            check=False,
            input=content,
            text=True,
            capture_output=True,
            timeout=WG_PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotApply(problem=f"wg does not answer within {WG_PATIENCE:.0f} seconds") from error
    if done.returncode:
        raise CannotApply(problem=" ".join(done.stderr.split()) or f"wg ended with {done.returncode}")
