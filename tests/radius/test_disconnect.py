"""Asking a router to end or change a session, over UDP, against a router whose every reply the test chooses."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

import pytest
from pyrad import packet as peer  # type: ignore[import-untyped]
from pyrad.dictionary import Dictionary  # type: ignore[import-untyped]

from hotspot.radius.attributes import Attr, ErrorCause, MikroTik, make
from hotspot.radius.disconnect import (
    COA_PORT,
    Done,
    Ending,
    Evidence,
    Gone,
    NoAnswer,
    Outcome,
    Refused,
    Target,
    Unconfirmed,
    Unreachable,
    change,
    disconnect,
    meaning,
)
from hotspot.radius.metrics import BAD_REPLIES
from hotspot.radius.packet import Code, Packet, Secret, encode, flaw_in_request, sign_reply
from tests.radius.scripted_router import ACK, LONG, NAK, NOW, SECRET, SHORT, WORD, answer, nak, router, silence


def bad_replies(reason: str) -> float:
    return BAD_REPLIES.labels(reason)._value.get()


def test_a_disconnect_names_the_session_and_is_signed() -> None:
    with router(answer(ACK)) as box:
        outcome = disconnect(box.target, now=NOW)

    assert outcome == Done()
    (request,) = box.seen
    assert request.code == Code.DISCONNECT_REQUEST
    assert flaw_in_request(request, SECRET) is None
    (asked,) = box.asked
    assert next(iter(asked)) == Attr.MESSAGE_AUTHENTICATOR
    assert asked.text(Attr.ACCT_SESSION_ID) == "80100014"
    assert asked.text(Attr.USER_NAME) == "gina"
    assert asked.address(Attr.FRAMED_IP_ADDRESS) == IPv4Address("10.5.50.2")
    assert asked.text(Attr.NAS_IDENTIFIER) == "alun-alun-1"
    assert asked.moment(Attr.EVENT_TIMESTAMP) == NOW


def test_what_is_not_known_of_a_session_is_left_out() -> None:
    with router(answer(ACK)) as box:
        disconnect(replace(box.target, user_name=None, nas_identifier=None), now=NOW)

    assert set(box.asked[0]) == {80, Attr.ACCT_SESSION_ID, Attr.FRAMED_IP_ADDRESS, Attr.EVENT_TIMESTAMP}


def test_a_change_carries_the_new_limits() -> None:
    with router(answer(Code.COA_ACK)) as box:
        outcome = change(box.target, session_timeout=timedelta(minutes=10), rate_limit="512k/1M", now=NOW)

    assert outcome == Done()
    assert box.seen[0].code == Code.COA_REQUEST
    assert flaw_in_request(box.seen[0], SECRET) is None
    assert box.asked[0].integer(Attr.SESSION_TIMEOUT) == 600
    assert box.asked[0].text(MikroTik.RATE_LIMIT) == "512k/1M"


def test_a_change_of_one_limit_leaves_the_other_out() -> None:
    with router(answer(Code.COA_ACK)) as box:
        change(box.target, session_timeout=timedelta(0), now=NOW)
        change(box.target, rate_limit="1M", now=NOW)

    assert [(Attr.SESSION_TIMEOUT in asked, MikroTik.RATE_LIMIT in asked) for asked in box.asked] == [
        (True, False),
        (False, True),
    ]


def test_a_change_of_nothing_is_a_mistake() -> None:
    with router(silence) as box, pytest.raises(ValueError, match="nothing to change"):
        change(box.target, now=NOW)

    assert box.seen == []


def test_a_router_on_ipv6_is_asked_as_well() -> None:
    with router(answer(ACK), host="::1") as box:
        assert isinstance(box.target.address, IPv6Address)
        assert disconnect(box.target, now=NOW) == Done()


def test_identifiers_and_ports_can_not_be_foreseen() -> None:
    with router(answer(ACK)) as box:
        for _ in range(40):
            disconnect(box.target, now=NOW)

    identifiers = [packet.identifier for packet in box.seen]
    assert len(set(identifiers)) > 20
    assert sum((b - a) % 256 == 1 for a, b in pairwise(identifiers)) < 5
    assert len(set(box.sources)) > 20


def test_a_lost_request_is_sent_again_unchanged_from_the_same_port() -> None:
    with router(silence, silence, answer(ACK)) as box:
        outcome = disconnect(box.target, now=NOW, waits=(0.05, 0.05, 5.0))

    assert outcome == Done()
    assert len(box.seen) == 3
    assert len({packet.octets for packet in box.seen}) == 1
    assert len(set(box.sources)) == 1


def test_silence_ends_after_the_last_try() -> None:
    with router(silence) as box:
        outcome = disconnect(box.target, now=NOW, waits=SHORT)

    assert outcome == NoAnswer()
    assert len(box.seen) == len(SHORT)


@pytest.mark.parametrize(
    ("reason", "forge"),
    [
        ("malformed", lambda asked: b"\x29"),
        ("malformed", lambda asked: sign_reply(asked, ACK, (make(Attr.ERROR_CAUSE, 201),) * 2, SECRET)),
        ("bad_authenticator", lambda asked: sign_reply(asked, ACK, (), Secret(b"another"))),
        ("bad_authenticator", lambda asked: encode(Packet(ACK, asked.identifier, asked.authenticator))),
        ("wrong_identifier", lambda asked: encode(Packet(ACK, (asked.identifier + 1) % 256, asked.authenticator))),
        ("wrong_code", lambda asked: sign_reply(asked, Code.COA_ACK, (), SECRET)),
        ("wrong_code", lambda asked: sign_reply(asked, Code.DISCONNECT_REQUEST, (), SECRET)),
    ],
)
def test_a_forged_reply_is_dropped_and_counted_and_the_right_one_still_counts(
    reason: str, forge: Callable[[Packet], bytes]
) -> None:
    before = bad_replies(reason)
    with router(lambda asked: [forge(asked), *nak(ErrorCause.SESSION_CONTEXT_NOT_REMOVABLE)(asked)]) as box:
        outcome = disconnect(box.target, now=NOW, waits=LONG)

    assert outcome == Refused(ErrorCause.SESSION_CONTEXT_NOT_REMOVABLE)
    assert bad_replies(reason) == before + 1
    assert len(box.seen) == 1, "a forged reply does not hurry the next try"


def test_an_answer_to_an_earlier_question_is_no_answer_to_this_one() -> None:
    with router(answer(ACK)) as box:
        disconnect(box.target, now=NOW)
    earlier = box.seen[0]
    with router(lambda asked: [sign_reply(replace(earlier, identifier=asked.identifier), ACK, (), SECRET)]) as box:
        assert disconnect(box.target, now=NOW, waits=SHORT) == NoAnswer()


def test_forged_replies_without_end_do_not_prolong_the_waiting() -> None:
    over = threading.Event()
    sent: list[int] = []

    def flood(_: Packet) -> Iterator[bytes]:
        while not over.is_set() and len(sent) < 50_000:
            sent.append(1)
            yield b"\x29"

    with router(flood) as box:
        outcome = disconnect(box.target, now=NOW, waits=(0.05,))
        over.set()

    assert outcome == NoAnswer()
    assert len(sent) < 50_000


def test_a_reply_from_another_address_or_port_is_ignored() -> None:
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as elsewhere,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other_port,
    ):
        elsewhere.bind(("127.0.0.3", 0))
        other_port.bind(("127.0.0.2", 0))
        with router(silence) as box:

            def from_elsewhere(asked: Packet) -> list[bytes]:
                for stranger in (elsewhere, other_port):
                    stranger.sendto(sign_reply(asked, ACK, (), SECRET), ("127.0.0.1", box.sources[-1]))
                return []

            box.script = (from_elsewhere,)

            assert disconnect(box.target, now=NOW, waits=SHORT) == NoAnswer()
    assert len(box.seen) == len(SHORT)


@pytest.mark.parametrize(
    "cause",
    [ErrorCause.SESSION_CONTEXT_NOT_FOUND, ErrorCause.ADMINISTRATIVELY_PROHIBITED, ErrorCause.MISSING_ATTRIBUTE],
)
def test_a_refusal_brings_its_cause(cause: ErrorCause) -> None:
    with router(nak(cause)) as box:
        assert disconnect(box.target, now=NOW) == Refused(cause)
    with router(nak(cause, Code.COA_NAK)) as box:
        assert change(box.target, rate_limit="1M", now=NOW) == Refused(cause)


def test_a_refusal_may_give_no_cause() -> None:
    with router(answer(NAK)) as box:
        assert disconnect(box.target, now=NOW) == Refused(None)


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_router_that_speaks_through_pyrad_is_understood(is_signed: bool) -> None:
    def refuse(asked: Packet) -> list[bytes]:
        theirs = peer.CoAPacket(packet=asked.octets, secret=WORD, dict=Dictionary())
        assert theirs.VerifyCoARequest()
        assert theirs.verify_message_authenticator()
        reply = theirs.CreateReply(**({"message_authenticator": True} if is_signed else {}))
        reply.code = peer.CoANAK if asked.code == Code.COA_REQUEST else peer.DisconnectNAK
        reply[Attr.ERROR_CAUSE] = [(506).to_bytes(4, "big")]
        return [reply.ReplyPacket()]

    with router(refuse) as box:
        outcomes = {disconnect(box.target, now=NOW), change(box.target, rate_limit="1M", now=NOW)}

    assert outcomes == {Refused(ErrorCause.RESOURCES_UNAVAILABLE)}


@pytest.mark.parametrize("host", ["127.0.0.2", "::1"])
def test_a_closed_port_is_unreachable_at_once(host: str) -> None:
    with router(silence, host=host) as box:
        target = box.target

    outcome = disconnect(target, now=NOW, waits=LONG)

    assert outcome == Unreachable("Connection refused")


def test_an_address_that_the_system_refuses_is_unreachable() -> None:
    broadcast = Target(IPv4Address("127.255.255.255"), SECRET, "80100014", "gina", None)

    assert disconnect(broadcast, now=NOW, waits=LONG) == Unreachable("Permission denied")


def test_a_target_shows_neither_its_secret_nor_the_user_name() -> None:
    shown = repr(Target(IPv4Address("127.0.0.2"), SECRET, "80100014", "gina", None))

    assert "80100014" in shown
    assert WORD.decode() not in shown
    assert "gina" not in shown


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Done(), "done"),
        (Gone(Evidence.ROUTER), "does not know it any more"),
        (Gone(Evidence.ACCOUNTING), "accounting has reported its end"),
        (Unconfirmed(), "nothing confirms"),
        (Refused(ErrorCause.SESSION_CONTEXT_NOT_FOUND), "does not know this session"),
        (Refused(ErrorCause.MISSING_ATTRIBUTE), "missing attribute (402)"),
        (Refused(599), "error cause (599)"),
        (Refused(None), "no reason"),
        (NoAnswer(), "only be reachable through its tunnel, /radius incoming may say accept=no"),
        (Unreachable("No route to host"), "(No route to host)"),
    ],
)
def test_every_outcome_says_what_it_means(outcome: Outcome | Ending, words: str) -> None:
    assert words in meaning(outcome)
    assert meaning(outcome).endswith(".")


def test_the_port_is_that_of_the_rfc_unless_told_otherwise() -> None:
    assert Target(IPv4Address("127.0.0.2"), SECRET, "1", "gina", None).port == COA_PORT == 3799
