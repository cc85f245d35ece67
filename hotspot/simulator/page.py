"""A web page as a phone's mini-browser understands it: title, text, one form, a meta refresh. No scripts, no style.

Pure. The parser is strict where browsers forgive: an element that is not closed, or closed in the wrong place, is an error, because
phones' small browsers forgive less.
"""

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
SILENT: Final = frozenset({"head", "style", "script", "title", "template"})


class BrokenPage(ValueError):
    """The page is not well-formed."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form, filled in as it stands."""

    action: str
    method: str
    fields: tuple[tuple[str, str], ...]

    def filled(self, **typed: str) -> "Form":
        """The form with something typed into it."""
        return replace(self, fields=tuple((name, typed.get(name, value)) for name, value in self.fields))


@dataclass(frozen=True, slots=True)
class Refresh:
    """``<meta http-equiv="refresh">``."""

    seconds: float
    url: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a mini-browser makes of a page; addresses are absolute. `links` are those a person could press."""

    url: str
    status: int
    title: str = ""
    text: str = ""
    forms: tuple[Form, ...] = ()
    refresh: Refresh | None = None
    links: tuple[str, ...] = ()


def read_page(html: str, *, url: str, status: int = 200) -> Page:
    """Read a page.

    Raises:
        BrokenPage: it is not well-formed.
    """
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    if reader.open_elements:
        raise BrokenPage(f"<{reader.open_elements[-1]}> is never closed")
    title, text = (" ".join("".join(words).split()) for words in (reader.title, reader.words))
    forms = tuple(Form(draft.action, draft.method, tuple(draft.fields)) for draft in reader.forms)
    return Page(url, status, title, text, forms, reader.refresh, tuple(reader.links))


@dataclass(slots=True)
class _Draft:
    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.open_elements: list[str] = []
        self.title: list[str] = []
        self.words: list[str] = []
        self.forms: list[_Draft] = []
        self.refresh: Refresh | None = None
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise BrokenPage(f"<{tag}> has an attribute twice")
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            if tag == "form" and "form" in self.open_elements:
                raise BrokenPage("a form inside a form")
            self.open_elements.append(tag)
        self._note(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open_elements or self.open_elements.pop() != tag:
            raise BrokenPage(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "title" in self.open_elements and "svg" not in self.open_elements:
            self.title.append(data)
        elif not SILENT & set(self.open_elements):
            self.words.append(data + " ")

    def _note(self, tag: str, given: dict[str, str]) -> None:
        match tag:
            case "form":
                action = urljoin(self.url, given.get("action", ""))
                self.forms.append(_Draft(action, given.get("method", "get").lower()))
            case "input" | "button":
                self._note_field(tag, given)
            case "a" if "href" in given:
                self.links.append(urljoin(self.url, given["href"]))
            case "meta" if given.get("http-equiv", "").lower() == "refresh":
                self.refresh = read_refresh(given.get("content", ""), self.url)
            case _:
                pass

    def _note_field(self, tag: str, given: dict[str, str]) -> None:
        """Take what a browser would send: named fields that are not buttons, ticked where they can be ticked."""
        unticked = given.get("type") in ("checkbox", "radio") and "checked" not in given
        is_button = tag == "button" or given.get("type") in ("submit", "button", "reset", "image")
        if "form" in self.open_elements and given.get("name") and not unticked and not is_button:
            self.forms[-1].fields.append((given["name"], given.get("value", "")))


def read_refresh(content: str, base: str) -> Refresh | None:
    """Read ``2; url=…``; without an address the page itself is loaded again."""
    seconds, _, rest = content.partition(";")
    name, equals, url = rest.strip().partition("=")
    try:
        wait = float(seconds)
    except ValueError:
        return None
    if not equals or name.strip().lower() != "url":
        return Refresh(wait, base)
    return Refresh(wait, urljoin(base, url.strip().strip("'\"")))
