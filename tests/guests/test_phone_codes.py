"""Codes for phones: how they are asked for, sent, guessed at, entered and forgotten."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from hotspot.db import Database
from hotspot.guests import phone_codes, phone_limits, phone_messages
from hotspot.guests.limits import Exceeded
from hotspot.guests.phone_codes import LIFE, MOST_TRIES, Nothing, Right, Unreadable, Visitor, Waiting, Wrong
from hotspot.guests.phone_limits import OF_A_DEVICE, OF_A_PHONE, OF_A_PREFIX, OF_A_SITE, WRONG_AT_A_SITE, Limit
from hotspot.guests.phone_models import MessageState
from hotspot.guests.phone_numbers import PhoneNumber
from hotspot.settings import Settings
from tests.world import World

GINAS = PhoneNumber.parse("081278123456", ["ID"])


class Desk:
    """Where codes are asked for and entered, with the messages that were queued meanwhile."""

    def __init__(self, world: World, database: Database, settings: Settings, now: datetime) -> None:
        self.world, self.database, self.settings, self.now = world, database, settings, now
        self.gina = Visitor(world.alun_alun, world.device())
        self.messages_a_day = 10_000

    def ask(self, number: PhoneNumber = GINAS, visitor: Visitor | None = None) -> Waiting | Exceeded:
        with self.database.writing() as db:
            return phone_codes.ask(
                db,
                visitor or self.gina,
                number,
                language="id",
                messages_a_day=self.messages_a_day,
                keys=self.settings.keys,
                now=self.now,
            )

    def again(self, code_id: UUID, visitor: Visitor | None = None) -> Waiting | Exceeded | Nothing:
        with self.database.writing() as db:
            return phone_codes.send_again(
                db,
                visitor or self.gina,
                code_id,
                messages_a_day=self.messages_a_day,
                keys=self.settings.keys,
                now=self.now,
            )

    def enter(self, typed: str, visitor: Visitor | None = None, press: UUID | None = None) -> object:
        who, keys = visitor or self.gina, self.settings.keys
        with self.database.writing() as db:
            return phone_codes.enter(db, who, typed, press=press or uuid4(), keys=keys, now=self.now)

    def waiting(self, visitor: Visitor | None = None) -> Waiting | None:
        with self.database.reading() as db:
            return phone_codes.find_waiting(db, visitor or self.gina, now=self.now)

    def code_of(self, waiting: object) -> str:
        """What the message says; here it is read from what is sealed."""
        assert isinstance(waiting, Waiting)
        with self.database.reading() as db:
            found = phone_codes.unsealed(db.get_one(phone_codes.PhoneCode, waiting.code_id), self.settings.keys)
        assert found is not None
        return found[1]

    def wrong_code(self, waiting: object) -> str:
        return f"{(int(self.code_of(waiting)) + 1) % 1_000_000:06}"

    def states(self) -> list[str]:
        with self.database.reading() as db:
            return list(db.scalars(text("SELECT state FROM phone_message ORDER BY queued_at, id")))


@pytest.fixture
def desk(world: World, database: Database, settings: Settings, now: datetime) -> Desk:
    return Desk(world, database, settings, now)


def number(digits: int) -> PhoneNumber:
    return PhoneNumber(f"+6281{digits:09}")


# --- asking and entering -------------------------------------------------------------------------------------------------


def test_the_code_that_was_sent_lets_its_phone_in_and_only_once(desk: Desk) -> None:
    code = desk.code_of(desk.ask())

    assert desk.enter(f" {code[:3]}-{code[3:]} ") == Right(desk.settings.keys.phone_id(GINAS.text))
    assert desk.enter(code) == Nothing()
    assert desk.waiting() is None


def test_of_many_who_enter_the_code_at_once_one_gets_in(desk: Desk) -> None:
    code = desk.code_of(desk.ask())

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(desk.enter, [code] * 8))

    assert [type(result) for result in results].count(Right) == 1


def test_a_button_that_is_pressed_twice_gets_the_same_answer_for_a_minute_and_for_the_same_code_alone(
    desk: Desk,
) -> None:
    waiting, press = desk.ask(), uuid4()
    code, wrong = desk.code_of(waiting), desk.wrong_code(waiting)

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: desk.enter(code, press=press), range(4)))

    assert {type(result) for result in results} == {Right}
    assert desk.enter(wrong, press=press) == Nothing()
    assert desk.enter(code) == Nothing()
    desk.now += timedelta(minutes=1)
    assert desk.enter(code, press=press) == Nothing()


def test_many_guesses_at_once_are_not_more_than_the_tries(desk: Desk) -> None:
    wrong = desk.wrong_code(desk.ask())

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(desk.enter, [wrong] * 12))

    assert sorted(result.tries_left for result in results if isinstance(result, Wrong)) == [0, 1, 2, 3, 4]


def test_after_five_wrong_tries_the_right_code_is_no_good(desk: Desk) -> None:
    waiting = desk.ask()
    code, wrong = desk.code_of(waiting), desk.wrong_code(waiting)

    assert [desk.enter(wrong) for _ in range(MOST_TRIES)] == [Wrong(left) for left in (4, 3, 2, 1, 0)]
    assert desk.enter(code) == Nothing()


def test_what_is_no_code_is_no_try(desk: Desk) -> None:
    code = desk.code_of(desk.ask())

    for typed in ("", "12345", "1234567", "12345a", "²²²²²²x", "halo" * 100):
        assert desk.enter(typed) == Unreadable()
    assert isinstance(desk.enter("".join(chr(ord("٠") + int(digit)) for digit in code)), Right), (
        "Arabic digits are digits"
    )


def test_a_code_is_good_for_ten_minutes(desk: Desk) -> None:
    code = desk.code_of(desk.ask())
    desk.now += LIFE

    assert desk.enter(code) == Nothing()


def test_a_code_is_good_at_its_own_site_with_its_own_device(desk: Desk) -> None:
    code = desk.code_of(desk.ask())

    assert desk.enter(code, Visitor(desk.world.perpustakaan, desk.world.device())) == Nothing()
    assert desk.enter(code, Visitor(desk.world.alun_alun, uuid4())) == Nothing()
    assert isinstance(desk.enter(code), Right)


def test_a_double_tap_is_one_code_and_one_message(desk: Desk) -> None:
    with ThreadPoolExecutor(4) as threads:
        waiting = {asked.code_id for asked in threads.map(lambda _: desk.ask(), range(4))}

    assert len(waiting) == 1
    assert desk.states() == [MessageState.QUEUED]


def test_a_corrected_number_gets_its_code_at_once_and_the_first_one_stays_good(desk: Desk) -> None:
    first = desk.code_of(desk.ask(number(278000001)))
    desk.now += timedelta(seconds=1)
    second = desk.ask()

    assert desk.waiting() == second
    assert desk.enter(desk.code_of(second)) == Right(desk.settings.keys.phone_id(GINAS.text))
    assert desk.enter(first) == Right(desk.settings.keys.phone_id("+6281278000001"))


def test_the_same_code_is_sent_again_after_pauses_that_grow(desk: Desk) -> None:
    waiting = desk.ask()
    pauses = []
    for _ in range(3):
        pauses.append(waiting.again_at - desk.now)
        assert desk.again(waiting.code_id) == waiting, "too soon, and nothing is sent"
        desk.now = waiting.again_at
        waiting = desk.again(waiting.code_id)

    assert [pause.total_seconds() for pause in pauses] == [30, 60, 120]
    assert len(desk.states()) == 4
    assert isinstance(desk.enter(desk.code_of(waiting)), Right)


def test_only_its_own_device_has_a_code_sent_again(desk: Desk) -> None:
    waiting = desk.ask()
    desk.now = waiting.again_at

    assert desk.again(waiting.code_id, Visitor(desk.world.alun_alun, uuid4())) == Nothing()


# --- limits --------------------------------------------------------------------------------------------------------------


def test_a_million_guesses_at_one_phone_in_a_day_are_twenty_five(desk: Desk) -> None:
    evaluated = 0
    for turn in range(12):
        visitor = Visitor(desk.world.alun_alun, UUID(int=turn))
        waiting = desk.ask(visitor=visitor)
        assert isinstance(waiting, Waiting), "the page says the same every time"
        for _ in range(MOST_TRIES + 1):
            guess = desk.enter(desk.wrong_code(waiting), visitor)
            evaluated += isinstance(guess, Wrong) and turn < OF_A_PHONE.most
        right = desk.enter(desk.code_of(waiting), visitor)
        assert isinstance(right, Nothing | Exceeded)
        desk.now += timedelta(minutes=11)

    assert evaluated == MOST_TRIES * OF_A_PHONE.most == 25
    assert desk.states().count(MessageState.QUEUED) == OF_A_PHONE.most
    assert desk.states().count(MessageState.HELD) == 12 - OF_A_PHONE.most


def test_a_code_that_nobody_was_sent_is_never_right(desk: Desk) -> None:
    for turn in range(OF_A_PHONE.most):
        desk.ask(visitor=Visitor(desk.world.alun_alun, UUID(int=turn)))
    held = desk.ask()

    assert desk.enter(desk.code_of(held)) == Wrong(4)


def test_who_has_no_message_left_gets_none_by_asking_for_the_same_again(desk: Desk) -> None:
    waiting = desk.ask()
    for turn in range(OF_A_PHONE.most - 1):
        desk.ask(visitor=Visitor(desk.world.alun_alun, UUID(int=turn)))
    desk.now = waiting.again_at

    assert isinstance(desk.again(waiting.code_id), Waiting)

    assert desk.states() == [MessageState.QUEUED] * OF_A_PHONE.most + [MessageState.HELD]


def test_one_device_has_ten_messages_a_day(desk: Desk) -> None:
    asked = [desk.ask(number(278_000_000 + 10_000 * turn)) for turn in range(OF_A_DEVICE.most + 1)]

    assert [isinstance(one, Exceeded) for one in asked] == [False] * OF_A_DEVICE.most + [True]
    assert asked[-1].limit is OF_A_DEVICE


def test_a_prefix_whose_codes_nobody_enters_is_closed_and_others_are_not(desk: Desk) -> None:
    most = OF_A_PREFIX[0].most
    asked = [
        desk.ask(number(278_000_000 + turn), Visitor(desk.world.alun_alun, UUID(int=turn))) for turn in range(most + 1)
    ]

    assert [one.limit for one in asked if isinstance(one, Exceeded)] == [OF_A_PREFIX[0]]
    assert isinstance(desk.ask(GINAS), Waiting)
    desk.now += timedelta(minutes=10)
    assert isinstance(desk.ask(number(278_009_999)), Waiting), "it opens again by itself"


def test_people_who_enter_their_codes_are_never_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_limits, "OF_A_PREFIX", (Limit("prefix", 3, timedelta(minutes=10)),))
    monkeypatch.setattr(phone_limits, "OF_A_SITE", (Limit("site", 3, timedelta(minutes=10)),))
    monkeypatch.setattr(phone_limits, "WRONG_ANYWHERE", (Limit("anywhere", 2, timedelta(minutes=10)),))

    for turn in range(12):
        visitor = Visitor(desk.world.alun_alun, UUID(int=turn))
        waiting = desk.ask(number(278_000_000 + turn), visitor)
        assert desk.enter(desk.wrong_code(waiting), visitor) == Wrong(4), "everybody mistypes once"
        assert isinstance(desk.enter(desk.code_of(waiting), visitor), Right)


def test_a_site_where_codes_are_guessed_is_closed_and_others_are_not(desk: Desk) -> None:
    wrong: list[object] = []
    for turn in range(WRONG_AT_A_SITE[0].most // MOST_TRIES + 1):
        visitor = Visitor(desk.world.alun_alun, UUID(int=turn))
        waiting = desk.ask(number(278_000_000 + 10_000 * turn), visitor)
        wrong += [desk.enter(desk.wrong_code(waiting), visitor) for _ in range(MOST_TRIES)]

    assert [type(one) for one in wrong].count(Wrong) == WRONG_AT_A_SITE[0].most
    assert isinstance(wrong[-1], Exceeded)
    assert wrong[-1].limit is WRONG_AT_A_SITE[0]
    elsewhere = Visitor(desk.world.perpustakaan, desk.world.device())
    assert isinstance(desk.enter(desk.code_of(desk.ask(visitor=elsewhere)), elsewhere), Right)


def test_the_operator_says_how_many_messages_a_day_there_are(desk: Desk) -> None:
    desk.messages_a_day = 1
    waiting = desk.ask()
    assert isinstance(desk.enter(desk.code_of(waiting)), Right)

    assert isinstance(desk.ask(number(278_000_001), Visitor(desk.world.perpustakaan, uuid4())), Exceeded), (
        "money is money"
    )
    desk.now += timedelta(days=1)
    assert isinstance(desk.ask(), Waiting)


def test_a_resend_is_a_message_too(desk: Desk) -> None:
    desk.messages_a_day = 1
    waiting = desk.ask()
    desk.now = waiting.again_at

    assert isinstance(desk.again(waiting.code_id), Exceeded)


def test_a_site_where_nobody_enters_codes_is_closed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_limits, "OF_A_SITE", (Limit("of a site", 2, timedelta(minutes=10)),))
    asked = [
        desk.ask(number(278_000_000 + 10_000 * turn), Visitor(desk.world.alun_alun, UUID(int=turn)))
        for turn in range(3)
    ]

    assert [type(one) for one in asked] == [Waiting, Waiting, Exceeded]
    assert OF_A_SITE[0].most > 2


# --- what is known -------------------------------------------------------------------------------------------------------


def test_no_number_and_no_code_stands_in_the_database(desk: Desk) -> None:
    waiting = desk.ask()
    code = desk.code_of(waiting)

    with desk.database.reading() as db:
        rows = [
            str(dict(row))
            for table in ("phone_code", "phone_message", "limit_window", "procrastinate_jobs")
            for row in db.execute(text(f"SELECT * FROM {table}")).mappings()
        ]
    assert len(rows) > 5
    for secret in (GINAS.text, GINAS.digits, GINAS.national, GINAS.prefix, code):
        assert not any(secret in row.replace(str(waiting.code_id), "") for row in rows)


def test_who_has_typed_the_number_is_shown_its_end_until_it_is_forgotten(desk: Desk) -> None:
    waiting = desk.ask()
    with desk.database.reading() as db:
        assert phone_codes.ending(db, waiting.code_id, desk.settings.keys) == "456"
        assert phone_codes.ending(db, uuid4(), desk.settings.keys) == ""

    desk.enter(desk.code_of(waiting))

    with desk.database.reading() as db:
        assert phone_codes.ending(db, waiting.code_id, desk.settings.keys) == ""


def test_numbers_are_forgotten_with_their_codes_life_and_codes_a_day_later(desk: Desk) -> None:
    waiting = desk.ask()

    def left(at: datetime) -> tuple[int, int]:
        with desk.database.writing() as db:
            phone_codes.forget_phone_codes(db, now=at)
            return tuple(db.execute(text("SELECT count(*), count(sealed) FROM phone_code")).one())

    assert left(desk.now + LIFE - timedelta(seconds=1)) == (1, 1)
    assert left(desk.now + LIFE) == (1, 0)
    assert left(desk.now + LIFE + timedelta(days=1)) == (0, 0)
    assert desk.states() == [], "and the messages with them"
    del waiting


# --- sending -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def outbox(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that messages go to, and a desk whose clock is the machine's: the errand reads that one."""
    path = tmp_path / "messages"
    (tmp_path / "senders.toml").write_text(f'[[sender]]\nname = "outbox"\nkind = "file"\npath = "{path}"\n')
    desk.settings = desk.settings.model_copy(update={"senders_file": tmp_path / "senders.toml"})
    desk.now = datetime.now(desk.now.tzinfo)
    yield path
    phone_messages.post_of.cache_clear()
    phone_messages.messaging_of.cache_clear()


def bring(desk: Desk) -> None:
    """Do every errand that was queued, as a worker would, and once more, as one would whose predecessor died."""
    with desk.database.reading() as db:
        queued = list(db.scalars(text("SELECT args->'args' FROM procrastinate_jobs ORDER BY id")))
    for args in queued:
        phone_messages.bring(desk.database, desk.settings, args)


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_message_says_the_code_in_the_language_chosen(desk: Desk, outbox: Path) -> None:
    code = desk.code_of(desk.ask())

    bring(desk)

    (line,) = lines(outbox)
    assert line["to"] == GINAS.text
    assert line["text"].startswith(f"Kode Anda untuk Wi-Fi gratis Kota Pangkalpinang: {code}. ")
    assert len(line["text"]) <= 160, "one SMS"
    assert desk.states() == [MessageState.SENT]


def test_an_errand_that_is_done_twice_sends_one_message(desk: Desk, outbox: Path) -> None:
    desk.ask()

    bring(desk)
    bring(desk)

    assert len(lines(outbox)) == 1
    assert desk.states() == [MessageState.SENT]


def test_a_message_whose_worker_died_in_between_is_not_sent_again(desk: Desk, outbox: Path) -> None:
    desk.ask()
    with desk.database.writing() as db:
        db.execute(text("UPDATE phone_message SET state = 'sending'"))

    bring(desk)

    assert lines(outbox) == []
    assert desk.states() == [MessageState.UNSURE]


def test_a_message_that_nobody_takes_has_failed_and_is_said_to_have(desk: Desk, outbox: Path) -> None:
    outbox.mkdir()
    desk.ask()

    bring(desk)

    waiting = desk.waiting()
    assert waiting is not None
    assert waiting.has_failed
    assert desk.ask() != waiting, "the same number may be tried again at once"


def test_a_message_to_a_phone_that_has_had_its_own_is_sent_to_nobody(desk: Desk, outbox: Path) -> None:
    for turn in range(OF_A_PHONE.most + 1):
        desk.ask(visitor=Visitor(desk.world.alun_alun, UUID(int=turn)))

    bring(desk)

    assert len(lines(outbox)) == OF_A_PHONE.most
    assert desk.states().count(MessageState.HELD) == 1
    waiting = desk.waiting(Visitor(desk.world.alun_alun, UUID(int=OF_A_PHONE.most)))
    assert waiting is not None
    assert not waiting.has_failed


def test_a_message_that_comes_too_late_to_be_of_use_is_not_sent(desk: Desk, outbox: Path) -> None:
    desk.now -= LIFE - timedelta(minutes=1)
    desk.ask()

    bring(desk)

    assert lines(outbox) == []
    assert desk.states() == [MessageState.FAILED]


def test_the_operators_own_words_are_sent(desk: Desk, outbox: Path) -> None:
    file = outbox.parent / "senders.toml"
    file.write_text('[texts]\nid = "{city}: {code}"\n' + file.read_text())
    code = desk.code_of(desk.ask())

    bring(desk)

    assert [line["text"] for line in lines(outbox)] == [f"Kota Pangkalpinang: {code}"]


def test_without_senders_nothing_is_sent_but_in_a_demo_it_is_shown(
    desk: Desk, outbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.settings = desk.settings.model_copy(update={"senders_file": None})
    desk.ask()
    bring(desk)
    assert desk.states() == [MessageState.FAILED]
    desk.now += timedelta(seconds=1)

    desk.settings = desk.settings.model_copy(update={"demo": True})
    code = desk.code_of(desk.ask(number(278000001)))
    bring(desk)

    assert code in capsys.readouterr().err
