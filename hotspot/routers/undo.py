"""The plan that takes back a plan. Pure."""

from hotspot.routers.changes import Actual, Add, Change, Move, Plan, Ref, Remove, Set, ref_of
from hotspot.routers.menus import MENUS, Menu, Row, is_the_routers


def inverse(plan: Plan, actual: Actual) -> Plan:
    """Return the plan that, after `plan` was applied to `actual`, makes it `actual` again; new numbers aside.

    Secrets that the router showed are in it, so it is not for storing. Its fingerprint is empty: what it is made for isn't there yet.
    """
    undoing = _Undoing(plan, actual)
    return Plan(changes=tuple(reversed([undoing.undo(change) for change in plan.changes])), fingerprint="")


class _Undoing:
    """Follows the order of the rows from change to change, to know where each one stood."""

    def __init__(self, plan: Plan, actual: Actual) -> None:
        self._gone = {(change.menu, change.target.id) for change in plan.changes if isinstance(change, Remove)}
        self._renamed = {
            (change.menu, change.target.id): {
                name: change.fields.get(name, text) for name, text in change.target.where.items()
            }
            for change in plan.changes
            if isinstance(change, Set)
        }
        self._rows = {path: {row.get(".id", ""): row for row in rows} for path, rows in actual.items()}
        self._order = {
            path: [self._ref(path, ref_of(MENUS[path], row)) for row in rows if not is_the_routers(row)]
            for path, rows in actual.items()
            if MENUS[path].ordered
        }

    def _ref(self, path: str, ref: Ref) -> Ref:
        """Say what the row is once the plan was applied; one that is removed and made again has another number then."""
        where = self._renamed.get((path, ref.id), ref.where)
        return Ref("" if (path, ref.id) in self._gone else ref.id, where)

    def undo(self, change: Change) -> Change:
        match change:
            case Add():
                return self._undo_add(change)
            case Set():
                return self._undo_set(change)
            case Move():
                behind = self._take(change.menu, change.target)
                self._put(change.menu, change.target, change.before)
                return Move(change.menu, change.name, self._ref(change.menu, change.target), behind)
            case Remove():
                behind = self._take(change.menu, change.target)
                row = self._rows[change.menu][change.target.id]
                return Add(change.menu, change.name, _fields(MENUS[change.menu], row), behind)

    def _undo_add(self, change: Add) -> Remove:
        menu = MENUS[change.menu]
        ref = ref_of(menu, change.fields)
        self._put(change.menu, ref, change.before)
        return Remove(change.menu, change.name, ref, change.fields)

    def _undo_set(self, change: Set) -> Set:
        """What had no value before is unset, or gets its default where the menu can't do that."""
        menu = MENUS[change.menu]
        row = self._rows.get(change.menu, {}).get(change.target.id, {})
        hidden = (*change.secrets, *(name for name in change.unset if menu.attributes[name].secret))
        secrets = {name: row[name] for name in hidden if name in row}
        new = [name for name in change.fields if name not in change.was]
        defaults = {name: menu.attributes[name].default for name in new if not menu.is_unset(name)}
        return Set(
            change.menu,
            change.name,
            self._ref(change.menu, change.target),
            fields={**change.was, **defaults, **secrets},
            was=change.fields,
            unset=tuple(name for name in new if menu.is_unset(name)),
        )

    def _take(self, path: str, target: Ref) -> Ref | None:
        """Take the row out of the order; return the one it stood in front of."""
        order = self._order.get(path)
        if order is None:
            return None
        at = order.index(self._ref(path, target))
        del order[at]
        return order[at] if at < len(order) else None

    def _put(self, path: str, ref: Ref, before: Ref | None) -> None:
        order = self._order.get(path)
        if order is not None:
            at = len(order) if before is None else order.index(self._ref(path, before))
            order.insert(at, self._ref(path, ref))


def _fields(menu: Menu, row: Row) -> dict[str, str]:
    """Return what to make the row of again. RouterOS prints more types of files than it takes."""
    fields = {name: row[name] for name in menu.attributes if row.get(name)}
    if menu.path == "/file" and row.get("type") != "directory":
        fields.pop("type", None)
    return fields
