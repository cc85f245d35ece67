"""What an Accounting-Request says: values out of attributes, and a report out of values (RFC 2866 §5, RFC 2869 §5). Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from socket import inet_ntoa
from typing import Final, NamedTuple
from uuid import UUID

from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.radius.attributes import Attr, Attributes, StatusType, as_text
from hotspot.radius.layouts import Layouts
from hotspot.radius.packet import Code, MalformedPacket, RawAttribute
from hotspot.routers.service import KnownRouter
from hotspot.security import Keys
from hotspot.usage.counters import Counting, Report, happened_at, plausible_counter, plausible_seconds, suspicion_of
from hotspot.usage.endings import Boot
from hotspot.usage.ingest import session_key

SESSION_STATUSES: Final = frozenset({StatusType.START, StatusType.INTERIM_UPDATE, StatusType.STOP})
BOOT_STATUSES: Final = frozenset({StatusType.ACCOUNTING_ON, StatusType.ACCOUNTING_OFF})
# By themselves, because a look at a member of an enumeration costs each report 0.1 µs.
_START, _STOP = StatusType.START, StatusType.STOP
_GIGAWORDS, _OCTETS_ONLY = Counting.GIGAWORDS, Counting.OCTETS_ONLY
BOOT_SLACK: Final = timedelta(
    seconds=1
)  # Acct-Delay-Time is whole seconds: a retransmitted boot must not end what came after it
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


def report_layouts() -> Layouts[Said]:
    """Layouts of Accounting-Requests, none known yet."""
    return Layouts(Code.ACCOUNTING_REQUEST, FIELDS, Said, integers=_INTEGERS)


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
    named = as_text(session_id)
    try:
        device_id = keys.device_id(MacAddress.parse(as_text(mac)).octets)
    except BadMacAddress:
        raise UnusableReport("Calling-Station-Id is no MAC address") from None
    return _Constant(
        session_key=session_key(named, class_) if class_ else session_key(named, b"", device_id.bytes),
        device_id=device_id,
        admission_id=UUID(bytes=class_) if class_ is not None and len(class_) == 16 else None,
        acct_session_id=named,
        address=None if address is None else inet_ntoa(address),
    )


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
    start_seen_at = happened if status == _START else None
    is_stop = status == _STOP
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
        _GIGAWORDS if has_gigawords else _OCTETS_ONLY,
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
