"""Every message of the console has its Indonesian translation, and no translation is left over."""

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import hotspot.console
from hotspot.languages import LOCALES

CONSOLE = Path(hotspot.console.__file__).parent
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def messages() -> set[str]:
    options = {"templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
    found = extract_from_dir(CONSOLE, method_map=METHODS, options_map=options)
    return {text for _, _, text, _, _ in found if isinstance(text, str)}


def catalogue() -> Catalog:
    with (LOCALES / "id" / "console.po").open("rb") as file:
        return read_po(file, locale="id", abort_invalid=True)


def test_every_message_is_translated() -> None:
    translated = {message.id for message in catalogue() if message.id and message.string}

    assert len(messages()) > 50
    assert messages() - translated == set()


def test_no_translation_is_left_over() -> None:
    assert {message.id for message in catalogue() if message.id} - messages() == set()


def test_translations_have_the_same_placeholders() -> None:
    for message in catalogue():
        if message.id:
            assert PLACEHOLDER.findall(message.id) == PLACEHOLDER.findall(message.string), message.id
            assert not message.fuzzy, message.id


def test_templates_hold_no_text_outside_messages() -> None:
    """What a reader sees comes from the catalogue, a name, or a command that is typed as it stands."""
    outside = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<code>.*?</code>|<[^>]*>", re.DOTALL)
    for path in (CONSOLE / "templates").glob("*.html"):
        left = outside.sub(" ", outside.sub(" ", path.read_text()))
        words = set(re.findall(r"[^\W\d_]{2,}", left)) - {"Demo"}
        assert words == set(), path.name
