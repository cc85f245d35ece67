"""A session is called gone only when that is confirmed."""

import pytest

from hotspot.radius import disconnect as door
from hotspot.radius.attributes import ErrorCause
from hotspot.radius.disconnect import (
    Ending,
    Evidence,
    Gone,
    NoAnswer,
    Outcome,
    Refused,
    Unconfirmed,
    Unreachable,
    disconnect_and_verify,
)
from tests.radius.scripted_router import ACK, LONG, NOW, SHORT, Replies, ScriptedRouter, answer, nak, router, silence


def ending_of(box: ScriptedRouter, *gone: bool, waits: tuple[float, ...] = LONG) -> tuple[Ending, list[float]]:
    """Disconnect; the stored session is gone at the looks that say so, and stays as the last one said."""
    looks = list(gone)
    waited: list[float] = []
    outcome = disconnect_and_verify(
        box.target,
        now=NOW,
        is_gone=lambda: looks.pop(0) if len(looks) > 1 else looks[0],
        waits=waits,
        wait=waited.append,
    )
    return outcome, waited


def test_a_router_that_knows_the_session_no_more_confirms_its_own_word() -> None:
    with router(answer(ACK), nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)) as box:
        assert ending_of(box, False) == (Gone(Evidence.ROUTER), [])

    assert len(box.seen) == 2


def test_the_second_question_is_never_a_repetition_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door._CHANCE, "randrange", lambda *_: 7)  # two draws could be the same
    for _ in range(20):
        with router(answer(ACK), nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)) as box:
            ending_of(box, False)
        assert box.seen[0].identifier != box.seen[1].identifier
        assert box.seen[0].octets != box.seen[1].octets


def test_a_session_that_the_router_never_knew_is_asked_for_twice() -> None:
    with router(nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)) as box:
        assert ending_of(box, False) == (Gone(Evidence.ROUTER), [])

    assert len(box.seen) == 2


def test_the_stop_confirms_without_a_second_question() -> None:
    with router(answer(ACK)) as box:
        assert ending_of(box, True) == (Gone(Evidence.ACCOUNTING), [])

    assert len(box.seen) == 1


@pytest.mark.parametrize("second", [answer(ACK), silence, nak(ErrorCause.RESOURCES_UNAVAILABLE)])
def test_without_a_clear_second_answer_the_stop_decides(second: Replies) -> None:
    with router(answer(ACK), second) as box:
        ending = ending_of(box, False, False, False, True, waits=SHORT)

    assert ending == (Gone(Evidence.ACCOUNTING), [0.0, 0.5, 1.0])


def test_without_any_confirmation_nobody_claims_that_it_is_gone() -> None:
    with router(answer(ACK)) as box:
        outcome, waited = ending_of(box, False)

    assert outcome == Unconfirmed()
    assert waited == list(door.LOOKS)


def test_a_lost_answer_is_made_good_by_the_stop() -> None:
    with router(silence) as box:
        assert ending_of(box, True, waits=SHORT) == (Gone(Evidence.ACCOUNTING), [])


@pytest.mark.parametrize(
    ("first", "outcome"),
    [
        (silence, NoAnswer()),
        (nak(ErrorCause.ADMINISTRATIVELY_PROHIBITED), Refused(ErrorCause.ADMINISTRATIVELY_PROHIBITED)),
    ],
)
def test_a_refusal_and_silence_are_told_as_they_are(first: Replies, outcome: Outcome) -> None:
    with router(first) as box:
        assert ending_of(box, False, waits=SHORT) == (outcome, [])


def test_a_closed_port_is_told_as_it_is() -> None:
    with router(silence) as box:
        target = box.target

    outcome = disconnect_and_verify(target, now=NOW, is_gone=lambda: False)

    assert outcome == Unreachable("Connection refused")
