"""A hotspot's HTML directory: the pages as files on the router, or the one that hotspot ships, filled in for a site."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from hotspot.paths import shipped

PLACEHOLDER: Final = "{portal_url}"
PAGES: Final = ("rlogin.html", "redirect.html", "login.html", "alogin.html", "status.html", "logout.html", "error.html")
ERRORS: Final = "errors.txt"
FALLBACKS: Final = {"rlogin.html": "redirect.html"}  # a missing page without one is a 404 (manual)


class HtmlDirectory(Protocol):
    """Where the router finds its pages."""

    def text(self, name: str) -> str | None:
        """The page, or None when it isn't there."""
        ...

    def error(self, key: str) -> str | None:
        """What errors.txt says for a key."""
        ...


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages that stay as they are: their texts, and errors.txt by key."""

    texts: Mapping[str, str]
    errors: Mapping[str, str]

    def text(self, name: str) -> str | None:
        return self.texts.get(name)

    def error(self, key: str) -> str | None:
        return self.errors.get(key)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Pages among a router's files, read anew each time; of several directories the first that has a page wins."""

    read: Callable[[str], bytes | None]
    directories: Sequence[str]

    def text(self, name: str) -> str | None:
        return self._found(name) or (self._found(FALLBACKS[name]) if name in FALLBACKS else None)

    def error(self, key: str) -> str | None:
        return read_errors(self._found(ERRORS) or "").get(key)

    def _found(self, name: str) -> str | None:
        for directory in self.directories:
            octets = self.read(f"{directory}/{name}")
            if octets is not None:
                return octets.decode(errors="replace")
        return None


@cache
def pages_for(portal_url: str) -> Pages:
    """Read the shipped HTML directory as an operator would upload it for this site."""
    directory = shipped("router_configs") / "hotspot"
    texts = {name: (directory / name).read_text(encoding="utf-8") for name in (*PAGES, "api.json")}
    filled = {name: text.replace(PLACEHOLDER, portal_url) for name, text in texts.items()}
    return Pages(filled, read_errors((directory / ERRORS).read_text(encoding="utf-8")))


def read_errors(text: str) -> dict[str, str]:
    """Read errors.txt: ``key = text``, # begins a comment."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {key.strip(): words.strip() for key, _, words in pairs}
