"""Which kelurahan somebody means: by official code, with or without its dots, or by name as people write it. Pure."""

import difflib
import re
from collections.abc import Iterable
from typing import NamedTuple

from hotspot.areas.models import Level
from hotspot.areas.rows import shown

PREFIX = re.compile(r"(kelurahan|kecamatan|desa|kel|kec)[. ]+(?=\w)")


class Place(NamedTuple):
    """An area as a file may name it; `parent` is the name of the area above."""

    id: int
    code: str
    name: str
    level: Level
    parent: str

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class Unplaced(ValueError):
    """No kelurahan, or more than one, is meant: which field says so, what is wrong, and what to do."""

    def __init__(self, field: str, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem
        self.hint = hint


def name_key(name: str) -> str:
    """Return what is the same for "Kel. Bukit Sari", "BUKITSARI" and "bukit-sari"."""
    return re.sub(r"[\W_]+", "", PREFIX.sub("", name.casefold().strip()))


def code_key(code: str) -> str:
    """Return what is the same for 19.71.05.1004 and 1971051004, which is what a spreadsheet takes for a number."""
    return code.replace(".", "").replace(" ", "").casefold()


class Gazetteer:
    """All areas, to find a kelurahan in."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._by_code: dict[str, Place] = {}
        self._by_name: dict[str, list[Place]] = {}
        for place in places:
            self._by_code[code_key(place.code)] = place
            self._by_name.setdefault(name_key(place.name), []).append(place)
        self._kelurahan = {
            key: place for key, places in self._by_name.items() for place in places if place.level is Level.KELURAHAN
        }

    def find(self, *, code: str, name: str, kecamatan: str) -> Place:
        """Return the kelurahan that is meant; what is empty is not looked at.

        Raises:
            Unplaced: the areas have none, several of that name, or code and name contradict each other.
        """
        by_code = self._by_code.get(code_key(code or name))
        if by_code is None:
            if code:
                raise Unplaced("code", f"no area has the code {shown(code)}", self._nearest(name))
            return self._named(name, kecamatan)
        if by_code.level is not Level.KELURAHAN:
            field = "code" if code else "kelurahan"
            raise Unplaced(field, f"{by_code} is a {by_code.level}", "a site lies in one of its kelurahan: name that")
        if code and name and name_key(name) != name_key(by_code.name):
            problem = f"{shown(name)} is not the kelurahan of the code {code}, which is {by_code.name}"
            raise Unplaced("kelurahan", problem, "correct one of the two")
        _refuse_other_kecamatan([by_code], kecamatan)
        return by_code

    def _named(self, name: str, kecamatan: str) -> Place:
        named = self._by_name.get(name_key(name), [])
        found = [place for place in named if place.level is Level.KELURAHAN]
        if named and not found:
            raise Unplaced("kelurahan", f"{named[0]} is a {named[0].level}", "name one of its kelurahan")
        if not found:
            raise Unplaced("kelurahan", f"there is no kelurahan {shown(name)}", self._nearest(name))
        meant = _refuse_other_kecamatan(found, kecamatan)
        if len(meant) > 1:
            several = " and ".join(f"{place.code} in {place.parent}" for place in meant)
            raise Unplaced("kelurahan", f"several kelurahan are named {meant[0].name}", f"write the code: {several}")
        return meant[0]

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(name_key(name), self._kelurahan, n=1) if name else []
        return f"did you mean {self._kelurahan[near[0]]}?" if near else "all of them: hotspot areas list"


def _refuse_other_kecamatan(found: list[Place], kecamatan: str) -> list[Place]:
    meant = [place for place in found if not kecamatan or name_key(kecamatan) == name_key(place.parent)]
    if not meant:
        problem = f"{found[0].name} does not lie in the kecamatan {shown(kecamatan)}"
        raise Unplaced("kecamatan", problem, f"it lies in {found[0].parent}; correct one of the two")
    return meant
