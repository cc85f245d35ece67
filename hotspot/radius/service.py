"""What a request says: verified packets in, typed values out.

Reading needs no database and happens before the transaction, so that a poisoned record can't sink its batch; `admitting` decides
what is asked here, `usage.ingest` stores what is reported.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from socket import inet_ntoa
from typing import Final
from uuid import UUID

from hotspot.guests.models import BadMacAddress, MacAddress
from hotspot.guests.refusals import Refusal
from hotspot.guests.service import parse_user_name
from hotspot.radius.attributes import Attr, Attributes, StatusType
from hotspot.radius.packet import MalformedPacket, Packet, RawAttribute, Secret, chap_matches, unhide_password
from hotspot.routers.service import KnownRouter
from hotspot.security import Keys
from hotspot.usage.counters import Counting, Report, happened_at, plausible_counter, plausible_seconds, suspicion_of
from hotspot.usage.endings import Boot
from hotspot.usage.ingest import session_key

PROXY_STATE: Final = int(Attr.PROXY_STATE)
MOST_PROXY_STATES: Final = 32
LARGEST_PROXY_STATES: Final = 2_048  # octets: half a packet, the rest is for what we say ourselves
SESSION_STATUSES: Final = frozenset({StatusType.START, StatusType.INTERIM_UPDATE, StatusType.STOP})
BOOT_STATUSES: Final = frozenset({StatusType.ACCOUNTING_ON, StatusType.ACCOUNTING_OFF})
BOOT_SLACK: Final = timedelta(
    seconds=1
)  # Acct-Delay-Time is whole seconds: a retransmitted boot must not end what came after it


class UnusableReport(MalformedPacket):
    """An authentic Accounting-Request that says nothing which could be stored."""


@dataclass(frozen=True, slots=True)
class AccessAsked:
    """One log-in: who wants in, where, and whether the password was the credential's own.

    `is_known_device`: the router asks by itself for a device it sees, whose MAC address is the user name (RouterOS `login-by=mac`).
    """

    router: KnownRouter
    credential_id: UUID | None = None
    device_id: UUID | None = None
    user_name: str = ""
    is_proven: bool = False
    is_known_device: bool = False

    @property
    def refusal(self) -> Refusal | None:
        """Why this can be refused without looking anything up."""
        if self.device_id is None:
            return Refusal.INCOMPLETE
        if self.is_known_device:
            return None
        if self.credential_id is None:
            return Refusal.UNKNOWN
        return None if self.is_proven else Refusal.WRONG_PASSWORD


def read_access(packet: Packet, router: KnownRouter, secret: Secret, keys: Keys) -> AccessAsked:
    """Read a verified Access-Request; what is missing makes a refusal, what is wrong raises `MalformedPacket`."""
    attributes = Attributes(packet.attributes)
    user_name = attributes.text(Attr.USER_NAME) or ""
    credential_id = parse_user_name(user_name)
    device_id = _device_in(attributes, keys)
    if credential_id is None:
        is_known_device = device_id is not None and _device_named(user_name, keys) == device_id
        return AccessAsked(router, None, device_id, user_name, is_known_device=is_known_device)
    password = keys.one_time_password(credential_id).encode()
    is_proven = _proves(attributes, packet, password, secret)
    return AccessAsked(router, credential_id, device_id, user_name, is_proven=is_proven)


def proxy_states(packet: Packet) -> tuple[RawAttribute, ...]:
    """The Proxy-States that the reply gives back unchanged and in order (RFC 2865 §5.33), if they leave room for a reply."""
    proxied = tuple([attribute for attribute in packet.attributes if attribute[0] == PROXY_STATE])
    if not proxied:
        return ()
    if len(proxied) > MOST_PROXY_STATES or sum(len(value) for _, value in proxied) > LARGEST_PROXY_STATES:
        raise MalformedPacket(f"{len(proxied)} times Proxy-State")
    return proxied


def _proves(attributes: Attributes, packet: Packet, password: bytes, secret: Secret) -> bool:
    """Whether the request holds this password, by PAP or by CHAP (RFC 2865 §5.2, §5.3)."""
    hidden = attributes.octets(Attr.USER_PASSWORD)
    response = attributes.octets(Attr.CHAP_PASSWORD)
    if hidden is not None and response is not None:
        raise MalformedPacket("both User-Password and CHAP-Password, which RFC 2865 §4.1 forbids")
    if hidden is not None:
        return compare_digest(unhide_password(hidden, packet.authenticator, secret), password)
    if response is not None:
        challenge = attributes.octets(Attr.CHAP_CHALLENGE)
        return chap_matches(response, password, packet.authenticator if challenge is None else challenge)
    return False


def _device_in(attributes: Attributes, keys: Keys) -> UUID | None:
    text = attributes.text(Attr.CALLING_STATION_ID)
    if text is None:
        return None
    return _device_named(text, keys)


@lru_cache(maxsize=8_192)
def _device_named(text: str, keys: Keys) -> UUID | None:
    """The device's pseudonym; devices report every few minutes, and its keyed hash is a fifth of the cost of a report."""
    try:
        return keys.device_id(MacAddress.parse(text).octets)
    except BadMacAddress:
        return None


def read_report(packet: Packet, router: KnownRouter, keys: Keys, *, received_at: datetime) -> Report | Boot:
    """Read a verified Accounting-Request of this router (RFC 2866 §5): what it says of a session, or that it starts or stops itself.

    Everything is scoped to the router that signed it, never to what an attribute claims. Counters: Input is what the device sent.
    Raises `UnusableReport` for what says neither, `MalformedPacket` for values of the wrong kind.
    """
    attributes = Attributes(packet.attributes)
    status = attributes.integer(Attr.ACCT_STATUS_TYPE)
    delay = attributes.integer(Attr.ACCT_DELAY_TIME)
    happened = happened_at(received_at, delay)
    if status in BOOT_STATUSES:
        return Boot(router.id, happened - BOOT_SLACK if delay else happened)
    session_id = attributes.text(Attr.ACCT_SESSION_ID)
    device_id = _device_in(attributes, keys)
    if status not in SESSION_STATUSES or session_id is None or device_id is None:
        raise UnusableReport(f"Acct-Status-Type {status}")
    class_ = attributes.octets(Attr.CLASS)
    seconds = plausible_seconds(attributes.integer(Attr.ACCT_SESSION_TIME))
    address = attributes.octets(Attr.FRAMED_IP_ADDRESS)
    is_stop = status == StatusType.STOP
    started_at = happened - timedelta(seconds=seconds) if seconds else happened
    start_seen_at = happened if status == StatusType.START else None
    octets_from_device = _counter64(attributes, Attr.ACCT_INPUT_OCTETS, Attr.ACCT_INPUT_GIGAWORDS)
    octets_to_device = _counter64(attributes, Attr.ACCT_OUTPUT_OCTETS, Attr.ACCT_OUTPUT_GIGAWORDS)
    return Report(
        router_id=router.id,
        session_key=session_key(session_id, class_) if class_ else session_key(session_id, b"", device_id.bytes),
        site_id=router.site_id,
        device_id=device_id,
        admission_id=UUID(bytes=class_) if class_ is not None and len(class_) == 16 else None,
        acct_session_id=session_id,
        address=None if address is None else inet_ntoa(address),
        started_at=started_at,
        last_seen_at=happened,
        start_seen_at=start_seen_at,
        router_time=attributes.moment(Attr.EVENT_TIMESTAMP),
        ended_at=happened if is_stop else None,
        end_cause=_small(attributes.integer(Attr.ACCT_TERMINATE_CAUSE)) if is_stop else None,
        seconds=seconds,
        octets_from_device=octets_from_device,
        octets_to_device=octets_to_device,
        packets_from_device=attributes.integer(Attr.ACCT_INPUT_PACKETS),
        packets_to_device=attributes.integer(Attr.ACCT_OUTPUT_PACKETS),
        counting=_counting(attributes),
        suspicion=suspicion_of(
            seconds=seconds,
            octets_from_device=octets_from_device,
            octets_to_device=octets_to_device,
            started_at=started_at,
            start_seen_at=start_seen_at,
        ),
        is_classed=bool(class_),
    )


def _counting(attributes: Attributes) -> int:
    """A Start counts nothing yet; a report with octets and no gigawords may have wrapped unseen."""
    if Attr.ACCT_INPUT_GIGAWORDS in attributes or Attr.ACCT_OUTPUT_GIGAWORDS in attributes:
        return Counting.GIGAWORDS
    return Counting.OCTETS_ONLY


def _counter64(attributes: Attributes, low: Attr, gigawords: Attr) -> int | None:
    return plausible_counter(attributes.integer64(low, gigawords))


def _small(cause: int | None) -> int | None:
    """RFC 2866 §5.10 knows 18 causes; what doesn't fit the column is not known rather than wrong."""
    return cause if cause is not None and cause < 2**31 else None
