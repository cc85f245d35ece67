"""The languages of the pages: English in the code, every other one a folder of gettext catalogues, ``hotspot/locales/<language>/``.

Catalogues are read as ``.po`` text at first use, so a further language is its ``.po`` file and nothing else.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent / "locales"
CODE_LANGUAGE = "en"
QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")  # RFC 9110 §12.4.2


@cache
def translations(language: str) -> NullTranslations:
    """Return the language's messages; an unknown language speaks English."""
    if language == CODE_LANGUAGE or language not in known_languages():
        return NullTranslations()
    together = messages_of(language)
    compiled = BytesIO()
    write_mo(compiled, together)
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def messages_of(language: str) -> Catalog:
    """Return what is translated into a known language other than the code's."""
    together = Catalog(locale=language)
    for path in sorted((LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id and message.string:
                    together.add(message.id, message.string, context=message.context)
    return together


@cache
def known_languages() -> tuple[str, ...]:
    return (CODE_LANGUAGE, *sorted(path.name for path in LOCALES.iterdir() if path.is_dir()))


def choose(available: Sequence[str], asked: str | None, accept_language: str | None) -> str:
    """Return the language to answer in: what was asked for, else the browser's best (RFC 9110 §12.5.4), else the first."""
    if asked is not None and asked in available:
        return asked
    return next((language for language in _wanted(accept_language or "") if language in available), available[0])


def _wanted(accept_language: str) -> Iterable[str]:
    weighed = []
    for position, part in enumerate(accept_language[:200].split(",")):
        tag, _, parameter = part.partition(";")
        weighed.append((-_weight(parameter), position, tag.strip().lower().partition("-")[0]))
    return [language for weight, _, language in sorted(weighed) if weight < 0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    return float(value) if QUALITY.fullmatch(value.strip()) else 0.0
