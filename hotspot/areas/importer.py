"""Replace or extend the area tree from a file: compare first, then apply all of it or nothing.

`read_file` and `compare` change nothing; `compare` raises with everything that is wrong, so that nothing is ever half right.
`files` knows the formats, `rows` a row, `geometry` the polygons.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Insert, Update, bindparam, delete, insert, text, update
from sqlmodel import Session, col, select

from hotspot.areas.files import PARSERS, AreaFile, Problem
from hotspot.areas.geometry import described, label_point
from hotspot.areas.models import Area, Level
from hotspot.areas.rows import Known, Row
from hotspot.errors import Conflict, Invalid
from hotspot.spreadsheets.files import content_of
from hotspot.spreadsheets.limits import UnusableFile

PACKAGED = Path(__file__).parent / "pangkalpinang.csv"  # Kota Pangkalpinang, 19.71: names and codes are official facts
MOST_PROBLEMS_SHOWN = 30
FIELDS = ("name", "parent", "latitude", "longitude", "polygon")


class BadAreas(Invalid):
    """The file of areas can't be used, nothing was changed: {problems}"""


class AreasInUse(Conflict):
    """Areas that are still used can't be removed, keep them in the file: {areas}"""


class TreeChanged(Conflict):
    """Somebody else has changed the areas meanwhile; look at the difference again"""


class FieldChange(NamedTuple):
    """One field of an area, in words."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a file changes of one area."""

    row: Row
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What a file would do to the tree."""

    added: tuple[Row, ...]
    changed: tuple[Change, ...]
    removed: tuple[str, ...]
    unchanged: int
    names: Mapping[str, str] = field(repr=False)  # of the removed
    source: tuple[AreaFile, bool] = field(repr=False)  # to compare again with the tree as it is when applied

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)

    def lines(self) -> list[str]:
        """Return the difference for people, a line an area; empty when there is none."""
        return [
            *(f"+ {row.level} {row.name} ({row.code})" for row in self.added),
            *(
                f"~ {change.row.level} {change.row.name} ({change.row.code}): "
                + ", ".join(f"{field} {old} → {new}" for field, old, new in change.fields)
                for change in self.changed
            ),
            *(f"- {self.names[code]} ({code})" for code in self.removed),
        ]

    def summary(self) -> dict[str, Any]:
        """Return the difference for programs."""
        return {
            "added": [row.code for row in self.added],
            "changed": {
                change.row.code: {field: [old, new] for field, old, new in change.fields} for change in self.changed
            },
            "removed": list(self.removed),
            "unchanged": self.unchanged,
        }


def import_packaged_areas(db: Session) -> None:
    """Lay down the tree that comes with the program."""
    apply(db, compare(db, read_file(PACKAGED, db), replace=False))


def read_file(path: Path, db: Session) -> AreaFile:
    """Read a .csv or .geojson file; what it leaves out of level and parent is taken from the tree or from the code's dots.

    Raises:
        UnusableFile: it can't be read as rows at all; what is wrong with single rows `compare` tells.
    """
    parse, limit = PARSERS.get(path.suffix.lower(), (None, 0))
    if parse is None:
        raise UnusableFile(problem=f"{path.name} is neither a .csv nor a .geojson file")
    return parse(
        content_of(path, limit), {code: Known(Level(area.level), parent) for code, (area, parent) in _tree(db).items()}
    )


class _Node(NamedTuple):
    area: Area
    parent: str | None


def _tree(db: Session) -> dict[str, _Node]:
    areas = {area.id: area for area in db.exec(select(Area).execution_options(populate_existing=True))}
    codes = {None: None, **{id_: area.code for id_, area in areas.items()}}
    return {area.code: _Node(area, codes[area.parent_id]) for area in areas.values()}


# --- the difference ------------------------------------------------------------------------------------------------------


def compare(db: Session, file: AreaFile, *, replace: bool) -> Diff:
    """Return what the file would change; with `replace`, areas it does not name are removed.

    Raises:
        BadAreas: everything that is wrong, by row.
        AreasInUse: the removed areas that still have sites, settings or the like.
    """
    tree = _tree(db)
    _refuse_bad(file, {code: Level(node.area.level) for code, node in tree.items()}, replace=replace)
    removed = sorted(tree.keys() - file.codes) if replace else []
    _refuse_used(db, {code: tree[code].area for code in removed})
    added: list[Row] = []
    changed: list[Change] = []
    for row in file.rows:
        known = tree.get(row.code)
        wanted = _completed(row, known.area if known else None)
        if known is None:
            added.append(wanted)
        elif fields := tuple(_changes(known, wanted)):
            changed.append(Change(wanted, fields))
    return Diff(
        added=tuple(added),
        changed=tuple(changed),
        removed=tuple(removed),
        unchanged=len(tree) - len(changed) - len(removed),
        names={code: f"{tree[code].area.level} {tree[code].area.name}" for code in removed},
        source=(file, replace),
    )


def _refuse_bad(file: AreaFile, known: Mapping[str, Level], *, replace: bool) -> None:
    levels = {**({} if replace else known), **{row.code: row.level for row in file.rows}}
    problems = list(file.problems)
    for row in file.rows:
        problems.extend(Problem(row.place, problem) for problem in _misplaced(row, levels, known, file.codes))
    if not problems and Level.KOTA not in levels.values():
        problems.append(Problem(0, "there must be one kota, the file has none"))
    if problems:
        raise BadAreas(problems=_in_words(file.word, sorted(problems)))


def _misplaced(
    row: Row, levels: Mapping[str, Level], known: Mapping[str, Level], named: Iterable[str]
) -> Iterator[str]:
    """Each level's parent is of the level above, so that there can be no ring, and there is one kota."""
    if known.get(row.code, row.level) is not row.level:
        yield f"{row.code} is a {known[row.code]}; an area's level can't change"
    if row.parent is None:
        others = [code for code, level in levels.items() if level is Level.KOTA and code != row.code]
        if others:
            yield f"there is another kota, {others[0]}; an installation has one"
    elif row.parent in levels:
        level = levels[row.parent]
        if level is not row.level.parent:
            yield f"the parent of a {row.level} is a {row.level.parent}, but {row.parent} is a {level}"
    elif row.parent not in named:
        yield f"its parent {row.parent} does not exist"


def _in_words(word: str, problems: Sequence[Problem]) -> str:
    shown = [f"{word} {place}: {text}" if place else text for place, text in problems[:MOST_PROBLEMS_SHOWN]]
    more = len(problems) - len(shown)
    return "; ".join([*shown, *([f"and {more:,} more"] if more else [])])


def _completed(row: Row, area: Area | None) -> Row:
    """Keep the polygon and point that a file does not bring; a new polygon gives a point to an area that has none."""
    polygon = row.polygon or (area.polygon if area else None)
    point = (row.latitude, row.longitude)
    if None in point and area is not None:
        point = (area.latitude, area.longitude)
    if None in point and polygon is not None:
        point = label_point(polygon)
    return dataclasses.replace(row, polygon=polygon, latitude=point[0], longitude=point[1])


def _changes(known: _Node, wanted: Row) -> Iterator[FieldChange]:
    for name in FIELDS:
        old = known.parent if name == "parent" else getattr(known.area, name)
        new = getattr(wanted, name)
        if old != new:
            yield FieldChange(name, _in_a_word(old), _in_a_word(new))


def _in_a_word(value: Any) -> str:  # noqa: ANN401  (of any field)
    if isinstance(value, dict):
        return described(value)
    return "none" if value is None else str(value)


REFERENCES_TO_AREAS = """
    SELECT CAST(conrelid AS regclass) AS table_name, quote_ident(attname) AS column_name
    FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE contype = 'f' AND confrelid = CAST('area' AS regclass) AND conrelid <> confrelid
    ORDER BY 1
"""


def _refuse_used(db: Session, removed: Mapping[str, Area]) -> None:
    """Refuse to remove what anything refers to; the database knows what that is, areas themselves don't."""
    names = {area.id: f"{area.name} ({code})" for code, area in removed.items()}
    uses: dict[int | None, Counter[str]] = {}
    for table, column in db.execute(text(REFERENCES_TO_AREAS)).all() if removed else []:
        counted = text(f"SELECT {column}, count(*) FROM {table} WHERE {column} = ANY(:ids) GROUP BY 1")  # noqa: S608  (names from the catalogue)
        for area_id, count in db.execute(counted, {"ids": list(names)}):
            uses.setdefault(area_id, Counter())[table] += count
    if uses:
        counts = {id_: ", ".join(f"{table}: {count}" for table, count in used.items()) for id_, used in uses.items()}
        raise AreasInUse(areas="; ".join(sorted(f"{names[id_]} has {said}" for id_, said in counts.items())))


# --- applying it ---------------------------------------------------------------------------------------------------------


def apply(db: Session, diff: Diff) -> None:
    """Do what the difference says, in the caller's transaction.

    1. nobody else changes the tree or hangs something below it until the caller commits; 2. the tree must still be the one
    compared with; 3. add from the top down, so that parents exist; 4. change; 5. remove.

    Raises:
        TreeChanged: it is not the tree that was compared with.
    """
    db.execute(text("LOCK TABLE area IN EXCLUSIVE MODE"))
    file, replaces = diff.source
    if compare(db, file, replace=replaces) != diff:
        raise TreeChanged
    for level in Level:
        _write(db, insert(Area), [row for row in diff.added if row.level is level])
    _write(db, update(Area).where(col(Area.code) == bindparam("of_code")), [change.row for change in diff.changed])
    db.execute(delete(Area).where(col(Area.code).in_(diff.removed)))
    db.expire_all()


def _write(db: Session, statement: Insert | Update, rows: Sequence[Row]) -> None:
    if not rows:
        return
    ids: dict[str | None, int | None] = {None: None, **{code: id_ for id_, code in db.exec(select(Area.id, Area.code))}}
    key = "of_code" if isinstance(statement, Update) else "code"
    db.connection().execute(
        statement,
        [
            {
                key: row.code,
                "name": row.name,
                "level": row.level,
                "parent_id": ids[row.parent],
                "latitude": row.latitude,
                "longitude": row.longitude,
                "polygon": row.polygon,
            }
            for row in rows
        ],
    )
