"""Themes: folders of guest pages in ``portal_templates/``. One that isn't the default has only what differs from it.

A page that a theme lacks is the default's. Its `style.css` takes the place of the default's; its `more.css` comes behind whichever holds,
and changes or adds. A name becomes a path only where a folder of that name is known.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import structlog

from hotspot.errors import HotspotError, Invalid
from hotspot.paths import shipped

log = structlog.get_logger()

DEFAULT: Final = "default"
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
STYLE: Final = "style.css"
MORE: Final = "more.css"
FORBIDDEN: Final = ("<", "url(", "@import", "\\", "\r")  # the last but one: escapes that could spell the others


class NoSuchTheme(Invalid):
    """There is no theme {name}; there are: {known}"""


class BadTheme(HotspotError):
    """The theme's {file} can't be used: {problem}"""


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme; the first of its folders that has a file wins."""

    name: str
    folders: tuple[Path, ...]

    def file(self, name: str) -> Path | None:
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)

    def styles(self) -> tuple[Path, ...]:
        """Return the files that its style sheet is made of, in their order."""
        return tuple(path for path in (self.file(STYLE), self.file(MORE)) if path is not None)


@dataclass(frozen=True, slots=True)
class Style:
    """A style sheet that may stand in a page, and its SHA-256 in base64, for the page's policy."""

    text: str
    digest: str


def known_themes() -> list[str]:
    """Return the names of the themes that there are, the default first."""
    names = sorted(path.name for path in _folder().iterdir() if path.is_dir() and NAME.fullmatch(path.name))
    return [DEFAULT, *(name for name in names if name != DEFAULT)]


def get_theme(name: str) -> Theme:
    """Return the theme of that name.

    Raises:
        NoSuchTheme: there is none.
    """
    if name not in known_themes():
        raise NoSuchTheme(name=repr(name), known=", ".join(known_themes()))
    folders = (_folder() / name, _folder() / DEFAULT)
    return Theme(name, folders[name == DEFAULT :])


def theme_or_default(name: str) -> Theme:
    """Return a site's theme. A page in the default theme is better than none, where a folder has gone since it was chosen."""
    try:
        return get_theme(name)
    except NoSuchTheme:
        log.warning("a theme is gone; its sites show the default", theme=name)
        return get_theme(DEFAULT)


def style_of(theme: Theme) -> Style:
    """Return the theme's style sheet as it is now.

    Raises:
        BadTheme: it would load something, or could end the element it stands in.
    """
    return _read(tuple((path, path.stat().st_mtime_ns) for path in theme.styles()))


@lru_cache(maxsize=32)
def _read(files: tuple[tuple[Path, int], ...]) -> Style:
    text = "".join(path.read_text(encoding="utf-8") for path, _ in files)
    for path, _ in files:
        raise_if_unsafe(path.name, path.read_text(encoding="utf-8"))
    return Style(text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


def raise_if_unsafe(file: str, text: str) -> None:
    """Refuse a style sheet that could do more than style.

    Raises:
        BadTheme: with what is in it.
    """
    for forbidden in FORBIDDEN:
        if forbidden in text.lower():
            raise BadTheme(
                file=file, problem=f"{forbidden!r} is in it; nothing may be loaded and no markup may be in it"
            )


def _folder() -> Path:
    return shipped("portal_templates")
