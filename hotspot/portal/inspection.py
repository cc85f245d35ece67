"""What is wrong with a theme, for the designer who makes it: each finding says in which file and line, and what to do.

A theme's own files are read line by line, then every sample page is rendered in every language, with what the theme inherits. What only a
browser can tell — sizes, focus, what a screen reader says — is tested with the default theme.
"""

import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final, NamedTuple

from babel.messages.extract import extract_from_file
from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError

from hotspot.languages import CODE_LANGUAGE, known_languages, messages_of
from hotspot.portal.contrast import faint
from hotspot.portal.samples import ROUTER, SAMPLES, Sample, render
from hotspot.themes import DEFAULT, FORBIDDEN, MORE, BadTheme, Theme, get_theme, style_of

FIRST_VIEW: Final = (
    13 * 1024
)  # octets, compressed: what arrives in the first round trip (RFC 6928), without 1 KiB of headers
ADDRESSES: Final = ("href", "src", "action", "formaction", "srcset", "poster", "data", "xlink:href", "background")
ABSOLUTE: Final = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|//|\\)", re.IGNORECASE)
IN_TEMPLATES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        (r"<\s*script", "take the script out: phones' small browsers don't run it, and the page's policy forbids it"),
        (r"""\son[a-z]+\s*=\s*["'{]""", "take the event handler out: no script runs on these pages"),
        (r"""\sstyle\s*=\s*["'{]""", "give it a class, and its style in style.css: the page's policy forbids style="),
        (r"<\s*style(?![^>]*>\s*\{\{ style \}\})", "put it into style.css: the policy knows that one by its hash"),
        (r"<\s*(?:link|iframe|object|embed|base|audio|video)\b", "take it out: nothing is loaded from anywhere"),
        (r"""["'(]\s*(?:https?:)?//[a-z0-9]""", "take the address out: guests have no internet yet"),
        (r"\|\s*safe\b|autoescape\s+false|Markup\(", "leave the text escaped: it may come from anybody"),
        (
            r"""class\s*=\s*["'][^"']*\b(?:ads?|banners?)\b""",
            "name the class otherwise: some phones hide ads and banners",
        ),
    )
)
FAULTS: Final = (TemplateError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What a template can do wrong with the words that it is given."""
HIDDEN_BY_PHONES: Final = re.compile(r"[.#](?:ads?|banners?)\b", re.IGNORECASE)


class Finding(NamedTuple):
    """One thing to mend."""

    file: str
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.words}"


def inspect(theme: Theme) -> list[Finding]:
    """Return what is wrong, in the order of files and lines, each once."""
    found = [*_names(theme), *_lines(theme), *_words(theme), *_colours(theme), *_pages(theme)]
    return sorted(dict.fromkeys(found))


def _shown(path: Path) -> str:
    """A file as people name it: portal_templates/theme/file."""
    return "/".join(path.parts[-3:])


# --- the theme's own files ---------------------------------------------------------------------------------------------------


def _own(theme: Theme, *endings: str) -> list[Path]:
    return sorted(path for path in theme.folders[0].rglob("*") if path.is_file() and path.suffix in endings)


def _names(theme: Theme) -> Iterator[Finding]:
    """A page of another name than the portal's is never shown."""
    known = {path.name for path in get_theme(DEFAULT).folders[0].iterdir()} | {MORE, "README.md"}
    for path in sorted(theme.folders[0].rglob("*")):
        if path.is_file() and path.name not in known:
            yield Finding(_shown(path), 1, f"rename or remove it: the portal has no page {path.name}")


def _lines(theme: Theme) -> Iterator[Finding]:
    for path in _own(theme, ".html"):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            yield from (Finding(_shown(path), number, words) for pattern, words in IN_TEMPLATES if pattern.search(line))
    for path in _own(theme, ".css"):
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            for forbidden in FORBIDDEN:
                if forbidden in line.lower():
                    yield Finding(
                        _shown(path), number, f"take {forbidden!r} out: nothing may be loaded, or end the style"
                    )
            if HIDDEN_BY_PHONES.search(line):
                yield Finding(_shown(path), number, "name the class otherwise: some phones hide ads and banners")


def _words(theme: Theme) -> Iterator[Finding]:
    """Messages that a language lacks would be shown in English."""
    for path in _own(theme, ".html"):
        try:
            messages = list(extract_from_file("jinja2.ext:babel_extract", path))
        except TemplateError:
            continue  # `_pages` says what is wrong with it
        for language in known_languages():
            for line, message, _comments, _context in messages:
                if language != CODE_LANGUAGE and message not in messages_of(language):
                    say = message if isinstance(message, str) else message[0]
                    where = f"hotspot/locales/{language}/portal.po"
                    yield Finding(_shown(path), line, f"translate {say!r} in {where}")


def _colours(theme: Theme) -> Iterator[Finding]:
    """The style sheet as a whole; a finding is told of the file that its line is in, if that is the theme's."""
    files = theme.styles()
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files]
    for line, words in faint("".join(texts)):
        rest = line
        for path, text in zip(files, texts, strict=True):
            lines = text.count("\n")
            if rest <= lines or path is files[-1]:
                yield Finding(_shown(path), rest, words)
                break
            rest -= lines


# --- the pages ---------------------------------------------------------------------------------------------------------------


def _pages(theme: Theme) -> Iterator[Finding]:
    try:
        style_of(theme)
    except BadTheme:
        return  # `_lines` says where
    for sample in SAMPLES:
        for language in known_languages():
            try:
                html = render(sample, theme, language)
            except FAULTS as error:
                yield _broken(theme, sample, error)
                break
            yield from _page(theme, sample, language, html)


def _broken(theme: Theme, sample: Sample, error: Exception) -> Finding:
    """Where jinja found that a template can't be used."""
    if isinstance(error, TemplateSyntaxError) and error.filename is not None:
        return Finding(_shown(Path(error.filename)), error.lineno, f"mend it: {error.message}")
    file, line = _file_of(theme, sample.template), 1
    step = error.__traceback__
    while step is not None:
        path = Path(step.tb_frame.f_code.co_filename)
        if path.suffix == ".html" and path.parent in theme.folders:
            file, line = _shown(path), step.tb_lineno
        step = step.tb_next
    why = f"there is no {error.name}" if isinstance(error, TemplateNotFound) else error
    return Finding(file, line, f"mend it: {why} (sample {sample.name})")


def _file_of(theme: Theme, template: str) -> str:
    path = theme.file(template)
    return template if path is None else _shown(path)


def _page(theme: Theme, sample: Sample, language: str, html: str) -> Iterator[Finding]:
    file = _file_of(theme, sample.template)
    told = f"(sample {sample.name}, {language})"
    seen = _Seen()
    seen.feed(html)
    for tag in ("h1", "main", "title"):
        if seen.tags.count(tag) != 1:
            yield Finding(file, 1, f"give it exactly one <{tag}>, it has {seen.tags.count(tag)} {told}")
    if not any(map(str.isalnum, "".join(seen.title).replace(sample.frame["site"], ""))):
        yield Finding(file, 1, f"fill the block title {told}")
    for address in seen.addresses:
        if ABSOLUTE.match(address) and not address.startswith(f"{ROUTER}/"):
            yield Finding(file, 1, f"take the address {address!r} out: pages lead nowhere else {told}")
    yield from (Finding(file, 1, f"{words} {told}") for words in _lacking(sample.words(language), seen.forms))
    octets = len(gzip.compress(html.encode(), 6, mtime=0))
    if octets > FIRST_VIEW:
        yield Finding(file, 1, f"make it smaller: {octets} octets compressed, at most {FIRST_VIEW} {told}")


def _lacking(words: Any, forms: Sequence["_Form"]) -> Iterator[str]:  # noqa: ANN401  (what templates are given)
    """Say which of the forms that the page was given it does not have whole."""
    for wanted in _forms_in(words):
        action, fields = wanted["action"], wanted["fields"]
        candidates = [form for form in forms if form.action == action and form.method == "post"]
        whole = [form for form in candidates if fields.items() <= form.fields.items() and form.buttons == 1]
        asked = wanted.get("asks")
        if not whole:
            yield f"keep the form to {action}: method post, one button, and all its hidden fields"
        elif asked is not None and not any(asked.name in form.asked for form in whole):
            yield f"keep the field {asked.name} in the form to {action}"


def _forms_in(words: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401  (as above)
    """The forms among a page's words, wherever they stand."""
    if isinstance(words, Mapping):
        if {"action", "fields"} <= words.keys():
            yield words
            return
        words = list(words.values())
    if isinstance(words, list | tuple):
        for each in words:
            yield from _forms_in(each)


class _Form:
    """A form as a browser would send it."""

    def __init__(self, action: str, method: str) -> None:
        self.action, self.method = action, method.lower()
        self.fields: dict[str, str] = {}
        self.asked: list[str] = []
        self.buttons = 0


class _Seen(HTMLParser):
    """What a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.title: list[str] = []
        self.addresses: list[str] = []
        self.forms: list[_Form] = []
        self._is_in_form = self._is_in_title = False
        self._depth_of_svg = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: text or "" for name, text in attrs}
        self._depth_of_svg += tag == "svg"
        if not (tag == "title" and self._depth_of_svg):
            self.tags.append(tag)
        self.addresses += [given[name] for name in ADDRESSES if name in given]
        self._is_in_title = tag == "title" and not self._depth_of_svg
        if tag == "form":
            self.forms.append(_Form(given.get("action", ""), given.get("method", "get")))
            self._is_in_form = True
        elif self._is_in_form:
            self._note(tag, given)

    def _note(self, tag: str, given: Mapping[str, str]) -> None:
        form = self.forms[-1]
        kind = given.get("type", "submit" if tag == "button" else "text").lower()
        if tag == "input" and kind == "hidden":
            form.fields[given.get("name", "")] = given.get("value", "")
        elif tag in ("button", "input") and kind == "submit":
            form.buttons += 1
        elif tag in ("input", "select", "textarea"):
            form.asked.append(given.get("name", ""))

    def handle_endtag(self, tag: str) -> None:
        self._depth_of_svg -= tag == "svg"
        if tag == "form":
            self._is_in_form = False
        if tag == "title":
            self._is_in_title = False

    def handle_data(self, data: str) -> None:
        if self._is_in_title:
            self.title.append(data)
