"""Changes made on a router through its API, held by safe mode until they are known to be good, and taken back.

Safe mode belongs to the connection that took it: when that ends, the router goes back by itself. It holds about a hundred actions and
then lets go without a word, so a long plan is made in batches. Files are not in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from hotspot.errors import Conflict
from hotspot.routers import importing
from hotspot.routers.changes import Actual, Add, Change, Move, Ref, Remove, Set, find, ref_of
from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.desired import Desired
from hotspot.routers.forms import TRUE
from hotspot.routers.handover import USER
from hotspot.routers.menus import MENUS, Kind, Menu, Row
from hotspot.routers.plan import fingerprint

BATCH: Final = 80  # actions; /system/history holds about 100, and others may add to it
SAFE_MODE: Final = "/safe-mode"
MISSING: Final = 0  # RouterOS' category of what isn't there

FieldsOf = Callable[[Add | Set], Mapping[str, str]]


class RowGone(Conflict):
    """The row {name} of {menu} is not there any more"""


class MenuMissing(Conflict):
    """This router has no {menu}; the package that brings it is missing"""


class SomebodyElse(Conflict):
    """{user} is working on this router in safe mode; wait until they are done"""


# --- reading -------------------------------------------------------------------------------------------------------------


def rows_of(connection: Connection, menus: Sequence[str]) -> dict[str, list[Row]]:
    """Read the menus, of each row what is known of it; among the files only our pages.

    Raises:
        MenuMissing: the router doesn't have one of them.
    """
    return {path: _rows(connection, MENUS[path]) for path in menus}


def _rows(connection: Connection, menu: Menu) -> list[Row]:
    try:
        rows = connection.read(menu.path, menu.proplist)
    except RouterRefused as refused:
        if refused.category == MISSING:
            raise MenuMissing(menu=menu.path) from refused
        raise
    return [row for row in rows if menu.path != "/file" or menu.role_of(row)]


def likeness(rows: Actual) -> dict[str, str]:
    """Return for each menu a text that is the same for the same rows, whatever their numbers: those change at a reboot.

    Their order counts only where the menu has one: a row that was removed and made again stands at the end of the others.
    """
    return {path: _likeness(path, those) for path, those in rows.items()}


def _likeness(path: str, rows: Sequence[Row]) -> str:
    plain = [{name: text for name, text in row.items() if name != ".id"} for row in rows]
    if not MENUS[path].ordered:
        plain.sort(key=lambda row: sorted(row.items()))
    return fingerprint(Desired((), menus=(path,)), {path: plain})


# --- safe mode -----------------------------------------------------------------------------------------------------------


def take(connection: Connection) -> None:
    connection.call(SAFE_MODE, "take", {})


def release(connection: Connection) -> None:
    """Keep what was done. Where the router has let go of safe mode already it was kept by that."""
    if _hold(connection).get("current") in TRUE:
        connection.call(SAFE_MODE, "release", {})


def let_go_back(connection: Connection) -> None:
    """Undo what is held, also what a cut connection of ours left behind.

    Raises:
        SomebodyElse: a person holds safe mode, and it isn't ours to end.
    """
    hold = _hold(connection)
    if hold.get("enabled") not in TRUE:
        return
    if hold.get("current") not in TRUE and hold.get("user") != USER:
        raise _somebody(hold)
    connection.call(SAFE_MODE, "unroll", {})


def raise_if_held(connection: Connection) -> None:
    """Make sure that nobody can take back any more what was done: safe mode undoes the changes of others, too.

    Raises:
        SomebodyElse: safe mode is held.
    """
    hold = _hold(connection)
    if hold.get("enabled") in TRUE:
        raise _somebody(hold)


def _somebody(hold: Row) -> SomebodyElse:
    return SomebodyElse(user=hold.get("user") or "somebody")


def _hold(connection: Connection) -> Row:
    rows = connection.call(SAFE_MODE, "print", {})
    return rows[0] if rows else {}


def batches(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    batch: list[Change] = []
    actions = 0
    for change in changes:
        cost = 2 if isinstance(change, Set) and change.unset and (change.fields or change.secrets) else 1  # see `_set`
        if actions + cost > BATCH:
            yield batch
            batch, actions = [], 0
        batch.append(change)
        actions += cost
    if batch:
        yield batch


# --- changes -------------------------------------------------------------------------------------------------------------


def make(connection: Connection, change: Change, fields_of: FieldsOf) -> None:
    """Make one change, as it was planned.

    Raises:
        RowGone: what it changes, or what it is to stand in front of, isn't there.
        RouterRefused: the router won't.
    """
    match change:
        case Add():
            before = None if change.before is None else _needed(connection, change, change.before)
            _add(connection, change, fields_of(change), before)
        case Set():
            _set(connection, change, fields_of(change), _needed(connection, change, change.target))
        case Move():
            before = None if change.before is None else _needed(connection, change, change.before)
            connection.move(change.menu, _needed(connection, change, change.target), before)
        case Remove():
            connection.remove(change.menu, _needed(connection, change, change.target))


def take_back(connection: Connection, change: Change, fields_of: FieldsOf) -> None:
    """Make one change of an inverse plan, wherever the plan that it undoes was interrupted: what is so already stays so."""
    if isinstance(change, Add):
        menu = MENUS[change.menu]
        if _number(connection, change.menu, ref_of(menu, change.fields)) is None:
            before = None if change.before is None else _number(connection, change.menu, change.before)
            _add(connection, change, fields_of(change), before)
        return
    row = _number(connection, change.menu, change.target)
    if row is None:
        return
    match change:
        case Set():
            _set(connection, change, fields_of(change), row)
        case Move():
            before = None if change.before is None else _number(connection, change.menu, change.before)
            connection.move(change.menu, row, before)
        case Remove():
            connection.remove(change.menu, row)


def _add(connection: Connection, change: Add, fields: Mapping[str, str], before: str | None) -> None:
    if MENUS[change.menu].imported:
        importing.bring(connection, fields)
        return
    place = {} if before is None else {"place-before": before}
    connection.add(change.menu, {**_given(change.menu, fields), **place})


def _set(connection: Connection, change: Set, fields: Mapping[str, str], row: str) -> None:
    if fields:
        connection.set(change.menu, row, fields)
    if change.unset:
        connection.unset(change.menu, row, change.unset)


def _given(menu: str, fields: Mapping[str, str]) -> dict[str, str]:
    """A file's type follows from its name; only a folder is said to be one."""
    return {name: text for name, text in fields.items() if (menu, name) != ("/file", "type") or text == "directory"}


def _needed(connection: Connection, change: Change, ref: Ref) -> str:
    row = ref.id or _number(connection, change.menu, ref)
    if row is None:
        raise RowGone(menu=change.menu, name=change.name)
    return row


def _number(connection: Connection, menu: str, ref: Ref) -> str | None:
    """Look a row up by what it is, by its number only where nothing else tells it apart; a singleton's is empty."""
    if MENUS[menu].kind is Kind.SINGLETON:
        return ""
    if not ref.where:
        return ref.id or None
    rows = connection.read(menu, [".id", "dynamic", *ref.where])
    return find(Ref("", ref.where), [row for row in rows if row.get("dynamic") not in TRUE])
