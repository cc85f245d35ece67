"""The words of a refusal: short, in the guest's language, with the time it is over, and found again in what a router shows."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from hotspot.guests import refusals
from hotspot.guests.refusals import Refusal, recognise, words
from hotspot.languages import LOCALES

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=ZoneInfo("Asia/Jakarta"))
SIX = NOON.replace(hour=6) + timedelta(days=1)


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize("language", ["id", "en", "xx"])
def test_every_refusal_has_short_words_and_is_recognised(refusal: Refusal, language: str) -> None:
    said = words(refusal, language, until=SIX, now=NOON)

    assert len(said.encode()) <= 120
    assert "{" not in said
    found = recognise(f"  {said}\n")
    assert found is not None
    assert found.text == said
    assert words(found.refusal, language, until=SIX, now=NOON) == said


@pytest.mark.parametrize(
    ("language", "until", "said"),
    [
        ("id", NOON.replace(hour=18), "Wi-Fi sedang tutup. Buka kembali pukul 18.00."),
        ("id", SIX, "Wi-Fi sedang tutup. Buka kembali pukul 06.00 besok."),
        ("en", NOON.replace(hour=18), "The Wi-Fi is closed now. It opens at 18:00."),
        ("en", SIX, "The Wi-Fi is closed now. It opens at 06:00 tomorrow."),
        ("en", SIX + timedelta(days=2), "The Wi-Fi is closed now. It opens at 06:00 on 2026-03-05."),
    ],
)
def test_a_refusal_says_when_it_is_over_as_people_do(language: str, until: datetime, said: str) -> None:
    assert words(Refusal.CLOSED, language, until=until, now=NOON) == said


def test_a_block_without_an_end_names_none() -> None:
    assert words(Refusal.BLOCKED, "en") == "This device may not use the public Wi-Fi. Please ask the staff."
    assert "until 18:00" in words(Refusal.BLOCKED, "en", until=NOON.replace(hour=18), now=NOON)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "invalid username or password",
        "Your time for today is used up. You can connect again at <script>alert(1)</script>.",
        "Your time for today is used up. You can connect again at http://evil.example/ now.",
        "The Wi-Fi is closed now. It opens at 06:00. Call 0800-EVIL",
    ],
)
def test_what_is_not_exactly_ours_is_not_recognised(text: str) -> None:
    assert recognise(text) is None


def test_guesses_learn_nothing_from_the_words() -> None:
    guessed = {Refusal.UNKNOWN, Refusal.WRONG_PASSWORD, Refusal.OTHER_SITE, Refusal.OTHER_DEVICE, Refusal.INCOMPLETE}

    assert len({words(refusal, "id") for refusal in guessed}) == 1


def test_the_catalogue_holds_exactly_these_words() -> None:
    used = {message for _, message, _, _ in extract_from_file("python", refusals.__file__, keywords={"N_": None})}
    with (LOCALES / "id" / "guests.po").open("rb") as file:
        known = {message.id: message.string for message in read_po(file) if message.id}

    assert known.keys() == used
    assert all(known.values())
