"""Desired and actual → the changes that make one of the other. Pure.

Only declared fields are compared, each in its one writing; only rows with our mark are touched. A hand-made row with a key we want is a
conflict until somebody accepts it by name. Rows are made in the order in which they depend on each other and removed in reverse; in
ordered menus ours keep their order, in front of or behind the rows of others, and as few as possible are moved.
"""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hotspot.routers.changes import Actual, Add, Change, Conflict, Move, Plan, Ref, Remove, Set, ref_of
from hotspot.routers.dangers import dangers_of
from hotspot.routers.desired import Desired, DesiredRow, LeftOut
from hotspot.routers.forms import TRUE
from hotspot.routers.menus import ENROLMENTS, MARK, MENUS, Attribute, Kind, Menu, Row, is_the_routers

HIDDEN: Final = frozenset("*")  # what some versions print in place of a secret


def plan(desired: Desired, actual: Actual, *, accept: Collection[str] = ()) -> Plan:
    """Return what must be done so that `actual` becomes `desired`; `accept` names the conflicts whose rows become ours.

    `actual` has the rows of `desired.menus`, with `Menu.proplist` of each. When conflicts are left the plan must not be applied.
    """
    menus = [_compare(MENUS[path], desired.of(path), actual.get(path, ()), accept) for path in desired.menus]
    changes = tuple(change for menu in menus for change in menu.changes)
    removals = tuple(change for menu in reversed(menus) for change in menu.removals)
    return Plan(
        changes=changes + removals,
        fingerprint=fingerprint(desired, actual),
        conflicts=tuple(conflict for menu in menus for conflict in menu.conflicts),
        dangers=tuple(dangers_of((*changes, *removals), desired)),
        left_out=(*desired.left_out, *(missing for menu in menus for missing in menu.left_out)),
    )


def fingerprint(desired: Desired, actual: Actual) -> str:
    """Return a text that differs when any row that the plan looks at does: numbers, order and values; not what the router made itself."""
    seen = {
        path: [
            [
                row.get(".id", ""),
                *(attribute.canonical(row.get(name, "")) for name, attribute in MENUS[path].attributes.items()),
            ]
            for row in actual.get(path, ())
            if not is_the_routers(row) or MENUS[path].kind is Kind.FIXED
        ]
        for path in desired.menus
    }
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class _MenuPlan:
    """What is found out about one menu."""

    changes: list[Change] = field(default_factory=list)
    removals: list[Remove] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def _compare(menu: Menu, wanted: Sequence[DesiredRow], rows: Sequence[Row], accept: Collection[str]) -> _MenuPlan:
    if menu.kind is Kind.LIST:
        return _compare_list(menu, wanted, rows, accept)
    found = _MenuPlan()
    for row in wanted:
        there = _own_row(menu, row, rows)
        if there is None:
            found.left_out.append(
                LeftOut(menu.path, row.name, f"this router has no {menu.path} {row.fields[menu.key[0]]}")
            )
        else:
            found.changes.extend(_changed(menu, row, there))
    return found


def _own_row(menu: Menu, wanted: DesiredRow, rows: Sequence[Row]) -> Row | None:
    """Find the router's own row; /ip/service lists connections, too, as dynamic rows."""
    if menu.kind is Kind.SINGLETON:
        return rows[0] if rows else {}
    key = menu.key_of(wanted.fields)
    return next((row for row in rows if menu.key_of(row) == key and row.get("dynamic") not in TRUE), None)


def _compare_list(menu: Menu, wanted: Sequence[DesiredRow], rows: Sequence[Row], accept: Collection[str]) -> _MenuPlan:
    """1. Whose is each row? 2. Match wanted rows with them. 3. New rows and places. 4. Changed fields. 5. What is left goes."""
    found = _MenuPlan()
    ours, others = _by_owner(menu, rows)
    kept: list[Row] = []
    matched: list[tuple[DesiredRow, Row | None]] = []
    for want, there in _matches(menu, wanted, ours):
        holder = None if there is not None and _key_is(menu, want, there) else _holder(menu, want, others)
        if holder is not None and not _is_accepted(menu, want, holder, accept, found):
            kept += [] if there is None else [there]
            continue
        row = there if holder is None else holder
        kept += [] if row is None else [row]
        matched.append((want, row))
    found.changes.extend(_placed(menu, matched, rows))  # first: a Set may change what a row is found by
    for want, row in matched:
        if row is not None:
            found.changes.extend(_changed(menu, want, row))
    unwanted = [row for row in ours if not any(row is each for each in kept)]
    found.removals.extend(_removed(menu, row) for row in reversed(unwanted))
    return found


def _by_owner(menu: Menu, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    ours: list[Row] = []
    others: list[Row] = []
    for row in rows:
        (ours if _is_ours(menu, row) else others).append(row)
    return ours, others


def _matches(menu: Menu, wanted: Sequence[DesiredRow], ours: Sequence[Row]) -> Iterator[tuple[DesiredRow, Row | None]]:
    """Pair each wanted row with ours of the same mark, else with one of ours that nobody wants and that has its key."""
    by_mark: dict[str, Row] = {}
    for row in ours:
        by_mark.setdefault(_mark_of(menu, row), row)
    marks = {want.mark for want in wanted}
    spare = [row for row in ours if _mark_of(menu, row) not in marks]
    for want in wanted:
        there = by_mark.get(want.mark)
        if there is None and menu.key:
            there = next((row for row in spare if _key_is(menu, want, row)), None)
            spare = [row for row in spare if row is not there]
        yield want, there


def _mark_of(menu: Menu, row: Row) -> str:
    role = menu.role_of(row) or ""
    return f"{MARK}{role}" if menu.marked_by_comment else role


def _key_is(menu: Menu, want: DesiredRow, row: Row) -> bool:
    return menu.key_of(want.fields) == menu.key_of(row)


def _holder(menu: Menu, want: DesiredRow, others: Sequence[Row]) -> Row | None:
    """Return the row of somebody else that has the wanted key."""
    firm = [row for row in others if not (menu.gives_way and is_the_routers(row))]
    return next((row for row in firm if menu.key and _key_is(menu, want, row)), None)


def _is_accepted(menu: Menu, want: DesiredRow, holder: Row, accept: Collection[str], found: _MenuPlan) -> bool:
    key = ", ".join(menu.key_of(want.fields) or ())
    name = f"{menu.path} {key}"
    own = is_the_routers(holder) or menu.role_of(holder) is not None
    if name in accept and not own:
        return True
    words = f"{key} in {menu.path} is a row that "
    words += "the router made itself" if own else "was made by hand; to let hotspot take it over, accept it by name"
    found.conflicts.append(Conflict(name, words, can_accept=not own))
    return False


def _changed(menu: Menu, want: DesiredRow, row: Row) -> Iterator[Set]:
    """Say what differs in the declared fields."""
    taken_over = menu.kind is Kind.LIST and _mark_of(menu, row) != want.mark
    changed = {
        name: text
        for name, text in want.fields.items()
        if name != "comment" or not menu.marked_by_comment
        if _differs(menu.attributes[name], name, text, row, surely=taken_over)
    }
    if taken_over and menu.marked_by_comment:
        human = "" if menu.role_of(row) else row.get("comment", "")
        changed["comment"] = f"{want.mark} {human}".rstrip()
    if changed:
        unset = tuple(name for name, text in changed.items() if not text and menu.is_unset(name))
        secrets = tuple(name for name in changed if menu.attributes[name].secret and name not in unset)
        open_fields = {name: text for name, text in changed.items() if name not in {*secrets, *unset}}
        was = {name: row[name] for name in changed if name in row and not menu.attributes[name].secret}
        sources = {name: source for name, source in want.sources.items() if name in changed}
        target = Ref() if menu.kind is Kind.SINGLETON else ref_of(menu, row)
        yield Set(menu.path, want.name, target, open_fields, was, unset, secrets, sources)


def _differs(attribute: Attribute, name: str, text: str, row: Row, *, surely: bool) -> bool:
    """Compare one field; a secret that the router hides counts as ours, unless the row is only now taken over."""
    if attribute.secret and text and (name not in row or (row[name] and set(row[name]) <= HIDDEN)):
        return surely
    return not attribute.same(row.get(name, ""), text)


def _removed(menu: Menu, row: Row) -> Remove:
    was = {name: row[name] for name, attribute in menu.attributes.items() if name in row and not attribute.secret}
    return Remove(menu.path, menu.role_of(row) or "", ref_of(menu, row), was)


def _added(menu: Menu, want: DesiredRow, before: Ref | None) -> Add:
    fields = {name: text for name, text in want.fields.items() if text}
    secrets = tuple(name for name in fields if menu.attributes[name].secret)
    open_fields = {name: text for name, text in fields.items() if name not in secrets}
    sources = {name: source for name, source in want.sources.items() if name in fields}
    return Add(menu.path, want.name, open_fields, before, secrets, sources)


def _placed(menu: Menu, matched: Sequence[tuple[DesiredRow, Row | None]], rows: Sequence[Row]) -> Iterator[Add | Move]:
    """Add what is missing and, in ordered menus, put every row of ours where it belongs."""
    if not menu.ordered:
        yield from (_added(menu, want, None) for want, row in matched if row is None)
        return
    at = {id(row): number for number, row in enumerate(rows)}
    ours = {id(row) for _, row in matched}
    foreign = [row for row in rows if id(row) not in ours and not is_the_routers(row) and not _is_ours(menu, row)]
    front = [(want, row) for want, row in matched if want.place == "first"]
    back = [(want, row) for want, row in matched if want.place == "last"]
    places = [at[id(row)] for row in foreign]
    in_place = [at[id(row)] for _, row in front if row is not None and at[id(row)] < min(places, default=len(rows))]
    in_place += [at[id(row)] for _, row in back if row is not None and at[id(row)] > max(places, default=-1)]
    staying = {id(rows[place]) for place in longest_rising(in_place)}
    if foreign:
        yield from _lined_up(menu, front, staying, end=ref_of(menu, foreign[0]))
        yield from _lined_up(menu, back, staying, end=None)
    else:
        yield from _lined_up(menu, front + back, staying, end=None)


def _is_ours(menu: Menu, row: Row) -> bool:
    role = menu.role_of(row)
    return role is not None and role not in ENROLMENTS


def _lined_up(
    menu: Menu, wanted: Sequence[tuple[DesiredRow, Row | None]], staying: Collection[int], *, end: Ref | None
) -> Iterator[Add | Move]:
    """Put each row that doesn't stay in front of the next one that does; in this order they end up behind each other."""
    anchor, anchors = end, []
    for _, row in reversed(wanted):
        anchors.append(anchor)
        if row is not None and id(row) in staying:
            anchor = ref_of(menu, row)
    for (want, row), before in zip(wanted, reversed(anchors), strict=True):
        if row is None:
            yield _added(menu, want, before)
        elif id(row) not in staying:
            yield Move(menu.path, want.name, ref_of(menu, row), before)


def longest_rising(numbers: Sequence[int]) -> list[int]:
    """Return a longest rising subsequence: the rows that can stay where they are."""
    ends: list[int] = []  # ends[n]: the smallest number that ends a rising run of n + 1
    previous: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(ends, number)
        previous[number] = ends[length - 1] if length else None
        ends[length:] = [number, *ends[length + 1 :]]
    run: list[int] = []
    last = ends[-1] if ends else None
    while last is not None:
        run.append(last)
        last = previous[last]
    return run[::-1]
