"""Several senders: in order, once each, and left in peace while they don't work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from hotspot.guests.phone_numbers import PhoneNumber
from hotspot.guests.senders.messages import Failed, Kind, Message, Outcome, Sent
from hotspot.guests.senders.post import MOST_FAILURES, REST, NobodyTook, Post, Tried

AWAY = Failed(Kind.UNREACHABLE, "ConnectError")
NO = Failed(Kind.REFUSED, "status 400")
UNSURE = Failed(Kind.UNSURE, "ReadTimeout")


@dataclass
class Saying:
    """A sender that says what it is told to say."""

    name: str
    outcome: Outcome = field(default_factory=Sent)
    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Outcome:
        self.messages.append(message)
        return self.outcome


def asked(senders: Sequence[Saying]) -> list[int]:
    return [len(sender.messages) for sender in senders]


def a_message() -> Message:
    return Message(uuid4(), PhoneNumber.parse("081278123456", ["ID"]), "Kode 042137", "042137", "id")


def test_the_first_that_takes_it_is_the_only_one_that_gets_it(now: datetime) -> None:
    senders = [Saying("first"), Saying("second")]

    assert Post(senders).deliver(a_message(), now=now) == Tried("first", Sent())
    assert asked(senders) == [1, 0]


def test_the_next_one_is_asked_when_it_was_certainly_not_sent(now: datetime) -> None:
    senders = [Saying("away", AWAY), Saying("no", NO), Saying("third")]

    assert Post(senders).deliver(a_message(), now=now) == Tried("third", Sent())


def test_what_may_be_on_its_way_is_not_sent_again_by_another(now: datetime) -> None:
    senders = [Saying("first", UNSURE), Saying("second")]

    assert Post(senders).deliver(a_message(), now=now) == Tried("first", UNSURE)
    assert asked(senders) == [1, 0]


def test_who_had_the_last_try_is_asked_last(now: datetime) -> None:
    senders = [Saying("first"), Saying("second")]

    assert Post(senders).deliver(a_message(), now=now, last="first") == Tried("second", Sent())


def test_nobody_took_it_and_why(now: datetime) -> None:
    assert Post([Saying("away", AWAY), Saying("no", NO)]).deliver(a_message(), now=now) == NobodyTook(
        ["away: ConnectError", "no: status 400"]
    )
    assert Post([]).deliver(a_message(), now=now) == NobodyTook([])


def test_a_sender_that_does_not_work_rests_until_one_message_finds_it_well(now: datetime) -> None:
    away, other = Saying("away", AWAY), Saying("other")
    post = Post([away, other])

    for _ in range(MOST_FAILURES + 2):
        assert post.deliver(a_message(), now=now) == Tried("other", Sent())
    assert len(away.messages) == MOST_FAILURES, "then it rests"

    post.deliver(a_message(), now=now + REST)
    post.deliver(a_message(), now=now + REST)
    assert len(away.messages) == MOST_FAILURES + 1, "one finds out, in vain"

    away.outcome = Sent()
    for _ in range(2):
        assert post.deliver(a_message(), now=now + 2 * REST) == Tried("away", Sent())


def test_a_no_is_an_answer_and_no_reason_to_rest(now: datetime) -> None:
    no, other = Saying("no", NO), Saying("other")
    post = Post([no, other])

    for minute in range(2 * MOST_FAILURES):
        post.deliver(a_message(), now=now + timedelta(minutes=minute))

    assert asked([no, other]) == [2 * MOST_FAILURES] * 2
