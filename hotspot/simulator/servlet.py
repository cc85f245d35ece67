"""The template language of a RouterOS hotspot's pages: text with variables in, status, headers and body out.

Pure. Manual, "Hotspot customisation": ``$(name)`` is a variable's value and nothing for an unknown one; ``$(name-esc)`` the same,
percent-encoded; ``$(if name)``, ``$(if name == value)``, ``$(if name != value)``, ``$(elif …)``, ``$(else)``, ``$(endif)``. Two ifs are no
tests but setters: ``$(if http-status == 302)text$(endif)`` and ``$(if http-header == "Location")value$(endif)``. Nothing is escaped for
HTML. Whatever the text, rendering never fails: a router shows a broken page rather than none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_TAG: Final = re.compile(r"""\$\(((?:[^()"'\n]|"[^"\n]*"|'[^'\n]*')*)\)""")
_TEST: Final = re.compile(r"""\s*([\w.-]+)\s*(?:(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([^\s"']*))\s*)?""")
_NAME: Final = re.compile(r"\s*([\w.-]+)\s*")
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986 §2.3
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_NO_TEXT: Final = (204, 304)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as it leaves the router."""

    body: str
    status: int = 200
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Block:
    """One ``$(if)`` that is still open; `settled`: one of its branches was taken, or it can't show at all."""

    shows: bool
    settled: bool
    sets: tuple[str, str] | None = None
    text: list[str] = field(default_factory=list)


class _Page:
    """A page being written."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._blocks = [_Block(shows=True, settled=True)]
        self._status: int = 200
        self._reason = ""
        self._headers: list[tuple[str, str]] = []

    def write(self, text: str) -> None:
        block = self._blocks[-1]
        if block.shows:
            block.text.append(text)

    def obey(self, tag: str) -> None:
        """Do what stands between ``$(`` and ``)``."""
        word, _, rest = tag.strip().partition(" ")
        match word:
            case "if":
                self._open(rest)
            case "elif":
                self._turn(rest)
            case "else":
                self._turn(None)
            case "endif":
                self._close()
            case _:
                name = _NAME.fullmatch(tag)
                self.write(value_of(name[1], self._variables) if name else "")

    def _open(self, test: str) -> None:
        parent = self._blocks[-1]
        found = _TEST.fullmatch(test)
        if found and found[2] == "==" and found[1] in ("http-status", "http-header"):
            self._blocks.append(_Block(shows=parent.shows, settled=True, sets=(found[1], _operand(found))))
            return
        shows = parent.shows and self._holds(found)
        self._blocks.append(_Block(shows=shows, settled=shows or not parent.shows))

    def _turn(self, test: str | None) -> None:
        block = self._blocks[-1]
        if block.sets or len(self._blocks) == 1:
            block.shows = block.shows and len(self._blocks) == 1
            return
        block.shows = not block.settled and (test is None or self._holds(_TEST.fullmatch(test)))
        block.settled = block.settled or block.shows

    def _close(self) -> None:
        if len(self._blocks) == 1:
            return
        block = self._blocks.pop()
        text = "".join(block.text)
        if block.sets is None:
            self._blocks[-1].text.append(text)
        elif self._blocks[-1].shows:
            self._set(*block.sets, _CONTROL.sub(" ", text).strip())

    def _set(self, what: str, operand: str, text: str) -> None:
        if what == "http-header":
            if re.fullmatch(r"[A-Za-z0-9-]+", operand):
                self._headers.append((operand, text))
        elif re.fullmatch(r"[2-5][0-9][0-9]", operand):
            self._status, self._reason = int(operand), text

    def _holds(self, test: re.Match[str] | None) -> bool:
        if test is None:
            return False
        value = value_of(test[1], self._variables)
        if test[2] is None:
            return value != ""
        return (value == _operand(test)) is (test[2] == "==")

    def end(self) -> Rendered:
        while len(self._blocks) > 1:
            self._close()
        body = "" if self._status in _NO_TEXT else "".join(self._blocks[0].text)
        return Rendered(body, self._status, self._reason, tuple(self._headers))


def render(template: str, variables: Mapping[str, str]) -> Rendered:
    """Fill in a page. A variable given under its ``-esc`` name keeps that value; else it is encoded here."""
    page = _Page(variables)
    position = 0
    for tag in _TAG.finditer(template):
        page.write(template[position : tag.start()])
        page.obey(tag[1])
        position = tag.end()
    page.write(template[position:])
    return page.end()


def value_of(name: str, variables: Mapping[str, str]) -> str:
    if name in variables:
        return variables[name]
    return escape(variables.get(name[: -len("-esc")], "")) if name.endswith("-esc") else ""


def escape(value: str) -> str:
    """Percent-encode everything but RFC 3986's unreserved characters, as UTF-8."""
    octets = value.encode(errors="surrogateescape")
    return "".join(chr(octet) if octet in _UNRESERVED else f"%{octet:02X}" for octet in octets)


def octal(octets: bytes) -> str:
    """Write octets as RouterOS prints chap-id and chap-challenge: each as a backslash and three octal digits."""
    return "".join(f"\\{octet:03o}" for octet in octets)


def _operand(test: re.Match[str]) -> str:
    return next((text for text in test.group(3, 4, 5) if text is not None), "")
