"""The router configs of this installation, read from their folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hotspot.errors import Invalid
from hotspot.routers.items import Item, read_items

LARGEST: Final = 60_000  # octets: RouterOS writes no larger file through its API


class UnreadableConfig(Invalid):
    """Can't read {path}: {problem}"""


@dataclass(frozen=True, slots=True)
class RouterConfigs:
    """The items of all ``*.toml``, and the pages that lie in folders beside them, as "folder/file"."""

    items: tuple[Item, ...]
    pages: dict[str, str] = field(repr=False)


def load(folder: Path) -> RouterConfigs:
    """Read the folder.

    Raises:
        UnreadableConfig: a file that is no text, or too large.
        BadConfig: an item that can't be used.
    """
    texts = {path.name: _read(path) for path in sorted(folder.glob("*.toml"))}
    pages = {f"{path.parent.name}/{path.name}": _read(path) for path in sorted(folder.glob("*/*")) if path.is_file()}
    return RouterConfigs(read_items(texts), pages)


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableConfig(path=path, problem=error) from error
    if len(text.encode()) > LARGEST:
        raise UnreadableConfig(path=path, problem=f"is larger than {LARGEST} octets")
    return text
