"""The values of a plan: changes to one router's rows, what stands in their way, and how a plan is stored. Pure.

A plan holds no secret, so it may be stored, shown and logged: a change names the attributes that are secret, and `fields_to_send` takes
their values from the desired state when the change is made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from hotspot.routers.desired import Desired, LeftOut
from hotspot.routers.menus import Menu, Row

# menu path → its rows in their order, as the API prints them; texts without lone surrogates, which no stored plan could hold
Actual = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Ref:
    """A row of a menu: by its number, or where that is not known (any more) by what these attributes are. Empty: the singleton."""

    id: str = ""
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Add:
    """A new row, in an ordered menu in front of `before` (None: at the end). `name` is what people call it."""

    menu: str
    name: str
    fields: Mapping[str, str] = field(repr=False)
    before: Ref | None = None
    secrets: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["add"] = "add"


@dataclass(frozen=True, slots=True)
class Set:
    """Other values for attributes of a row. `was` has the values before; what is in `fields` only had none. `unset` takes values away."""

    menu: str
    name: str
    target: Ref
    fields: Mapping[str, str] = field(repr=False)
    was: Mapping[str, str] = field(repr=False)
    unset: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["set"] = "set"


@dataclass(frozen=True, slots=True)
class Move:
    """A row goes in front of `before` (None: to the end)."""

    menu: str
    name: str
    target: Ref
    before: Ref | None
    kind: Literal["move"] = "move"


@dataclass(frozen=True, slots=True)
class Remove:
    """A row of ours goes; `was` is what it held, without secrets."""

    menu: str
    name: str
    target: Ref
    was: Mapping[str, str] = field(repr=False)
    kind: Literal["remove"] = "remove"


Change = Add | Set | Move | Remove


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that isn't ours has the key we want. Accepting it by `name` makes it ours; what the router made itself can't be."""

    name: str
    words: str
    can_accept: bool = True


@dataclass(frozen=True, slots=True)
class Danger:
    """What a plan may do that needs a person to name it."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to a router, in this order. `fingerprint` stands for the rows it was made from."""

    changes: tuple[Change, ...]
    fingerprint: str
    conflicts: tuple[Conflict, ...] = ()
    dangers: tuple[Danger, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.changes and not self.conflicts


_PLANS: TypeAdapter[Plan] = TypeAdapter(Plan)


def to_json(plan: Plan) -> str:
    return _PLANS.dump_json(plan).decode()


def from_json(text: str) -> Plan:
    """Read what `to_json` wrote; pydantic's ValidationError when it is something else."""
    return _PLANS.validate_json(text)


def fields_to_send(change: Add | Set, desired: Desired) -> dict[str, str]:
    """Return the change's fields with its secrets."""
    if not change.secrets:
        return dict(change.fields)
    row = next(row for row in desired.of(change.menu) if row.name == change.name)
    return {**change.fields, **{name: row.fields[name] for name in change.secrets}}


def ref_of(menu: Menu, row: Row) -> Ref:
    """Return how to find this row again; by its mark where it has one, else by its key."""
    marked = ("comment",) if menu.marked_by_comment else menu.key[:1]
    names = marked if menu.role_of(row) else menu.key
    return Ref(row.get(".id", ""), {name: row.get(name, "") for name in names})


def find(ref: Ref, rows: Iterable[Row]) -> str | None:
    """Return the number of the row, among the menu's rows as they are now; None: there is none such."""
    if ref.id:
        return ref.id
    return next(
        (row[".id"] for row in rows if all(row.get(name, "") == text for name, text in ref.where.items())), None
    )
