"""/file: names and contents, the limits of the API, and what a board with a flash folder forgets."""

from dataclasses import dataclass
from typing import Final

from hotspot.simulator.routeros.changes import targets_of
from hotspot.simulator.routeros.sessions import Call, Result
from hotspot.simulator.routeros.traps import (
    failure,
    invalid_value,
    missing_values,
    no_match,
    no_such_item,
    unknown_parameter,
)

LONGEST_CONTENTS: Final = 61_440  # octets that the API writes at once; above it says "contents too long"
LONGEST_SHOWN: Final = 61_440
LONGEST_CHUNK: Final = 32_768
MOST_OCTETS: Final = 16 << 20
MODIFIED_SINCE: Final = (7, 16)
PAGES: Final = [
    "login",
    "rlogin",
    "alogin",
    "redirect",
    "status",
    "logout",
    "error",
    "rstatus",
    "radvert",
    "fstatus",
    "flogin",
    "flogout",
]


@dataclass(frozen=True, slots=True)
class File:
    """One file or directory."""

    number: int
    contents: bytes = b""
    is_directory: bool = False
    modified: str = ""


class Files:
    """What is stored."""

    def __init__(self, *, flash: bool) -> None:
        self.has_flash = flash
        self._next = 1
        self._files: dict[str, File] = {}
        if flash:
            self.write("flash", b"", is_directory=True)

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def items(self) -> list[tuple[str, File]]:
        return sorted(self._files.items())

    def read(self, name: str) -> bytes | None:
        found = self._files.get(name)
        return found.contents if found and not found.is_directory else None

    def write(self, name: str, contents: bytes, *, is_directory: bool = False, modified: str = "") -> None:
        """Write a file; Trap when the disk is full."""
        if sum(len(each.contents) for key, each in self._files.items() if key != name) + len(contents) > MOST_OCTETS:
            raise failure("disk full")
        found = self._files.get(name)
        number = found.number if found else self._next
        self._next += found is None
        self._files[name] = File(number, contents, is_directory, modified)

    def delete(self, name: str) -> None:
        """Delete a file, or a directory with what is in it."""
        for key in [key for key in self._files if key == name or key.startswith(f"{name}/")]:
            del self._files[key]

    def rename(self, old: str, new: str) -> None:
        self._files[new] = self._files.pop(old)

    def reboot(self) -> None:
        """Files outside flash/ are in RAM where there is a flash folder."""
        if self.has_flash:
            self._files = {key: each for key, each in self._files.items() if key == "flash" or key.startswith("flash/")}


def rows(call: Call) -> list[dict[str, str]]:
    return [_row(call, name, file) for name, file in call.router.files.items()]


def _row(call: Call, name: str, file: File) -> dict[str, str]:
    when = "last-modified" if call.router.version >= MODIFIED_SINCE else "creation-time"
    row = {
        ".id": f"*{file.number:X}",
        "name": name,
        "type": _kind(name, file),
        "size": str(len(file.contents)),
        when: file.modified,
    }
    if not file.is_directory and len(file.contents) <= LONGEST_SHOWN:
        row["contents"] = file.contents.decode("utf-8", "surrogateescape")
    return row


def _kind(name: str, file: File) -> str:
    if file.is_directory:
        return "directory"
    ending = name.rpartition("/")[2].rpartition(".")
    return {"backup": "backup", "rsc": "script"}.get(ending[2], f".{ending[2]} file" if ending[1] else "file")


def _contents(call: Call) -> bytes:
    contents = call.arguments.get("contents", "").encode("utf-8", "surrogateescape")
    if len(contents) > LONGEST_CONTENTS:
        raise failure("contents too long")
    return contents


def add(call: Call) -> Result:
    known = call.menu.known(call.router.version)
    for name in call.arguments:
        if name not in known:
            raise unknown_parameter(name)
    name = call.arguments.get("name", "").strip("/")
    if not name:
        raise missing_values(["name"])
    if name in call.router.files:
        raise failure("file with such name already exists")
    kind = call.arguments.get("type", "file")
    if kind not in {"file", "directory"}:
        raise no_match("type")
    call.router.files.write(name, _contents(call), is_directory=kind == "directory", modified=call.router.local_time())
    return Result(ret=_number(call, name))


def _number(call: Call, name: str) -> str:
    return next(f"*{file.number:X}" for key, file in call.router.files.items() if key == name)


def _named(call: Call, text: str) -> str:
    for name, file in call.router.files.items():
        if text in {name, f"*{file.number:X}"}:
            return name
    raise no_such_item()


def set_(call: Call) -> Result:
    for name in call.arguments:
        if name not in {"name", "contents", ".id", "numbers"}:
            raise unknown_parameter(name)
    chosen = [_named(call, text) for text in targets_of(call)]
    contents = _contents(call) if "contents" in call.arguments else None
    for name in chosen:
        if contents is not None:
            call.router.files.write(name, contents, modified=call.router.local_time())
        if call.arguments.get("name", name) != name:
            call.router.files.rename(name, call.arguments["name"])
    return Result()


def remove(call: Call) -> Result:
    for name in [_named(call, text) for text in targets_of(call)]:
        call.router.files.delete(name)
    return Result()


def read(call: Call) -> Result:
    """A part of a file: at most 32,768 octets from an offset."""
    name = call.arguments.get("file")
    if name is None:
        raise missing_values(["file"])
    octets = call.router.files.read(_named(call, name))
    if octets is None:
        raise no_such_item()
    offset, size = (
        _number_of(call, "offset", 0, MOST_OCTETS),
        _number_of(call, "chunk-size", LONGEST_CHUNK, LONGEST_CHUNK),
    )
    return Result([{"data": octets[offset : offset + size].decode("utf-8", "surrogateescape")}])


def _number_of(call: Call, name: str, usual: int, most: int) -> int:
    text = call.arguments.get(name, str(usual))
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > most:
        raise invalid_value(name)
    return int(text)


def reset_html(call: Call) -> Result:
    """Write the servlet's own pages into the html directory of the hotspots' profiles."""
    for row in call.config.rows("/ip/hotspot"):
        profile = call.config.find("/ip/hotspot/profile", call.config.value("/ip/hotspot", row, "profile"))
        folder = call.config.value("/ip/hotspot/profile", profile, "html-directory") if profile else "hotspot"
        call.router.files.write(folder, b"", is_directory=True, modified=call.router.local_time())
        for page in PAGES:
            html = f"<!doctype html><title>{page}</title><p>$(error)".encode()
            call.router.files.write(f"{folder}/{page}.html", html, modified=call.router.local_time())
    return Result()
