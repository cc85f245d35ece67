"""Whether what a style sheet colours can be read: the contrast of colours that stand on each other, in light and in dark. Pure.

Contrast is that of WCAG 2.2 §1.4.3: 4.5 for text, 3 for what only has to be seen (§1.4.11). A theme's colours are custom properties of
``:root``; `PAIRS` says which of them meet. A rule that names a text's colour and what is behind it is looked at, too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

TEXT: Final = 4.5
SEEN: Final = 3.0
DARK: Final = "@media (prefers-color-scheme: dark)"
PAIRS: Final = (
    ("ink", "page", TEXT),
    ("ink", "card", TEXT),
    ("ink", "notice", TEXT),
    ("quiet", "page", TEXT),
    ("quiet", "card", TEXT),
    ("link", "page", TEXT),
    ("link", "card", TEXT),
    ("on-top", "top", TEXT),
    ("on-top", "top-end", TEXT),
    ("key-ink", "key", TEXT),
    ("key-ink", "key-press", TEXT),
    ("key", "card", SEEN),
    ("focus", "page", SEEN),
    ("focus", "card", SEEN),
    ("good", "card", SEEN),
    ("bad", "card", SEEN),
)
HEX: Final = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.ASCII)
VARIABLE: Final = re.compile(r"var\(\s*--([a-z0-9-]+)\s*\)", re.ASCII)
COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
WORDS: Final = {"white": "#ffffff", "black": "#000000"}


class Declared(NamedTuple):
    """One ``name: value`` of a style sheet."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and what stands around it: "" or an @-rule."""

    around: str
    selector: str
    declared: tuple[Declared, ...]

    def find(self, *names: str) -> Declared | None:
        return next((one for one in reversed(self.declared) if one.name in names), None)


class Faint(NamedTuple):
    """Two colours that are too near each other, or one that can't be compared, and where the nearer fault is declared."""

    line: int
    words: str


def rules_of(text: str) -> list[Rule]:
    """Read a style sheet; what is not well formed is passed over, as browsers do."""
    plain = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    rules: list[Rule] = []
    around: list[str] = []
    start = 0
    for mark in re.finditer(r"[{}]", plain):
        piece = plain[start : mark.start()]
        if mark[0] == "{":
            around.append(" ".join(piece.split()).lower())
        elif around:
            selector = around.pop()
            if not selector.startswith("@"):
                rules.append(Rule("".join(around), selector, tuple(_declarations(piece, plain.count("\n", 0, start)))))
        start = mark.end()
    return rules


def _declarations(piece: str, before: int) -> Iterator[Declared]:
    at = 0
    for part in piece.split(";"):
        name, colon, value = part.partition(":")
        blank = len(part) - len(part.lstrip())
        if colon:
            line = 1 + before + piece.count("\n", 0, at + blank)
            yield Declared(name.strip().lower(), value.strip().lower(), line)
        at += len(part) + 1


def faint(text: str) -> list[Faint]:
    """Say of a style sheet what can't be read, in either scheme."""
    rules = rules_of(text)
    light = _properties(rules, ("",))
    dark = light | _properties(rules, (DARK,))
    found: dict[Faint, None] = {}
    for scheme, colours in (("light", light), ("dark", dark)):
        found |= dict.fromkeys(_faint_pairs(scheme, colours))
        found |= dict.fromkeys(_faint_rules(scheme, colours, rules))
    return sorted(found)


def _properties(rules: list[Rule], where: tuple[str, ...]) -> dict[str, Declared]:
    chosen = [rule for rule in rules if rule.selector == ":root" and rule.around in where]
    return {one.name.removeprefix("--"): one for rule in chosen for one in rule.declared if one.name.startswith("--")}


def _faint_pairs(scheme: str, colours: Mapping[str, Declared]) -> Iterator[Faint]:
    for above, below, least in PAIRS:
        missing = [name for name in (above, below) if name not in colours]
        if missing:
            yield Faint(1, f"declare --{missing[0]} in :root; the portal's pages use it")
            continue
        yield from _compared(scheme, colours, colours[above], colours[below], least)


def _faint_rules(scheme: str, colours: Mapping[str, Declared], rules: list[Rule]) -> Iterator[Faint]:
    for rule in rules:
        above, below = rule.find("color"), rule.find("background", "background-color")
        is_meant = rule.around in ("", DARK) and (rule.around == "" or scheme == "dark")
        if above is not None and below is not None and is_meant and _octets(below.value, colours):
            yield from _compared(scheme, colours, above, below, TEXT)


def _compared(
    scheme: str, colours: Mapping[str, Declared], above: Declared, below: Declared, least: float
) -> Iterator[Faint]:
    pair = [_octets(one.value, colours) for one in (above, below)]
    line = max(above.line, below.line)
    for one, octets in zip((above, below), pair, strict=True):
        if octets is None and one.value != "inherit":
            yield Faint(one.line, f"write {one.name} as #rrggbb, so that its contrast can be computed")
    if None not in pair:
        ratio = contrast(*(octets for octets in pair if octets is not None))
        if ratio < least:
            yield Faint(
                line, f"{above.name} on {below.name} has a contrast of {ratio:.1f} in {scheme}; it needs {least:g}"
            )


def _octets(value: str, colours: Mapping[str, Declared], depth: int = 0) -> tuple[int, int, int] | None:
    """Return red, green and blue; None for what is no plain colour."""
    variable = VARIABLE.fullmatch(value)
    if variable is not None:
        named = colours.get(variable[1])
        return _octets(named.value, colours, depth + 1) if named is not None and depth < 5 else None
    found = HEX.fullmatch(WORDS.get(value, value))
    if found is None:
        return None
    digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return red, green, blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    parts = [octet / 255 for octet in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
