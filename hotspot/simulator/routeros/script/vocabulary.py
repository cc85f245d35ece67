"""Which commands a menu has and which arguments they take, and what the console says of words that it doesn't know."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Final

from hotspot.simulator.routeros.changes import NUMBERS
from hotspot.simulator.routeros.printing import PRINT_TAKES
from hotspot.simulator.routeros.script.syntax import Argument, Block, Command, Word
from hotspot.simulator.routeros.table import Kind, Menu
from hotspot.simulator.routeros.traps import Trap

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

EXPORT_TAKES: Final = frozenset({"file", "compact", "verbose", "terse", "show-sensitive", "hide-sensitive"})
FLAGS: Final = frozenset(
    {
        *EXPORT_TAKES,
        "as-value",
        "count-only",
        "detail",
        "brief",
        "stats",
        "once",
        "without-paging",
        "show-ids",
        "dry-run",
    }
    | {"as-string", "follow", "follow-only"}
) - {"file"}
"""Arguments that are switched on by their name alone."""
NUMBERED: Final = ("numbers",)
POSITIONS: Final = {
    **dict.fromkeys(("set", "remove", "enable", "disable", "sign", "monitor", "make-static"), NUMBERED),
    **dict.fromkeys(("get", "unset"), ("numbers", "value-name")),
    **dict.fromkeys(("info", "warning", "error", "debug"), ("message",)),
    **dict.fromkeys(("save", "load"), ("name",)),
    "comment": ("numbers", "comment"),
    "move": ("numbers", "destination"),
    "run": ("number",),
    "import": ("file-name",),
    "execute": ("script",),
    "ping": ("address",),
}
"""What values without a name are, in their order."""
OF_COMMAND: Final = {
    "print": PRINT_TAKES,
    "find": frozenset[str](),
    "get": frozenset({*NUMBERS, "value-name"}),
    "unset": frozenset({*NUMBERS, "value-name"}),
    "comment": frozenset({*NUMBERS, "comment"}),
    "move": frozenset({*NUMBERS, "destination"}),
    **dict.fromkeys(("remove", "enable", "disable"), frozenset(NUMBERS)),
}


def positions(menu: Menu, command: str) -> tuple[str, ...]:
    names = POSITIONS.get(command, ())
    return tuple(name for name in names if name not in NUMBERS) if menu.kind is Kind.SINGLETON else names


def raise_unless_known(router: "SimulatedRouterOS", command: Command) -> Menu:
    """Return the command's menu; Trap for a command that isn't there, or an argument that it doesn't take."""
    menu = router.menus.get(command.path) or Menu(command.path, Kind.DIRECTORY)
    if command.name == "export":
        takes = EXPORT_TAKES
    elif command.name in menu.commands:
        takes = _takes(router, menu, command.name)
    else:
        raise command.place.trap(f"bad command name {command.name}")
    free = list(positions(menu, command.name))
    for argument in command.arguments:
        if not _is_known(argument, command.name, takes, free):
            raise argument.place.trap("expected end of command")
    return menu


def _takes(router: "SimulatedRouterOS", menu: Menu, command: str) -> frozenset[str]:
    if command in menu.parameters:
        takes = menu.parameters[command]
        return takes | frozenset(NUMBERS) if {"numbers", "number"} & takes else takes
    known = OF_COMMAND.get(command)
    if known is not None:
        return known
    extra = {"copy-from", *(("place-before",) if menu.ordered else ())} if command == "add" else set(NUMBERS)
    return frozenset({*menu.known(router.version), *extra})


def _is_known(argument: Argument, command: str, takes: frozenset[str], free: list[str]) -> bool:
    if argument.name is not None:
        name = argument.name
        return name in takes or name == "as-value" or (command == "set" and name.startswith("!") and name[1:] in takes)
    if is_flag(argument):
        return True
    return bool(free) and bool(free.pop(0))


def is_flag(argument: Argument) -> bool:
    return argument.name is None and isinstance(argument.value, Word) and argument.value.text in FLAGS


def mistakes(router: "SimulatedRouterOS", block: Block) -> Iterator[Trap]:
    """Every word of a script that the console doesn't know, also where it may never be reached."""
    for command in _commands(block):
        try:
            raise_unless_known(router, command)
        except Trap as trap:
            yield trap


def _commands(node: object) -> Iterator[Command]:
    """The commands in a tree, in their order; without recursion, for chains of operators are long."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Command):
            yield found
        if isinstance(found, tuple):
            waiting.extend(reversed(found))
        elif is_dataclass(found):
            waiting.extend(reversed([getattr(found, each.name) for each in fields(found)]))
