"""Hostile strings through every name that a router may be given, into script text: exactly the expected statement, and the same value back.

Each string is one case. It stands in one attribute of one menu, as a value to add or to set or as what a row is looked up by, or within
the code of a scheduler, which is quoted twice. Run by `make campaign-quoting`; ends with `N passed, N failed`.
"""

import random
import sys
from collections.abc import Sequence
from itertools import cycle
from typing import Final

from benchmarks.campaign import Verdict, parser, progress
from benchmarks.routeros_text import Assigned, Inner, NotOurs, Token, statements
from hotspot.routers.changes import Add, Change, Move, Ref, Remove, Set
from hotspot.routers.menus import MENUS
from hotspot.routers.script import quote, script

PIECES: Final = (
    *(
        '"',
        "\\",
        "$",
        "?",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ";",
        "#",
        "'",
        "=",
        "`",
        "!",
        "*",
        "%",
        "&",
        "|",
        "~",
        "<",
        ">",
    ),
    *(
        "\\\\",
        '\\"',
        '"\\',
        "x\\",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\x1b",
        "\x7f",
        "\u2028",
        "\u2029",
        "\u202e",
        "\ufeff",
        " ",
        "  ",
    ),
    *(
        "[/system/reboot]",
        "$(reboot)",
        "${x}",
        "$name",
        ":execute ",
        ":parse ",
        "/system/reset-configuration",
        "\\0A",
        "\\22",
    ),
    *('a";/user/add name=x password=y group=full;"', '"]; /file/remove [find]; :put ["', "} on-error={ /system/reboot"),
    *("name", "WiFi", "Kota", "é", "京", "😀", "ا", "\u0301", "a" * 300),
)
WAYS: Final = ("add", "set", "found", "moved", "nested")
PLACES: Final = tuple((path, name) for path, menu in MENUS.items() for name in menu.settable)


def hostile(chance: random.Random) -> str:
    """Return a text made of what has a meaning somewhere, with some characters from anywhere in Unicode."""
    parts = chance.choices(PIECES, k=chance.randrange(1, 6))
    if chance.random() < 0.3:
        parts.insert(chance.randrange(len(parts) + 1), _anything(chance))
    return "".join(parts)


def _anything(chance: random.Random) -> str:
    points = (chance.randrange(0x110000) for _ in range(chance.randrange(1, 8)))
    return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)


def hold(way: str, menu: str, name: str, text: str) -> str:
    """Send the text one way; return what is wrong with the script, or nothing."""
    written, expected = written_and_expected(way, menu, name, text)
    try:
        found = statements(written)
    except (NotOurs, UnicodeError) as problem:
        return f"{way} {menu} {name} {text!r}: {problem}"
    return "" if found == [expected] else f"{way} {menu} {name} {text!r}: {found}"


def written_and_expected(way: str, menu: str, name: str, text: str) -> tuple[str, tuple[Token, ...]]:
    """Return the script and the one statement it must consist of."""
    inner = (f"{menu}/find", "where", Assigned(name, text))
    ref = Ref("*1", {name: text})
    changes: dict[str, tuple[Change, tuple[Token, ...]]] = {
        "add": (
            Add(menu, "x", {name: text}, ref),
            (f"{menu}/add", Assigned(name, text), Inner(("place-before", *inner))),
        ),
        "set": (Set(menu, "x", Ref(), {name: text}, {}), (f"{menu}/set", Assigned(name, text))),
        "found": (Remove(menu, "x", ref, {}), (f"{menu}/remove", Inner(inner))),
        "moved": (
            Move(menu, "x", Ref(f"*{text}"), ref),
            (f"{menu}/move", Assigned("", f"*{text}"), Inner(("destination", *inner))),
        ),
    }
    if way in changes:
        change, expected = changes[way]
        return script([change]), expected
    code = script([Set(menu, "x", Ref(), {name: text}, {})])
    if statements(code) != [(f"{menu}/set", Assigned(name, text))]:
        raise NotOurs("the inner code")
    return (
        f"/system/scheduler/add on-event={quote(code)}\n",
        ("/system/scheduler/add", Assigned("on-event", code)),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("campaign-quoting", __doc__)
    options.add_argument("--strings", type=int, default=1_000_000, help="how many")
    chosen = options.parse_args(arguments)
    chance = random.Random(chosen.seed)
    verdict = Verdict(f"--strings {chosen.strings} --seed {chosen.seed}")
    ways = cycle((way, *place) for place in PLACES for way in WAYS)  # every name is met every way
    with verdict.whatever_happens(), progress() as shown:
        for _ in shown.track(range(chosen.strings), description="strings"):
            wrong = hold(*next(ways), hostile(chance))
            if wrong:
                verdict.fails(wrong)
            else:
                verdict.passes()
    return verdict.report()


if __name__ == "__main__":
    sys.exit(main())
