"""What a request says, and what it is answered: typed values in, answers and reports out.

Reading (`read_access`, `read_report`) needs no database and happens before the transaction, so that a poisoned record can't sink
its batch; `answer_all` decides a batch of log-ins inside the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import Session

from hotspot.guests.models import BadMacAddress, Credential, MacAddress
from hotspot.guests.service import find_credentials, parse_user_name, redeem
from hotspot.radius.attributes import Attr, Attributes, StatusType
from hotspot.radius.metrics import REFUSED
from hotspot.radius.packet import MalformedPacket, Packet, RawAttribute, Secret, chap_matches, unhide_password
from hotspot.radius.policy import Allowance, Answer, Refusal, accept, reject
from hotspot.routers.service import KnownRouter
from hotspot.security import Keys
from hotspot.sites.settings import SiteSettings, effective
from hotspot.usage.counters import Report, happened_at, plausible_counter, plausible_seconds
from hotspot.usage.ingest import session_key

log = structlog.get_logger()

OCTETS_PER_MEGABYTE: Final = 1_000_000
PROXY_STATE: Final = int(Attr.PROXY_STATE)
MOST_PROXY_STATES: Final = 32
LARGEST_PROXY_STATES: Final = 2_048  # octets: half a packet, the rest is for what we say ourselves
SESSION_STATUSES: Final = frozenset({StatusType.START, StatusType.INTERIM_UPDATE, StatusType.STOP})


class UnusableReport(MalformedPacket):
    """An authentic Accounting-Request that says nothing which could be stored."""


@dataclass(frozen=True, slots=True)
class AccessAsked:
    """One log-in: who wants in, where, and whether the password was the credential's own."""

    router: KnownRouter
    credential_id: UUID | None = None
    device_id: UUID | None = None
    is_proven: bool = False

    @property
    def refusal(self) -> Refusal | None:
        """Why this can be refused without looking anything up."""
        if self.device_id is None:
            return Refusal.INCOMPLETE
        if self.credential_id is None:
            return Refusal.UNKNOWN
        return None if self.is_proven else Refusal.WRONG_PASSWORD


def read_access(packet: Packet, router: KnownRouter, secret: Secret, keys: Keys) -> AccessAsked:
    """Read a verified Access-Request; what is missing makes a refusal, what is wrong raises `MalformedPacket`."""
    attributes = Attributes(packet.attributes)
    user_name = attributes.text(Attr.USER_NAME)
    credential_id = parse_user_name(user_name) if user_name else None
    device_id = _device_in(attributes, keys)
    password = keys.one_time_password(credential_id).encode() if credential_id else b""
    is_proven = _proves(attributes, packet, password, secret)
    return AccessAsked(router, credential_id, device_id, is_proven=is_proven and credential_id is not None)


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


def answer_all(db: Session, asked: Sequence[AccessAsked], *, default_language: str, now: datetime) -> list[Answer]:
    """Decide a batch of log-ins, in the caller's transaction; the answers may leave only after its commit.

    1. What can't be a log-in or has the wrong password is refused, and uses up nothing.
    2. One conditional UPDATE each redeems the others, in the order of their ids so that two servers can't wait for each other.
    3. Those who won get their site's allowance; for those who lost, the reason is looked up.
    """
    proven = sorted(
        (number for number, request in enumerate(asked) if request.refusal is None),
        key=lambda number: str(asked[number].credential_id),
    )
    winners = {number for number in proven if _wins(db, asked[number], now=now)}
    losers = [request.credential_id for number, request in enumerate(asked) if number not in winners]
    known = find_credentials(db, [credential_id for credential_id in losers if credential_id])
    allowances = {
        site_id: _allowance(effective(db, site_id).values)
        for site_id in {asked[number].router.site_id for number in winners}
    }
    return [
        accept(request.credential_id, allowances[request.router.site_id])
        if number in winners and request.credential_id
        else _refuse(request, known, default_language=default_language, now=now)
        for number, request in enumerate(asked)
    ]


def _wins(db: Session, request: AccessAsked, *, now: datetime) -> bool:
    assert request.credential_id is not None, "only proven requests are redeemed"
    assert request.device_id is not None, "only proven requests are redeemed"
    return redeem(db, request.credential_id, site_id=request.router.site_id, device_id=request.device_id, now=now)


def _refuse(request: AccessAsked, known: Mapping[UUID, Credential], *, default_language: str, now: datetime) -> Answer:
    credential = known.get(request.credential_id) if request.credential_id else None
    refusal = request.refusal or why_lost(credential, request, now=now)
    REFUSED.labels(refusal).inc()
    log.info("log-in refused", router=request.router.name, reason=str(refusal), credential=str(request.credential_id))
    return reject(refusal, credential.language if credential else default_language)


def why_lost(credential: Credential | None, request: AccessAsked, *, now: datetime) -> Refusal:
    """Say why a proven credential could not be redeemed."""
    if credential is None:
        return Refusal.UNKNOWN
    if credential.site_id != request.router.site_id:
        return Refusal.OTHER_SITE
    if credential.device_id != request.device_id:
        return Refusal.OTHER_DEVICE
    return Refusal.EXPIRED if credential.used_at is None and credential.expires_at <= now else Refusal.USED


def _allowance(values: SiteSettings) -> Allowance:
    return Allowance(
        session=timedelta(minutes=values.session_minutes),
        idle=timedelta(minutes=values.idle_minutes),
        interim=timedelta(seconds=values.interim_seconds),
        up_kbps=values.speed_up_kbps,
        down_kbps=values.speed_down_kbps,
        octets=None if values.data_megabytes is None else values.data_megabytes * OCTETS_PER_MEGABYTE,
    )


def read_report(packet: Packet, router: KnownRouter, keys: Keys, *, received_at: datetime) -> Report:
    """Read a verified Accounting-Request about a session of this router (RFC 2866 §5).

    Everything is scoped to the router that signed it, never to what an attribute claims. Counters: Input is what the device sent.
    Raises `UnusableReport` for what isn't about a session, `MalformedPacket` for values of the wrong kind.
    """
    attributes = Attributes(packet.attributes)
    status = attributes.integer(Attr.ACCT_STATUS_TYPE)
    session_id = attributes.text(Attr.ACCT_SESSION_ID)
    device_id = _device_in(attributes, keys)
    if status not in SESSION_STATUSES or session_id is None or device_id is None:
        raise UnusableReport(f"Acct-Status-Type {status}")
    user_name = attributes.text(Attr.USER_NAME) or ""
    if parse_user_name(user_name) is None:
        user_name = ""  # not one of ours: a MAC address, most likely, and those are never stored
    class_ = attributes.octets(Attr.CLASS)
    happened = happened_at(received_at, attributes.integer(Attr.ACCT_DELAY_TIME))
    seconds = plausible_seconds(attributes.integer(Attr.ACCT_SESSION_TIME))
    address = attributes.address(Attr.FRAMED_IP_ADDRESS)
    is_stop = status == StatusType.STOP
    return Report(
        router_id=router.id,
        session_key=session_key(acct_session_id=session_id, class_=class_, user_name=user_name, device_id=device_id),
        site_id=router.site_id,
        device_id=device_id,
        credential_id=UUID(bytes=class_) if class_ is not None and len(class_) == 16 else None,
        acct_session_id=session_id,
        user_name=user_name,
        address=None if address is None else str(address),
        started_at=happened - timedelta(seconds=seconds or 0),
        last_seen_at=happened,
        ended_at=happened if is_stop else None,
        end_cause=_small(attributes.integer(Attr.ACCT_TERMINATE_CAUSE)) if is_stop else None,
        seconds=seconds,
        octets_from_device=_counter64(attributes, Attr.ACCT_INPUT_OCTETS, Attr.ACCT_INPUT_GIGAWORDS),
        octets_to_device=_counter64(attributes, Attr.ACCT_OUTPUT_OCTETS, Attr.ACCT_OUTPUT_GIGAWORDS),
        packets_from_device=attributes.integer(Attr.ACCT_INPUT_PACKETS),
        packets_to_device=attributes.integer(Attr.ACCT_OUTPUT_PACKETS),
    )


def _counter64(attributes: Attributes, low: Attr, gigawords: Attr) -> int | None:
    return plausible_counter(attributes.integer64(low, gigawords))


def _small(cause: int | None) -> int | None:
    """RFC 2866 §5.10 knows 18 causes; what doesn't fit the column is not known rather than wrong."""
    return cause if cause is not None and cause < 2**31 else None
