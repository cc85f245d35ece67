"""Scapy's RADIUS layer as the router: what it builds is understood, and what comes back is right by its own reckoning."""

import hmac
import secrets
import socket
from collections.abc import Iterator
from uuid import UUID

import pytest
from scapy.layers import radius as peer
from sqlmodel import select

from benchmarks.wire import hidden_password
from hotspot.guests.service import Login
from hotspot.radius.server import RadiusServer
from hotspot.usage.models import GuestSession
from tests.radius.radius_city import ALUN_ALUN, GINA_MAC, PATIENCE, SECRETS, SILENCE, City, dropped

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT, ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE, STATUS_SERVER = 1, 2, 3, 4, 5, 12
USER_NAME, REPLY_MESSAGE, CLASS, SESSION_TIMEOUT, CALLING_STATION_ID, NAS_IDENTIFIER = 1, 18, 25, 27, 31, 32
STATUS_TYPE, ACCT_SESSION_ID, INPUT_OCTETS, OUTPUT_OCTETS, SESSION_TIME, OUTPUT_GIGAWORDS = 40, 44, 42, 43, 46, 53
TERMINATE_CAUSE, MESSAGE_AUTHENTICATOR = 49, 80
START, STOP, INTERIM = 1, 2, 3
MIKROTIK, RATE_LIMIT = 14988, 8
NOTHING = bytes(16)


class ScapyRouter:
    """The router at Alun-Alun: builds with scapy, sends by UDP, and lets scapy judge the answer."""

    def __init__(self, server: RadiusServer, secret: str = SECRETS[ALUN_ALUN]) -> None:
        self._server, self._secret = server, secret.encode()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ALUN_ALUN, 0))
        self._identifier = 0

    def __enter__(self) -> "ScapyRouter":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def log_in(self, login: Login, *, password: str | None = None) -> peer.Radius | None:
        """Ask with PAP, as a hotspot does after its page."""
        request = self._keyed(ACCESS_REQUEST, named(USER_NAME, login.user_name), named(CALLING_STATION_ID, GINA_MAC))
        word = (login.password if password is None else password).encode()
        hidden = hidden_password(word, request.authenticator, self._secret)  # scapy 2.8's `encrypt` loses the password
        request.attributes.append(peer.RadiusAttr_User_Password(value=hidden))
        assert request.attributes[-1].decrypt(request, self._secret) == word
        return self._asked(self._signed(request))

    def status(self, port: str = "auth") -> peer.Radius | None:
        return self._asked(self._signed(self._keyed(STATUS_SERVER)), port)

    def report(self, status: int, klass: bytes, *said: peer.RadiusAttribute) -> peer.Radius | None:
        """Report a session; its authenticator is a hash over all of it."""
        attributes = [
            peer.RadiusAttr_Acct_Status_Type(value=status),
            named(ACCT_SESSION_ID, "80100014"),
            named(CALLING_STATION_ID, GINA_MAC),
            peer.RadiusAttribute(type=CLASS, value=klass),
            *said,
        ]
        request = peer.Radius(code=ACCOUNTING_REQUEST, id=self._next(), authenticator=NOTHING, attributes=attributes)
        request.authenticator = request.compute_authenticator(NOTHING, self._secret)
        return self._asked(request, "acct")

    def _keyed(self, code: int, *attributes: peer.RadiusAttribute) -> peer.Radius:
        every = [*attributes, named(NAS_IDENTIFIER, "alun-alun-1")]
        return peer.Radius(code=code, id=self._next(), authenticator=secrets.token_bytes(16), attributes=every)

    def _signed(self, request: peer.Radius) -> peer.Radius:
        signature = peer.RadiusAttr_Message_Authenticator()
        request.attributes.append(signature)
        signature.value = signature.compute_message_authenticator(request, request.authenticator, self._secret)
        return request

    def _next(self) -> int:
        self._identifier += 1
        return self._identifier

    def _asked(self, request: peer.Radius, port: str = "auth") -> peer.Radius | None:
        """The answer as scapy reads it, once scapy has found it authentic; None when nothing comes."""
        address = self._server.acct_address if port == "acct" else self._server.auth_address
        self._socket.settimeout(PATIENCE if self._secret == SECRETS[ALUN_ALUN].encode() else SILENCE)
        self._socket.sendto(bytes(request), address)
        try:
            octets = self._socket.recv(4096)
        except TimeoutError:
            return None
        self._judge(octets, request)
        return peer.Radius(octets)

    def _judge(self, octets: bytes, request: peer.Radius) -> None:
        reply = peer.Radius(octets)
        assert reply.id == request.id
        assert reply.len == len(octets)
        assert reply.compute_authenticator(request.authenticator, self._secret) == reply.authenticator
        if peer.RadiusAttr_Message_Authenticator not in reply:
            assert reply.code == ACCOUNTING_RESPONSE, "only a report's acknowledgement may go without"
            return
        assert reply.attributes[0].type == MESSAGE_AUTHENTICATOR
        signature = reply.attributes[0].value  # computing it empties the packet's own
        computed = reply.attributes[0].compute_message_authenticator(reply, request.authenticator, self._secret)
        assert hmac.compare_digest(computed, signature)


def named(kind: int, text: str) -> peer.RadiusAttribute:
    return peer.RadiusAttribute(type=kind, value=text.encode())


def values(reply: peer.Radius, kind: int) -> list[object]:
    return [attribute.value for attribute in reply.attributes if attribute.type == kind]


@pytest.fixture
def scapy(radius: RadiusServer) -> Iterator[ScapyRouter]:
    with ScapyRouter(radius) as router:
        yield router


def test_the_right_password_is_accepted_within_limits(city: City, scapy: ScapyRouter) -> None:
    login = city.credential()

    reply = scapy.log_in(login)

    assert reply is not None
    assert reply.code == ACCESS_ACCEPT
    assert values(reply, SESSION_TIMEOUT) == [7_200]
    assert values(reply, CLASS) == [login.credential_id.bytes]
    (limit,) = (
        one
        for one in reply.attributes
        if peer.RadiusAttr_Vendor_Specific in one and (one.vendor_id, one.vendor_type) == (MIKROTIK, RATE_LIMIT)
    )
    assert limit.value == b"2000k/5000k"


def test_a_used_credential_and_a_wrong_password_are_rejected_with_words(city: City, scapy: ScapyRouter) -> None:
    login = city.credential(language="en")

    wrong = scapy.log_in(login, password="a guess")
    scapy.log_in(login)
    again = scapy.log_in(login)

    assert wrong is not None
    assert again is not None
    assert (wrong.code, again.code) == (ACCESS_REJECT, ACCESS_REJECT)
    assert values(again, REPLY_MESSAGE) == [b"This login was already used. Please start again."]
    assert len(values(wrong, REPLY_MESSAGE)) == 1


def test_a_session_is_acknowledged_from_start_to_stop_and_stored(city: City, scapy: ScapyRouter) -> None:
    admission = UUID(int=7).bytes
    interim = (
        peer.RadiusAttr_Acct_Session_Time(value=300),
        peer.RadiusAttr_Acct_Input_Octets(value=1_000),
        peer.RadiusAttr_Acct_Output_Octets(value=2_000),
    )
    stop = (
        peer.RadiusAttr_Acct_Session_Time(value=600),
        peer.RadiusAttr_Acct_Input_Octets(value=3_000),
        peer.RadiusAttr_Acct_Output_Octets(value=4_000),
        peer.RadiusAttr_Acct_Output_Gigawords(value=1),
        peer.RadiusAttr_Acct_Terminate_Cause(value=4),
    )

    replies = [
        scapy.report(status, admission, *said) for status, said in ((START, ()), (INTERIM, interim), (STOP, stop))
    ]

    assert [reply and reply.code for reply in replies] == [ACCOUNTING_RESPONSE] * 3
    with city.database.reading() as db:
        session = db.exec(select(GuestSession)).one()
    assert session.acct_session_id == "80100014"
    assert session.admission_id == UUID(int=7)
    assert session.device_id == city.device(GINA_MAC)
    assert (session.octets_from_device, session.octets_to_device, session.seconds) == (3_000, (1 << 32) + 4_000, 600)
    assert (session.ended_by, session.end_cause) == ("stop", 4)


@pytest.mark.parametrize(("port", "code"), [("auth", ACCESS_ACCEPT), ("acct", ACCOUNTING_RESPONSE)])
def test_whoever_asks_whether_we_are_alive_is_told(scapy: ScapyRouter, port: str, code: int) -> None:
    reply = scapy.status(port)

    assert reply is not None
    assert reply.code == code


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda city, router: router.log_in(city.credential()), "bad_message_authenticator"),
        (lambda city, router: router.status(), "bad_message_authenticator"),
        (lambda city, router: router.report(START, bytes(16)), "bad_authenticator"),
    ],
)
def test_a_wrong_secret_meets_silence(city: City, radius: RadiusServer, ask: object, reason: str) -> None:
    assert callable(ask)
    before = dropped(reason)

    with ScapyRouter(radius, "not-the-secret-of-any-router-here") as stranger:
        assert ask(city, stranger) is None

    assert dropped(reason) == before + 1
