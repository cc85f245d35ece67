"""What RouterOS says when it refuses a sentence. Pure.

Categories as the manual numbers them: 0 missing item or command, 1 argument value, 2 interrupted, 3 scripting, 4 general, 5 API,
6 TTY, 7 value of ``:return``. Many refusals carry none.
"""

from typing import Final

from hotspot.errors import HotspotError

MISSING: Final = 0
ARGUMENT: Final = 1
INTERRUPTED: Final = 2
SCRIPTING: Final = 3


class Trap(HotspotError):
    """{message}"""

    def __init__(self, message: str, category: int | None = None) -> None:
        super().__init__(message=message)
        self.text = message
        self.category = category


def no_such_command() -> Trap:
    return Trap("no such command", MISSING)


def no_such_menu() -> Trap:
    return Trap("no such command prefix", MISSING)


def no_such_item() -> Trap:
    return Trap("no such item", MISSING)


def unknown_parameter(name: str) -> Trap:
    return Trap(f"unknown parameter {name}")


def missing_values(names: list[str]) -> Trap:
    return Trap(f"missing value(s) of argument(s) {' '.join(names)}", MISSING)


def no_match(name: str) -> Trap:
    """Say that a word is none of the attribute's choices, or names nothing that exists."""
    return Trap(f"input does not match any value of {name}", ARGUMENT)


def invalid_value(name: str) -> Trap:
    return Trap(f"invalid value for argument {name}", ARGUMENT)


def out_of_range(name: str, least: int, most: int) -> Trap:
    return Trap(f"value of {name} out of range ({least}..{most})", ARGUMENT)


def failure(text: str) -> Trap:
    return Trap(f"failure: {text}")


def not_permitted() -> Trap:
    return Trap("not enough permissions (9)")


def device_mode_forbids() -> Trap:
    return failure("not allowed by device-mode")


def interrupted() -> Trap:
    return Trap("interrupted", INTERRUPTED)
