"""A plan as lines for people: ``+`` made, ``~`` changed, ``>`` moved, ``-`` removed. Secrets are never in it. Pure."""

from collections.abc import Iterator

from hotspot.routers.changes import Add, Change, Move, Plan, Ref, Remove, Set
from hotspot.routers.menus import MENUS

CHANGED = "(changed)"
LONGEST = 80  # characters shown of one value; a page has thousands


def lines(plan: Plan) -> Iterator[str]:
    """Yield the diff, then conflicts, dangers and what is left out."""
    for change in plan.changes:
        yield from _lines_of(change)
    for conflict in plan.conflicts:
        yield f"! conflict: {conflict.words}"
    for danger in plan.dangers:
        yield f"! danger {danger.name}: {danger.words}"
    for left_out in plan.left_out:
        yield f"  left out: {left_out}"


def _lines_of(change: Change) -> Iterator[str]:
    title = f"{change.menu} {change.name}"
    match change:
        case Add():
            yield f"+ {title}{_place(change.before)}"
            yield from (
                f"+     {name}: {_shown(change, name, text)}{_source(change, name)}"
                for name, text in change.fields.items()
            )
            yield from (f"+     {name}: {CHANGED}{_source(change, name)}" for name in change.secrets)
        case Set():
            yield f"~ {title}"
            for name, text in change.fields.items():
                before = _shown(change, name, change.was.get(name, ""))
                yield f"~     {name}: {before} → {_shown(change, name, text)}{_source(change, name)}"
            yield from (f"~     {name}: {CHANGED}{_source(change, name)}" for name in change.secrets)
            yield from (
                f"~     {name}: {_shown(change, name, change.was.get(name, ''))} → nothing" for name in change.unset
            )
        case Move():
            yield f"> {title}{_place(change.before)}"
        case Remove():
            yield f"- {title}"
            yield from (f"-     {name}: {_shown(change, name, text)}" for name, text in change.was.items())


def _place(before: Ref | None) -> str:
    if before is None:
        return ""
    return f" (before {' '.join(filter(None, before.where.values())) or before.id})"


def _source(change: Add | Set, name: str) -> str:
    source = change.sources.get(name)
    return f"  (from {source})" if source else ""


def _shown(change: Change, name: str, text: str) -> str:
    return shown(change.menu, name, text)


def shown(menu: str, name: str, text: str) -> str:
    """Return an attribute's value on one line: what a hand-made row says may hold anything. A secret is never shown."""
    known = MENUS[menu].attributes.get(name) if menu in MENUS else None
    if known is not None and known.secret:
        return CHANGED
    plain = "".join(char if char.isprintable() else "·" for char in text)
    if len(plain) > LONGEST:
        return f'"{plain[:LONGEST]}…" ({len(text)} characters)'
    return f'"{plain}"'
