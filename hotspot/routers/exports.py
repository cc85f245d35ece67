"""A router's export as statements of menus, to compare two of them without telling what is in them. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """How many statements of a menu only the one or the other export has; none: the same ones in another order."""

    menu: str
    comes: int
    goes: int

    @property
    def words(self) -> str:
        if not self.comes and not self.goes:
            return f"{self.menu}: the rows get another order"
        told = [f"{count} {what}" for count, what in ((self.comes, "come back"), (self.goes, "go")) if count]
        return f"{self.menu}: " + ", ".join(told)


def differences(now: bytes, then: bytes) -> list[Difference]:
    """Return what going from one export to the other would change, by menu."""
    are, were = _statements(now), _statements(then)
    found = []
    for menu in dict.fromkeys((*are, *were)):
        mine, theirs = are.get(menu, []), were.get(menu, [])
        if mine != theirs:
            come, go = Counter(theirs) - Counter(mine), Counter(mine) - Counter(theirs)
            found.append(Difference(menu, come.total(), go.total()))
    return found


def body(export: bytes) -> bytes:
    """Return an export without the head that tells when it was made."""
    lines = export.splitlines(keepends=True)
    head = next((number for number, line in enumerate(lines) if not line.startswith(b"#")), len(lines))
    return b"".join(lines[head:])


def _statements(export: bytes) -> dict[str, Sequence[str]]:
    """The statements of each menu; a backslash at a line's end goes on with the next."""
    text = body(export).decode("utf-8", "replace").replace("\r\n", "\n").replace("\\\n", "")
    menus: dict[str, list[str]] = {}
    menu = ""
    for line in text.splitlines():
        if line.startswith("/"):
            menu = line.strip()
        elif line.strip():
            menus.setdefault(menu, []).append(line.strip())
    return dict(menus)
