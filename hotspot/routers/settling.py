"""A box that took over the identity of another one moves to that one's tunnel address, without being out of reach for a moment.

Until it has moved both addresses are let through to it (`wireguard`) and both are tried (`subjects`). However it is cut, it answers at one
of them, and the whole is simply done again.
"""

from contextlib import closing
from ipaddress import IPv4Address
from typing import Final

from hotspot.routers.changing import let_go_back, raise_if_held
from hotspot.routers.connection import Connection
from hotspot.routers.handover import INTERFACE, TUNNEL_MARK
from hotspot.routers.identity import settle_address
from hotspot.routers.menus import Row
from hotspot.routers.provision import alone
from hotspot.routers.service import get_router_named
from hotspot.routers.subjects import Means, first_way, targets_of

ADDRESSES: Final = "/ip/address"


def settle(means: Means, name: str) -> None:
    """Let an enrolled router take the tunnel address of its identity. Doing it twice is doing it once.

    1. The address is added beside the one it has. 2. It answers there, on a new connection. 3. Through that one the other address is
    removed. 4. Nobody lets the other one through any more.

    Raises:
        NoSuchRouter: nothing has this name.
        UnderWay, SomebodyElse: somebody works on the router.
        RouterUnreachable, RouterRefused, WrongCertificate: see `connection`; both addresses stay good.
    """
    with means.database.reading() as db:
        router = get_router_named(db, name)
        if router.previous_tunnel_address is None or router.tunnel_address is None:
            return
        address = IPv4Address(router.tunnel_address)
        targets = targets_of(router, means.settings)
        db.expunge(router)
    there = [target for target in targets if target.address == address]
    with alone(means, router):
        with closing(first_way(targets, means.dial)[1]) as connection:
            let_go_back(connection)
            _add(connection, address)
        with closing(first_way(there, means.dial)[1]) as connection:
            raise_if_held(connection)
            _remove_others(connection, address)
        with means.database.writing() as db:
            settle_address(db, name)


def _add(connection: Connection, address: IPv4Address) -> None:
    if all(_address(row) != str(address) for row in _rows(connection)):
        connection.add(ADDRESSES, {"address": f"{address}/32", "interface": INTERFACE, "comment": TUNNEL_MARK})


def _remove_others(connection: Connection, address: IPv4Address) -> None:
    for row in _rows(connection):
        if _address(row) != str(address) and row.get("comment") == TUNNEL_MARK:
            connection.remove(ADDRESSES, row[".id"])


def _rows(connection: Connection) -> list[Row]:
    rows = connection.read(ADDRESSES, [".id", "address", "interface", "comment"])
    return [row for row in rows if row.get("interface") == INTERFACE]


def _address(row: Row) -> str:
    return row.get("address", "").partition("/")[0]
