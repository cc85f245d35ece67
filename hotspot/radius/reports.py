"""What an Accounting-Request says, read fast: values out of octets, and a report out of values. Pure.

A city's routers send the same few layouts of packet again and again, and accounting is most of what they send. So a *layout* — the
types and lengths of all attributes, in order — is parsed and judged once; a later packet whose types and lengths are exactly those is
read by one precompiled struct. Everything else goes the long way, which is also how a layout is learnt. RFC 2866 §5, 2869 §5.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from socket import inet_ntoa
from typing import Any, Final, NamedTuple
from uuid import UUID

from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.radius.attributes import Attr, Attributes, StatusType
from hotspot.radius.packet import MalformedPacket, RawAttribute, signature_offset
from hotspot.routers.service import KnownRouter
from hotspot.security import Keys
from hotspot.usage.counters import Counting, Report, happened_at, plausible_counter, plausible_seconds, suspicion_of
from hotspot.usage.endings import Boot
from hotspot.usage.ingest import session_key

SESSION_STATUSES: Final = frozenset({StatusType.START, StatusType.INTERIM_UPDATE, StatusType.STOP})
BOOT_STATUSES: Final = frozenset({StatusType.ACCOUNTING_ON, StatusType.ACCOUNTING_OFF})
BOOT_SLACK: Final = timedelta(
    seconds=1
)  # Acct-Delay-Time is whole seconds: a retransmitted boot must not end what came after it
MOST_LAYOUTS: Final = 1_024
"""Statuses × lengths of names: a city has dozens."""
KNOWN_SESSIONS: Final = 65_536
"""Sessions whose constant facts are remembered between reports, some 30 MB."""


class UnusableReport(MalformedPacket):
    """An authentic Accounting-Request that says nothing which could be stored."""


class Said(NamedTuple):
    """The attributes of an Accounting-Request that we read: integers, and octets of what is text or an address; None: absent."""

    status: int | None
    session_id: bytes | None
    mac: bytes | None
    class_: bytes | None
    address: bytes | None
    nas_identifier: bytes | None
    delay: int | None
    seconds: int | None
    event_time: int | None
    cause: int | None
    octets_from: int | None
    gigawords_from: int | None
    octets_to: int | None
    gigawords_to: int | None
    packets_from: int | None
    packets_to: int | None


FIELDS: Final = (
    Attr.ACCT_STATUS_TYPE,
    Attr.ACCT_SESSION_ID,
    Attr.CALLING_STATION_ID,
    Attr.CLASS,
    Attr.FRAMED_IP_ADDRESS,
    Attr.NAS_IDENTIFIER,
    Attr.ACCT_DELAY_TIME,
    Attr.ACCT_SESSION_TIME,
    Attr.EVENT_TIMESTAMP,
    Attr.ACCT_TERMINATE_CAUSE,
    Attr.ACCT_INPUT_OCTETS,
    Attr.ACCT_INPUT_GIGAWORDS,
    Attr.ACCT_OUTPUT_OCTETS,
    Attr.ACCT_OUTPUT_GIGAWORDS,
    Attr.ACCT_INPUT_PACKETS,
    Attr.ACCT_OUTPUT_PACKETS,
)
_OCTETS: Final = frozenset(FIELDS[1:6])
_INTEGERS: Final = frozenset(FIELDS) - _OCTETS


def said_in(attributes: Sequence[RawAttribute]) -> Said:
    """Read the attributes of a packet; raises `MalformedPacket` when one that we read is repeated."""
    asked = Attributes(attributes)
    return Said(*[asked.octets(field) if field in _OCTETS else asked.integer(field) for field in FIELDS])  # type: ignore[arg-type]  # in the order of FIELDS


class _Layout(NamedTuple):
    """How packets of one layout are read: types and lengths as they alternate with values, and which values we want.

    `signature_at` is where the value of Message-Authenticator begins, if there is one.
    """

    unpack: Callable[[bytes], tuple[Any, ...]]
    heads: tuple[int, ...]
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    signature_at: int | None


class Layouts:
    """Remember the layouts of packets that were authentic; a stranger can't fill it."""

    def __init__(self) -> None:
        self._by_length: dict[int, tuple[_Layout, ...]] = {}
        self._count = 0

    def read(self, octets: bytes) -> tuple[Said, int | None] | None:
        """Read an Accounting-Request of a known layout, and say where its signature is, if it has one.

        None: the layout is not known, which says nothing against the packet.
        """
        for layout in self._by_length.get(len(octets), ()):
            values = layout.unpack(octets)
            if values[::2] == layout.heads:
                return Said(*layout.pick((*values, None))), layout.signature_at
        return None

    def learn(self, octets: bytes, attributes: Sequence[RawAttribute]) -> None:
        """Remember the layout of this packet, which was parsed and is authentic."""
        kinds = [kind for kind, _ in attributes]
        if (
            Attr.PROXY_STATE in kinds or self.read(octets) is not None
        ):  # its values go into the reply; a padded one is known
            return
        if self._count >= MOST_LAYOUTS:
            self._by_length.clear()
            self._count = 0
        form = "".join(f"H{'I' if kind in _INTEGERS else f'{len(value)}s'}" for kind, value in attributes)
        heads = tuple(kind << 8 | len(value) + 2 for kind, value in attributes)
        missing = 2 * len(kinds)
        places = [2 * kinds.index(field) + 1 if field in kinds else missing for field in FIELDS]
        layout = _Layout(struct.Struct(f"!20x{form}").unpack, heads, itemgetter(*places), signature_offset(attributes))
        self._by_length[len(octets)] = (*self._by_length.get(len(octets), ()), layout)
        self._count += 1


def is_plain(octets: bytes) -> bool:
    """Whether this is an Accounting-Request without padding, as far as its header says (RFC 2865 §3)."""
    return len(octets) >= 20 and octets[0] == 4 and (octets[2] << 8 | octets[3]) == len(octets)


class _Constant(NamedTuple):
    """What is the same in every report of a session."""

    session_key: UUID
    device_id: UUID
    admission_id: UUID | None
    acct_session_id: str
    address: str | None


@lru_cache(maxsize=KNOWN_SESSIONS)
def _constant(
    session_id: bytes | None, mac: bytes | None, class_: bytes | None, address: bytes | None, keys: Keys
) -> _Constant:
    if session_id is None or mac is None:
        raise UnusableReport("no Acct-Session-Id or no Calling-Station-Id")
    named = _text(session_id)
    try:
        device_id = keys.device_id(MacAddress.parse(_text(mac)).octets)
    except BadMacAddress:
        raise UnusableReport("Calling-Station-Id is no MAC address") from None
    return _Constant(
        session_key=session_key(named, class_) if class_ else session_key(named, b"", device_id.bytes),
        device_id=device_id,
        admission_id=UUID(bytes=class_) if class_ is not None and len(class_) == 16 else None,
        acct_session_id=named,
        address=None if address is None else inet_ntoa(address),
    )


def _text(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise MalformedPacket("text that is not UTF-8") from None
    if "\0" in text:
        raise MalformedPacket("text with a NUL")
    return text


def read_report(said: Said, router: KnownRouter, keys: Keys, *, received_at: datetime) -> Report | Boot:
    """Read what this router reports (RFC 2866 §5): of a session, or that it starts or stops itself.

    Everything is scoped to the router that signed it, never to what an attribute claims. Counters: Input is what the device sent.
    Raises `UnusableReport` for what says neither, `MalformedPacket` for values of the wrong kind.
    """
    status, seconds = said.status, plausible_seconds(said.seconds)
    happened = happened_at(received_at, said.delay) if said.delay else received_at
    if status not in SESSION_STATUSES:
        if status in BOOT_STATUSES:
            at = happened - BOOT_SLACK if said.delay else happened
            return Boot(router.id, at, router_time=None if said.event_time is None else _moment(said.event_time))
        raise UnusableReport(f"Acct-Status-Type {status}")
    known = _constant(said.session_id, said.mac, said.class_, said.address, keys)
    started_at = happened - timedelta(seconds=seconds) if seconds else happened
    start_seen_at = happened if status == StatusType.START else None
    is_stop = status == StatusType.STOP
    octets_from = _counter64(said.octets_from, said.gigawords_from)
    octets_to = _counter64(said.octets_to, said.gigawords_to)
    has_gigawords = said.gigawords_from is not None or said.gigawords_to is not None
    return Report(
        router.id,
        known.session_key,
        router.site_id,
        known.device_id,
        known.admission_id,
        known.acct_session_id,
        known.address,
        started_at,
        happened,
        start_seen_at,
        None if said.event_time is None else _moment(said.event_time),
        happened if is_stop else None,
        _small(said.cause) if is_stop else None,
        seconds,
        octets_from,
        octets_to,
        said.packets_from,
        said.packets_to,
        Counting.GIGAWORDS if has_gigawords else Counting.OCTETS_ONLY,
        suspicion_of(
            seconds=seconds,
            octets_from_device=octets_from,
            octets_to_device=octets_to,
            started_at=started_at,
            start_seen_at=start_seen_at,
        ),
        bool(said.class_),
    )


@lru_cache(maxsize=1_024)
def _moment(seconds: int) -> datetime:
    """The router's clock, which many reports share."""
    return datetime.fromtimestamp(seconds, UTC)


def _counter64(low: int | None, gigawords: int | None) -> int | None:
    """Octets counted in two attributes (RFC 2869 §5.1); absent gigawords are zero."""
    if low is None:
        return None
    return plausible_counter(gigawords << 32 | low) if gigawords else low


def _small(cause: int | None) -> int | None:
    """RFC 2866 §5.10 knows 18 causes; what doesn't fit the column is not known rather than wrong."""
    return cause if cause is not None and cause < 2**31 else None
