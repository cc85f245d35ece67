"""The wire of a staging bench: hear announcements, send refresh requests. A door to scapy.

Frames, not datagrams: a router out of the box may have no address that this machine could route to, and the interface it is
plugged into may have none either.
"""

import logging
import select
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from errno import ENETDOWN, ENODEV, ENXIO
from socket import if_nameindex

from hotspot.discovery import mndp
from hotspot.errors import HotspotError, NotAllowed, NotFound, Unavailable

# Before scapy is loaded, hence the E402 below: it warns at import.
logging.getLogger("scapy").setLevel(
    logging.ERROR
)  # it warns of missing addresses and routes, which is as it should be here

from scapy.arch import get_if_addr  # noqa: E402
from scapy.arch.linux import L2Socket  # noqa: E402
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402, F401  (registers itself as what an Ethernet frame may carry)
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Packet, Raw  # noqa: E402

PORT_OCTETS = mndp.PORT.to_bytes(2, "big")
LARGEST_FRAME = 2048
ALL = "ff:ff:ff:ff:ff:ff"


class NoSuchInterface(NotFound):
    """There is no interface {interface}; this machine has {others}"""


class NotPermitted(NotAllowed):
    """Listening on {interface} needs root or CAP_NET_RAW; run it with sudo, in a container with --cap-add NET_RAW"""


class InterfaceDown(Unavailable):
    """{interface} is down or was unplugged; bring it up with: ip link set {interface} up"""


class Sniffer:
    """Hears who announces itself on one interface. `malformed` counts what came to MNDP's port and was something else."""

    def __init__(self, interface: str, socket: L2Socket) -> None:
        self._interface = interface
        self._socket = socket
        self.malformed = 0

    def ask(self) -> None:
        """Ask every router on the wire to announce itself now.

        Raises:
            InterfaceDown: nothing can be sent.
        """
        source = get_if_addr(self._interface)  # 0.0.0.0 without an address, as a DHCP client's
        datagram = IP(src=source, dst="255.255.255.255") / UDP(sport=mndp.PORT, dport=mndp.PORT) / mndp.REFRESH_REQUEST
        with _errors_in_words(self._interface):
            *_, own = self._socket.ins.getsockname()  # scapy alone would ask the routes, and take another interface's
            self._socket.send(Ether(src=own.hex(":"), dst=ALL) / datagram)

    def hear(self, timeout: timedelta) -> mndp.Neighbour | None:
        """Wait for the next frame; None when none came in time, or none that is an announcement.

        Raises:
            InterfaceDown: nothing will come any more.
        """
        ready, _, _ = select.select([self._socket], [], [], timeout.total_seconds())
        if not ready:
            return None
        with _errors_in_words(self._interface):
            _, frame, _ = self._socket.recv_raw(LARGEST_FRAME)
        datagram = datagram_in(frame or b"")  # no frame: one that this machine sent itself
        if datagram is None or mndp.is_refresh_request(datagram):
            return None
        try:
            return mndp.parse(datagram)
        except mndp.MalformedAnnouncement:
            self.malformed += 1
            return None


def datagram_in(frame: bytes) -> bytes | None:
    """Return what an Ethernet frame carries to MNDP's port, or None; a frame is whatever a stranger put on the wire."""
    if PORT_OCTETS not in frame:  # most frames are ended here, before the costly look
        return None
    packet = _dissected(frame)
    if packet is None or UDP not in packet or packet[UDP].dport != mndp.PORT:
        return None
    payload = packet[UDP].payload  # what pads a short frame lies behind it
    return bytes(payload.load) if isinstance(payload, Raw) else None


def _dissected(frame: bytes) -> Packet | None:
    try:
        return Ether(frame)
    except Exception:  # noqa: BLE001  (scapy raises what its fields raise; this is the loop over strangers' frames)
        return None


@contextmanager
def listening(interface: str) -> Iterator[Sniffer]:
    """Open the interface.

    Raises:
        NoSuchInterface: it is none of this machine's.
        NotPermitted: this process may not see frames.
        InterfaceDown: it is down.
    """
    names = [name for _, name in if_nameindex()]
    if interface not in names:
        raise NoSuchInterface(interface=repr(interface[:16]), others=", ".join(names))
    with _errors_in_words(interface):
        socket = L2Socket(
            iface=interface, promisc=False
        )  # announcements are broadcast; others' conversations stay unseen
    try:
        yield Sniffer(interface, socket)
    finally:
        socket.close()


@contextmanager
def _errors_in_words(interface: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _in_words(interface, error) from error


def _in_words(interface: str, error: OSError) -> HotspotError | OSError:
    if isinstance(error, PermissionError):
        return NotPermitted(interface=interface)
    if error.errno in {ENETDOWN, ENODEV, ENXIO}:
        return InterfaceDown(interface=interface)
    return error
