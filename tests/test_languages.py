from gettext import NullTranslations

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from hotspot.languages import LOCALES, choose, known_languages, translations


def test_english_and_indonesian_are_known() -> None:
    assert known_languages()[0] == "en"
    assert "id" in known_languages()


def test_indonesian_speaks_indonesian_and_the_rest_english() -> None:
    assert translations("id").gettext("Language") == "Bahasa"
    for language in ("en", "xx", "", "../locales/id", "id/../id"):
        assert type(translations(language)) is NullTranslations
        assert translations(language).gettext("Language") == "Language"


def test_a_message_without_translation_is_said_in_english() -> None:
    assert translations("id").gettext("There is no such message") == "There is no such message"


@pytest.mark.parametrize("path", sorted(LOCALES.rglob("*.po")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_message_is_translated_with_the_same_holes(path) -> None:  # type: ignore[no-untyped-def]
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parent.name, abort_invalid=True)

    for message in catalog:
        if message.id:
            assert message.string, f"{message.id!r} is not translated"
            assert not message.fuzzy, f"{message.id!r} is fuzzy"
            assert not list(message.check(catalog)), message.id


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        ("en", "id", "en"),
        ("fr", "en", "en"),
        (None, None, "id"),
        ("", "", "id"),
        (None, "en-GB,en;q=0.9,id;q=0.8", "en"),
        (None, "fr, id;q=0.5, en;q=0.7", "en"),
        (None, "EN", "en"),
        (None, "en;q=0, id;q=0.1", "id"),
        (None, "en;q=nan, id;q=0.1", "id"),
        (None, "en;q=inf, id;q=0.1", "id"),
        (None, "en;q=-1", "id"),
        (None, "en;level=1", "en"),
        (None, "*", "id"),
        (None, "x" * 10_000 + ",en", "id"),
        (None, "en;q=1.000", "en"),
    ],
)
def test_what_was_asked_for_comes_before_what_the_browser_likes(
    asked: str | None, header: str | None, language: str
) -> None:
    assert choose(("id", "en"), asked, header) == language


@given(st.none() | st.text(), st.none() | st.text(st.sampled_from("ide n,;q=019.-*")) | st.text())
def test_whatever_a_browser_sends_a_language_is_chosen(asked: str | None, header: str | None) -> None:
    assert choose(("id", "en"), asked, header) in ("id", "en")
