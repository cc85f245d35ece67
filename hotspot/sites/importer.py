"""Bring in many sites from one table: compare first, then add and change all of them or none.

A row is about the site of its slug where it has one, else about the site of its name in its kelurahan; there is at most one row
about a site. So the same file again changes nothing. What a row leaves empty stays as it is, and no file removes a site.
`rows` reads a row, `gazetteer` knows which kelurahan is meant.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col, select

from hotspot.areas import service as areas
from hotspot.areas.models import Level
from hotspot.errors import Invalid
from hotspot.sites.gazetteer import Gazetteer, Place, Unplaced
from hotspot.sites.models import Site, SiteState
from hotspot.sites.rows import Columns, Problem, SiteRow, read_header, read_row
from hotspot.sites.service import free_slugs, lock_slugs
from hotspot.spreadsheets.limits import Line

MOST_PROBLEMS = 500  # who has more corrects these first; a search for what was meant costs time
BATCH = 500
CHANGING = ("name", "address", "latitude", "longitude")


class BadSites(Invalid):
    """The file of sites can't be used, nothing was changed; problems: {count}"""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        many = len(self.problems) >= MOST_PROBLEMS
        super().__init__(count=f"{MOST_PROBLEMS:,}, and the rest was not looked at" if many else len(self.problems))


@dataclass(frozen=True, slots=True)
class SiteFile:
    """What a file says, and what is wrong with it."""

    columns: Columns
    rows: tuple[SiteRow, ...]
    problems: tuple[Problem, ...]


class FieldChange(NamedTuple):
    """One field of a site, before and after."""

    field: str
    old: str | float | None
    new: str | float | None


@dataclass(frozen=True, slots=True)
class Addition:
    """A site that is not there yet."""

    row: SiteRow
    place: Place


@dataclass(frozen=True, slots=True)
class Change:
    """What a file changes of one site."""

    site_id: int
    slug: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What a file would do, or has done."""

    added: tuple[Addition, ...]
    changed: tuple[Change, ...]
    unchanged: int
    ignored: tuple[str, ...] = field(default=())

    def lines(self) -> list[str]:
        """Return the difference for people, a line a site; empty when there is none."""
        return [
            *(f"+ {added.row.name}, {added.place}" for added in self.added),
            *(
                f"~ {change.slug}: " + ", ".join(f"{name} {old!r} → {new!r}" for name, old, new in change.fields)
                for change in self.changed
            ),
        ]

    def summary(self) -> dict[str, Any]:
        """Return the difference for programs."""
        return {
            "added": [
                {"row": added.row.number, "name": added.row.name, "area": added.place.code} for added in self.added
            ],
            "changed": {change.slug: {name: [old, new] for name, old, new in change.fields} for change in self.changed},
            "unchanged": self.unchanged,
            "ignored_columns": list(self.ignored),
        }


def read(lines: Iterable[Line]) -> SiteFile:
    """Read a table whose first row names the columns.

    Raises:
        UnusableFile: it can't be read as rows of sites at all; what is wrong with single rows `compare` tells.
    """
    numbered = iter(lines)
    columns = read_header(next(numbered, Line(1, [])).cells)
    rows: list[SiteRow] = []
    problems: list[Problem] = []
    for line in numbered:
        found = read_row(line, columns)
        if isinstance(found, SiteRow):
            rows.append(found)
        elif len(problems) < MOST_PROBLEMS:
            problems.extend(found)
    return SiteFile(columns, tuple(rows), tuple(problems[:MOST_PROBLEMS]))


# --- the difference ------------------------------------------------------------------------------------------------------


def compare(db: Session, file: SiteFile) -> Diff:
    """Return what the file would change.

    Raises:
        BadSites: everything that is wrong, by row.
    """
    known = _Known(db, file.columns)
    problems = list(file.problems)
    added: list[Addition] = []
    changed: list[Change] = []
    for row in file.rows:
        if len(problems) >= MOST_PROBLEMS:
            break
        found = known.look_up(row)
        if isinstance(found, Problem):
            problems.append(found)
        elif isinstance(found, Addition):
            added.append(found)
        elif found.fields:
            changed.append(found)
    if problems:
        raise BadSites(problems)
    unchanged = len(file.rows) - len(added) - len(changed)
    return Diff(tuple(added), tuple(changed), unchanged, file.columns.ignored)


class _Known:
    """The sites and areas there are, and which rows were already about which."""

    def __init__(self, db: Session, columns: Columns) -> None:
        self._columns = columns
        self._gazetteer = Gazetteer(_places(db))
        self._by_slug: dict[str, Site] = {}
        self._by_name: dict[tuple[int, str], list[Site]] = {}
        self._row_about: dict[object, int] = {}
        for site in db.exec(select(Site).execution_options(populate_existing=True)):
            self._by_slug[site.slug] = site
            self._by_name.setdefault((site.area_id, _key(site.name)), []).append(site)

    def look_up(self, row: SiteRow) -> Addition | Change | Problem:
        try:
            place = self._gazetteer.find(code=row.code, name=row.kelurahan, kecamatan=row.kecamatan)
        except Unplaced as unplaced:
            return self._problem(row, unplaced.field, unplaced.problem, unplaced.hint)
        site = self._site(row, place)
        if isinstance(site, Problem):
            return site
        first = self._row_about.setdefault(site.slug if site else (place.id, _key(row.name)), row.number)
        if first != row.number:
            return self._problem(row, "name", f"row {first} is about the same site", "leave one of the two out")
        if site is None:
            return Addition(row, place)
        assert site.id is not None
        return Change(site.id, site.slug, tuple(_changes(site, row)))

    def _site(self, row: SiteRow, place: Place) -> Site | Problem | None:
        if not row.slug:
            same = self._by_name.get((place.id, _key(row.name)), [])
            if len(same) > 1:
                slugs = ", ".join(sorted(site.slug for site in same))
                problem = f"{place.name} has {len(same)} sites of this name"
                return self._problem(row, "name", problem, f"say which in a column slug: {slugs}")
            return same[0] if same else None
        site = self._by_slug.get(row.slug)
        if site is None:
            hint = "leave it empty for a new site; known ones: hotspot sites list"
            return self._problem(row, "slug", f"there is no site {row.slug}", hint)
        if site.area_id != place.id:
            field = "code" if row.code else "kelurahan"
            hint = "a site can't move to another kelurahan; leave the slug empty to add a new one"
            return self._problem(row, field, f"{row.slug} does not lie in {place}", hint)
        return site

    def _problem(self, row: SiteRow, field: str, problem: str, hint: str) -> Problem:
        return Problem(row.number, self._columns.word(field), problem, hint)


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _places(db: Session) -> Iterator[Place]:
    names: dict[int | None, str] = {None: ""}
    for area in areas.tree(db):
        assert area.id is not None
        names[area.id] = area.name
        yield Place(area.id, area.code, area.name, Level(area.level), names[area.parent_id])


def _changes(site: Site, row: SiteRow) -> Iterator[FieldChange]:
    for name in CHANGING:
        old, new = getattr(site, name), getattr(row, name)
        if new not in {None, "", old}:
            yield FieldChange(name, old, new)


# --- applying it ---------------------------------------------------------------------------------------------------------


def bring_in(
    db: Session,
    file: SiteFile,
    *,
    state: SiteState,
    now: datetime,
    written: Callable[[int, int], None] = lambda _done, _of: None,
) -> Diff:
    """Do what the file says, in the caller's transaction, and return what that was; `written` hears how far it is.

    1. nobody else adds a site until the caller commits, so that two imports of one file add its sites once; 2. compare; 3. give the
    new sites slugs; 4. add; 5. change.

    Raises:
        BadSites: everything that is wrong, by row.
    """
    lock_slugs(db)
    diff = compare(db, file)
    total = len(diff.added) + len(diff.changed)
    slugs = free_slugs(db, [added.row.name for added in diff.added])
    new = [_columns_of(added, slug, state, now) for added, slug in zip(diff.added, slugs, strict=True)]
    for start in range(0, len(new), BATCH):
        db.execute(insert(Site), new[start : start + BATCH])
        written(min(start + BATCH, len(new)), total)
    for done, change in enumerate(diff.changed, start=len(new) + 1):
        values: Mapping[str, Any] = {name: after for name, _, after in change.fields}
        db.connection().execute(
            update(Site).where(col(Site.id) == bindparam("of")).values(**values), {"of": change.site_id}
        )
        written(done, total)
    db.expire_all()
    return diff


def _columns_of(added: Addition, slug: str, state: SiteState, now: datetime) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": added.row.name,
        "area_id": added.place.id,
        "address": added.row.address,
        "latitude": added.row.latitude,
        "longitude": added.row.longitude,
        "state": state,
        "created_at": now,
    }
