"""What takes a long plan back on the router itself when nobody comes to end it.

Safe mode holds one batch; those before it are kept. So before a plan of several batches a schedule is left on the router that undoes all of
it after some minutes, also after a restart, and goes when the last batch is kept or the run is settled. It counts its own runs, for the plan
may set the clock. Its statements do no harm where nothing is to be undone, and may be done twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from hotspot.routers.changes import Add, Change, Ref, Set, ref_of
from hotspot.routers.connection import Connection, RouterRefused
from hotspot.routers.menus import MENUS, Kind
from hotspot.routers.script import quote, statement

PATH: Final = "/system/scheduler"
NAME: Final = "hotspot-undo"
MARK: Final = "hotspot:undo"
EVENT: Final = "on-event"  # holds what the router held before, secrets too
MINUTES: Final = 15  # a router holds on to a lost connection, and its safe mode, for 9; a batch takes one or two
# What the controller's own user may, and the schedule needs: with more the router refuses it.
POLICY: Final = "read,write,test,sensitive"
FILES: Final = "/file"  # pages are too large for a script, and cut nobody off: the controller puts them back


def arm(connection: Connection, undo: Sequence[Change], fields_of: Callable[[Add | Set], Mapping[str, str]]) -> None:
    """Leave the schedule on the router, its minutes counted from now.

    Raises:
        RouterRefused: it has none for us; its device-mode may forbid it.
    """
    disarm(connection)
    fields = {"name": NAME, "start-time": "startup", "interval": "1m", "policy": POLICY, "comment": MARK}
    connection.add(PATH, {**fields, EVENT: event(undo, fields_of)})


def disarm(connection: Connection) -> None:
    """Make sure that nothing is undone any more by the router itself."""
    with suppress(RouterRefused):
        for row in connection.read(PATH, [".id", "name"]):
            if row.get("name") == NAME:
                connection.remove(PATH, row[".id"])


def event(undo: Sequence[Change], fields_of: Callable[[Add | Set], Mapping[str, str]]) -> str:
    """Return what the schedule runs every minute."""
    own = f"[{PATH}/find where name={quote(NAME)}]"
    lines = [f":if ([{PATH}/get {own} run-count] > {MINUTES}) do={{"]
    for change in undo:
        lines += _undone(change, fields_of)
    return "\n".join([*lines, f"{PATH}/remove {own}", "}"])


def _undone(change: Change, fields_of: Callable[[Add | Set], Mapping[str, str]]) -> Iterator[str]:
    menu = MENUS[change.menu]
    if menu.path == FILES or menu.imported:
        return
    if isinstance(change, Add):
        ref = ref_of(menu, change.fields)
        fields = fields_of(change)
        at_end = statement(Add(change.menu, change.name, fields))
        there = statement(Add(change.menu, change.name, fields, change.before if _is_known(change.before) else None))
        wanted = f"{change.menu}/find where{''.join(f' {name}={quote(text)}' for name, text in ref.where.items())}"
        yield f":if ([:len [{wanted}]] = 0) do={{ :do {{ {there} }} on-error={{ :do {{ {at_end} }} on-error={{}} }} }}"
    elif menu.kind is Kind.SINGLETON or _is_known(change.target):
        if isinstance(change, Set):
            change = Set(change.menu, change.name, change.target, fields_of(change), {}, change.unset)
        yield f":do {{ {statement(change)} }} on-error={{}}"


def _is_known(ref: Ref | None) -> bool:
    """Whether a row can be found by what it is: its number is another one after a restart."""
    return ref is not None and bool(ref.where)
