"""How a sentence is carried out: find the command, check who asks, work on a draft, keep it or not."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from hotspot.simulator.routeros import actions, users
from hotspot.simulator.routeros.changes import CHANGES, NUMBERS, raise_unless
from hotspot.simulator.routeros.printing import READS
from hotspot.simulator.routeros.sessions import Action, Call, Result, Session
from hotspot.simulator.routeros.table import Menu
from hotspot.simulator.routeros.traps import no_such_command, no_such_menu, not_permitted

if TYPE_CHECKING:
    from hotspot.simulator.routeros.router import SimulatedRouterOS

AS_PRINT: Final = frozenset({"getall", "listen"})
ANYWHERE: Final = "*"


def run(
    router: "SimulatedRouterOS",
    path: str,
    command: str,
    arguments: Mapping[str, str],
    *,
    session: Session,
    query: Sequence[str] = (),
) -> Result:
    """Carry out one sentence, as a whole or not at all.

    1. The menu and the command must exist in this version.
    2. The session must have the policies that it takes.
    3. The command works on a draft; a Trap leaves the configuration as it was.
    4. What changed is kept, remembered in the history, and told to listeners.
    """
    menu = _menu(router, path)
    action = _action(router, menu, command)
    if not users.needed(path, command) <= session.policies:
        raise not_permitted()
    call = Call(router, router.config, router.config.copy(), menu, command, arguments, session, query)
    result = action(call)
    router.keep(call)
    return result


def _menu(router: "SimulatedRouterOS", path: str) -> Menu:
    menu = router.menus.get(path)
    if menu is None or not menu.commands:
        raise no_such_command() if path in router.prefixes else no_such_menu()
    return menu


def _action(router: "SimulatedRouterOS", menu: Menu, command: str) -> Action:
    for name in (menu.path, ANYWHERE):
        found = router.actions.get((name, command)) or actions.ACTIONS.get((name, command))
        if found:
            return _checked(found, menu, command)
    generic = READS.get(command) or CHANGES.get(command)
    if generic is None or ("print" if command in AS_PRINT else command) not in menu.commands:
        raise no_such_command()
    return generic


def _checked(action: Action, menu: Menu, command: str) -> Action:
    """A command with parameters of its own takes no others."""
    takes = menu.parameters.get(command)
    if takes is None:
        return action

    def checked(call: Call) -> Result:
        raise_unless(call, {*takes, *(NUMBERS if {"numbers", "number"} & takes else ())})
        return action(call)

    return checked
